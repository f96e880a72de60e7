//! A forge on loopback: the program to download, and the comments of one request.

use super::Kind;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, patch, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use sha2::Digest;
use std::sync::{Arc, Mutex};

/// What jobs are given; nothing may print it.
pub const TOKEN: &str = "glpat-0123456789abcdef";

pub struct Forge {
    address: String,
    shared: Arc<Shared>,
    tool_sha256: String,
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    kind: Kind,
    tool: Mutex<String>,
    comments: Mutex<Vec<(u64, String)>>,
}

impl Forge {
    /// The program that is handed out calls the one at `holdfast`.
    pub fn start(kind: Kind, holdfast: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let tool = format!("#!/bin/sh\nexec '{holdfast}' \"$@\"\n");
        let tool_sha256 = hex::encode(sha2::Sha256::digest(tool.as_bytes()));
        let shared = Arc::new(Shared {
            kind,
            tool: Mutex::new(tool),
            comments: Mutex::new(vec![(1, "Looks good to me.".to_owned())]),
        });
        let base = match kind {
            Kind::GitHub | Kind::Forgejo => "/repos/acme/estate/issues",
            Kind::GitLab => "/projects/42/merge_requests",
        };
        let router = Router::new().route(
            "/holdfast",
            get(async |State(shared): State<Arc<Shared>>| shared.tool.lock().unwrap().clone()),
        );
        let router = match kind {
            Kind::GitLab => router
                .route(&format!("{base}/7/notes"), get(list).post(add))
                .route(&format!("{base}/7/notes/{{id}}"), put(replace)),
            _ => router
                .route(&format!("{base}/7/comments"), get(list).post(add))
                .route(&format!("{base}/comments/{{id}}"), patch(replace)),
        };
        let router = router.with_state(shared.clone());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            shared,
            tool_sha256,
            _runtime: runtime,
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn tool_sha256(&self) -> String {
        self.tool_sha256.clone()
    }

    /// Somebody puts another program in its place.
    pub fn exchange_tool(&self, tool: &str) {
        tool.clone_into(&mut self.shared.tool.lock().unwrap());
    }

    /// What the jobs have posted; the comment of a person that was there before is left out.
    pub fn comments(&self) -> Vec<String> {
        let comments = self.shared.comments.lock().unwrap();
        assert_eq!(comments[0].1, "Looks good to me.");
        comments[1..].iter().map(|(_, body)| body.clone()).collect()
    }
}

fn allowed(shared: &Shared, headers: &HeaderMap) -> Result<(), StatusCode> {
    let (name, value) = match shared.kind {
        Kind::GitHub => ("authorization", format!("Bearer {TOKEN}")),
        Kind::Forgejo => ("authorization", format!("token {TOKEN}")),
        Kind::GitLab => ("private-token", TOKEN.to_owned()),
    };
    let given = headers.get(name).and_then(|value| value.to_str().ok());
    if given == Some(value.as_str()) {
        Ok(())
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}

/// Forges refuse longer ones: GitHub at 65,536 characters.
fn body_of(comment: &Value) -> Result<String, StatusCode> {
    let body = comment["body"].as_str().ok_or(StatusCode::BAD_REQUEST)?;
    if body.trim().is_empty() || body.chars().count() > 65_536 {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    Ok(body.to_owned())
}

async fn list(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    allowed(&shared, &headers)?;
    let comments = shared.comments.lock().unwrap();
    let list = comments
        .iter()
        .map(|(id, body)| json!({ "id": id, "body": body }))
        .collect();
    Ok(Json(Value::Array(list)))
}

async fn add(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(comment): Json<Value>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    allowed(&shared, &headers)?;
    let body = body_of(&comment)?;
    let mut comments = shared.comments.lock().unwrap();
    let id = comments.len() as u64 + 1;
    comments.push((id, body));
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

async fn replace(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Json(comment): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    allowed(&shared, &headers)?;
    let body = body_of(&comment)?;
    let mut comments = shared.comments.lock().unwrap();
    let known = comments.iter_mut().find(|(known, _)| *known == id);
    known.ok_or(StatusCode::NOT_FOUND)?.1 = body;
    Ok(Json(json!({ "id": id })))
}
