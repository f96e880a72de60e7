//! `kill -9` right after chosen entries of the journal, on real machines: while a customer is
//! installed, rebuilt, drilled, given another backup machine, moved and retired. Whoever comes
//! next ends where nobody would have died: one machine serves, nothing is there twice, nothing
//! is left behind, and everything that users wrote is there.
//!
//! The simulated world dies before and after every single entry (`tests/it/sim`); here it is a
//! real process, a real file and real machines.

use crate::backup_move::{NEW, OLD, keep_points_elsewhere};
use crate::support::Stage;
use holdfast::decide::history::History;
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::world::store::read_entries;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// After which entry the process is killed.
type Last = (&'static str, fn(&Event) -> bool);

fn begun(event: &Event, of: &str) -> bool {
    matches!(event, Event::Started { step, .. } if step.as_str().starts_with(of))
}

fn done(event: &Event, of: &str) -> bool {
    let Event::Ended { step, result, .. } = event else {
        return false;
    };
    *result == StepResult::Done && step.as_str().starts_with(of)
}

const INSTALL: [Last; 4] = [
    ("a server is asked for", |e| {
        begun(e, "notes.create.notes-e1")
    }),
    (
        "a server is there",
        |e| matches!(e, Event::Created { machine, .. } if machine.as_str() == "notes-e1"),
    ),
    ("empty state is being made", |e| {
        begun(e, "notes.initialise.")
    }),
    ("users are let in", |e| matches!(e, Event::Opened { .. })),
];

const REBUILD: [Last; 4] = [
    ("another server is asked for", |e| {
        begun(e, "notes.create.notes-e2")
    }),
    ("the old one is fenced", |e| {
        matches!(e, Event::Fenced { .. })
    }),
    ("a point is being loaded", |e| begun(e, "notes.load.")),
    ("its data is there", |e| done(e, "notes.load.")),
];

const DRILL: [Last; 2] = [
    ("a drill's machine is there", |e| {
        matches!(e, Event::Created { .. })
    }),
    ("a drill's machine is loaded", |e| begun(e, "notes.load.")),
];

const BACKUP_MOVE: [Last; 3] = [
    ("a backup machine is asked for", |e| {
        begun(e, "estate.create.")
    }),
    ("points are being copied", |e| begun(e, "notes.copy.")),
    ("points are copied", |e| matches!(e, Event::Copied { .. })),
];

const MOVE: [Last; 4] = [
    ("users are shut out", |e| matches!(e, Event::Closed { .. })),
    ("the last point is proven", |e| {
        matches!(e, Event::Proven { .. })
    }),
    ("the old one is being fenced", |e| begun(e, "notes.fence.")),
    ("users are let in elsewhere", |e| {
        matches!(e, Event::Opened { .. })
    }),
];

const RETIREMENT: [Last; 3] = [
    ("a stack is shut", |e| matches!(e, Event::Closed { .. })),
    ("its last point is being taken", |e| {
        begun(e, "notes.backup.")
    }),
    ("it is being set aside", |e| begun(e, "notes.quarantine.")),
];

struct Play {
    stage: Stage,
    begin: Instant,
    content: String,
    kills: usize,
}

#[test]
#[ignore = "it takes minutes: make disasters"]
fn s06_killed_after_chosen_entries_of_everything_it_ends_in_order() {
    let mut play = Play {
        stage: Stage::new("kills"),
        begin: Instant::now(),
        content: String::new(),
        kills: 0,
    };
    std::fs::remove_file(play.stage.estate().join("stacks/annex.toml")).unwrap();
    play.stage.git(&["add", "-A"]);
    play.stage.git(&["commit", "-m", "One customer only"]);
    play.installed();
    play.rebuilt();
    play.drilled();
    play.backed_up_elsewhere();
    play.moved();
    play.retired();
    assert!(play.kills >= 10, "{} kills", play.kills);
    play.told(&format!("{} kills", play.kills));
}

impl Play {
    fn told(&self, what: &str) {
        eprintln!("{:6.1} s  {what}", self.begin.elapsed().as_secs_f64());
    }

    fn entries(&self) -> Vec<Entry> {
        let path = self.stage.estate().join(".git/holdfast/state.sqlite");
        // Nobody has made it yet, or somebody is about to.
        let read = self.stage.runtime.block_on(read_entries(&path));
        read.unwrap_or_default()
    }

    /// One process after the other dies right after one of these entries. One that comes to its
    /// end before, because a new machine does not answer yet, is followed by another.
    #[track_caller]
    fn dies(&mut self, arguments: &[&str], all: &[Last]) {
        for (what, is_last) in all {
            let until = Instant::now() + Duration::from_mins(3);
            let mut known = self.entries().len();
            let mut running = self.stage.start(arguments);
            let last = loop {
                let ended = running.has_ended();
                let entries = self.entries();
                let mut new = entries.iter().skip(known);
                if let Some(last) = new.find(|entry| is_last(&entry.event)) {
                    assert!(!ended, "{what}: killed too late");
                    break last.seq;
                }
                if ended {
                    known = entries.len();
                    let said = running.kill();
                    assert!(Instant::now() < until, "{what}: never; {said}");
                    self.stage.hear(&said);
                    std::thread::sleep(Duration::from_secs(1));
                    running = self.stage.start(arguments);
                }
                std::thread::sleep(Duration::from_millis(1));
            };
            let said = running.kill();
            self.stage.hear(&said);
            self.kills += 1;
            let more = self.entries().len() - usize::try_from(last).unwrap();
            self.told(&format!("killed: {what} (entry {last}, {more} more)"));
        }
    }

    /// The next ones bring it to its end, and there is nothing left to do.
    #[track_caller]
    fn settles(&mut self) {
        let until = Instant::now() + Duration::from_mins(2);
        while self.stage.holdfast(&["reconcile", "--once"]).code != 0 {
            assert!(Instant::now() < until, "it never comes to rest");
        }
        let plan = self.stage.holdfast(&["plan"]).exits(0);
        plan.says("Nothing to do.");
    }

    /// One machine serves, with everything; and each machine is there once, and known.
    #[track_caller]
    fn whole(&mut self, serving: &str) {
        assert_eq!(self.stage.running("notes-"), [serving]);
        let page = self.stage.get(serving, "/index.html");
        let page = page.expect("nobody gets in");
        assert!(page.contains("Notes of many people"), "{page}");
        assert_eq!(
            self.stage.lookup("notes.example"),
            self.stage.address(serving)
        );
        if !self.content.is_empty() {
            assert_eq!(self.stage.notes_on(serving), self.content);
        }
        self.accounted_for();
        self.told(&format!("{serving} serves, and nothing is left behind"));
    }

    /// What hosters list and what the journal knows is the same.
    #[track_caller]
    fn accounted_for(&self) {
        let entries = self.entries();
        let past = History::from_entries(&entries);
        let mut made: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &entries {
            if let Event::Created { machine, .. } = &entry.event {
                *made.entry(machine.as_str()).or_default() += 1;
            }
        }
        let twice: Vec<_> = made.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "made more than once: {twice:?}");
        let (_, look) = self.stage.look();
        let hosters = look.observed.hosters.values();
        let inventories: Vec<_> = hosters.map(|seen| seen.as_ref().unwrap()).collect();
        for machine in inventories.iter().flat_map(|all| &all.machines) {
            let name = &machine.name;
            assert!(past.machines.contains_key(name), "nobody knows {name}");
            assert!(
                !name.as_str().contains("drill"),
                "{name} is left of a drill"
            );
        }
        // The lab's own list: nothing without a label either.
        for name in self
            .stage
            .machines(|machine| machine["hoster"] == "hetzner")
        {
            assert!(
                past.machines.keys().any(|known| known.as_str() == name),
                "{name} stands at hetzner, and nobody knows it"
            );
        }
    }

    fn installed(&mut self) {
        self.dies(&["reconcile", "--once"], &INSTALL);
        self.settles();
        self.whole("notes-e1");
        let write = "cd /var/lib/notes\n\
            head -c 20000000 /dev/urandom >big\n\
            chown -R www-data:www-data .\n\
            runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) select 'note ' || n from generate_series(1, 500) as n\"\n";
        self.stage.ssh("notes-e1", write).exits(0);
        self.content = self.stage.notes_on("notes-e1");
        self.stage.holdfast(&["backup", "notes"]).exits(0);
    }

    fn rebuilt(&mut self) {
        self.stage.lab(&["destroy", "notes-e1"]).exits(0);
        self.dies(&["reconcile", "--once"], &REBUILD);
        self.settles();
        self.whole("notes-e2");
    }

    fn drilled(&mut self) {
        self.dies(&["drill", "notes"], &DRILL);
        self.settles();
        self.stage.holdfast(&["drill", "notes"]).exits(0);
        self.whole("notes-e2");
    }

    fn backed_up_elsewhere(&mut self) {
        keep_points_elsewhere(&self.stage);
        self.dies(&["reconcile", "--once"], &BACKUP_MOVE);
        self.settles();
        self.whole("notes-e2");
        let past = History::from_entries(&self.entries());
        for name in [OLD, NEW] {
            assert!(
                past.machines.keys().any(|known| known.as_str() == name),
                "{name}"
            );
        }
    }

    fn moved(&mut self) {
        self.stage.edit(
            "stacks/notes.toml",
            "hoster = \"hetzner\"",
            "hoster = \"hetzner\"\nsite = \"hel1\"",
        );
        self.stage.commit("Move Notes to hel1");
        self.dies(&["reconcile", "--once"], &MOVE);
        self.settles();
        self.whole("notes-e3");
    }

    /// Nobody is served, and everything is kept.
    fn retired(&mut self) {
        let before = self.points();
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        self.stage.edit(
            "stacks/notes.toml",
            "[stack]\n",
            &format!("[stack]\nretired = \"{today}\"\n"),
        );
        self.stage.commit("Notes has ended");
        self.dies(&["reconcile", "--once"], &RETIREMENT);
        // Nothing is left but what is a person's to do.
        let ran = self.stage.holdfast(&["reconcile", "--once"]);
        ran.says("Nothing to do; 1 held.")
            .says("removing the record of notes.example");
        assert_eq!(self.stage.running("notes-"), Vec::<String>::new());
        self.accounted_for();
        assert!(self.points() > before, "its last point is missing");
        let (_, look) = self.stage.look();
        let hosters = look.observed.hosters.values().flatten();
        let mut machines = hosters.flat_map(|inventory| &inventory.machines);
        let last = machines.find(|machine| machine.name.as_str() == "notes-e3");
        assert!(last.is_some_and(|machine| machine.quarantined), "{last:?}");
    }

    fn points(&mut self) -> usize {
        let listed = self
            .stage
            .holdfast(&["points", "notes", "--format", "json"]);
        let listed = listed.exits(0).json();
        let points = listed["points"].as_array().unwrap();
        points.iter().filter(|p| p["rung"] != "taken").count()
    }
}
