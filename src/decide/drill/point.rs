//! Which recovery point a drill is done with.

use crate::decide::point;
use crate::model::point::{RecoveryPoint, Rung};

/// Why there is nothing that could be brought back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPoint {
    /// There is none that a rebuild would take.
    #[error("there is no recovery point that a rebuild would take")]
    None,
    /// The asked one is not there.
    #[error("there is no recovery point {asked}; holdfast points lists them")]
    Unknown {
        /// As asked.
        asked: String,
    },
    /// The beginning fits several.
    #[error("{fits} recovery points begin with {asked}; write more of it")]
    Several {
        /// As asked.
        asked: String,
        /// How many.
        fits: usize,
    },
    /// It proves nothing that it comes back when nobody knows what arrived.
    #[error("recovery point {asked} was never read back from the backup hoster")]
    NeverShipped {
        /// As asked.
        asked: String,
    },
}

/// The newest that a rebuild would take, or the one that is asked for by its beginning.
pub fn choose<'a>(
    points: &'a [RecoveryPoint],
    asked: Option<&str>,
    least: Rung,
) -> Result<&'a RecoveryPoint, NoPoint> {
    let Some(asked) = asked else {
        let chosen = point::choose(points, least).chosen.ok_or(NoPoint::None)?;
        let chosen = points.iter().find(|point| point.id == chosen.id);
        return chosen.ok_or(NoPoint::None);
    };
    let asked_for = || asked.to_owned();
    let fits: Vec<&RecoveryPoint> = points
        .iter()
        .filter(|point| !asked.is_empty() && point.id.as_str().starts_with(asked))
        .collect();
    match fits.as_slice() {
        [] => Err(NoPoint::Unknown { asked: asked_for() }),
        [point] if point.rung < Rung::Shipped => Err(NoPoint::NeverShipped { asked: asked_for() }),
        [point] => Ok(point),
        _ => Err(NoPoint::Several {
            asked: asked_for(),
            fits: fits.len(),
        }),
    }
}
