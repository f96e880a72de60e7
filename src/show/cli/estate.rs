//! What every command on an estate takes, and how it begins.

use super::failure::{Reader, explain, fail};
use crate::decide::only::named;
use crate::flow::approve::Grounds;
use crate::flow::config::Config;
use crate::flow::entry::{self, EntryError, Mode};
use crate::flow::estate::EstateError;
use crate::flow::session::Session;
use crate::model::desired::Desired;
use crate::model::ids::{CommitId, StackId};
use crate::show::exit::Exit;
use crate::show::say::errln;
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::git::Known;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Which estate.
#[derive(Debug, Clone, clap::Args)]
pub struct EstateArgs {
    /// The estate's repository
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub estate: PathBuf,
    /// Configuration with root, keys and state [default: .git/holdfast/config.toml of the estate]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Open secrets with this age identity instead of the configured one, for example the escrow key
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

/// Where trust begins, for commands that need nothing else of a configuration.
#[derive(Debug, Clone, clap::Args)]
pub struct RootArgs {
    /// The commit that is trusted [default: the root in config.toml]
    #[arg(
        long,
        value_name = "COMMIT",
        env = "HOLDFAST_ROOT",
        hide_env_values = true
    )]
    pub root: Option<String>,
}

impl EstateArgs {
    /// What commits are judged from: `--root`, or the configuration beside the estate.
    pub fn grounds(&self, root: &RootArgs) -> Result<Grounds, EntryError> {
        let now = SystemClock.now();
        if let Some(root) = &root.root {
            return Ok(Grounds {
                repository: self.estate.clone(),
                root: CommitId::new(root),
                head: "HEAD".to_owned(),
                known: Known::none(),
                now,
            });
        }
        let config = self.config()?;
        Ok(Grounds {
            known: Known::load(&config.seen()).map_err(EstateError::from)?,
            repository: config.estate,
            root: config.root,
            head: config.head,
            now,
        })
    }

    /// The configuration beside the estate.
    pub fn config(&self) -> Result<Config, EntryError> {
        let config = Config::load(&self.estate, self.config.as_deref())?;
        Ok(match &self.identity {
            Some(identity) => config.with_identity(identity),
            None => config,
        })
    }

    /// Fetches where the configuration says so, and opens the estate; says what is wrong if it
    /// cannot.
    pub async fn open_newest(
        &self,
        mode: Mode,
        reader: impl Into<Reader>,
    ) -> Result<Arc<Session>, Exit> {
        let opened = match self.config() {
            Ok(config) => entry::open_newest(&config, mode).await,
            Err(error) => Err(error),
        };
        opened.map_err(|error| explain(reader, &error))
    }

    /// Opens the estate with nothing but the escrow key; says what is wrong if it cannot.
    pub async fn open_with_escrow(
        &self,
        key: &Path,
        mode: Mode,
        reader: impl Into<Reader>,
    ) -> Result<Arc<Session>, Exit> {
        let opened = match self.config() {
            Ok(config) => entry::open(&config.with_escrow(key), mode).await,
            Err(error) => Err(error),
        };
        opened.map_err(|error| explain(reader, &error))
    }

    /// Opens the estate; says what is wrong if it cannot.
    pub async fn open(&self, mode: Mode, reader: impl Into<Reader>) -> Result<Arc<Session>, Exit> {
        let opened = match self.config() {
            Ok(config) => entry::open(&config, mode).await,
            Err(error) => Err(error),
        };
        opened.map_err(|error| explain(reader, &error))
    }
}

/// The stacks that were named, by the ids under which they began; `None` where none was.
pub fn chosen(
    desired: &Desired,
    asked: &[String],
    reader: impl Into<Reader>,
) -> Result<Option<Vec<StackId>>, Exit> {
    if asked.is_empty() {
        return Ok(None);
    }
    let asked: Vec<StackId> = asked.iter().map(StackId::new).collect();
    let known = desired.names();
    let stacks = named(&asked, known.iter().map(StackId::as_str));
    let stacks = stacks.map_err(|error| fail(reader, &error))?;
    // Their steps bear the id with which they began.
    let began = stacks
        .into_iter()
        .map(|id| desired.began(&id).unwrap_or(id));
    Ok(Some(began.collect()))
}

/// What a command that acts on an estate says: running steps come to their end.
pub const AT_A_STEP: &str = "stopping at the next step boundary";

/// Cancelled by Ctrl-C or SIGTERM; says so with these words.
pub fn stop_signal(words: &'static str) -> CancellationToken {
    stop_signal_told(move || errln!("{words}; a second Ctrl-C ends at once"))
}

/// The same, told in another way.
pub fn stop_signal_told(tell: impl FnOnce() + Send + 'static) -> CancellationToken {
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        let Ok(mut terminate) =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        tell();
        on_signal.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
    stop
}
