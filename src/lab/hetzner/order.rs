//! `POST /servers`: what is ordered, whether it can be had, and the answer.

use super::Api;
use super::catalog::{self, Image, Location, ServerType, refers};
use super::errors::ApiError;
use super::request::Body;
use super::selector::is_hostname;
use super::servers::check_name_free;
use super::state::{Labels, Phase, Records, ServerRecord, now};
use super::work::{Order, Placement};
use crate::lab::fleet::MachineSpec;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

const USER_DATA_MAX: usize = 32 * 1024;

/// A body that makes sense by itself.
#[derive(Debug)]
struct Draft {
    name: String,
    server_type: &'static ServerType,
    image: &'static Image,
    location: &'static Location,
    ssh_keys: Vec<String>,
    user_data: Option<String>,
    labels: Labels,
    start: bool,
}

/// `POST /servers`
pub async fn create(
    State(api): State<Arc<Api>>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let draft = read(&bytes)?;
    // Before anything else: to whom asks again after an unclear answer, this says
    // that the first order was taken.
    api.store
        .read(|records| check_name_free(records, &draft.name, None))?;
    let free = api.fleet.capacity(&api.config.hoster).await;
    if free.map_err(ApiError::server_error)? == 0 {
        return Err(no_capacity(draft.location));
    }
    let location = draft.location;
    let password = needs_password(&draft).then(new_password).transpose()?;
    let order = api
        .store
        .change(|records| place_order(&api, records, draft, password.as_deref()))?;
    let (server, create_action) = (order.server.clone(), order.create_action);
    let start_action = order.start_action;
    let making = api.make(order);
    let placement = tokio::time::timeout(api.config.address_within, making).await;
    if let Ok(Ok(Placement::NoCapacity)) = placement {
        return Err(no_capacity(location));
    }
    // A failed order may be gone by now; its action tells why.
    let server = api.server(&server.id.to_string()).unwrap_or(server);
    let next_actions = match start_action {
        Some(action) => vec![api.show_action(action)?],
        None => Vec::new(),
    };
    let body = json!({
        "server": api.show(&server).await,
        "action": api.show_action(create_action)?,
        "next_actions": next_actions,
        "root_password": password,
    });
    Ok((StatusCode::CREATED, Json(body)))
}

fn no_capacity(location: &Location) -> ApiError {
    let message = format!("no server available in location {}", location.name);
    ApiError::resource_unavailable(message)
}

/// Reads the body, with everything that is wrong with it.
fn read(bytes: &[u8]) -> Result<Draft, ApiError> {
    let mut body = Body::parse(bytes)?;
    let name = body.need("name", Body::text);
    if !name.is_empty() && !is_hostname(&name) {
        body.refuse("name", "is not a valid hostname");
    }
    let server_type = look_up(&mut body, "server_type", catalog::server_type);
    let image = look_up(&mut body, "image", catalog::image);
    let location = read_location(&mut body, server_type);
    let ssh_keys = body.references("ssh_keys");
    let user_data = body.text("user_data");
    if user_data.as_ref().is_some_and(|d| d.len() > USER_DATA_MAX) {
        body.refuse("user_data", "is too long");
    }
    let labels = body.labels().unwrap_or_default();
    let start = body.flag("start_after_create").unwrap_or(true);
    body.checked()?;
    refuse_what_is_not_here(&mut body)?;
    let (Some(server_type), Some(image), Some(location)) = (server_type, image, location) else {
        return Err(ApiError::server_error("an unnoticed gap in the order"));
    };
    Ok(Draft {
        name,
        server_type,
        image,
        location,
        ssh_keys,
        user_data,
        labels,
        start,
    })
}

fn look_up<T>(
    body: &mut Body,
    field: &str,
    find: impl FnOnce(&str) -> Option<&'static T>,
) -> Option<&'static T> {
    let reference = body.need(field, Body::reference);
    let found = find(&reference);
    if found.is_none() && !reference.is_empty() {
        body.refuse(field, format!("{reference:?} not found"));
    }
    found
}

/// Without a wish it is the first location that has the server type.
fn read_location(
    body: &mut Body,
    server_type: Option<&'static ServerType>,
) -> Option<&'static Location> {
    let offered = server_type.map_or(&[][..], |t| t.locations);
    let Some(reference) = body.reference("location") else {
        return offered.first().and_then(|name| catalog::location(name));
    };
    let location = catalog::location(&reference);
    match location {
        None => body.refuse("location", format!("{reference:?} not found")),
        Some(l) if server_type.is_some() && !offered.contains(&l.name) => {
            body.refuse("location", "unsupported location for server type");
        }
        Some(_) => {}
    }
    location
}

/// What the hoster has and this lab has not. Empty lists are no wish.
fn refuse_what_is_not_here(body: &mut Body) -> Result<(), ApiError> {
    for field in ["volumes", "networks", "firewalls", "placement_group"] {
        let wish = body.take(field);
        if wish.is_some_and(|v| v.as_array().is_none_or(|list| !list.is_empty())) {
            return Err(ApiError::unsupported(field));
        }
    }
    let Some(public_net) = body.take("public_net") else {
        return Ok(());
    };
    // `enable_ipv6` is tolerated: servers have no IPv6 here either way.
    if public_net["enable_ipv4"] == json!(false) {
        return Err(ApiError::unsupported("a server without IPv4"));
    }
    if public_net["ipv4"].is_number() || public_net["ipv6"].is_number() {
        return Err(ApiError::unsupported("primary IPs"));
    }
    Ok(())
}

/// Checks a draft against what is there, and records it.
fn place_order(
    api: &Api,
    records: &mut Records,
    draft: Draft,
    password: Option<&str>,
) -> Result<Order, ApiError> {
    check_name_free(records, &draft.name, None)?;
    if records.servers.len() >= api.config.server_limit {
        return Err(ApiError::resource_limit_exceeded(
            "server_limit",
            "server limit exceeded",
        ));
    }
    let authorized_keys = find_keys(records, &draft.ssh_keys)?;
    let server = ServerRecord {
        id: records.new_id(),
        machine: String::new(),
        name: draft.name,
        server_type: draft.server_type.name.to_owned(),
        own_disk: None,
        location: draft.location.name.to_owned(),
        image: draft.image.name.to_owned(),
        created: now(),
        address: None,
        labels: draft.labels,
        protected: false,
        rescue: None,
        phase: Phase::Creating,
    };
    records.servers.insert(server.id, server.clone());
    let create_action = records.begin_action("create_server", server.id);
    let start_action = draft
        .start
        .then(|| records.begin_action("start_server", server.id));
    let spec = MachineSpec {
        name: String::new(),
        hoster: api.config.hoster.clone(),
        image: server.image.clone(),
        user_data: match password {
            Some(password) => password_user_data(password),
            None => draft.user_data.unwrap_or_default(),
        },
        authorized_keys,
        size: Some(draft.server_type.size()),
    };
    Ok(Order {
        server,
        spec,
        create_action,
        start_action,
    })
}

fn find_keys(records: &Records, wanted: &[String]) -> Result<Vec<String>, ApiError> {
    let mut found = Vec::new();
    for reference in wanted {
        let mut keys = records.ssh_keys.values();
        let key = keys.find(|k| refers(reference, k.id, &k.name));
        let key = key.ok_or_else(|| {
            ApiError::invalid_field("ssh_keys", format!("SSH key {reference:?} not found"))
        })?;
        found.push(key.public_key.clone());
    }
    Ok(found)
}

/// With a key nobody needs a password, and `user_data` says itself who may enter.
fn needs_password(draft: &Draft) -> bool {
    draft.ssh_keys.is_empty() && draft.user_data.is_none()
}

fn new_password() -> Result<String, ApiError> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).map_err(ApiError::server_error)?;
    Ok(hex::encode(bytes))
}

/// The password is hexadecimal, so it needs no quoting.
fn password_user_data(password: &str) -> String {
    format!(
        "#cloud-config\n\
         disable_root: false\n\
         ssh_pwauth: true\n\
         chpasswd:\n  \
           expire: true\n  \
           users:\n    \
             - {{name: root, type: text, password: \"{password}\"}}\n"
    )
}
