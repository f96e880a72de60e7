//! Two reconcilers over one `PostgreSQL` and one estate of real machines: the one that leads is
//! stopped in the middle of a rebuild, the other takes over, and exactly one machine results.

#[path = "../it/postgres.rs"]
#[allow(dead_code, reason = "the other binary uses the rest")]
mod postgres;

use crate::support::Stage;
use postgres::{Database, PASSWORD};
use std::path::Path;
use std::time::{Duration, Instant};

fn configure(stage: &Stage, name: &str, address: &Path) -> String {
    let folder = stage.estate().join(".git/holdfast");
    let text = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    let state = text.lines().find(|line| line.starts_with("state")).unwrap();
    std::fs::create_dir_all(folder.join(name)).unwrap();
    let text = text.replace(state, &format!("state = \"{name}/state.sqlite\""));
    let config = folder.join(format!("{name}.toml"));
    let address = address.display();
    let more = "[run]\ninterval = \"2s\"\nstill_after_start = \"0s\"";
    let text = format!("{text}\n[store]\npostgresql = \"{address}\"\n{more}\n");
    std::fs::write(&config, text).unwrap();
    config.display().to_string()
}

fn serves(stage: &Stage, machine: &str, page: &str, words: &str) -> bool {
    let there = stage.running("notes-").iter().any(|name| name == machine);
    let page = there.then(|| stage.get(machine, page)).flatten();
    page.is_some_and(|page| page.contains(words))
}

#[test]
fn s02_a_leader_that_stands_still_in_a_rebuild_finishes_nothing_and_one_machine_results() {
    let clock = Instant::now();
    let at = |what: &str| eprintln!("{:6.1} s  {what}", clock.elapsed().as_secs_f64());
    let mut stage = Stage::new("several");
    let database = stage.runtime.block_on(Database::new());
    let address = database.address_file();
    let (one, other) = (
        configure(&stage, "one", &address),
        configure(&stage, "other", &address),
    );
    at("lab, estate and database");

    let mut first = stage.start(&["run", "--config", &one]);
    first.until_says("this loop leads");
    let mut second = stage.start(&["run", "--config", &other]);
    second.until_says("stands by: another loop leads");
    let until = Instant::now() + Duration::from_mins(5);
    while !serves(&stage, "notes-e1", "/index.html", "Notes of many people") {
        assert!(Instant::now() < until, "nobody gets in to notes-e1");
        std::thread::sleep(Duration::from_secs(1));
    }
    let write =
        "echo 'a note of the customer' >/var/lib/notes/kept\nchown www-data: /var/lib/notes/kept\n";
    stage.ssh("notes-e1", write).exits(0);
    let until = Instant::now() + Duration::from_mins(1);
    while stage
        .holdfast(&["backup", "notes", "--config", &other])
        .code
        != 0
    {
        assert!(Instant::now() < until, "the journal is never free");
        std::thread::sleep(Duration::from_millis(300));
    }
    at("a commit is real, and a person made a backup through the one that stands by");

    stage.lab(&["destroy", "notes-e1"]).exits(0);
    first.until_says("begins: install notes-e2");
    std::thread::sleep(Duration::from_millis(500));
    first.signal("STOP");
    at("the leader stands still in the middle of a rebuild");
    second.until_says("this loop leads");
    at("the other leads");
    let until = Instant::now() + Duration::from_mins(10);
    let there = || {
        let names = stage.running("notes-");
        names
            .iter()
            .any(|name| serves(&stage, name, "/kept", "a note of the customer"))
    };
    while !there() {
        assert!(
            Instant::now() < until,
            "nobody gets in: {:?}",
            stage.running("notes-")
        );
        std::thread::sleep(Duration::from_secs(1));
    }
    at("rebuilt by the other");
    let served = stage.running("notes-");
    assert_eq!(served.len(), 1, "{served:?}");

    first.signal("CONT");
    first.until_says("running steps are left where they are");
    first.until_says("stands by: another loop leads");
    at("the first goes on, finishes nothing and stands by");
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(stage.running("notes-"), served);
    let second = second.terminate();
    stage.end(second).exits(0);
    let first = first.terminate();
    stage.end(first).exits(0);
    let plan = stage.holdfast(&["plan", "--config", &one, "--format", "json"]);
    assert_eq!(
        plan.json()["steps"],
        serde_json::json!([]),
        "{}",
        plan.stdout
    );
    // One beginning of each step by each, and no end after another took over.
    let log = stage.holdfast(&["log", "notes", "--config", &one]).exits(0);
    eprintln!("{}", log.stdout);
    assert!(!stage.said().contains(PASSWORD));
}
