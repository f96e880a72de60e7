//! A plan as a comment on a pull request: the answer first, details folded, never too long.
//!
//! Everything that is not our own wording is made inert: no markup, no links, nobody is pinged.

use super::forecast::{self, plural};
use super::plan::{change, describe, effect_word, headline, hold};
use crate::model::ids::StackId;
use crate::model::plan::{Action, Effect, Held, Plan, Step};
use crate::show::exit::Exit;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Longest comment, in bytes, and so in characters however they are counted.
/// GitHub refuses more than 65,536.
pub const LIMIT: usize = 60_000;
/// Kept free for what comes last: what is missing, and where it is.
const TAIL: usize = 600;
/// Longest foreign text, in characters.
const LONGEST: usize = 200;
/// So many destructive steps are named at the top.
const NAMED: usize = 20;

/// The first line, by which a later run finds its comment.
pub const MARK: &str = "<!-- holdfast plan -->";

/// The plan as GitHub-flavoured Markdown.
pub fn markdown(plan: &Plan) -> String {
    let mut page = Page::new();
    summary(&mut page, plan);
    let all = groups(&plan.steps);
    let (hard, soft): (Vec<&Group<'_>>, Vec<&Group<'_>>) = all
        .iter()
        .partition(|group| group.effect == Effect::Destructive);
    let withheld = groups(&plan.withheld);
    // What matters most comes first, and none of it may push all the rest out.
    page.up_to(LIMIT / 2);
    steps(&mut page, &hard, "");
    page.up_to(LIMIT * 3 / 4);
    let held: Vec<String> = plan.held.iter().map(held_row).collect();
    let titles = "| whose | wanted | why not now | to go on |\n| --- | --- | --- | --- |\n";
    page.fold(&format!("Held ({})", held.len()), titles, &held);
    steps(&mut page, &withheld.iter().collect::<Vec<_>>(), "held: ");
    page.up_to(LIMIT);
    steps(&mut page, &soft, "");
    let drift: Vec<String> = plan
        .drift
        .iter()
        .map(|d| {
            format!(
                "| {} | {} |",
                code(d.machine.as_str()),
                prose(&change(&d.change))
            )
        })
        .collect();
    page.fold(
        &format!("Drift ({})", drift.len()),
        "| machine | difference |\n| --- | --- |\n",
        &drift,
    );
    let gaps: Vec<String> = plan
        .gaps
        .iter()
        .map(|gap| format!("| {} | {} |", prose(&gap.subject), prose(&gap.reason)))
        .collect();
    page.fold(
        &format!("Not seen ({})", gaps.len()),
        "| what | why |\n| --- | --- |\n",
        &gaps,
    );
    page.end()
}

/// What everybody should read.
fn summary(page: &mut Page, plan: &Plan) {
    let mut text = format!("{MARK}\n### Holdfast plan\n\n**{}**\n\n", headline(plan));
    for line in forecast::basis(plan) {
        let _ = writeln!(text, "- {}", prose(&line));
    }
    if let Some(time) = forecast::total_time(plan) {
        let _ = writeln!(text, "- time: {}", prose(&time));
    }
    if let Some(cost) = forecast::total_cost(plan) {
        let _ = writeln!(text, "- monthly cost: {}", prose(&cost));
    }
    let exit = Exit::of(plan);
    let _ = writeln!(text, "- exit code {}: {}\n", exit as u8, exit.meaning());
    let destructive: Vec<&Step> = of(plan, Effect::Destructive).collect();
    if !destructive.is_empty() {
        text.push_str("Destructive:\n");
        for step in destructive.iter().take(NAMED) {
            let _ = writeln!(text, "- {}", prose(&describe(step)));
        }
        if destructive.len() > NAMED {
            let _ = writeln!(text, "- and {} more", destructive.len() - NAMED);
        }
        text.push('\n');
    }
    if !plan.steps.is_empty() {
        text.push_str("| step | safe | disruptive | destructive |\n| --- | ---: | ---: | ---: |\n");
        for (verb, counts) in by_verb(plan) {
            let [safe, disruptive, destructive] = counts;
            let _ = writeln!(text, "| {verb} | {safe} | {disruptive} | {destructive} |");
        }
        text.push('\n');
    }
    page.put(&text);
}

fn of(plan: &Plan, effect: Effect) -> impl Iterator<Item = &Step> {
    plan.steps.iter().filter(move |step| step.effect == effect)
}

fn by_verb(plan: &Plan) -> BTreeMap<&'static str, [usize; 3]> {
    let mut counts: BTreeMap<&'static str, [usize; 3]> = BTreeMap::new();
    for step in &plan.steps {
        let [safe, disruptive, destructive] = counts.entry(step.action.verb()).or_default();
        let count = match step.effect {
            Effect::Safe => safe,
            Effect::Disruptive => disruptive,
            Effect::Destructive => destructive,
        };
        *count += 1;
    }
    counts
}

/// Steps of one stack, or those that stacks share.
struct Group<'p> {
    stack: Option<&'p StackId>,
    effect: Effect,
    steps: Vec<&'p Step>,
}

/// The furthest-reaching first, then in the plan's order.
fn groups(steps: &[Step]) -> Vec<Group<'_>> {
    let mut places: BTreeMap<Option<&StackId>, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for step in steps {
        let stack = step.stack.as_ref();
        let place = *places.entry(stack).or_insert_with(|| {
            groups.push(Group {
                stack,
                effect: Effect::Safe,
                steps: Vec::new(),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.effect = group.effect.max(step.effect);
            group.steps.push(step);
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.effect));
    groups
}

fn steps(page: &mut Page, groups: &[&Group<'_>], of_what: &str) {
    let titles = "| effect | what | why | expected |\n| --- | --- | --- | --- |\n";
    for (at, group) in groups.iter().enumerate() {
        let name = group
            .stack
            .map_or("shared".to_owned(), |id| code(id.as_str()));
        let title = format!(
            "{of_what}{name}: {}, {}",
            plural(group.steps.len(), "step"),
            effect_word(group.effect)
        );
        let mut last = None;
        let rows: Vec<String> = group
            .steps
            .iter()
            .map(|step| {
                // One changed line may set off many steps; it is shown with the first.
                let new = last != Some(&step.why.place);
                last = Some(&step.why.place);
                row(step, new)
            })
            .collect();
        if page.fold(&title, titles, &rows) {
            continue;
        }
        let left = groups.get(at..).unwrap_or_default();
        let steps: usize = left.iter().map(|group| group.steps.len()).sum();
        let stacks = plural(left.len(), "more stack");
        page.put(&format!(
            "{of_what}and {stacks} with {}\n\n",
            plural(steps, "step")
        ));
        page.complete = false;
        return;
    }
}

fn row(step: &Step, with_line: bool) -> String {
    let mut what = prose(&describe(step));
    if let Action::Converge { changes, .. } = &step.action {
        for difference in changes.iter().take(NAMED) {
            let _ = write!(what, "<br>{}", prose(&change(difference)));
        }
        if changes.len() > NAMED {
            let _ = write!(what, "<br>and {} more", changes.len() - NAMED);
        }
    }
    let mut why = prose(&step.why.reason);
    if let Some(place) = &step.why.place {
        let _ = write!(
            why,
            "<br>{}",
            code(&format!("{}:{}", place.file, place.line))
        );
    }
    if let Some(line) = step.why.line.as_ref().filter(|_| with_line) {
        let text = |line: &Option<String>| line.as_deref().map_or("nothing".to_owned(), code);
        let _ = write!(why, "<br>{} → {}", text(&line.before), text(&line.after));
    }
    let expected: Vec<String> = forecast::of_step(step).iter().map(|t| prose(t)).collect();
    format!(
        "| {} | {what} | {why} | {} |",
        effect_word(step.effect),
        expected.join("<br>")
    )
}

fn held_row(held: &Held) -> String {
    let whose = held
        .stack
        .as_ref()
        .map_or("shared".to_owned(), |id| code(id.as_str()));
    format!(
        "| {whose} | {} | {} | {} |",
        prose(&held.wanted),
        prose(&hold(&held.hold)),
        prose(&held.remedy)
    )
}

/// Text that never grows beyond its bound.
struct Page {
    text: String,
    bound: usize,
    complete: bool,
}

impl Page {
    fn new() -> Self {
        Self {
            text: String::new(),
            bound: LIMIT - TAIL,
            complete: true,
        }
    }

    /// The next parts may fill the page so far.
    fn up_to(&mut self, bound: usize) {
        self.bound = bound.min(LIMIT - TAIL);
    }

    fn room(&self) -> usize {
        self.bound.saturating_sub(self.text.len())
    }

    /// Our own short text.
    fn put(&mut self, text: &str) {
        if text.len() <= self.room() {
            self.text.push_str(text);
        } else {
            self.complete = false;
        }
    }

    /// A folded table with as many rows as there is room for; false when not even one has.
    fn fold(&mut self, title: &str, titles: &str, rows: &[String]) -> bool {
        const END: &str = "\n</details>\n\n";
        /// `and 12345 more`, with its line breaks.
        const MORE: usize = 60;
        if rows.is_empty() {
            return true;
        }
        let begin = format!("<details><summary>{title}</summary>\n\n{titles}");
        let mut room = self.room().saturating_sub(begin.len() + END.len() + MORE);
        let fitting = rows
            .iter()
            .take_while(|row| {
                let fits = row.len() < room;
                room = room.saturating_sub(row.len() + 1);
                fits
            })
            .count();
        if fitting == 0 {
            self.complete = false;
            return false;
        }
        self.text.push_str(&begin);
        for row in rows.iter().take(fitting) {
            self.text.push_str(row);
            self.text.push('\n');
        }
        if fitting < rows.len() {
            let _ = write!(self.text, "\nand {} more\n", rows.len() - fitting);
            self.complete = false;
        }
        self.text.push_str(END);
        true
    }

    fn end(mut self) -> String {
        if !self.complete {
            self.text.push_str(
                "Not everything is shown here. The full plan is the artefact of this run (`--format json`, `--out`).\n",
            );
        }
        self.text
    }
}

/// Foreign text in a row: shown as written, understood by no parser.
fn code(text: &str) -> String {
    format!("<code>{}</code>", inert(text, false))
}

/// A sentence of ours that may hold foreign words.
fn prose(text: &str) -> String {
    inert(text, true)
}

/// Only letters, digits and harmless marks stay; the rest becomes character references, which
/// no Markdown parser takes for structure. In prose an invisible space parts what would ping.
fn inert(text: &str, prose: bool) -> String {
    let links = text.contains("://") || text.contains("mailto") || text.contains("xmpp");
    let www = text.to_ascii_lowercase().contains("www");
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars().take(LONGEST) {
        match c {
            ' ' | ',' | ';' | '/' | '-' | '(' | ')' | '\'' => out.push(c),
            '.' if !www => out.push(c),
            ':' if !links => out.push(c),
            c if c.is_control() => out.push(' '),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                out.push('\u{fffd}');
            }
            c if c.is_alphanumeric() => out.push(c),
            c => {
                let _ = write!(out, "&#{};", u32::from(c));
                if prose && matches!(c, '@' | '#' | '!' | '~' | '%' | '$' | '&') {
                    out.push_str("&#8203;");
                }
            }
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}
