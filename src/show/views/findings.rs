//! What `check` found, for programs: our own JSON, and SARIF 2.1.0 for code hosts.

use crate::model::codes;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::secrecy::told;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The form of [`Checked`] as JSON; a change that a script would notice raises it.
pub const CHECK_SCHEMA: u32 = 1;

/// The result of a check.
#[derive(Debug, Serialize)]
pub struct Checked {
    check_schema: u32,
    /// The estate's name, where its file could be read.
    pub estate: Option<String>,
    /// Full commit id; none for a work tree, or where no commit was accepted.
    pub commit: Option<String>,
    /// Who signed it.
    pub signed_by: Option<String>,
    /// Errors and warnings, sorted by place.
    pub findings: Vec<Finding>,
    /// Sound stacks; none where nothing can be planned.
    pub stacks: Option<usize>,
    /// Their services.
    pub services: Option<usize>,
    /// Stacks that stay as they are until their errors are mended.
    pub held: Vec<String>,
}

/// One finding; lines and columns are counted from 1, columns in characters, the end is
/// the first column behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `HF0003`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// Path inside the estate; none where the commit itself is the matter.
    pub file: Option<String>,
    /// First line.
    pub line: Option<u32>,
    /// First column.
    pub column: Option<u32>,
    /// Last line.
    pub end_line: Option<u32>,
    /// First column behind it.
    pub end_column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Finding {
    /// A finding in a file; `files` tell where it ends.
    pub fn new(diagnostic: &Diagnostic, files: &BTreeMap<String, Vec<u8>>) -> Self {
        let place = &diagnostic.place;
        let (end_line, end_column) = end(diagnostic, files);
        Self {
            code: diagnostic.code,
            severity: diagnostic.severity,
            file: Some(place.file.clone()),
            line: Some(place.line),
            column: Some(place.column),
            end_line: Some(end_line),
            end_column: Some(end_column),
            message: told(&diagnostic.message).into_owned(),
            help: diagnostic
                .help
                .as_deref()
                .map(|help| told(help).into_owned()),
        }
    }

    /// A commit that is not accepted: no file says why.
    pub fn refusal(code: &'static str, message: String, help: String) -> Self {
        Self {
            code,
            severity: Severity::Error,
            file: None,
            line: None,
            column: None,
            end_line: None,
            end_column: None,
            message: told(&message).into_owned(),
            help: Some(told(&help).into_owned()),
        }
    }
}

impl Checked {
    /// Nothing known yet but the findings.
    pub fn of(findings: Vec<Finding>) -> Self {
        Self {
            check_schema: CHECK_SCHEMA,
            estate: None,
            commit: None,
            signed_by: None,
            findings,
            stacks: None,
            services: None,
            held: Vec::new(),
        }
    }
}

/// Where the finding's bytes end; for one without bytes, where it begins.
fn end(diagnostic: &Diagnostic, files: &BTreeMap<String, Vec<u8>>) -> (u32, u32) {
    let place = &diagnostic.place;
    let (from, to) = diagnostic.span;
    let inside = files
        .get(&place.file)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.get(from..to))
        .unwrap_or_default();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let last = inside.rsplit('\n').next().unwrap_or_default();
    let width = count(last.trim_end_matches('\r').chars().count());
    match inside.matches('\n').count() {
        0 => (place.line, place.column.saturating_add(width)),
        lines => (
            place.line.saturating_add(count(lines)),
            width.saturating_add(1),
        ),
    }
}

/// SARIF 2.1.0 (OASIS), as code hosts take it: one run, the codes as rules with their
/// explanations, paths relative to the repository.
pub fn sarif(checked: &Checked) -> Value {
    let used: BTreeSet<&str> = checked.findings.iter().map(|f| f.code).collect();
    let rules: Vec<Value> = used.iter().map(|code| rule(code)).collect();
    let position = |code: &str| used.iter().position(|known| *known == code);
    let results: Vec<Value> = checked
        .findings
        .iter()
        .map(|finding| result(finding, position(finding.code)))
        .collect();
    let mut run = json!({
        "tool": { "driver": {
            "name": "holdfast",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        }},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": { "ESTATE": { "description": { "text": "the root of the estate's repository" } } },
        "results": results,
    });
    if let Some(commit) = &checked.commit {
        run["properties"] = json!({ "commit": commit });
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    })
}

fn rule(code: &str) -> Value {
    let Some(entry) = codes::find(code) else {
        return json!({ "id": code });
    };
    json!({
        "id": entry.id,
        "shortDescription": { "text": entry.title },
        "fullDescription": { "text": entry.explanation },
        "help": { "text": format!("{}\n\nMore: holdfast explain {}", entry.explanation, entry.id) },
    })
}

fn result(finding: &Finding, rule: Option<usize>) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    };
    // Code hosts leave out what has no place; the list that judges commits is the nearest.
    let file = finding.file.as_deref().unwrap_or("trust.toml");
    let line = finding.line.unwrap_or(1);
    let column = finding.column.unwrap_or(1);
    json!({
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file), "uriBaseId": "ESTATE" },
            "region": {
                "startLine": line,
                "startColumn": column,
                "endLine": finding.end_line.unwrap_or(line),
                "endColumn": finding.end_column.unwrap_or(column),
            },
        }}],
    })
}

/// A relative reference (RFC 3986 §4.2): what is not unreserved is written in percent.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
