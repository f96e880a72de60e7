//! Findings with the line they are about, all of them.

use crate::decide::document::codes;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::secrecy::{masked, starred, told};
use crate::model::visible::{visible, visible_line, visible_with_moves};
use crate::show::say::err;
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
    err!("{}", render(findings, files, colour));
}

/// All findings, each with its line, then how many there are.
pub fn render(findings: &[Diagnostic], files: &BTreeMap<String, Vec<u8>>, colour: bool) -> String {
    let mut text = String::new();
    let mut sources = Sources::new(findings, files);
    for (index, finding) in findings.iter().take(TOLD).enumerate() {
        // All are told; beyond some, the line itself would only be in the way. A report that
        // cannot be drawn is still told.
        if index >= DRAWN || draw(finding, sources.of(finding), colour, &mut text).is_err() {
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
        .map(|help| format!(" ({})", words(help)))
        .unwrap_or_default();
    let warning = if finding.is_error() { "" } else { "warning: " };
    format!(
        "{}:{}:{}: {}: {warning}{}{help}",
        visible_line(&place.file),
        place.line,
        place.column,
        finding.code,
        words(&finding.message)
    )
}

fn draw(
    finding: &Diagnostic,
    source: Option<&Drawn>,
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
    let mut diagnostic = MietteDiagnostic::new(words(&finding.message))
        .with_code(finding.code)
        .with_severity(match finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        });
    if !finding.is_error() {
        diagnostic.message = format!("warning: {}", diagnostic.message);
    }
    diagnostic.help = finding.help.as_deref().map(words);
    let file = visible_line(&finding.place.file);
    let Some(source) = source else {
        diagnostic.message = format!("{file}: {}", diagnostic.message);
        return handler.render_report(text, &diagnostic);
    };
    let (from, to) = shown_span(finding, &source.text);
    let moved = |at: usize| {
        let before = source.moves.partition_point(|(place, _)| *place <= at);
        let last = before
            .checked_sub(1)
            .and_then(|last| source.moves.get(last));
        at + last.map_or(0, |(_, by)| *by)
    };
    let (from, to) = (moved(from), moved(to));
    let source = Window::new(&file, source.visible.clone());
    let (from, to) = source.mark(from, to);
    diagnostic.labels = Some(vec![LabeledSpan::new_with_span(
        None,
        (from, to.saturating_sub(from)),
    )]);
    let report = Report::new(diagnostic).with_source_code(source);
    handler.render_report(text, report.as_ref())
}

/// A message as it may be told: nothing secret, and nothing that a terminal obeys.
fn words(text: &str) -> String {
    visible(&told(text)).into_owned()
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

/// What is drawn of the files: no secret, whoever's finding it is that has one for a neighbour,
/// and nothing of what is there to hold secrets (S13).
struct Sources<'f> {
    files: &'f BTreeMap<String, Vec<u8>>,
    findings: &'f [Diagnostic],
    known: BTreeMap<&'f str, Option<Drawn>>,
}

/// A file as it may be drawn: as long in bytes as it is, and with the same lines.
struct Drawn {
    text: String,
    /// The same without what a terminal would obey, and what that moved.
    visible: String,
    moves: Vec<(usize, usize)>,
}

impl<'f> Sources<'f> {
    fn new(findings: &'f [Diagnostic], files: &'f BTreeMap<String, Vec<u8>>) -> Self {
        Self {
            files,
            findings,
            known: BTreeMap::new(),
        }
    }

    fn of(&mut self, finding: &'f Diagnostic) -> Option<&Drawn> {
        let file = finding.place.file.as_str();
        // Nobody knows what a file is that does not belong into an estate.
        if finding.code == codes::STRAY_FILE {
            return None;
        }
        let (files, findings) = (self.files, self.findings);
        let known = self.known.entry(file);
        known
            .or_insert_with(|| drawn(file, files, findings))
            .as_ref()
    }
}

fn drawn(file: &str, files: &BTreeMap<String, Vec<u8>>, findings: &[Diagnostic]) -> Option<Drawn> {
    let text = std::str::from_utf8(files.get(file)?).ok()?;
    let sealed = file.starts_with("secrets/") || file.strip_suffix(".age").is_some();
    if sealed || text.is_empty() {
        return None;
    }
    let told: Vec<std::ops::Range<usize>> = findings
        .iter()
        .filter(|found| found.place.file == file && found.code == codes::PLAIN_SECRET)
        .filter(|found| !is_key(found, text))
        .map(|found| found.span.0..found.span.1)
        .collect();
    let text = starred(&masked(text), &told);
    let (visible, moves) = visible_with_moves(&text);
    Some(Drawn {
        text,
        visible,
        moves,
    })
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
