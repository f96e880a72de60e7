//! The lab's Hetzner Cloud interface over TCP, before a fleet in memory.

mod clients;
mod document;
mod faults;
mod fleet;
mod lists;
mod orders;
mod power;
mod refusals;
mod restart;
mod sizes;

use fleet::MemoryFleet;
use holdfast::lab::hetzner::{ApiConfig, router};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub const TOKEN: &str = "read-and-write";
pub const READ_ONLY: &str = "read-only";

/// A running interface, its fleet and a client.
pub struct Lab {
    pub fleet: Arc<MemoryFleet>,
    pub endpoint: String,
    pub folder: Arc<TempDir>,
    client: reqwest::Client,
    server: tokio::task::JoinHandle<()>,
}

/// Status, body.
pub type Answer = (u16, Value);

impl Lab {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        Self::over(Arc::default(), folder, change).await
    }

    /// On a fleet and a state that may have been used before.
    pub async fn over(
        fleet: Arc<MemoryFleet>,
        folder: Arc<TempDir>,
        change: impl FnOnce(&mut ApiConfig),
    ) -> Self {
        let mut config = ApiConfig::new(TOKEN, folder.path().join("hetzner.json"));
        config.read_only_token = Some(READ_ONLY.into());
        change(&mut config);
        let router = router(fleet.clone(), config).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            fleet,
            endpoint,
            folder,
            client: reqwest::Client::new(),
            server,
        }
    }

    /// Stops answering and forgets everything in memory, as a crash does.
    pub async fn restart(self) -> Self {
        self.server.abort();
        let _ = self.server.await;
        Self::over(self.fleet, self.folder, |_| {}).await
    }

    pub async fn send(&self, token: &str, method: &str, path: &str, body: Value) -> Response {
        let method: Method = method.parse().unwrap();
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.endpoint))
            .timeout(Duration::from_secs(20));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let response = self.send(TOKEN, method, path, body).await;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap()
        };
        (status, body)
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Orders a server and waits until all its actions ended. Returns its id.
    pub async fn order(&self, name: &str) -> i64 {
        self.order_with(name, json!({})).await
    }

    pub async fn order_with(&self, name: &str, more: Value) -> i64 {
        let (status, body) = self.ask("POST", "/servers", order_body(name, more)).await;
        assert_eq!(status, 201, "{body}");
        self.wait(&body["action"]).await;
        for action in body["next_actions"].as_array().unwrap() {
            self.wait(action).await;
        }
        body["server"]["id"].as_i64().unwrap()
    }

    /// Does a server action and returns how it ended.
    pub async fn act(&self, id: i64, action: &str, body: Value) -> Value {
        let path = format!("/servers/{id}/actions/{action}");
        let (status, body) = self.ask("POST", &path, body).await;
        assert_eq!(status, 201, "{action}: {body}");
        self.wait(&body["action"]).await
    }

    /// Polls an action until it ended.
    pub async fn wait(&self, action: &Value) -> Value {
        let path = format!("/actions/{}", action["id"]);
        for _ in 0..500 {
            let action = self.get(&path).await["action"].take();
            if action["status"] != "running" {
                return action;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("action {} does not end", action["id"]);
    }

    pub async fn server(&self, id: i64) -> Value {
        self.get(&format!("/servers/{id}")).await["server"].take()
    }
}

/// An order of a server with `more` fields set.
#[allow(clippy::needless_pass_by_value)] // reads better at the calls
pub fn order_body(name: &str, more: Value) -> Value {
    let mut body = json!({"name": name, "server_type": "cx23", "image": "debian-13"});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// A valid public key; another one for each number.
pub fn public_key(number: u8) -> String {
    use base64::Engine as _;
    let mut blob = vec![0, 0, 0, 11];
    blob.extend(b"ssh-ed25519");
    blob.extend([0, 0, 0, 32]);
    blob.extend([number; 32]);
    let blob = base64::engine::general_purpose::STANDARD.encode(blob);
    format!("ssh-ed25519 {blob} key-{number}")
}
