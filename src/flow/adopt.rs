//! Receipts for machines that a crash left without one (S6, S7).

use super::session::{Book, Session};
use crate::decide::adoption::adoptable;
use crate::decide::history::History;
use crate::model::observed::Observed;
use crate::world::store::StoreError;

/// Writes the missing receipts down, or only takes them in where nothing may be written.
pub async fn adopt(
    session: &Session,
    seen: &Observed,
    past: &mut History,
) -> Result<(), StoreError> {
    for (stack, created) in adoptable(seen, past) {
        match session.book() {
            Book::Writing(_) => {
                let entry = session.record(stack.as_ref(), created).await?;
                past.take_in(&entry);
            }
            Book::Reading(_) => past.suppose(stack.as_ref(), &created, session.world.clock.now()),
        }
    }
    Ok(())
}
