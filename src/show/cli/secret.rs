//! `holdfast secret ID < FILE`: seals a secret into the work tree.

use super::estate::EstateArgs;
use super::failure::{Reader, fail};
use crate::flow::estate::write_secret;
use crate::model::secret::Secret;
use crate::show::exit::Exit;
use crate::show::say::{errln, outln};
use std::io::Read;

/// Arguments of `holdfast secret`.
#[derive(clap::Args)]
pub struct Args {
    /// As hosters.toml or estate.toml names it
    id: String,
}

/// Reads standard input, seals it for all recipients of trust.toml.
pub fn run(args: &Args, estate: &EstateArgs) -> Exit {
    let mut plain = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut plain) {
        return fail(Reader::People, &error);
    }
    // A token never ends with the newline that `echo` adds.
    while plain.last() == Some(&b'\n') {
        plain.pop();
    }
    if plain.is_empty() {
        errln!("error: standard input is empty, nothing was written");
        return Exit::Error;
    }
    match write_secret(&estate.estate, &args.id, &Secret::new(plain)) {
        Ok(path) => {
            outln!("sealed {}\nnext: git add and commit it", path.display());
            Exit::Nothing
        }
        Err(error) => fail(Reader::People, &error),
    }
}
