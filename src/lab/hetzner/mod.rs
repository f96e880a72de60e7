//! The Hetzner Cloud interface of the lab, true to its documents.
//!
//! One project of the hoster: its servers are machines of the [`Fleet`], its
//! orders and labels are remembered in a file, its actions really run. Served
//! under `/v1`, so that clients take `http://ADDRESS/v1` as their endpoint.
//! Nothing here knows how machines are made, and nothing of Holdfast.
//!
//! Checked against the published `OpenAPI` document by the test `lab_hetzner`, and
//! against the official Python client by `tests/e2e/hcloud_client.py`.
//!
//! Not in this lab: console, metrics, images of one's own, volumes,
//! networks, firewalls, floating and primary IPs, placement groups. They are
//! refused with `unsupported_error`, never pretended.

mod actions;
mod catalog;
mod errors;
mod gate;
mod limits;
mod order;
mod pagination;
mod request;
mod rescue;
mod selector;
mod servers;
mod ssh_keys;
mod state;
mod work;

pub use errors::ApiError;
pub use state::StateError;

use super::fleet::Fleet;
use axum::Router;
use axum::routing::get;
use limits::Budget;
use state::Store;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What goes wrong with one request, on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers 503 `unavailable`; nothing is done.
    Unavailable503,
    /// Never answers; nothing is done. Ends when the client gives up.
    Hang,
    /// Answers 429 `rate_limit_exceeded`, whatever budget is left; nothing is done.
    RateLimited429,
    /// Answers 500 `server_error`; nothing is done.
    Internal500,
    /// Waits, then does what was asked.
    Slow(Duration),
    /// Answers an order of a server with 412 `resource_unavailable`; all else works.
    Full,
}

/// Asked once for every request, before anything else.
pub type Faults = Arc<dyn Fn() -> Option<Fault> + Send + Sync>;

/// One project at the hoster.
#[derive(Clone)]
pub struct ApiConfig {
    /// The bearer token that may read and write.
    pub token: String,
    /// A second token that may only read.
    pub read_only_token: Option<String>,
    /// Where servers, keys and actions are remembered.
    pub state_path: PathBuf,
    /// The fleet's name of the hoster whose subnet the servers join.
    pub hoster: String,
    /// How many servers the project may have.
    pub server_limit: usize,
    /// Requests an hour for the whole project.
    pub requests_per_hour: u32,
    /// How long an order waits for its server's address, so that the answer can
    /// have it as the hoster's has. Later ones are answered without.
    pub address_within: Duration,
    /// What goes wrong, on demand.
    pub faults: Faults,
}

impl ApiConfig {
    /// A project with the hoster's documented limits and no faults.
    pub fn new(token: impl Into<String>, state_path: impl Into<PathBuf>) -> Self {
        Self {
            token: token.into(),
            read_only_token: None,
            state_path: state_path.into(),
            hoster: "hetzner".to_owned(),
            server_limit: 100,
            requests_per_hour: 3600,
            address_within: Duration::from_secs(2),
            faults: Arc::new(|| None),
        }
    }
}

/// What all requests share.
pub(crate) struct Api {
    fleet: Arc<dyn Fleet>,
    store: Store,
    config: ApiConfig,
    project_budget: Budget,
    stranger_budget: Budget,
    /// Servers asked to shut down, while the fleet waits for them. Not stored:
    /// after a restart nobody waits any more.
    shutting_down: Mutex<BTreeSet<i64>>,
}

/// The interface over a fleet. Must be called inside a tokio runtime: orders that
/// a crash left half done are cleared away in the background.
///
/// # Errors
/// When the state file cannot be read or written. It is never taken for empty.
pub fn router(fleet: Arc<dyn Fleet>, config: ApiConfig) -> Result<Router, StateError> {
    let now = Instant::now();
    let api = Arc::new(Api {
        store: Store::open(&config.state_path)?,
        fleet,
        project_budget: Budget::new(config.requests_per_hour, now),
        stranger_budget: Budget::new(config.requests_per_hour, now),
        shutting_down: Mutex::default(),
        config,
    });
    api.clear_half_done();
    Ok(Router::new()
        .nest("/v1", routes())
        .fallback(|uri: axum::http::Uri| async move { ApiError::not_found(uri.path()) })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&api),
            gate::pass,
        ))
        .with_state(api))
}

fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/servers", get(servers::list).post(order::create))
        .route(
            "/servers/{id}",
            get(servers::get)
                .put(servers::update)
                .delete(servers::delete),
        )
        .route("/servers/actions", get(actions::list))
        .route("/servers/actions/{action}", get(actions::get))
        .route("/servers/{id}/actions", get(actions::list_of_server))
        .route(
            "/servers/{id}/actions/{action}",
            get(actions::get_of_server).post(actions::perform),
        )
        .route("/actions", get(actions::several))
        .route("/actions/{action}", get(actions::get))
        .route("/ssh_keys", get(ssh_keys::list).post(ssh_keys::create))
        .route(
            "/ssh_keys/{id}",
            get(ssh_keys::get)
                .put(ssh_keys::update)
                .delete(ssh_keys::delete),
        )
        .route("/images", get(catalog::list_images))
        .route("/images/{id}", get(catalog::get_image))
        .route("/server_types", get(catalog::list_server_types))
        .route("/server_types/{id}", get(catalog::get_server_type))
        .route("/locations", get(catalog::list_locations))
        .route("/locations/{id}", get(catalog::get_location))
}
