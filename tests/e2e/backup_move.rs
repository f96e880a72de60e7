//! The backup moves to another hoster by one signed line: production is lost and the reconciler
//! killed on the way, the old place falls silent, its repository is signed away, and everything is
//! still there.

use crate::support::Stage;
use holdfast::decide::derive;
use jiff::Timestamp;
use serde_json::Value;

pub const OLD: &str = "backup-netcup-vie";
pub const NEW: &str = "backup-ionos-de-fra";

struct Play {
    stage: Stage,
    content: String,
    /// The machine of the pool that was the backup machine.
    old: String,
}

#[test]
fn a_signed_line_moves_the_backup_to_another_hoster() {
    let mut play = Play {
        stage: Stage::new("backup-move"),
        content: String::new(),
        old: String::new(),
    };
    play.lives();
    play.one_line();
    play.production_is_lost_on_the_way();
    play.s06_killed_while_copying();
    play.s03_history_is_there_and_the_old_repository_too();
    play.s10_what_production_knew_opens_nothing();
    play.s03_the_old_place_is_dark_and_copies_bring_production_back();
    play.s03_the_old_repository_is_signed_away_by_name();
    play.s06_killed_while_deleting();
    play.the_old_machine_may_go();
    play.s03_all_of_the_old_place_burns();
}

/// The line that moves the points of notes from [`OLD`] to [`NEW`].
pub fn keep_points_elsewhere(stage: &Stage) {
    stage.edit(
        "stacks/notes.toml",
        "[backup]\nhoster = \"netcup\"\nsite = \"vie\"",
        "[backup]\nhoster = \"ionos\"\nsite = \"de/fra\"",
    );
    stage.commit("Keep the recovery points of Notes at ionos");
}

impl Play {
    /// Two points with different content.
    fn lives(&mut self) {
        let stage = &mut self.stage;
        std::fs::remove_file(stage.estate().join("stacks/annex.toml")).unwrap();
        stage.git(&["add", "-A"]);
        stage.git(&["commit", "-m", "One customer only"]);
        stage.holdfast(&["apply"]).exits(0);
        let write = "cd /var/lib/notes\n\
            head -c 60000000 /dev/urandom >big\n\
            printf 'kept for years\\n' >old\n\
            chown -R www-data:www-data .\n\
            runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) select 'note ' || n from generate_series(1, 500) as n\"\n";
        stage.ssh("notes-e1", write).exits(0);
        self.content = self.stage.notes_on("notes-e1");
        self.stage.holdfast(&["backup", "notes"]).exits(0);
        assert_eq!(self.points().len(), 2);
    }

    fn one_line(&mut self) {
        keep_points_elsewhere(&self.stage);
        self.stage
            .holdfast(&["plan"])
            .exits(2)
            .says(&format!("create {NEW}"));
    }

    /// The new machine is there and holds nothing; production comes back from the old one.
    fn production_is_lost_on_the_way(&mut self) {
        let mut running = self.stage.start(&["reconcile", "--once"]);
        running.until_says(&format!("ok   install {NEW}"));
        let said = running.kill();
        self.stage.hear(&said);
        self.stage.lab(&["destroy", "notes-e1"]).exits(0);
        let mut running = self.stage.start(&["reconcile", "--once"]);
        running.until_says("copying");
        let said = running.kill();
        assert!(
            said.contains(&format!("on {OLD}) to notes-e2  (")),
            "{said}"
        );
        self.stage.hear(&said);
        assert_eq!(self.stage.notes_on("notes-e2"), self.content);
    }

    fn s06_killed_while_copying(&mut self) {
        let ran = self.stage.holdfast(&["reconcile", "--once"]);
        ran.exits(0)
            .says(&format!("ok   copy the points from {OLD} to {NEW}"));
        self.stage
            .holdfast(&["plan"])
            .exits(0)
            .says("Nothing to do.")
            .says(&format!(
                "the old repository of notes on {OLD} holds 2 recovery points"
            ));
    }

    fn s03_history_is_there_and_the_old_repository_too(&mut self) {
        let points = self.points();
        assert_eq!(points.len(), 3, "{points:#?}");
        for point in &points {
            assert_ne!(point["rung"], "taken", "{point}");
        }
        // Marks of epochs are no points.
        let times = "cd /srv/holdfast/restic/notes/snapshots\nfor id in *; do\n    grep -qxF \"$id\" /srv/holdfast/known/notes.marks || stat -c %Y \"$id\"\ndone";
        let arrived = |of: &str| self.stage.ssh(&self.on(of), times).exits(0).stdout;
        for (name, number) in [(OLD, 2), (NEW, 3)] {
            assert_eq!(arrived(name).lines().count(), number, "{name}");
        }
        // Copies are as old as what they are copies of: retention goes by that.
        let arrived = arrived(OLD);
        for time in arrived.lines() {
            let at = Timestamp::from_second(time.parse().unwrap()).unwrap();
            let told = points.iter().any(|p| p["arrived_at"] == at.to_string());
            assert!(told, "{at}: {points:#?}");
        }
    }

    fn s10_what_production_knew_opens_nothing(&mut self) {
        let (session, _) = self.stage.look();
        let password = derive::text(&session.key, &["rest-server", "notes", OLD]);
        let password = password.expose_text().unwrap();
        let old = self.on(OLD);
        let list = self.stage.ssh(&old, "cat /etc/holdfast/htpasswd").exits(0);
        assert!(!list.stdout.contains("notes:"), "{}", list.stdout);
        let address = self.stage.address(&old);
        let script = format!(
            "! grep -rqF '{password}' /etc/holdfast\n\
             curl -sk -o /dev/null -w '%{{http_code}}' -X POST 'https://notes:{password}@{address}:8000/notes/?create=true'\n"
        );
        let said = self.stage.ssh("notes-e2", &script).exits(0).stdout;
        assert_eq!(said, "401");
    }

    /// The newest point that is proven is one of the copies.
    fn s03_the_old_place_is_dark_and_copies_bring_production_back(&mut self) {
        self.old = self.on(OLD);
        self.stage.lab(&["kill", &self.old]).exits(0);
        let new = self.on(NEW);
        let unproven = "cd /srv/holdfast/rungs/notes\n\
            for file in *.shipped.json; do id=${file%%.*}; grep -q \"^$id \" /srv/holdfast/known/notes.copies || rm \"$id\".*; done\n\
            ls *.shipped.json | wc -l\n";
        let left = self.stage.ssh(&new, unproven).exits(0).stdout;
        assert_eq!(left, "2\n");
        self.stage.lab(&["destroy", "notes-e2"]).exits(0);
        self.stage
            .holdfast(&["reconcile", "--once"])
            .says("ok   open notes-e3");
        assert_eq!(self.stage.notes_on("notes-e3"), self.content);
        let page = self
            .stage
            .get("notes-e3", "/index.html")
            .expect("nobody gets in");
        assert!(page.contains("Notes of many people"), "{page}");
    }

    /// Signed for, it still waits: for its time, and for a proof at the new place.
    fn s03_the_old_repository_is_signed_away_by_name(&mut self) {
        self.stage.lab(&["power-on", &self.old]).exits(0);
        self.stage.until(&self.old, "true");
        self.stage.edit(
            "stacks/notes.toml",
            "[repair]",
            &format!("[[discard]]\nmachine = \"{OLD}\"\nreason = \"copied to ionos\"\n\n[repair]"),
        );
        self.stage.commit("Sign the old repository of Notes away");
        let plan = self.stage.holdfast(&["plan"]);
        plan.says("S3")
            .says("is kept for as long as every point is");
        self.stage.edit(
            "stacks/notes.toml",
            "within = \"30d\"",
            "within = \"1s\", daily = 30",
        );
        self.stage.commit("Keep one point of each day");
        self.stage.holdfast(&["backup", "notes"]).exits(0);
        let plan = self.stage.holdfast(&["plan"]);
        plan.says(&format!("no point on {NEW} is newer than those on it"));
        self.stage.holdfast(&["drill", "notes"]).exits(0);
        // What the shorter retention lets go may come first.
        let plan = self.stage.holdfast(&["plan"]);
        plan.exits(3).says("1 destructive.");
    }

    /// `rm` on the old machine takes for ever; both who asked and who deletes are killed.
    fn s06_killed_while_deleting(&mut self) {
        let slow = "cat >/usr/local/sbin/slow-rm <<'END'\n\
            #!/bin/sh\n\
            case \"$*\" in */.leaving-notes/repository) echo $PPID >/run/deleting; sleep 600 ;; esac\n\
            exec /usr/bin/rm \"$@\"\n\
            END\n\
            chmod 0755 /usr/local/sbin/slow-rm\n\
            ln -s /usr/local/sbin/slow-rm /usr/sbin/rm\n\
            ls /srv/holdfast/evidence/notes/*.json | wc -l\n";
        let documents = self.stage.ssh(&self.old, slow).exits(0).stdout;
        assert_ne!(documents, "0\n");
        let mut running = self.stage.start(&["apply"]);
        running.until_says("deleting");
        self.stage.until(&self.old, "test -s /run/deleting");
        let said = running.kill();
        let step =
            format!("discard the repository on {OLD}: 2 points, copied and checked elsewhere");
        assert!(said.contains(&step), "{said}");
        self.stage.hear(&said);
        let cut = "kill -9 \"$(cat /run/deleting)\"\n\
            for sleeping in $(pidof sleep); do kill -9 \"$sleeping\"; done\n\
            unlink /usr/sbin/rm\n\
            test ! -e /srv/holdfast/restic/notes\n\
            ls -d /srv/holdfast/restic/.leaving-notes/repository\n";
        self.stage.ssh(&self.old, cut).exits(0);
        let plan = self.stage.holdfast(&["plan"]);
        plan.exits(3)
            .says(&format!("discard the repository on {OLD}"));
        let ran = self.stage.holdfast(&["apply"]).exits(0);
        assert!(ran.stderr.contains("MiB are free again"), "{}", ran.stderr);
        let left = "ls -A /srv/holdfast/restic /srv/holdfast/rungs /srv/holdfast/keys | grep notes";
        assert_eq!(self.stage.ssh(&self.old, left).code, 1);
        let names = "cd /srv/holdfast/evidence/notes && ls *.json";
        let new = self.on(NEW);
        let [there, here] = [&self.old, &new].map(|on| self.stage.ssh(on, names).exits(0).stdout);
        for name in there.lines() {
            assert!(here.contains(name), "{name} is not among {here}");
        }
    }

    fn the_old_machine_may_go(&mut self) {
        let plan = self.stage.holdfast(&["plan"]);
        plan.exits(0)
            .says("its [[discard]] may be taken out of stacks/notes.toml")
            .says(&format!("{OLD} keeps no repository any more"));
        self.stage.edit(
            "stacks/notes.toml",
            &format!("[[discard]]\nmachine = \"{OLD}\"\nreason = \"copied to ionos\"\n\n"),
            "",
        );
        // The third rebuild of this stack on one day.
        let shared = self.stage.estate().join("estate.toml");
        let text = std::fs::read_to_string(&shared).unwrap();
        std::fs::write(shared, text + "\n[brake]\nper_stack = 3\n").unwrap();
        self.stage.commit("The old repository of Notes is gone");
        let said = self.stage.holdfast(&["plan"]).exits(0).stdout;
        assert!(!said.contains("discard"), "{said}");
    }

    /// What is left of the past is at the new place, and brings production back.
    fn s03_all_of_the_old_place_burns(&mut self) {
        self.stage.lab(&["destroy", &self.old]).exits(0);
        self.stage.lab(&["destroy", "notes-e3"]).exits(0);
        self.stage
            .holdfast(&["reconcile", "--once"])
            .says("ok   open notes-e4");
        assert_eq!(self.stage.notes_on("notes-e4"), self.content);
    }

    fn points(&mut self) -> Vec<Value> {
        let listed = self
            .stage
            .holdfast(&["points", "notes", "--format", "json"]);
        let listed = listed.exits(0).json();
        listed["points"].as_array().unwrap().clone()
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
}
