//! Leaving without us: keys of a repository that come and go, and a kit that somebody follows
//! to the letter on a machine that never saw Holdfast, with the escrow key alone.

mod again;

use crate::support::{Stage, text};
use holdfast::decide::derive;
use holdfast::model::repository::KeyRole;
use holdfast::model::secret::Secret;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The backup machine, by its name and by the one that its hoster has for it.
const VAULT: &str = "backup-netcup-vie";
const VAULT_AT: &str = "netcup-1";
/// Ordered, empty; nothing of ours was ever there.
const BARE: &str = "ionos-1";

struct Play {
    stage: Stage,
    content: String,
    kit: PathBuf,
}

type Scene = (&'static str, fn(&mut Play));

const SCENES: &[Scene] = &[
    ("users_write_and_a_point_is_taken", written),
    ("a_repository_has_three_keys_with_names", three_keys),
    ("a_lost_key_is_noticed_and_added_again", lost_key),
    ("s10_keys_that_production_adds_are_set_aside", strange_keys),
    ("a_repository_of_an_earlier_version_gets_its_keys", earlier),
    ("the_escrow_key_alone_makes_a_kit", made),
    ("the_escrow_key_alone_passes_a_drill", drilled),
    ("s13_nothing_secret_lies_open_in_a_kit", sealed),
    ("a_kit_that_was_changed_stops", changed),
    ("s15_nothing_starts_without_its_data", again::started_early),
    ("production_writes_points_of_its_own", again::forged),
    ("the_runbook_followed_to_the_letter", followed),
    ("s04_each_part_may_be_run_again", again::once_more),
    ("s13_the_runbook_leaves_no_secret_behind", left_behind),
    ("a_copy_of_the_repository_is_enough", copied),
];

#[test]
fn exit_kit() {
    let begin = Instant::now();
    let mut stage = Stage::new("exit");
    // One customer is enough, and a company has somebody to call.
    stage.git(&["rm", "-q", "stacks/annex.toml"]);
    stage.commit("Only one customer here");
    stage.holdfast(&["apply"]).exits(0);
    eprintln!(
        "lab, estate, stack ({:.1} s)",
        begin.elapsed().as_secs_f64()
    );
    let kit = stage.dir().join("kit");
    let mut play = Play {
        stage,
        content: String::new(),
        kit,
    };
    for (name, scene) in SCENES {
        let begin = Instant::now();
        scene(&mut play);
        eprintln!(
            "scene {name} ... ok ({:.1} s)",
            begin.elapsed().as_secs_f64()
        );
    }
}

/// Files by digest with owner and mode, and every row.
fn content_of(stage: &Stage, machine: &str) -> String {
    let ran = stage.ssh(
        machine,
        "cd /var/lib/notes\n\
         find . -printf '%p %U:%G %m %y\\n' | sed \"s/ $(id -u www-data):$(id -g www-data) / www-data /\" | sort\n\
         find . -type f -print0 | sort -z | xargs -0 sha256sum\n\
         runuser -u postgres -- psql -XqAt -d notes -c 'select id, body from note order by id'\n",
    );
    ran.exits(0).stdout
}

fn written(play: &mut Play) {
    let write = "cd /var/lib/notes\n\
        mkdir -p 'a folder'\n\
        head -c 3000000 /dev/urandom >big\n\
        printf 'umlauts \\303\\244 and a tab\\t\\n' >'a folder/some notes.txt'\n\
        chmod 0600 'a folder/some notes.txt'\n\
        chown -R www-data:www-data .\n\
        runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) select 'note ' || n from generate_series(1, 500) as n\"\n";
    play.stage.ssh("notes-e1", write).exits(0);
    play.content = content_of(&play.stage, "notes-e1");
    assert!(play.content.contains("note 500"));
    play.stage.holdfast(&["backup", "notes"]).exits(0);
}

/// What `restic key list` shows to whoever has this password; empty when it does not open.
fn keys(stage: &Stage, role: KeyRole) -> Vec<String> {
    let session = stage.session();
    let stack = session.desired.stacks.values().next().unwrap();
    let password = session.repository_keys(stack).of(role).clone();
    let script = format!(
        "umask 077; printf %s '{}' >/run/password\n\
         restic --no-cache -r /srv/holdfast/restic/notes --password-file /run/password key list --no-lock --json || :\n\
         rm /run/password\n",
        password.expose_text().unwrap()
    );
    let said = stage.ssh(VAULT_AT, &script).exits(0).stdout;
    let listed: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
    let mut names: Vec<String> = listed
        .as_array()
        .into_iter()
        .flatten()
        .map(|key| {
            let mark = if key["current"] == true { "*" } else { "" };
            format!(
                "{mark}{}@{}",
                key["userName"].as_str().unwrap(),
                key["hostName"].as_str().unwrap()
            )
        })
        .collect();
    names.sort_by_key(|name| name.trim_start_matches('*').to_owned());
    names
}

fn settled(play: &mut Play) {
    play.stage
        .holdfast(&["plan"])
        .exits(0)
        .says("Nothing to do.");
}

fn three_keys(play: &mut Play) {
    settled(play);
    let shown = |at: usize| {
        let mut names = [
            "escrow@holdfast",
            "maintenance@holdfast",
            "production@holdfast",
        ]
        .map(str::to_owned);
        names[at].insert(0, '*');
        names.to_vec()
    };
    assert_eq!(keys(&play.stage, KeyRole::Escrow), shown(0));
    assert_eq!(keys(&play.stage, KeyRole::Maintenance), shown(1));
    assert_eq!(keys(&play.stage, KeyRole::Production), shown(2));
    // Production knows its own, and no other.
    let session = play.stage.session();
    let keys = session.repository_keys(session.desired.stacks.values().next().unwrap());
    let there = play
        .stage
        .ssh(
            "notes-e1",
            "cat /etc/holdfast/repository-password /etc/holdfast/backup.env",
        )
        .exits(0)
        .stdout;
    assert!(there.contains(keys.production.expose_text().unwrap()));
    for role in [KeyRole::Maintenance, KeyRole::Escrow] {
        assert!(
            !there.contains(keys.of(role).expose_text().unwrap()),
            "{role}"
        );
    }
}

const KEYS: &str = "cd /srv/holdfast/restic/notes/keys\nids=/srv/holdfast/keys/notes.json\n";

fn lost_key(play: &mut Play) {
    let lose = format!(
        "{KEYS}rm \"$(jq -r .escrow $ids)\"\nprintf x | dd of=\"$(jq -r .maintenance $ids)\" bs=1 seek=30 conv=notrunc 2>/dev/null\n"
    );
    play.stage.ssh(VAULT_AT, &lose).exits(0);
    assert!(keys(&play.stage, KeyRole::Escrow).is_empty());
    play.stage
        .holdfast(&["plan"])
        .exits(2)
        .says("the keys maintenance, escrow are gone or damaged");
    play.stage.holdfast(&["apply"]).exits(0);
    assert_eq!(keys(&play.stage, KeyRole::Escrow).len(), 3);
    // What was damaged is not thrown away.
    play.stage
        .ssh(
            VAULT_AT,
            "[ $(ls /srv/holdfast/former/notes/keys | wc -l) = 1 ]",
        )
        .exits(0);
    settled(play);
}

fn strange_keys(play: &mut Play) {
    // A key of its own, and bytes that are none: restic without a hint would stop at them.
    let attack = "set -a; . /etc/holdfast/backup.env\n\
        printf stranger >/run/stranger\n\
        restic --no-cache key add --new-password-file /run/stranger --user maintenance --host holdfast\n\
        name=$(printf junk | sha256sum | cut -c 1-64)\n\
        printf junk | curl -sS --fail --cacert \"$RESTIC_CACERT\" -H 'Content-Type: application/octet-stream' --data-binary @- \"${RESTIC_REPOSITORY#rest:}keys/$name\"\n";
    play.stage.ssh("notes-e1", attack).exits(0);
    // The vault side opens as before, and moves out of the way what is nobody's.
    play.stage.holdfast(&["points", "notes"]).exits(0);
    assert_eq!(keys(&play.stage, KeyRole::Production).len(), 3);
    play.stage
        .holdfast(&["plan"])
        .exits(5)
        .says("uploaded files that are nobody's");
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    play.stage
        .ssh(
            VAULT_AT,
            "[ $(ls /srv/holdfast/aside/notes/keys | wc -l) = 2 ]\nrm -r /srv/holdfast/aside/notes\n",
        )
        .exits(0);
    settled(play);
}

fn earlier(play: &mut Play) {
    let back = format!(
        "{KEYS}for role in maintenance escrow; do rm \"$(jq -r .$role $ids)\"; done\nrm -r /srv/holdfast/keys\n"
    );
    play.stage.ssh(VAULT_AT, &back).exits(0);
    assert_eq!(
        keys(&play.stage, KeyRole::Production),
        ["*production@holdfast"]
    );
    play.stage.holdfast(&["apply"]).exits(0);
    assert_eq!(keys(&play.stage, KeyRole::Maintenance).len(), 3);
    settled(play);
}

fn local(stage: &Stage, file: &str) -> PathBuf {
    stage.estate().join(".git/holdfast/keys").join(file)
}

fn made(play: &mut Play) {
    // The reconciler's own key is gone; the escrow's opens Git, and Git makes the kit.
    let reconciler = local(&play.stage, "reconciler.age-key");
    let hidden = reconciler.with_extension("hidden");
    std::fs::rename(&reconciler, &hidden).unwrap();
    let (out, escrow) = (text(&play.kit), text(&local(&play.stage, "escrow.age-key")));
    let make = |stage: &mut Stage| {
        let arguments = ["exit-kit", "notes", "--out", &out, "--identity", &escrow];
        stage.holdfast(&arguments).exits(0)
    };
    make(&mut play.stage).says("rebuilds notes without Holdfast");
    make(&mut play.stage).says("rebuilds notes without Holdfast");
    play.stage.holdfast(&["exit-kit", "notes"]).exits(1);
    std::fs::rename(&hidden, &reconciler).unwrap();
    let page = std::fs::read_to_string(play.kit.join("runbook.html")).unwrap();
    for expected in [
        "Notes GmbH",
        "mailto:it@notes.example",
        VAULT,
        "netcup",
        "shipped",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
    assert!(
        !page.contains("<script") && !page.contains("http"),
        "{page}"
    );
    // Never over something else.
    let foreign = play.stage.dir().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("letter"), "dear").unwrap();
    let arguments = ["exit-kit", "notes", "--out", &text(&foreign)];
    play.stage
        .holdfast(&arguments)
        .exits(1)
        .says("name another folder");
}

fn drilled(play: &mut Play) {
    let reconciler = local(&play.stage, "reconciler.age-key");
    let escrow = text(&local(&play.stage, "escrow.age-key"));
    play.stage
        .holdfast(&["drill", "notes", "--with-escrow-key", &text(&reconciler)])
        .exits(1)
        .says("no escrow key of its trust.toml");
    let hidden = reconciler.with_extension("hidden");
    std::fs::rename(&reconciler, &hidden).unwrap();
    let arguments = [
        "drill",
        "notes",
        "--with-escrow-key",
        &escrow,
        "--at",
        "hetzner",
        "--format",
        "json",
    ];
    let drill = play.stage.holdfast(&arguments).exits(0).json();
    std::fs::rename(&hidden, &reconciler).unwrap();
    assert_eq!(drill["passed"], true, "{drill}");
    assert_eq!(drill["evidence"]["opened_with"], "escrow");
    let standing = play
        .stage
        .holdfast(&["drill", "--list", "--format", "json"])
        .json();
    assert!(standing[0]["escrow_passed_at"].is_string(), "{standing}");
    assert!(standing[0]["escrow_overdue_since"].is_null(), "{standing}");
}

fn files_of(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_of(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Everything that the kit's machine must know and nobody else.
fn secrets(stage: &Stage) -> Vec<(String, Secret)> {
    let session = stage.session();
    let stack = session.desired.stacks.values().next().unwrap();
    let keys = session.repository_keys(stack);
    let mut all: Vec<(String, Secret)> = KeyRole::ALL
        .map(|role| (format!("the {role} key's password"), keys.of(role).clone()))
        .to_vec();
    for context in [
        &["rest-server", "notes", VAULT][..],
        &["service", "notes", "notes", "db_password"],
    ] {
        all.push((context.join(" "), derive::text(&session.key, context)));
    }
    let status = stage.lab_status();
    for (name, value) in [
        ("token", &status["hetzner"]["token"]),
        ("TSIG", &status["dns"]["secret"]),
    ] {
        all.push((name.into(), Secret::new(value.as_str().unwrap())));
    }
    all
}

fn holds(text: &[u8], secret: &Secret) -> bool {
    let secret = secret.expose();
    text.windows(secret.len()).any(|part| part == secret)
}

fn sealed(play: &mut Play) {
    let files = files_of(&play.kit);
    assert!(files.len() > 20, "{files:?}");
    for (name, secret) in secrets(&play.stage) {
        for file in &files {
            assert!(
                !holds(&std::fs::read(file).unwrap(), &secret),
                "{name} in {}",
                file.display()
            );
        }
        assert!(
            !holds(play.stage.said().as_bytes(), &secret),
            "{name} was said"
        );
    }
    // The search can find: asked for in the open, the same secrets are there, for root alone.
    let open = play.stage.dir().join("open");
    let arguments = [
        "exit-kit",
        "notes",
        "--out",
        &text(&open),
        "--plain-secrets",
    ];
    play.stage.holdfast(&arguments).exits(0).says("warning:");
    let mut found = 0;
    for file in files_of(&open.join("secrets")) {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
        let bytes = std::fs::read(&file).unwrap();
        found += secrets(&play.stage)
            .iter()
            .filter(|(_, secret)| holds(&bytes, secret))
            .count();
    }
    assert!(found >= 3, "{found}");
}

/// Copies a folder of this computer onto a machine.
fn send(stage: &Stage, from: &Path, machine: &str, to: &str) {
    let packed = std::process::Command::new("sh")
        .args(["-c", "tar -C \"$1\" -cz . | base64", "sh"])
        .arg(from)
        .output()
        .unwrap();
    let packed = String::from_utf8(packed.stdout).unwrap();
    let script = format!("mkdir -p {to}\nbase64 -d <<'END' | tar -xz -C {to}\n{packed}END\n");
    stage.ssh(machine, &script).exits(0);
}

/// What the runbook says to run on the new machine.
fn commands(kit: &Path) -> Vec<String> {
    let book = std::fs::read_to_string(kit.join("runbook.md")).unwrap();
    let blocks = book.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

fn changed(play: &mut Play) {
    let ran = play.stage.ssh(BARE, "ls -d /etc/holdfast /usr/local/lib/holdfast /var/lib/holdfast /srv/holdfast 2>/dev/null; command -v age restic psql nginx holdfast");
    assert_eq!(ran.stdout, "", "{BARE} is not bare");
    send(&play.stage, &play.kit, BARE, "/root/exit-kit");
    let key = std::fs::read_to_string(local(&play.stage, "escrow.age-key")).unwrap();
    let script = format!("umask 077\ncat >/root/escrow.txt <<'END'\n{key}END\n");
    play.stage.ssh(BARE, &script).exits(0);
    // One byte of one script.
    let spoil = "cd /root/exit-kit\ncp scripts/7-start.sh /root/kept\nprintf '#' >>scripts/7-start.sh\nsh scripts/0-open.sh /root/escrow.txt\n";
    play.stage
        .ssh(BARE, spoil)
        .exits(1)
        .says("not as they were made");
    // Before the secrets are open there is nothing to go on with.
    let early = "cd /root/exit-kit\nmv /root/kept scripts/7-start.sh\nsh scripts/4-files.sh\n";
    play.stage
        .ssh(BARE, early)
        .exits(1)
        .says("run 0-open.sh first");
}

fn followed(play: &mut Play) {
    play.stage.lab(&["destroy", "notes-e1"]).exits(0);
    let commands = commands(&play.kit);
    assert_eq!(commands.len(), 9, "{commands:#?}");
    let begin = Instant::now();
    let ran = play.stage.ssh(BARE, &commands.concat()).exits(0);
    eprintln!(
        "      the runbook's commands: {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    // S11: the newest that was proven, and what came later by name.
    ran.says("by its own word, and not known to this kit as proven")
        .says("passed: notes: front page")
        .says("500 rows")
        .says("equal: /var/lib/notes: 3 files");
    assert_eq!(content_of(&play.stage, BARE), play.content);
    let page = play.stage.get(BARE, "/index.html").expect("nobody answers");
    assert!(page.contains("Notes of many people"), "{page}");
}

fn left_behind(play: &mut Play) {
    let logs = play
        .stage
        .ssh(BARE, "journalctl -q --no-pager; cat /var/log/postgresql/* /var/log/dpkg.log; ps -eo args; ls -R /tmp /var/tmp")
        .exits(0)
        .stdout;
    for (name, secret) in secrets(&play.stage) {
        assert!(!holds(logs.as_bytes(), &secret), "{name} was left behind");
    }
}

fn copied(play: &mut Play) {
    // Somebody has a copy of the directory; then the backup machine is gone, too.
    let packed = play
        .stage
        .ssh(VAULT_AT, "tar -C /srv/holdfast/restic -cz notes | base64")
        .exits(0)
        .stdout;
    let script =
        format!("mkdir -p /mnt/copy\nbase64 -d <<'END' | tar -xz -C /mnt/copy\n{packed}END\n");
    play.stage.ssh(BARE, &script).exits(0);
    play.stage.lab(&["kill", VAULT_AT]).exits(0);
    let fetch = "cd /root/exit-kit\n\
        ! timeout 20 sh scripts/2-fetch.sh list 2>/dev/null\n\
        export RESTIC_REPOSITORY=/mnt/copy/notes\n\
        sh scripts/2-fetch.sh list\nsh scripts/2-fetch.sh\n";
    play.stage
        .ssh(BARE, fetch)
        .exits(0)
        .says("in /var/lib/exit-kit/point");
}
