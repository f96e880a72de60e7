//! A visitor who reads and writes a wiki over HTTP, as people and their programs do.
//!
//! It knows nothing of machines, files or databases: what it finds before a loss and
//! after a rebuild is what a user would find. Content is made from a seed, so that two
//! runs write the same; never anything of a customer's.

mod dokuwiki;
mod fingerprint;
mod mediawiki;
mod picture;
mod prose;
mod xmlrpc;

pub use fingerprint::{Difference, Fingerprint};

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::Duration;

/// How many requests a visitor keeps under way. More gain nothing on a machine with two
/// cores, and few enough never wait for one of PHP-FPM's processes.
const LANES: usize = 2;

/// What a visitor writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteSpec {
    /// Decides every text and every picture, and their names.
    pub seed: u64,
    /// How many pages there will be.
    pub pages: usize,
    /// Revisions over all pages together, the creation of each included.
    pub revisions: usize,
    /// Size of the one picture that is uploaded, about, in bytes; 0 for none.
    pub upload_bytes: usize,
}

/// What a visitor wrote, counted from the wiki's answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Written {
    /// Pages that were made or changed.
    pub pages: usize,
    /// Revisions that the wiki acknowledged.
    pub revisions: usize,
    /// Bytes of the uploaded picture; 0 if there was none.
    pub upload_bytes: usize,
    /// From login to the last acknowledgement, in seconds.
    pub seconds: f64,
}

/// Why a visit failed. Nothing on this side is changed by any of them.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The HTTP client could not be made.
    #[error("no HTTP client for {host}")]
    Client {
        /// Name of the site.
        host: String,
        /// What the library said.
        source: reqwest::Error,
    },
    /// No answer, or it broke off.
    #[error("no complete answer from {host} to: {action}")]
    Transport {
        /// Name of the site.
        host: String,
        /// What the visitor wanted.
        action: String,
        /// What the library said.
        source: reqwest::Error,
    },
    /// An HTTP status other than success.
    #[error("{host} answered {status} to: {action}")]
    Status {
        /// Name of the site.
        host: String,
        /// What the visitor wanted.
        action: String,
        /// The status.
        status: StatusCode,
    },
    /// The wiki understood and declined.
    #[error("{host} refused to {action}: {reason}")]
    Refused {
        /// Name of the site.
        host: String,
        /// What the visitor wanted.
        action: String,
        /// In the wiki's words.
        reason: String,
    },
    /// The answer is not what the wiki's documents promise.
    #[error("{host} gave an answer without {missing} to: {action}")]
    Answer {
        /// Name of the site.
        host: String,
        /// What the visitor wanted.
        action: String,
        /// What was looked for.
        missing: String,
    },
    /// One of the concurrent requests ended abnormally.
    #[error("a request to {host} was cut short")]
    CutShort {
        /// Name of the site.
        host: String,
        /// How the task ended.
        source: tokio::task::JoinError,
    },
}

/// One person's browser: a site, an address it is reached at, and cookies.
#[derive(Debug, Clone)]
pub struct Visitor {
    client: Client,
    host: String,
    base: String,
}

impl Visitor {
    /// Opens a browser for the site `host`, which is reached at `addr` whatever the system's
    /// name servers say.
    pub fn new(host: &str, addr: SocketAddr) -> Result<Self, VisitError> {
        let client = Client::builder()
            .cookie_store(true)
            .resolve(host, addr)
            .no_proxy()
            .user_agent(concat!("holdfast-visitor/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_mins(3))
            .build()
            .map_err(|source| VisitError::Client {
                host: host.to_owned(),
                source,
            })?;
        // The port of an overridden address is ignored by the client: it stands in the URL.
        let base = match addr.port() {
            80 => format!("http://{host}"),
            port => format!("http://{host}:{port}"),
        };
        Ok(Self {
            client,
            host: host.to_owned(),
            base,
        })
    }

    /// Sends a request and insists on success.
    async fn send(&self, action: &str, request: RequestBuilder) -> Result<Response, VisitError> {
        let response = request
            .send()
            .await
            .map_err(|source| self.transport(action, source))?;
        let status = response.status();
        if status.is_success() {
            Ok(response)
        } else {
            Err(VisitError::Status {
                host: self.host.clone(),
                action: action.to_owned(),
                status,
            })
        }
    }

    /// The answer's body as text.
    async fn text(&self, action: &str, request: RequestBuilder) -> Result<String, VisitError> {
        let response = self.send(action, request).await?;
        response
            .text()
            .await
            .map_err(|source| self.transport(action, source))
    }

    /// Size and SHA-256 of what stands at a path of the site, read as it comes in.
    async fn download(&self, path: &str) -> Result<(u64, String), VisitError> {
        let action = format!("download {path}");
        let request = self.client.get(format!("{}{path}", self.base));
        let mut response = self.send(&action, request).await?;
        let mut digest = Sha256::new();
        let mut size = 0;
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|source| self.transport(&action, source))?
        {
            size += chunk.len() as u64;
            digest.update(&chunk);
        }
        Ok((size, hex::encode(digest.finalize())))
    }

    fn transport(&self, action: &str, source: reqwest::Error) -> VisitError {
        VisitError::Transport {
            host: self.host.clone(),
            action: action.to_owned(),
            // Tokens travel in bodies, but an address has no place in a message either.
            source: source.without_url(),
        }
    }

    fn refused(&self, action: &str, reason: impl Into<String>) -> VisitError {
        VisitError::Refused {
            host: self.host.clone(),
            action: action.to_owned(),
            reason: reason.into(),
        }
    }

    fn answer(&self, action: &str, missing: &str) -> VisitError {
        VisitError::Answer {
            host: self.host.clone(),
            action: action.to_owned(),
            missing: missing.to_owned(),
        }
    }

    fn cut_short(&self, source: tokio::task::JoinError) -> VisitError {
        VisitError::CutShort {
            host: self.host.clone(),
            source,
        }
    }
}

/// SHA-256 as lower-case hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
