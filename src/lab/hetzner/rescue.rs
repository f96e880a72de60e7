//! The rescue system: what a server boots next, once, within an hour. Neither call starts anything.

use super::Api;
use super::errors::ApiError;
use super::request::Body;
use super::state::{Phase, RescueRecord, ServerRecord, now};
use super::work::no_such_server;
use crate::lab::seed;
use jiff::SignedDuration;

/// "Rescue Mode is automatically disabled when you first boot into it or if you do not use it for 60
/// minutes."
const WAITS: SignedDuration = SignedDuration::from_mins(60);

/// `POST /servers/{id}/actions/enable_rescue`; gives the action and the password of its root.
pub fn enable(api: &Api, id: i64, bytes: &[u8]) -> Result<(i64, String), ApiError> {
    let mut body = Body::parse(bytes)?;
    let kind = body.text("type");
    if kind.is_some_and(|kind| kind != "linux64") {
        body.refuse("type", "must be linux64");
    }
    let wanted = body.references("ssh_keys");
    body.checked()?;
    let password =
        seed::random(10).map_err(|error| ApiError::invalid_field("server", error.to_string()))?;
    let action = change(api, id, "enable_rescue", |server, keys| {
        let known = |id: &String| {
            keys(id).ok_or_else(|| ApiError::not_found(format_args!("SSH key with ID '{id}'")))
        };
        server.rescue = Some(RescueRecord {
            keys: wanted.iter().map(known).collect::<Result<_, _>>()?,
            until: now() + WAITS,
        });
        Ok(())
    })?;
    Ok((action, hex::encode(password)))
}

/// `POST /servers/{id}/actions/disable_rescue`
pub fn disable(api: &Api, id: i64) -> Result<i64, ApiError> {
    change(api, id, "disable_rescue", |server, _| {
        server.rescue = None;
        Ok(())
    })
}

/// Done at once, under the server's lock.
fn change(
    api: &Api,
    id: i64,
    command: &str,
    change: impl FnOnce(&mut ServerRecord, &dyn Fn(&str) -> Option<String>) -> Result<(), ApiError>,
) -> Result<i64, ApiError> {
    api.store.change(|records| {
        let all = records.ssh_keys.clone();
        let keys = |id: &str| {
            let id: i64 = id.parse().ok()?;
            all.get(&id).map(|key| key.public_key.clone())
        };
        let server = records
            .servers
            .get_mut(&id)
            .ok_or_else(|| no_such_server(id))?;
        if server.phase != Phase::Idle {
            return Err(ApiError::locked());
        }
        change(server, &keys)?;
        let action = records.begin_action(command, id);
        records.end_action(action, Ok(()));
        Ok(action)
    })
}
