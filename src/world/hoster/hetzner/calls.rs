//! Single calls to the Hetzner Cloud interface and their failures.
//!
//! Requests, actions, paging and error bodies use the crate `hcloud`'s models.
//! Its call functions are gone round: they drop all headers (`RateLimit-*`,
//! `Retry-After`, `X-Correlation-Id`), and its `Server` has closed enumerations,
//! so one unknown word in one server would hide the whole list. [`Server`] here
//! reads the few fields we need and takes any word in them.

use super::Timing;
use crate::model::gap::{Gap, GapKind};
use crate::model::operation::{Fault, FaultClass, Outcome};
use crate::model::secret::Secret;
use crate::world::hoster::refused;
use crate::world::hoster::wrap::Transient;
use hcloud::models::{Action, ErrorResponse, Meta};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A server, tolerant of everything we do not need.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Server {
    pub id: i64,
    pub name: String,
    /// `running`, `off`, … any word.
    pub status: String,
    pub labels: BTreeMap<String, String>,
    pub public_net: PublicNet,
    pub location: Option<Named>,
    pub image: Option<Named>,
    #[serde(rename = "server_type")]
    pub kind: Option<ServerType>,
    /// GB.
    pub primary_disk_size: Option<u64>,
    /// The rescue system is what it boots next.
    #[serde(default)]
    pub rescue_enabled: bool,
}

/// A type, as far as we need it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ServerType {
    pub name: Option<String>,
    pub cores: Option<u32>,
    /// GiB.
    pub memory: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PublicNet {
    pub ipv4: Option<Ip>,
    pub ipv6: Option<Ip>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ip {
    pub ip: String,
}

/// Anything with a name; snapshots as images have none.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Named {
    pub name: Option<String>,
}

impl Server {
    /// The name of its type.
    pub fn type_name(&self) -> Option<&str> {
        self.kind.as_ref()?.name.as_deref()
    }

    pub fn is_a(&self, kind: &str) -> bool {
        self.type_name() == Some(kind)
    }

    /// IPv4 first; of an IPv6 network, the address Hetzner's images configure (`::1`).
    pub fn address(&self) -> Option<IpAddr> {
        let v4 = self.public_net.ipv4.as_ref();
        if let Some(address) = v4.and_then(|net| net.ip.parse().ok()) {
            return Some(address);
        }
        let net = &self.public_net.ipv6.as_ref()?.ip;
        let base: Ipv6Addr = net.split('/').next()?.parse().ok()?;
        Some(IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() | 1)))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ServerPage {
    pub servers: Vec<Server>,
    /// Required: without it nobody can say that the list is whole.
    pub meta: Meta,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneServer {
    pub server: Server,
}

/// The answer to a creation, without the server's closed fields.
#[derive(Debug, Deserialize)]
pub(super) struct Created {
    pub server: Server,
    pub action: Action,
    #[serde(default)]
    pub next_actions: Vec<Action>,
}

/// Why a call brought no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// No connection: certainly nothing was asked.
    #[error("no connection: {detail}")]
    NotSent { detail: String },
    /// Sent, but no answer came.
    #[error("no answer: {detail}")]
    NoAnswer { detail: String, timeout: bool },
    /// An error body, or an error status without one.
    #[error("{code}: {message}")]
    Answered {
        status: u16,
        code: String,
        message: String,
        pause: Option<Duration>,
    },
    /// A success that cannot be read.
    #[error("the answer cannot be read: {detail}")]
    Unreadable { detail: String },
}

impl Transient for CallError {
    fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer { timeout, .. } => *timeout,
            Self::Answered { status, code, .. } => {
                matches!(status, 502 | 504)
                    || matches!(
                        code.as_str(),
                        "conflict" | "rate_limit_exceeded" | "bad_gateway" | "timeout"
                    )
            }
            Self::NotSent { .. } | Self::Unreadable { .. } => false,
        }
    }

    fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::Answered { pause, .. } => *pause,
            _ => None,
        }
    }
}

impl CallError {
    /// What it means for something we wanted to see.
    pub fn gap(&self, subject: String) -> Gap {
        let kind = match self {
            Self::NotSent { .. } | Self::NoAnswer { .. } => GapKind::Unreachable,
            Self::Unreadable { .. } => GapKind::Unreadable,
            Self::Answered { status, code, .. } => match (status, code.as_str()) {
                (401 | 403, _) | (_, "unauthorized" | "forbidden") => GapKind::Denied,
                (429, _) | (_, "rate_limit_exceeded") => GapKind::RateLimited,
                (500.., _) => GapKind::Unreachable,
                _ => GapKind::Unreadable,
            },
        };
        Gap::new(kind, subject, self.to_string())
    }

    /// What it means for an effect that was asked for by this very call:
    /// a refusal if nothing changed for certain, otherwise `None`.
    pub fn refusal(&self) -> Option<Outcome> {
        match self {
            Self::NotSent { detail } => Some(refused("unreachable", detail, FaultClass::Retry)),
            Self::NoAnswer { .. } | Self::Unreadable { .. } => None,
            Self::Answered {
                status,
                code,
                message,
                ..
            } => {
                // The code says more than the status: resource_limit_exceeded is a 403.
                let class = match (class_of(code), status) {
                    (FaultClass::Retry, 401 | 403) => FaultClass::NeedsHuman,
                    (class, _) => class,
                };
                // A known reason is certain whatever the status; a bare 5xx is not.
                let certain = *status < 500 || class != FaultClass::Retry;
                certain.then(|| refused(code, message, class))
            }
        }
    }

    /// As the outcome of an operation before its effect was asked for.
    pub fn before_effect(&self) -> Outcome {
        self.refusal()
            .unwrap_or_else(|| refused("not_observed", self.to_string(), FaultClass::Retry))
    }

    /// The machine is not there, by the hoster's own word.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Answered { status: 404, .. })
    }
}

/// Class of a documented error code (Hetzner Cloud reference, "Errors").
pub(super) fn class_of(code: &str) -> FaultClass {
    match code {
        "resource_unavailable" | "placement_error" | "resource_limit_exceeded" => {
            FaultClass::NoCapacity
        }
        "unauthorized"
        | "forbidden"
        | "token_readonly"
        | "protected"
        | "invalid_input"
        | "not_found"
        | "uniqueness_error"
        | "unsupported_error"
        | "invalid_server_type" => FaultClass::NeedsHuman,
        "json_error" | "method_not_allowed" => FaultClass::Bug,
        _ => FaultClass::Retry,
    }
}

/// Why an account cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The token is not text that fits into a header.
    #[error("the token of hoster {hoster} is not a line of printable text")]
    Token {
        /// Which account.
        hoster: String,
    },
    /// The estate's name cannot be a label.
    #[error("the estate name {estate:?} cannot be a label: 1 to 63 of a-z A-Z 0-9 . _ -")]
    EstateName {
        /// As written.
        estate: String,
    },
    /// No HTTP client, for example without TLS roots.
    #[error("no HTTP client for hoster {hoster}")]
    Client {
        /// Which account.
        hoster: String,
        /// Why.
        source: reqwest::Error,
    },
}

/// The interface at one address with one token.
pub(super) struct Calls {
    http: reqwest::Client,
    base: String,
    token: Secret,
    /// Calls left before a 429, as the last answer told; refilled 1 per second.
    remaining: AtomicU64,
}

impl Calls {
    pub fn new(
        hoster: &str,
        endpoint: &str,
        token: &Secret,
        timing: &Timing,
    ) -> Result<Self, SetupError> {
        let text = token.expose_text().map(str::trim).unwrap_or_default();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SetupError::Token {
                hoster: hoster.to_owned(),
            });
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
            .timeout(timing.call)
            .connect_timeout(timing.connect)
            // A redirected POST would become a GET.
            .redirect(reqwest::redirect::Policy::none());
        let local = ["http://127.", "http://localhost", "http://[::1]"];
        if local.iter().any(|start| endpoint.starts_with(start)) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|source| SetupError::Client {
            hoster: hoster.to_owned(),
            source,
        })?;
        Ok(Self {
            http,
            base: endpoint.trim_end_matches('/').to_owned(),
            token: Secret::new(text),
            remaining: AtomicU64::new(u64::MAX),
        })
    }

    /// Few calls are left: polls should cost no more than what is refilled.
    pub fn is_scarce(&self) -> bool {
        self.remaining.load(Ordering::Relaxed) < 60
    }

    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, CallError> {
        let request = self.http.request(Method::GET, self.address(path));
        self.send(request.query(query)).await
    }

    pub async fn send_body<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &(impl serde::Serialize + Sync),
    ) -> Result<T, CallError> {
        let request = self.http.request(method, self.address(path));
        self.send(request.json(body)).await
    }

    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        let request = self.http.request(Method::DELETE, self.address(path));
        self.send(request).await
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, CallError> {
        let token = self.token.expose_text().unwrap_or_default();
        let answer = request
            .bearer_auth(token)
            .send()
            .await
            .map_err(|e| unanswered(&e))?;
        let status = answer.status();
        let headers = answer.headers().clone();
        if let Some(left) = number(&headers, "ratelimit-remaining") {
            self.remaining.store(left, Ordering::Relaxed);
        }
        let body = answer.bytes().await.map_err(|e| unanswered(&e))?;
        if status.is_success() {
            serde_json::from_slice(&body).map_err(|e| CallError::Unreadable {
                detail: e.to_string(),
            })
        } else {
            Err(answered(status, &headers, &body))
        }
    }
}

/// Without the address: it is known, and query values are nobody's business.
fn unanswered(error: &reqwest::Error) -> CallError {
    let mut detail = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = cause {
        detail = inner.to_string(); // the innermost says most: "connection refused"
        cause = inner.source();
    }
    if error.is_connect() {
        CallError::NotSent { detail }
    } else if error.is_timeout() {
        CallError::NoAnswer {
            detail: "timed out".to_owned(),
            timeout: true,
        }
    } else {
        CallError::NoAnswer {
            detail,
            timeout: false,
        }
    }
}

fn answered(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
    let (code, mut message) = match serde_json::from_slice::<ErrorResponse>(body) {
        Ok(answer) => (answer.error.code, answer.error.message),
        Err(_) => (bare_code(status), format!("HTTP {status}")),
    };
    if let Some(id) = headers
        .get("x-correlation-id")
        .and_then(|id| id.to_str().ok())
    {
        message = format!("{message} (correlation id {id})");
    }
    // RateLimit-Reset tells when the budget is full again, not when one call is
    // free; that is after a second, because one per second is refilled.
    let pause = (status == StatusCode::TOO_MANY_REQUESTS)
        .then(|| Duration::from_secs(number(headers, "retry-after").unwrap_or(1).min(60)));
    CallError::Answered {
        status: status.as_u16(),
        code,
        message,
        pause,
    }
}

/// For answers of something in between that is no Hetzner.
fn bare_code(status: StatusCode) -> String {
    match status.as_u16() {
        401 => "unauthorized".to_owned(),
        403 => "forbidden".to_owned(),
        404 => "not_found".to_owned(),
        429 => "rate_limit_exceeded".to_owned(),
        502 => "bad_gateway".to_owned(),
        504 => "timeout".to_owned(),
        other => format!("http_{other}"),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Unclear: look again.
pub(super) fn unclear(message: impl Into<String>) -> Outcome {
    Outcome::Unknown(Fault {
        message: message.into(),
        class: FaultClass::Retry,
    })
}
