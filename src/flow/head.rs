//! Which head a session works from: the newest, or, when that is not accepted, the last that was.
//!
//! What somebody pushes can be refused; it cannot stop the repair of what was accepted before.

use super::config::Config;
use super::estate::{self, Estate, EstateError};
use super::standing::Standing;
use crate::decide::history::History;
use crate::model::causes::chain;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::CommitId;
use crate::world::git::{self, TrustError};

/// So many accepted heads are looked through for a sound one.
const HEADS: usize = 16;

/// The head that holds.
pub(super) struct Chosen {
    pub estate: Estate,
    pub standing: Standing,
    /// It was not accepted before this session.
    pub is_new: bool,
    /// An offered head that does not descend from the accepted one (S9).
    pub set_back: Option<CommitId>,
}

/// The newest head if it is accepted and descends from the last accepted one (S9).
pub(super) fn choose(config: &Config, past: &History) -> Result<Chosen, EstateError> {
    let newest = estate::read(config);
    match (newest, &past.accepted) {
        (Ok(newest), Some(old)) => {
            let id = newest.commit.id().clone();
            if git::is_descendant(&config.estate, old, &id)? {
                return Ok(Chosen {
                    is_new: *old != id,
                    ..take(config, newest)
                });
            }
            let back = take(config, estate::read_at(config, old.as_str())?);
            let error = set_back(&id, old);
            Ok(Chosen {
                standing: instead_of(back.standing, &id, &error),
                set_back: Some(id),
                ..back
            })
        }
        (Ok(newest), None) => Ok(Chosen {
            is_new: true,
            ..take(config, newest)
        }),
        (Err(EstateError::Trust(error @ TrustError::NoHead { .. })), Some(old)) => {
            let mut back = take(config, estate::read_at(config, old.as_str())?);
            back.standing.gaps.push(Gap::new(
                GapKind::Unreadable,
                format!("the head {}", config.head),
                chain(&error),
            ));
            Ok(back)
        }
        (Err(EstateError::Trust(error)), Some(old)) if error.is_refusal() => {
            let offered = git::resolve(&config.estate, &config.head)?;
            if offered == *old {
                return Err(EstateError::Trust(error));
            }
            // What cannot be read is not proven to be another history.
            let descends = git::is_descendant(&config.estate, old, &offered).unwrap_or(true);
            let back = take(config, estate::read_at(config, old.as_str())?);
            let error = if descends {
                error
            } else {
                set_back(&offered, old)
            };
            Ok(Chosen {
                standing: instead_of(back.standing, &offered, &error),
                set_back: (!descends).then_some(offered),
                ..back
            })
        }
        (Err(error), _) => Err(error),
    }
}

fn set_back(offered: &CommitId, old: &CommitId) -> TrustError {
    TrustError::SetBack {
        head: offered.to_string(),
        accepted: old.to_string(),
    }
}

fn instead_of(standing: Standing, offered: &CommitId, error: &TrustError) -> Standing {
    standing.instead_of(offered.clone(), chain(error), error.remedy())
}

/// The chosen head if what all stacks share is sound in it, else the last one before it of which
/// that is true: one bad commit does not stop repairs at night (S1, S16). The chosen one all the
/// same when there is none. `accepted` are the heads of the journal, the newest first.
pub(super) fn sound<'a>(
    config: &Config,
    chosen: Chosen,
    accepted: impl Iterator<Item = &'a CommitId>,
) -> Chosen {
    let Estate { commit, resolution } = &chosen.estate;
    if resolution.desired.is_some() {
        return chosen;
    }
    let before = accepted.filter(|id| *id != commit.id()).take(HEADS);
    let sound = before
        .filter_map(|id| estate::read_at(config, id.as_str()).ok())
        .find(|estate| estate.resolution.desired.is_some());
    let Some(sound) = sound else {
        return chosen;
    };
    let errors = resolution.diagnostics.iter().filter(|d| d.is_error());
    let reason = match errors.count() {
        1 => "what all stacks share has an error in it".to_owned(),
        count => format!("what all stacks share has {count} errors in it"),
    };
    let back = take(config, sound);
    let mut standing = back.standing.instead_of(
        commit.id().clone(),
        reason,
        "holdfast check shows them; mend them in a further commit",
    );
    standing.refused.extend(chosen.standing.refused);
    standing.gaps.extend(chosen.standing.gaps);
    Chosen {
        standing,
        set_back: chosen.set_back,
        ..back
    }
}

/// The newest head, for looking at it; refused when it went back (S9).
pub(super) fn newest(config: &Config, past: &History) -> Result<Estate, EstateError> {
    let newest = estate::read(config)?;
    let id = newest.commit.id();
    match &past.accepted {
        Some(old) if !git::is_descendant(&config.estate, old, id)? => {
            Err(EstateError::Trust(set_back(id, old)))
        }
        _ => Ok(newest),
    }
}

fn take(config: &Config, estate: Estate) -> Chosen {
    Chosen {
        standing: Standing::new(config, &estate.commit),
        estate,
        is_new: false,
        set_back: None,
    }
}
