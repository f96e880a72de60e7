//! A planned move of a customer with half a gigabyte, who goes on writing until shut out; the same
//! taken back when it does not go well.

use crate::support::Stage;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Files that nothing makes smaller, and rows.
const FILL: &str = r"
cd /var/lib/notes
for n in $(seq 1 96); do head -c 4194304 /dev/urandom >big-$n; done
mkdir many; for n in $(seq 1 2000); do echo note $n >many/$n; done
chown -R www-data: .
runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d notes <<'END'
set role notes;
insert into note (body) select 'note ' || n from generate_series(1, 5000) as n;
END
";

/// Somebody who writes, changes and removes as long as anybody is let in.
const USER: &str = r"
cat >/root/user <<'END'
cd /var/lib/notes
n=0
while grep -qx open /etc/holdfast/gate; do
    n=$((n + 1))
    echo $n >written-$n
    echo $n >>many/$n
    # More often, and no backup would ever see all files twice.
    if [ $((n % 50)) = 0 ]; then rm -f many/$((1000 + n)); fi
    dd if=/dev/urandom of=big-$((n % 4 + 1)) bs=64k seek=$((n % 60)) count=1 conv=notrunc 2>/dev/null
    sleep 0.2
done
END
systemd-run -q --unit=user sh /root/user
";

const CONTENT: &str = "
cd /var/lib/notes; find . -type f -print0 | sort -z | xargs -0 sha256sum
find . -printf '%P %m %u %g %l\\n' | sort
systemctl start postgresql 2>/dev/null || true
runuser -u postgres -- psql -XqAt -d notes -c 'select id, body from note order by id'
";

/// For so many seconds others remember where its name leads.
const REMEMBERED: u64 = 100;

/// Longer than a test waits for anything by itself.
const LONG: Duration = Duration::from_mins(8);

// What is held for want of room on this computer is not looked at here: exit codes of runs are not.
struct Play {
    stage: Stage,
}

#[test]
#[ignore = "it takes minutes: make disasters"]
fn closed_window_of_a_move() {
    let begin = Instant::now();
    let stage = Stage::new("window");
    stage.git(&["rm", "-q", "stacks/annex.toml"]);
    stage.git(&["commit", "-qam", "One customer"]);
    let mut play = Play { stage };
    let mut scene = |name: &str, act: fn(&mut Play)| {
        let began = Instant::now();
        act(&mut play);
        eprintln!("scene {name}: {:.1} s", began.elapsed().as_secs_f64());
    };
    scene("half a gigabyte is in use and saved", filled);
    scene(
        "users write until they are shut out, and find all of it",
        moved,
    );
    scene("a check fails, and the old machine opens again", taken_back);
    scene("the next commit moves it after all", after_all);
    eprintln!("closed window: {:.1} s", begin.elapsed().as_secs_f64());
}

fn filled(play: &mut Play) {
    let (from, to) = ("ttl = \"60s\"", format!("ttl = \"{REMEMBERED}s\""));
    play.stage.edit("estate.toml", from, &to);
    play.stage.commit("Names are remembered for longer");
    play.stage.holdfast(&["reconcile", "--once"]);
    play.stage.ssh("notes-e1", FILL).exits(0);
    play.stage.holdfast(&["backup", "notes"]).exits(0);
}

fn moved(play: &mut Play) {
    // What a fetch of all of it takes here, measured by a drill.
    let drill = ["drill", "notes", "--format", "json"];
    let drill = play.stage.holdfast(&drill).exits(0).json();
    let phases = drill["evidence"]["phases"].as_array().unwrap().iter();
    let whole: u64 = phases
        .filter(|phase| phase["name"] == "fetch")
        .map(|phase| phase["millis"].as_u64().unwrap())
        .sum();
    play.stage.ssh("notes-e1", USER).exits(0);
    play.stage.edit(
        "stacks/notes.toml",
        "hoster = \"hetzner\"",
        "hoster = \"hetzner\"\nsite = \"fsn1\"",
    );
    play.stage.commit("Move Notes to another site");
    play.lowered_ahead("notes-e1");
    play.stage
        .holdfast(&["plan"])
        .exits(3)
        .says("nobody gets in for at least")
        .says("ahead, while users go on");
    let moved = play.stage.holdfast(&["reconcile", "--once"]);
    assert_ne!(moved.code, 1, "{}\n{}", moved.stdout, moved.stderr);
    let steps = play.steps();
    let order = [
        "notes.lower-ttl.notes.example",
        "notes.pre-copy.notes-e2",
        "notes.backup-ahead.notes-e1",
        "notes.catch-up.notes-e2",
        "notes.close.notes-e1",
        "notes.backup.notes-e1",
        "notes.fetch.notes-e2",
        "notes.load.notes-e2",
        "notes.check.notes-e2",
        "notes.fence.notes-e1",
        "notes.open.notes-e2",
        "notes.usual-ttl.notes.example",
    ];
    let place = |id: &&str| steps.iter().rposition(|(step, _)| step == id).expect(id);
    let places: Vec<usize> = order.iter().map(place).collect();
    assert!(places.is_sorted(), "{steps:#?}");
    let millis = |id: &str| steps[place(&id)].1;
    let shut = play.shut();
    eprintln!(
        "      nobody got in for {:.1} s, {:.1} s of it to fetch; whole fetch: {:.1} s in a drill, {:.1} s ahead",
        seconds(shut),
        seconds(millis("notes.fetch.notes-e2")),
        seconds(whole),
        seconds(millis("notes.pre-copy.notes-e2")),
    );
    assert_eq!(play.ttl(), REMEMBERED);
    let beside = play.stage.ask("_holdfast.notes.example", "TXT", "+short");
    for word in ["stack=notes", "epoch=2", "machine=notes-e2"] {
        assert!(beside.contains(word), "{beside}");
    }
    play.stage
        .holdfast(&["why", "notes"])
        .says("notes.example was given to notes-e2 (e2)");
    let told = ["evidence", "notes"];
    play.stage.holdfast(&told).exits(0).says("Nobody got in:");
    play.stage.holdfast(&["plan"]).says("Nothing to do");
    // What lies on the old machine is what its users wrote until they were shut out.
    let new = play.content("notes-e2");
    assert!(new.contains("written-10\n"), "the user wrote too little");
    play.stage.lab(&["power-on", "notes-e1"]).exits(0);
    play.stage.until("notes-e1", "true");
    let old = play.content("notes-e1");
    assert!(old == new, "the old machine holds something else");
    play.stage.holdfast(&["reconcile", "--once"]);
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
}

fn taken_back(play: &mut Play) {
    let before = play.content("notes-e2");
    play.stage.edit(
        "blueprints/notes/checks/table.sh",
        "set -eu\n",
        "set -eu\necho 'the table is on strike' >&2\nexit 1\n",
    );
    play.stage
        .edit("stacks/notes.toml", "site = \"fsn1\"", "site = \"nbg1\"");
    play.stage.commit("Move it back, with a check that fails");
    play.lowered_ahead("notes-e2");
    play.stage
        .holdfast(&["reconcile", "--once"])
        .says("the table is on strike");
    play.stage
        .holdfast(&["reconcile", "--once"])
        .says("notes-e2 serves again");
    assert!(play.stage.get("notes-e2", "/index.html").is_some());
    assert!(play.stage.get("notes-e3", "/index.html").is_none());
    assert_eq!(play.content("notes-e2"), before);
    play.stage
        .holdfast(&["plan"])
        .says("did not go well while users waited");
}

fn after_all(play: &mut Play) {
    let before = play.content("notes-e2");
    play.stage.edit(
        "blueprints/notes/checks/table.sh",
        "echo 'the table is on strike' >&2\nexit 1\n",
        "",
    );
    play.stage.commit("A check that passes");
    // A point in which a check failed has to be drilled before anything is destroyed for it.
    play.stage.holdfast(&["drill", "notes"]).exits(0);
    let until = Instant::now() + LONG;
    let new = loop {
        play.stage.holdfast(&["reconcile", "--once"]);
        let running = play.stage.running("notes-");
        if running.len() == 1 && running != ["notes-e2"] {
            break running[0].clone();
        }
        assert!(Instant::now() < until, "it does not move: {running:?}");
    };
    assert!(play.stage.get(&new, "/index.html").is_some());
    assert_eq!(play.content(&new), before);
    eprintln!("      nobody got in for {:.1} s", seconds(play.shut()));
}

impl Play {
    #[track_caller]
    fn content(&self, machine: &str) -> String {
        self.stage.ssh(machine, CONTENT).exits(0).stdout
    }

    #[track_caller]
    fn log(&mut self) -> Vec<Value> {
        let log = ["log", "notes", "--format", "json"];
        let log = self.stage.holdfast(&log).exits(0).json();
        log["entries"].as_array().unwrap().clone()
    }

    /// Steps that went well, and their milliseconds.
    fn steps(&mut self) -> Vec<(String, u64)> {
        let log = self.log();
        let done = log.iter().filter(|told| told["outcome"] == "done");
        done.map(|told| {
            let id = told["step"].as_str().unwrap().to_owned();
            (id, told["millis"].as_u64().unwrap())
        })
        .collect()
    }

    /// A move begins when nobody remembers the old address for long.
    #[track_caller]
    fn lowered_ahead(&mut self, serving: &str) {
        self.stage
            .holdfast(&["reconcile", "--once"])
            .says("until then others may remember the old address");
        assert_eq!(self.ttl(), 60);
        assert!(self.stage.get(serving, "/index.html").is_some());
        std::thread::sleep(Duration::from_secs(REMEMBERED));
    }

    /// For how long its name may be remembered.
    fn ttl(&self) -> u64 {
        let said = self.stage.ask("notes.example", "A", "+noall +answer");
        let ttl = said.split_whitespace().nth(1);
        ttl.and_then(|ttl| ttl.parse().ok()).expect(&said)
    }

    /// How long nobody got in, by the newest entry that says so.
    fn shut(&mut self) -> u64 {
        let log = self.log();
        let mut told = log.iter().rev();
        let said = |told: &&Value| told["text"].as_str().unwrap().contains("nobody got in for");
        told.find(said).unwrap()["millis"].as_u64().unwrap()
    }
}

fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}
