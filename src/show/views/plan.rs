//! A plan as people read it: the answer first, then what, where and why, then what will not be done.

use super::forecast::{self, plural};
use crate::model::ids::{ServiceName, StackId};
use crate::model::machine::Change;
use crate::model::plan::{Action, Effect, FenceBy, Held, Hold, Leaving, Plan, Source, Step, Why};
use crate::model::point::Part;
use crate::model::visible::visible;
use std::fmt::Write as _;

/// The whole plan as text, without colour codes.
pub fn human(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", headline(plan));
    for line in forecast::basis(plan) {
        let _ = writeln!(out, "{line}");
    }
    if let Some(time) = forecast::total_time(plan) {
        let _ = writeln!(out, "time: {time}");
    }
    if let Some(cost) = forecast::total_cost(plan) {
        let _ = writeln!(out, "monthly cost: {cost}");
    }
    steps(&mut out, &plan.steps);
    section(
        &mut out,
        "Drift (reality differs, the intent did not change)",
        plan.drift
            .iter()
            .map(|d| format!("{}: {}", d.machine, change(&d.change))),
    );
    section(
        &mut out,
        "Held (wanted, not done now)",
        plan.held.iter().map(held),
    );
    if !plan.withheld.is_empty() {
        out.push_str("\nHeld, step by step: what would be done once nothing holds it\n");
        steps(&mut out, &plan.withheld);
    }
    section(
        &mut out,
        "Not seen (never taken for absent)",
        plan.gaps.iter().map(ToString::to_string),
    );
    section(
        &mut out,
        "Good to know",
        plan.notes.iter().map(|note| note.text.clone()),
    );
    visible(&out).into_owned()
}

fn steps(out: &mut String, steps: &[Step]) {
    let mut owner: Option<Option<&str>> = None;
    let mut shown = None;
    for step in steps {
        let this = step.stack.as_ref().map(StackId::as_str);
        if owner != Some(this) {
            let _ = writeln!(out, "\n{}", this.unwrap_or("shared"));
            owner = Some(this);
        }
        let _ = writeln!(out, "  {} {}", mark(step.effect), describe(step));
        let _ = writeln!(out, "      because {}", why(&step.why));
        let line = step.why.line.as_ref();
        // One changed line may set off many steps; it is shown with the first.
        if let Some(line) = line.filter(|_| shown != Some((this, &step.why.place))) {
            shown = Some((this, &step.why.place));
            for (mark, text) in [("-", &line.before), ("+", &line.after)] {
                if let Some(text) = text {
                    let _ = writeln!(out, "        {mark} {text}");
                }
            }
        }
        let expected = forecast::of_step(step);
        if !expected.is_empty() {
            let _ = writeln!(out, "      {}", expected.join("; "));
        }
        if let Action::Converge { changes, .. } = &step.action {
            for change in changes {
                let _ = writeln!(out, "      - {}", self::change(change));
            }
        }
        if let Action::Forget { points, .. } = &step.action {
            for leaving in points {
                let _ = writeln!(out, "      - {}", self::leaving(leaving));
            }
        }
    }
}

/// Lines under a title; neither where there are none.
pub fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = writeln!(out, "\n{title}");
    }
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

/// One line that answers the question.
pub fn headline(plan: &Plan) -> String {
    let count = |effect| plan.steps.iter().filter(|s| s.effect == effect).count();
    let mut line = if plan.steps.is_empty() {
        "Nothing to do".to_owned()
    } else {
        format!(
            "{} to do: {} safe, {} disruptive, {} destructive",
            plural(plan.steps.len(), "step"),
            count(Effect::Safe),
            count(Effect::Disruptive),
            count(Effect::Destructive)
        )
    };
    if !plan.held.is_empty() {
        let _ = write!(line, "; {} held", plan.held.len());
    }
    if !plan.gaps.is_empty() {
        let _ = write!(
            line,
            "; {} could not be seen",
            plural(plan.gaps.len(), "thing")
        );
    }
    line.push('.');
    line
}

pub(super) fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Safe => "safe",
        Effect::Disruptive => "disruptive",
        Effect::Destructive => "destructive",
    }
}

fn mark(effect: Effect) -> &'static str {
    match effect {
        Effect::Safe => "+",
        Effect::Disruptive => "~",
        Effect::Destructive => "!",
    }
}

/// What a step does, in words.
pub fn describe(step: &Step) -> String {
    match &step.action {
        Action::Create {
            machine,
            take,
            hoster,
            site,
            machine_type,
            image,
            ..
        } => {
            let what = match (take, machine_type) {
                (Some(take), _) => format!("take ordered machine {take}"),
                (None, Some(kind)) => format!("rent a {kind}"),
                (None, None) => "take a machine".to_owned(),
            };
            format!("create {machine}: {what} at {hoster} {site}, {image}")
        }
        Action::Prepare { machine } => {
            format!("prepare {machine}: first contact, base tools, gate closed")
        }
        Action::Install { machine } => format!("install {machine}: packages and files"),
        Action::Converge { machine, changes } => {
            format!(
                "converge {machine}: {}",
                plural(changes.len(), "difference")
            )
        }
        Action::Initialise { machine } => {
            format!("initialise {machine}: first installation into empty state")
        }
        Action::Precopy { machine, source } => {
            format!(
                "fetch {} to {machine} ahead, while users go on",
                from(source)
            )
        }
        Action::Fetch { machine, source } => format!("fetch {} to {machine}", from(source)),
        Action::Load { machine, source } => {
            format!(
                "load {} on {machine}, compare counts and digests",
                from(source)
            )
        }
        Action::Check { machine, services } => {
            let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
            format!("check {} on {machine}, closed for users", names.join(", "))
        }
        Action::Close { machine } => {
            format!("close {machine}: no user gets in, services stop writing")
        }
        Action::PowerOn { machine } => format!("power on {machine}"),
        Action::ShutDown { machine } => {
            format!("shut down {machine}, until its hoster says that it is off")
        }
        Action::Resize { machine, from, to } => {
            format!("resize {machine} from {from} to {to}, in place, with the disk that it has")
        }
        Action::Reset { machine } => format!("reset {machine} through its hoster's interface"),
        Action::PowerCycle { machine } => {
            format!("switch {machine} off, and on once its hoster says that it is off")
        }
        Action::Reboot { machine, wrong } => {
            format!(
                "reboot {machine}, which mending did not help: {}",
                wrong.join(", ")
            )
        }
        Action::LastChance { machine, to } => {
            format!(
                "save what is on the disk of {machine} to {to} from its hoster's rescue system, as far as it can be read, and switch it off"
            )
        }
        Action::Fence { machine, by } => {
            let how = match by {
                FenceBy::PowerOff => "power off, confirmed by its hoster".to_owned(),
                FenceBy::PowerOffIfSilent => {
                    "power off, confirmed by its hoster, if it is still silent".to_owned()
                }
                FenceBy::Gone => "gone by its hoster's word".to_owned(),
                FenceBy::Waiver { place } => {
                    format!("signed waiver, {}:{}", place.file, place.line)
                }
            };
            format!("fence {machine}: {how}")
        }
        Action::Open { machine, epoch, .. } => format!("open {machine} for users, {epoch}"),
        Action::Name {
            host,
            machine,
            ttl: None,
        } => format!("point {host} at {machine}"),
        Action::Name {
            host,
            machine,
            ttl: Some(seconds),
        } => format!("point {host} at {machine}, to be remembered for {seconds}s"),
        Action::Ttl { host, seconds, .. } => {
            format!("let others remember where {host} leads for {seconds}s")
        }
        Action::Backup {
            machine,
            to,
            ahead: true,
        } => {
            format!("back up {machine} to {to} ahead, while users go on")
        }
        Action::Backup { machine, to, .. } => {
            format!("back up {machine} to {to} and read it back")
        }
        Action::SaveAside { machine, to } => {
            format!("save what is on {machine} aside, to {to}, and read it back")
        }
        Action::Repository { machine, .. } => {
            format!("see to the repository and its keys on {machine}")
        }
        Action::Quarantine { machine } => format!("quarantine {machine}: off, kept"),
        Action::Verify { machine, part, of } => {
            format!(
                "verify the repository on {machine}: its structure, and part {part} of {of} of its data"
            )
        }
        Action::Forget {
            machine, points, ..
        } => {
            format!("forget {} on {machine}", plural(points.len(), "point"))
        }
        Action::Copy { machine, from } => {
            format!("copy the points from {from} to {machine} and check them")
        }
        Action::Discard { machine, points } => {
            format!(
                "discard the repository on {machine}: {}, copied and checked elsewhere",
                plural(points.len(), "point")
            )
        }
        Action::Retrieve {
            machine,
            point,
            part,
            to,
        } => {
            let what = match part {
                Part::Path { path } => path.clone(),
                Part::Database { database, .. } => format!("database {database}"),
                Part::Table {
                    database, table, ..
                } => format!("table {table} of database {database}"),
            };
            let point = point.short();
            format!("retrieve {what} of point {point} on {machine} as {to}")
        }
        Action::Isolate { machine } => format!("isolate {machine}: it talks to nobody"),
        Action::Destroy { machine } => format!("destroy {machine}"),
    }
}

fn leaving(leaving: &Leaving) -> String {
    format!(
        "point {} of {} ({}): {}",
        leaving.point.short(),
        leaving.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        super::rung(leaving.rung),
        leaving.why
    )
}

fn from(source: &Source) -> String {
    match source {
        Source::Point {
            point,
            taken_at,
            rung,
            on,
        } => format!(
            "point {} of {} ({}, on {on})",
            point.short(),
            taken_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            super::rung(*rung)
        ),
        Source::Step { .. } => "the point this plan takes".to_owned(),
    }
}

pub(super) fn why(why: &Why) -> String {
    match &why.place {
        Some(place) => format!("{} ({}:{})", why.reason, place.file, place.line),
        None => why.reason.clone(),
    }
}

/// A difference, in words.
pub fn change(change: &Change) -> String {
    match change {
        Change::InstallPackage { package } => format!("package {package} is missing"),
        Change::MakeDirectory { path, found } => format!("directory {path}: {found}"),
        Change::WriteFile { path, found } => format!("file {path}: {found}"),
        Change::StartUnit { unit, found } => format!("unit {unit}: {found}"),
    }
}

fn held(held: &Held) -> String {
    let owner = held.stack.as_ref().map_or("shared", |s| s.as_str());
    format!(
        "{owner}: {}\n    {}\n    to go on: {}",
        held.wanted,
        hold(&held.hold),
        held.remedy
    )
}

/// Why not now, in words.
pub fn hold(hold: &Hold) -> String {
    match hold {
        Hold::NotObserved { gap } => format!("not seen: {gap}"),
        Hold::Broken { findings } => format!("its definition has {}", plural(*findings, "error")),
        Hold::Forbidden { rule, reason } => format!("{rule}: {reason}"),
        Hold::NeedsApproval {
            effect,
            have,
            need,
            by,
        } => format!(
            "{} steps need {need} people, {have} signed; could sign: {}",
            effect_word(*effect),
            if by.is_empty() {
                "nobody".to_owned()
            } else {
                by.join(", ")
            }
        ),
        Hold::NotAccepted { commit, reason } => {
            format!("commit {:.12} is not accepted: {reason}", commit.as_str())
        }
        Hold::NotYet { until, reason } => format!(
            "too early to tell, looked at again from {} on: {reason}",
            until.strftime("%H:%M:%S UTC")
        ),
        Hold::Brake { reason } => format!("storm brake: {reason}"),
    }
}
