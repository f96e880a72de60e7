//! What a recovery point holds: a stack with everything that is hard to bring back, rebuilt
//! from a real point and equal; and what nobody declared, found.

use crate::backup::{self as scenes, code};
use crate::support::{Stage, copy};
use holdfast::model::ids::{Epoch, MachineName, PointId, ServiceName};
use holdfast::model::units::Bytes;
use holdfast::world::backup::{self, BackupRequest, Taken};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

const WRITE: &str = include_str!("scripts/write-everything.sh");
const TELL: &str = include_str!("scripts/tell-everything.sh");

type Scene = (&'static str, fn(&mut Play));

struct Play {
    stage: Stage,
    /// What production held, in words.
    held: String,
}

const SCENES: &[Scene] = &[
    ("everything_is_written", written),
    ("what_is_known_is_what_would_be_read", remembered),
    ("what_is_deleted_meanwhile_stops_no_point", restless),
    ("what_nobody_declares_is_found", undeclared),
    ("a_hook_that_fails_makes_no_point", hooks),
    ("a_point_of_a_newer_program_is_refused", newer),
    ("a_lost_machine_comes_back_equal", rebuilt),
];

#[test]
fn contents_come_back() {
    let begin = Instant::now();
    let mut play = Play {
        stage: Stage::new("contents"),
        held: String::new(),
    };
    settle_in(&mut play.stage);
    eprintln!("lab and estate ({:.1} s)", begin.elapsed().as_secs_f64());
    for (name, scene) in SCENES {
        let begin = Instant::now();
        scene(&mut play);
        eprintln!("scene {name} ({:.1} s)", begin.elapsed().as_secs_f64());
    }
}

impl Play {
    /// Ids of points that count.
    fn points(&mut self) -> Vec<String> {
        let listed = self
            .stage
            .holdfast(&["points", "ledger", "--format", "json"]);
        let listed = listed.exits(0).json();
        let points = listed["points"].as_array().unwrap().iter();
        let counting = points.filter(|p| p["rung"] != "taken");
        counting
            .map(|p| p["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A point of what is there now, read back.
    fn ship(&self) -> Taken {
        let (session, look) = self.stage.look();
        let stack = session
            .desired
            .stacks
            .values()
            .find(|s| s.id.as_str() == "ledger");
        let stack = stack.unwrap();
        let production = MachineName::new("ledger-e1");
        let vault = MachineName::new("backup-netcup-vie");
        let (production, vault) = (
            session.contact(&production).unwrap(),
            session.contact(&vault).unwrap(),
        );
        let scene = scenes::Scene {
            transport: session.world.transport.as_ref(),
            production: &production,
            backup: &vault,
            request: BackupRequest {
                aside: false,
                stack: stack.id.clone(),
                epoch: Epoch(1),
                commit: session.desired.commit.clone(),
                services: look.manifests[&production.machine].services.clone(),
            },
            password: &session.repository_password(stack),
            keys: &session.repository_keys(stack),
        };
        self.stage.runtime.block_on(scene.ship())
    }

    /// A point of now says of the stack's files what is found when every one of them is read.
    #[track_caller]
    fn digests_are_real(&self, after: &str) {
        let taken = self.ship();
        assert_eq!(taken.attempts, 1);
        let (session, look) = self.stage.look();
        let production = MachineName::new("ledger-e1");
        let contact = session.contact(&production).unwrap();
        let read = backup::content(
            session.world.transport.as_ref(),
            &contact,
            &look.manifests[&production].services,
        );
        let read = self.stage.runtime.block_on(read).unwrap();
        let ledger = ServiceName::new("ledger");
        let held = &taken.manifest.services[&ledger].files;
        assert_eq!(held, &read[&ledger].files, "after {after}");
    }

    /// What nobody declares on a machine of the stack.
    fn undeclared(&self, machine: &str) -> Vec<String> {
        let (session, look) = self.stage.look();
        let name = MachineName::new(machine);
        let contact = session.contact(&name).unwrap();
        let asked = backup::undeclared(
            session.world.transport.as_ref(),
            &contact,
            &look.manifests[&name],
        );
        self.stage.runtime.block_on(asked).unwrap()
    }
}

/// By hand, for blueprints of the catalogue that changed: `-- --ignored wikis`.
#[test]
#[ignore = "installs every blueprint of the catalogue"]
fn wikis_declare_all_that_they_write() {
    let mut play = Play {
        stage: Stage::new("wikis"),
        held: String::new(),
    };
    settle_in(&mut play.stage);
    let file = play.stage.estate().join("stacks/ledger.toml");
    let mut stack = std::fs::read_to_string(&file).unwrap();
    for wiki in ["mediawiki", "dokuwiki", "wordpress"] {
        let _ = write!(
            stack,
            "\n[[service]]\nname = \"{wiki}\"\nblueprint = \"{wiki}\"\nversion = 1\nhost = \"{wiki}.example\"\n"
        );
    }
    std::fs::write(&file, stack).unwrap();
    play.stage.commit("All of the catalogue");
    play.stage.holdfast(&["apply"]).exits(0);
    // People read and write, and the machine starts anew.
    let use_them = "for host in mediawiki dokuwiki wordpress; do\n\
        for page in / /index.php /doku.php?id=start '/api.php?action=query&meta=siteinfo&format=json'; do\n\
        curl -s -o /dev/null -H \"Host: $host.example\" \"http://127.0.0.1$page\" || true; done; done\n\
        echo 'a page' >/run/page; chown www-data /run/page\n\
        runuser -u www-data -- php /usr/share/dokuwiki/bin/dwpage.php commit -m test /run/page test\n\
        echo 'A page' | runuser -u www-data -- php /usr/share/mediawiki/maintenance/edit.php -s test Test\n\
        runuser -u www-data -- php /usr/share/mediawiki/maintenance/runJobs.php\n\
        systemctl restart nginx php*-fpm postgresql mariadb cron 2>/dev/null || true\n\
        systemctl start systemd-tmpfiles-clean.service logrotate.service apt-daily.service dpkg-db-backup.service 2>/dev/null || true\n";
    let used = play.stage.ssh("ledger-e1", use_them).exits(0);
    eprintln!("{}{}", used.stdout, used.stderr);
    assert_eq!(play.undeclared("ledger-e1"), Vec::<String>::new());
    play.stage.holdfast(&["backup", "ledger"]).exits(0);
    play.stage.lab(&["destroy", "ledger-e1"]).exits(0);
    play.stage.holdfast(&["reconcile", "--once"]).exits(0);
    assert_eq!(play.undeclared("ledger-e2"), Vec::<String>::new());
}

/// One stack in place of those that other tests use.
fn settle_in(stage: &mut Stage) {
    let estate = stage.estate();
    for stack in ["notes", "annex"] {
        std::fs::remove_file(estate.join(format!("stacks/{stack}.toml"))).unwrap();
    }
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/estates/ledger"),
        &estate,
    );
    stage.git(&["add", "-A"]);
    stage.commit("One stack that holds everything");
}

fn written(play: &mut Play) {
    play.stage.holdfast(&["apply"]).exits(0);
    play.stage.ssh("ledger-e1", WRITE).exits(0);
    play.held = play.stage.ssh("ledger-e1", TELL).exits(0).stdout;
    let taken = play.ship();
    assert_eq!(taken.attempts, 1);
    let held = &taken.manifest.services[&ServiceName::new("ledger")];
    let files = &held.files["/srv/ledger"];
    assert!(!files.changing && files.metadata.is_some(), "{files:?}");
    let ledger = &held.databases["ledger"];
    assert_eq!(ledger.collation, "C.UTF-8");
    assert_eq!(ledger.rows["books.entry"], 2000);
    assert_eq!(ledger.sequences["books.number"], 1000 + 1999 * 7);
    let objects = |name: &str| held.databases[name].large_objects.unwrap();
    assert_eq!(
        (objects("ledger").count, objects("ledger").bytes),
        (2, Bytes(10_012))
    );
    // One of them begins with nine million bytes that were never written.
    assert_eq!(
        (objects("archive").count, objects("archive").bytes),
        (2, Bytes(9_000_027))
    );
}

fn remembered(play: &mut Play) {
    play.digests_are_real("nothing");
    let known = "cd /var/lib/holdfast/digests; test \"$(stat -c '%U %a' .)\" = 'root 700'\n\
        test \"$(ls | wc -l)\" = 1; grep -q 'deep/er/linked$' *\n";
    play.stage.ssh("ledger-e1", known).exits(0);
    // What is damaged costs time and nothing else.
    for damage in [
        "sed -i '/sparse$/s/^\\(. [0-9a-f]*\\)[0-9a-f] /\\1x /'",
        "truncate -s 700",
        "sed -i 2d",
    ] {
        let on = format!("{damage} /var/lib/holdfast/digests/*\n");
        play.stage.ssh("ledger-e1", &on).exits(0);
        play.digests_are_real(damage);
        play.stage.ssh("ledger-e1", known).exits(0);
    }
    // As long and as old as it was, and other bytes; lists and attributes where there were none.
    let swap = |bytes: &str| {
        format!(
            "cd /srv/ledger; touch -r plain/file /run/then; printf '{bytes}\\n' >plain/file; touch -r /run/then plain/file\n"
        )
    };
    let on = |command: &str| format!("{command} '/srv/ledger/with spaces/a  file'\n");
    for change in [
        swap("uno"),
        swap("one"),
        on("setfacl -m u:games:r"),
        on("setfacl -b"),
        on("setfattr -n user.late -v yes"),
        on("setfattr -x user.late"),
    ] {
        play.stage.ssh("ledger-e1", &change).exits(0);
        play.digests_are_real(&change);
    }
}

/// As a mail server does: folders of files come, are renamed and go, many times a second.
fn restless(play: &mut Play) {
    let churn = "mkdir /srv/ledger/mail; cat >/run/churn <<'E'\n\
        cd /srv/ledger/mail; i=0; while :; do i=$((i+1)); mkdir -p $((i%6)); for k in 1 2 3 4 5; do echo $i >$((i%6))/new.$k; done\n\
        for k in 1 2 3; do mv $((i%6))/new.$k $((i%6))/cur.$k; done; rm -rf $(((i+3)%6)); done\n\
        E\n\
        systemd-run -q --unit churn sh /run/churn\n";
    play.stage.ssh("ledger-e1", churn).exits(0);
    let taken = play.ship();
    eprintln!("taken at the {}th attempt", taken.attempts);
    let ledger = ServiceName::new("ledger");
    let files = &taken.manifest.services[&ledger].files["/srv/ledger"];
    assert!(files.changing && taken.attempts >= 3, "{files:?}");
    let calm = "systemctl stop churn; rm -r /srv/ledger/mail /run/churn\n";
    play.stage.ssh("ledger-e1", calm).exits(0);
    play.digests_are_real("a busy time");
    // What cannot be read is another matter.
    let broken = "cd /srv/ledger; touch unread; mount --bind /proc/1/mem unread\n";
    play.stage.ssh("ledger-e1", broken).exits(0);
    play.stage
        .holdfast(&["backup", "ledger"])
        .exits(1)
        .says("files-unreadable");
    let mended = "cd /srv/ledger; umount unread; rm unread\n";
    play.stage.ssh("ledger-e1", mended).exits(0);
}

fn undeclared(play: &mut Play) {
    // The test itself gave a user another number.
    let numbers = ["/etc/group", "/etc/passwd", "/etc/gshadow", "/etc/shadow"];
    let ours = |found: Vec<String>| -> Vec<String> {
        let others = |path: &String| !numbers.iter().any(|n| path.starts_with(n));
        found.into_iter().filter(others).collect()
    };
    assert_eq!(ours(play.undeclared("ledger-e1")), Vec::<String>::new());
    let write = "mkdir -p /opt/app/data /var/spool/app\n\
        echo 1 >/opt/app/data/one; echo 2 >/opt/app/data/two; echo 3 >'/var/spool/app/a name'\n\
        echo '# by hand' >>/etc/adduser.conf\n\
        echo cache >/var/cache/app; echo log >/var/log/app.log\n\
        runuser -u postgres -- psql -XqAt -c 'create database forgotten' -c \"alter system set work_mem = '5MB'\"\n";
    play.stage.ssh("ledger-e1", write).exits(0);
    let found = ours(play.undeclared("ledger-e1"));
    assert_eq!(
        found,
        [
            "/etc/adduser.conf",
            "/opt/app/",
            "/var/lib/postgresql/17/main/postgresql.auto.conf",
            "/var/spool/app/a name",
            "postgresql database forgotten",
        ]
    );
}

fn hooks(play: &mut Play) {
    let before = play.points();
    let refuse = "rm -f /run/ledger-hooks; echo 'in the middle of a sale' >/run/ledger-refuses\n";
    play.stage.ssh("ledger-e1", refuse).exits(0);
    let failed = play.stage.holdfast(&["backup", "ledger"]);
    failed
        .exits(1)
        .says("before-backup of ledger")
        .says("in the middle of a sale")
        .says("Earlier ones are untouched");
    assert_eq!(play.points(), before);
    let ran = "cat /run/ledger-hooks; rm -f /run/ledger-refuses /run/ledger-hooks\n";
    assert_eq!(play.stage.ssh("ledger-e1", ran).exits(0).stdout, "after\n");
    // A dump that fails in the middle: the service goes on all the same.
    let drop = "chmod 0000 /srv/ledger; mv /srv/ledger /srv/ledger.away\n";
    play.stage.ssh("ledger-e1", drop).exits(0);
    play.stage
        .holdfast(&["backup", "ledger"])
        .exits(1)
        .says("path-missing");
    let back =
        "mv /srv/ledger.away /srv/ledger; chmod 0750 /srv/ledger; test ! -e /run/ledger-pauses\n";
    play.stage.ssh("ledger-e1", back).exits(0);
    assert_eq!(play.points(), before);
}

fn newer(play: &mut Play) {
    // A machine that would be restored to, as far as it knows itself.
    let foreign = "cd /; . /etc/holdfast/backup.env\n\
        export RESTIC_REPOSITORY RESTIC_PASSWORD_FILE RESTIC_CACERT\n\
        echo building >/etc/holdfast/stage\n\
        restic backup -q --json --tag stack=ledger --tag epoch=1 --tag commit=none --tag schema=9 /etc/hostname |\n\
        sed -n 's/.*\"snapshot_id\":\"\\([0-9a-f]*\\)\".*/\\1/p'\n";
    let point = play.stage.ssh("ledger-e1", foreign).exits(0).stdout;
    let point = PointId::new(point.trim());
    let (session, _) = play.stage.look();
    let contact = session.contact(&MachineName::new("ledger-e1")).unwrap();
    let fetched = backup::fetch(session.world.transport.as_ref(), &contact, &point);
    let fetched = play.stage.runtime.block_on(fetched);
    assert_eq!(code(fetched), "point-newer");
    let left =
        "echo opened >/etc/holdfast/stage; ls /var/lib/holdfast/restore 2>/dev/null || true\n";
    assert_eq!(play.stage.ssh("ledger-e1", left).exits(0).stdout, "");
}

fn rebuilt(play: &mut Play) {
    play.stage.lab(&["destroy", "ledger-e1"]).exits(0);
    play.stage.holdfast(&["reconcile", "--once"]).exits(0);
    let found = play.stage.ssh("ledger-e2", TELL).exits(0).stdout;
    equal(&play.held, &found);
}

/// Says the lines that differ, not both texts.
#[track_caller]
fn equal(held: &str, found: &str) {
    let beyond = |one: &str, other: &str, sign: &str| {
        let missing = one
            .lines()
            .filter(|line| !other.lines().any(|l| l == *line));
        let missing: Vec<String> = missing.map(|line| format!("{sign} {line}\n")).collect();
        missing.concat()
    };
    let differ = beyond(held, found, "-") + &beyond(found, held, "+");
    assert!(differ.is_empty(), "\n{differ}");
    let order = held
        .lines()
        .zip(found.lines())
        .find(|(one, other)| one != other);
    assert_eq!(order, None, "in another order");
}
