//! From one Debian to the next, as a planned move and as an emergency: production on Debian 12
//! with `PostgreSQL` 15 and `MariaDB` 10.11, rebuilt on Debian 13 with 17 and 11.8.

use crate::support::{Ran, Stage};
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

/// Everything that tells one state of both databases from another. Whatever is asked of the server
/// is sorted by bytes, so that the answer is the same on every release.
const CONTENT: &str = "
cd /var/lib/notes; find . -type f -print0 | sort -z | xargs -0 sha256sum
runuser -u postgres -- psql -XqAt -d notes -c 'select id, body from note order by id' \\
    -c 'select word from words order by word collate \"C\"'
";
const LEDGER: &str = "
mariadb --no-defaults -N --default-character-set=utf8mb4 ledger -e '
    select id, hex(body) from entry order by id;
    select hex(word) from words order by binary word;
    select hex(b), hex(l) from odd;
    select body from latest;
    select doubled(21);
    select a from kept order by a;
    select count(*) from kept for system_time all;
    select event_name, definer, status from information_schema.events;
    select trigger_name, definer from information_schema.triggers where trigger_schema = \"ledger\";
    show grants for clerk@localhost'
";

/// What a customer would not forgive to lose.
const FILL: &str = r"
printf 'Straße\n' >'/var/lib/notes/ä b.txt'; chown www-data: '/var/lib/notes/ä b.txt'
runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d notes <<'END'
set role notes;
insert into note (body) select 'note ' || n from generate_series(1, 500) as n;
create table words (word text primary key);
insert into words values ('zebra'), ('Äpfel'), ('apfel'), ('Öl'), ('ohne'), ('a-b'), ('ab');
END
";
const FILL_LEDGER: &str = r"
mariadb --no-defaults --default-character-set=utf8mb4 ledger <<'END'
insert into entry (body) select concat('entry ', seq, ' it''s\n(a \\ line)') from seq_1_to_500;
create table words (word varchar(40) primary key) collate utf8mb4_german2_ci;
insert into words values ('zebra'), ('Äpfel'), ('Öl'), ('ohne');
create table odd (b blob, l varchar(20) character set latin1);
insert into odd values (unhex('000A0D1A275C2829FF'), 'äöß');
create table kept (a int) with system versioning;
insert into kept values (1), (2); update kept set a = 3 where a = 1; delete from kept where a = 2;
create function doubled(x int) returns int deterministic return 2 * x;
create user clerk@localhost identified by 'of the stack itself';
grant select, show view on ledger.entry to clerk@localhost;
create definer = clerk@localhost view one as select * from entry;
create view latest as select body from one order by id desc limit 3;
create trigger counted before insert on odd for each row set new.l = coalesce(new.l, 'none');
create event yearly on schedule every 1 year do delete from odd;
END
";

#[test]
fn crossing_to_the_next_debian() {
    let begin = Instant::now();
    let stage = Stage::new("crossing");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/estates/crossing");
    stage.add(&root);
    stage.git(&["rm", "-q", "stacks/annex.toml"]);
    stage.edit(
        "stacks/notes.toml",
        "image = \"debian-13\"",
        "image = \"debian-12\"",
    );
    stage.git(&["add", "-A"]);
    stage.git(&["commit", "-qm", "Two customers on Debian 12"]);
    let mut crossing = Crossing { stage };
    let mut scene = |name: &str, play: fn(&mut Crossing)| {
        let began = Instant::now();
        play(&mut crossing);
        eprintln!("scene {name}: {:.1} s", began.elapsed().as_secs_f64());
    };
    scene("both run on Debian 12", begun);
    scene("a point says what it is of", pointed);
    scene("a database beside the live one", beside);
    scene("the next Debian, by a commit", crossed);
    scene("a drill looks at both databases", drilled);
    scene("the old machine is kept", kept);
    scene("there is no way back for PostgreSQL", not_back);
    eprintln!("crossing: {:.1} s", begin.elapsed().as_secs_f64());
}

struct Crossing {
    stage: Stage,
}

impl Crossing {
    #[track_caller]
    fn reconcile(&mut self) -> Ran {
        self.stage.holdfast(&["reconcile", "--once"]).exits(0)
    }

    /// What its users would see, in both databases and in files.
    #[track_caller]
    fn content(&self, machine: &str, both: bool) -> String {
        let script = if both {
            format!("{CONTENT}{LEDGER}")
        } else {
            CONTENT.to_owned()
        };
        self.stage.ssh(machine, &script).exits(0).stdout
    }

    /// Takes a point of what runs on the machine; its manifest, read with stock restic.
    #[track_caller]
    fn back_up(&mut self, stack: &str, machine: &str) -> Value {
        self.stage.holdfast(&["backup", stack]).exits(0);
        let script = "set -a; . /etc/holdfast/backup.env
            restic dump --cacert $RESTIC_CACERT --no-lock -q latest /var/lib/holdfast/dump/manifest.json";
        self.stage.ssh(machine, script).exits(0).json()
    }

    /// `/etc/os-release` and the servers' versions, of a running machine.
    #[track_caller]
    fn versions(&self, machine: &str) -> String {
        let ran = self.stage.ssh(
            machine,
            ". /etc/os-release; echo $ID-$VERSION_ID; psql --version; mariadb --version || true; restic version",
        );
        ran.exits(0).stdout
    }
}

fn begun(play: &mut Crossing) {
    play.reconcile();
    let versions = play.versions("ledger-e1");
    eprintln!("{versions}");
    assert!(
        versions.contains("debian-12") && versions.contains("10.11."),
        "{versions}"
    );
    assert!(versions.contains("(PostgreSQL) 15."), "{versions}");
    play.stage
        .ssh("ledger-e1", &format!("{FILL}{FILL_LEDGER}"))
        .exits(0);
    play.stage.ssh("notes-e1", FILL).exits(0);
}

fn pointed(play: &mut Crossing) {
    let manifest = play.back_up("ledger", "ledger-e1");
    says(&manifest, "debian-12", "15.", "10.11.");
    play.back_up("notes", "notes-e1");
}

/// To be filled, it takes rights and a limit for a while; the server is the customer's.
fn beside(play: &mut Crossing) {
    let about = "mariadb --no-defaults -N -e 'select user, host, db from mysql.db order by 1, 2, 3; select @@global.max_allowed_packet'
        ls /var/lib/holdfast | grep -E 'calm|retrieve' || true";
    let before = play.stage.ssh("ledger-e1", about).exits(0).stdout;
    let mut restore = |more: &[&str]| {
        let database = ["restore", "ledger", "--database", "ledger"];
        play.stage.holdfast(&[&database, more].concat())
    };
    restore(&["--to", "ledger_today"]).exits(0);
    restore(&["--to", "never_today", "--table", "never"])
        .exits(1)
        .says("has no table never");
    assert_eq!(play.stage.ssh("ledger-e1", about).exits(0).stdout, before);
    let there = "mariadb --no-defaults -N -e \"show databases like '%today'; select count(*) from ledger_today.entry; drop database ledger_today\"";
    let there = play.stage.ssh("ledger-e1", there).exits(0).stdout;
    assert!(
        there.starts_with("ledger_today\n") && !there.contains("never"),
        "{there}"
    );
}

/// One customer moves as planned; the other's machine is destroyed before that could happen.
fn crossed(play: &mut Crossing) {
    let (ledger, notes) = (
        play.content("ledger-e1", true),
        play.content("notes-e1", false),
    );
    for stack in ["ledger", "notes"] {
        play.stage.edit(
            &format!("stacks/{stack}.toml"),
            "image = \"debian-12\"",
            "image = \"debian-13\"",
        );
    }
    play.stage.commit("Debian 13 for everybody");
    play.stage.lab(&["destroy", "notes-e1"]).exits(0);
    play.stage
        .holdfast(&["plan"])
        .exits(3)
        .says("production is wanted on debian-13, and ledger-e1 runs debian-12");
    play.reconcile();
    let versions = play.versions("ledger-e2");
    eprintln!("{versions}");
    assert!(
        versions.contains("debian-13") && versions.contains("11.8."),
        "{versions}"
    );
    assert!(versions.contains("(PostgreSQL) 17."), "{versions}");
    assert_eq!(play.content("ledger-e2", true), ledger);
    assert_eq!(play.content("notes-e2", false), notes);
    play.stage
        .holdfast(&["plan"])
        .exits(0)
        .says("Nothing to do.");
    let manifest = play.back_up("ledger", "ledger-e2");
    says(&manifest, "debian-13", "17.", "11.8.");
}

fn drilled(play: &mut Crossing) {
    let drill = ["drill", "ledger", "--format", "json"];
    let drill = play.stage.holdfast(&drill).exits(0).json();
    for (service, name) in [
        ("notes", "integrity of database notes (pg_amcheck)"),
        ("ledger", "integrity of database ledger (mariadb-check)"),
    ] {
        let mut checks = drill["evidence"]["checks"].as_array().unwrap().iter();
        let passed = checks.any(|check| {
            check["service"] == service && check["name"] == name && check["passed"] == true
        });
        assert!(passed, "{name}: {drill:#}");
    }
}

/// What the manifest tells of systems and servers.
#[track_caller]
fn says(manifest: &Value, image: &str, postgresql: &str, mariadb: &str) {
    let server = |service: &str, name: &str| {
        let content = &manifest["services"][service]["databases"][name];
        content["server"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(manifest["image"], image);
    assert!(
        server("notes", "notes").starts_with(postgresql),
        "{manifest:#}"
    );
    assert!(
        server("ledger", "ledger").starts_with(mariadb),
        "{manifest:#}"
    );
    let ledger = &manifest["services"]["ledger"]["databases"]["ledger"];
    assert_eq!(ledger["rows"]["entry"], 500);
    assert_eq!(ledger["objects"]["views"], 2);
}

fn kept(play: &mut Crossing) {
    let off = play
        .stage
        .machines(|m| m["name"] == "ledger-e1" && m["power"] == "off");
    assert_eq!(off, ["ledger-e1"]);
}

fn not_back(play: &mut Crossing) {
    play.stage.edit(
        "stacks/ledger.toml",
        "image = \"debian-13\"",
        "image = \"debian-12\"",
    );
    play.stage.commit("Back to Debian 12");
    play.stage
        .holdfast(&["plan"])
        .says("a dump only goes forward");
    assert!(play.stage.running("ledger-e2").len() <= 1);
}
