//! What the backup machines remember of the reconciler, and what follows when it knows less.

use crate::people::People;
use crate::plan_world::{BACKUP, HETZNER, World, acme, hoster, machine};
use async_trait::async_trait;
use base64::Engine as _;
use holdfast::decide::anchor::{doubt, open, seal, told_since};
use holdfast::decide::derive::EstateKey;
use holdfast::flow::anchor::{Doubts, doubts, drop_anchor, read};
use holdfast::flow::apply::{Report, StepRecord};
use holdfast::flow::book::Book;
use holdfast::flow::estate;
use holdfast::flow::projection::Projection;
use holdfast::flow::session::{self, Session};
use holdfast::flow::standing::Standing;
use holdfast::model::anchor::{Anchor, Seals};
use holdfast::model::forecast::Forecast;
use holdfast::model::ids::{CommitId, EstateName, StackId, StepId};
use holdfast::model::journal::Event;
use holdfast::model::machine::Role;
use holdfast::model::plan::{Action, Cause, Effect, Hold, Step, Why};
use holdfast::model::secret::Secret;
use holdfast::world::clock::SystemClock;
use holdfast::world::machine::{Answered, Contact, MachineError, Script, Transport};
use holdfast::world::store::{Journal, Place, seals};
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn key(byte: u8) -> EstateKey {
    EstateKey::new(Secret::new(vec![byte; 32])).unwrap()
}

fn anchor(seq: i64, hash: &str) -> Anchor {
    Anchor {
        estate: EstateName::new("example"),
        head: CommitId::new("a".repeat(40)),
        generation: 3,
        first: "x".into(),
        seq,
        hash: hash.into(),
        at: "2026-03-02T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn s09_an_anchor_opens_for_the_key_that_sealed_it_and_as_it_was_sealed() {
    let sealed = seal(&key(7), &anchor(2, "b")).unwrap();
    assert_eq!(open(&key(7), &sealed), Some(anchor(2, "b")));
    assert_eq!(open(&key(8), &sealed), None, "another estate's");
    let mut tampered = sealed.clone();
    tampered.text = tampered.text.replace("\"seq\":2", "\"seq\":1");
    assert_ne!(tampered.text, sealed.text);
    assert_eq!(open(&key(7), &tampered), None);
}

fn sealed(all: &[&str]) -> Seals {
    let all = all.iter().map(|seal| (*seal).to_owned());
    Seals((1..).zip(all).collect())
}

#[test]
fn s09_less_history_than_anchored_is_doubted_and_more_is_not() {
    let seals = sealed(&["x", "b", "c"]);
    let said = |seq, hash, seals: &Seals, descends| {
        let doubt = doubt(&anchor(seq, hash), seals, descends);
        assert_eq!(doubt.told, None, "it is the same journal");
        doubt.freeze.map(|freeze| freeze.reason)
    };
    assert_eq!(said(2, "b", &seals, true), None, "it grew");
    assert_eq!(said(3, "c", &seals, true), None, "the same");
    let cut = said(3, "c", &sealed(&["x", "b"]), true).unwrap();
    assert!(cut.contains("ends at entry 2"), "{cut}");
    let forked = said(2, "z", &seals, true).unwrap();
    assert!(forked.contains("entry 2"), "{forked}");
    let back = said(2, "b", &seals, false).unwrap();
    assert!(back.contains("does not descend"), "{back}");
}

#[test]
fn s09_a_journal_that_was_begun_anew_is_told_and_freezes_nothing_but_a_head_set_back_does() {
    for seals in [&[][..], &["n"], &["n", "o", "p"]] {
        let seals = &sealed(seals);
        let said = doubt(&anchor(2, "b"), seals, true);
        assert_eq!(said.freeze, None, "{seals:?}");
        let told = said.told.unwrap();
        let Hold::Forbidden { rule, reason } = &told.hold else {
            panic!("{told:?}");
        };
        assert_eq!(rule, "anchor");
        assert!(
            reason.contains("begun anew")
                && reason.contains("2026-03-02 12:00 UTC")
                && reason.contains("2 entries"),
            "{reason}"
        );
        let back = doubt(&anchor(2, "b"), seals, false);
        assert!(back.told.is_some());
        let frozen = back.freeze.unwrap().reason;
        assert!(frozen.contains("does not descend"), "{frozen}");
    }
}

#[test]
fn what_a_former_backup_machine_remembers_of_a_lost_journal_is_told_until_the_next_backup() {
    let seals = sealed(&["n"]);
    let former = anchor(2, "b");
    let later = |first: &str, minutes| Anchor {
        first: first.into(),
        at: former.at + jiff::SignedDuration::from_mins(minutes),
        ..former.clone()
    };
    assert!(!told_since(&former, std::slice::from_ref(&former), &seals));
    assert!(!told_since(
        &former,
        &[former.clone(), later("y", 5)],
        &seals
    ));
    assert!(!told_since(
        &former,
        &[former.clone(), later("n", -5)],
        &seals
    ));
    assert!(told_since(
        &former,
        &[former.clone(), later("n", 5)],
        &seals
    ));
}

/// A backup machine that keeps an anchor, as its scripts do; reading it may fail.
#[derive(Default)]
struct Vault(Mutex<Option<Value>>, AtomicBool);

#[async_trait]
impl Transport for Vault {
    async fn run(&self, contact: &Contact, script: Script, input: &Secret) -> Answered {
        assert_eq!(contact.machine.as_str(), BACKUP);
        let mut kept = self.0.lock().unwrap();
        if script.name == "anchor-read" {
            if self.1.load(Ordering::SeqCst) {
                return Err(MachineError::Unreachable {
                    machine: contact.machine.clone(),
                    detail: "its disk does not answer".into(),
                });
            }
            return Ok(vec![json!({ "anchor": *kept })]);
        }
        assert_eq!(script.name, "anchor-keep");
        let line = String::from_utf8(input.expose().to_vec()).unwrap();
        let word = line.trim_end().strip_prefix("anchor\t").unwrap();
        let text = base64::engine::general_purpose::STANDARD
            .decode(word)
            .unwrap();
        *kept = Some(serde_json::from_slice(&text).unwrap());
        Ok(vec![json!({ "kept": true })])
    }
}

/// A session over this world and that vault; its journal is the people's.
fn session(people: &People, world: &World, vault: &Arc<Vault>) -> Arc<Session> {
    let looking = Book::Reading(Place::File("nowhere".into()), Arc::default());
    session_with(people, world, vault, looking)
}

fn session_with(people: &People, world: &World, vault: &Arc<Vault>, book: Book) -> Arc<Session> {
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let mut desired = world.want.clone();
    let standing = Standing::new(&config, &estate.commit);
    desired.commit = standing.head.clone();
    // The way onto an ordered machine is known from the inventory.
    let netcup = hoster("netcup");
    let listed = &world.inventories[&netcup];
    let seen = listed
        .machines
        .iter()
        .find(|m| m.role == Role::Backup)
        .unwrap();
    let account = desired.hosters.get_mut(&netcup).unwrap();
    account.pool.push(holdfast::model::desired::PoolMachine {
        name: machine(&seen.provider_id),
        address: seen.address,
        port: seen.port,
        host_key: "ssh-ed25519 AAAA".into(),
        site: seen.site.clone().unwrap(),
        image: seen.image.clone().unwrap(),
    });
    let outside = session::World {
        hosters: BTreeMap::new(),
        transport: vault.clone(),
        names: None,
        clock: Arc::new(SystemClock),
    };
    let session = Session::new(desired, key(7), outside, book, standing);
    session.learn(&netcup, listed);
    Arc::new(session)
}

/// A run in which acme was backed up.
fn backed_up() -> Report {
    let step = Step {
        id: StepId::new("acme.backup.acme-e1"),
        stack: Some(StackId::new("acme")),
        action: Action::Backup {
            machine: machine("acme-e1"),
            to: machine(BACKUP),
            ahead: false,
        },
        effect: Effect::Safe,
        why: Why {
            reason: "due".into(),
            place: None,
            line: None,
            cause: Cause::Reality,
        },
        after: Vec::new(),
        forecast: Forecast::default(),
    };
    Report {
        steps: vec![StepRecord {
            step,
            began: Duration::ZERO,
            took: Duration::ZERO,
            error: None,
        }],
        ..Report::default()
    }
}

async fn write_down(people: &People, entries: usize) {
    let journal = Journal::open(&people.config().state).await.unwrap();
    for _ in 0..entries {
        let commit = CommitId::new(people.head());
        journal
            .append(None, Event::Accepted { commit }, Timestamp::now())
            .await
            .unwrap();
    }
    journal.close().await;
}

/// The journal's files, with what stands in them.
fn copy(people: &People) -> Vec<(PathBuf, Vec<u8>)> {
    let state = people.config().state;
    let files = std::fs::read_dir(state.parent().unwrap()).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| {
            path.to_string_lossy()
                .starts_with(&*state.to_string_lossy())
        })
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect()
}

fn lose(people: &People) {
    for (path, _) in copy(people) {
        std::fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn s09_a_journal_whose_end_was_cut_off_is_noticed_and_stays_noticed() {
    let (people, world, vault) = (
        People::together(),
        World::running(acme(HETZNER)),
        Arc::default(),
    );
    write_down(&people, 2).await;
    let old = copy(&people);
    write_down(&people, 1).await;
    let before = session(&people, &world, &vault);
    assert!(
        read(&before, &world.seen()).await.0.is_empty(),
        "there is none yet"
    );
    drop_anchor(&before, &backed_up(), &[]).await;
    let (anchors, _) = read(&before, &world.seen()).await;
    assert_eq!((anchors[0].seq, anchors[0].generation), (3, 1));
    assert_eq!(anchors[0].head.as_str(), people.head());
    let nothing = Doubts::default();
    assert_eq!(doubts(&before, &anchors).await.unwrap(), nothing);
    // It grows, and nothing is doubted.
    write_down(&people, 1).await;
    assert_eq!(doubts(&before, &anchors).await.unwrap(), nothing);
    // An old copy: the chain itself is whole.
    lose(&people);
    for (path, bytes) in &old {
        std::fs::write(path, bytes).unwrap();
    }
    let state = people.config().state;
    assert_eq!(seals(&state, &[]).await.unwrap().length(), 2);
    let doubted = doubts(&before, &anchors).await.unwrap();
    assert_eq!((doubted.freezes.len(), doubted.told.len()), (1, 0));
    let reason = &doubted.freezes[0].reason;
    assert!(reason.contains("ends at entry 2"), "{reason}");
    // A later backup does not make it forgotten.
    drop_anchor(&before, &backed_up(), &doubted.freezes).await;
    assert_eq!(read(&before, &world.seen()).await.0, anchors);
    // Nor does it help that the old copy went on otherwise.
    write_down(&people, 3).await;
    let forked = doubts(&before, &anchors).await.unwrap();
    assert!(
        forked.freezes[0].reason.contains("entry 3 of the journal"),
        "{forked:?}"
    );
}

/// No backup machine remembers anything yet: the loop itself does.
#[tokio::test]
async fn s09_a_journal_that_shrank_under_the_loop_holds_what_destroys() {
    let (people, world, vault) = (
        People::together(),
        World::running(acme(HETZNER)),
        Arc::default(),
    );
    let place = Place::from(&people.config().state);
    let known = Arc::new(Projection::default());
    for (entries, back) in [(3, None), (2, Some("entry 3 of the journal"))] {
        lose(&people);
        write_down(&people, entries).await;
        let journal = Journal::take(&place).await.unwrap();
        let session = session_with(
            &people,
            &world,
            &vault,
            Book::writing_on(journal, known.clone()),
        );
        assert_eq!(session.history().await.unwrap().heads.len(), entries);
        let doubted = doubts(&session, &[]).await.unwrap();
        let reasons: Vec<String> = doubted.freezes.into_iter().map(|f| f.reason).collect();
        match back {
            None => assert_eq!(reasons, [""; 0]),
            Some(words) => assert!(reasons.len() == 1 && reasons[0].contains(words)),
        }
    }
}

#[tokio::test]
async fn s09_seals_of_a_journal_without_its_beginning_are_none() {
    let people = People::together();
    write_down(&people, 3).await;
    let path = people.config().state;
    let address = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    for statement in [
        "DROP TRIGGER journal_is_never_shortened",
        "DELETE FROM journal WHERE seq = 1",
    ] {
        let done = sqlx::query(statement).execute(&mut connection).await;
        done.unwrap();
    }
    connection.close().await.unwrap();
    let error = seals(&path, &[2]).await.unwrap_err();
    assert!(error.to_string().contains("entry 1"), "{error}");
}

#[tokio::test]
async fn s09_a_lost_journal_is_told_until_the_next_backup_and_stops_nothing() {
    let (people, world, vault) = (
        People::together(),
        World::running(acme(HETZNER)),
        Arc::default(),
    );
    write_down(&people, 3).await;
    let session = session(&people, &world, &vault);
    drop_anchor(&session, &backed_up(), &[]).await;
    let (anchors, _) = read(&session, &world.seen()).await;
    lose(&people);
    for entries in [0, 5] {
        write_down(&people, entries).await;
        let doubted = doubts(&session, &anchors).await.unwrap();
        assert_eq!((doubted.freezes.len(), doubted.told.len()), (0, 1));
    }
    drop_anchor(&session, &backed_up(), &[]).await;
    let (anew, _) = read(&session, &world.seen()).await;
    assert_eq!(anew[0].seq, 5);
    assert_eq!(
        doubts(&session, &anew).await.unwrap(),
        Doubts::default(),
        "the next backup ends it"
    );
}

#[tokio::test]
async fn s09_a_head_that_was_set_back_with_the_whole_computer_is_noticed() {
    let (people, world, vault) = (
        People::together(),
        World::running(acme(HETZNER)),
        Arc::default(),
    );
    write_down(&people, 1).await;
    people.rename("Acme & Sons", "anna");
    let newest = session(&people, &world, &vault);
    drop_anchor(&newest, &backed_up(), &[]).await;
    people.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let older = session(&people, &world, &vault);
    let (anchors, _) = read(&older, &world.seen()).await;
    let freezes = doubts(&older, &anchors).await.unwrap().freezes;
    assert!(
        freezes[0].reason.contains("does not descend"),
        "{freezes:?}"
    );
    assert_eq!(freezes[0].rule, "anchor");
}

#[tokio::test]
async fn an_anchor_that_we_did_not_sign_says_nothing() {
    let (people, world) = (People::together(), World::running(acme(HETZNER)));
    write_down(&people, 1).await;
    let foreign = json!(seal(&key(8), &anchor(99, "z")).unwrap());
    let vault = Arc::new(Vault(Mutex::new(Some(foreign)), AtomicBool::new(false)));
    let session = session(&people, &world, &vault);
    assert_eq!(read(&session, &world.seen()).await, (vec![], vec![]));
    // No backup, no anchor.
    drop_anchor(&session, &Report::default(), &[]).await;
    assert!(
        vault.0.lock().unwrap().as_ref().unwrap()["text"]
            .as_str()
            .unwrap()
            .contains("99")
    );
}

#[tokio::test]
async fn s09_an_anchor_that_cannot_be_read_is_a_gap_and_is_not_replaced() {
    let (people, world) = (People::together(), World::running(acme(HETZNER)));
    write_down(&people, 1).await;
    let vault = Arc::new(Vault::default());
    let session = session(&people, &world, &vault);
    drop_anchor(&session, &backed_up(), &[]).await;
    let kept = vault.0.lock().unwrap().clone();
    assert!(kept.is_some());
    write_down(&people, 2).await;
    vault.1.store(true, Ordering::SeqCst);
    let (anchors, gaps) = read(&session, &world.seen()).await;
    assert_eq!(anchors, []);
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].subject.contains(BACKUP), "{gaps:?}");
    drop_anchor(&session, &backed_up(), &[]).await;
    assert_eq!(*vault.0.lock().unwrap(), kept);
}
