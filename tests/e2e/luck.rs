//! Bad input and bad luck, on one lab with one estate: each scene breaks something,
//! looks at what is said, and at what is still there.

use crate::backup;
use crate::support::{Ran, Stage, text};
use holdfast::decide::derive;
use holdfast::model::ids::MachineName;
use holdfast::model::secret::Secret;
use holdfast::world::backup::{BackupRequest, Taken};
use holdfast::world::machine::Contact;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What the scenes hand on.
struct Play {
    stage: Stage,
    /// What users have, as last seen whole.
    content: String,
    /// The point that a rebuild will take.
    taken: Option<Taken>,
}

type Scene = (&'static str, fn(&mut Play));

const SCENES: &[Scene] = &[
    ("an_unsigned_commit_does_nothing", unsigned),
    ("a_fresh_estate_is_planned", planned),
    ("s05_after_apply_the_plan_is_empty", applied),
    ("users_write_and_a_point_is_taken", written),
    ("drift_is_shown_and_converged", drift),
    ("s01_a_silent_hoster_is_a_gap", outages),
    ("s01_a_wrong_token_is_named", wrong_token),
    ("s10_production_and_its_backups", backup_scenes),
    ("a_failing_dump_makes_no_point", failing_dump),
    ("a_backup_machine_cut_off_in_a_backup", cut_in_backup),
    ("a_changed_host_key_stops_everything", changed_host_key),
    ("power_loss_only_switches_on_again", power_loss),
    ("s01_a_loss_behind_an_outage_waits", loss_behind_outage),
    ("s06_kill_9_leaves_one_server", killed),
    ("disk_full_while_restoring", disk_full),
    ("s15_what_the_point_lacks_does_not_start", not_in_point),
    ("a_backup_machine_cut_off_in_a_restore", cut_in_restore),
    ("s15_a_failing_check_stays_closed", failing_check),
    ("s06_the_rebuild_ends_with_one_server", rebuilt),
    ("a_machine_that_never_answers", never_answers),
    ("no_capacity_falls_back", no_capacity),
    ("one_line_moves_the_customer", moved),
    ("s02_a_zombie_stays_closed", zombie),
    ("s13_no_secret_was_said", secrets),
];

#[test]
fn bad_input_and_bad_luck() {
    let begin = Instant::now();
    let mut play = Play {
        stage: Stage::new("luck"),
        content: String::new(),
        taken: None,
    };
    eprintln!("lab and estate ({:.1} s)", begin.elapsed().as_secs_f64());
    // For work on one scene: words, parted by commas; scenes that others need must be among them.
    let wanted = std::env::var("HOLDFAST_SCENES").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').collect();
    let chosen = SCENES
        .iter()
        .filter(|(name, _)| wanted.iter().any(|word| name.contains(word)));
    let mut failed = Vec::new();
    for (name, scene) in chosen {
        let begin = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| scene(&mut play)));
        let word = if ended.is_ok() { "ok" } else { "FAILED" };
        eprintln!(
            "scene {name} ... {word} ({:.1} s)",
            begin.elapsed().as_secs_f64()
        );
        if ended.is_err() {
            failed.push(*name);
            play.stage.lab(&["heal"]);
        }
    }
    assert_eq!(failed, Vec::<&str>::new());
}

impl Play {
    /// Files by digest, and every row.
    #[track_caller]
    fn content_of(&self, machine: &str) -> String {
        let ran = self.stage.ssh(
            machine,
            "cd /var/lib/notes\n\
             find . -type f -print0 | sort -z | xargs -0 sha256sum\n\
             runuser -u postgres -- psql -XqAt -d notes -c 'select id, body from note order by id'\n",
        );
        ran.exits(0).stdout
    }

    /// Ids of points that count.
    fn points(&mut self) -> Vec<String> {
        let listed = self
            .stage
            .holdfast(&["points", "notes", "--format", "json"]);
        let listed = listed.exits(0).json();
        let points = listed["points"].as_array().unwrap().iter();
        points
            .filter(|p| p["rung"] != "taken")
            .map(|p| p["id"].as_str().unwrap().to_owned())
            .collect()
    }

    #[track_caller]
    fn settled(&mut self) {
        self.stage
            .holdfast(&["plan"])
            .exits(0)
            .says("Nothing to do.");
    }

    /// Users get in, and find what they had.
    #[track_caller]
    fn whole(&mut self, machine: &str) {
        let page = self
            .stage
            .get(machine, "/index.html")
            .expect("nobody gets in");
        assert!(page.contains("Notes of many people"), "{page}");
        assert_eq!(self.content_of(machine), self.content);
        assert_eq!(
            self.stage.lookup("notes.example"),
            self.stage.address(machine)
        );
    }

    #[track_caller]
    fn closed(&self, machine: &str) {
        assert_eq!(
            self.stage.get(machine, "/"),
            None,
            "{machine} lets users in"
        );
    }

    /// Our machine on a lab machine of a pool.
    #[track_caller]
    fn on(&self, machine: &str) -> String {
        let pools = self
            .stage
            .machines(|m| m["hoster"] != "hetzner" && m["power"] == "running");
        let script = format!("grep -qx \"MACHINE='{machine}'\" /etc/holdfast/identity");
        let mut pools = pools.into_iter();
        let found = pools.find(|name| self.stage.ssh(name, &script).code == 0);
        found.unwrap_or_else(|| panic!("no pool machine is {machine}"))
    }

    fn reconcile(&mut self) -> Ran {
        self.stage.holdfast(&["reconcile", "--once"])
    }
}

fn unsigned(play: &mut Play) {
    let stage = &mut play.stage;
    stage.holdfast(&["check"]).exits(0).says("2 sound stacks");
    let machines = stage.machines(|_| true);
    stage.edit("stacks/notes.toml", "Notes GmbH", "Notes AG");
    stage.git(&[
        "-c",
        "commit.gpgsign=false",
        "commit",
        "-qam",
        "No signature",
    ]);
    let head = stage.git(&["rev-parse", "HEAD"]);
    for command in [
        &["check"][..],
        &["plan"],
        &["apply"],
        &["reconcile", "--once"],
        &["backup", "notes"],
    ] {
        let ran = stage.holdfast(command).exits(4).says("nothing was done");
        assert!(ran.stderr.contains(&head[..12]), "{}", ran.stderr);
        assert!(ran.stderr.contains("to mend it:"), "{}", ran.stderr);
    }
    // By somebody whom nobody knows.
    let key = text(&stage.dir().join("stranger"));
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &key])
        .status();
    assert!(made.unwrap().success());
    stage.git(&[
        "-c",
        &format!("user.signingkey={key}"),
        "commit",
        "-q",
        "--amend",
        "--no-edit",
    ]);
    stage.holdfast(&["apply"]).exits(4).says("to mend it:");
    assert_eq!(stage.machines(|_| true), machines);
    assert!(!stage.estate().join(".git/holdfast/state.sqlite").exists());
    stage.git(&["reset", "-q", "--hard", "HEAD~1"]);
}

fn planned(play: &mut Play) {
    let stage = &mut play.stage;
    let human = stage.holdfast(&["plan"]).exits(2);
    let human = human
        .says("create notes-e1")
        .says("create annex-e1")
        .says("backup");
    assert!(
        human.stdout.contains("stacks/notes.toml"),
        "{}",
        human.stdout
    );
    let plan = stage
        .holdfast(&["plan", "--format", "json"])
        .exits(2)
        .json();
    assert_eq!(plan["plan_schema"], 1);
    let steps = plan["steps"].as_array().unwrap();
    let ids: Vec<&str> = steps.iter().map(|s| s["id"].as_str().unwrap()).collect();
    for step in steps {
        assert_ne!(step["effect"], "destructive", "{step}");
        for after in step["after"].as_array().unwrap() {
            assert!(ids.contains(&after.as_str().unwrap()), "{after} is no step");
        }
    }
    assert_eq!(
        stage.machines(|m| m["hoster"] == "hetzner"),
        Vec::<String>::new()
    );
}

fn applied(play: &mut Play) {
    play.stage.holdfast(&["apply"]).exits(0);
    play.settled();
    let plan = play
        .stage
        .holdfast(&["plan", "--format", "json"])
        .exits(0)
        .json();
    for part in ["steps", "held", "drift", "gaps"] {
        assert_eq!(plan[part], serde_json::json!([]), "{part}");
    }
    assert_eq!(play.stage.running("notes-"), ["notes-e1"]);
    play.content = play.content_of("notes-e1");
    play.whole("notes-e1");
}

fn written(play: &mut Play) {
    let write = "cd /var/lib/notes\n\
        mkdir -p 'a folder'\n\
        head -c 160000000 /dev/urandom >big\n\
        printf 'umlauts \\303\\244 and a tab\\t\\n' >'a folder/some notes.txt'\n\
        chown -R www-data:www-data .\n\
        runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) select 'note ' || n from generate_series(1, 500) as n\"\n";
    play.stage.ssh("notes-e1", write).exits(0);
    play.content = play.content_of("notes-e1");
    assert!(play.content.contains("note 500"));
    let before = play.points();
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    let after = play.points();
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|point| after.contains(point)));
    play.whole("notes-e1");
}

fn drift(play: &mut Play) {
    let stage = &mut play.stage;
    let harm = "echo '# by hand' >>/etc/nginx/sites-enabled/default\n\
        apt-get remove -qq -y tree >/dev/null 2>&1\n\
        systemctl stop nginx\n";
    stage.ssh("notes-e1", harm).exits(0);
    let plan = stage.holdfast(&["plan"]).exits(2);
    let plan = plan
        .says("Drift")
        .says("/etc/nginx/sites-enabled/default")
        .says("nginx.service");
    assert!(plan.stdout.contains("tree"), "{}", plan.stdout);
    let json = stage
        .holdfast(&["plan", "--format", "json"])
        .exits(2)
        .json();
    assert_eq!(
        json["drift"].as_array().unwrap().len(),
        3,
        "{}",
        json["drift"]
    );
    stage.holdfast(&["apply"]).exits(0);
    let mended = "! grep -q 'by hand' /etc/nginx/sites-enabled/default\ndpkg -s tree >/dev/null\nsystemctl is-active nginx\n";
    stage.ssh("notes-e1", mended).exits(0);
    play.settled();
    play.whole("notes-e1");
}

fn outages(play: &mut Play) {
    let machines = play.stage.machines(|_| true);
    for mode in ["503", "429", "500", "hang"] {
        play.stage
            .lab(&["outage", "hetzner", "--mode", mode])
            .exits(0);
        play.stage
            .holdfast(&["plan"])
            .exits(5)
            .says("Not seen (never taken for absent)")
            .says("hoster hetzner")
            .says("production of notes");
    }
    play.stage
        .lab(&["outage", "hetzner", "--mode", "503"])
        .exits(0);
    play.reconcile().exits(5);
    play.stage
        .lab(&["outage", "hetzner", "--mode", "slow", "--delay-ms", "300"])
        .exits(0);
    play.settled();
    play.stage.lab(&["heal"]).exits(0);
    assert_eq!(play.stage.machines(|_| true), machines);
    play.whole("notes-e1");
}

fn wrong_token(play: &mut Play) {
    let stage = &mut play.stage;
    let machines = stage.machines(|_| true);
    stage.seal("hetzner-token", "not-the-token-that-was-given-to-us");
    stage.commit("A wrong token");
    stage
        .holdfast(&["apply"])
        .exits(5)
        .says("unauthorized")
        .says("hoster hetzner");
    assert_eq!(stage.machines(|_| true), machines);
    let token = stage.lab_status()["hetzner"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.seal("hetzner-token", &token);
    stage.commit("The right token");
    play.settled();
}

/// What the scenes of `backup.rs` need, from a session that has looked.
fn with_scene(play: &Play, production: &str, act: impl AsyncFnOnce(&backup::Scene<'_>)) {
    let (session, look) = play.stage.look();
    let stack = session
        .desired
        .stacks
        .values()
        .find(|s| s.id.as_str() == "notes");
    let stack = stack.unwrap();
    let name = MachineName::new(production);
    let vault = session
        .contact(&MachineName::new("backup-netcup-vie"))
        .unwrap();
    let password = session.repository_password(stack);
    let machines = look
        .observed
        .hosters
        .values()
        .flatten()
        .flat_map(|i| &i.machines);
    let epoch = machines
        .filter(|m| m.name == name)
        .map(|m| m.epoch)
        .next()
        .unwrap();
    let scene = backup::Scene {
        transport: session.world.transport.as_ref(),
        production: &session.contact(&name).unwrap(),
        backup: &vault,
        request: BackupRequest {
            stack: stack.id.clone(),
            epoch,
            commit: session.desired.commit.clone(),
            services: look.manifests[&name].services.clone(),
        },
        password: &password,
    };
    play.stage.runtime.block_on(act(&scene));
}

fn backup_scenes(play: &mut Play) {
    let mut taken = None;
    with_scene(play, "notes-e1", async |scene| {
        backup::a_repository_is_made_once_and_never_again(scene).await;
        backup::a_point_counts_only_after_it_was_read_back(scene).await;
        backup::s10_production_cannot_hurt_its_backups(scene).await;
        backup::a_backup_machine_that_is_down_is_said_in_seconds(scene).await;
        let point = scene.ship().await;
        backup::s04_nothing_is_restored_onto_a_machine_in_use(scene, &point.point).await;
        taken = Some(point);
    });
    play.taken = taken;
    play.whole("notes-e1");
}

fn failing_dump(play: &mut Play) {
    let before = play.points();
    let database = "database\tnotes\n";
    let script = |body: &str| {
        format!(
            "cat >/root/scene.sh <<'END'\n{body}\nEND\nprintf '{database}' | sh /root/scene.sh\nrm /root/scene.sh\n"
        )
    };
    let damage = script(include_str!("scripts/damage-database.sh"));
    let mend = script(include_str!("scripts/mend-database.sh"));
    play.stage.ssh("notes-e1", &damage).exits(0);
    let failed = play.stage.holdfast(&["backup", "notes"]);
    play.stage.ssh("notes-e1", &mend).exits(0);
    failed
        .exits(1)
        .says("database notes")
        .says("Earlier ones are untouched");
    assert_eq!(play.points(), before);
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    play.settled();
}

fn cut_in_backup(play: &mut Play) {
    let before = play.points();
    // Something new to send, so that sending takes its time.
    let more =
        "cd /var/lib/notes\nhead -c 160000000 /dev/urandom >big\nchown www-data:www-data big\n";
    play.stage.ssh("notes-e1", more).exits(0);
    play.content = play.content_of("notes-e1");
    let running = play.stage.start(&["backup", "notes"]);
    play.stage.until("notes-e1", "pgrep -f 'restic backup'");
    play.stage.lab(&["cut", "netcup"]).exits(0);
    let failed = play.stage.end(running);
    play.stage.lab(&["heal"]).exits(0);
    failed
        .exits(1)
        .says("Earlier ones are untouched")
        .says("backup");
    assert_eq!(play.points(), before);
    play.whole("notes-e1");
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    assert_eq!(play.points().len(), before.len() + 1);
    play.settled();
}

fn changed_host_key(play: &mut Play) {
    let change = "mkdir /root/keys\nmv /etc/ssh/ssh_host_* /root/keys/\nssh-keygen -q -A\nsystemctl restart ssh\n";
    play.stage.ssh("notes-e1", change).exits(0);
    let plan = play.stage.holdfast(&["plan"]).exits(5);
    let plan = plan
        .says("production of notes")
        .says("notes-e1")
        .says("key");
    assert!(
        plan.stdout.contains("somebody may be in between"),
        "{}",
        plan.stdout
    );
    play.reconcile().exits(5);
    play.stage
        .holdfast(&["backup", "notes"])
        .exits(1)
        .says("key");
    assert_eq!(play.stage.running("notes-"), ["notes-e1"]);
    let back = "rm /etc/ssh/ssh_host_*\nmv /root/keys/* /etc/ssh/\nrmdir /root/keys\nsystemctl restart ssh\n";
    play.stage.ssh("notes-e1", back).exits(0);
    play.settled();
    play.whole("notes-e1");
}

fn power_loss(play: &mut Play) {
    let before = play.points();
    play.stage.lab(&["kill", "notes-e1"]).exits(0);
    play.reconcile().exits(0).says("ok   power on notes-e1");
    play.settled();
    assert_eq!(play.stage.running("notes-"), ["notes-e1"]);
    assert!(before.iter().all(|point| play.points().contains(point)));
    play.whole("notes-e1");
    // The state that everything after this must bring back.
    let mut taken = None;
    with_scene(play, "notes-e1", async |scene| {
        taken = Some(scene.ship().await);
    });
    play.taken = taken;
}

fn loss_behind_outage(play: &mut Play) {
    play.stage.lab(&["outage", "hetzner"]).exits(0);
    play.stage.lab(&["destroy", "notes-e1"]).exits(0);
    play.reconcile().exits(5).says("hoster hetzner");
    assert_eq!(play.stage.running("notes-"), Vec::<String>::new());
    play.stage.lab(&["heal"]).exits(0);
    // The hoster says "off"; whether the disk is there is known once it was tried.
    let plan = play.stage.holdfast(&["plan"]).exits(2);
    plan.says("power on notes-e1");
}

fn killed(play: &mut Play) {
    let mut running = play.stage.start(&["reconcile", "--once"]);
    running.until_says("install notes-e2");
    std::thread::sleep(Duration::from_secs(3));
    let said = running.kill();
    play.stage.hear(&said);
    assert!(
        !said.contains("ok   install notes-e2"),
        "killed too late:\n{said}"
    );
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
    play.closed("notes-e2");
}

fn disk_full(play: &mut Play) {
    // A disk with too little room, where points are fetched to.
    let small = "mkdir -p /var/lib/holdfast/restore\nmount -t tmpfs -o size=20m,mode=0711 small /var/lib/holdfast/restore\n";
    play.stage.ssh("notes-e2", small).exits(0);
    let failed = play.reconcile();
    play.stage
        .ssh("notes-e2", "umount /var/lib/holdfast/restore")
        .exits(0);
    failed
        .exits(1)
        .says("/var/lib/holdfast/restore")
        .says("disk-full")
        .says("free");
    play.closed("notes-e2");
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
}

fn not_in_point(play: &mut Play) {
    let taken = play.taken.clone().expect("no point was taken");
    let new = contact(play, "notes-e2");
    with_scene(play, "notes-e2", async |scene| {
        backup::s15_a_service_that_the_point_does_not_hold_does_not_start_empty(
            scene,
            &new,
            &taken.point,
        )
        .await;
    });
    play.closed("notes-e2");
    // The next scene fetches again.
    play.stage
        .ssh("notes-e2", "rm -rf /var/lib/holdfast/restore/*")
        .exits(0);
}

fn contact(play: &Play, machine: &str) -> Contact {
    let (session, _) = play.stage.look();
    session.contact(&MachineName::new(machine)).unwrap()
}

fn cut_in_restore(play: &mut Play) {
    let running = play.stage.start(&["reconcile", "--once"]);
    play.stage.until("notes-e2", "pgrep -f 'restic restore'");
    play.stage.lab(&["cut", "netcup"]).exits(0);
    let failed = play.stage.end(running);
    play.closed("notes-e2");
    play.stage.lab(&["heal"]).exits(0);
    failed.exits(5).says("FAIL fetch").says("backup-netcup-vie");
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
}

fn failing_check(play: &mut Play) {
    let check = "blueprints/notes/checks/table.sh";
    play.stage.edit(
        check,
        "set -eu\n",
        "set -eu\necho 'the table is on strike' >&2\nexit 1\n",
    );
    play.stage.commit("A check that fails");
    let points = play.points();
    let failed = play.reconcile();
    failed
        .exits(1)
        .says("FAIL check")
        .says("the table answers")
        .says("the table is on strike");
    play.closed("notes-e2");
    assert_eq!(play.points(), points);
    // What came back is what production held, although nobody may see it yet.
    assert_eq!(play.content_of("notes-e2"), play.content);
    let (taken, new) = (play.taken.clone().unwrap(), contact(play, "notes-e2"));
    with_scene(play, "notes-e2", async |scene| {
        backup::a_restored_machine_holds_what_production_held(scene, &new, &taken).await;
    });
    play.closed("notes-e2");
    play.stage
        .edit(check, "echo 'the table is on strike' >&2\nexit 1\n", "");
    play.stage.commit("A check that passes");
}

fn rebuilt(play: &mut Play) {
    play.reconcile().exits(0);
    play.settled();
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
    assert_eq!(
        play.stage.machines(|m| m["name"] == "notes-e3"),
        Vec::<String>::new()
    );
    play.whole("notes-e2");
}

fn never_answers(play: &mut Play) {
    play.stage.lab(&["destroy", "annex-e1"]).exits(0);
    let mut running = play.stage.start(&["reconcile", "--once"]);
    running.until_says("ok   create annex-e2");
    play.stage.lab(&["cut", "hetzner"]).exits(0);
    let failed = play.stage.end(running);
    play.stage.lab(&["heal"]).exits(0);
    failed
        .exits(5)
        .says("annex-e2 has not answered on SSH for 12 s");
    play.reconcile().exits(0);
    play.settled();
    assert_eq!(play.stage.running("annex-"), ["annex-e2"]);
    play.whole("notes-e2");
}

fn no_capacity(play: &mut Play) {
    let stage = &mut play.stage;
    stage
        .ssh("annex-e2", "echo kept >/var/lib/notes/kept")
        .exits(0);
    stage.holdfast(&["backup", "annex"]).exits(0);
    stage.lab(&["outage", "hetzner", "--mode", "full"]).exits(0);
    stage.lab(&["destroy", "annex-e2"]).exits(0);
    let ran = stage.holdfast(&["reconcile", "--once"]);
    stage.lab(&["heal"]).exits(0);
    ran.says("resource_unavailable").says("at ionos de/fra");
    let machine = play.on("annex-e3");
    assert!(machine.starts_with("ionos-"), "{machine}");
    let page = play.stage.get(&machine, "/kept").expect("nobody gets in");
    assert!(page.contains("kept"), "{page}");
    assert_eq!(
        play.stage.lookup("annex.example"),
        play.stage.address(&machine)
    );
    assert_eq!(play.stage.running("annex-"), Vec::<String>::new());
    // The estate says so from now on.
    play.stage.edit(
        "stacks/annex.toml",
        "hoster = \"hetzner\"\nsite = \"fsn1\"",
        "hoster = \"ionos\"\nsite = \"de/fra\"",
    );
    play.stage.edit(
        "stacks/annex.toml",
        "[[production.fallback]]\nhoster = \"ionos\"\nsite = \"de/fra\"\n",
        "",
    );
    play.stage.commit("Annex stays at ionos");
    play.settled();
}

fn moved(play: &mut Play) {
    play.stage.edit(
        "stacks/notes.toml",
        "hoster = \"hetzner\"",
        "hoster = \"ionos\"",
    );
    let changed = play.stage.git(&["diff", "--numstat"]);
    assert!(changed.starts_with("1\t1\t"), "{changed}");
    play.stage.commit("Move Notes to ionos");
    play.stage
        .holdfast(&["plan"])
        .exits(3)
        .says("create notes-e3");
    play.reconcile().exits(0);
    play.settled();
    let machine = play.on("notes-e3");
    play.whole(&machine);
    assert_eq!(play.stage.running("notes-"), Vec::<String>::new());
    // Kept, off, and marked.
    assert_eq!(
        play.stage
            .machines(|m| m["name"] == "notes-e2" && m["power"] == "off")
            .len(),
        1
    );
    let (_, look) = play.stage.look();
    let machines = look
        .observed
        .hosters
        .values()
        .flatten()
        .flat_map(|i| &i.machines);
    let old: Vec<_> = machines.filter(|m| m.name.as_str() == "notes-e2").collect();
    assert!(old.len() == 1 && old[0].quarantined, "{old:?}");
}

fn zombie(play: &mut Play) {
    play.stage.lab(&["power-on", "notes-e2"]).exits(0);
    play.stage.until("notes-e2", "systemctl is-active nginx");
    // The move had closed it, and closed it is after the boot.
    play.closed("notes-e2");
    // As if it had lost its power without having been closed: it asks the repository,
    // finds a higher epoch and retires.
    let lost = "echo open >/etc/holdfast/gate\necho opened >/etc/holdfast/stage\nsystemctl restart holdfast-gate holdfast-gate-check\n";
    play.stage.ssh("notes-e2", lost).exits(0);
    play.stage
        .until("notes-e2", "grep -qx retired /etc/holdfast/stage");
    play.closed("notes-e2");
    play.stage
        .holdfast(&["plan"])
        .exits(3)
        .says("its epoch is over");
    play.reconcile().exits(0).says("ok   fence notes-e2");
    assert_eq!(play.stage.running("notes-"), Vec::<String>::new());
    play.settled();
    let machine = play.on("notes-e3");
    play.whole(&machine);
}

fn secrets(play: &mut Play) {
    let status = play.stage.lab_status();
    let (session, look) = play.stage.look();
    let key = &session.key;
    let mut secrets: Vec<(String, Secret)> = Vec::new();
    for (name, value) in [
        ("token", &status["hetzner"]["token"]),
        ("TSIG", &status["dns"]["secret"]),
    ] {
        secrets.push((name.into(), Secret::new(value.as_str().unwrap())));
    }
    for stack in ["notes", "annex"] {
        let backup = "backup-netcup-vie";
        for context in [
            ["repository", stack, backup],
            ["rest-server", stack, backup],
        ] {
            secrets.push((context.join(" "), derive::text(key, &context)));
        }
        let context = ["service", stack, "notes", "db_password"];
        secrets.push((context.join(" "), derive::text(key, &context)));
    }
    let line = |private: &Secret| {
        let text = private.expose_text().unwrap().to_owned();
        Secret::new(text.lines().nth(2).unwrap().to_owned())
    };
    secrets.push((
        "client key".into(),
        line(&derive::client_key(key).private_openssh),
    ));
    for machine in look.manifests.keys() {
        let private = derive::host_key(key, machine).private_openssh;
        secrets.push((format!("host key of {machine}"), line(&private)));
    }
    // The search itself must be able to find: a derived password is where it belongs.
    let machine = play.on("notes-e3");
    let env = play
        .stage
        .ssh(&machine, "cat /etc/holdfast/services/notes.env")
        .exits(0)
        .stdout;
    let password = derive::text(key, &["service", "notes", "notes", "db_password"]);
    assert!(env.contains(password.expose_text().unwrap()));

    let mut places = vec![(
        "what commands said".to_owned(),
        play.stage.said().as_bytes().to_vec(),
    )];
    for file in ["state.sqlite", "state.sqlite-wal"] {
        let path = play.stage.estate().join(".git/holdfast").join(file);
        if let Ok(bytes) = std::fs::read(&path) {
            places.push((file.to_owned(), bytes));
        }
    }
    assert!(places.len() > 1, "there is no journal");
    for machine in play.stage.machines(|m| m["power"] == "running") {
        let ran = play.stage.ssh(
            &machine,
            "journalctl -q --no-pager; ps -eo args; cat /proc/[0-9]*/environ 2>/dev/null || :",
        );
        places.push((
            format!("journal and processes of {machine}"),
            ran.exits(0).stdout.into_bytes(),
        ));
    }
    for (place, bytes) in &places {
        for (name, secret) in &secrets {
            let needle = secret.expose();
            assert!(needle.len() >= 16, "{name}");
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{name} stands in {place}");
        }
    }
}
