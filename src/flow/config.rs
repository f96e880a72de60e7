//! What this computer knows of an estate and never commits: the trusted root,
//! where the identity and the journal are.

use crate::decide::schema::{self, Kind, words};
use crate::model::ids::CommitId;
use crate::model::repository::KeyRole;
use crate::model::units::parse_duration;
use crate::world::git::write::{WriteError, git_dir};
use crate::world::store::Place;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Folder inside `.git`.
pub const FOLDER: &str = "holdfast";

/// `config.toml`, paths made absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The estate's repository.
    pub estate: PathBuf,
    /// The first commit that is trusted; nothing before it counts.
    pub root: CommitId,
    /// The reconciler's age identity file.
    pub identity: PathBuf,
    /// The journal's file; what this computer keeps for itself lies beside it in any case.
    pub state: PathBuf,
    /// Where the journal is.
    pub journal: Place,
    /// The reference that is followed.
    pub head: String,
    /// How long this computer waits for others.
    pub patience: Patience,
    /// Where commits come from; without it nothing is fetched.
    pub fetch: Option<Fetch>,
    /// Which key of the repository machines of drills are given.
    pub drills_with: KeyRole,
    /// How `holdfast run` goes about it.
    pub run: Run,
    /// For how long the loop has run; none where a person has begun this.
    pub up: Option<Duration>,
}

/// `[run]`: how the loop goes about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// From the end of a pass to the next.
    pub interval: Duration,
    /// Nothing destructive for so long after its start (S8).
    pub still: Duration,
    /// So many groups of stacks have their steps under way at once, repairs not counted.
    pub at_once: usize,
    /// How often what serves is probed; without it, never.
    pub probe: Option<Duration>,
    /// Where health, metrics and pushes are; without it, nowhere.
    pub listen: Option<SocketAddr>,
    /// The file with the secret that pushes are signed with; without it they are not taken.
    pub push_secret: Option<PathBuf>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(1),
            still: Duration::from_mins(5),
            at_once: 8,
            probe: Some(Duration::from_secs(30)),
            listen: None,
            push_secret: None,
        }
    }
}

/// `[fetch]`: where commits and approvals come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// As `git remote` lists it.
    pub remote: String,
    /// Its branch.
    pub branch: String,
    /// After that long without a fetch nothing destructive is done.
    pub fresh_within: Duration,
}

impl Fetch {
    /// Where the fetched branch is kept.
    pub fn reference(&self) -> String {
        format!("refs/remotes/{}/{}", self.remote, self.branch)
    }
}

/// `[patience]`: how long the outside may take before it counts as not answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// One complete look at a hoster, retries included.
    pub hoster: Duration,
    /// From the order of a machine until its SSH answers.
    pub first_contact: Duration,
    /// One fetch from the remote.
    pub fetch: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            hoster: Duration::from_mins(2),
            first_contact: Duration::from_mins(5),
            fetch: Duration::from_mins(1),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No repository.
    #[error("{estate} is not an estate")]
    NoRepository {
        /// `--estate`.
        estate: PathBuf,
        /// Why.
        #[source]
        source: WriteError,
    },
    /// No file.
    #[error(
        "cannot read {path}; name it with --config; in a clone, name the trusted commit with --root or HOLDFAST_ROOT; `holdfast init` makes a new estate"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not what it should be.
    #[error("{path}: {why}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What the parser said.
        why: String,
    },
}

/// Its schema, from the very type that is read.
pub const KIND: Kind = Kind {
    name: "config",
    files: ".git/holdfast/config.toml",
    in_estate: false,
    make: schema::of::<File>,
};

/// What this computer knows of an estate and never commits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Config")]
struct File {
    /// The first commit that is trusted, by its full id; nothing before it counts.
    root: String,
    /// The reconciler's age identity, which opens the estate's secrets; relative to this file.
    identity: PathBuf,
    /// The journal; relative to this file. With `[store]`, what lies beside it stays here.
    state: PathBuf,
    /// The reference that is followed.
    #[schemars(extend("default" = "HEAD"))]
    head: Option<String>,
    /// How long this computer waits for others.
    #[serde(default)]
    #[schemars(with = "Option<PatienceTable>")]
    patience: PatienceTable,
    /// Where new commits and approvals are fetched from before each run; absent: nothing is fetched.
    fetch: Option<FetchTable>,
    /// How `holdfast run` goes about it.
    #[serde(default)]
    #[schemars(with = "Option<RunTable>")]
    run: RunTable,
    /// Where several reconcilers keep their journal; absent: in `state`, for this computer alone.
    store: Option<StoreTable>,
}

/// Where several reconcilers keep their journal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StoreTable {
    /// The file with the database's address and password, as one line that begins with
    /// postgresql://; relative to this file.
    postgresql: PathBuf,
}

/// How long the outside may take before it counts as not answering.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PatienceTable {
    /// One complete look at a hoster, retries included.
    #[schemars(with = "Option<words::Duration>", extend("default" = "2m"))]
    hoster: Option<String>,
    /// From the order of a machine until its SSH answers.
    #[schemars(with = "Option<words::Duration>", extend("default" = "5m"))]
    first_contact: Option<String>,
    /// One fetch from the remote.
    #[schemars(with = "Option<words::Duration>", extend("default" = "1m"))]
    fetch: Option<String>,
}

impl PatienceTable {
    fn read(&self) -> Result<Patience, String> {
        let usual = Patience::default();
        let or = |name: &str, text: &Option<String>, usual: Duration| {
            duration(text.as_deref(), usual).map_err(|why| format!("[patience] {name}: {why}"))
        };
        Ok(Patience {
            hoster: or("hoster", &self.hoster, usual.hoster)?,
            first_contact: or("first_contact", &self.first_contact, usual.first_contact)?,
            fetch: or("fetch", &self.fetch, usual.fetch)?,
        })
    }
}

fn duration(text: Option<&str>, usual: Duration) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(usual) };
    parse_duration(text)
        .map_err(|error| error.to_string())
        .and_then(|d| Duration::try_from(d).map_err(|error| error.to_string()))
}

/// Where new commits and approvals are fetched from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FetchTable {
    /// The remote, as Git names it.
    #[schemars(extend("default" = "origin"))]
    remote: Option<String>,
    /// The branch that is followed.
    #[schemars(extend("default" = "main"))]
    branch: Option<String>,
    /// Without a good fetch for longer than this, nothing destructive happens.
    #[schemars(with = "Option<words::Duration>", extend("default" = "24h"))]
    fresh_within: Option<String>,
}

impl FetchTable {
    fn read(self) -> Result<Fetch, String> {
        let name = |key: &str, text: Option<String>, usual: &str| {
            let text = text.unwrap_or_else(|| usual.to_owned());
            if is_plain_name(&text) {
                return Ok(text);
            }
            Err(format!("[fetch] {key}: {text:?} is no plain name"))
        };
        Ok(Fetch {
            remote: name("remote", self.remote, "origin")?,
            branch: name("branch", self.branch, "main")?,
            fresh_within: duration(self.fresh_within.as_deref(), Duration::from_hours(24))
                .map_err(|why| format!("[fetch] fresh_within: {why}"))?,
        })
    }
}

/// How `holdfast run` goes about it.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("dependencies" = { "push_secret": ["listen"] }))]
struct RunTable {
    /// From the end of a pass to the beginning of the next, where nothing wakes it before.
    #[schemars(with = "Option<words::Duration>", extend("default" = "1m"))]
    interval: Option<String>,
    /// After its start, nothing destructive happens for this long.
    #[schemars(with = "Option<words::Duration>", extend("default" = "5m"))]
    still_after_start: Option<String>,
    /// So many stacks have their steps under way at once; repairs of what was lost begin beside
    /// them.
    #[schemars(extend("default" = 8, "minimum" = 1))]
    at_once: Option<usize>,
    /// How often a connection to what serves is tried, so that a loss wakes the loop; "off": never.
    #[schemars(with = "Option<words::Often>", extend("default" = "30s"))]
    probe: Option<String>,
    /// Where health, metrics and pushes are, for example 127.0.0.1:9467; absent: nowhere.
    listen: Option<String>,
    /// The file with the secret that the forge signs its webhooks with; relative to this file.
    push_secret: Option<PathBuf>,
}

impl RunTable {
    fn read(self, folder: &Path) -> Result<Run, String> {
        let usual = Run::default();
        let or = |key: &str, text: Option<String>, usual: Duration| {
            duration(text.as_deref(), usual).map_err(|why| format!("[run] {key}: {why}"))
        };
        let interval = or("interval", self.interval, usual.interval)?;
        if interval < Duration::from_secs(1) {
            return Err("[run] interval: at least 1s".to_owned());
        }
        let at_once = self.at_once.unwrap_or(usual.at_once);
        if at_once == 0 {
            return Err("[run] at_once: at least 1".to_owned());
        }
        let probe = match self.probe.as_deref() {
            Some("off") => None,
            Some(_) => Some(or("probe", self.probe, Duration::ZERO)?),
            None => usual.probe,
        };
        if probe.is_some_and(|probe| probe < Duration::from_secs(5)) {
            return Err("[run] probe: at least 5s, or \"off\"".to_owned());
        }
        let listen = self.listen.map(|text| loopback(&text)).transpose()?;
        if self.push_secret.is_some() && listen.is_none() {
            return Err("[run] push_secret: pushes come to `listen`, which is missing".to_owned());
        }
        Ok(Run {
            interval,
            still: or("still_after_start", self.still_after_start, usual.still)?,
            at_once,
            probe,
            listen,
            push_secret: self.push_secret.map(|path| folder.join(path)),
        })
    }
}

/// Nobody else's computer: what is told there is for who may log in here, and a web server in
/// front of it brings pushes in.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(address) => Err(format!(
            "[run] listen: {address} can be reached by others; use 127.0.0.1 and put a web server before it"
        )),
        Err(_) => Err(format!(
            "[run] listen: {text:?} is no address with a port, such as 127.0.0.1:9467"
        )),
    }
}

/// A remote or branch that means the same to git, whatever stands around it.
fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && !["..", "//", "/.", "./"]
            .iter()
            .any(|bad| name.contains(bad))
}

impl Config {
    /// What this computer accepted before, beside the journal.
    pub fn seen(&self) -> PathBuf {
        self.state.with_file_name("seen")
    }

    /// The same with nothing but the escrow key: it opens the estate's secrets, and drills open
    /// repositories with the escrow key alone.
    #[must_use]
    pub fn with_escrow(self, identity: &Path) -> Self {
        Self {
            drills_with: KeyRole::Escrow,
            ..self.with_identity(identity)
        }
    }

    /// The same for a loop that has run for so long.
    #[must_use]
    pub fn running_for(self, up: Duration) -> Self {
        Self {
            up: Some(up),
            ..self
        }
    }

    /// The same with another key to the estate's secrets.
    #[must_use]
    pub fn with_identity(mut self, identity: &Path) -> Self {
        identity.clone_into(&mut self.identity);
        self
    }

    /// Reads `--config FILE`, or `<gitdir>/holdfast/config.toml`. Relative
    /// paths in it start at the file's own folder.
    pub fn load(estate: &Path, file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match file {
            Some(file) => file.to_owned(),
            None => git_dir(estate)
                .map_err(|source| ConfigError::NoRepository {
                    estate: estate.to_owned(),
                    source,
                })?
                .join(FOLDER)
                .join("config.toml"),
        };
        let text = fs::read_to_string(&path).map_err(|source| ConfigError::Missing {
            path: path.clone(),
            source,
        })?;
        let malformed = |why: String| ConfigError::Malformed {
            path: path.clone(),
            why,
        };
        let read: File = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let patience = read.patience.read().map_err(malformed)?;
        let fetch = read.fetch.map(FetchTable::read).transpose();
        let fetch = fetch.map_err(malformed)?;
        let usual = fetch
            .as_ref()
            .map_or_else(|| "HEAD".to_owned(), Fetch::reference);
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let run = read.run.read(folder).map_err(malformed)?;
        let state = folder.join(read.state);
        let journal = match read.store {
            Some(store) => Place::Shared(folder.join(store.postgresql)),
            None => Place::File(state.clone()),
        };
        Ok(Self {
            estate: estate.to_owned(),
            root: CommitId::new(read.root),
            identity: folder.join(read.identity),
            state,
            journal,
            head: read.head.unwrap_or(usual),
            patience,
            fetch,
            drills_with: KeyRole::Production,
            run,
            up: None,
        })
    }
}
