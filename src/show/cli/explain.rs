//! `holdfast explain CODE`: what a code means, why it matters, what is right.

use super::failure::failed;
use crate::model::codes;
use crate::show::exit::Exit;
use crate::show::say::out;
use crate::show::views::{self, Format};

/// Arguments of `holdfast explain`.
#[derive(clap::Args)]
pub struct Args {
    /// As it is reported, for example HF0003; without it all are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Prints one code, or the list.
pub fn run(args: &Args) -> Exit {
    let Some(code) = &args.code else {
        match args.format {
            Format::Human => out!("{}", views::codes::list()),
            Format::Json => super::print_json(&views::codes::json(codes::all())),
        }
        return Exit::Nothing;
    };
    let Some(entry) = codes::find(code) else {
        let near = near(code);
        let remedy = format!("{near}; `holdfast explain` lists all");
        return failed(
            args.format,
            &format!("there is no code {code:?}"),
            Some(&remedy),
        );
    };
    match args.format {
        Format::Human => out!("{}", views::codes::human(entry)),
        Format::Json => super::print_json(&views::codes::json([entry])),
    }
    Exit::Nothing
}

/// The nearest codes, with what they mean.
fn near(code: &str) -> String {
    let code = code.to_ascii_uppercase();
    let mut all: Vec<(usize, &codes::Entry)> = codes::all()
        .map(|entry| (strsim::damerau_levenshtein(&code, entry.id), entry))
        .collect();
    all.sort_by_key(|(distance, entry)| (*distance, entry.id));
    let names: Vec<String> = all
        .iter()
        .take(3)
        .map(|(_, entry)| format!("{} ({})", entry.id, entry.title))
        .collect();
    format!("near it: {}", names.join(", "))
}
