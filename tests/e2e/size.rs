//! Another size for a customer's machine, in place: what is not to be had is taken back, what is
//! comes with nothing lost, on the same machine and address.

use crate::support::Stage;
use serde_json::Value;
use std::time::Instant;

const SMALL: &str = "machine = { cpus = 2, memory = \"4 GiB\", disk = \"40 GB\" }";
const LARGE: &str = "machine = { cpus = 4, memory = \"8 GiB\", disk = \"40 GB\" }";

const CONTENT: &str = "
cd /var/lib/notes; find . -type f -print0 | sort -z | xargs -0 sha256sum
runuser -u postgres -- psql -XqAt -d notes -c 'select id, body from note order by id'
";
const FILL: &str = r"
echo kept >/var/lib/notes/kept; chown www-data: /var/lib/notes/kept
runuser -u postgres -- psql -XqAt -d notes -c 'set role notes; insert into note (body) select n from generate_series(1, 500) as n'
";

/// What the machine is told of its size at each start.
const TOLD: &str = "cat /var/lib/cloud/seed/nocloud/meta-data";

#[test]
fn another_size_in_place() {
    let begin = Instant::now();
    let stage = Stage::new("size");
    stage.git(&["rm", "-q", "stacks/annex.toml"]);
    stage.git(&["commit", "-qam", "One customer"]);
    let mut play = Play { stage };
    let mut scene = |name: &str, act: fn(&mut Play)| {
        let began = Instant::now();
        act(&mut play);
        eprintln!("scene {name}: {:.1} s", began.elapsed().as_secs_f64());
    };
    scene("a customer has data", filled);
    scene("the type is sold out, and it serves as before", sold_out);
    scene("the next commit gets it", larger);
    scene("and it can be taken back", smaller);
    eprintln!("size: {:.1} s", begin.elapsed().as_secs_f64());
}

struct Play {
    stage: Stage,
}

impl Play {
    fn asks_for(&mut self, from: &str, to: &str, words: &str) {
        if from == to {
            self.stage
                .git(&["commit", "-q", "--allow-empty", "-m", words]);
        } else {
            self.stage.edit("stacks/notes.toml", from, to);
            self.stage.commit(words);
        }
    }

    fn reconcile(&mut self) {
        let ran = self.stage.holdfast(&["reconcile", "--once"]);
        assert_ne!(ran.code, 1, "{}\n{}", ran.stdout, ran.stderr);
    }

    fn content(&self) -> String {
        self.stage.ssh("notes-e1", CONTENT).exits(0).stdout
    }

    /// It serves, and is told that it is of this type.
    fn serves_as(&self, kind: &str) {
        let told = self.stage.ssh("notes-e1", TOLD).exits(0).json();
        assert_eq!(told["instance-type"], kind);
        assert_eq!(self.stage.running("notes-"), ["notes-e1"]);
        self.stage.until_served("notes-e1");
    }

    /// For how long nobody got in, each time that this was measured, in seconds.
    fn shut(&mut self) -> Vec<f64> {
        let log = ["log", "notes", "--format", "json"];
        let log: Value = self.stage.holdfast(&log).exits(0).json();
        let all = log["entries"].as_array().or(log.as_array()).unwrap();
        let shut = all.iter().filter(|told| {
            let text = told["text"].as_str().unwrap_or_default();
            text.contains("nobody got in for")
        });
        shut.map(|told| told["millis"].as_f64().unwrap() / 1000.0)
            .collect()
    }
}

fn filled(play: &mut Play) {
    play.stage.holdfast(&["reconcile", "--once"]).exits(0);
    play.stage.ssh("notes-e1", FILL).exits(0);
    play.serves_as("cx23");
}

fn sold_out(play: &mut Play) {
    let (before, address) = (play.content(), play.stage.address("notes-e1"));
    play.stage
        .lab(&["outage", "hetzner", "--mode", "full"])
        .exits(0);
    play.asks_for(SMALL, LARGE, "Twice as large");
    play.stage
        .holdfast(&["plan"])
        .exits(2)
        .says("resize notes-e1 from cx23 to cx33, in place")
        .says("nobody gets in for");
    play.reconcile();
    play.serves_as("cx23");
    assert_eq!(play.content(), before);
    assert_eq!(play.stage.address("notes-e1"), address);
    play.stage
        .holdfast(&["plan"])
        .says("resource_unavailable")
        .says("notes-e1 serves again as a cx23");
    assert!(play.shut().is_empty());
    play.stage.lab(&["heal", "hetzner"]).exits(0);
}

fn larger(play: &mut Play) {
    let (before, address) = (play.content(), play.stage.address("notes-e1"));
    play.asks_for(LARGE, LARGE, "Try again");
    play.reconcile();
    play.serves_as("cx33");
    assert_eq!(play.content(), before);
    assert_eq!(play.stage.address("notes-e1"), address);
    play.stage
        .holdfast(&["log", "notes"])
        .exits(0)
        .says("notes-e1 is a cx33, by its hoster's word");
    play.stage.holdfast(&["plan"]).says("Nothing to do");
    eprintln!("      nobody got in for {:?} s", play.shut());
    assert_eq!(play.shut().len(), 1);
}

fn smaller(play: &mut Play) {
    let before = play.content();
    play.asks_for(LARGE, SMALL, "It was not needed");
    play.stage
        .holdfast(&["plan"])
        .exits(2)
        .says("nobody gets in for about");
    play.reconcile();
    play.serves_as("cx23");
    assert_eq!(play.content(), before);
    play.stage.holdfast(&["plan"]).says("Nothing to do");
    eprintln!("      nobody got in for {:?} s", play.shut());
}
