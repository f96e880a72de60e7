//! `/ssh_keys`: public keys for servers to come.

use super::Api;
use super::errors::ApiError;
use super::pagination::ListQuery;
use super::request::Body;
use super::state::{Records, SshKeyRecord, now};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use ssh_key::PublicKey;
use std::sync::Arc;

/// `GET /ssh_keys`
pub async fn list(State(api): State<Arc<Api>>, query: ListQuery) -> Result<Response, ApiError> {
    let selector = query.selector()?;
    let mut found: Vec<SshKeyRecord> = api.store.read(|records| {
        let keys = records.ssh_keys.values();
        keys.filter(|k| query.admits("name", &k.name))
            .filter(|k| query.admits("fingerprint", &k.fingerprint))
            .filter(|k| selector.matches(&k.labels))
            .cloned()
            .collect()
    });
    query.sort(
        &mut found,
        &[
            ("id", |a, b| a.id.cmp(&b.id)),
            ("name", |a, b| a.name.cmp(&b.name)),
        ],
    )?;
    let page = query.page(found)?;
    let shown = page.items.iter().map(show).collect();
    Ok(query.answer("ssh_keys", &page.with_items(shown)))
}

/// `POST /ssh_keys`
pub async fn create(
    State(api): State<Arc<Api>>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut body = Body::parse(&bytes)?;
    let name = body.need("name", Body::text);
    let public_key = body.need("public_key", Body::text).trim().to_owned();
    let fingerprint = fingerprint(&public_key);
    if fingerprint.is_none() && !public_key.is_empty() {
        body.refuse("public_key", "is not a public key in OpenSSH format");
    }
    let labels = body.labels().unwrap_or_default();
    body.checked()?;
    let Some(fingerprint) = fingerprint else {
        return Err(ApiError::invalid_field("public_key", "is required"));
    };
    let key = api.store.change(|records| {
        check_name_free(records, &name, None)?;
        if records
            .ssh_keys
            .values()
            .any(|k| k.fingerprint == fingerprint)
        {
            let message = "SSH key with the same fingerprint already exists";
            return Err(ApiError::uniqueness("public_key", message));
        }
        let key = SshKeyRecord {
            id: records.new_id(),
            name,
            fingerprint,
            public_key,
            labels,
            created: now(),
        };
        records.ssh_keys.insert(key.id, key.clone());
        Ok(key)
    })?;
    Ok((StatusCode::CREATED, Json(json!({ "ssh_key": show(&key) }))))
}

/// `GET /ssh_keys/{id}`
pub async fn get(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let key_id = parse_id(&id)?;
    let shown = api
        .store
        .read(|records| records.ssh_keys.get(&key_id).map(show));
    let shown = shown.ok_or_else(|| no_such_key(&id))?;
    Ok(Json(json!({ "ssh_key": shown })))
}

/// `PUT /ssh_keys/{id}`: name and labels.
pub async fn update(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let key_id = parse_id(&id)?;
    let mut body = Body::parse(&bytes)?;
    let (name, labels) = (body.text("name"), body.labels());
    if name.as_deref() == Some("") {
        body.refuse("name", "must not be empty");
    }
    body.checked()?;
    let key = api.store.change(|records| {
        if let Some(name) = &name {
            check_name_free(records, name, Some(key_id))?;
        }
        let key = records
            .ssh_keys
            .get_mut(&key_id)
            .ok_or_else(|| no_such_key(&id))?;
        if let Some(name) = name {
            key.name = name;
        }
        if let Some(labels) = labels {
            key.labels = labels;
        }
        Ok::<_, ApiError>(key.clone())
    })?;
    Ok(Json(json!({ "ssh_key": show(&key) })))
}

/// `DELETE /ssh_keys/{id}`: servers that have it keep it.
pub async fn delete(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let key_id = parse_id(&id)?;
    api.store.change(|records| {
        let removed = records.ssh_keys.remove(&key_id);
        removed.map(|_| ()).ok_or_else(|| no_such_key(&id))
    })?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_name_free(records: &Records, name: &str, except: Option<i64>) -> Result<(), ApiError> {
    let mut others = records.ssh_keys.values().filter(|k| Some(k.id) != except);
    if others.any(|k| k.name == name) {
        let message = format!("SSH key name {name:?} is already used");
        return Err(ApiError::uniqueness("name", message));
    }
    Ok(())
}

fn parse_id(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| no_such_key(id))
}

fn no_such_key(id: &str) -> ApiError {
    ApiError::not_found(format_args!("SSH key with ID '{id}'"))
}

/// `b7:2f:30:…`: MD5 of the key blob, as the interface shows it. `None`: no public key.
fn fingerprint(public_key: &str) -> Option<String> {
    let blob = PublicKey::from_openssh(public_key).ok()?.to_bytes().ok()?;
    let digest = Md5::digest(&blob);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(pairs.join(":"))
}

fn show(key: &SshKeyRecord) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
        "labels": key.labels,
        "created": key.created,
    })
}
