//! One stack: where its writer stands decides whether to install, wait, keep, move or rebuild.
//!
//! | the machine that was last allowed to write | what is planned | where |
//! | --- | --- | --- |
//! | whatever it does, the stack is retired | last backup, off, set aside | [`retire`] |
//! | never was, and no recovery point tells of one | first installation | [`install`] |
//! | should answer and does not | nothing: a gap is not absence (S1) | here |
//! | on by its hoster's word, and silent | started anew, then as lost | [`ladder`] |
//! | off, switching on not tried | power on | [`keep`] |
//! | off, because it gets another type | that, and power on | [`resize`] |
//! | answers, where it should stand | mend drift, names, recovery points | [`keep`] |
//! | the same, and mending the same did not help | rebooted once | [`sick`] |
//! | the same, and of another size than asked | last point, off, another type, on | [`resize`] |
//! | answers, elsewhere or on another operating system | copied ahead, last backup, restore, fence | [`relocate`] |
//! | gone, off for good, or fenced for good | restore the newest proven point | [`rebuild`] |
//!
//! In each of them but a restore, its recovery points are read for damage ([`verify`]).
//! Three subjects are shared by these: [`newcomer`](super::newcomer), a machine
//! on its way up; [`opening`](super::opening), from a loaded machine to users and
//! backups; [`fencing`](super::fencing), how an old machine is kept from writing.

use super::draft::{Draft, Pen};
use super::fencing::{waiver_text, zombies};
use super::resize::Asked;
use super::situation::{Writer, WriterState};
use super::view::{View, well_placed};
use super::{former, install, keep, ladder, rebuild, relocate, resize, retire, sick, ttl, verify};
use crate::decide::given;
use crate::model::desired::InterfaceFamily;
use crate::model::gap::GapKind;
use crate::model::given::{Given, LABEL};
use crate::model::ids::HostName;
use crate::model::plan::{Action, Cause, Hold, Step};

/// Plans one stack.
pub(super) fn plan(view: &View<'_>, draft: &mut Draft) {
    let mut pen = Pen {
        draft,
        stack: Some(&view.at.stack.id),
        cause: Cause::Reality,
    };
    state(view, &mut pen);
    // A restore needs the backup machine's disk for itself, and so does whoever waits.
    let stack = &view.at.stack.id;
    let fetches = |step: &Step| matches!(step.action, Action::Fetch { .. } | Action::Resize { .. });
    if !pen.draft.steps_of(stack).any(fetches) {
        verify::verify(view, &mut pen);
    }
}

/// Where its writer stands decides.
fn state(view: &View<'_>, pen: &mut Pen<'_>) {
    if let Some(retirement) = view.at.stack.ended(view.seen.at) {
        retire::retire(view, retirement, &mut pen.set_off_by(Cause::Intent));
        if let Some(writer) = &view.at.writer {
            zombies(view, &writer.name, writer.epoch, pen);
        }
        return;
    }
    let Some(writer) = &view.at.writer else {
        install::first_installation(view, &mut pen.set_off_by(Cause::Intent));
        return;
    };
    if let Some(reason) = inherits(view, writer) {
        pen.hold(
            format!("production of {}", view.at.stack.shown),
            Hold::Forbidden {
                rule: "S16".into(),
                reason,
            },
            format!(
                "bring {} back to go on with {}; remove moved_from to begin anew",
                view.at.stack.id.file(),
                view.at.stack.id
            ),
        );
        return;
    }
    if let Some((host, given)) = beyond(view, writer) {
        let hold = Hold::Forbidden {
            rule: "S2".into(),
            reason: format!(
                "{host} was given to {} ({}), and nothing here knows of an epoch after {}: another reconciler did it, or the journal is an older one",
                given.machine, given.epoch, writer.epoch
            ),
        };
        let remedy = format!(
            "find out where {} is; if users were never let in there, remove the TXT record {LABEL}.{host}",
            given.machine
        );
        pen.hold(
            format!("production of {}", view.at.stack.shown),
            hold,
            remedy,
        );
        keep::protect(view, writer, pen);
        return;
    }
    let moved_away = writer.fenced.is_some();
    match &writer.state {
        WriterState::Unseen(gap) if !moved_away => {
            let remedy = match gap.kind {
                GapKind::ForeignHostKey => {
                    "somebody may be in between; find out why before anything else is done to it".to_owned()
                }
                _ if without_power_control(view, writer) || hoster_away(view, writer) => format!(
                    "it is looked at again on the next run; if it can certainly never write again, sign at the end of {}:{}",
                    view.at.stack.id.file(),
                    waiver_text(&writer.name)
                ),
                _ => {
                    "it is looked at again on the next run; nothing is created or destroyed meanwhile; if it lasts, a person must look".to_owned()
                }
            };
            pen.hold_unseen(
                format!("production of {}", view.at.stack.shown),
                gap,
                remedy,
            );
        }
        WriterState::Silent(gap) if !moved_away => ladder::climb(view, writer, gap, pen),
        WriterState::Off if !moved_away => {
            if !resize::goes_on(view, writer, pen) {
                keep::power_on(view, writer, pen);
            }
        }
        WriterState::Answers(facts) if !moved_away => {
            let placement = &view.at.stack.production;
            let well_placed = writer.seen.is_some_and(|m| well_placed(view, m));
            let size = match writer.seen.filter(|_| well_placed) {
                Some(machine) => resize::asked(view, machine),
                None => Asked::Nothing,
            };
            // What runs at all is made well before it is made larger.
            if well_placed && sick::is_rebooted(view, writer, facts, pen) {
                zombies(view, &writer.name, writer.epoch, pen);
                return;
            }
            let stays = well_placed && !matches!(size, Asked::ByMove { .. });
            if stays {
                keep::half_made(view, pen);
            }
            if let Asked::Told(words) = &size {
                pen.note(words.clone());
            }
            // A move, or another size, takes a last point; first the machine learns where to.
            let elsewhere = keep::writes_elsewhere(view, writer, facts);
            if let (Asked::InPlace { from, to }, false) = (&size, elsewhere) {
                resize::in_place(view, writer, facts, (from, to), pen);
            } else if stays || elsewhere {
                keep::keep(view, writer, facts, pen);
                if stays {
                    ttl::as_usual(view, writer, pen);
                }
            } else if let Some(reason) = former::falls_together(view, placement) {
                relocate::not_yet(view, placement, reason, pen);
                keep::keep(view, writer, facts, pen);
            } else if view.stays || relocate::held_back(view, writer, pen) {
                keep::as_it_was(view, writer, facts, pen);
            } else {
                let mut pen = pen.set_off_by(Cause::Intent);
                relocate::move_away(view, writer, placement, &mut pen);
            }
        }
        _ => rebuild::rebuild(view, writer, pen),
    }
    zombies(view, &writer.name, writer.epoch, pen);
    former::hand_over(view, pen);
}

/// Users were led to a younger machine than any that is known here.
fn beyond<'a>(view: &View<'a>, writer: &Writer<'_>) -> Option<(&'a HostName, &'a Given)> {
    let highest = given::highest(&view.at.stack.id, view.seen);
    highest.filter(|(_, given)| given.epoch > writer.epoch)
}

/// What a stack left behind that came to its end is nobody else's: `moved_from` hands on only
/// what lives.
fn inherits(view: &View<'_>, writer: &Writer<'_>) -> Option<String> {
    let stack = view.at.stack;
    let ended = view.past.machines.get(&writer.name)?.set_aside;
    (stack.id != stack.shown && ended).then(|| {
        format!(
            "{} was retired, and {} would go on with its data",
            stack.id, stack.shown
        )
    })
}

/// Neither its hoster's interface answers nor it itself: a person is called.
fn hoster_away(view: &View<'_>, writer: &Writer<'_>) -> bool {
    let hoster = writer.hoster.as_ref();
    hoster.is_some_and(|hoster| matches!(view.seen.hosters.get(hoster), Some(Err(_))))
}

fn without_power_control(view: &View<'_>, writer: &Writer<'_>) -> bool {
    writer
        .hoster
        .as_ref()
        .and_then(|hoster| view.want.hosters.get(hoster))
        .is_some_and(|account| account.descriptor.interface == InterfaceFamily::Pool)
}
