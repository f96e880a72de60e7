//! Where a stack stands, for people: the same situation that the plan is made from.

use super::lost::{self, Case};
use super::rebuild::ENOUGH;
use super::situation::{Situation, Writer, WriterState};
use crate::decide::history::History;
use crate::decide::repositories;
use crate::model::desired::{Desired, DesiredStack};
use crate::model::gap::Gap;
use crate::model::ids::{Epoch, HosterId, MachineName, PointId, SiteId};
use crate::model::observed::Observed;
use crate::model::point::Rung;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// One stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// The machine that was last allowed to write.
    pub machine: Option<Standing>,
    /// What can be said of it.
    pub position: Position,
    /// The backup machine that its points go to.
    pub backup: MachineName,
    /// What a rebuild would take, of how many; `None`: nothing that is proven far enough.
    pub proven: Result<Option<Proven>, Gap>,
    /// What must be seen before a machine of it is created or declared lost, and was not.
    pub unseen: Vec<Gap>,
    /// Whether its machine is lost, rule by rule; `None`: it says something, or it is nobody's
    /// question.
    pub case: Option<Case>,
}

/// A machine, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name.
    pub name: MachineName,
    /// Its epoch.
    pub epoch: Epoch,
    /// `None`: only recovery points tell of it.
    pub hoster: Option<HosterId>,
    /// Its location; `None`: its hoster does not say, or does not list it.
    pub site: Option<SiteId>,
}

/// The point that a rebuild would take (S11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// Which.
    pub point: PointId,
    /// When it was taken, by the clock of production.
    pub taken_at: Timestamp,
    /// How far it is proven.
    pub rung: Rung,
    /// The backup machine that keeps it.
    pub on: Option<MachineName>,
}

/// What can be said of the machine that was last allowed to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Nobody was ever let in anywhere.
    NotInstalled,
    /// It should answer and does not.
    Unseen(Gap),
    /// It answers and lets users in.
    Open,
    /// It answers and lets nobody in.
    Closed,
    /// On by its hoster's word, and without an answer.
    Silent(Gap),
    /// Off by its hoster's word; switching on was not tried.
    Off,
    /// Off, and switching on failed, with the hoster's words.
    OffForGood(String),
    /// Its hoster no longer lists it.
    Gone,
    /// A signed waiver says that it can no longer write.
    Waived,
    /// Fenced by this proof, and no other is open yet.
    Fenced(String),
    /// Its last day has come; whether it is off and set aside.
    Retired {
        /// The day.
        on: Date,
        /// Nothing of it is left to do.
        done: bool,
    },
}

/// Where a sound stack stands.
pub fn stands(stack: &DesiredStack, want: &Desired, seen: &Observed, past: &History) -> Stands {
    let at = Situation::of(stack, want, seen, past);
    Stands {
        position: position(&at, seen.at, past),
        machine: at.writer.as_ref().map(standing),
        case: lost::case(&at, want, seen, past),
        proven: proven(&at),
        backup: at.serving,
        unseen: at.unseen,
    }
}

fn standing(writer: &Writer<'_>) -> Standing {
    Standing {
        name: writer.name.clone(),
        epoch: writer.epoch,
        hoster: writer.hoster.clone(),
        site: writer.seen.and_then(|machine| machine.site.clone()),
    }
}

fn position(at: &Situation<'_>, now: Timestamp, past: &History) -> Position {
    if let Some(end) = at.stack.ended(now) {
        let aside = |writer: &Writer<'_>| {
            let remembered = past.machines.get(&writer.name);
            remembered.is_some_and(|machine| machine.set_aside)
                || writer.seen.is_some_and(|machine| machine.quarantined)
        };
        let done = at.writer.as_ref().is_none_or(aside);
        return Position::Retired { on: end.on, done };
    }
    let Some(writer) = &at.writer else {
        return Position::NotInstalled;
    };
    if let Some(proof) = writer.fenced {
        return Position::Fenced(proof.to_owned());
    }
    match &writer.state {
        WriterState::Answers(facts) if facts.open => Position::Open,
        WriterState::Answers(_) => Position::Closed,
        WriterState::Unseen(gap) => Position::Unseen(gap.clone()),
        WriterState::Silent(gap) => Position::Silent((*gap).clone()),
        WriterState::Off => Position::Off,
        WriterState::OffForGood(reason) => Position::OffForGood((*reason).to_owned()),
        WriterState::Gone => Position::Gone,
        WriterState::Waived => Position::Waived,
    }
}

fn proven(at: &Situation<'_>) -> Result<Option<Proven>, Gap> {
    let points = at.points.clone()?;
    let (choice, on) = repositories::choose((&at.serving, points), at.elsewhere, ENOUGH);
    Ok(choice.chosen.map(|chosen| Proven {
        point: chosen.id,
        taken_at: chosen.taken_at,
        rung: chosen.rung,
        on,
    }))
}

impl Position {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::NotInstalled => "nobody was ever let in anywhere".to_owned(),
            Self::Unseen(gap) => format!("it should answer, and could not be seen: {gap}"),
            Self::Open => "it answers, and lets users in".to_owned(),
            Self::Closed => "it answers, and lets nobody in".to_owned(),
            Self::Silent(gap) => format!("it is on, by its hoster's word, and silent: {gap}"),
            Self::Off => "it is off, by its hoster's word".to_owned(),
            Self::OffForGood(reason) => {
                format!("it is off, and could not be switched on: {reason}")
            }
            Self::Gone => "its hoster no longer lists it".to_owned(),
            Self::Waived => {
                "it does not answer, and a signed waiver says that it can no longer write"
                    .to_owned()
            }
            Self::Fenced(proof) => {
                format!("it can no longer write ({proof}), and no other machine is open yet")
            }
            Self::Retired { on, done: true } => format!("retired on {on}, and set aside"),
            Self::Retired { on, done: false } => {
                format!("retired on {on}, and not yet set aside")
            }
        }
    }

    /// What is planned for it, and by which rule.
    pub fn decision(&self) -> &'static str {
        match self {
            Self::NotInstalled => {
                "it is installed for the first time: the only way in which a service starts empty (S15)"
            }
            Self::Unseen(_) => {
                "nothing is created, repaired or destroyed: a gap is not absence (S1)"
            }
            Self::Open => {
                "it stays where it is wanted and is kept as the estate describes it; elsewhere, it is moved"
            }
            Self::Closed => {
                "it is let open again once its functional checks pass, and while no other machine can write (S2, S15)"
            }
            Self::Silent(_) => {
                "silence alone proves nothing (S1): it is given up only when every rule of a loss says so, and started anew before that"
            }
            Self::Off => "it is switched on before anything else is tried: its data may be whole",
            Self::OffForGood(_) | Self::Gone | Self::Waived => {
                "it counts as lost when every rule of a loss says so: then a new machine is filled from the newest point that is proven far enough (S11), after the old one can certainly not write (S2)"
            }
            Self::Fenced(_) => {
                "what was begun is finished: a new machine is filled from the newest point that is proven far enough (S11), and opens after its checks (S15)"
            }
            Self::Retired { .. } => {
                "it is closed, saved a last time, switched off and set aside; nothing of it is deleted (S3)"
            }
        }
    }
}
