//! A TOML file as people wrote it: every value with its place, every error collected.
//!
//! What lives here: reading and complaining. What the keys mean is known elsewhere.

mod depth;
pub mod likeness;
mod table;
pub mod words;

pub use crate::model::codes;
pub use crate::model::secrecy::looks_secret;
pub use table::{Found, Table};

use crate::model::diagnostic::{Diagnostic, Place, Severity};
use crate::model::secrecy;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::de::DeTable;

/// Most findings of one file; a file with more is not one that somebody wrote.
const FINDINGS: usize = 500;
/// Longest message and longest help, in characters: they quote what stands in the file.
const WORDS: usize = 500;
/// Most names that are listed when no name is near.
const NAMES: usize = 20;

/// A file that is being read, and what is wrong with it so far.
pub struct Document<'a> {
    file: &'a str,
    text: &'a str,
    lines: Vec<usize>,
    damaged: bool,
    findings: RefCell<Vec<Diagnostic>>,
    untold: Cell<usize>,
    /// What no message repeats (S13); looked for with the first finding.
    secrets: OnceCell<Vec<String>>,
}

impl<'a> Document<'a> {
    fn new(file: &'a str, text: &'a str, damaged: bool) -> Self {
        Self {
            file,
            text,
            lines: line_starts(text),
            damaged,
            findings: RefCell::default(),
            untold: Cell::default(),
            secrets: OnceCell::new(),
        }
    }

    /// What is said of a file that nests deeper than anything is parsed.
    fn too_deep(file: &'a str, text: &'a str) -> Option<Vec<Diagnostic>> {
        let (span, what) = depth::too_deep(text)?;
        let document = Document::new(file, text, true);
        let help = "no file of an estate nests that deep; the rest of it was not read";
        document.report(codes::SYNTAX, &span, &what, Some(help));
        Some(document.told())
    }

    /// Reads the file and hands its root table to `read`. The result comes with
    /// all findings, in the order of the file; `read` runs even when the syntax
    /// is broken somewhere, so that one run shows everything.
    pub fn read<T>(
        file: &'a str,
        bytes: &'a [u8],
        read: impl FnOnce(&Table<'_>) -> Option<T>,
    ) -> (Option<T>, Vec<Diagnostic>) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return (None, not_text(file, bytes));
        };
        if let Some(findings) = Self::too_deep(file, text) {
            return (None, findings);
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Document::new(file, text, !errors.is_empty());
        document.report_syntax(&errors);
        let table = Table::root(&document, root.get_ref());
        let value = read(&table);
        table.finish();
        let findings = document.told();
        let sound = !findings.iter().any(Diagnostic::is_error);
        (value.filter(|_| sound), findings)
    }

    fn report_syntax(&self, errors: &[toml::de::Error]) {
        for error in errors {
            self.report(
                codes::SYNTAX,
                &error.span().unwrap_or(0..0),
                &one_line(error.message()),
                Some("the file must be TOML: `key = \"text\"` lines under `[table]` headers"),
            );
        }
    }

    /// Adds an error.
    pub fn report(
        &self,
        code: &'static str,
        span: &Range<usize>,
        message: &str,
        help: Option<&str>,
    ) {
        self.find(Severity::Error, code, span, message, help);
    }

    /// Adds a warning: the value counts all the same.
    pub fn warn(&self, code: &'static str, span: &Range<usize>, message: &str, help: Option<&str>) {
        self.find(Severity::Warning, code, span, message, help);
    }

    fn find(
        &self,
        severity: Severity,
        code: &'static str,
        span: &Range<usize>,
        message: &str,
        help: Option<&str>,
    ) {
        // An error is never lost among warnings: what is untold makes the file broken.
        let mut findings = self.findings.borrow_mut();
        if findings.len() >= FINDINGS {
            self.untold.set(self.untold.get() + 1);
            return;
        }
        findings.push(Diagnostic {
            code,
            severity,
            place: self.place(span),
            span: self.clamp(span),
            message: self.quotable(message),
            help: help.map(|help| self.quotable(help)),
        });
    }

    /// Messages quote what stands in the file: not its secrets, and not all of it.
    fn quotable(&self, words: &str) -> String {
        let secrets = self.secrets.get_or_init(|| secrecy::values(self.text));
        shortened(&secrecy::told_of(words, secrets), WORDS)
    }

    /// All findings in the order of the file, and how many more there would be.
    fn told(&self) -> Vec<Diagnostic> {
        let mut findings = self.findings.take();
        findings.sort_by_key(|found| found.span);
        findings.dedup();
        let untold = self.untold.get();
        if untold > 0 {
            let end = self.text.len()..self.text.len();
            findings.push(Diagnostic {
                code: codes::SYNTAX,
                severity: Severity::Error,
                place: self.place(&end),
                span: self.clamp(&end),
                message: format!("{untold} more findings in this file are not listed"),
                help: Some("mend those above first; is this the file you meant?".to_owned()),
            });
        }
        findings
    }

    /// Line and column of a byte range's start.
    pub fn place(&self, span: &Range<usize>) -> Place {
        let (start, _) = self.clamp(span);
        let line = self.lines.partition_point(|&at| at <= start).max(1);
        let from = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(from..start).map_or(0, |t| t.chars().count()) + 1;
        Place {
            file: self.file.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// Broken syntax may have swallowed keys, so that their absence says nothing.
    pub(super) fn damaged(&self) -> bool {
        self.damaged
    }

    /// A recovering parser may point beyond the end or between the bytes of a character.
    fn clamp(&self, span: &Range<usize>) -> (usize, usize) {
        let start = floor(self.text, span.start);
        (start, floor(self.text, span.end).max(start))
    }
}

/// Does a file nest deeper than anything is parsed?
pub fn nests_too_deep(text: &str) -> bool {
    depth::too_deep(text).is_some()
}

/// Where a text is not TOML, whatever it is about.
pub fn syntax(file: &str, text: &str) -> Vec<Diagnostic> {
    if let Some(findings) = Document::too_deep(file, text) {
        return findings;
    }
    let (_, errors) = DeTable::parse_recoverable(text);
    let document = Document::new(file, text, !errors.is_empty());
    document.report_syntax(&errors);
    document.told()
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
}

/// The parser puts what it expected on further lines.
fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}

/// Where bytes are not UTF-8; nothing where they are.
pub fn not_text(file: &str, bytes: &[u8]) -> Vec<Diagnostic> {
    let Err(error) = std::str::from_utf8(bytes) else {
        return Vec::new();
    };
    let at = error.valid_up_to();
    let line = 1 + bytes.iter().take(at).filter(|&&b| b == b'\n').count();
    vec![Diagnostic {
        code: codes::NOT_TEXT,
        severity: Severity::Error,
        place: Place {
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: 1,
        },
        span: (at, at),
        message: "the file is not UTF-8 text".to_owned(),
        help: Some("save it as UTF-8".to_owned()),
    }]
}

/// A finding about a file as a whole, or about its absence.
pub fn about_file(code: &'static str, file: &str, message: String, help: &str) -> Diagnostic {
    Diagnostic {
        code,
        severity: Severity::Error,
        place: Place {
            file: file.to_owned(),
            line: 1,
            column: 1,
        },
        span: (0, 0),
        message,
        help: Some(help.to_owned()),
    }
}

/// The text, or its beginning and an ellipsis.
pub fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A finding about a word in a file that has been read already: its `number`th place from 0, or
/// the file as a whole where it does not stand.
pub fn about_text(
    code: &'static str,
    file: &str,
    bytes: &[u8],
    (word, number): (&str, usize),
    message: &str,
    help: &str,
) -> Diagnostic {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let mut found = about_file(code, file, message.to_owned(), help);
    if let Some((start, _)) = text.match_indices(word).nth(number) {
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        found.place.line = u32::try_from(line).unwrap_or(u32::MAX);
        found.place.column = u32::try_from(column).unwrap_or(u32::MAX);
        found.span = (start, start + word.len());
    }
    found
}

/// `did you mean "mediawiki"?`, or which ones there are.
pub fn suggest<'n>(wrong: &str, right: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let names: Vec<&str> = right.into_iter().collect();
    // The distance of two long texts takes their lengths multiplied, in time and memory.
    let near = names
        .iter()
        .filter(|name| wrong.len().abs_diff(name.len()) <= 1 + wrong.len().max(name.len()) / 3)
        .filter(|name| wrong.len().max(name.len()) <= 200);
    let nearest = near
        .map(|name| (strsim::damerau_levenshtein(wrong, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + wrong.len().max(name.len()) / 3);
    match nearest {
        Some((_, name)) => Some(format!("did you mean `{name}`?")),
        None if names.is_empty() => None,
        None if names.len() > NAMES => {
            let some: Vec<&str> = names.iter().copied().take(NAMES).collect();
            let more = names.len() - NAMES;
            Some(format!("known here: {} and {more} more", some.join(", ")))
        }
        None => Some(format!("known here: {}", names.join(", "))),
    }
}

/// The files of a commit.
pub type Files = BTreeMap<String, Vec<u8>>;
