//! After a run that made a recovery point, its backup machine also learns how far history has
//! grown; each look asks it, and less than that holds what destroys (S9).

use super::apply::Report;
use super::session::Session;
use crate::decide::anchor::{Doubt, RULE, doubt, open, seal, set_back, told_since};
use crate::decide::mandate::Freeze;
use crate::model::anchor::Anchor;
use crate::model::causes::chain;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::MachineName;
use crate::model::machine::Role;
use crate::model::observed::Observed;
use crate::model::plan::{Action, Held};
use crate::world::backup::{keep_anchor, read_anchor};
use crate::world::git::is_descendant;
use crate::world::store::{self, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What the backup machines remember of us. One that does not say it, or says what we did not
/// sign, says nothing: whoever is root there could remove it as well. One that could not be
/// asked is a gap.
pub async fn read(session: &Arc<Session>, seen: &Observed) -> (Vec<Anchor>, Vec<Gap>) {
    let machines = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    let backups = machines.filter(|machine| machine.role == Role::Backup);
    let answering = backups.filter(|m| matches!(seen.machines.get(&m.name), Some(Ok(_))));
    let mut tasks = JoinSet::new();
    for contact in answering.filter_map(|machine| session.contact(&machine.name)) {
        let transport = session.world.transport.clone();
        tasks.spawn(async move {
            let read = read_anchor(transport.as_ref(), &contact).await;
            (contact.machine, read)
        });
    }
    let (mut anchors, mut gaps) = (Vec::new(), Vec::new());
    for (machine, read) in tasks.join_all().await {
        match read {
            Ok(Some(sealed)) => match open(&session.key, &sealed) {
                Some(anchor) if anchor.estate == session.desired.estate => anchors.push(anchor),
                _ => tracing::warn!(%machine, "its anchor is not ours"),
            },
            Ok(None) => {}
            Err(error) => {
                let subject = format!("what {machine} remembers of history");
                gaps.push(Gap::new(GapKind::Unreadable, subject, chain(&error)));
            }
        }
    }
    (anchors, gaps)
}

/// What anchors say against what we know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Why nothing destructive may happen.
    pub freezes: Vec<Freeze>,
    /// What is only to be told.
    pub told: Vec<Held>,
}

/// Compares these anchors, and what this process has read before, with what we know.
pub async fn doubts(session: &Session, anchors: &[Anchor]) -> Result<Doubts, StoreError> {
    let mut doubts = Doubts::default();
    let back = session.book().set_back().await;
    (doubts.freezes).extend(back.map(|back| set_back(back.had, back.has)));
    let standing = &session.standing;
    let Some(journal) = standing.journal.as_ref().filter(|_| !anchors.is_empty()) else {
        return Ok(doubts);
    };
    let anchored: Vec<i64> = anchors.iter().map(|anchor| anchor.seq).collect();
    let seals = store::seals(journal, &anchored).await?;
    for anchor in anchors {
        // An anchored commit that is not even here is none that the head descends from.
        let descends = is_descendant(&standing.repository, &anchor.head, &standing.head);
        let Doubt { freeze, told } = doubt(anchor, &seals, descends.unwrap_or(false));
        let new = freeze.filter(|freeze| !doubts.freezes.contains(freeze));
        doubts.freezes.extend(new);
        let told = told.filter(|_| !told_since(anchor, anchors, &seals));
        let new = told.filter(|told| !doubts.told.contains(told));
        doubts.told.extend(new);
    }
    Ok(doubts)
}

/// Tells the backup machines of this run how far history has grown. Nothing is told while an
/// earlier anchor says more than we know: it would be forgotten.
pub async fn drop_anchor(session: &Arc<Session>, report: &Report, freezes: &[Freeze]) {
    let done = report.steps.iter().filter(|record| record.error.is_none());
    let machines: BTreeSet<&MachineName> = done
        .filter_map(|record| match &record.step.action {
            Action::Backup { to, .. } => Some(to),
            _ => None,
        })
        .collect();
    if machines.is_empty() || freezes.iter().any(|freeze| freeze.rule == RULE) {
        return;
    }
    let Some(journal) = &session.standing.journal else {
        return;
    };
    let seals = match store::seals(journal, &[]).await {
        Ok(seals) => seals,
        Err(error) => {
            tracing::warn!(%error, "no anchor was written");
            return;
        }
    };
    let Some((seq, hash)) = seals.last() else {
        return;
    };
    let standing = &session.standing;
    let anchor = Anchor {
        estate: session.desired.estate.clone(),
        head: session.standing.head.clone(),
        // The root is known without having been accepted.
        generation: standing
            .known
            .generation(&standing.head)
            .unwrap_or(0)
            .into(),
        first: seals.first().cloned().unwrap_or_default(),
        seq,
        hash: hash.clone(),
        at: session.world.clock.now(),
    };
    let Some(sealed) = seal(&session.key, &anchor) else {
        tracing::warn!("no anchor was written: it cannot be signed");
        return;
    };
    for machine in machines {
        let Some(contact) = session.contact(machine) else {
            continue;
        };
        let transport = session.world.transport.as_ref();
        // What cannot be read may say more than we know, and would be forgotten.
        if let Err(error) = read_anchor(transport, &contact).await {
            tracing::warn!(%machine, %error, "its anchor was not replaced");
            continue;
        }
        if let Err(error) = keep_anchor(transport, &contact, &sealed).await {
            tracing::warn!(%machine, %error, "its anchor was not written");
        }
    }
}
