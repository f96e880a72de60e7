//! A planned move: the estate names another place for production, another operating system, or a
//! size that it cannot get where it is.

use super::backups::BackupMachine;
use super::draft::{Pen, because, because_of};
use super::fencing::{no_way_to_fence, quarantine, waiver_remedy, way_to_fence};
use super::newcomer::{Filling, Newcomer, newcomer, restore};
use super::opening::open_and_resume;
use super::rebuild::ENOUGH;
use super::resize::{self, Asked};
use super::situation::{Writer, WriterState};
use super::view::{View, runs_on, service_names};
use super::{keep, ttl};
use crate::decide::manifest::{builds_on_copies, postgresql_of};
use crate::decide::repositories::{self, named};
use crate::model::blueprint::Engine;
use crate::model::desired::Placement;
use crate::model::ids::{ImageName, MachineName, PointId, StepId};
use crate::model::observed::SeenMachine;
use crate::model::plan::{Action, Cause, Effect, Hold, Source};

/// A planned move: the old machine writes until the last moment, then never again.
///
/// What takes long is done while it still serves; users are shut out for the last point, for what
/// has changed until then, and for the checks. The old machine is fenced when all of that went
/// well: before that it can simply open again ([`held_back`]).
pub(super) fn move_away(
    view: &View<'_>,
    writer: &Writer<'_>,
    placement: &Placement,
    pen: &mut Pen<'_>,
) {
    let Some(old) = writer.seen else { return };
    let (wanted, made) = said(view, old, placement);
    let reason = made
        .as_deref()
        .unwrap_or("production was moved to another place");
    if let Some(why) = no_way_back(view, old, placement) {
        pen.hold(
            wanted,
            Hold::Forbidden {
                rule: "crossing".into(),
                reason: why,
            },
            format!(
                "write image = \"{}\" again; the machine that runs stays as it is",
                runs_on(view, old).map_or("", ImageName::as_str)
            ),
        );
        return;
    }
    let Some(by) = way_to_fence(view, old) else {
        pen.hold(wanted, no_way_to_fence(old), waiver_remedy(old));
        return;
    };
    let BackupMachine::Ready {
        name: to, serves, ..
    } = view.backup
    else {
        if let BackupMachine::NotNow { gap } = view.backup {
            pen.hold_unseen(
                wanted,
                gap,
                "a move needs a last recovery point; mend the backup machine first",
            );
        }
        return;
    };
    if let Err(gap) = &view.at.points {
        pen.hold_unseen(
            wanted,
            gap,
            "a move needs a last recovery point; look at the backup machine",
        );
        return;
    }
    let open = matches!(&writer.state, WriterState::Answers(facts) if facts.open);
    if open && !ttl::is_low(view, writer, placement, &wanted, pen) {
        // What else is wanted comes with the move: the old machine stays what it could go back to.
        keep::protect(view, writer, &mut pen.set_off_by(Cause::Reality));
        return;
    }
    let written = last_word(view, writer);
    let Some(machine) = newcomer(
        view,
        &[placement],
        written
            .as_ref()
            .map_or(Filling::Coming, |(id, _)| Filling::Point(id)),
        &wanted,
        made.as_deref().unwrap_or("production was moved here"),
        pen,
    ) else {
        return;
    };
    let why = || because_of(&placement.place, reason);
    let (source, made) = if let Some((_, source)) = &written {
        (source.clone(), None)
    } else {
        let ready = serves.as_ref();
        let ahead = ahead(view, writer, placement, &machine, (to, ready), pen);
        let closed = pen.step(
            Action::Close {
                machine: old.name.clone(),
            },
            Effect::Disruptive,
            why(),
            &[Some(&machine.installed), ready, ahead.as_ref()],
        );
        let last = pen.step(
            Action::Backup {
                machine: old.name.clone(),
                to: to.clone(),
                ahead: false,
            },
            Effect::Safe,
            why(),
            &[Some(&closed)],
        );
        (Source::Step { step: last.clone() }, Some(last))
    };
    let loaded = restore(&machine, source, made.as_ref(), pen);
    let checked = pen.step(
        Action::Check {
            machine: machine.name.clone(),
            services: service_names(view),
        },
        Effect::Safe,
        because("nobody gets in before the functional checks passed"),
        &[Some(&loaded)],
    );
    // As late as it can be: until then nobody has written anywhere, and the old one can open again.
    let fenced = pen.step(
        Action::Fence {
            machine: old.name.clone(),
            by,
        },
        Effect::Destructive,
        why(),
        &[Some(&checked)],
    );
    let opened = open_and_resume(
        view,
        &machine,
        &checked,
        std::slice::from_ref(&old.name),
        &[fenced],
        pen,
    );
    quarantine(&[old], &opened, pen);
}

/// The point after which the old machine has not written, and that the new one can be filled from
/// as it stands: an earlier run took it and was cut short.
fn last_word(view: &View<'_>, writer: &Writer<'_>) -> Option<(PointId, Source)> {
    if serves(writer) {
        return None;
    }
    let last = (view.past.windows).last_word(&view.at.stack.id, &writer.name)?;
    let (chosen, source) = newest(view)?;
    (chosen == *last).then_some((chosen, source))
}

fn serves(writer: &Writer<'_>) -> bool {
    matches!(writer.state, WriterState::Answers(facts) if facts.open)
}

/// The newest point that is proven far enough.
fn newest(view: &View<'_>) -> Option<(PointId, Source)> {
    let points = *view.at.points.as_ref().ok()?;
    let serving = (&view.at.serving, points);
    let (choice, on) = repositories::choose(serving, view.at.elsewhere, ENOUGH);
    let (chosen, on) = (choice.chosen?, on?);
    let source = Source::Point {
        point: chosen.id.clone(),
        taken_at: chosen.taken_at,
        rung: chosen.rung,
        on,
    };
    Some((chosen.id, source))
}

/// While users go on: the newest point to the new machine, which may take long, then a fresh one
/// and what it has more, so that little is left when they are shut out. Gives the last of it.
fn ahead(
    view: &View<'_>,
    writer: &Writer<'_>,
    placement: &Placement,
    machine: &Newcomer,
    (to, serving): (&MachineName, Option<&StepId>),
    pen: &mut Pen<'_>,
) -> Option<StepId> {
    if !serves(writer) || !builds_on_copies(&placement.image) {
        return None;
    }
    let copied = newest(view).map(|(_, source)| {
        pen.step(
            Action::Precopy {
                machine: machine.name.clone(),
                source,
            },
            Effect::Safe,
            because("what is copied while users go on need not be copied while they wait"),
            &[Some(&machine.prepared)],
        )
    });
    let fresh = pen.step(
        Action::Backup {
            machine: writer.name.clone(),
            to: to.clone(),
            ahead: true,
        },
        Effect::Safe,
        because("what was written since is saved and copied while users go on"),
        &[copied.as_ref(), Some(&machine.installed), serving],
    );
    Some(pen.step(
        Action::Precopy {
            machine: machine.name.clone(),
            source: Source::Step {
                step: fresh.clone(),
            },
        },
        Effect::Safe,
        because("what was written since is saved and copied while users go on"),
        &[copied.as_ref(), Some(&fresh), Some(&machine.prepared)],
    ))
}

/// A move that was tried under this head and did not come to its end while users waited. The old
/// machine serves again; the move is tried once somebody has looked.
pub(super) fn held_back(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) -> bool {
    let Some(given_up) = (view.past.windows).given_up(&view.at.stack.id, &view.want.commit) else {
        return false;
    };
    let placement = &view.at.stack.production;
    let wanted = writer.seen.map(|old| said(view, old, placement).0);
    let left = view.at.candidate.map(|machine| {
        format!(
            "; {} was never open and is left as it is, to be looked at",
            machine.name
        )
    });
    pen.hold(
        wanted.unwrap_or_default(),
        Hold::Forbidden {
            rule: "the way back".into(),
            reason: format!(
                "{} did not go well while users waited, so {} serves again: {}{}",
                given_up.step,
                writer.name,
                given_up.reason,
                left.unwrap_or_default()
            ),
        },
        "mend what is wrong and commit, or commit anything (git commit --allow-empty): the next commit tries again, if it was a check that failed once a drill has passed",
    );
    true
}

/// Points that are nowhere else would fall together with production there (S14). An emergency
/// does not ask: a service that is down is worse.
pub(super) fn not_yet(view: &View<'_>, placement: &Placement, reason: String, pen: &mut Pen<'_>) {
    pen.hold(
        format!(
            "moving {} to {} {}",
            view.at.stack.shown, placement.hoster, placement.site
        ),
        Hold::Forbidden {
            rule: "S14".into(),
            reason,
        },
        format!(
            "it moves once everything is copied to {} and checked there",
            named(view.at.stack)
        ),
    );
}

/// What is wanted, and why, where it is the operating system or the size that differs.
fn said(view: &View<'_>, old: &SeenMachine, placement: &Placement) -> (String, Option<String>) {
    let shown = &view.at.stack.shown;
    let (hoster, site, image) = (&placement.hoster, &placement.site, &placement.image);
    if let Asked::ByMove { to, reason } = resize::asked(view, old) {
        return (
            format!("moving {shown} to a {to} at {hoster} {site}"),
            Some(reason),
        );
    }
    match runs_on(view, old).filter(|runs| *runs != image) {
        Some(runs) => (
            format!("moving {shown} from {runs} to {image} at {hoster} {site}"),
            Some(format!(
                "production is wanted on {image}, and {} runs {runs}",
                old.name
            )),
        ),
        None => (format!("moving {shown} to {hoster} {site}"), None),
    }
}

/// A dump of a newer `PostgreSQL` does not load into an older one. Said before anything is closed.
fn no_way_back(view: &View<'_>, old: &SeenMachine, placement: &Placement) -> Option<String> {
    let manifest = view.manifests.get(&old.name)?;
    let database = manifest
        .services
        .iter()
        .flat_map(|service| &service.databases)
        .find(|database| database.engine == Engine::Postgresql)?;
    let runs = runs_on(view, old)?;
    let (from, to) = (postgresql_of(runs)?, postgresql_of(&placement.image)?);
    (to < from).then(|| {
        format!(
            "{} has PostgreSQL {to}, and the database {} on {runs} is of {from}: a dump only goes forward",
            placement.image, database.name
        )
    })
}
