//! What the journal comes to, kept while a process lives: a look reads what is new, and not all
//! that ever happened.

use crate::decide::history::History;
use crate::world::store::{Entries, StoreError, Tip};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// So often the journal is read from its beginning all the same: what somebody changed in what
/// was read before would not be seen otherwise (S9).
const ANEW: Duration = Duration::from_hours(1);

/// The history as of the last reading.
pub struct Projection {
    known: Mutex<Known>,
    anew: Duration,
}

/// What was read before is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetBack {
    /// The last entry that was read then.
    pub had: i64,
    /// The last that was there when that was found.
    pub has: i64,
}

impl Default for Projection {
    fn default() -> Self {
        Self::anew_every(ANEW)
    }
}

#[derive(Default)]
struct Known {
    tip: Tip,
    past: Arc<History>,
    began: Option<Instant>,
    set_back: Option<SetBack>,
}

impl Projection {
    /// Nothing was read yet; the journal is read from its beginning this often.
    pub fn anew_every(anew: Duration) -> Self {
        let known = Mutex::default();
        Self { known, anew }
    }

    /// What has happened, all that `journal` holds now included.
    ///
    /// Where what was read before is not there any more, it is read from the beginning, and that
    /// is remembered: [`Projection::set_back`].
    pub async fn catch_up(&self, journal: &dyn Entries) -> Result<Arc<History>, StoreError> {
        let mut known = self.known.lock().await;
        if known.began.is_none_or(|began| began.elapsed() >= self.anew) {
            known.begin();
        }
        match known.catch_up(journal).await {
            Err(StoreError::Broken(_)) => {
                let had = known.tip.seq;
                known.begin();
                known.catch_up(journal).await?;
                let has = known.tip.seq;
                tracing::error!(had, has, "the journal is not what it was");
                known.set_back = Some(SetBack { had, has });
            }
            read => read?,
        }
        Ok(known.past.clone())
    }

    /// Whether history did not only grow while this process read it (S9).
    pub async fn set_back(&self) -> Option<SetBack> {
        self.known.lock().await.set_back
    }
}

impl Known {
    fn begin(&mut self) {
        *self = Self {
            began: Some(Instant::now()),
            set_back: self.set_back,
            ..Self::default()
        };
    }

    async fn catch_up(&mut self, journal: &dyn Entries) -> Result<(), StoreError> {
        loop {
            let (entries, tip) = journal.after(&self.tip).await?;
            if tip == self.tip {
                return Ok(());
            }
            // Whoever breaks down in the middle begins anew.
            let began = self.began.take();
            let past = Arc::make_mut(&mut self.past);
            for entry in &entries {
                past.take_in(entry);
            }
            (self.tip, self.began) = (tip, began);
        }
    }
}
