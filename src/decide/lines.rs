//! Which line of the estate a step comes from, before and after: for plans made by comparing
//! two commits.

use super::document::{Files, looks_secret};
use crate::model::diagnostic::Place;
use crate::model::ids::StackId;
use crate::model::plan::{Action, LineChange, Plan, Step};
use crate::model::secrecy;
use crate::model::visible::visible_line;
use std::collections::{BTreeMap, BTreeSet};

/// Longest line that is shown, in characters.
const LONGEST: usize = 160;
/// Beyond so many pairs of lines a change is told as one.
const MOST_PAIRS: usize = 250_000;

/// Lines that were replaced by others; 0-based, ends excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hunk {
    before: (usize, usize),
    after: (usize, usize),
}

/// A file that differs.
struct Changed<'f> {
    before: Vec<&'f str>,
    after: Vec<&'f str>,
    /// Lines of either that are part of a secret, which may be several lines long.
    secret: (BTreeSet<usize>, BTreeSet<usize>),
    hunks: Vec<Hunk>,
}

/// Adds to each step whose cause is a changed line where that stands and how it was changed.
/// `shown` tells what the files call a stack, where that is not what it began as.
pub fn point_out(
    plan: &mut Plan,
    before: &Files,
    after: &Files,
    shown: &BTreeMap<StackId, StackId>,
) {
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed: BTreeMap<&str, Changed<'_>> = paths
        .into_iter()
        .filter(|path| path.strip_suffix(".toml").is_some() || path.starts_with("blueprints/"))
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| {
            let (old, new) = (lines(before.get(path)), lines(after.get(path)));
            // What only a comment changed sets nothing off.
            let said = |lines: &[&'_ str]| -> Vec<String> {
                lines.iter().map(|line| meaning(line).to_owned()).collect()
            };
            let hunks = hunks(&said(&old), &said(&new));
            let changed = Changed {
                before: old,
                after: new,
                secret: (secret(before.get(path)), secret(after.get(path))),
                hunks,
            };
            (path.as_str(), changed)
        })
        .collect();
    for step in plan.steps.iter_mut().chain(&mut plan.withheld) {
        point_out_one(step, &changed, shown);
    }
}

fn point_out_one(
    step: &mut Step,
    changed: &BTreeMap<&str, Changed<'_>>,
    shown: &BTreeMap<StackId, StackId>,
) {
    if let Some(place) = &step.why.place {
        let found = changed
            .get(place.file.as_str())
            .and_then(|file| Some((file, file.near(place)?)));
        if let Some((file, hunk)) = found {
            let at = usize::try_from(place.line).unwrap_or(1).saturating_sub(1);
            let (place, line) = file.told(&place.file, hunk, at);
            step.why.place = Some(place);
            step.why.line = Some(line);
        }
        return;
    }
    if !matches!(step.action, Action::Converge { .. }) {
        return; // A consequence of another step, which has its own line.
    }
    let named = |id| shown.get(id).unwrap_or(id);
    let own = step.stack.as_ref();
    let own = own.map(|id| named(id).file());
    let cause = match &own {
        Some(own) => changed.get_key_value(own.as_str()).or_else(|| {
            changed
                .iter()
                .find(|(path, _)| !path.starts_with("stacks/"))
        }),
        None => changed.iter().find(|(path, file)| {
            path.starts_with("stacks/") && (file.before.is_empty() || file.after.is_empty())
        }),
    };
    let Some((path, file)) = cause else { return };
    let Some(hunk) = file.hunks.first() else {
        return;
    };
    let (place, line) = file.told(path, *hunk, hunk.after.0);
    let reason = match (&own, path.starts_with("stacks/")) {
        (Some(_), true) => "its definition was changed",
        (Some(_), false) => "what it shares with others was changed",
        (None, _) => "other stacks keep their recovery points here than before",
    };
    reason.clone_into(&mut step.why.reason);
    step.why.place = Some(place);
    step.why.line = Some(line);
}

impl Changed<'_> {
    /// The change that a place means: on its line, or else in its table.
    fn near(&self, place: &Place) -> Option<Hunk> {
        let at = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let on = |hunk: &&Hunk| (hunk.after.0..hunk.after.1).contains(&at);
        let header = |line: &&str| line.trim_start().starts_with('[');
        let start = (0..=at.min(self.after.len().saturating_sub(1)))
            .rev()
            .find(|&n| self.after.get(n).is_some_and(header))
            .unwrap_or(0);
        let end = (at + 1..self.after.len())
            .find(|&n| self.after.get(n).is_some_and(header))
            .unwrap_or(self.after.len());
        let within = |hunk: &&Hunk| hunk.after.0 >= start && hunk.after.0 < end;
        let mut hunks = self.hunks.iter();
        hunks
            .clone()
            .find(on)
            .or_else(|| hunks.find(within))
            .copied()
    }

    /// Where it stands now, and how the line was changed; `at` is preferred where it is in it.
    fn told(&self, file: &str, hunk: Hunk, at: usize) -> (Place, LineChange) {
        let ((b0, b1), (a0, a1)) = (hunk.before, hunk.after);
        let offset = if (a0..a1).contains(&at) { at - a0 } else { 0 };
        let text = |lines: &[&str], secret: &BTreeSet<usize>, from: usize, to: usize| {
            let line = lines.get(from..to)?.get(offset)?;
            Some(shown(line, secret.contains(&(from + offset))))
        };
        let line = u32::try_from(a0 + offset + 1).unwrap_or(u32::MAX);
        let place = Place {
            file: file.to_owned(),
            line: line.min(u32::try_from(self.after.len()).unwrap_or(u32::MAX).max(1)),
            column: 1,
        };
        let change = LineChange {
            before: text(&self.before, &self.secret.0, b0, b1),
            after: text(&self.after, &self.secret.1, a0, a1),
        };
        (place, change)
    }
}

fn lines(bytes: Option<&Vec<u8>>) -> Vec<&str> {
    let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.map(|text| text.lines().collect()).unwrap_or_default()
}

/// A line without its comment and the blanks around.
fn meaning(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return line.get(..at).unwrap_or(line).trim(),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    line.trim()
}

/// Numbers of the lines that hold a part of a secret, from 0.
fn secret(bytes: Option<&Vec<u8>>) -> BTreeSet<usize> {
    let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let text = text.unwrap_or_default();
    let mut numbers = BTreeSet::new();
    let (mut at, mut number) = (0, 0);
    for place in secrecy::hidden(text) {
        number += text
            .get(at..place.start)
            .unwrap_or_default()
            .matches('\n')
            .count();
        let last = number
            + text
                .get(place.clone())
                .unwrap_or_default()
                .matches('\n')
                .count();
        numbers.extend(number..=last);
        (at, number) = (place.end, last);
    }
    numbers
}

/// Without what a terminal or a page would act on; secrets are not repeated (S13).
fn shown(line: &str, secret: bool) -> String {
    let line = meaning(line);
    if secret || looks_secret(line) {
        return "(not shown: it may hold a secret)".to_owned();
    }
    let mut text: String = line.chars().take(LONGEST).collect();
    if line.chars().count() > LONGEST {
        text.push('…');
    }
    visible_line(&text).into_owned()
}

/// The changes between two texts, in order.
fn hunks(before: &[String], after: &[String]) -> Vec<Hunk> {
    let head = before.iter().zip(after).take_while(|(b, a)| b == a).count();
    // `head` and `tail` count pairs, so neither reaches beyond either text.
    let (before_rest, after_rest) = (&before[head..], &after[head..]);
    let tail = before_rest
        .iter()
        .rev()
        .zip(after_rest.iter().rev())
        .take_while(|(b, a)| b == a)
        .count();
    let b = &before_rest[..before_rest.len() - tail];
    let a = &after_rest[..after_rest.len() - tail];
    if b.is_empty() && a.is_empty() {
        return Vec::new();
    }
    let common = if b.len().saturating_mul(a.len()) > MOST_PAIRS {
        Vec::new()
    } else {
        common(b, a)
    };
    let mut found = Vec::new();
    let (mut at_b, mut at_a) = (0, 0);
    for (b_to, a_to) in common.into_iter().chain([(b.len(), a.len())]) {
        if b_to > at_b || a_to > at_a {
            found.push(Hunk {
                before: (head + at_b, head + b_to),
                after: (head + at_a, head + a_to),
            });
        }
        (at_b, at_a) = (b_to + 1, a_to + 1);
    }
    found
}

/// Pairs of lines that stay: a longest common subsequence.
fn common(b: &[String], a: &[String]) -> Vec<(usize, usize)> {
    let width = a.len() + 1;
    let mut longest = vec![0_u32; (b.len() + 1) * width];
    for i in (0..b.len()).rev() {
        for j in (0..a.len()).rev() {
            longest[i * width + j] = if b[i] == a[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < b.len() && j < a.len() {
        if b[i] == a[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
