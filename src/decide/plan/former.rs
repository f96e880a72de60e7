//! What backup machines still hold that a stack's file no longer names: copied to the one that it
//! names, checked there, and kept as it is until people say otherwise (S3).

use super::backups::BackupMachine;
use super::draft::{Pen, because_of};
use super::view::View;
use crate::decide::independent;
use crate::decide::losses::{self, Loss};
use crate::decide::made::PastRepository;
use crate::decide::repositories::named;
use crate::model::desired::Placement;
use crate::model::gap::Gap;
use crate::model::ids::{HosterId, MachineName};
use crate::model::plan::{Action, Cause, Effect};
use crate::model::point::{RecoveryPoint, Rung};
use jiff::Timestamp;

/// Copies what is nowhere else yet, and says what became of the rest.
pub(super) fn hand_over(view: &View<'_>, pen: &mut Pen<'_>) {
    let at = &view.at;
    if at.serving != named(at.stack) {
        return; // The machine that its file names was never made; nothing can go there yet.
    }
    for (machine, points) in at.elsewhere {
        if *machine == at.serving {
            continue;
        }
        match (points, copied(view, machine)) {
            (Ok(points), Some(copied)) => superseded(view, machine, points, copied, pen),
            (Ok(points), None) if points.is_empty() => {}
            (Ok(points), None) => copy(view, machine, points, pen),
            (Err(_), Some(_)) => {}
            (Err(_), None) if lost(view, machine) => {}
            (Err(gap), None) => pen.hold_unseen(
                format!(
                    "copying the recovery points of {} from {machine} to {}",
                    at.stack.shown, at.serving
                ),
                gap,
                format!(
                    "it is looked at again on the next run; if they are certainly lost, sign a [[waiver]] with machine = \"{machine}\""
                ),
            ),
        }
    }
    for loss in losses(view) {
        state_the_loss(view, &loss, pen);
    }
}

/// A first point was read back at the new machine: by the journal, or where that was lost and has
/// not learned of any repository, by what is seen there.
pub(super) fn begun(view: &View<'_>, to: &MachineName) -> bool {
    let stack = &view.at.stack.id;
    if view.past.repositories.contains_key(stack) {
        let here = view.past.repository(stack, to);
        return here.is_some_and(|here| !here.points.is_empty());
    }
    let points = view.at.points.iter().copied().flatten();
    to == &view.at.serving && points.into_iter().any(|p| p.rung >= Rung::Shipped)
}

/// After the first point at the new machine, so that it begins to protect at once.
fn copy(view: &View<'_>, from: &MachineName, points: &[RecoveryPoint], pen: &mut Pen<'_>) {
    let at = &view.at;
    let to = &at.serving;
    let wait = |machine| match view.backups.get(machine) {
        Some(BackupMachine::Ready {
            created: None,
            serves,
            ..
        }) => Some(serves.as_ref()),
        _ => None,
    };
    if view.past.repository_in_use(&at.stack.id) != Some(to) || !begun(view, to) {
        pen.note(format!(
            "{} on {from} will be copied to {to} once its first recovery point is there",
            count(points.len())
        ));
        return;
    }
    let (Some(here), Some(there)) = (wait(to), wait(from)) else {
        return; // Said where backup machines are planned.
    };
    let why = because_of(
        &at.stack.backup.placement.place,
        format!(
            "{} are on {from}, which the stack no longer names",
            count(points.len())
        ),
    );
    pen.set_off_by(Cause::Intent).step(
        Action::Copy {
            machine: to.clone(),
            from: from.clone(),
        },
        Effect::Safe,
        why,
        &[here, there],
    );
}

fn superseded(
    view: &View<'_>,
    machine: &MachineName,
    points: &[RecoveryPoint],
    (at, _): (Timestamp, usize),
    pen: &mut Pen<'_>,
) {
    let stack = view.at.stack;
    let signed_away = stack.discards.iter().any(|d| d.machine == *machine);
    if points.is_empty() || signed_away {
        return; // What becomes of it is planned last of all.
    }
    let free = at.saturating_add(stack.backup.retention.within);
    let free = free.unwrap_or(Timestamp::MAX);
    let may = if free <= view.seen.at {
        format!("it is kept until you sign a [[discard]] with machine = \"{machine}\"")
    } else {
        format!("it is kept, until {} at least", day(free))
    };
    pen.note(format!(
        "the old repository of {} on {machine} holds {}, superseded since {} by their copies on {}; nothing writes there any more, and {may}",
        stack.shown,
        count(points.len()),
        day(at),
        view.at.serving
    ));
}

/// The gap in history, for as long as there would be points of that time otherwise.
fn state_the_loss(view: &View<'_>, loss: &Loss, pen: &mut Pen<'_>) {
    let newest = loss.last_read_back;
    let within = view.at.stack.backup.retention.within;
    let over = newest.and_then(|at| at.saturating_add(within).ok());
    if over.is_none_or(|over| over > view.seen.at) {
        pen.note(words_of_loss(view, loss));
    }
}

fn words_of_loss(view: &View<'_>, loss: &Loss) -> String {
    let first = view.at.points.as_ref().ok().and_then(|points| {
        let first = points.iter().map(|point| point.taken_at).min()?;
        // Where older history is here, it came from elsewhere and was not lost.
        let begun_anew = loss.last_read_back.is_none_or(|newest| newest < first);
        begun_anew.then(|| format!(" before {}", moment(first)))
    });
    let how_many = match loss.last_read_back {
        Some(newest) => format!(
            "{} that the journal knows of, the newest read back {}",
            loss.known,
            moment(newest)
        ),
        None => "how many is unknown".to_owned(),
    };
    format!(
        "recovery points of {}{} were lost with {}: {how_many}{}",
        view.at.stack.shown,
        first.unwrap_or_default(),
        loss.machine,
        copies(view, loss)
    )
}

/// What was copied to a lost machine from one that answers is not lost.
fn copies(view: &View<'_>, loss: &Loss) -> String {
    let answers = |machine: &MachineName| {
        *machine == view.at.serving || losses::shows_points(view.at.stack, view.seen, machine)
    };
    let kept = view.past.repositories.get(&view.at.stack.id);
    kept.into_iter()
        .flatten()
        .filter(|(machine, _)| answers(machine))
        .filter_map(|(machine, kept)| {
            let (_, points) = kept.copied.get(&loss.machine)?;
            Some(format!(
                "; up to {points} of them were copies of those on {machine}, which are still there"
            ))
        })
        .collect()
}

/// The losses of a stack, in words; none when nothing was lost.
pub(super) fn lost_words(view: &View<'_>) -> Option<String> {
    let losses = losses(view);
    let words: Vec<String> = losses.iter().map(|l| words_of_loss(view, l)).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn losses(view: &View<'_>) -> Vec<Loss> {
    losses::losses(view.at.stack, view.want, view.seen, view.past)
}

/// A former backup machine that may have points which are nowhere else, and cannot be asked.
pub(super) fn unseen(view: &View<'_>) -> Option<Gap> {
    let unseen = losses::unseen(
        view.at.stack,
        &view.at.serving,
        view.want,
        view.seen,
        view.past,
    );
    unseen.into_iter().next()
}

/// There are points elsewhere that are to be copied here, or there may be.
pub(super) fn awaited(view: &View<'_>) -> bool {
    let at = &view.at;
    let others = at.elsewhere.iter();
    let mut others = others.filter(|(machine, _)| **machine != at.serving);
    let uncopied = others.any(|(machine, points)| {
        copied(view, machine).is_none()
            && match points {
                Ok(points) => !points.is_empty(),
                Err(_) => !lost(view, machine),
            }
    });
    // The one in use serves only until the other was made.
    uncopied || at.serving != named(at.stack)
}

/// Why production must not go there on purpose: points that are nowhere else stand at an account
/// that falls together with it (S14).
pub(super) fn falls_together(view: &View<'_>, to: &Placement) -> Option<String> {
    let at = &view.at;
    let named = named(at.stack);
    let may_hold = |(machine, points): &(&MachineName, &Result<Vec<RecoveryPoint>, Gap>)| {
        let copied = known(view, machine).is_some_and(|kept| kept.copied.contains_key(&named));
        let gone = match points {
            Ok(points) => points.is_empty(),
            Err(_) => lost(view, machine),
        };
        **machine != named && !copied && !gone
    };
    at.elsewhere
        .iter()
        .filter(may_hold)
        .find_map(|(machine, _)| {
            let keeper = view.past.machines.get(machine).map(|made| &made.hoster);
            let account = |id: Option<&HosterId>| view.want.hosters.get(id?);
            let shared = match (account(keeper), account(Some(&to.hoster))) {
                (Some(one), Some(two)) => independent::shared(one, two),
                _ => vec!["nobody can say whose machines they stand on".to_owned()],
            };
            (!shared.is_empty()).then(|| {
                format!(
                    "recovery points of {} are on {machine} alone, which is not independent of {}: {}",
                    at.stack.shown,
                    to.hoster,
                    shared.join("; ")
                )
            })
        })
}

/// When everything on a machine was copied to the one that is in use now.
pub(super) fn copied(view: &View<'_>, machine: &MachineName) -> Option<(Timestamp, usize)> {
    known(view, machine)?.copied.get(&view.at.serving).copied()
}

fn known<'a>(view: &View<'a>, machine: &MachineName) -> Option<&'a PastRepository> {
    view.past.repository(&view.at.stack.id, machine)
}

/// Whether a machine took its points along for good.
pub(super) fn lost(view: &View<'_>, machine: &MachineName) -> bool {
    losses::lost(view.at.stack, view.want, view.seen, view.past, machine)
}

fn count(points: usize) -> String {
    match points {
        1 => "1 recovery point".to_owned(),
        many => format!("{many} recovery points"),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
