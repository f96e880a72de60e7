//! `holdfast fmt`: one layout for every file, with every comment kept.

use super::failure::fail;
use crate::flow::lay_out::{LaidOut, below, lay_out, of_estate};
use crate::model::visible::visible_line;
use crate::show::diagnostics;
use crate::show::exit::Exit;
use crate::show::say::{errln, outln};
use crate::show::views::Format;
use crate::show::views::findings::Finding;
use std::path::PathBuf;

/// Arguments of `holdfast fmt`.
#[derive(clap::Args)]
pub struct Args {
    /// Files, or folders whose TOML files are meant [default: all files of the estate]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing; exit code 2 if a file is not laid out so
    #[arg(long)]
    check: bool,
    /// The estate's repository
    #[arg(long, default_value = ".", value_name = "DIR")]
    estate: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Lays out, or looks.
pub fn run(args: &Args) -> Exit {
    let files = if args.paths.is_empty() {
        of_estate(&args.estate)
    } else {
        below(&args.paths)
    };
    let laid = match files.and_then(|files| lay_out(&files, args.check)) {
        Ok(laid) => laid,
        Err(error) => return fail(args.format, &error),
    };
    match args.format {
        Format::Human => human(&laid, args.check),
        Format::Json => {
            let broken: Vec<Finding> = laid
                .broken
                .iter()
                .map(|finding| Finding::new(finding, &laid.files))
                .collect();
            super::print_json(&serde_json::json!({
                "fmt_schema": 1,
                "changed": laid.changed,
                "right": laid.right,
                "broken": broken,
            }));
        }
    }
    if !laid.broken.is_empty() {
        Exit::Error
    } else if args.check && !laid.changed.is_empty() {
        Exit::Changes
    } else {
        Exit::Nothing
    }
}

fn human(laid: &LaidOut, only_look: bool) {
    if !laid.broken.is_empty() {
        diagnostics::print(&laid.broken, &laid.files);
        errln!("files with errors were left as they are");
    }
    let what = if only_look {
        "would lay out"
    } else {
        "laid out"
    };
    for file in laid.changed.iter().map(|file| visible_line(file)) {
        outln!("{what} {file}");
    }
    if laid.changed.is_empty() && laid.broken.is_empty() {
        let files = if laid.right == 1 { "file" } else { "files" };
        outln!("nothing to lay out in {} {files}", laid.right);
    }
}
