//! Two loops of `holdfast run` over one `PostgreSQL`: one leads, the other stands by.

use super::people::People;
use super::postgres::{Database, PASSWORD};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A loop of its own over the shared journal, as on a computer of its own.
struct Reconciler<'a> {
    people: &'a People,
    config: PathBuf,
    log: PathBuf,
    child: Child,
}

impl<'a> Reconciler<'a> {
    fn begin(people: &'a People, name: &str, address: &Path, run: &str) -> Self {
        let text = fs::read_to_string(&people.made.config).unwrap();
        let text = text.replace("state.sqlite", &format!("{name}/state.sqlite"));
        let text = format!(
            "{text}\n[store]\npostgresql = {:?}\n[run]\ninterval = \"2s\"\n{run}\n",
            address.display().to_string()
        );
        let config = people.made.config.with_file_name(format!("{name}.toml"));
        fs::create_dir_all(people.made.config.with_file_name(name)).unwrap();
        fs::write(&config, text).unwrap();
        let log = people.beside(&format!("{name}.log"));
        let child = people
            .command("anna", Path::new(env!("CARGO_BIN_EXE_holdfast")))
            .args(["run", "--log", "json", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self {
            people,
            config,
            log,
            child,
        }
    }

    fn process(&self) -> String {
        format!("process {}", self.child.id())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until its log says this so often.
    fn until_said(&self, words: &str, times: usize) {
        let until = Instant::now() + Duration::from_secs(90);
        while self.log().matches(words).count() < times {
            assert!(Instant::now() < until, "{words}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A person's command with its configuration.
    fn run(&self, args: &[&str]) -> super::people::Said {
        let config = self.config.to_str().unwrap();
        let all: Vec<&str> = args.iter().copied().chain(["--config", config]).collect();
        self.people.run("anna", &all)
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Reconciler<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LEADS: &str = "this loop leads\"";
const STANDS_BY: &str = "stands by: another loop leads";
const HELD: &str = "nothing destructive happens in the first";

#[test]
fn s02_s08_one_of_two_loops_leads_and_whoever_takes_over_destroys_nothing_at_first() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(Database::new());
    let address = database.address_file();
    let people = super::run_command::without_customers();
    let one = Reconciler::begin(&people, "one", &address, "still_after_start = \"1s\"");
    one.until_said(LEADS, 1);
    let other = Reconciler::begin(&people, "other", &address, "");
    other.until_said(STANDS_BY, 1);
    assert!(other.log().contains(&one.process()), "{}", other.log());
    // A loop that leads without a break is held once, and then no more.
    one.until_said("\"ending\":\"settled\"", 1);

    // A person works between its passes, from either computer, and does not make it another.
    let status = other.run(&["status"]);
    assert!(status.out.contains(&one.process()), "{status:?}");
    let paused = other.run(&["pause", "--all", "--for", "1h", "--reason", "works"]);
    assert_eq!(paused.code, 0, "{paused:?}");
    let until = Instant::now() + Duration::from_secs(30);
    while !one.run(&["log"]).out.contains("works") {
        assert!(Instant::now() < until, "{:?}", one.run(&["log"]));
    }

    one.signal("STOP");
    let began = Instant::now();
    other.until_said(LEADS, 1);
    eprintln!("taken over after {:.1} s", began.elapsed().as_secs_f64());
    other.until_said(HELD, 1);
    assert!(
        other.log().contains("the loop has led for"),
        "{}",
        other.log()
    );
    one.signal("CONT");
    one.until_said(STANDS_BY, 1);
    assert!(one.log().contains(&other.process()), "{}", one.log());

    // Stopped in good order it lets go at once, and the first begins a new term.
    other.signal("TERM");
    one.until_said(LEADS, 2);
    one.until_said("the loop has led for", 2);
    for log in [one.log(), other.log()] {
        assert!(!log.contains(PASSWORD), "{log}");
    }
}
