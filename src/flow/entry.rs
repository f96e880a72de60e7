//! From a directory to a session: configuration, verified commit, what it asks for, secrets, hands.

use super::config::{Config, ConfigError, Patience};
use super::estate::{self, Estate, EstateError};
use super::session::{Book, Session, World};
use crate::decide::derive::{self, DeriveError, EstateKey};
use crate::decide::history::History;
use crate::model::desired::{Desired, HosterAccount, InterfaceFamily};
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::{EstateName, HosterId};
use crate::model::journal::{Entry, Event};
use crate::model::secret::Secret;
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::dns::{Names, UpdatableZone};
use crate::world::git::{self, TrustError, VerifiedCommit};
use crate::world::hoster::{Hoster, hetzner, pool, wrap};
use crate::world::machine::Transport;
use crate::world::machine::ssh::{SshError, SshTransport};
use crate::world::store::{self, Journal, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why an estate cannot be worked on. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The configuration beside the estate.
    #[error("the configuration cannot be read")]
    Config(#[from] ConfigError),
    /// Nobody with the right signed it, or a secret or file cannot be read.
    #[error("the estate cannot be used; nothing was done")]
    Estate(#[from] EstateError),
    /// What all stacks share is broken.
    #[error("the estate's definition has errors; nothing was done")]
    Broken {
        /// All of them.
        diagnostics: Vec<Diagnostic>,
        /// For the view that shows the lines.
        commit: Box<VerifiedCommit>,
    },
    /// The estate key has the wrong form.
    #[error("the estate key")]
    EstateKey(#[from] DeriveError),
    /// The journal.
    #[error("the journal")]
    Journal(#[from] StoreError),
    /// Ancestry cannot be told.
    #[error("the estate's history cannot be read")]
    History(#[from] TrustError),
    /// The accepted head would move back, or aside (S9).
    #[error(
        "commit {new} does not descend from {old}, which was accepted before: history only grows; if this repository was restored from an old copy, fetch the newest"
    )]
    MovedBack {
        /// Accepted before.
        old: String,
        /// Found now.
        new: String,
    },
    /// The way onto machines.
    #[error("ssh cannot be used")]
    Transport(#[from] SshError),
    /// A hoster or the name server is described in a way we cannot use.
    #[error("{subject} cannot be used: {reason}")]
    Unusable {
        /// Which.
        subject: String,
        /// Why.
        reason: String,
    },
}

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Look and plan.
    Read,
    /// Also act and record; one such session at a time.
    Write,
}

/// Opens an estate for work.
pub async fn open(config: &Config, mode: Mode) -> Result<Arc<Session>, EntryError> {
    let Estate { commit, resolution } = estate::read(config)?;
    let Some(mut desired) = resolution.desired else {
        return Err(EntryError::Broken {
            diagnostics: resolution.diagnostics,
            commit: Box::new(commit),
        });
    };
    let book = match mode {
        Mode::Read => {
            let entries = store::read_entries(&config.state).await?;
            descends(config, &commit, &entries)?;
            Book::Reading(entries)
        }
        Mode::Write => {
            let journal = Journal::open(&config.state).await?;
            accept(config, &commit, &journal).await?;
            estate::remember(config, &commit)?;
            Book::Writing(journal.into())
        }
    };
    let secret = |name: &str| Ok(estate::secret(config, &commit, name)?);
    let key = EstateKey::new(estate::estate_key(config, &commit)?)?;
    desired.estate = derive::kin(&key, &desired.estate);
    let world = world(&desired, &key, config.patience, &secret)?;
    let session = Session::new(desired, key, world, book);
    Ok(Arc::new(
        session.with_first_contact(config.patience.first_contact),
    ))
}

/// The accepted estate and the key that its generated secrets derive from; reaches nothing outside.
pub fn with_key(config: &Config) -> Result<(Estate, EstateKey), EntryError> {
    let estate = estate::read(config)?;
    let key = EstateKey::new(estate::estate_key(config, &estate.commit)?)?;
    Ok((estate, key))
}

/// The public SSH key by which the reconciler is known on every machine of the
/// estate, as one line without comment. Ordered machines must let it in as root.
pub fn public_key(config: &Config) -> Result<String, EntryError> {
    let (_, key) = with_key(config)?;
    Ok(derive::client_key(&key).public)
}

/// The head only moves to descendants (S9). Says whether it is a new one.
fn descends(
    config: &Config,
    commit: &VerifiedCommit,
    entries: &[Entry],
) -> Result<bool, EntryError> {
    match History::from_entries(entries).accepted {
        Some(old) if old == *commit.id() => Ok(false),
        Some(old) if !git::is_descendant(&config.estate, &old, commit.id())? => {
            Err(EntryError::MovedBack {
                old: old.to_string(),
                new: commit.id().to_string(),
            })
        }
        _ => Ok(true),
    }
}

async fn accept(
    config: &Config,
    commit: &VerifiedCommit,
    journal: &Journal,
) -> Result<(), EntryError> {
    if descends(config, commit, &journal.entries().await?)? {
        let accepted = Event::Accepted {
            commit: commit.id().clone(),
        };
        journal.append(None, accepted, SystemClock.now()).await?;
    }
    Ok(())
}

fn world(
    desired: &Desired,
    key: &EstateKey,
    patience: Patience,
    secret: &dyn Fn(&str) -> Result<Secret, EntryError>,
) -> Result<World, EntryError> {
    let transport: Arc<dyn Transport> =
        Arc::new(SshTransport::new(&derive::client_key(key).private_openssh)?);
    let mut hosters: BTreeMap<HosterId, Arc<dyn Hoster>> = BTreeMap::new();
    for account in desired.hosters.values() {
        hosters.insert(
            account.id.clone(),
            hoster(account, &desired.estate, &transport, patience, secret)?,
        );
    }
    let names = match &desired.dns {
        Some(dns) => {
            let tsig = secret(&dns.key_secret)?;
            let server = UpdatableZone::new(dns, &tsig).map_err(|error| EntryError::Unusable {
                subject: format!("name server {}", dns.server),
                reason: error.to_string(),
            })?;
            Some(Arc::new(server) as Arc<dyn Names>)
        }
        None => None,
    };
    Ok(World {
        hosters,
        transport,
        names,
        clock: Arc::new(SystemClock),
    })
}

fn hoster(
    account: &HosterAccount,
    estate: &EstateName,
    transport: &Arc<dyn Transport>,
    patience: Patience,
    secret: &dyn Fn(&str) -> Result<Secret, EntryError>,
) -> Result<Arc<dyn Hoster>, EntryError> {
    let unusable = |reason: String| EntryError::Unusable {
        subject: format!("hoster {}", account.id),
        reason,
    };
    match account.descriptor.interface {
        InterfaceFamily::HetznerCloud => {
            let endpoint = account
                .endpoint
                .as_ref()
                .or(account.descriptor.endpoint.as_ref())
                .ok_or_else(|| {
                    unusable("neither hosters.toml nor its descriptor names an endpoint".into())
                })?;
            let name = account
                .token_secret
                .as_ref()
                .ok_or_else(|| unusable("token_secret is missing in hosters.toml".into()))?;
            let token = secret(name)?;
            let patience = wrap::Patience {
                observe_within: patience.hoster,
                ..wrap::Patience::default()
            };
            let hetzner = hetzner::Hetzner::new(
                account.id.clone(),
                endpoint,
                &token,
                estate.clone(),
                hetzner::Timing::default(),
                patience,
            )
            .map_err(|error| unusable(error.to_string()))?;
            Ok(Arc::new(wrap::Wrapped::new(hetzner, patience)))
        }
        InterfaceFamily::Pool => Ok(Arc::new(
            pool::Pool::new(
                account.id.clone(),
                estate.clone(),
                account.pool.clone(),
                transport.clone(),
            )
            .sparing(own_machine_id()),
        )),
    }
}

/// What systemd calls this machine, if it has a name.
fn own_machine_id() -> Option<String> {
    let text = std::fs::read_to_string("/etc/machine-id").ok()?;
    Some(text.trim().to_owned())
}
