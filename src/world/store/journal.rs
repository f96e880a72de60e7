//! The journal: durable before an append returns, append-only, chained.

use super::StoreError;
use super::chain::{Line, ROOT, Tip, follows, no_first, seal, verified};
use super::lease::Hold;
use super::lock::WriterLock;
use super::place::{Access, Place};
use crate::model::anchor::Seals;
use crate::model::ids::StackId;
use crate::model::journal::{Entry, Event};
use crate::model::lease::Claim;
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::AnyPool;
use std::collections::BTreeMap;
use std::path::Path;

/// Where entries can be read: in order, and each checked against the one before (S9).
#[async_trait]
pub trait Entries: Send + Sync {
    /// Some of what follows after `tip`, oldest first, and how far that goes: no further where
    /// nothing follows. A broken chain is an error, not a shorter list, and so is an entry at
    /// `tip` that is not what it was.
    async fn after(&self, tip: &Tip) -> Result<(Vec<Entry>, Tip), StoreError>;

    /// All of them, oldest first.
    async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let (mut all, mut tip) = self.after(&Tip::default()).await?;
        loop {
            let (more, further) = self.after(&tip).await?;
            if further == tip {
                return Ok(all);
            }
            all.extend(more);
            tip = further;
        }
    }
}

/// Where entries are kept by one writer: durable, append-only, chained (S6, S9).
#[async_trait]
pub trait Ledger: Entries {
    /// Adds an event; it is durable when this returns.
    async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError>;

    /// Whether this may still be written to, as far as can be told without asking: looked at
    /// right before each effect. An intent in the journal from before another took over is no
    /// right to act after it (S2).
    fn held(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Ends when this may not be written to any more.
    async fn lost(&self) -> StoreError {
        std::future::pending().await
    }

    /// Says to whoever waits for it what it is needed for. A word, no promise.
    fn working_on(&self, _what: &str) {}
}

/// By what right it is written to.
#[derive(Debug)]
enum Right {
    /// One writer per computer.
    Lock(WriterLock),
    /// One writer among all computers, as long as the lease is not lost.
    Lease(Hold),
}

/// The journal, open for writing: there is one of these per place.
#[derive(Debug)]
pub struct Journal {
    pool: AnyPool,
    right: Right,
}

/// How many lines are held at once by who only wants to know what they come to.
const PAGE: i64 = 10_000;

/// The line at `tip`, and some of those behind it.
async fn page(pool: &AnyPool, tip: &Tip) -> Result<Vec<Line>, StoreError> {
    // Whatever stands before the first is part of a broken chain.
    let from = if tip.seq > 0 { tip.seq } else { i64::MIN };
    sqlx::query_as("SELECT seq, entry, hash FROM journal WHERE seq >= $1 ORDER BY seq LIMIT $2")
        .bind(from)
        .bind(PAGE)
        .fetch_all(pool)
        .await
        .map_err(|source| StoreError::Read { source })
}

async fn lines(pool: &AnyPool) -> Result<Vec<Line>, StoreError> {
    sqlx::query_as("SELECT seq, entry, hash FROM journal ORDER BY seq")
        .fetch_all(pool)
        .await
        .map_err(|source| StoreError::Read { source })
}

/// A line at the end.
const ADD: &str = "INSERT INTO journal (seq, entry, hash) VALUES ($1, $2, $3)";

/// The same where others may have taken over: only as long as the token is the newest and its
/// time is not over, by the database's clock. Whoever takes over waits until this is durable, or
/// this comes too late.
const ADD_FENCED: &str = "WITH mine AS (SELECT 1 FROM leases
        WHERE claim = $4 AND token = $5 AND until > clock_timestamp() FOR SHARE)
    INSERT INTO journal (seq, entry, hash) SELECT $1, $2, $3 FROM mine";

impl Journal {
    /// Opens or makes the journal there, takes the right to write to it, and verifies its chain.
    pub async fn open(place: impl Into<Place>) -> Result<Self, StoreError> {
        let journal = Self::take(&place.into()).await?;
        journal.verify_chain().await?;
        Ok(journal)
    }

    /// The same for whoever reads it anyway, and verifies it by that.
    pub async fn take(place: &Place) -> Result<Self, StoreError> {
        if let Place::File(path) = place {
            let lock = WriterLock::take(path)?;
            let address = place.address(Access::Write)?;
            let pool = address.open(Access::Write).await?;
            address.prepare(&pool).await?;
            let right = Right::Lock(lock);
            return Ok(Self { pool, right });
        }
        let address = place.address(Access::Write)?;
        let pool = address.open(Access::Write).await?;
        address.prepare(&pool).await?;
        let right = Right::Lease(Hold::take(place, Claim::Writer).await?);
        Ok(Self { pool, right })
    }

    /// Does it as long as this may be written to.
    async fn while_held<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.held()?;
        tokio::select! {
            biased;
            lost = self.lost() => Err(lost),
            done = work => done,
        }
    }

    /// Adds an event; it is on the disk when this returns (S6).
    pub async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError> {
        self.while_held(self.add(stack, event, at)).await
    }

    async fn add(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError> {
        let last = last(&self.pool).await?;
        let (seq, previous) = last.map_or((0, ROOT.to_owned()), |last| (last.seq, last.hash));
        let entry = Entry {
            seq: seq + 1,
            at,
            stack: stack.cloned(),
            event,
        };
        let text = serde_json::to_string(&entry).map_err(|source| StoreError::Encode { source })?;
        let hash = seal(&previous, &text);
        let seq = entry.seq;
        let line = Line {
            seq,
            entry: text,
            hash,
        };
        self.add_line(line).await?;
        Ok(entry)
    }

    async fn add_line(&self, line: Line) -> Result<(), StoreError> {
        let add = match &self.right {
            Right::Lock(_) => sqlx::query(ADD),
            Right::Lease(_) => sqlx::query(ADD_FENCED),
        };
        let mut add = add.bind(line.seq).bind(line.entry).bind(line.hash);
        if let Right::Lease(hold) = &self.right {
            add = add.bind(hold.claim().word()).bind(hold.token());
        }
        let added = add.execute(&self.pool).await;
        let added = added.map_err(|source| StoreError::Append { source })?;
        match &self.right {
            Right::Lease(hold) if added.rows_affected() == 0 => Err(hold.loss()),
            _ => Ok(()),
        }
    }

    /// Whether the journal is what was written.
    pub async fn verify_chain(&self) -> Result<(), StoreError> {
        let mut tip = Tip::default();
        loop {
            let (_, further) = self.after(&tip).await?;
            if further == tip {
                return Ok(());
            }
            tip = further;
        }
    }

    /// Ends it in good order; dropping it is as safe, like a crash is.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

#[async_trait]
impl Entries for Journal {
    async fn after(&self, tip: &Tip) -> Result<(Vec<Entry>, Tip), StoreError> {
        let lines = self.while_held(page(&self.pool, tip)).await?;
        Ok(verified(tip, &lines)?)
    }
}

#[async_trait]
impl Ledger for Journal {
    async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError> {
        Self::append(self, stack, event, at).await
    }

    fn held(&self) -> Result<(), StoreError> {
        match &self.right {
            Right::Lease(hold) if !hold.holds() => Err(hold.loss()),
            _ => Ok(()),
        }
    }

    async fn lost(&self) -> StoreError {
        match &self.right {
            Right::Lock(_) => std::future::pending().await,
            Right::Lease(hold) => {
                hold.lost().await;
                hold.loss()
            }
        }
    }

    fn working_on(&self, what: &str) {
        if let Right::Lock(lock) = &self.right
            && let Err(error) = lock.working_on(what)
        {
            tracing::debug!(%error, "nobody is told what the journal is needed for");
        }
    }
}

/// Asks the journal there, for whoever only looks: takes no lock. No file, or no table, means
/// that nothing was ever done.
async fn look<T: Default>(
    place: &Place,
    question: impl AsyncFnOnce(&AnyPool) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    if place.is_missing() {
        return Ok(T::default());
    }
    let address = place.address(Access::Look)?;
    let pool = address.open(Access::Look).await?;
    let answer = match address.has(&pool, "journal").await {
        Ok(true) => question(&pool).await,
        Ok(false) => Ok(T::default()),
        Err(error) => Err(error),
    };
    pool.close().await;
    answer
}

#[async_trait]
impl Entries for Place {
    async fn after(&self, tip: &Tip) -> Result<(Vec<Entry>, Tip), StoreError> {
        let lines = look(self, async |pool| page(pool, tip).await).await?;
        Ok(verified(tip, &lines)?)
    }
}

/// The line of this number.
async fn line(pool: &AnyPool, seq: i64) -> Result<Option<Line>, StoreError> {
    sqlx::query_as("SELECT seq, entry, hash FROM journal WHERE seq = $1")
        .bind(seq)
        .fetch_optional(pool)
        .await
        .map_err(|source| StoreError::Read { source })
}

/// The line at the end.
async fn last(pool: &AnyPool) -> Result<Option<Line>, StoreError> {
    sqlx::query_as("SELECT seq, entry, hash FROM journal ORDER BY seq DESC LIMIT 1")
        .fetch_optional(pool)
        .await
        .map_err(|source| StoreError::Read { source })
}

/// Brings what this computer wrote alone, in its file, into the journal that it shares now: line
/// by line as it is, so that the chain goes on. Goes on where it was cut off; refuses what is
/// another history.
pub async fn carry_over(place: &Place, file: &Path) -> Result<(), StoreError> {
    let own = Place::from(file);
    if *place == own {
        return Ok(());
    }
    let Some(newest) = look(&own, last).await? else {
        return Ok(());
    };
    let there = look(place, async |pool| line(pool, newest.seq).await).await?;
    if there.is_some_and(|there| there.hash == newest.hash) {
        return Ok(());
    }
    let own = look(&own, lines).await?;
    verified(&Tip::default(), &own)?;
    if missing(&own, &look(place, lines).await?, file)?.is_empty() {
        return Ok(());
    }
    let journal = Journal::open(place).await?;
    // Asked again now that nobody else writes.
    let there = journal.while_held(lines(&journal.pool)).await?;
    for line in missing(&own, &there, file)? {
        journal.while_held(journal.add_line(line.clone())).await?;
    }
    journal.close().await;
    Ok(())
}

/// What of this computer's own lines is not in the shared journal yet.
fn missing<'l>(own: &'l [Line], shared: &[Line], file: &Path) -> Result<&'l [Line], StoreError> {
    if own.iter().zip(shared).any(|(a, b)| a.hash != b.hash) {
        return Err(StoreError::Forked {
            file: file.to_owned(),
        });
    }
    Ok(own.get(shared.len()..).unwrap_or_default())
}

/// All entries of the journal there, verified.
pub async fn read_entries(place: impl Into<Place>) -> Result<Vec<Entry>, StoreError> {
    place.into().entries().await
}

/// Its seals: of the first entry, the last, and those that somebody asks for. That the first is
/// there, and the last goes on from the one before, is looked at; the rest of the chain by whoever
/// reads the entries.
pub async fn seals(place: impl Into<Place>, of: &[i64]) -> Result<Seals, StoreError> {
    look(&place.into(), async |pool| {
        let Some(newest) = last(pool).await? else {
            return Ok(Seals::default());
        };
        let before = match newest.seq - 1 {
            0 => Tip::default(),
            seq => line(pool, seq).await?.map_or(Tip::default(), |line| Tip {
                seq,
                seal: line.hash,
            }),
        };
        follows(&before, &newest)?;
        let mut all = BTreeMap::from([(newest.seq, newest.hash)]);
        for seq in of.iter().chain(&[1]) {
            match line(pool, *seq).await? {
                Some(line) => drop(all.insert(line.seq, line.hash)),
                None if *seq == 1 => return Err(no_first().into()),
                None => {}
            }
        }
        Ok(Seals(all))
    })
    .await
}
