//! `holdfast key`: the reconciler's public SSH key.

use super::estate::EstateArgs;
use super::failure::{Reader, explain};
use crate::flow::entry;
use crate::show::exit::Exit;
use crate::show::say::outln;

/// Prints one line, made for `authorized_keys`.
pub fn run(place: &EstateArgs) -> Exit {
    match place.config().and_then(|config| entry::public_key(&config)) {
        Ok(key) => {
            outln!("{key}");
            Exit::Nothing
        }
        Err(error) => explain(Reader::People, &error),
    }
}
