//! What wakes the loop: any number of reasons, one pass.

use crate::model::pass::Wake;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What wakes the loop. Whatever comes while it is at work is one wake.
#[derive(Debug, Default)]
pub struct Wakes {
    pending: Mutex<BTreeSet<Wake>>,
    bell: Notify,
}

impl Wakes {
    /// Wakes the loop, now or when its pass has ended.
    pub fn wake(&self, why: Wake) {
        self.lock().insert(why);
        self.bell.notify_one();
    }

    /// Waits until something wakes it; everything that has, in one.
    pub async fn next(&self) -> BTreeSet<Wake> {
        loop {
            let came = std::mem::take(&mut *self.lock());
            if !came.is_empty() {
                return came;
            }
            self.bell.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Wake>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
