//! What a look says about what the journal remembers: receipts that a crash left out (S6, S7),
//! machines that recovered, that got well, that fell silent or answer again, repositories that a lost journal
//! does not know.

use super::book::Book;
use super::session::Session;
use crate::decide::adoption::{adoptable, found, recovered, sized};
use crate::decide::groups::Busy;
use crate::decide::heard;
use crate::decide::history::History;
use crate::model::ids::{MachineName, StackId};
use crate::model::journal::Event;
use crate::model::machine::MachineManifest;
use crate::model::observed::Observed;
use crate::world::store::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Writes it down, or only takes them in where nothing may be written. True when repositories were
/// found: who may reach them was not known when it was looked at what machines should be. Of what
/// is under way, those tell that do it.
pub async fn adopt(
    session: &Session,
    (seen, manifests): (&Observed, &BTreeMap<MachineName, MachineManifest>),
    past: &mut Arc<History>,
    busy: &Busy,
) -> Result<bool, StoreError> {
    let mut repositories = found(&session.desired, seen, past);
    repositories.retain(|news| !is_told_by_others(busy, news));
    let look_again = !repositories.is_empty();
    let news = [
        adoptable(seen, past),
        recovered(seen, past),
        sized(&session.desired, seen, past),
        repositories,
        heard::news(&session.desired, seen, past),
        heard::healed(manifests, seen, past),
    ];
    let news = news.concat().into_iter();
    for (stack, event) in news.filter(|news| !is_told_by_others(busy, news)) {
        match session.book() {
            Book::Writing(..) => {
                let entry = session.record(stack.as_ref(), event).await?;
                Arc::make_mut(past).take_in(&entry);
            }
            Book::Reading(..) => {
                let now = session.world.clock.now();
                Arc::make_mut(past).suppose(stack.as_ref(), &event, now);
            }
        }
    }
    Ok(look_again)
}

fn is_told_by_others(busy: &Busy, (stack, event): &(Option<StackId>, Event)) -> bool {
    match event {
        Event::Created { machine, .. }
        | Event::SeenOn { machine }
        | Event::Resized { machine, .. } => busy.holds(stack.as_ref(), machine),
        _ => stack.as_ref().is_some_and(|id| busy.stacks.contains(id)),
    }
}
