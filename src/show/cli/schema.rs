//! `holdfast schema`: JSON Schemas of every file, for editors.

use super::failure::{Reader, fail};
use crate::flow::schemas::{self, files, write};
use crate::show::exit::Exit;
use crate::show::say::{errln, outln};
use std::path::PathBuf;

/// Arguments of `holdfast schema`.
#[derive(clap::Args)]
pub struct Args {
    /// Which kind of file; without it all are listed, or written with --out
    #[arg(value_name = "KIND")]
    kind: Option<String>,
    /// Write KIND.json for each kind into this folder, and .taplo.toml beside it where there is none
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints, lists or writes.
pub fn run(args: &Args) -> Exit {
    let kinds = schemas::all();
    let chosen: Vec<&schemas::Kind> = kinds
        .iter()
        .filter(|kind| args.kind.as_ref().is_none_or(|name| kind.name == name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
        errln!(
            "error: there is no such kind of file; kinds: {}",
            names.join(", ")
        );
        return Exit::Error;
    }
    if let Some(out) = &args.out {
        return match write(out, &files(&chosen, out)) {
            Ok(written) => {
                for path in written {
                    outln!("wrote {}", path.display());
                }
                Exit::Nothing
            }
            Err(error) => fail(Reader::People, &error),
        };
    }
    if args.kind.is_some() {
        for kind in chosen {
            super::print_json(&kind.schema());
        }
    } else {
        for kind in chosen {
            outln!("{:<10} {}", kind.name, kind.files);
        }
    }
    Exit::Nothing
}
