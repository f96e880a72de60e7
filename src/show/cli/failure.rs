//! How a command says that it could not, or would not: to people on standard error, and to
//! programs as one JSON object on standard output as well.

use crate::flow::entry::EntryError;
use crate::flow::estate::EstateError;
use crate::model::causes::{chain, one_line};
use crate::model::diagnostic::Diagnostic;
use crate::model::visible::visible;
use crate::show::diagnostics;
use crate::show::exit::Exit;
use crate::show::say::errln;
use crate::show::views::findings::Finding;
use crate::show::views::{Format, PlanFormat};
use crate::world::git::TrustError;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Standard error is enough.
    People,
    /// `--format json`: standard output holds one JSON document, whatever happens.
    Programs,
}

impl From<Format> for Reader {
    fn from(format: Format) -> Self {
        match format {
            Format::Human => Self::People,
            Format::Json => Self::Programs,
        }
    }
}

impl From<PlanFormat> for Reader {
    fn from(format: PlanFormat) -> Self {
        match format {
            PlanFormat::Human | PlanFormat::Markdown => Self::People,
            PlanFormat::Json => Self::Programs,
        }
    }
}

/// Says that it did not work out, and how to mend it.
pub fn failed(reader: impl Into<Reader>, message: &str, remedy: Option<&str>) -> Exit {
    told(reader.into(), "error", message, remedy);
    Exit::Error
}

/// Says that it may not be, and how to mend it.
pub fn refused(reader: impl Into<Reader>, message: &str, remedy: Option<&str>) -> Exit {
    told(reader.into(), "refused", message, remedy);
    Exit::Refused
}

/// Prints an error that is nobody's definition.
pub fn fail(reader: impl Into<Reader>, error: &dyn std::error::Error) -> Exit {
    failed(reader, &chain(error), None)
}

fn told(reader: Reader, word: &str, message: &str, remedy: Option<&str>) {
    errln!("{word}: {message}");
    if let Some(remedy) = remedy {
        errln!("to mend it: {remedy}");
    }
    object(reader, None, message, remedy);
}

/// Prints findings that leave nothing to go on with.
pub fn unsound(
    reader: impl Into<Reader>,
    message: &str,
    findings: &[Diagnostic],
    files: &BTreeMap<String, Vec<u8>>,
) -> Exit {
    diagnostics::print(findings, files);
    errln!("error: {message}");
    if reader.into() == Reader::Programs {
        let first = findings.iter().find(|finding| finding.is_error());
        let mut error = described(
            first.map(|finding| finding.code),
            message,
            first.and_then(|finding| finding.help.as_deref()),
        );
        if let Some(error) = error.as_object_mut() {
            let findings: Vec<Finding> = findings.iter().map(|f| Finding::new(f, files)).collect();
            error.insert("findings".to_owned(), json!(findings));
        }
        super::print_json(&json!({ "error": error }));
    }
    Exit::Error
}

/// Prints why an estate cannot be worked on.
pub fn explain(reader: impl Into<Reader>, error: &EntryError) -> Exit {
    match error {
        EntryError::Broken {
            diagnostics,
            commit,
        } => unsound(reader, &chain(error), diagnostics, commit.files()),
        EntryError::Estate(EstateError::Trust(trust)) => distrust(reader, trust),
        _ => fail(reader, error),
    }
}

/// Prints why a commit does not count, or could not be looked at.
pub fn distrust(reader: impl Into<Reader>, error: &TrustError) -> Exit {
    let (word, exit) = if error.is_refusal() {
        ("refused", Exit::Refused)
    } else {
        ("error", Exit::Error)
    };
    errln!("{word}: {}", visible(&error.to_string()));
    let mut source = std::error::Error::source(error);
    while let Some(why) = source {
        errln!("  because {}", one_line(why));
        source = why.source();
    }
    errln!("nothing was done");
    errln!("to mend it: {}", error.remedy());
    errln!("more about it: holdfast explain {}", error.code());
    object(
        reader.into(),
        Some(error.code()),
        &chain(error),
        Some(error.remedy()),
    );
    exit
}

fn object(reader: Reader, code: Option<&str>, message: &str, remedy: Option<&str>) {
    if reader == Reader::Programs {
        super::print_json(&json!({ "error": described(code, message, remedy) }));
    }
}

fn described(code: Option<&str>, message: &str, remedy: Option<&str>) -> Value {
    json!({ "code": code, "message": message, "remedy": remedy })
}
