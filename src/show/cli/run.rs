//! `holdfast run`: pass after pass, until it is stopped.

use super::estate::{AT_A_STEP, EstateArgs, stop_signal_told};
use super::failure::{Reader, explain, fail, failed};
use crate::flow::apply::Reporter;
use crate::flow::run::{self, Wakes};
use crate::show::exit::Exit;
use crate::show::service::{Board, http, log};
use crate::world::supervisor;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Below the options.
pub const HELP: &str =
    "Each pass is what `holdfast reconcile --once` does. It is woken by the interval of [run] in
config.toml, by a signed push, and sooner where something was left over. In its first five
minutes nothing destructive happens. SIGTERM or Ctrl-C: running steps come to their end, then it
ends with exit code 0. What is wrong at the start ends it with exit code 1.";

#[derive(clap::Args)]
pub struct Args {
    /// How the log on standard error is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[value(help = None::<&'static str>)]
    Text,
    /// For programs: one JSON object per line.
    #[value(help = None::<&'static str>)]
    Json,
}

pub async fn run(_: Args, estate: &EstateArgs) -> Exit {
    let config = match estate.config() {
        Ok(config) => config,
        Err(error) => return explain(Reader::People, &error),
    };
    let key = match run::ready(&config) {
        Ok(key) => key,
        Err(error) => return fail(Reader::People, &error),
    };
    let wakes = Arc::new(Wakes::default());
    let board = match Board::new(config.run.interval, wakes.clone(), key) {
        Ok(board) => Arc::new(board),
        Err(error) => return fail(Reader::People, &error),
    };
    if let Some(address) = config.run.listen {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                tokio::spawn(http::serve(listener, board.clone()));
            }
            Err(error) => {
                let message = format!("cannot listen on {address}: {error}");
                let remedy = "another holdfast may run; name another address in [run] listen";
                return failed(Reader::People, &message, Some(remedy));
            }
        }
    }
    let stop = stop_signal_told(|| {
        supervisor::stopping();
        tracing::info!("{AT_A_STEP}");
    });
    supervisor::ready();
    tracing::info!(
        interval = config.run.interval.as_secs(),
        listen = config.run.listen.map(tracing::field::display),
        "the loop begins"
    );
    let reporter: Arc<dyn Reporter> = Arc::new(log::Steps);
    let beat = supervisor::beat().unwrap_or(Duration::from_mins(1));
    run::run(&config, &wakes, (&reporter, &*board), beat, &stop).await;
    tracing::info!("the loop has ended");
    Exit::Nothing
}
