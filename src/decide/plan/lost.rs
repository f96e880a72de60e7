//! Is it really lost? Silence alone is a gap (S1). A machine in use is given up only when all of
//! these say so, and each can be told in words:
//!
//! | rule | |
//! | --- | --- |
//! | silence | it has said nothing for `lost_after`, and several looks saw that |
//! | hoster | its hoster calls it gone or off, or started it anew, and that did not help |
//! | company | another machine of ours answers: at its place, or elsewhere if we have none there |
//! | no change | nothing of ours is being done to it |
//!
//! What other vantage points see will be a rule of its own here.

use super::draft::Pen;
use super::situation::{Situation, Writer, WriterState, has_interface};
use super::view::View;
use crate::decide::heard::is_begun;
use crate::decide::history::History;
use crate::decide::silence::{LOOKS, Rescue, Silence};
use crate::model::desired::{Desired, Repair, Waits};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{HosterId, MachineName, SiteId};
use crate::model::journal::Remedy;
use crate::model::observed::{Observed, Power, SeenMachine};
use crate::model::plan::Hold;
use crate::model::units::show_duration;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// A step that was begun and of whose end nobody has heard is taken for being done so long.
const IN_FLIGHT: SignedDuration = SignedDuration::from_mins(10);

/// A remedy that nobody confirmed is tried so often, and then left.
const TRIES: u32 = 2;

/// Whether a machine is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Each rule, with its evidence.
    pub rules: Vec<Rule>,
    /// What follows.
    pub next: Next,
}

/// One rule, and what is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// In a word.
    pub rule: &'static str,
    /// It speaks for a loss.
    pub holds: bool,
    /// The evidence, or what is missing.
    pub evidence: String,
}

/// What follows from the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "next")]
pub enum Next {
    /// It is lost.
    Lost,
    /// It is too early to tell.
    Look {
        /// When it is looked at again.
        at: Timestamp,
    },
    /// It is started anew.
    Try {
        /// How.
        remedy: Remedy,
    },
    /// Nothing that we may do tells more.
    Person,
}

impl Case {
    /// What speaks against giving it up, in words.
    pub fn missing(&self) -> String {
        let open = self.rules.iter().filter(|rule| !rule.holds);
        let words: Vec<&str> = open.map(|rule| rule.evidence.as_str()).collect();
        words.join("; ")
    }
}

impl Next {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Lost => "every rule says that it is lost".to_owned(),
            Self::Look { at } => format!("it is looked at again at {}", moment(*at)),
            Self::Try {
                remedy: Remedy::Reset,
            } => "next, it is reset through its hoster's interface".to_owned(),
            Self::Try {
                remedy: Remedy::PowerCycle,
            } => "next, it is switched off and on through its hoster's interface".to_owned(),
            Self::Person => {
                "nothing more can be found out from here: a person must look".to_owned()
            }
        }
    }
}

fn moment(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

/// The case of a stack's machine. `None`: it says something, nobody could look, people said what
/// it is, or it was fenced already.
pub(super) fn case(
    at: &Situation<'_>,
    want: &Desired,
    seen: &Observed,
    past: &History,
) -> Option<Case> {
    let writer = at.writer.as_ref()?;
    let silent = matches!(
        writer.state,
        WriterState::Silent(_) | WriterState::Off | WriterState::OffForGood(_) | WriterState::Gone
    );
    if !silent || writer.fenced.is_some() || at.stack.ended(seen.at).is_some() {
        return None;
    }
    let waits = &at.stack.waits;
    let unknown;
    let silence = if let Some(silence) = past.silences.of(&writer.name) {
        silence
    } else {
        unknown = Silence::new(seen.at, "it was found so just now");
        &unknown
    };
    // Where the journal was lost, only points tell of it, and no hoster lists it: since when,
    // nobody can say any more.
    let forgotten = !past.machines.contains_key(&writer.name);
    let lasts = if forgotten {
        Ok("no hoster lists it, and the journal knows nothing of it".to_owned())
    } else {
        lasting(silence, waits, seen.at)
    };
    let company = company(writer, want, seen, past);
    // Nothing is at work on a machine that is off, or is no more.
    let on = matches!(writer.state, WriterState::Silent(_));
    let busy = in_flight(writer, at, seen.at, past).filter(|_| on);
    let word = word(writer, silence, at, seen.at);
    let next = match (busy.or(lasts.as_ref().err().copied()), &company) {
        (Some(at), _) => Next::Look { at },
        (None, Err(_)) => Next::Person,
        (None, Ok(_)) => word.next,
    };
    let rule = |rule, evidence: Result<String, String>| Rule {
        rule,
        holds: evidence.is_ok(),
        evidence: evidence.unwrap_or_else(|missing| missing),
    };
    let lasting = lasts.map_err(|_| {
        format!(
            "it has been silent for {} and was looked at {}; {} and {LOOKS} looks are needed",
            show_duration(whole(seen.at.duration_since(silence.since))),
            times(silence.looks),
            show_duration(waits.lost_after),
        )
    });
    let change = match busy {
        None => Ok("nothing of ours is being done to it".to_owned()),
        Some(until) => Err(format!(
            "a step of ours was begun on it, and may still be at work until {}",
            moment(until)
        )),
    };
    Some(Case {
        rules: vec![
            rule("silence", lasting),
            rule("hoster", word.evidence),
            rule("company", company),
            rule("no change", change),
        ],
        next,
    })
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn whole(span: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(span.as_secs())
}

/// Long enough, or when it would be.
fn lasting(silence: &Silence, waits: &Waits, now: Timestamp) -> Result<String, Timestamp> {
    let lasts = silence.lasts_from(waits);
    if now < lasts {
        let look = silence.next_look(waits);
        let counts = silence.looks < LOOKS && now < look;
        return Err(if counts { look.min(lasts) } else { lasts });
    }
    Ok(format!(
        "silent since {} ({}), looked at again and again: {}",
        silence.since.strftime("%Y-%m-%d %H:%M:%S UTC"),
        show_duration(whole(now.duration_since(silence.since))),
        silence.seen
    ))
}

/// What its hoster's interface says or did.
struct Word {
    evidence: Result<String, String>,
    /// What follows if every other rule says that it is lost.
    next: Next,
}

fn word(writer: &Writer<'_>, silence: &Silence, at: &Situation<'_>, now: Timestamp) -> Word {
    let hoster = writer.hoster.as_ref();
    let hoster = hoster.map_or_else(|| "no hoster".to_owned(), ToString::to_string);
    let lost = |evidence| Word {
        evidence: Ok(evidence),
        next: Next::Lost,
    };
    match &writer.state {
        WriterState::Gone => lost(format!("{hoster} lists it no longer")),
        WriterState::OffForGood(reason) if silence.rescue != Rescue::Untried => {
            lost(format!("{hoster} says that it is off; {reason}"))
        }
        WriterState::OffForGood(reason) => lost(format!(
            "{hoster} says that it is off, and could not switch it on: {reason}"
        )),
        WriterState::Silent(_) => started_anew(&hoster, silence, at, now),
        _ => Word {
            evidence: Err(format!(
                "{hoster} says that it is off; it is switched on first"
            )),
            next: Next::Look { at: now },
        },
    }
}

/// It is on, by its hoster's word: what was tried through the interface, and what comes next.
fn started_anew(hoster: &str, silence: &Silence, at: &Situation<'_>, now: Timestamp) -> Word {
    let wait = at.stack.waits.answers_within;
    if let Some((remedy, tried)) = silence.tried.iter().max_by_key(|(_, tried)| **tried)
        && now < *tried + wait
    {
        let until = *tried + wait;
        return Word {
            evidence: Err(format!(
                "{hoster} did {} at {}; it may take until {} to answer",
                noun(*remedy),
                moment(*tried),
                moment(until)
            )),
            next: Next::Look { at: until },
        };
    }
    let open = |remedy: &Remedy| {
        let begun = silence.begun.get(remedy).copied().unwrap_or_default();
        !silence.tried.contains_key(remedy) && begun < TRIES
    };
    let next = [Remedy::Reset, Remedy::PowerCycle].into_iter().find(open);
    let may = at.stack.repair.contains(&Repair::Reboot);
    let done: Vec<String> = silence
        .tried
        .iter()
        .map(|(remedy, tried)| format!("{} at {}", noun(*remedy), moment(*tried)))
        .collect();
    let done = done.join(", ");
    match next.filter(|_| may) {
        Some(remedy) => Word {
            evidence: Err(match done.as_str() {
                "" => format!("{hoster} says that it is on, and it was not started anew yet"),
                done => {
                    format!("{hoster} did {done}, and it was not started anew in every way yet")
                }
            }),
            next: Next::Try { remedy },
        },
        None if done.is_empty() => Word {
            evidence: Err(if may {
                format!("{hoster} says that it is on, and did not start it anew when asked")
            } else {
                format!("{hoster} says that it is on, and [repair] automatic does not name reboot")
            }),
            next: Next::Person,
        },
        None => Word {
            evidence: Ok(format!(
                "{hoster} says that it is on, and did {done}, which did not help"
            )),
            next: Next::Lost,
        },
    }
}

fn noun(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Reset => "a reset",
        Remedy::PowerCycle => "a power-cycle",
    }
}

/// Somebody else answers, so that it is neither the place nor our own network.
fn company(
    writer: &Writer<'_>,
    want: &Desired,
    seen: &Observed,
    past: &History,
) -> Result<String, String> {
    let answers = |m: &&SeenMachine| matches!(seen.machines.get(&m.name), Some(Ok(_)));
    let others = || {
        let all = seen.hosters.values().flatten().flat_map(|i| &i.machines);
        // What only carries our label is nobody's witness (S7).
        let ours = all.filter(|m| past.machines.contains_key(&m.name));
        ours.filter(|m| m.name != writer.name && !m.quarantined && m.power != Power::Off)
    };
    let said = |m: &SeenMachine| match &m.site {
        Some(site) => format!("{} at {} {site}", m.name, m.hoster),
        None => format!("{} at {}", m.name, m.hoster),
    };
    let mut none_there = String::new();
    if let Some(hoster) = &writer.hoster {
        let site = site_of(writer, past);
        let here = |m: &&SeenMachine| {
            m.hoster == *hoster && site.is_none_or(|site| m.site.as_ref() == Some(site))
        };
        if let Some(other) = others().filter(here).find(answers) {
            return Ok(format!("{} answers", said(other)));
        }
        if let Some(free) = free_there(hoster, site, seen) {
            return Ok(format!("ordered machine {free} at {hoster} answers"));
        }
        let place = match site {
            Some(site) => format!("{hoster} {site}"),
            None => hoster.to_string(),
        };
        let silent = others().filter(here).count();
        if silent > 0 {
            return Err(format!(
                "none of our other machines at {place} answers ({silent}): that looks like the place, or like the way there"
            ));
        }
        none_there = if has_interface(want, hoster) {
            format!("we have no other machine at {place}; its interface answers, and ")
        } else {
            format!("we have no other machine at {place}; ")
        };
    }
    match others().find(answers) {
        Some(other) => Ok(format!("{none_there}{} answers", said(other))),
        None => Err("no machine of ours answers anywhere: that may be our own network".to_owned()),
    }
}

/// Where it stands, or was made to stand.
pub(super) fn site_of<'a>(writer: &'a Writer<'_>, past: &'a History) -> Option<&'a SiteId> {
    let listed = writer.seen.and_then(|machine| machine.site.as_ref());
    listed.or_else(|| {
        let made = past.machines.get(&writer.name)?;
        let (hoster, site) = made.wanted.as_ref()?;
        (*hoster == made.hoster).then_some(site)
    })
}

/// An ordered machine that nobody uses, and that answers.
fn free_there<'a>(
    hoster: &HosterId,
    site: Option<&SiteId>,
    seen: &'a Observed,
) -> Option<&'a MachineName> {
    let inventory = seen.hosters.get(hoster)?.as_ref().ok()?;
    let mut free = inventory.free.iter();
    let here = free.find(|machine| site.is_none_or(|site| machine.site == *site))?;
    Some(&here.name)
}

/// Until when a step of ours may still be at work on it.
fn in_flight(
    writer: &Writer<'_>,
    at: &Situation<'_>,
    now: Timestamp,
    past: &History,
) -> Option<Timestamp> {
    let (owner, machine) = (at.stack.id.as_str(), writer.name.as_str());
    let on_it = past.begun.iter().filter(|(step, _)| {
        let mut parts = step.as_str().splitn(3, '.');
        let (of, verb, object) = (parts.next(), parts.next(), parts.next());
        of == Some(owner) && verb.is_some_and(disturbs) && object == Some(machine)
    });
    let until = on_it.map(|(_, begun)| *begun + IN_FLIGHT);
    until.filter(|until| now < *until).max()
}

/// Whether a step of this kind may keep a machine from answering.
fn disturbs(verb: &str) -> bool {
    matches!(
        verb,
        "converge"
            | "close"
            | "shut-down"
            | "resize"
            | "open"
            | "power-on"
            | "reset"
            | "power-cycle"
            | "reboot"
    )
}

/// Whether its machine is lost for certain; if not, says what is missing and holds what is wanted.
pub(super) fn is_certain(view: &View<'_>, wanted: &str, pen: &mut Pen<'_>) -> bool {
    let Some(case) = case(&view.at, view.want, view.seen, view.past) else {
        return true; // A waiver says so.
    };
    hold(view, &case, wanted, pen)
}

/// Holds what is wanted while a machine on its way up is missing from its hoster's list and that was
/// not looked at often enough: what is gone from one list is not gone, and users may have been let
/// in there just before (S1, S6).
pub(super) fn is_missing_one(view: &View<'_>, wanted: &str, pen: &mut Pen<'_>) -> bool {
    let listed = |name: &MachineName| view.at.machines.iter().any(|m| m.name == *name);
    let now = view.seen.at;
    let mut begun = view.past.of_stack(&view.at.stack.id);
    let missing = begun.find_map(|(name, made)| {
        let missing =
            is_begun(view.past, made) && has_interface(view.want, &made.hoster) && !listed(name);
        let silence = view.past.silences.of(name).filter(|_| missing)?;
        let until = lasting(silence, &view.at.stack.waits, now).err()?;
        Some((name, &made.hoster, until))
    });
    let Some((name, hoster, until)) = missing else {
        return false;
    };
    let hold = Hold::NotYet {
        until,
        reason: format!("{name} was begun there, and {hoster} does not list it just now"),
    };
    let remedy = "it is looked for again; what is gone from one list is not gone";
    pen.hold(wanted, hold, remedy);
    true
}

/// Holds what is wanted, unless the case is that it is lost.
pub(super) fn hold(view: &View<'_>, case: &Case, wanted: &str, pen: &mut Pen<'_>) -> bool {
    let missing = case.missing();
    match &case.next {
        Next::Lost => return true,
        Next::Look { at } => {
            let now = view.seen.at;
            let hold = Hold::NotYet {
                until: *at,
                reason: missing,
            };
            let remedy = format!(
                "it is looked at again in {}; if it answers by then, nothing was done",
                show_duration(whole(at.duration_since(now)))
            );
            pen.hold(wanted, hold, remedy);
        }
        Next::Try { .. } | Next::Person => {
            let machine = view.at.writer.as_ref().map(|writer| &writer.name);
            let subject = machine.map_or_else(String::new, ToString::to_string);
            let gap = Gap::new(
                GapKind::Unreachable,
                format!("whether {subject} is lost"),
                missing,
            );
            pen.hold_unseen(wanted, &gap, remedy(view, &subject));
        }
    }
    false
}

fn remedy(view: &View<'_>, machine: &str) -> String {
    let stack = view.at.stack;
    let reboot = if stack.repair.contains(&Repair::Reboot) {
        ""
    } else {
        "; or add \"reboot\" to [repair] automatic"
    };
    format!(
        "a person must look at {machine}; if it can certainly never write again, sign a [[waiver]] that names it in {}{reboot}",
        stack.file()
    )
}
