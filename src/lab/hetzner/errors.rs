//! The error bodies of the interface.
//!
//! `{"error":{"code","message","details"}}` with the HTTP status of the table
//! "Error Codes" in the introduction of the Hetzner Cloud reference.

use super::state::StateError;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One refusal, ready to be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// For machines: one of the documented codes.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Its shape depends on the code; `null` where the documents show none.
    pub details: Value,
}

/// A field of a request that cannot be taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field or query parameter.
    pub name: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// A field and what is wrong with it.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            message: message.into(),
        }
    }
}

impl ApiError {
    fn plain(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Value::Null,
        }
    }

    /// 401: no token, or one that is not known.
    pub fn unauthorized() -> Self {
        Self::plain(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "unable to authenticate",
        )
    }

    /// 401: the token may only read. (The published table says 401, not 403.)
    pub fn token_readonly() -> Self {
        Self::plain(
            StatusCode::UNAUTHORIZED,
            "token_readonly",
            "the token is only allowed to perform GET requests",
        )
    }

    /// 404: `what` names the kind and the id asked for.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::plain(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("{what} not found"),
        )
    }

    /// 405: the path is known, the method is not.
    pub fn method_not_allowed() -> Self {
        Self::plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "method not allowed",
        )
    }

    /// 400: the body is not JSON.
    pub fn json(detail: impl std::fmt::Display) -> Self {
        Self::plain(
            StatusCode::BAD_REQUEST,
            "json_error",
            format!("invalid JSON in the request: {detail}"),
        )
    }

    /// 422: all fields that cannot be taken, at once. `wrong` is never empty.
    pub fn invalid_input(wrong: &[FieldError]) -> Self {
        let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
        for FieldError { name, message } in wrong {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some((_, messages)) => messages.push(message),
                None => fields.push((name, vec![message])),
            }
        }
        let message = match fields.as_slice() {
            [(name, messages)] => {
                format!("invalid input in field '{name}': {}", messages.join(", "))
            }
            several => {
                let names: Vec<String> = several.iter().map(|(n, _)| format!("'{n}'")).collect();
                format!("invalid input in fields {}", names.join(", "))
            }
        };
        let fields: Vec<Value> = fields
            .iter()
            .map(|(name, messages)| json!({"name": name, "messages": messages}))
            .collect();
        Self {
            details: json!({ "fields": fields }),
            ..Self::plain(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", message)
        }
    }

    /// 422 for a single field.
    pub fn invalid_field(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid_input(&[FieldError::new(name, message)])
    }

    /// 409: another object has this value already.
    pub fn uniqueness(field: &str, message: impl Into<String>) -> Self {
        Self {
            details: json!({"fields": [{"name": field}]}),
            ..Self::plain(StatusCode::CONFLICT, "uniqueness_error", message)
        }
    }

    /// 423: an action is running on the object.
    pub fn locked() -> Self {
        Self::plain(
            StatusCode::LOCKED,
            "locked",
            "server is locked, an action is running",
        )
    }

    /// 423: the object is protected against this action.
    pub fn protected(action: &str) -> Self {
        Self::plain(
            StatusCode::LOCKED,
            "protected",
            format!("server is protected against {action}"),
        )
    }

    /// 412: nothing of this kind can be ordered now.
    pub fn resource_unavailable(message: impl Into<String>) -> Self {
        Self::plain(
            StatusCode::PRECONDITION_FAILED,
            "resource_unavailable",
            message,
        )
    }

    /// 422: the type does not fit the server.
    pub fn invalid_server_type(message: impl Into<String>) -> Self {
        Self::plain(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_server_type",
            message,
        )
    }

    /// 412: it must be off for that.
    pub fn server_not_stopped() -> Self {
        Self::plain(
            StatusCode::PRECONDITION_FAILED,
            "server_not_stopped",
            "the action requires a stopped server",
        )
    }

    /// 403: the project has as many as it may.
    pub fn resource_limit_exceeded(limit: &str, message: impl Into<String>) -> Self {
        Self {
            details: json!({"limits": [{"name": limit}]}),
            ..Self::plain(StatusCode::FORBIDDEN, "resource_limit_exceeded", message)
        }
    }

    /// 422: documented by the hoster, but not in this lab.
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::plain(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unsupported_error",
            format!("{what}: not in this lab"),
        )
    }

    /// 429: the budget of requests is used up.
    pub fn rate_limit_exceeded(per_hour: u32) -> Self {
        Self::plain(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_exceeded",
            format!("limit of {per_hour} requests per hour reached"),
        )
    }

    /// 500: the interface itself failed.
    pub fn server_error(detail: impl std::fmt::Display) -> Self {
        Self::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            format!("an unexpected error occurred: {detail}"),
        )
    }

    /// 503: the interface is down.
    pub fn unavailable() -> Self {
        Self::plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the service is currently not available",
        )
    }
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        // The chain belongs into the lab's log; the client learns which part failed.
        tracing::error!(error = &error as &dyn std::error::Error, "lab state");
        Self::server_error(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "details": self.details,
        }});
        (self.status, Json(body)).into_response()
    }
}
