//! Several processes over one `PostgreSQL`: one leads, one writes, and who has lost the lease
//! finishes nothing. What whole loops make of it stands in `two_loops`.

use super::journal::{at, started};
use super::postgres::{Database, Line, PASSWORD};
use holdfast::decide::lease::{may_take, may_write, renewed, taken};
use holdfast::model::ids::StepId;
use holdfast::model::journal::{Event, StepResult};
use holdfast::model::lease::{Claim, LASTS, Lease};
use holdfast::world::store::{
    Hold, Journal, Ledger as _, Place, StoreError, carry_over, holder_of, prepare, read_entries,
};
use jiff::SignedDuration;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

fn ended(step: &str) -> Event {
    Event::Ended {
        step: StepId::new(step),
        result: StepResult::Done,
        millis: 1,
    }
}

async fn steps(place: &Place) -> Vec<String> {
    let entries = read_entries(place).await.unwrap();
    let told = entries.into_iter().map(|entry| match entry.event {
        Event::Started { step, .. } => format!("{step} begun"),
        Event::Ended { step, .. } => format!("{step} ended"),
        other => panic!("{other:?}"),
    });
    told.collect()
}

#[test]
fn s02_a_lease_is_written_under_by_its_newest_token_until_its_end() {
    let first = taken(None, "one", at(0)).unwrap();
    assert_eq!((first.token, first.since), (1, at(0)));
    let end = first.until;
    assert_eq!(
        end.duration_since(at(0)),
        SignedDuration::try_from(LASTS).unwrap()
    );
    assert!(may_write(&first, 1, at(19)) && !may_write(&first, 1, end));
    assert!(!may_write(&first, 0, at(1)) && !may_write(&first, 2, at(1)));
    assert_eq!(taken(Some(&first), "two", at(19)), None);
    // Renewed, it lasts longer and began when it began.
    let longer = renewed(&first, 1, at(19)).unwrap();
    assert_eq!((longer.since, longer.until), (at(0), at(39)));
    // What has ended is not renewed, though nobody has taken it.
    assert!(may_take(Some(&first), end));
    assert_eq!(renewed(&first, 1, end), None);
    let second = taken(Some(&first), "two", end).unwrap();
    assert_eq!(second.token, 2);
    assert!(!may_write(&second, 1, end) && may_write(&second, 2, end));
    assert_eq!(renewed(&second, 1, end), None);
}

/// How a lease is made to stand in the database, and what that means for who holds token 1.
#[tokio::test]
async fn s02_the_database_decides_by_the_same_rule() {
    let now = at(0);
    let second = SignedDuration::from_secs(1);
    for (statement, token, until) in [
        (
            "UPDATE leases SET until = clock_timestamp() + interval '1 hour' WHERE claim = 'writer'",
            1,
            now + second,
        ),
        (
            "UPDATE leases SET until = clock_timestamp() - interval '1 second' WHERE claim = 'writer'",
            1,
            now - second,
        ),
        (
            "UPDATE leases SET until = clock_timestamp() WHERE claim = 'writer'",
            1,
            now,
        ),
        (
            "UPDATE leases SET token = 2, until = clock_timestamp() + interval '1 hour' WHERE claim = 'writer'",
            2,
            now + second,
        ),
        (
            "UPDATE leases SET token = 2, until = clock_timestamp() - interval '1 second' WHERE claim = 'writer'",
            2,
            now - second,
        ),
    ] {
        let database = Database::new().await;
        let journal = Journal::open(database.place()).await.unwrap();
        database.raw(statement).await.unwrap();
        let lease = Lease {
            token,
            holder: "one".to_owned(),
            since: at(-9),
            until,
        };
        let added = journal.append(None, started("s"), at(0)).await;
        assert_eq!(added.is_ok(), may_write(&lease, 1, now), "{statement}");
        if let Err(error) = added {
            assert!(
                matches!(error, StoreError::LeaseLost { .. }),
                "{statement}: {error}"
            );
            assert_eq!(steps(&database.place()).await, [""; 0]);
        }
        let other = Hold::take(&database.place(), Claim::Writer).await;
        assert_eq!(other.is_ok(), may_take(Some(&lease), now), "{statement}");
        if let Ok(other) = other {
            assert_eq!(other.token(), token + 1, "{statement}");
        }
    }
}

#[tokio::test]
async fn s02_a_fencing_token_never_goes_back() {
    let database = Database::new().await;
    drop(Journal::open(database.place()).await.unwrap());
    for statement in [
        "UPDATE leases SET token = token - 1",
        "DELETE FROM leases",
        "UPDATE leases SET claim = 'other'",
    ] {
        let error = database.raw(statement).await.unwrap_err().to_string();
        assert!(error.contains("never goes back"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn s02_a_second_writer_anywhere_is_refused_and_told_who_writes_since_when_and_until_when() {
    let database = Database::new().await;
    let first = Journal::open(database.place()).await.unwrap();
    let error = Journal::open(database.place()).await.unwrap_err();
    let words = error.to_string();
    let StoreError::Leased { lease, .. } = error else {
        panic!("{words}");
    };
    let process = format!("process {}", std::process::id());
    assert!(lease.holder.ends_with(&process), "{lease:?}");
    assert!(lease.since < lease.until);
    for word in [process.as_str(), "since ", "until ", "wait for it to end"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    assert!(!words.contains(PASSWORD), "{words}");
    // Let go, it need not be waited for.
    drop(first);
    assert_eq!(
        holder_of(&database.place(), Claim::Writer).await.unwrap(),
        None
    );
    Journal::open(database.place()).await.unwrap();
}

#[tokio::test]
async fn s02_who_leads_goes_on_leading_while_others_write() {
    let database = Database::new().await;
    prepare(&database.place()).await.unwrap();
    let leader = Hold::take(&database.place(), Claim::Leader).await.unwrap();
    drop(Journal::open(database.place()).await.unwrap());
    assert!(leader.holds());
    let other = Hold::take(&database.place(), Claim::Leader).await;
    assert!(matches!(other, Err(StoreError::Leased { .. })));
}

#[tokio::test]
async fn s13_an_address_over_a_network_is_taken_only_where_nobody_can_read_or_pretend() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("address");
    for (text, words) in [
        ("mysql://a:hush@localhost/b", "no address of a PostgreSQL"),
        ("postgresql://a:hush@db.example/b", "sslmode=verify-full"),
        (
            "postgresql://a:hush@192.0.2.7/b?sslmode=require",
            "sslmode=verify-full",
        ),
        ("postgresql://a:hush@[::1/b", "cannot be read"),
    ] {
        fs::write(&file, text).unwrap();
        private(&file, 0o600);
        let error = read_entries(&Place::Shared(file.clone()))
            .await
            .unwrap_err();
        let error = holdfast::model::causes::chain(&error);
        assert!(error.contains(words), "{text}: {error}");
        assert!(!error.contains("hush"), "{error}");
    }
    private(&file, 0o644);
    let error = read_entries(&Place::Shared(file)).await.unwrap_err();
    let error = holdfast::model::causes::chain(&error);
    assert!(error.contains("chmod 600"), "{error}");
}

fn private(file: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn s09_what_was_written_alone_is_carried_over_once_and_another_history_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, another) = (folder.path().join("own"), folder.path().join("another"));
    let database = Database::new().await;
    let place = database.place();
    // Nothing to carry over.
    carry_over(&place, &file).await.unwrap();
    for (path, step) in [(&file, "mine"), (&another, "theirs")] {
        let journal = Journal::open(path).await.unwrap();
        journal.append(None, started(step), at(0)).await.unwrap();
        journal.append(None, ended(step), at(1)).await.unwrap();
    }
    for _ in 0..2 {
        carry_over(&place, &file).await.unwrap();
        assert_eq!(steps(&place).await, ["mine begun", "mine ended"]);
    }
    let journal = Journal::open(&place).await.unwrap();
    journal.append(None, started("next"), at(2)).await.unwrap();
    journal.verify_chain().await.unwrap();
    drop(journal);
    carry_over(&place, &file).await.unwrap();
    let error = carry_over(&place, &another).await.unwrap_err();
    assert!(matches!(error, StoreError::Forked { .. }), "{error}");
    assert_eq!(steps(&place).await.len(), 3);
}

/// A process of its own that writes, and acts when it is told to.
struct Writer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    effect: PathBuf,
    _folder: tempfile::TempDir,
}

const CHILD: &str = "several::a_process_that_writes";

impl Writer {
    fn begin(address: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let effect = folder.path().join("effect");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .env("HOLDFAST_TEST_ADDRESS", address)
            .env("HOLDFAST_TEST_EFFECT", &effect)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            to,
            from,
            effect,
            _folder: folder,
        }
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.to, "{word}").unwrap();
    }

    /// The rest of the line that it says under this word.
    fn says(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(
                self.from.read_line(&mut line).unwrap(),
                0,
                "it said no {word}"
            );
            // The test's own name stands before the first.
            if let Some((_, rest)) = line.split_once(&format!("> {word}: ")) {
                return rest.trim().to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: what [`Writer`] is, by the code that every step goes through.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
#[allow(clippy::print_stdout, reason = "the test that begins it reads this")]
async fn a_process_that_writes() {
    let Some(address) = std::env::var_os("HOLDFAST_TEST_ADDRESS") else {
        return;
    };
    let effect = std::env::var_os("HOLDFAST_TEST_EFFECT").unwrap();
    let journal = Journal::open(Place::Shared(address.into())).await.unwrap();
    journal.append(None, started("old"), at(0)).await.unwrap();
    println!("> begun: old");
    // The worst moment: the intent is in the journal, the effect is not yet done.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let acted = match journal.held() {
        Ok(()) => fs::write(&effect, "done").map_or_else(|e| e.to_string(), |()| "done".into()),
        Err(error) => error.to_string(),
    };
    println!("> acted: {acted}");
    let finished = match journal.append(None, ended("old"), at(9)).await {
        Ok(entry) => format!("entry {}", entry.seq),
        Err(error) => error.to_string(),
    };
    println!("> finished: {finished}");
}

/// Waits until the lease can be taken, as a reconciler that stands by does.
async fn take_over(place: &Place) -> Journal {
    let began = Instant::now();
    loop {
        match Journal::open(place).await {
            Ok(journal) => {
                eprintln!("taken over after {:.1} s", began.elapsed().as_secs_f64());
                return journal;
            }
            Err(StoreError::Leased { .. }) => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn s02_who_stood_still_after_its_intent_does_and_finishes_nothing_when_another_took_over() {
    let database = Database::new().await;
    let mut writer = Writer::begin(&database.address_file());
    assert_eq!(writer.says("begun"), "old");
    writer.signal("STOP");
    let journal = take_over(&database.place()).await;
    // What it left is seen: the step is begun and has not ended.
    assert_eq!(steps(&database.place()).await, ["old begun"]);
    journal.append(None, started("new"), at(5)).await.unwrap();
    writer.tell("go on");
    writer.signal("CONT");
    let acted = writer.says("acted");
    assert!(acted.contains("lost the right"), "{acted}");
    assert!(!writer.effect.exists());
    let finished = writer.says("finished");
    assert!(finished.contains("lost the right"), "{finished}");
    journal.append(None, ended("new"), at(6)).await.unwrap();
    journal.verify_chain().await.unwrap();
    assert_eq!(
        steps(&database.place()).await,
        ["old begun", "new begun", "new ended"]
    );
}

#[tokio::test]
async fn s02_who_is_cut_off_stops_before_anybody_can_take_over() {
    let database = Database::new().await;
    let line = Line::lay();
    let journal = Journal::open(Place::Shared(database.file(line.port)))
        .await
        .unwrap();
    journal.append(None, started("old"), at(0)).await.unwrap();
    line.cut(true);
    let (stopped, taken) = tokio::join!(
        async {
            // A write that is on its way does not keep it waiting for ever.
            journal.append(None, ended("old"), at(1)).await.unwrap_err();
            let lost = journal.lost().await;
            assert!(matches!(lost, StoreError::LeaseLost { .. }), "{lost}");
            assert!(journal.held().is_err());
            Instant::now()
        },
        async {
            let other = take_over(&database.place()).await;
            (Instant::now(), other)
        }
    );
    let (at_once, other) = taken;
    assert!(stopped < at_once, "it stops first");
    eprintln!(
        "it stopped {:.1} s before another took over",
        (at_once - stopped).as_secs_f64()
    );
    // What was on its way arrives now, and comes too late.
    line.cut(false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = journal.append(None, ended("old"), at(2)).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { .. }), "{error}");
    other.append(None, started("new"), at(3)).await.unwrap();
    let told = steps(&database.place()).await;
    // The write that was cut off may have been made while its lease still held, or not at all.
    assert!(
        [
            vec!["old begun", "new begun"],
            vec!["old begun", "old ended", "new begun"]
        ]
        .contains(&told.iter().map(String::as_str).collect()),
        "{told:?}"
    );
    other.verify_chain().await.unwrap();
}
