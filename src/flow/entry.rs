//! From a directory to a session: configuration, verified commit, what it asks for, secrets, hands.

use super::before;
use super::book::{Book, Shared};
use super::config::{Config, ConfigError, Patience};
use super::estate::{self, Estate, EstateError};
use super::head;
use super::projection::Projection;
use super::session::{Session, World};
use super::standing;
use crate::decide::derive::{self, DeriveError, EstateKey};
use crate::decide::resolve::Resolution;
use crate::model::desired::{Desired, HosterAccount, InterfaceFamily};
use crate::model::diagnostic::Diagnostic;
use crate::model::gap::Gap;
use crate::model::ids::{EstateName, HosterId};
use crate::model::journal::Event;
use crate::model::repository::KeyRole;
use crate::model::secret::Secret;
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::dns::{Names, UpdatableZone};
use crate::world::git::{TrustError, VerifiedCommit};
use crate::world::hoster::{Hoster, hetzner, pool, wrap};
use crate::world::machine::Transport;
use crate::world::machine::ssh::{SshError, SshTransport};
use crate::world::secrets::Opener;
use crate::world::store::{self, Journal, StoreError};
use std::collections::BTreeMap;
use std::path::PathBuf;
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
    /// What all stacks share is broken, and nothing sound was accepted before.
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
    /// Another writer accepted another head in between.
    #[error("another session has just accepted another commit; nothing was done, begin again")]
    Overtaken,
    /// Another key than the estate's escrow keys.
    #[error(
        "{} opens this estate, and it is no escrow key of its trust.toml: a drill with it would prove nothing of the escrow key", .path.display()
    )]
    NotEscrow {
        /// The identity file.
        path: PathBuf,
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

/// Puts something between an estate and what is outside; [`as_it_is`] does not.
pub type Hands = dyn Fn(World) -> World + Sync;

/// The world itself.
pub fn as_it_is(world: World) -> World {
    world
}

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Look and plan.
    Read,
    /// Also act and record; one such session at a time.
    Write,
}

/// Fetches where the configuration says so, then opens the estate for work.
pub async fn open_newest(config: &Config, mode: Mode) -> Result<Arc<Session>, EntryError> {
    let gaps = standing::fetch(config, SystemClock.now()).await;
    open_with(config, &as_it_is, mode, (None, &Arc::default()), gaps).await
}

/// The same for work beside what this process is doing already, in the same journal, of which it
/// knows this much.
pub async fn open_beside(
    config: &Config,
    hands: &Hands,
    journal: Option<Shared>,
    known: &Arc<Projection>,
) -> Result<Arc<Session>, EntryError> {
    let gaps = standing::fetch(config, SystemClock.now()).await;
    open_with(config, hands, Mode::Write, (journal, known), gaps).await
}

/// Opens an estate for work, as it is on this computer.
pub async fn open(config: &Config, mode: Mode) -> Result<Arc<Session>, EntryError> {
    open_with(config, &as_it_is, mode, (None, &Arc::default()), Vec::new()).await
}

async fn open_with(
    config: &Config,
    hands: &Hands,
    mode: Mode,
    (shared, known): (Option<Shared>, &Arc<Projection>),
    unfetched: Vec<Gap>,
) -> Result<Arc<Session>, EntryError> {
    if mode == Mode::Write && shared.is_none() {
        store::carry_over(&config.journal, &config.state).await?;
    }
    // Judged before anything is made on this computer, the journal included.
    let past = known.catch_up(&config.journal).await?;
    let accepted = past.heads.iter().rev();
    let chosen = head::sound(config, head::choose(config, &past)?, accepted);
    let Estate { commit, resolution } = chosen.estate;
    if resolution.desired.is_none() {
        return Err(broken(resolution, commit));
    }
    let book = match mode {
        Mode::Read => Book::Reading(config.journal.clone(), past),
        Mode::Write => {
            let book = if let Some(shared) = shared {
                Book::Writing(shared)
            } else {
                let journal = Journal::take(&config.journal).await?;
                Book::writing_on(journal, known.clone())
            };
            let now = book.history().await?;
            if now.accepted != past.accepted {
                return Err(EntryError::Overtaken);
            }
            let news = [
                chosen.is_new.then(|| Event::Accepted {
                    commit: commit.id().clone(),
                }),
                chosen
                    .set_back
                    .filter(|head| !past.set_back.contains(head))
                    .map(|head| Event::SetBack { head }),
            ];
            for event in news.into_iter().flatten() {
                book.append(None, event, SystemClock.now()).await?;
            }
            estate::remember(config, &commit)?;
            book
        }
    };
    let past = book.history().await?;
    let (id, files) = (commit.id(), commit.files());
    let resolution = before::settle_names(&config.estate, id, files, resolution, &past)?;
    let Some(mut desired) = resolution.desired else {
        return Err(broken(resolution, commit));
    };
    let secret = |name: &str| Ok(estate::secret(config, &commit, name)?);
    let key = EstateKey::new(estate::estate_key(config, &commit)?)?;
    desired.estate = derive::kin(&key, &desired.estate);
    let world = hands(world(&desired, &key, config.patience, &secret)?);
    let standing = chosen
        .standing
        .fetched(config, unfetched, SystemClock.now());
    if config.drills_with == KeyRole::Escrow {
        let recipient = Opener::load(&config.identity)
            .map_err(EstateError::from)?
            .recipient();
        if !standing.trust.recipients.escrow.contains(&recipient) {
            return Err(EntryError::NotEscrow {
                path: config.identity.clone(),
            });
        }
    }
    let session = Session::new(desired, key, world, book, standing)
        .drilling_with(config.drills_with)
        .with_past(&past);
    Ok(Arc::new(
        session.with_first_contact(config.patience.first_contact),
    ))
}

/// The newest head as it is, sound or not, for looking at it. Refused when it does not descend
/// from what the journal says was accepted; writes nothing.
pub async fn read_newest(config: &Config) -> Result<Estate, EntryError> {
    let past = Projection::default().catch_up(&config.journal).await?;
    Ok(head::newest(config, &past)?)
}

fn broken(resolution: Resolution, commit: VerifiedCommit) -> EntryError {
    EntryError::Broken {
        diagnostics: resolution.diagnostics,
        commit: Box::new(commit),
    }
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
