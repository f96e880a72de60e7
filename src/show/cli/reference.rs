//! The page that lists every command, made from what `--help` prints.

use super::Cli;
use clap::{Command, CommandFactory};
use std::fmt::Write;

/// Wide enough for most lines, narrow enough for a page.
const WIDTH: usize = 96;

/// `docs/reference/commands.md`. A test keeps the file equal to it.
#[must_use]
pub fn page() -> String {
    let mut root = Cli::command().term_width(WIDTH).max_term_width(WIDTH);
    root.build();
    let mut text = String::from(
        "# Commands\n\nMade from what `--help` prints; after a change: `UPDATE=1 cargo test --test it reference`.\n",
    );
    section(&mut text, &mut root, "holdfast");
    text
}

fn section(text: &mut String, command: &mut Command, path: &str) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\n## {path}\n\n```text\n");
    let help = command.render_help().to_string();
    for line in help.trim().lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push_str("```\n");
    let inner: Vec<String> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in inner {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            section(text, sub, &format!("{path} {name}"));
        }
    }
}
