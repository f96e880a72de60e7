//! A planned move: the estate names another place for production, or another operating system.

use super::backups::BackupMachine;
use super::draft::{Pen, because_of};
use super::fencing::{no_way_to_fence, quarantine, waiver_remedy, way_to_fence};
use super::newcomer::{Filling, newcomer, restore};
use super::opening::open_and_resume;
use super::situation::Writer;
use super::view::{View, runs_on};
use crate::decide::manifest::postgresql_of;
use crate::decide::repositories::named;
use crate::model::blueprint::Engine;
use crate::model::desired::Placement;
use crate::model::ids::ImageName;
use crate::model::observed::SeenMachine;
use crate::model::plan::{Action, Effect, Hold, Source};

/// A planned move: the old machine writes until the last moment, then never again.
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
    let Some(machine) = newcomer(
        view,
        &[placement],
        Filling::Coming,
        &wanted,
        made.as_deref().unwrap_or("production was moved here"),
        pen,
    ) else {
        return;
    };
    let why = || because_of(&placement.place, reason);
    let closed = pen.step(
        Action::Close {
            machine: old.name.clone(),
        },
        Effect::Disruptive,
        why(),
        &[Some(&machine.installed), serves.as_ref()],
    );
    let last = pen.step(
        Action::Backup {
            machine: old.name.clone(),
            to: to.clone(),
        },
        Effect::Safe,
        why(),
        &[Some(&closed)],
    );
    let fenced = pen.step(
        Action::Fence {
            machine: old.name.clone(),
            by,
        },
        Effect::Destructive,
        why(),
        &[Some(&last)],
    );
    let source = Source::Step { step: last.clone() };
    let loaded = restore(&machine, source, Some(&last), Some(&fenced), pen);
    let opened = open_and_resume(
        view,
        &machine,
        &loaded,
        std::slice::from_ref(&old.name),
        &[fenced],
        pen,
    );
    quarantine(&[old], &opened, pen);
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

/// What is wanted, and why, where it is the operating system that differs.
fn said(view: &View<'_>, old: &SeenMachine, placement: &Placement) -> (String, Option<String>) {
    let shown = &view.at.stack.shown;
    let (hoster, site, image) = (&placement.hoster, &placement.site, &placement.image);
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
