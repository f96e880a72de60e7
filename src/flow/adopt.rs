//! What a look says about what the journal remembers: receipts that a crash left out (S6, S7),
//! machines that recovered, repositories that a lost journal does not know.

use super::session::{Book, Session};
use crate::decide::adoption::{adoptable, found, recovered};
use crate::decide::history::History;
use crate::model::observed::Observed;
use crate::world::store::StoreError;

/// Writes it down, or only takes them in where nothing may be written. True when repositories were
/// found: who may reach them was not known when it was looked at what machines should be.
pub async fn adopt(
    session: &Session,
    seen: &Observed,
    past: &mut History,
) -> Result<bool, StoreError> {
    let repositories = found(&session.desired, seen, past);
    let look_again = !repositories.is_empty();
    let news = [adoptable(seen, past), recovered(seen, past), repositories];
    for (stack, event) in news.concat() {
        match session.book() {
            Book::Writing(..) => {
                let entry = session.record(stack.as_ref(), event).await?;
                past.take_in(&entry);
            }
            Book::Reading(_) => past.suppose(stack.as_ref(), &event, session.world.clock.now()),
        }
    }
    Ok(look_again)
}
