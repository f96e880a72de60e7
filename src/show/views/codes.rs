//! What a code means, for a terminal, for a program and as a page.

use crate::model::codes::{self, Entry, Example};
use serde::Serialize;
use std::fmt::Write;

/// Wide enough to read, narrow enough for any terminal.
const WIDTH: usize = 80;

/// `explain` in JSON.
#[derive(Serialize)]
pub struct Explained {
    explain_schema: u32,
    codes: Vec<One>,
}

#[derive(Serialize)]
struct One {
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    /// Path of the file that the example is a part of; none where it is commands or words.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'static str>,
    wrong: &'static str,
    right: &'static str,
}

/// These codes, for programs.
pub fn json<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Explained {
    let one = |entry: &Entry| {
        let (file, wrong, right) = sides(entry.example);
        One {
            code: entry.id,
            title: entry.title,
            explanation: entry.explanation,
            file,
            wrong,
            right,
        }
    };
    Explained {
        explain_schema: 1,
        codes: entries.into_iter().map(one).collect(),
    }
}

/// The whole of one code.
pub fn human(entry: &Entry) -> String {
    let (file, wrong, right) = sides(entry.example);
    let place = file.map(|file| format!(", in {file}")).unwrap_or_default();
    format!(
        "{}: {}\n\n{}\nwrong{place}:\n\n{}\nright:\n\n{}",
        entry.id,
        entry.title,
        entry
            .explanation
            .split("\n\n")
            .map(|paragraph| folded(paragraph) + "\n")
            .collect::<String>(),
        indented(wrong),
        indented(right),
    )
}

/// One line for each code.
pub fn list() -> String {
    let mut text = String::new();
    for entry in codes::all() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {}", entry.id, entry.title);
    }
    text
}

/// `docs/reference/diagnostics.md`. A test keeps the file equal to it.
pub fn page() -> String {
    let mut text = String::from(
        "# Diagnostics\n\nEvery code that `holdfast check` and the other commands report; `holdfast explain CODE` \
         prints the same.\nA code keeps its meaning for good.\n\
         Made from the registry in `src/model/codes`; after a change: `UPDATE=1 cargo test --test it reference`.\n\n\
         | code | meaning |\n| --- | --- |\n",
    );
    for entry in codes::all() {
        let anchor = entry.id.to_ascii_lowercase();
        let _ = writeln!(text, "| [{}](#{anchor}) | {} |", entry.id, entry.title);
    }
    for entry in codes::all() {
        let (file, wrong, right) = sides(entry.example);
        let kind = match entry.example {
            Example::Lines { .. } => "toml",
            Example::Commands { .. } => "sh",
            Example::Told { .. } => "text",
        };
        let place = file.map(|file| format!(" (`{file}`)")).unwrap_or_default();
        let _ = write!(
            text,
            "\n## {}\n\n**{}.** {}\n\nWrong{place}:\n\n```{kind}\n{}\n```\n\nRight:\n\n```{kind}\n{}\n```\n",
            entry.id,
            capital(entry.title),
            entry.explanation.replace('<', "\\<"),
            wrong.trim_end(),
            right.trim_end(),
        );
    }
    text
}

fn sides(example: Example) -> (Option<&'static str>, &'static str, &'static str) {
    match example {
        Example::Lines { file, wrong, right } => (Some(file), wrong, right),
        Example::Commands { wrong, right } | Example::Told { wrong, right } => (None, wrong, right),
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

fn folded(text: &str) -> String {
    let mut folded = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            folded.push('\n');
            width = 0;
        } else if width > 0 {
            folded.push(' ');
            width += 1;
        }
        folded.push_str(word);
        width += length;
    }
    folded.push('\n');
    folded
}
