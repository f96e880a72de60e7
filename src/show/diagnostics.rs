//! Findings with the line they are about, all of them.

use crate::decide::document::codes;
use crate::model::diagnostic::Diagnostic;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;

/// So many findings are shown with their line; the rest take a line each.
const DRAWN: usize = 100;

/// All findings on standard error, in colour where there is a terminal.
pub fn print(findings: &[Diagnostic], files: &BTreeMap<String, Vec<u8>>) {
    let colour = std::io::stderr().is_terminal();
    anstream::eprint!("{}", render(findings, files, colour));
}

/// All findings, each with its line, then how many there are.
pub fn render(findings: &[Diagnostic], files: &BTreeMap<String, Vec<u8>>, colour: bool) -> String {
    let mut text = String::new();
    for (index, finding) in findings.iter().enumerate() {
        // All are told; beyond some, the line itself would only be in the way. A report that
        // cannot be drawn is still told.
        if index >= DRAWN || draw(finding, files, colour, &mut text).is_err() {
            let _ = writeln!(text, "{}", one_line(finding));
        }
        text.push('\n');
    }
    let count = findings.len();
    let files: std::collections::BTreeSet<&str> =
        findings.iter().map(|f| f.place.file.as_str()).collect();
    let _ = writeln!(
        text,
        "{count} {} in {} {}",
        if count == 1 { "finding" } else { "findings" },
        files.len(),
        if files.len() == 1 { "file" } else { "files" },
    );
    text
}

/// `stacks/acme.toml:12:3: HF0010: no blueprint "mediwiki"; did you mean …`
pub fn one_line(finding: &Diagnostic) -> String {
    let place = &finding.place;
    let help = finding
        .help
        .as_ref()
        .map(|help| format!(" ({help})"))
        .unwrap_or_default();
    format!(
        "{}:{}:{}: {}: {}{help}",
        place.file, place.line, place.column, finding.code, finding.message
    )
}

fn draw(
    finding: &Diagnostic,
    files: &BTreeMap<String, Vec<u8>>,
    colour: bool,
    text: &mut String,
) -> Result<(), std::fmt::Error> {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(100);
    let source = files
        .get(&finding.place.file)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .filter(|source| !source.is_empty());
    let mut diagnostic = MietteDiagnostic::new(&finding.message).with_code(finding.code);
    diagnostic.help.clone_from(&finding.help);
    let Some(source) = source else {
        diagnostic.message = format!("{}: {}", finding.place.file, finding.message);
        return handler.render_report(text, &diagnostic);
    };
    let (from, to) = shown_span(finding, source);
    diagnostic.labels = Some(vec![LabeledSpan::new_with_span(
        None,
        (from, to.saturating_sub(from)),
    )]);
    let source = masked(source, finding);
    let report =
        Report::new(diagnostic).with_source_code(NamedSource::new(&finding.place.file, source));
    handler.render_report(text, report.as_ref())
}

/// The finding's bytes; for one without, the whole line of its place.
fn shown_span(finding: &Diagnostic, source: &str) -> (usize, usize) {
    let (from, to) = finding.span;
    if to > from && to <= source.len() {
        return (from, to);
    }
    let line = usize::try_from(finding.place.line).unwrap_or(1).max(1);
    let starts = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1));
    let start = starts.take(line).last().unwrap_or(0);
    let end = source
        .get(start..)
        .and_then(|rest| rest.find('\n'))
        .map_or(source.len(), |n| start + n);
    (start, end)
}

/// A secret that stands in plain text is not shown a second time (S13): its
/// line and what follows it inside the context lose every value.
fn masked(source: &str, finding: &Diagnostic) -> String {
    if finding.code != codes::PLAIN_SECRET {
        return source.to_owned();
    }
    // Same length in bytes, so that positions stay right.
    let from = source
        .get(..finding.span.0)
        .and_then(|s| s.rfind('\n'))
        .map_or(0, |at| at + 1);
    source
        .char_indices()
        .map(|(at, c)| {
            let keep = at < from
                || c == '\n'
                || (at >= finding.span.0 && at < finding.span.1 && is_key(finding, source));
            if keep {
                c.to_string()
            } else {
                "*".repeat(c.len_utf8())
            }
        })
        .collect()
}

/// Does the finding stand at a key (shown) or at a value (masked)?
fn is_key(finding: &Diagnostic, source: &str) -> bool {
    let (from, to) = finding.span;
    source.get(from..to).is_some_and(|text| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }) && source
        .get(to..)
        .is_some_and(|rest| rest.trim_start_matches(' ').starts_with('='))
}
