//! Actions: doing them (`POST /servers/{id}/actions/…`) and following them.

use super::Api;
use super::catalog::{self, ServerType};
use super::errors::ApiError;
use super::pagination::{ListQuery, SortField};
use super::request::Body;
use super::rescue;
use super::state::{ActionRecord, ActionStatus, Phase, ServerRecord};
use super::work::{Operation, no_such_server};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// Documented for servers, but not in this lab.
const NOT_HERE: [&str; 13] = [
    "add_to_placement_group",
    "attach_iso",
    "attach_to_network",
    "change_alias_ips",
    "change_dns_ptr",
    "create_image",
    "detach_from_network",
    "detach_iso",
    "disable_backup",
    "enable_backup",
    "remove_from_placement_group",
    "request_console",
    "reset_password",
];

const SORT_FIELDS: [SortField<ActionRecord>; 5] = [
    ("id", |a, b| a.id.cmp(&b.id)),
    ("command", |a, b| a.command.cmp(&b.command)),
    ("status", |a, b| a.status.cmp(&b.status)),
    ("started", |a, b| a.started.cmp(&b.started)),
    ("finished", |a, b| a.finished.cmp(&b.finished)),
];

/// `POST /servers/{id}/actions/{action}`
pub async fn perform(
    State(api): State<Arc<Api>>,
    Path((id, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let id = api.server(&id)?.id;
    let any = |_: &ServerRecord| Ok(());
    let action = match name.as_str() {
        "poweron" => api.begin(id, Operation::PowerOn, any)?,
        "poweroff" => api.begin(id, Operation::PowerOff, any)?,
        "reset" => api.begin(id, Operation::Reset, any)?,
        "reboot" => api.begin(id, Operation::Reboot, any)?,
        "shutdown" => api.shut_down(id)?,
        "change_protection" => change_protection(&api, id, &bytes)?,
        "change_type" => change_type(&api, id, &bytes).await?,
        "enable_rescue" => {
            let (action, password) = rescue::enable(&api, id, &bytes)?;
            let body = json!({"action": api.show_action(action)?, "root_password": password});
            return Ok((StatusCode::CREATED, Json(body)));
        }
        "disable_rescue" => rescue::disable(&api, id)?,
        "rebuild" => {
            let action = rebuild(&api, id, &bytes)?;
            let body = json!({"action": api.show_action(action)?, "root_password": null});
            return Ok((StatusCode::CREATED, Json(body)));
        }
        other if NOT_HERE.contains(&other) => {
            return Err(ApiError::unsupported(other));
        }
        other => {
            return Err(ApiError::not_found(format_args!("server action '{other}'")));
        }
    };
    let body = json!({"action": api.show_action(action)?});
    Ok((StatusCode::CREATED, Json(body)))
}

fn change_protection(api: &Api, id: i64, bytes: &[u8]) -> Result<i64, ApiError> {
    let mut body = Body::parse(bytes)?;
    let (delete, rebuild) = (body.flag("delete"), body.flag("rebuild"));
    // "currently delete and rebuild attribute needs to have the same value"
    if delete != rebuild {
        body.refuse("rebuild", "delete and rebuild must have the same value");
    }
    body.checked()?;
    api.store.change(|records| {
        let server = records
            .servers
            .get_mut(&id)
            .ok_or_else(|| no_such_server(id))?;
        if server.phase != Phase::Idle {
            return Err(ApiError::locked());
        }
        server.protected = delete.unwrap_or(server.protected);
        let action = records.begin_action("change_protection", id);
        records.end_action(action, Ok(()));
        Ok(action)
    })
}

/// "Server must be powered off for this command to succeed." Which status the two refusals of its
/// own have, the document leaves open.
async fn change_type(api: &Arc<Api>, id: i64, bytes: &[u8]) -> Result<i64, ApiError> {
    let mut body = Body::parse(bytes)?;
    let reference = body.need("server_type", Body::reference);
    let upgrade_disk = body.flag("upgrade_disk");
    if upgrade_disk.is_none() {
        body.refuse("upgrade_disk", "is required, and is a boolean");
    }
    let wanted = catalog::server_type(&reference);
    if wanted.is_none() && !reference.is_empty() {
        body.refuse("server_type", format!("{reference:?} not found"));
    }
    body.checked()?;
    let (Some(wanted), Some(upgrade_disk)) = (wanted, upgrade_disk) else {
        return Err(ApiError::invalid_field("server_type", "is required"));
    };
    let server = api.server(&id.to_string())?;
    let status = api.status(&server).await;
    let operation = Operation::ChangeType {
        to: wanted,
        upgrade_disk,
    };
    api.begin(id, operation, |server| {
        if server.phase != Phase::Idle {
            return Err(ApiError::locked());
        }
        if status != "off" {
            return Err(ApiError::server_not_stopped());
        }
        may_become(server, wanted)
    })
}

fn may_become(server: &ServerRecord, wanted: &ServerType) -> Result<(), ApiError> {
    let refuse = |why: &str| {
        let name = wanted.name;
        Err(ApiError::invalid_server_type(format!("{name}: {why}")))
    };
    if server.server_type == wanted.name {
        return refuse("the server is of that type");
    }
    if !wanted.locations.contains(&&*server.location) {
        return refuse("not available in the server's location");
    }
    if catalog::disk(server).is_some_and(|disk| wanted.disk < disk) {
        return refuse("its disk is smaller than the server's");
    }
    Ok(())
}

fn rebuild(api: &Arc<Api>, id: i64, bytes: &[u8]) -> Result<i64, ApiError> {
    let mut body = Body::parse(bytes)?;
    let reference = body.need("image", Body::reference);
    let new_user_data = body.text("user_data").is_some();
    let image = catalog::image(&reference);
    if image.is_none() && !reference.is_empty() {
        body.refuse("image", format!("image {reference:?} not found"));
    }
    body.checked()?;
    if new_user_data {
        return Err(ApiError::unsupported("rebuild with other user_data"));
    }
    let Some(image) = image else {
        return Err(ApiError::invalid_field("image", "is required"));
    };
    api.begin(id, Operation::Rebuild { image: image.name }, |server| {
        if server.protected {
            Err(ApiError::protected("rebuild"))
        } else {
            Ok(())
        }
    })
}

/// `GET /servers/actions`: filtered by `id` and `status`.
pub async fn list(State(api): State<Arc<Api>>, query: ListQuery) -> Result<Response, ApiError> {
    let ids = query.ids()?;
    answer_list(&api, &query, |a| ids.is_empty() || ids.contains(&a.id))
}

/// `GET /servers/{id}/actions`
pub async fn list_of_server(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    query: ListQuery,
) -> Result<Response, ApiError> {
    let id = api.server(&id)?.id;
    answer_list(&api, &query, |a| a.server == id)
}

fn answer_list(
    api: &Api,
    query: &ListQuery,
    wanted: impl Fn(&ActionRecord) -> bool,
) -> Result<Response, ApiError> {
    let mut found: Vec<ActionRecord> = api.store.read(|records| {
        let actions = records.actions.values();
        actions
            .filter(|a| wanted(a) && query.admits("status", status_name(a.status)))
            .cloned()
            .collect()
    });
    query.sort(&mut found, &SORT_FIELDS)?;
    let page = query.page(found)?;
    let shown = page.items.iter().map(show).collect();
    Ok(query.answer("actions", &page.with_items(shown)))
}

/// `GET /actions?id=…&id=…`: only the ones asked for by id, since 2025-01-30.
pub async fn several(
    State(api): State<Arc<Api>>,
    query: ListQuery,
) -> Result<Json<Value>, ApiError> {
    let ids = query.ids()?;
    if ids.is_empty() {
        return Err(ApiError::invalid_field("id", "is required"));
    }
    let shown: Vec<Value> = api.store.read(|records| {
        let found = ids.iter().filter_map(|id| records.actions.get(id));
        found.map(show).collect()
    });
    Ok(Json(json!({ "actions": shown })))
}

/// `GET /actions/{id}` and `GET /servers/actions/{id}`
pub async fn get(
    State(api): State<Arc<Api>>,
    Path(action): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let action = api.action(&action)?;
    Ok(Json(json!({ "action": show(&action) })))
}

/// `GET /servers/{id}/actions/{action}`
pub async fn get_of_server(
    State(api): State<Arc<Api>>,
    Path((id, action)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let server = api.server(&id)?.id;
    let found = api.action(&action)?;
    if found.server != server {
        return Err(no_such_action(&action));
    }
    Ok(Json(json!({ "action": show(&found) })))
}

impl Api {
    fn action(&self, id: &str) -> Result<ActionRecord, ApiError> {
        let found = id
            .parse()
            .ok()
            .and_then(|id: i64| self.store.read(|records| records.actions.get(&id).cloned()));
        found.ok_or_else(|| no_such_action(id))
    }

    /// An action as the interface shows it, as far as it is by now.
    pub fn show_action(&self, id: i64) -> Result<Value, ApiError> {
        self.store
            .read(|records| records.actions.get(&id).map(show))
            .ok_or_else(|| no_such_action(&id.to_string()))
    }
}

fn no_such_action(id: &str) -> ApiError {
    ApiError::not_found(format_args!("action with ID '{id}'"))
}

fn status_name(status: ActionStatus) -> &'static str {
    match status {
        ActionStatus::Running => "running",
        ActionStatus::Success => "success",
        ActionStatus::Error => "error",
    }
}

fn show(action: &ActionRecord) -> Value {
    json!({
        "id": action.id,
        "command": action.command,
        "status": status_name(action.status),
        "progress": action.progress,
        "started": action.started,
        "finished": action.finished,
        "resources": [{"id": action.server, "type": "server"}],
        "error": action.error,
    })
}
