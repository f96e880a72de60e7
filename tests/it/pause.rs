//! `pause`, `resume` and `log` at the shell: what is asked for is in the journal, or waits beside
//! it, and no crash loses it.

use super::new_estate::{Estate, err, out};
use super::postgres::Database;
use holdfast::model::ids::StackId;
use holdfast::model::journal::{Entry, Event};
use holdfast::world::store::{Entries as _, Journal, Place, Requests, read_entries};
use jiff::Timestamp;
use serde_json::Value;
use std::path::PathBuf;

fn state(estate: &Estate) -> PathBuf {
    estate.dir.join(".git/holdfast/state.sqlite")
}

const PAUSE: [&str; 6] = ["pause", "acme", "--for", "2h", "--reason", "works"];

fn paused(second: i64) -> Entry {
    let at = Timestamp::from_second(1_764_000_000 + second).unwrap();
    Entry {
        seq: 0,
        at,
        stack: Some(StackId::new("acme")),
        event: Event::Paused {
            until: at,
            reason: format!("{second}"),
        },
    }
}

async fn events(estate: &Estate) -> Vec<(Option<String>, Event)> {
    let entries = read_entries(&state(estate)).await.unwrap();
    let told = entries.into_iter().map(|entry| {
        let stack = entry.stack.map(|stack| stack.to_string());
        (stack, entry.event)
    });
    told.collect()
}

#[tokio::test]
async fn s06_a_pause_is_in_the_journal_when_the_command_has_ended() {
    let estate = Estate::new();
    let said = out(&estate.run(&PAUSE));
    assert!(said.contains("Paused until"), "{said}");
    let all = out(&estate.run(&[
        "pause", "--all", "--for", "3d", "--reason", "away", "--format", "json",
    ]));
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["stacks"], Value::Null);
    assert_eq!(all["reason"], "away");
    let told = events(&estate).await;
    assert!(
        matches!(&told[0], (Some(stack), Event::Paused { reason, .. }) if stack == "acme" && reason == "works"),
        "{told:?}"
    );
    assert!(matches!(&told[1], (None, Event::Paused { .. })), "{told:?}");
    // Its own ends, the one of all does not, and that is said.
    let said = out(&estate.run(&["resume", "acme"]));
    assert!(said.contains("Still held"), "{said}");
    assert!(said.contains("holdfast resume --all"), "{said}");
    let said = out(&estate.run(&["resume", "--all"]));
    assert!(!said.contains("Still held"), "{said}");
    let log = out(&estate.run(&["log", "acme"]));
    assert_eq!(
        log.matches("paused everything but backups").count(),
        2,
        "{log}"
    );
    assert_eq!(log.matches("ended the pause").count(), 2, "{log}");
    assert!(out(&estate.run(&["log", "--since", "2020-01-01"])).contains("#1"));
    let later = estate.run(&["log", "acme", "--since", "2100-01-01", "--format", "json"]);
    let later: Value = serde_json::from_str(&out(&later)).unwrap();
    assert_eq!(later["entries"], serde_json::json!([]));
}

#[tokio::test]
async fn s06_what_is_asked_for_while_another_writes_waits_beside_the_journal_in_its_order() {
    let estate = Estate::new();
    std::fs::create_dir_all(state(&estate).parent().unwrap()).unwrap();
    let journal = Journal::open(&state(&estate)).await.unwrap();
    let said = out(&estate.run(&PAUSE));
    assert!(
        said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
    let said = out(&estate.run(&["resume", "acme", "--format", "json"]));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["left_for"], std::process::id().to_string());
    assert!(events(&estate).await.is_empty());
    assert_eq!(
        Requests::beside(&state(&estate))
            .waiting()
            .await
            .unwrap()
            .len(),
        2
    );
    // The other one crashed before it took them in: whoever comes next does.
    drop(journal);
    out(&estate.run(&PAUSE));
    let told = events(&estate).await;
    let kinds: Vec<bool> = told
        .iter()
        .map(|(_, event)| matches!(event, Event::Paused { .. }))
        .collect();
    assert_eq!(kinds, [true, false, true], "{told:?}");
    assert!(
        Requests::beside(&state(&estate))
            .waiting()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn requests_come_in_the_order_of_their_times_and_stay_until_they_are_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new().await;
    let file = Place::File(folder.path().join("state.sqlite"));
    for place in [file, database.place()] {
        let requests = Requests::beside(&place);
        assert!(requests.waiting().await.unwrap().is_empty());
        for second in [2, 1, 3] {
            requests.leave(&paused(second)).await.unwrap();
        }
        let mut waiting = requests.waiting().await.unwrap();
        let entries: Vec<Entry> = waiting.iter().map(|r| r.entry.clone()).collect();
        assert_eq!(entries, [paused(1), paused(2), paused(3)]);
        // Whoever crashed between the journal and this takes it in twice.
        let mut again = requests.waiting().await.unwrap();
        requests.taken_in(waiting.remove(0)).await.unwrap();
        requests.taken_in(again.remove(0)).await.unwrap();
        assert_eq!(requests.waiting().await.unwrap().len(), 2);
    }
}

#[test]
fn what_can_be_no_pause_is_refused_and_says_why() {
    let estate = Estate::new();
    let pause = |stack: &str, length: &str, reason: &str| {
        err(&estate.run(&["pause", stack, "--for", length, "--reason", reason]))
    };
    assert!(pause("acme", "40d", "works").contains("31 days"));
    assert!(pause("acme", "0h", "works").contains("some time"));
    assert!(pause("acme", "2", "works").contains("no unit"));
    assert!(pause("acme", "2h", " ").contains("reason"));
    assert!(pause("acne", "2h", "works").contains("did you mean"));
    let works = ["--for", "2h", "--reason", "works"];
    err(&estate.run(&[&["pause"][..], &works].concat()));
    err(&estate.run(&[&["pause", "acme", "--all"][..], &works].concat()));
    err(&estate.run(&["pause", "acme", "--for", "2h"]));
    err(&estate.run(&["resume"]));
    assert!(err(&estate.run(&["log", "acne"])).contains("did you mean"));
    assert!(!state(&estate).exists(), "nothing was written");
}

#[tokio::test]
async fn a_journal_from_before_there_were_pauses_is_read_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let old = r#"{"event":"started","step":"acme.create.acme-e1","action":"create acme-e1"}"#;
    let event: Event = serde_json::from_str(old).unwrap();
    let journal = Journal::open(&path).await.unwrap();
    journal.append(None, event, paused(0).at).await.unwrap();
    let resumed = serde_json::to_value(Event::Resumed {}).unwrap();
    assert_eq!(resumed, serde_json::json!({ "event": "resumed" }));
    journal
        .append(None, Event::Resumed {}, paused(1).at)
        .await
        .unwrap();
    assert_eq!(journal.entries().await.unwrap().len(), 2);
}
