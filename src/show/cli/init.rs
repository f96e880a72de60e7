//! `holdfast init DIR`: a new estate.

use super::failure::{Reader, explain, fail};
use crate::flow::config::Config;
use crate::flow::entry::{self, EntryError};
use crate::flow::init::{InitError, InitOptions, Initialised, init};
use crate::lab::{Lab, LabError};
use crate::show::exit::Exit;
use crate::show::lab_estate;
use crate::show::say::out;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments of `holdfast init`.
#[derive(clap::Args)]
pub struct Args {
    /// An empty or absent folder
    dir: PathBuf,
    /// The estate's id [default: the folder's name]
    #[arg(long, value_name = "ID")]
    name: Option<String>,
    /// Use the hosters of this running lab: fills hosters.toml, [dns] and the secrets, and lets the reconciler's key in to the lab's pools
    #[arg(long, value_name = "LAB")]
    lab: Option<String>,
    /// Where labs are kept
    #[arg(long, env = "HOLDFAST_LAB_DIR", hide_env_values = true, default_value = crate::lab::DEFAULT_BASE, value_name = "DIR")]
    lab_dir: PathBuf,
}

/// Why there is no new estate, or none that can use the lab.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Init(#[from] InitError),
    #[error("no estate was made: the lab cannot be used")]
    NoLab(#[source] LabError),
    #[error("the estate was made, but its key was not let in to the lab's pools")]
    NotLetIn(#[source] LabError),
    #[error("the estate was made, but cannot be read")]
    Unreadable(#[from] Box<EntryError>),
}

/// Makes the estate and says where everything is.
pub async fn run(args: Args) -> Exit {
    let made = match &args.lab {
        Some(lab) => on_lab(&args, lab).await,
        None => plain(&args),
    };
    match made {
        Ok(made) => {
            out!("{}", told(&made, args.lab.as_deref()));
            Exit::Nothing
        }
        Err(Failure::Unreadable(error)) => explain(Reader::People, &error),
        Err(error) => fail(Reader::People, &error),
    }
}

fn plain(args: &Args) -> Result<Initialised, Failure> {
    let options = InitOptions {
        name: args.name.clone(),
        ..InitOptions::default()
    };
    Ok(init(&args.dir, &options)?)
}

async fn on_lab(args: &Args, lab: &str) -> Result<Initialised, Failure> {
    let lab = Lab::new(lab, &args.lab_dir).map_err(Failure::NoLab)?;
    let status = lab.status().await.map_err(Failure::NoLab)?;
    let options = lab_estate::options(&status, args.name.clone());
    let made = init(&args.dir, &options)?;
    let key = public_key(&args.dir).map_err(Box::new)?;
    lab.authorize(vec![key]).await.map_err(Failure::NotLetIn)?;
    Ok(made)
}

fn public_key(dir: &Path) -> Result<String, EntryError> {
    entry::public_key(&Config::load(dir, None)?)
}

fn told(made: &Initialised, lab: Option<&str>) -> String {
    let estate = made.estate.display();
    let mut text = format!(
        "Founded the estate in {estate}\n\n\
         root commit   {}\n\
         signing key   {}\n\
         reconciler    {}\n\
         escrow        {}\n\
         for machines  {}\n\n\
         Move the escrow key off this machine now, to where no server of the estate\n\
         can reach it: it opens the secrets when everything else is lost.\n\
         Machines that you order yourself let root in with the key for machines\n\
         (in the lab: holdfast lab authorize FILE).\n",
        made.root,
        made.signing_key.display(),
        made.identity.display(),
        made.escrow.display(),
        made.machines_key.display(),
    );
    // Writing to a String cannot fail.
    if !made.placeholders.is_empty() {
        text.push_str("\nThese secrets hold a placeholder until you seal the real ones:\n");
        for id in &made.placeholders {
            let _ = writeln!(text, "  holdfast secret {id} --estate {estate} < FILE");
        }
    }
    let next = if let Some(lab) = lab {
        let _ = writeln!(
            text,
            "\nIts hosters and its name server are those of lab {lab}; the lab's pools let its key in."
        );
        "plan"
    } else {
        "check"
    };
    let _ = writeln!(text, "\nnext: holdfast {next} --estate {estate}");
    text
}
