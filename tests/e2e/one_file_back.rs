//! One file back: a person deleted something, and it returns beside the live data.

use crate::support::{Ran, Stage};

/// A folder with names that hurt, and rows in the table.
const WRITTEN: &str = r#"
cd /var/lib/notes
mkdir -p 'kept/with space'
printf one >kept/letter
printf two >'kept/with space/a[b]*?'
printf three >"kept/new
line"
printf four >"$(printf 'kept/\377')"
ln -s letter kept/link
chown -R www-data:www-data kept
chmod 0640 kept/letter
runuser -u postgres -- psql -XqAt -d notes -c "insert into note (body) values ('early')" -c 'create table ledger (id serial primary key, cents bigint)' -c 'insert into ledger (cents) select g from generate_series(1, 500) g' -c 'alter table ledger owner to notes' -c 'create table sale (id int, at date) partition by range (at)' -c "create table sale_2025 partition of sale for values from ('2025-01-01') to ('2026-01-01')" -c "create table sale_2026 partition of sale for values from ('2026-01-01') to ('2027-01-01')" -c "insert into sale select g, date '2025-12-01' + g from generate_series(1, 60) g" -c 'alter table sale owner to notes'
ln -s /var/lib/notes /srv/way-in
"#;

/// Somebody makes a mess of it.
const MESS: &str = r"
cd /var/lib/notes
printf 'one, and more' >kept/letter
rm -r 'kept/with space'
runuser -u postgres -- psql -XqAt -d notes -c 'delete from ledger'
";

#[test]
fn one_file_comes_back_beside_the_live_data() {
    let mut stage = Stage::new("part");
    stage.holdfast(&["apply"]).exits(0);
    let run = |stage: &Stage, script: &str| stage.ssh("notes-e1", script).exits(0).stdout;
    run(&stage, WRITTEN);
    stage.holdfast(&["backup", "notes"]).exits(0);
    let early = now(&stage);
    run(&stage, MESS);
    stage.holdfast(&["backup", "notes"]).exits(0);
    let live = "cd /var/lib/notes && find . -type f -print0 | sort -z | xargs -0 sha256sum; runuser -u postgres -- psql -XqAt -d notes -c 'select count(*) from note'";
    let before = run(&stage, live);

    // Which versions are there?
    let letter = "/var/lib/notes/kept/letter";
    let found = stage.holdfast(&["files", "notes", letter, "--format", "json"]);
    let found = found.exits(0).json();
    let sizes: Vec<u64> = found["versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|version| version["here"]["size"].as_u64())
        .collect();
    assert_eq!(sizes, [13, 3]);
    stage
        .holdfast(&["files", "notes", letter])
        .exits(0)
        .says("13 B")
        .says("0640")
        .says("do not hold it");
    stage
        .holdfast(&["files", "notes", "/var/lib/notes/kept/", "--at", &early])
        .exits(0)
        .says("with space/")
        .says("letter");
    stage
        .holdfast(&["files", "notes", "/var/lib/notes/never"])
        .exits(0)
        .says("is in none of the");
    stage
        .holdfast(&["files", "notes", letter, "--at", "last week"])
        .exits(1)
        .says("is no moment");
    stage
        .holdfast(&["files", "notes", letter, "--at", "2001-01-01"])
        .exits(1)
        .says("has no recovery point that was read back and taken by");

    // A file, and a folder whole.
    let back = |stage: &mut Stage, from: &str, to: &str| -> Ran {
        stage.holdfast(&[
            "restore", "notes", "--path", from, "--at", &early, "--to", to,
        ])
    };
    back(&mut stage, letter, "/root/letter")
        .exits(0)
        .says("The live data is untouched");
    assert_eq!(
        run(&stage, "cat /root/letter; stat -c ' %a %U' /root/letter"),
        "one 640 www-data\n"
    );
    back(
        &mut stage,
        "/var/lib/notes/kept/with space/a[b]*?",
        "/root/odd name",
    )
    .exits(0);
    assert_eq!(run(&stage, "cat '/root/odd name'"), "two");
    back(&mut stage, "/var/lib/notes/kept", "/srv/kept").exits(0);
    assert_eq!(
        run(
            &stage,
            "cd /srv/kept && find . -type f | wc -l && readlink link && cat \"$(printf '\\377')\""
        ),
        "5\nletter\nfour"
    );

    // S4: never over what is there, never into the live data.
    for (from, to, words) in [
        (letter, "/root/letter", "exists already"),
        (letter, "/var/lib/notes/kept/again", "which is live data"),
        (letter, "/srv/way-in/kept/again", "which is live data"),
        (letter, "/no/such/folder/letter", "is not there; make it"),
        (letter, "relative", "not an absolute path"),
        (
            "/etc/passwd",
            "/root/passwd",
            "is no declared state of notes",
        ),
        (
            "/var/lib/notes/never",
            "/root/never",
            "the point does not hold",
        ),
    ] {
        back(&mut stage, from, to).exits(1).says(words);
    }

    // A database, and one table of it.
    let restored = |stage: &mut Stage, more: &[&str], to: &str| -> Ran {
        let mut all = vec![
            "restore",
            "notes",
            "--database",
            "notes",
            "--at",
            &early,
            "--to",
            to,
        ];
        all.extend(more);
        stage.holdfast(&all)
    };
    restored(&mut stage, &[], "notes_early").exits(0);
    restored(&mut stage, &["--table", "ledger"], "ledger_early").exits(0);
    let count = |stage: &Stage, database: &str, from: &str| {
        let script = format!(
            "runuser -u postgres -- psql -XqAt -d {database} -c 'select count(*), sum(cents) from {from}'"
        );
        run(stage, &script)
    };
    assert_eq!(count(&stage, "notes_early", "ledger"), "500|125250\n");
    assert_eq!(count(&stage, "ledger_early", "ledger"), "500|125250\n");
    assert_eq!(count(&stage, "notes", "ledger"), "0|\n");
    assert_eq!(
        run(
            &stage,
            "runuser -u postgres -- psql -XqAt -d ledger_early -c \"select count(*) from pg_tables where schemaname = 'public'\" -c \"select pg_get_userbyid(datdba) from pg_database where datname = 'ledger_early'\""
        ),
        "1\nnotes\n"
    );
    // Its rows lie in its partitions.
    restored(&mut stage, &["--table", "sale"], "sale_early").exits(0);
    assert_eq!(
        run(
            &stage,
            "runuser -u postgres -- psql -XqAt -d sale_early -c 'select count(*) from sale' -c \"select string_agg(tablename, ' ' order by 1) from pg_tables where schemaname = 'public'\""
        ),
        "60\nsale sale_2025 sale_2026\n"
    );
    restored(&mut stage, &[], "notes")
        .exits(1)
        .says("exists already");
    restored(&mut stage, &[], "Notes; drop")
        .exits(1)
        .says("the name of a database");
    restored(&mut stage, &["--table", "never"], "never_early")
        .exits(1)
        .says("has no table never");
    let left = "runuser -u postgres -- psql -XqAt -c \"select datname from pg_database where datname like 'never%'\"; ls -A /var/lib/holdfast /root /srv | grep retrieve || true";
    assert_eq!(run(&stage, left), "");

    s04_a_run_that_fails_leaves_nothing(&mut stage, &early);

    assert_eq!(run(&stage, live), before);
    // The mess itself does not go unnoticed: nothing is forgotten until somebody has looked.
    stage
        .holdfast(&["plan"])
        .exits(5)
        .says("Nothing to do; 1 held.")
        .says("61 rows after 561");
}

/// The backup machine falls silent in the middle; what somebody else made is not this run's.
fn s04_a_run_that_fails_leaves_nothing(stage: &mut Stage, early: &str) {
    let silence = |stage: &Stage, room: &str, meanwhile: &str| {
        let script = format!(
            ". /etc/holdfast/backup.env; vault=$(printf %s \"$RESTIC_REPOSITORY\" | sed 's#.*@##; s#[:/].*##')\n\
             systemd-run -q --collect sh -c \"until [ -d {room} ]; do sleep 0.01; done; ip route add blackhole $vault; {meanwhile}\"\n"
        );
        stage.ssh("notes-e1", &script).exits(0);
    };
    let again = "ip route | sed -n 's/^blackhole/ip route del blackhole/p' | sh";
    let path = [
        "restore",
        "notes",
        "--path",
        "/var/lib/notes",
        "--at",
        early,
    ];
    let database = ["restore", "notes", "--database", "notes", "--at", early];

    silence(stage, "/root/.holdfast-retrieve", ":");
    stage
        .holdfast(&[&path[..], &["--to", "/root/whole"]].concat())
        .exits(1)
        .says("stopped answering");
    stage.ssh("notes-e1", again).exits(0);

    silence(
        stage,
        "/var/lib/holdfast/retrieve",
        "runuser -u postgres -- createdb silent 2>/srv/refused",
    );
    stage
        .holdfast(&[&database[..], &["--to", "silent"]].concat())
        .exits(1)
        .says("stopped answering");
    stage.ssh("notes-e1", again).exits(0);

    let left = "grep -c 'already exists' /srv/refused; runuser -u postgres -- psql -XqAt -c \"select datname from pg_database where datname = 'silent'\"; ls -A /var/lib/holdfast /root | grep -E 'retrieve|whole' || true";
    assert_eq!(stage.ssh("notes-e1", left).exits(0).stdout, "1\n");
}

/// The moment, by the clock of this computer, once the second is over.
fn now(stage: &Stage) -> String {
    let now = stage.ssh("notes-e1", "date -u +%Y-%m-%dT%H:%M:%SZ; sleep 1.1");
    now.exits(0).stdout.trim().to_owned()
}
