//! The rescue system (Hetzner Cloud reference, "Server Actions", "Enable Rescue Mode for a Server"):
//! what a server boots next, once, within 60 minutes. Enabling it starts nothing anew.

use super::calls::{CallError, unclear};
use super::{Hetzner, Way, is_settled, note};
use crate::model::ids::MachineName;
use crate::model::observed::Power;
use crate::model::operation::{FaultClass, Outcome};
use crate::world::hoster::{ACTION_FAILED, refused};
use hcloud::models::PowerOffServerResponse;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

#[derive(Deserialize)]
struct Key {
    id: i64,
    public_key: String,
}

#[derive(Deserialize)]
struct Keys {
    ssh_keys: Vec<Key>,
}

#[derive(Deserialize)]
struct OneKey {
    ssh_key: Key,
}

impl Hetzner {
    /// Enables it with our key alone, and starts the server anew.
    pub(super) async fn rescue(&self, machine: &MachineName, key: &str) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        let key = match self.our_key(key).await {
            Ok(key) => key,
            Err(error) => return error.before_effect(),
        };
        let path = format!("/servers/{}/actions/enable_rescue", server.id);
        let fields = json!({"type": "linux64", "ssh_keys": [key]});
        let asked = self
            .calls
            .send_body::<PowerOffServerResponse>(Method::POST, &path, &fields);
        let way = match asked.await {
            Ok(answer) => self.wait(std::slice::from_ref(&answer.action)).await,
            Err(error) => {
                return error
                    .refusal()
                    .unwrap_or_else(|| unclear(error.to_string()));
            }
        };
        match way {
            Way::Ended => {}
            Way::Failed { code, message } => {
                let words = format!("{code}: {message}");
                return refused(ACTION_FAILED, words, FaultClass::NeedsHuman);
            }
            Way::Unclear(why) => return unclear(why),
        }
        if is_settled(&server, Power::Off) {
            return self.switch(machine, Power::On).await;
        }
        self.reset(machine).await
    }

    /// Off by the server's own status; the next start is from its disk.
    pub(super) async fn end_rescue(&self, machine: &MachineName) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        // It ends by itself once it was booted, and after an hour.
        match self.ask(&server, "disable_rescue").await {
            Ok(way) => note(&way),
            Err(refused) => tracing::debug!(?refused, "the rescue system was not disabled"),
        }
        self.switch(machine, Power::Off).await
    }

    /// Our public key among the project's, put there if need be.
    async fn our_key(&self, key: &str) -> Result<i64, CallError> {
        let mut words = key.split_whitespace();
        let key = [words.next(), words.next()].map(Option::unwrap_or_default);
        let key = key.join(" ");
        let digest = hex::encode(Sha256::digest(&key));
        let name = format!("holdfast-{}-{:.12}", self.estate, digest);
        let query = [("name", name.clone())];
        let found: Keys = self
            .patience
            .read(|| self.calls.get("/ssh_keys", &query))
            .await?;
        let same = |other: &&Key| other.public_key.starts_with(&key);
        if let Some(there) = found.ssh_keys.iter().find(same) {
            return Ok(there.id);
        }
        let fields = json!({"name": name, "public_key": key});
        let made = self
            .calls
            .send_body::<OneKey>(Method::POST, "/ssh_keys", &fields);
        match made.await {
            Ok(made) => Ok(made.ssh_key.id),
            // Somebody put it there under a name of theirs.
            Err(error) => {
                let all: Keys = self
                    .patience
                    .read(|| self.calls.get("/ssh_keys", &[]))
                    .await?;
                let there = all.ssh_keys.iter().find(same);
                there.map(|key| key.id).ok_or(error)
            }
        }
    }
}
