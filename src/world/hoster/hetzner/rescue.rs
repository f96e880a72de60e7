//! The rescue system (Hetzner Cloud reference, "Server Actions", "Enable Rescue Mode for a Server"):
//! what a server boots next, once, within 60 minutes. Enabling it starts nothing anew.

use super::calls::{CallError, Server, unclear};
use super::labels::ESTATE;
use super::{Hetzner, Way, done, note};
use crate::model::ids::MachineName;
use crate::model::observed::Power;
use crate::model::operation::{FaultClass, Outcome};
use crate::world::hoster::{ACTION_FAILED, refused};
use hcloud::models::PowerOffServerResponse;
use md5::{Digest as _, Md5};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use ssh_key::PublicKey;

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
    /// Enables it, with our key alone.
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
            Way::Ended => done(&server),
            Way::Failed { code, message } => {
                let words = format!("{code}: {message}");
                refused(ACTION_FAILED, words, FaultClass::NeedsHuman)
            }
            Way::Unclear(why) => unclear(why),
        }
    }

    /// Not waiting any more, by the server's own word, and `off` by its status.
    pub(super) async fn end_rescue(&self, machine: &MachineName, off: bool) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        let disabled = self.disable_rescue(&server).await;
        if !off {
            return disabled.map_or_else(unclear, |()| done(&server));
        }
        // Whatever waits there, nothing may run.
        let switched = self.switch(machine, Power::Off).await;
        match (switched, disabled) {
            (Outcome::Done(receipt), Err(_)) => match self.disable_rescue(&server).await {
                Ok(()) => Outcome::Done(receipt),
                Err(why) => unclear(format!("{machine} is off, and {why}")),
            },
            (switched, _) => switched,
        }
    }

    /// The error says what would be booted at the next start. It ends by itself once it was booted,
    /// and after an hour.
    async fn disable_rescue(&self, server: &Server) -> Result<(), String> {
        let read = async || {
            let now = self.server(server.id).await;
            now.map(|now| now.rescue_enabled)
                .map_err(|error| error.to_string())
        };
        if !read().await? {
            return Ok(());
        }
        let said = match self.ask(server, "disable_rescue").await {
            Ok(way) => {
                note(&way);
                String::new()
            }
            Err(Outcome::Refused(refusal)) => format!(": {refusal}"),
            Err(Outcome::Unknown(fault)) => format!(": {fault}"),
            Err(Outcome::Done(_)) => String::new(),
        };
        if read().await? {
            return Err(format!("its rescue system is what it boots next{said}"));
        }
        Ok(())
    }

    /// Our public key among the project's, put there if need be.
    async fn our_key(&self, key: &str) -> Result<i64, CallError> {
        let mut words = key.split_whitespace();
        let key = [words.next(), words.next()].map(Option::unwrap_or_default);
        let key = key.join(" ");
        let digest = hex::encode(Sha256::digest(&key));
        let name = format!("holdfast-{}-{:.12}", self.estate, digest);
        // By its fingerprint: a project knows each key once, whatever it is called there.
        let query = [("fingerprint", fingerprint(&key))];
        let found = || self.calls.get::<Keys>("/ssh_keys", &query);
        let same = |other: &&Key| other.public_key.starts_with(&key);
        let there = self.patience.read(found).await?;
        if let Some(there) = there.ssh_keys.iter().find(same) {
            return Ok(there.id);
        }
        let labels = json!({ESTATE: self.estate});
        let fields = json!({"name": name, "public_key": key, "labels": labels});
        let made = self
            .calls
            .send_body::<OneKey>(Method::POST, "/ssh_keys", &fields);
        match made.await {
            Ok(made) => Ok(made.ssh_key.id),
            // Somebody put it there meanwhile.
            Err(error) => {
                let there = self.patience.read(found).await?;
                let there = there.ssh_keys.iter().find(same);
                there.map(|key| key.id).ok_or(error)
            }
        }
    }
}

/// As Hetzner writes it: MD5 over the key's blob, in pairs. What is no key has none, and fits none.
fn fingerprint(key: &str) -> String {
    let blob = PublicKey::from_openssh(key).and_then(|key| key.to_bytes());
    let digest = Md5::digest(blob.unwrap_or_default());
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}
