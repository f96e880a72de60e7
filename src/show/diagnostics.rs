//! Findings with the line they are about, all of them.

use crate::decide::document::codes;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::show::window::Window;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, Report};
use std::collections::BTreeMap;
use std::fmt::Write;

/// So many findings are shown with their line; the rest take a line each.
const DRAWN: usize = 100;
/// So many are told at all; more than anybody reads, and less than fills a log.
const TOLD: usize = 2000;

/// All findings on standard error, in colour where there is a terminal.
pub fn print(findings: &[Diagnostic], files: &BTreeMap<String, Vec<u8>>) {
    // A terminal that wants none says so (NO_COLOR, TERM=dumb).
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    anstream::eprint!("{}", render(findings, files, colour));
}

/// All findings, each with its line, then how many there are.
pub fn render(findings: &[Diagnostic], files: &BTreeMap<String, Vec<u8>>, colour: bool) -> String {
    let mut text = String::new();
    for (index, finding) in findings.iter().take(TOLD).enumerate() {
        // All are told; beyond some, the line itself would only be in the way. A report that
        // cannot be drawn is still told.
        if index >= DRAWN || draw(finding, files, colour, &mut text).is_err() {
            let _ = writeln!(text, "{}", one_line(finding));
        }
        text.push('\n');
    }
    if findings.len() > TOLD {
        let _ = writeln!(text, "… and {} more\n", findings.len() - TOLD);
    }
    let _ = writeln!(text, "{}", counted(findings));
    text
}

/// `3 errors and 1 warning in 2 files`; warnings hold nothing, so they are counted apart.
pub fn counted(findings: &[Diagnostic]) -> String {
    let files: std::collections::BTreeSet<&str> =
        findings.iter().map(|f| f.place.file.as_str()).collect();
    let errors = findings.iter().filter(|f| f.is_error()).count();
    let many = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let parts: Vec<String> = [(errors, "error"), (findings.len() - errors, "warning")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| many(n, what))
        .collect();
    format!("{} in {}", parts.join(" and "), many(files.len(), "file"))
}

/// `stacks/acme.toml:12:3: HF0010: no blueprint "mediwiki"; did you mean …`
pub fn one_line(finding: &Diagnostic) -> String {
    let place = &finding.place;
    let help = finding
        .help
        .as_ref()
        .map(|help| format!(" ({help})"))
        .unwrap_or_default();
    let warning = if finding.is_error() { "" } else { "warning: " };
    format!(
        "{}:{}:{}: {}: {warning}{}{help}",
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
    let mut diagnostic = MietteDiagnostic::new(&finding.message)
        .with_code(finding.code)
        .with_severity(match finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        });
    if !finding.is_error() {
        diagnostic.message = format!("warning: {}", finding.message);
    }
    diagnostic.help.clone_from(&finding.help);
    let Some(source) = source else {
        diagnostic.message = format!("{}: {}", finding.place.file, diagnostic.message);
        return handler.render_report(text, &diagnostic);
    };
    let (from, to) = shown_span(finding, source);
    let source = Window::new(&finding.place.file, masked(source, finding));
    let (from, to) = source.mark(from, to);
    diagnostic.labels = Some(vec![LabeledSpan::new_with_span(
        None,
        (from, to.saturating_sub(from)),
    )]);
    let report = Report::new(diagnostic).with_source_code(source);
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
