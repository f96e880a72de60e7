//! Why a stack is treated as it is: what is wanted and which line says so, what was seen, what
//! the journal knows, and by which rule the one follows from the others.

mod brakes;

use super::history::History;
use super::plan::{Case, Stands, stands};
use super::repositories;
use super::status::{self, Line};
use super::timeline::{Told, timeline};
use crate::model::desired::{Desired, DesiredStack, Placement, Repair, Waits};
use crate::model::diagnostic::Place;
use crate::model::ids::StackId;
use crate::model::journal::Entry;
use crate::model::machine::MachineFacts;
use crate::model::observed::{Observed, Power, SeenMachine};
use crate::model::plan::Plan;
use crate::model::units::show_duration;
use jiff::Timestamp;
use serde::Serialize;

/// How much of the journal is told: enough to see what came last.
const LATEST: usize = 8;

/// The whole answer for one stack. What follows and what is held stand in the plan.
#[derive(Debug, Clone)]
pub struct Account {
    /// In short.
    pub line: Line,
    /// What is wanted, and where the estate says so.
    pub wanted: Vec<Wanted>,
    /// What was seen, and what could not be.
    pub seen: Vec<String>,
    /// What the journal knows of it.
    pub known: Vec<String>,
    /// What the journal has told last, oldest first.
    pub latest: Vec<Told>,
    /// What is decided about its machine, and by which rule; `None`: it was not looked at.
    pub decision: Option<&'static str>,
    /// Whether its machine is lost, rule by rule; `None`: it is not silent.
    pub lost: Option<Case>,
}

/// Something that the estate asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// In words.
    pub text: String,
    /// The line that says so; `None`: no line does, it is so where nothing else is said.
    pub place: Option<Place>,
}

/// The account of one stack; `id` is the one under which it began.
pub fn account(
    id: &StackId,
    want: &Desired,
    seen: &Observed,
    past: &History,
    entries: &[Entry],
    plan: &Plan,
) -> Option<Account> {
    let now = seen.at;
    let stack = want.stacks.get(id);
    let shown = stack.map_or(id, |stack| &stack.shown);
    let waits = stack.map(|stack| stack.waits).unwrap_or_default();
    let lines = status::lines(want, seen, past, plan);
    let line = lines.into_iter().find(|line| line.stack == *shown)?;
    let mut latest = timeline(entries, Some(id), None);
    latest.drain(..latest.len().saturating_sub(LATEST));
    let stands = stack.map(|stack| stands(stack, want, seen, past));
    let seen = match (stack, &stands) {
        (Some(stack), Some(stands)) => what_was_seen(stack, stands, seen, past),
        _ => Vec::new(),
    };
    Some(Account {
        wanted: what_is_wanted(id, want, now),
        seen,
        known: what_is_known(id, &waits, past, now),
        latest,
        decision: stands.as_ref().map(|stands| stands.position.decision()),
        lost: stands.and_then(|stands| stands.case),
        line,
    })
}

fn what_is_wanted(id: &StackId, want: &Desired, now: Timestamp) -> Vec<Wanted> {
    let wanted = |text: String, place: &Place| Wanted {
        text,
        place: Some(place.clone()),
    };
    let Some(stack) = want.stacks.get(id) else {
        let broken = want.broken.get(id).into_iter().flatten();
        let errors = broken.map(|found| wanted(found.message.clone(), &found.place));
        return errors.collect();
    };
    let at = |placement: &Placement| {
        let kind = placement.machine_type.as_ref();
        let kind = kind.map(|kind| format!("{kind}, ")).unwrap_or_default();
        format!(
            "at {} {}, {kind}{}",
            placement.hoster, placement.site, placement.image
        )
    };
    let mut all = Vec::new();
    if let Some(end) = &stack.retired {
        all.push(wanted(format!("its end on {}", end.on), &end.place));
    }
    let production = &stack.production;
    all.push(wanted(
        format!("production {}", at(production)),
        &production.place,
    ));
    let fallback = stack.fallback.iter();
    all.extend(fallback.map(|place| wanted(format!("or, in need, {}", at(place)), &place.place)));
    let backup = &stack.backup;
    let schedule = &backup.schedule;
    all.push(wanted(
        format!(
            "recovery points at {} {}, daily {:02}:{:02} {}",
            backup.placement.hoster,
            backup.placement.site,
            schedule.hour,
            schedule.minute,
            schedule.zone
        ),
        &backup.placement.place,
    ));
    let every = show_duration(super::drill::every(stack));
    all.push(Wanted {
        text: format!("a drill that passes every {every}"),
        place: backup.drill.as_ref().map(|drill| drill.place.clone()),
    });
    all.extend(stack.services.iter().map(|service| {
        let text = format!(
            "{} ({}) at {}",
            service.name, service.blueprint, service.host
        );
        wanted(text, &service.place)
    }));
    let repair: Vec<&str> = stack.repair.iter().map(|repair| word(*repair)).collect();
    all.push(Wanted {
        text: match repair.as_slice() {
            [] => "no repair without a person".to_owned(),
            repair => format!("repair without a person: {}", repair.join(", ")),
        },
        place: None,
    });
    all.extend(brakes::wanted(stack, want, now));
    all.extend(stack.waivers.iter().map(|waiver| {
        let text = format!(
            "the word that {} can no longer write: {}",
            waiver.machine, waiver.reason
        );
        wanted(text, &waiver.place)
    }));
    all.extend(stack.discards.iter().map(|discard| {
        let text = format!(
            "the repository on {} to be discarded: {}",
            discard.machine, discard.reason
        );
        wanted(text, &discard.place)
    }));
    all
}

fn word(repair: Repair) -> &'static str {
    match repair {
        Repair::Restart => "restart",
        Repair::Reinstall => "reinstall",
        Repair::Reboot => "reboot",
        Repair::Rebuild => "rebuild",
    }
}

fn what_was_seen(
    stack: &DesiredStack,
    stands: &Stands,
    seen: &Observed,
    past: &History,
) -> Vec<String> {
    let mut said = Vec::new();
    match &stands.machine {
        Some(machine) => said.push(format!("{}: {}", machine.name, stands.position.words())),
        None => said.push(stands.position.words()),
    }
    let listed = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    let of_it = listed.filter(|machine| machine.stack.as_ref() == Some(&stack.id));
    said.extend(of_it.map(|machine| by_its_hoster(machine, seen)));
    said.extend(stands.unseen.iter().map(|gap| format!("not seen: {gap}")));
    said.push(match &stands.proven {
        Err(gap) => format!("not seen: {gap}"),
        Ok(proven) => {
            let there = repositories::known(seen, stack, past).map_or(0, <[_]>::len);
            let taken = match proven {
                Some(proven) => format!(
                    "a rebuild would take {} of {} ({})",
                    proven.point.short(),
                    proven.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
                    proven.rung.name()
                ),
                None => "a rebuild would take none".to_owned(),
            };
            format!("recovery points on {}: {there}; {taken}", stands.backup)
        }
    });
    for host in stack.services.iter().map(|service| &service.host) {
        let given = seen.names.get(host).and_then(|name| name.as_ref().ok());
        let given = given.into_iter().flat_map(|name| &name.given);
        said.extend(
            given.map(|given| format!("{host} was given to {} ({})", given.machine, given.epoch)),
        );
        said.extend(seen.names.get(host).map(|name| match name {
            Ok(name) if name.addresses.is_empty() => format!("{host} leads nowhere"),
            Ok(name) => {
                let to: Vec<String> = name.addresses.iter().map(ToString::to_string).collect();
                let ttl = name.ttl.map(|ttl| format!(", to be remembered for {ttl}s"));
                format!(
                    "{host} leads to {}{}",
                    to.join(", "),
                    ttl.unwrap_or_default()
                )
            }
            Err(gap) => format!("not seen: {gap}"),
        }));
    }
    said
}

/// What a machine's hoster says of it, and what it says itself.
fn by_its_hoster(machine: &SeenMachine, seen: &Observed) -> String {
    let power = match machine.power {
        Power::On => "on",
        Power::Off => "off",
        Power::Unknown => "on or off, which it cannot say",
    };
    let site = machine.site.as_ref();
    let site = site.map(|site| format!(" {site}")).unwrap_or_default();
    let aside = if machine.quarantined {
        ", set aside"
    } else {
        ""
    };
    let itself = match seen.machines.get(&machine.name) {
        Some(Ok(facts)) => format!("; it says itself: {}", by_itself(facts)),
        Some(Err(gap)) => format!("; it does not answer: {}", gap.reason),
        None => String::new(),
    };
    format!(
        "{}{site} lists {} ({}, {}): {power}{aside}{itself}",
        machine.hoster,
        machine.name,
        machine.role.word(),
        machine.epoch
    )
}

fn by_itself(facts: &MachineFacts) -> String {
    let gate = if facts.open { "open" } else { "closed" };
    let from = facts.restored_from.as_ref();
    let from = from.map(|point| format!(", restored from {}", point.get(..8).unwrap_or(point)));
    format!("{gate}, {}{}", facts.image, from.unwrap_or_default())
}

fn what_is_known(id: &StackId, waits: &Waits, past: &History, now: Timestamp) -> Vec<String> {
    let mut said = Vec::new();
    said.push(match past.writers.get(id) {
        Some((epoch, name)) => format!("{name} ({epoch}) was opened last"),
        None => "no machine of it was ever opened".to_owned(),
    });
    if let Some(commit) = past.in_line.get(id) {
        said.push(format!(
            "it was last brought in line under commit {:.12}",
            commit.as_str()
        ));
    }
    for (name, made) in past.of_stack(id) {
        if let Some(proof) = &made.fenced {
            said.push(format!("{name} can no longer write: {proof}"));
        }
        if let Some(reason) = &made.power_on_failed {
            said.push(format!("{name} could not be switched on: {reason}"));
        }
    }
    let ours = format!("{id}.");
    let unfinished = past.unfinished.iter();
    for step in unfinished.filter(|step| step.as_str().starts_with(&ours)) {
        said.push(format!(
            "step {step} was begun, and no end of it is known: what came of it is looked at first (S6)"
        ));
    }
    for (name, _) in past.of_stack(id) {
        if let Some(sickness) = past.sicknesses.of(name) {
            said.extend(sickness.words(name, waits, now));
        }
    }
    said.extend(brakes::known(id, past, now));
    if let Some(last) = past.drills.get(id).and_then(|drills| drills.last.as_ref()) {
        said.push(format!(
            "the last drill ended on {}, and {}",
            last.at.strftime("%Y-%m-%d %H:%M UTC"),
            if last.passed { "passed" } else { "FAILED" }
        ));
    }
    said
}
