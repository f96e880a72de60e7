//! Damage of every kind, on one lab: how it is found, what is said of it, that nothing is
//! mended behind anybody's back, and that what is still good is still good.

use crate::support::{Ran, Stage};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

const PRODUCTION: &str = "notes-e1";
const VAULT: &str = "backup-netcup-vie";
const REPOSITORY: &str = "/srv/holdfast/restic/notes";

struct Play {
    stage: Stage,
    /// The backup machine by the lab's name.
    vault: String,
    /// Points from the oldest, each with the pack that it alone needs.
    points: Vec<(String, String)>,
}

type Scene = (&'static str, fn(&mut Play));

const SCENES: &[Scene] = &[
    ("points_are_checked_by_reading_them", checked),
    ("s11_packs_flipped_cut_and_gone", packs),
    ("a_reading_that_is_killed", killed),
    ("an_index_flipped", index_flipped),
    ("an_index_gone", index_gone),
    ("a_key_and_the_config_gone", openers),
    ("a_reading_comes_by_itself", by_itself),
    ("a_torn_dump", torn_dump),
    ("a_damaged_table", damaged_table),
    ("a_full_disk_on_production", full_production),
    ("a_full_disk_on_the_backup_machine", full_vault),
    ("a_lock_with_a_living_and_with_a_dead_holder", locks),
    ("a_wrong_passphrase", wrong_passphrase),
    ("a_certificate_whose_time_is_over", old_certificate),
    ("a_clock_that_is_ahead", clock),
    ("a_second_reconciler", second),
];

#[test]
fn damage() {
    let begin = Instant::now();
    let mut stage = Stage::new("damage");
    std::fs::remove_file(stage.estate().join("stacks/annex.toml")).unwrap();
    stage.commit("One customer is enough");
    stage.holdfast(&["apply"]).exits(0);
    let mut play = Play {
        vault: vault(&stage),
        stage,
        points: Vec::new(),
    };
    eprintln!("lab and estate ({:.1} s)", begin.elapsed().as_secs_f64());
    // For work on one scene: words, parted by commas; the first scene must be among them.
    let wanted = std::env::var("HOLDFAST_SCENES").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').collect();
    let mut failed = Vec::new();
    for (name, scene) in SCENES {
        if !wanted.iter().any(|word| name.contains(word)) {
            continue;
        }
        let begin = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| scene(&mut play)));
        if ended.is_err() && play.points.len() == 4 {
            play.mend();
            play.verify();
        }
        let word = if ended.is_ok() { "ok" } else { "FAILED" };
        let seconds = begin.elapsed().as_secs_f64();
        eprintln!("scene {name} ... {word} ({seconds:.1} s)");
        if ended.is_err() {
            failed.push(*name);
        }
    }
    assert_eq!(failed, Vec::<&str>::new());
}

/// The lab's machine that is our backup machine.
fn vault(stage: &Stage) -> String {
    let script = format!("grep -qx \"MACHINE='{VAULT}'\" /etc/holdfast/identity");
    let pools = stage.machines(|m| m["hoster"] == "netcup" && m["power"] == "running");
    let mut pools = pools.into_iter();
    let found = pools.find(|name| stage.ssh(name, &script).code == 0);
    found.expect("a backup machine")
}

impl Play {
    /// A script on the backup machine, in the repository.
    #[track_caller]
    fn on_vault(&self, script: &str) -> String {
        let script = format!("cd {REPOSITORY}\n{script}\n");
        self.stage.ssh(&self.vault, &script).exits(0).stdout
    }

    /// The repository as it was when it was well.
    fn mend(&self) {
        self.on_vault("cd ..\nrm -rf notes\ncp -a /root/whole notes");
    }

    /// Short ids of the points that are not to be trusted any more, and of the one that a rebuild takes.
    fn damaged(&mut self) -> (BTreeSet<String>, String) {
        let listed = self
            .stage
            .holdfast(&["points", "notes", "--format", "json"]);
        let listed = listed.exits(0).json();
        let points = listed["points"].as_array().unwrap().iter();
        let damaged = points.filter(|p| !p["damaged"].is_null());
        let short = |id: &serde_json::Value| id.as_str().unwrap_or_default()[..8].to_owned();
        let chosen = listed["chosen"].as_str().map(|_| short(&listed["chosen"]));
        (
            damaged.map(|p| short(&p["id"])).collect(),
            chosen.unwrap_or_default(),
        )
    }

    fn verify(&mut self) -> Ran {
        self.stage.holdfast(&["verify", "notes"])
    }

    /// What the daily round says of it.
    fn plan(&mut self) -> Ran {
        self.stage.holdfast(&["plan"])
    }

    fn short(&self, number: usize) -> String {
        self.points[number].0[..8].to_owned()
    }
}

/// Four points; the three in the middle each have a pack that no other needs.
fn checked(play: &mut Play) {
    let rungs = |play: &mut Play| -> Vec<(String, String)> {
        let listed = play
            .stage
            .holdfast(&["points", "notes", "--format", "json"])
            .exits(0)
            .json();
        let points = listed["points"].as_array().unwrap().iter().rev();
        let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        points.map(|p| (word(&p["id"]), word(&p["rung"]))).collect()
    };
    let packs = "ls -S $(find data -type f -newer /root/before) | head -n 1";
    for number in 0..4 {
        let own = match number {
            3 => "rm -f own",
            _ => "head -c 3000000 /dev/urandom >own\nchown www-data:www-data own",
        };
        play.stage
            .ssh(PRODUCTION, &format!("cd /var/lib/notes\n{own}\n"))
            .exits(0);
        play.on_vault("sleep 0.02\ntouch /root/before\nsleep 0.02");
        play.stage.holdfast(&["backup", "notes"]).exits(0);
        let pack = play.on_vault(packs).trim().to_owned();
        let (point, rung) = rungs(play).pop().unwrap();
        assert_eq!(rung, "shipped", "a rung is reached only by doing it");
        play.points.push((point, pack));
    }
    play.verify().exits(0).says("was read and is whole");
    assert!(rungs(play).iter().all(|(_, rung)| rung == "checked"));
    play.plan().exits(0).says("Nothing to do.");
    play.on_vault("rm -rf /root/whole\ncp -a . /root/whole");
}

fn packs(play: &mut Play) {
    let [flipped, cut, gone] = [0, 1, 2].map(|n| play.points[n].1.clone());
    play.on_vault(&format!(
        "printf 'a bit' | dd of={flipped} bs=1 seek=1000 conv=notrunc 2>/dev/null\n\
         truncate -s -1000 {cut}\n\
         rm {gone}"
    ));
    let before = play.on_vault("find . -type f | sort | xargs sha256sum");
    play.verify()
        .exits(5)
        .says(&format!("{flipped} is not what was written"))
        .says(&format!("{cut} has "))
        .says(&format!("{gone} is gone"));
    let last = play.short(3);
    let lost: BTreeSet<String> = [0, 1, 2].map(|n| play.short(n)).into();
    assert_eq!(play.damaged(), (lost, last.clone()));
    play.plan()
        .exits(5)
        .says("damage")
        .says("3 of 5 points rest on it")
        .says(&format!("the last good one is {last}"));
    // Seen, said, and left as it is.
    assert_eq!(
        play.on_vault("find . -type f | sort | xargs sha256sum"),
        before
    );
    play.on_vault("[ ! -e ../.without-damage-notes ]");
    // A person puts back two of the three: the third stands, although today's reading is another part's.
    play.on_vault(&format!(
        "cp -a /root/whole/{cut} {cut}\ncp -a /root/whole/{gone} {gone}"
    ));
    play.verify().exits(5).says(&flipped);
    assert_eq!(play.damaged(), ([play.short(0)].into(), last));
    play.mend();
    play.verify().exits(0);
    assert_eq!(play.damaged().0, BTreeSet::new());
    play.plan().exits(0);
}

/// What could not be read is not damaged for that.
fn killed(play: &mut Play) {
    play.on_vault(
        "mv /usr/bin/restic /usr/bin/restic.right\ncat >/usr/bin/restic <<'END'\n#!/bin/sh\n\
         case \" $* \" in *' check '*) kill -9 $$ ;; esac\nexec /usr/bin/restic.right \"$@\"\nEND\n\
         chmod 0755 /usr/bin/restic",
    );
    let read = play.verify();
    play.on_vault("mv /usr/bin/restic.right /usr/bin/restic");
    read.exits(1).says("could not be read to its end");
    assert_eq!(play.damaged().0, BTreeSet::new());
    play.verify().exits(0);
}

fn index_flipped(play: &mut Play) {
    let index = play.on_vault("ls -t index | tail -n 1").trim().to_owned();
    play.on_vault(&format!(
        "chmod u+w index/{index}\nprintf 'a bit' | dd of=index/{index} bs=1 seek=100 conv=notrunc 2>/dev/null"
    ));
    play.verify()
        .exits(5)
        .says(&format!("index/{index} is not what was written"));
    assert_eq!(play.damaged().0.len(), 5, "none can be restored");
    // None is good: the next one is due now, and would not count either.
    play.plan().exits(2).says("there is no good one");
    play.mend();
    play.verify().exits(0);
}

fn index_gone(play: &mut Play) {
    // That of the second point: it alone rests on it.
    let index = play.on_vault("ls -tr index | sed -n 3p").trim().to_owned();
    play.on_vault(&format!("rm index/{index}"));
    play.verify().exits(5).says("stand in no index");
    let (damaged, chosen) = play.damaged();
    assert!(damaged.contains(&play.short(1)), "{damaged:?}");
    assert_eq!(chosen, play.short(3));
    play.mend();
    play.verify().exits(0);
}

/// Seen at the next look at anything, without waiting for a reading.
fn openers(play: &mut Play) {
    play.on_vault("rm keys/*");
    play.plan().says("keys/").says("is gone; a copy of it is");
    play.verify().exits(5).says("is gone; a copy of it is");
    play.on_vault(
        "cp -p /srv/holdfast/verified/notes/opens/keys/* keys/\nchown --reference=. keys/*",
    );
    play.on_vault("rm config");
    play.plan().exits(5).says("config is gone; a copy of it is");
    play.on_vault(
        "cp -p /srv/holdfast/verified/notes/opens/config config\nchown --reference=. config",
    );
    play.verify().exits(0);
    play.plan().exits(0);
}

/// The journal knows of a reading, the machine's own record is newer: both are asked.
fn by_itself(play: &mut Play) {
    play.on_vault(
        "cd /srv/holdfast/verified/notes\n\
         jq '.at = \"2999-01-01T00:00:00Z\"' record.json >new\nmv new record.json",
    );
    play.plan()
        .exits(2)
        .says("verify the repository on")
        .says("part 1 of 28");
    play.stage.holdfast(&["reconcile", "--once"]).exits(0);
    play.plan().exits(0);
}

fn torn_dump(play: &mut Play) {
    let last = play.damaged().1;
    let slow = "psql() { runuser -u postgres -- psql -XqAt -d notes -c \"$1\"; }\n\
         psql \"create table wide as select n, repeat(md5(n::text), 200) as t from generate_series(1, 20000) as n\"\n\
         psql 'alter table wide owner to notes' 2>/dev/null || true\n\
         nohup runuser -u postgres -- psql -Xq -d notes -c 'begin' -c 'lock table wide' -c 'select pg_sleep(20)' -c 'commit' >/dev/null 2>&1 &\n\
         nohup sh -c 'until pkill -9 -x pg_dump; do sleep 0.1; done' >/dev/null 2>&1 &\n";
    play.stage.ssh(PRODUCTION, slow).exits(0);
    play.stage
        .holdfast(&["backup", "notes"])
        .exits(1)
        .says("database notes")
        .says(&format!("the last good one is {last}"));
    nothing_left(play);
    assert_eq!(play.damaged().1, last);
    let drop = "runuser -u postgres -- psql -XqAt -d notes -c 'drop table wide'\n";
    play.stage.ssh(PRODUCTION, drop).exits(0);
}

fn damaged_table(play: &mut Play) {
    let last = play.damaged().1;
    let script = |body: &str| {
        format!(
            "cat >/root/scene.sh <<'END'\n{body}\nEND\nprintf 'database\\tnotes\\n' | sh /root/scene.sh\nrm /root/scene.sh\n"
        )
    };
    let damage = script(include_str!("scripts/damage-database.sh"));
    let mend = script(include_str!("scripts/mend-database.sh"));
    play.stage.ssh(PRODUCTION, &damage).exits(0);
    let failed = play.stage.holdfast(&["backup", "notes"]);
    play.stage.ssh(PRODUCTION, &mend).exits(0);
    failed
        .exits(1)
        .says("invalid page in block 0")
        .says(&format!("the last good one is {last}"));
    nothing_left(play);
    assert_eq!(play.damaged().1, last);
}

fn full_production(play: &mut Play) {
    let last = play.damaged().1;
    let fill = "mkdir -p /var/lib/holdfast\nmount -t tmpfs -o size=12k tmpfs /var/lib/holdfast\n";
    play.stage.ssh(PRODUCTION, fill).exits(0);
    let failed = play.stage.holdfast(&["backup", "notes"]);
    play.stage
        .ssh(PRODUCTION, "umount /var/lib/holdfast\n")
        .exits(0);
    failed
        .exits(1)
        .says("o space left on device")
        .says(&format!("the last good one is {last}"));
    nothing_left(play);
}

fn full_vault(play: &mut Play) {
    let last = play.damaged().1;
    play.on_vault(
        "cd ..\nmv notes /root/aside\nmkdir notes\nchown --reference=/root/aside notes\nchmod 0700 notes\n\
         size=$(du -sk /root/aside | cut -f 1)\n\
         mount -t tmpfs -o size=$((size + 2000))k tmpfs notes\nchown --reference=/root/aside notes\nchmod 0700 notes\ncp -a /root/aside/. notes/",
    );
    let more =
        "cd /var/lib/notes\nhead -c 30000000 /dev/urandom >own\nchown www-data:www-data own\n";
    play.stage.ssh(PRODUCTION, more).exits(0);
    let failed = play.stage.holdfast(&["backup", "notes"]);
    failed
        .exits(1)
        .says("no room is left")
        .says(&format!("the last good one is {last}"));
    assert_eq!(play.damaged(), (BTreeSet::new(), last));
    // Room again: half an upload is no damage, and the next point is whole.
    play.on_vault("mount -o remount,size=200M tmpfs .");
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    play.verify().exits(0);
    nothing_left(play);
    play.on_vault(
        "cp -a . /root/again\ncd ..\numount -l notes\nrm -rf notes\nmv /root/again notes",
    );
}

fn locks(play: &mut Play) {
    let password = play
        .stage
        .ssh(PRODUCTION, "cat /etc/holdfast/repository-password\n")
        .exits(0)
        .stdout;
    // A person's own look at the repository, stopped in the middle of it.
    play.on_vault(&format!(
        "printf %s '{}' >/tmp/password\nchmod 0644 /tmp/password\n\
         setsid runuser -u restic-rest-server -- restic --no-cache -r . --password-file /tmp/password check --read-data >/dev/null 2>&1 &\n\
         until [ -n \"$(ls locks)\" ]; do sleep 0.01; done\n\
         pkill -STOP -x restic\nrm /tmp/password",
        password.trim()
    ));
    play.stage
        .holdfast(&["backup", "notes"])
        .exits(1)
        .says("locked")
        .says("left: exclusive lock of restic-rest-server on");
    play.on_vault("[ -n \"$(ls locks)\" ]\npkill -KILL -x restic");
    play.stage
        .holdfast(&["backup", "notes"])
        .exits(0)
        .says("taken away: exclusive lock")
        .says("that process is gone");
    play.on_vault("[ -z \"$(ls locks)\" ]");
    nothing_left(play);
}

fn wrong_passphrase(play: &mut Play) {
    let before = play.damaged();
    let file = "/etc/holdfast/repository-password";
    let wrong = format!("cp -p {file} /root/right\nprintf wrong >{file}\n");
    play.stage.ssh(PRODUCTION, &wrong).exits(0);
    let failed = play.stage.holdfast(&["backup", "notes"]);
    let right = format!("cp -p /root/right {file}\nrm /root/right\n");
    play.stage.ssh(PRODUCTION, &right).exits(0);
    failed.exits(1).says("does not open with this password");
    nothing_left(play);
    assert_eq!(play.damaged(), before);
}

fn old_certificate(play: &mut Play) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut old = rcgen::CertificateParams::default();
    old.not_before = rcgen::date_time_ymd(2025, 1, 1);
    old.not_after = rcgen::date_time_ymd(2026, 1, 1);
    let address = play.stage.address(&play.vault).parse().unwrap();
    old.subject_alt_names = vec![rcgen::SanType::IpAddress(address)];
    let certificate = old.self_signed(&key).unwrap().pem();
    let replace = |path: &str, text: &str| {
        format!("cp -p {path} {path}.right\ncat >{path} <<'END'\n{text}END\n")
    };
    let restart = "systemctl restart holdfast-rest-server.service\n";
    let files = replace("/etc/holdfast/tls.crt", &certificate)
        + &replace("/etc/holdfast/tls.key", &key.serialize_pem());
    play.on_vault(&(files + restart));
    let ca = ". /etc/holdfast/backup.env\n".to_owned() + &replace("$RESTIC_CACERT", &certificate);
    play.stage.ssh(PRODUCTION, &ca).exits(0);
    let failed = play.stage.holdfast(&["backup", "notes"]);
    play.on_vault(&format!(
        "cd /etc/holdfast\nmv tls.crt.right tls.crt\nmv tls.key.right tls.key\n{restart}"
    ));
    let right = ". /etc/holdfast/backup.env\nmv $RESTIC_CACERT.right $RESTIC_CACERT\n";
    play.stage.ssh(PRODUCTION, right).exits(0);
    failed
        .exits(1)
        .says("certificate-refused")
        .says("certificate has expired")
        .says("this machine's clock says");
    nothing_left(play);
}

/// Machines of the lab share one clock: what is asked for the time here answers wrong.
fn clock(play: &mut Play) {
    let wrong = "mv /usr/bin/date /usr/bin/date.right\n\
        cat >/usr/bin/date <<'END'\n#!/bin/sh\n\
        case \"$*\" in *-d*) exec /usr/bin/date.right \"$@\" ;; esac\n\
        exec /usr/bin/date.right -d '5 minutes' \"$@\"\nEND\nchmod 0755 /usr/bin/date\n";
    play.stage.ssh(PRODUCTION, wrong).exits(0);
    let plan = play.plan();
    play.stage
        .ssh(PRODUCTION, "mv /usr/bin/date.right /usr/bin/date\n")
        .exits(0);
    plan.exits(5)
        .says("the clock of notes-e1")
        .says("ahead of ours");
    play.plan().exits(0);
}

fn second(play: &mut Play) {
    let before = play.damaged();
    let mut first = play.stage.start(&["backup", "notes"]);
    first.until_says("dumping and sending");
    play.stage
        .holdfast(&["reconcile", "--once"])
        .exits(1)
        .says("another");
    play.stage.end(first).exits(0);
    assert_ne!(play.damaged().1, before.1);
    nothing_left(play);
}

/// No half dump, no scratch, no restic, no lock of one that is dead.
#[track_caller]
fn nothing_left(play: &Play) {
    let left = "[ ! -e /var/lib/holdfast/dump ]\n[ -z \"$(ls -d /run/holdfast/scratch.* 2>/dev/null)\" ]\n! pgrep -x restic\n";
    play.stage.ssh(PRODUCTION, left).exits(0);
}
