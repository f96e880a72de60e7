//! Leases in a shared database: taken, renewed, lost, let go. The rule is that of
//! `decide::lease`; it stands here once more in SQL, for the database's own clock.

use super::StoreError;
use super::place::{Access, Address, Place};
use crate::model::lease::{Claim, LASTS, Lease, RENEWS, SPARE};
use jiff::Timestamp;
use sqlx::AnyConnection;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long one question to the database may take.
const ANSWERS: Duration = Duration::from_secs(4);

const FIRST: &str = "INSERT INTO leases (claim, token, holder, since, until)
    VALUES ($1, 0, '', to_timestamp(0), to_timestamp(0)) ON CONFLICT (claim) DO NOTHING";

const TAKE: &str = "UPDATE leases SET token = token + 1, holder = $2, since = clock_timestamp(),
        until = clock_timestamp() + $3 * interval '1 millisecond'
    WHERE claim = $1 AND until <= clock_timestamp() RETURNING token";

const RENEW: &str = "UPDATE leases SET until = clock_timestamp() + $3 * interval '1 millisecond'
    WHERE claim = $1 AND token = $2 AND until > clock_timestamp()";

const LET_GO: &str = "UPDATE leases SET until = clock_timestamp()
    WHERE claim = $1 AND token = $2 AND until > clock_timestamp()";

const WHO: &str = "SELECT token, holder, CAST(extract(epoch FROM since) * 1000 AS bigint),
        CAST(extract(epoch FROM until) * 1000 AS bigint), until > clock_timestamp()
    FROM leases WHERE claim = $1 AND token > 0";

/// What is held until it is dropped, or lost. A thread of its own asks for more time, so that
/// nothing that this process does can keep it from that.
#[derive(Debug)]
pub struct Hold {
    claim: Claim,
    token: i64,
    place: String,
    state: Arc<State>,
    let_go: Option<oneshot::Sender<()>>,
    gone: Mutex<Receiver<()>>,
}

/// How far this process may count on it.
#[derive(Debug)]
struct State {
    /// When it was last asked for with success: before the question, so that our time is over
    /// before the database's.
    granted: Mutex<(Instant, SystemTime)>,
    lost: CancellationToken,
}

impl State {
    fn granted(&self, asked: (Instant, SystemTime)) {
        *self.granted.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    /// What is left. The clock that nobody sets stands still while a computer sleeps, and the one
    /// on the wall does not: whichever has gone further counts.
    fn left(&self) -> Duration {
        let (steady, wall) = *self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = steady.elapsed().max(wall.elapsed().unwrap_or_default());
        LASTS.saturating_sub(SPARE).saturating_sub(gone)
    }
}

/// Lost whatever ends the thread, a fault of ours included.
struct Ends(Arc<State>, Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.lost.cancel();
        // Nobody listens where the process has not waited.
        let _ = self.1.send(());
    }
}

fn now() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

impl Hold {
    /// Takes a claim, or says who has it.
    pub async fn take(place: &Place, claim: Claim) -> Result<Self, StoreError> {
        let address = place.address(Access::Write)?;
        let shown = address.shown.clone();
        let (told, taken) = oneshot::channel();
        let (let_go, released) = oneshot::channel();
        let (sender, gone) = channel();
        let asked = now();
        let state = Arc::new(State {
            granted: Mutex::new(asked),
            lost: CancellationToken::new(),
        });
        let ends = Ends(state.clone(), sender);
        let failed = |source: std::io::Error| StoreError::Claim {
            place: shown.clone(),
            source: sqlx::Error::Io(source),
        };
        std::thread::Builder::new()
            .name(format!("{}'s lease", claim.word()))
            .spawn(move || {
                let ends = ends;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                if let Ok(runtime) = runtime {
                    runtime.block_on(hold(&address, claim, told, &ends.0, released));
                }
            })
            .map_err(failed)?;
        match taken.await {
            Ok(token) => Ok(Self {
                claim,
                token: token?,
                place: shown,
                state,
                let_go: Some(let_go),
                gone: Mutex::new(gone),
            }),
            Err(_) => Err(failed(std::io::Error::other(
                "the lease's thread has ended",
            ))),
        }
    }

    /// The fencing token: what is written is refused where it is not the newest.
    pub fn token(&self) -> i64 {
        self.token
    }

    /// What is held.
    pub fn claim(&self) -> Claim {
        self.claim
    }

    /// Whether this process may count on it, as far as it can tell without asking.
    pub fn holds(&self) -> bool {
        !self.state.lost.is_cancelled() && !self.state.left().is_zero()
    }

    /// Ends when it is lost.
    pub async fn lost(&self) {
        self.state.lost.cancelled().await;
    }

    /// What whoever has lost it is told.
    pub fn loss(&self) -> StoreError {
        StoreError::LeaseLost {
            place: self.place.clone(),
        }
    }
}

impl Drop for Hold {
    /// Lets go of it, so that the next need not wait for its end. Waits for that a moment: the
    /// process may be about to end.
    fn drop(&mut self) {
        drop(self.let_go.take());
        let gone = self.gone.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Where the database does not answer, the lease ends by itself.
        let _ = gone.recv_timeout(Duration::from_secs(1));
    }
}

/// The life of a lease: taken, renewed until it is lost or let go.
async fn hold(
    address: &Address,
    claim: Claim,
    told: oneshot::Sender<Result<i64, StoreError>>,
    state: &State,
    mut released: oneshot::Receiver<()>,
) {
    let (mut connection, token) = match take(address, claim, state).await {
        Ok(taken) => taken,
        Err(error) => {
            // Whoever asked may have gone.
            let _ = told.send(Err(error));
            return;
        }
    };
    // Where nobody waits for it any more, `released` says so at once.
    let _ = told.send(Ok(token));
    let mut next = RENEWS;
    loop {
        tokio::select! {
            biased;
            _ = &mut released => {
                let letting_go = ask(&mut connection, LET_GO, claim, token, None);
                // Where the database does not answer, the lease ends by itself.
                let _ = timeout(ANSWERS.min(state.left()), letting_go).await;
                return;
            }
            () = sleep(next.min(state.left())) => {}
        }
        if state.left().is_zero() {
            return; // It stood still for too long, or the database did not answer.
        }
        let asked = now();
        let more = ask(&mut connection, RENEW, claim, token, Some(LASTS));
        match timeout(ANSWERS.min(state.left()), more).await {
            Ok(Ok(1)) => {
                state.granted(asked);
                next = RENEWS;
            }
            Ok(Ok(_)) => return, // It is over, or another has it.
            Ok(Err(_)) | Err(_) => {
                next = Duration::from_secs(1);
                let again = timeout(ANSWERS.min(state.left()), address.connect());
                if let Ok(Ok(new)) = again.await {
                    connection = new;
                    next = Duration::ZERO;
                }
            }
        }
    }
}

async fn take(
    address: &Address,
    claim: Claim,
    state: &State,
) -> Result<(AnyConnection, i64), StoreError> {
    let failed = |source| StoreError::Claim {
        place: address.shown.clone(),
        source,
    };
    let silent = || failed(sqlx::Error::PoolTimedOut);
    let mut connection = timeout(ANSWERS, address.connect())
        .await
        .map_err(|_| silent())?
        .map_err(failed)?;
    let taking = async {
        sqlx::query(FIRST)
            .bind(claim.word())
            .execute(&mut connection)
            .await?;
        let asked = now();
        let token: Option<i64> = sqlx::query_scalar(TAKE)
            .bind(claim.word())
            .bind(holder())
            .bind(millis(LASTS))
            .fetch_optional(&mut connection)
            .await?;
        state.granted(asked);
        match token {
            Some(token) => Ok(Ok(token)),
            None => who(&mut connection, claim).await.map(Err),
        }
    };
    let taken = timeout(ANSWERS, taking).await.map_err(|_| silent())?;
    match taken.map_err(failed)? {
        Ok(token) => Ok((connection, token)),
        Err(Some((lease, _))) => Err(StoreError::Leased {
            place: address.shown.clone(),
            lease,
        }),
        Err(None) => Err(failed(sqlx::Error::RowNotFound)),
    }
}

async fn ask(
    connection: &mut AnyConnection,
    statement: &'static str,
    claim: Claim,
    token: i64,
    lasts: Option<Duration>,
) -> Result<u64, sqlx::Error> {
    let mut query = sqlx::query(statement).bind(claim.word()).bind(token);
    if let Some(lasts) = lasts {
        query = query.bind(millis(lasts));
    }
    Ok(query.execute(connection).await?.rows_affected())
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Whoever held a claim last, and whether it is theirs still.
async fn who(
    connection: &mut AnyConnection,
    claim: Claim,
) -> Result<Option<(Lease, bool)>, sqlx::Error> {
    let row: Option<(i64, String, i64, i64, bool)> = sqlx::query_as(WHO)
        .bind(claim.word())
        .fetch_optional(connection)
        .await?;
    let at = |millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    Ok(row.map(|(token, holder, since, until, holds)| {
        let lease = Lease {
            token,
            holder,
            since: at(since),
            until: at(until),
        };
        (lease, holds)
    }))
}

/// Who holds a claim now; none where the journal is one computer's own.
pub async fn holder_of(place: &Place, claim: Claim) -> Result<Option<Lease>, StoreError> {
    if let Place::File(_) = place {
        return Ok(None);
    }
    let address = place.address(Access::Look)?;
    let pool = address.open(Access::Look).await?;
    if !address.has(&pool, "leases").await? {
        return Ok(None);
    }
    let failed = |source| StoreError::Claim {
        place: address.shown.clone(),
        source,
    };
    let mut connection = pool.acquire().await.map_err(failed)?;
    let found = who(&mut connection, claim).await.map_err(failed)?;
    drop(connection);
    pool.close().await;
    Ok(found.filter(|(_, holds)| *holds).map(|(lease, _)| lease))
}

/// This process, for people.
fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "a computer without a name",
        name => name,
    };
    format!("{host}, process {}", std::process::id())
}
