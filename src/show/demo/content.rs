//! What users see and what the databases hold, before and after.

use super::visitor::{Fingerprint, VisitError, Visitor, WriteSpec, Written};
use crate::decide::derive;
use crate::flow::session::Session;
use crate::model::gap::Gap;
use crate::model::ids::{HostName, MachineName, ServiceName, StackId};
use crate::model::machine::{MachineManifest, Role};
use crate::model::point::ServiceContent;
use crate::show::lab_estate::STACK;
use crate::world::backup;
use crate::world::machine::MachineError;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Why the content could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// As a user.
    #[error("as a visitor of {host}")]
    Visit {
        /// Which site.
        host: HostName,
        /// Why.
        #[source]
        source: VisitError,
    },
    /// The name.
    #[error("the name {host} leads nowhere: {reason}")]
    Name {
        /// Which.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// On the machine.
    #[error("the machine's content could not be counted")]
    Machine(#[from] MachineError),
    /// Nothing to look at.
    #[error("{0}")]
    Missing(String),
}

/// Everything that is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// By what a visitor sees, per site.
    pub seen: BTreeMap<HostName, Fingerprint>,
    /// By what the machine holds: files and rows per table.
    pub held: BTreeMap<ServiceName, ServiceContent>,
}

impl Content {
    /// Rows over all tables of all databases, those left out that a wiki fills by itself.
    pub fn rows(&self) -> u64 {
        self.held
            .values()
            .flat_map(|service| service.databases.values())
            .flat_map(|database| &database.rows)
            .filter(|(table, _)| !volatile(table))
            .map(|(_, rows)| rows)
            .sum()
    }

    /// What differs, in words; empty when users and databases have the same as before.
    ///
    /// Tables that the application fills by itself while it is looked at (caches,
    /// queues) are not users' data and are left out.
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (host, before) in &self.seen {
            match later.seen.get(host) {
                Some(after) => found.extend(
                    before
                        .diff(after)
                        .iter()
                        .map(|difference| format!("{host}: {difference:?}")),
                ),
                None => found.push(format!("{host}: not there any more")),
            }
        }
        for (service, before) in &self.held {
            for (name, database) in &before.databases {
                let after = later
                    .held
                    .get(service)
                    .and_then(|content| content.databases.get(name));
                for (table, rows) in &database.rows {
                    let now = after.and_then(|d| d.rows.get(table));
                    if now != Some(rows) && !volatile(table) {
                        found.push(format!(
                            "{service}, {table}: {rows} rows before, {now:?} after"
                        ));
                    }
                }
            }
        }
        found
    }
}

/// Tables that a wiki fills and empties by itself, without anybody's writing.
fn volatile(table: &str) -> bool {
    let name = table.rsplit('.').next().unwrap_or(table);
    [
        "objectcache",
        "job",
        "l10n_cache",
        "module_deps",
        "querycache",
        "querycache_info",
        "querycachetwo",
        "updatelog",
        "log_search",
        "user_autocreate_serial",
    ]
    .contains(&name)
}

/// A user's hands and eyes on the demo's two sites.
pub struct Users<'a> {
    session: &'a Session,
}

impl<'a> Users<'a> {
    pub fn of(session: &'a Session) -> Self {
        Self { session }
    }

    /// Pages, revisions and uploads on both sites.
    pub async fn write(&self) -> Result<Vec<(HostName, Written)>, ContentError> {
        let mut written = Vec::new();
        for site in self.sites()? {
            let visitor = self.visitor(&site.host).await?;
            let visit = |source| ContentError::Visit {
                host: site.host.clone(),
                source,
            };
            let done = if site.mediawiki {
                let spec = WriteSpec {
                    seed: 1,
                    pages: 20,
                    revisions: 300,
                    upload_bytes: 6 << 20,
                };
                visitor
                    .mediawiki_write(&site.user, &site.password, &spec)
                    .await
            } else {
                let spec = WriteSpec {
                    seed: 2,
                    pages: 10,
                    revisions: 40,
                    upload_bytes: 1 << 20,
                };
                visitor
                    .dokuwiki_write(&site.user, &site.password, &spec)
                    .await
            };
            written.push((site.host.clone(), done.map_err(visit)?));
        }
        Ok(written)
    }

    /// All of it, as seen and as held.
    pub async fn look(&self, machine: &MachineName) -> Result<Content, ContentError> {
        let mut seen = BTreeMap::new();
        for site in self.sites()? {
            let visitor = self.visitor(&site.host).await?;
            let fingerprint = if site.mediawiki {
                visitor.mediawiki_fingerprint().await
            } else {
                visitor
                    .dokuwiki_fingerprint(&site.user, &site.password)
                    .await
            };
            let fingerprint = fingerprint.map_err(|source| ContentError::Visit {
                host: site.host.clone(),
                source,
            })?;
            seen.insert(site.host, fingerprint);
        }
        let contact = self.session.contact(machine).ok_or_else(|| {
            ContentError::Missing(format!("nobody knows where {machine} answers"))
        })?;
        let manifest = self.manifest(machine)?;
        let transport = self.session.world.transport.as_ref();
        let held = backup::content(transport, &contact, &manifest.services).await?;
        Ok(Content { seen, held })
    }

    fn manifest(&self, machine: &MachineName) -> Result<MachineManifest, ContentError> {
        let stack = StackId::new(STACK);
        self.session
            .manifest(
                Role::Production,
                Some(&stack),
                machine,
                crate::model::ids::Epoch(1),
                None,
            )
            .map_err(|error| ContentError::Missing(crate::model::causes::chain(&error)))
    }

    /// Asks the name server, as a user's computer would, each time anew.
    async fn visitor(&self, host: &HostName) -> Result<Visitor, ContentError> {
        let name = |reason: String| ContentError::Name {
            host: host.clone(),
            reason,
        };
        let names = self
            .session
            .world
            .names
            .as_ref()
            .ok_or_else(|| name("the estate names no name server".into()))?;
        let addresses = names
            .lookup(host)
            .await
            .map_err(|gap: Gap| name(gap.to_string()))?;
        let address = addresses
            .addresses
            .first()
            .ok_or_else(|| name("it has no address".into()))?;
        Visitor::new(host.as_str(), SocketAddr::new(*address, 80)).map_err(|source| {
            ContentError::Visit {
                host: host.clone(),
                source,
            }
        })
    }

    fn sites(&self) -> Result<Vec<Site>, ContentError> {
        let stack = self
            .session
            .desired
            .stacks
            .get(&StackId::new(STACK))
            .ok_or_else(|| ContentError::Missing(format!("the estate has no stack {STACK}")))?;
        Ok(stack
            .services
            .iter()
            .map(|service| {
                let context = ["service", STACK, service.name.as_str(), "admin_password"];
                let mediawiki = service.blueprint.as_str() == "mediawiki";
                let user = service.settings.get("admin").cloned();
                Site {
                    host: service.host.clone(),
                    mediawiki,
                    user: user.unwrap_or_else(|| "admin".to_owned()),
                    password: derive::text(&self.session.key, &context)
                        .expose_text()
                        .unwrap_or_default()
                        .to_owned(),
                }
            })
            .collect())
    }
}

struct Site {
    host: HostName,
    mediawiki: bool,
    user: String,
    password: String,
}
