//! Leases with fencing tokens: who may write, and who may take over (S2).
//!
//! The shared store decides by the same rule, in SQL and by its own clock; a test compares the
//! two. What stands here is for whoever has to know it without asking.

use crate::model::lease::{LASTS, Lease};
use jiff::{SignedDuration, Timestamp};

/// The holder of this token may write: it is the newest, and its time is not over.
pub fn may_write(lease: &Lease, token: i64, now: Timestamp) -> bool {
    lease.token == token && now < lease.until
}

/// Anybody may take it: nobody has it any more.
pub fn may_take(lease: Option<&Lease>, now: Timestamp) -> bool {
    lease.is_none_or(|lease| now >= lease.until)
}

/// The lease of who takes it now. The token grows, so that nothing of an earlier holder counts.
pub fn taken(before: Option<&Lease>, holder: &str, now: Timestamp) -> Option<Lease> {
    may_take(before, now).then(|| Lease {
        token: before.map_or(0, |lease| lease.token).saturating_add(1),
        holder: holder.to_owned(),
        since: now,
        until: until(now),
    })
}

/// The same lease for longer. What has ended is not renewed, though nobody has taken it yet: it
/// would hide that there was a gap.
pub fn renewed(lease: &Lease, token: i64, now: Timestamp) -> Option<Lease> {
    may_write(lease, token, now).then(|| Lease {
        until: until(now),
        ..lease.clone()
    })
}

fn until(now: Timestamp) -> Timestamp {
    let lasts = SignedDuration::try_from(LASTS).unwrap_or(SignedDuration::MAX);
    now.saturating_add(lasts).unwrap_or(Timestamp::MAX)
}
