//! The loop's address on loopback: health, metrics, and the place where pushes come in.

use super::board::Board;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// A forge's message about one push. A longer one is refused; the timer finds its commits.
const BODY: usize = 4 << 20;

/// As long as a forge may take to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// `GET /healthz`, `GET /metrics`, `POST /push`.
pub fn router(board: Arc<Board>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/push", post(push))
        .with_state(board)
}

/// Answers until the program ends.
pub async fn serve(listener: TcpListener, board: Arc<Board>) {
    if let Err(error) = axum::serve(listener, router(board)).await {
        tracing::error!(%error, "health, metrics and pushes are no longer served");
    }
}

async fn healthz(State(board): State<Arc<Board>>) -> Response {
    let (health, said) = board.health();
    let status = if health.well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(said)).into_response()
}

async fn metrics(State(board): State<Arc<Board>>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], board.metrics()).into_response()
}

async fn push(State(board): State<Arc<Board>>, request: Request<Body>) -> Response {
    if !board.takes_pushes() {
        let words = "[run] push_secret is not set; pushes are not taken\n";
        return (StatusCode::NOT_FOUND, words).into_response();
    }
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    match board.push(headers, &body) {
        Ok(()) => (StatusCode::ACCEPTED, "the loop is awake\n").into_response(),
        Err(error) => (StatusCode::FORBIDDEN, format!("{error}\n")).into_response(),
    }
}
