//! `/servers`: looking, renaming, labelling, deleting.

use super::Api;
use super::catalog::{self, INCLUDED_TRAFFIC};
use super::errors::ApiError;
use super::pagination::ListQuery;
use super::request::Body;
use super::selector::is_hostname;
use super::state::{Phase, Records, ServerRecord, now};
use super::work::{Operation, no_such_server};
use crate::lab::fleet::Power;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /servers`
pub async fn list(
    State(api): State<Arc<Api>>,
    query: ListQuery,
) -> Result<axum::response::Response, ApiError> {
    let selector = query.selector()?;
    let mut found: Vec<ServerRecord> = api.store.read(|records| {
        let servers = records.servers.values();
        servers
            .filter(|s| query.admits("name", &s.name) && selector.matches(&s.labels))
            .cloned()
            .collect()
    });
    if query.one("status").is_some() {
        let mut of_status = Vec::new();
        for server in found {
            if query.admits("status", api.status(&server).await) {
                of_status.push(server);
            }
        }
        found = of_status;
    }
    query.sort(
        &mut found,
        &[
            ("id", |a, b| a.id.cmp(&b.id)),
            ("name", |a, b| a.name.cmp(&b.name)),
            ("created", |a, b| a.created.cmp(&b.created)),
        ],
    )?;
    let page = query.page(found)?;
    let mut shown = Vec::new();
    for server in &page.items {
        shown.push(api.show(server).await);
    }
    Ok(query.answer("servers", &page.with_items(shown)))
}

/// `GET /servers/{id}`
pub async fn get(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Answer {
    let server = api.server(&id)?;
    Ok(Json(json!({"server": api.show(&server).await})))
}

/// `PUT /servers/{id}`: name and labels. The machine keeps the name it was made with.
pub async fn update(State(api): State<Arc<Api>>, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let id = api.server(&id)?.id;
    let mut body = Body::parse(&bytes)?;
    let name = body.text("name");
    if name.as_deref().is_some_and(|name| !is_hostname(name)) {
        body.refuse("name", "is not a valid hostname");
    }
    let labels = body.labels();
    body.checked()?;
    let server = api.store.change(|records| {
        if let Some(name) = &name {
            check_name_free(records, name, Some(id))?;
        }
        let server = records
            .servers
            .get_mut(&id)
            .ok_or_else(|| no_such_server(id))?;
        if let Some(name) = name {
            server.name = name;
        }
        if let Some(labels) = labels {
            server.labels = labels;
        }
        Ok::<_, ApiError>(server.clone())
    })?;
    Ok(Json(json!({"server": api.show(&server).await})))
}

/// `DELETE /servers/{id}`
pub async fn delete(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Answer {
    let id = api.server(&id)?.id;
    let action = api.begin(id, Operation::Delete, |server| {
        if server.protected {
            Err(ApiError::protected("deletion"))
        } else {
            Ok(())
        }
    })?;
    Ok(Json(json!({"action": api.show_action(action)?})))
}

/// Refuses a name that another server than `except` has.
pub fn check_name_free(records: &Records, name: &str, except: Option<i64>) -> Result<(), ApiError> {
    let mut others = records.servers.values().filter(|s| Some(s.id) != except);
    if others.any(|s| s.name == name) {
        return Err(ApiError::uniqueness(
            "name",
            format!("server name {name:?} is already used"),
        ));
    }
    Ok(())
}

impl Api {
    /// The server whose id stands in a path.
    pub fn server(&self, id: &str) -> Result<ServerRecord, ApiError> {
        let found = id
            .parse()
            .ok()
            .and_then(|id: i64| self.store.read(|records| records.servers.get(&id).cloned()));
        found.ok_or_else(|| no_such_server(id))
    }

    /// What a server does, asked of the fleet. What cannot be found out is
    /// `unknown`, never `off`.
    pub async fn status(&self, server: &ServerRecord) -> &'static str {
        match server.phase {
            Phase::Creating => return "initializing",
            Phase::Starting => return "starting",
            Phase::Stopping => return "stopping",
            Phase::Rebuilding => return "rebuilding",
            Phase::Migrating => return "migrating",
            Phase::Deleting => return "deleting",
            Phase::Restarting | Phase::Idle => {}
        }
        match self.fleet.power(&server.machine).await {
            Ok(Power::Running) if self.is_shutting_down(server.id) => "stopping",
            Ok(Power::Running) => "running",
            Ok(Power::Off) if server.phase == Phase::Restarting => "starting",
            // The hoster knows nothing of a disk's health.
            Ok(Power::Off | Power::Destroyed) => "off",
            Err(_) => "unknown",
        }
    }

    /// A server as the interface shows it.
    ///
    /// Without `datacenter`: the document marks it as gone from answers after
    /// 2026-07-01, and neither official client asks for it. Traffic is `null`
    /// because nobody counts it here.
    pub async fn show(&self, server: &ServerRecord) -> Value {
        let server_type = catalog::server_type(&server.server_type);
        let available = self.has_room().await;
        json!({
            "id": server.id,
            "name": server.name,
            "status": self.status(server).await,
            "created": server.created,
            "public_net": {
                "ipv4": server.address.map(|ip| show_ipv4(server.id, ip)),
                "ipv6": null,
                "floating_ips": [],
                "firewalls": [],
            },
            "private_net": [],
            "server_type": server_type.map(|t| t.show(available)),
            "location": catalog::location(&server.location).map(catalog::Location::show),
            "image": catalog::image(&server.image).map(catalog::Image::show),
            "iso": null,
            "rescue_enabled": server.rescue_at(now()).is_some(),
            "locked": server.phase != Phase::Idle,
            "backup_window": null,
            "outgoing_traffic": null,
            "ingoing_traffic": null,
            "included_traffic": INCLUDED_TRAFFIC,
            "protection": {"delete": server.protected, "rebuild": server.protected},
            "labels": server.labels,
            "volumes": [],
            "load_balancers": [],
            "primary_disk_size": catalog::disk(server),
            "placement_group": null,
        })
    }
}

/// The primary IP has the server's id: it lives and dies with it.
fn show_ipv4(id: i64, ip: Ipv4Addr) -> Value {
    let [a, b, c, d] = ip.octets();
    json!({
        "id": id,
        "ip": ip,
        "blocked": false,
        "dns_ptr": format!("static.{d}.{c}.{b}.{a}.clients.lab.invalid"),
    })
}
