//! The journal for people: what has happened, whether or not anything can be reached.

use super::config::Config;
use super::estate;
use crate::decide::only::{NoSuchStack, named};
use crate::decide::timeline::{Told, timeline};
use crate::model::desired::Desired;
use crate::model::ids::StackId;
use crate::world::store::{StoreError, read_entries};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The journal.
    #[error("the journal cannot be read")]
    Journal(#[from] StoreError),
    /// Neither the journal nor the estate knows it.
    #[error("neither the journal nor the estate knows this stack")]
    NoSuchStack(#[from] NoSuchStack),
}

/// What has happened to a stack, or to all. The estate is asked for names alone, and may be as
/// broken as it likes.
pub async fn read(
    config: &Config,
    stack: Option<&StackId>,
    since: Option<Timestamp>,
) -> Result<Vec<Told>, LogError> {
    let entries = read_entries(&config.journal).await?;
    let Some(asked) = stack else {
        return Ok(timeline(&entries, None, since));
    };
    let desired = estate::read(config)
        .ok()
        .and_then(|estate| estate.resolution.desired);
    let mut known: BTreeSet<StackId> = entries.iter().filter_map(|e| e.stack.clone()).collect();
    let began = desired.as_ref().and_then(|desired| desired.began(asked));
    known.extend(desired.iter().flat_map(Desired::names));
    named(
        std::slice::from_ref(asked),
        known.iter().map(StackId::as_str),
    )?;
    let id = began.unwrap_or_else(|| asked.clone());
    Ok(timeline(&entries, Some(&id), since))
}
