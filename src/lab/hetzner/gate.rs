//! What every request passes: faults on demand, the budget, the token.

use super::errors::ApiError;
use super::limits::Standing;
use super::{Api, Fault};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadWrite,
    ReadOnly,
}

/// Lets a request through or answers it. Every answer carries the budget's headers
/// and an `X-Correlation-Id`.
pub async fn pass(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let access = access(&api, request.headers());
    let budget = match access {
        Some(_) => &api.project_budget,
        None => &api.stranger_budget,
    };
    let mut standing = budget.take(Instant::now());
    let fault = (api.config.faults)();
    let refusal = match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Unavailable503) => Some(ApiError::unavailable()),
        Some(Fault::Internal500) => Some(ApiError::server_error("fault on demand")),
        Some(Fault::RateLimited429) => {
            standing.granted = false;
            standing.remaining = 0;
            None
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            None
        }
        Some(Fault::Full) | None => None,
    };
    let refusal = refusal
        .or_else(|| refuse(standing, access, request.method()))
        .or_else(|| (fault == Some(Fault::Full) && orders_a_server(&request)).then(sold_out));
    let mut response = match refusal {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    };
    standing.write(response.headers_mut(), jiff::Timestamp::now());
    if let Ok(id) = HeaderValue::from_str(&correlation_id()) {
        response.headers_mut().insert("x-correlation-id", id);
    }
    response
}

fn orders_a_server(request: &Request) -> bool {
    let path = request.uri().path();
    let orders = path.ends_with("/servers") || path.ends_with("/actions/change_type");
    request.method() == Method::POST && orders
}

fn sold_out() -> ApiError {
    ApiError::resource_unavailable("no server of this kind is available now")
}

fn refuse(standing: Standing, access: Option<Access>, method: &Method) -> Option<ApiError> {
    if !standing.granted {
        return Some(ApiError::rate_limit_exceeded(standing.limit));
    }
    match access {
        None => Some(ApiError::unauthorized()),
        Some(Access::ReadOnly) if method != Method::GET => Some(ApiError::token_readonly()),
        Some(_) => None,
    }
}

fn access(api: &Api, headers: &HeaderMap) -> Option<Access> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    if token == api.config.token {
        return Some(Access::ReadWrite);
    }
    (Some(token) == api.config.read_only_token.as_deref()).then_some(Access::ReadOnly)
}

fn correlation_id() -> String {
    let mut bytes = [0; 8];
    // Without randomness the id is all zeros: it only helps to find a line in a log.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}
