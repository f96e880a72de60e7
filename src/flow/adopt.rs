//! What a look says about what the journal remembers: receipts that a crash left out (S6, S7),
//! machines that recovered.

use super::session::{Book, Session};
use crate::decide::adoption::{adoptable, recovered};
use crate::decide::history::History;
use crate::model::observed::Observed;
use crate::world::store::StoreError;

/// Writes it down, or only takes them in where nothing may be written.
pub async fn adopt(
    session: &Session,
    seen: &Observed,
    past: &mut History,
) -> Result<(), StoreError> {
    let news = [adoptable(seen, past), recovered(seen, past)].concat();
    for (stack, event) in news {
        match session.book() {
            Book::Writing(_) => {
                let entry = session.record(stack.as_ref(), event).await?;
                past.take_in(&entry);
            }
            Book::Reading(_) => past.suppose(stack.as_ref(), &event, session.world.clock.now()),
        }
    }
    Ok(())
}
