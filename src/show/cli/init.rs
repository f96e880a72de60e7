//! `holdfast init DIR`: a new estate.

use super::estate::fail;
use crate::flow::init::{InitOptions, Initialised, init};
use crate::show::exit::Exit;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `holdfast init`.
#[derive(clap::Args)]
pub struct Args {
    /// An empty or absent folder
    dir: PathBuf,
    /// The estate's id; the folder's name when absent
    #[arg(long)]
    name: Option<String>,
}

/// Makes the estate and says where everything is.
pub fn run(args: Args) -> Exit {
    let options = InitOptions {
        name: args.name,
        ..InitOptions::default()
    };
    match init(&args.dir, &options) {
        Ok(made) => {
            anstream::print!("{}", told(&made));
            Exit::Nothing
        }
        Err(error) => fail(&error),
    }
}

fn told(made: &Initialised) -> String {
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
    let _ = writeln!(text, "\nnext: holdfast check --estate {estate}");
    text
}
