//! Root on production against its backups (S10), and what may be forgotten on real machines
//! (S3, S12): one lab, scenes in order. After each scene every earlier point restores.

use crate::support::{Ran, Stage};
use std::time::Instant;

const BACKUP: &str = "backup-netcup-vie";
const REFUSED: &str = include_str!("scripts/attack-repository.sh");
const ADDED: &str = include_str!("scripts/attack-additions.sh");

/// What the scenes hand on.
struct Siege {
    stage: Stage,
    /// The lab's machine that keeps the points.
    vault: String,
    /// Points that were taken before any attack, with the digest of what users had then.
    good: Vec<(String, String)>,
}

#[test]
fn attack() {
    let begin = Instant::now();
    let mut stage = Stage::new("attack");
    stage.holdfast(&["apply"]).exits(0);
    let pools = stage.machines(|m| m["hoster"] == "netcup" && m["power"] == "running");
    let script = format!("grep -qx \"MACHINE='{BACKUP}'\" /etc/holdfast/identity");
    let vault = pools
        .into_iter()
        .find(|name| stage.ssh(name, &script).code == 0);
    let vault = vault.expect("no pool machine is the backup machine");
    let mut siege = Siege {
        stage,
        vault,
        good: Vec::new(),
    };
    told("lab, estate, two customers", begin);
    let scenes: [Scene; 6] = [
        ("points of two days", Siege::two_points),
        ("s10_what_append_only_refuses", Siege::refused),
        ("s10_what_it_lets_through_is_set_aside", Siege::added),
        ("s10_a_full_disk_hurts_no_point", Siege::full_disk),
        ("s03_retention_takes_the_old_out", Siege::forgotten),
        ("s12_points_that_look_wrong_freeze_it", Siege::frozen),
    ];
    for (name, scene) in scenes {
        let begin = Instant::now();
        scene(&mut siege);
        told(name, begin);
    }
}

type Scene = (&'static str, fn(&mut Siege));

fn told(what: &str, begin: Instant) {
    eprintln!("scene {what} ({:.1} s)", begin.elapsed().as_secs_f64());
}

impl Siege {
    fn production(&self, script: &str) -> Ran {
        self.stage.ssh("notes-e1", script)
    }

    fn on_vault(&self, script: &str) -> Ran {
        self.stage.ssh(&self.vault, script)
    }

    /// Takes a point of what users have now.
    #[track_caller]
    fn take(&mut self, change: &str) -> (String, String) {
        let write = format!(
            "cd /var/lib/notes\n{change}\nchown -R www-data:www-data .\n\
             find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-64\n"
        );
        let digest = self.production(&write).exits(0).stdout.trim().to_owned();
        let before = self.listed();
        self.stage.holdfast(&["backup", "notes"]).exits(0);
        let mut new = self.listed();
        new.retain(|id| !before.contains(id));
        assert_eq!(new.len(), 1, "{new:?}");
        (new.remove(0), digest)
    }

    /// Ids of points that were read back.
    #[track_caller]
    fn listed(&mut self) -> Vec<String> {
        let listed = self
            .stage
            .holdfast(&["points", "notes", "--format", "json"])
            .exits(0)
            .json();
        let points = listed["points"].as_array().unwrap().iter();
        points
            .filter(|p| p["rung"] != "taken")
            .map(|p| p["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every good point comes back whole, over the way that a rebuild takes.
    #[track_caller]
    fn all_restore(&mut self) {
        let listed = self.listed();
        for (id, digest) in &self.good {
            assert!(listed.contains(id), "{id} is no longer listed");
            let restore = format!(
                ". /etc/holdfast/backup.env\nexport RESTIC_REPOSITORY RESTIC_PASSWORD_FILE RESTIC_CACERT\n\
                 rm -rf /root/back\nrestic restore -q --no-lock --no-cache {id} --target /root/back >/root/said 2>&1 || {{ cat /root/said >&2; exit 1; }}\n\
                 cd /root/back/var/lib/notes\n\
                 find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-64\n\
                 test -s ../../../var/lib/holdfast/dump/manifest.json\n"
            );
            let back = self.production(&restore).exits(0);
            assert_eq!(back.stdout.trim(), digest, "{id}");
        }
    }

    fn two_points(&mut self) {
        let fill = "mkdir -p 'a folder'\nhead -c 12000000 /dev/urandom >big\n\
            seq 1 200000 >text\nprintf 'one' >'a folder/note one.txt'\n\
            i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i >\"a folder/$i\"; done\n\
            runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) select 'note ' || n from generate_series(1, 500) as n\"";
        for change in [fill, "seq 1 1000 >more"] {
            let taken = self.take(change);
            self.good.push(taken);
        }
        self.all_restore();
        // What is read today is not due again before anything is forgotten.
        self.stage.holdfast(&["verify", "notes"]).exits(0);
    }

    fn refused(&mut self) {
        let id = self.good[0].0.clone();
        let script = format!(
            "cat >/root/attack.sh <<'END'\n{REFUSED}\nEND\nprintf 'point\\t{id}\\n' | sh /root/attack.sh\n"
        );
        let said = self.production(&script).exits(0).stdout;
        let attacks: Vec<serde_json::Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(attacks.len() >= 17, "only {} attacks", attacks.len());
        for attack in attacks {
            assert_eq!(attack["refused"], true, "{attack}");
        }
        self.all_restore();
        // Nothing was deleted; the index that `restic prune` wrote from production is nobody's.
        self.stage.holdfast(&["plan"]).exits(5).says("1 in index");
        self.cleared();
    }

    /// Looked at, and taken away by a person.
    #[track_caller]
    fn cleared(&mut self) {
        let why = self.on_vault(
            "cat /srv/holdfast/aside/notes/why.jsonl\nrm -rf /srv/holdfast/aside/notes\n",
        );
        eprintln!("{}", why.exits(0).stdout);
        let plan = self.stage.holdfast(&["plan"]).exits(0);
        plan.says("Nothing to do");
    }

    fn added(&mut self) {
        let script = format!("cat >/root/attack.sh <<'END'\n{ADDED}\nEND\nsh /root/attack.sh\n");
        let said = self.production(&script).exits(0).stdout;
        eprintln!("{said}");
        assert!(said.lines().count() >= 18, "{said}");
        let begin = Instant::now();
        let plan = self.stage.holdfast(&["plan"]).exits(2);
        eprintln!(
            "the first look after it: {:.1} s",
            begin.elapsed().as_secs_f64()
        );
        plan.says("somebody who owns production")
            .says("/srv/holdfast/aside/notes")
            .says("key files that nobody here made are set aside");
        // Prune would keep the junk or what it stands for, by luck.
        let lies =
            "grep -c 'lies in packs that do not hold it' /srv/holdfast/aside/notes/why.jsonl";
        assert_eq!(self.on_vault(lies).exits(0).stdout, "1\n");
        self.stage.holdfast(&["apply"]).exits(5);
        self.all_restore();
        // It goes on: a new point is taken and read back, and the customer next door noticed nothing.
        let taken = self.take("seq 1 2000 >more");
        self.good.push(taken);
        self.stage.holdfast(&["backup", "annex"]).exits(0);
        self.all_restore();
        // A reboot of the healthy machine: what claims a higher epoch does not close it.
        self.production("systemctl restart holdfast-gate-check.service")
            .exits(0);
        self.stage.until(
            "notes-e1",
            "/usr/local/lib/holdfast/gate status | grep -qx open",
        );
        assert_eq!(
            self.production("cat /etc/holdfast/stage")
                .exits(0)
                .stdout
                .trim(),
            "opened"
        );
        // A snapshot without content is nobody's point, and no damage.
        self.stage.holdfast(&["verify", "notes"]).exits(0);
        self.cleared();
    }

    fn full_disk(&mut self) {
        // The repositories on a file system of their own that production can fill.
        let small = "systemctl stop holdfast-rest-server.service\n\
            mount -t tmpfs -o size=120m,mode=0755 small /mnt\ncp -a /srv/holdfast/. /mnt/\n\
            mount --move /mnt /srv/holdfast || mount --bind /mnt /srv/holdfast\n\
            systemctl start holdfast-rest-server.service\n";
        self.on_vault(small).exits(0);
        let fill = ". /etc/holdfast/backup.env\nurl=${RESTIC_REPOSITORY#rest:}\nn=0\n\
            for size in 16000000 1000000 50000 2000 500; do\n answer=200\n while [ $answer = 200 ]; do\n\
            n=$((n+1))\n { head -c $size /dev/urandom; echo $n; } >/root/fill\n\
            answer=$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' --cacert \"$RESTIC_CACERT\" -X POST --data-binary @/root/fill \"${url}data/$(sha256sum </root/fill | cut -c 1-64)\")\n\
            done\n echo $size $answer\ndone\n";
        let said = self.production(fill).exits(0).stdout;
        eprintln!("{said}");
        self.all_restore();
        self.stage
            .holdfast(&["backup", "notes"])
            .exits(1)
            .says("Earlier ones are untouched");
        let plan = self.stage.holdfast(&["plan"]);
        plan.exits(5).says("is nearly full");
        self.all_restore();
        let undo = "systemctl stop holdfast-rest-server.service\numount /srv/holdfast\numount /mnt 2>/dev/null || true\n\
            systemctl start holdfast-rest-server.service\n";
        self.on_vault(undo).exits(0);
        self.stage.holdfast(&["plan"]).exits(0);
    }

    fn forgotten(&mut self) {
        // Forty days later, by the clock of the backup machine.
        let (old, kept) = (self.good[0].0.clone(), self.good[1].0.clone());
        let age = format!("touch -d '-40 days' /srv/holdfast/restic/notes/snapshots/{old}\n");
        self.on_vault(&age).exits(0);
        let plan = self.stage.holdfast(&["plan"]).exits(3);
        plan.says("forget 1 point").says(&old[..8]).says("30d 0h");
        self.stage.holdfast(&["reconcile", "--once"]).exits(0);
        assert!(!self.listed().contains(&old));
        self.good.retain(|(id, _)| *id != old);
        assert!(self.listed().contains(&kept));
        self.all_restore();
        self.stage
            .holdfast(&["plan"])
            .exits(0)
            .says("Nothing to do");
        let clean = "runuser -u restic-rest-server -- true\nls /srv/holdfast/rungs/notes/forgotten | grep -c shipped\n";
        assert_eq!(self.on_vault(clean).exits(0).stdout.trim(), "1");
        self.closed_meanwhile();
    }

    /// While points are taken out nothing can be added that restic would go by; whoever was killed
    /// over it leaves it closed, and the next look opens it again.
    fn closed_meanwhile(&mut self) {
        let ways =
            "cd /srv/holdfast/restic/notes\nstat -c '%U %a' keys snapshots index | sort -u\n";
        assert_eq!(
            self.on_vault(ways).exits(0).stdout,
            "restic-rest-server 700\n"
        );
        let killed = "cd /srv/holdfast/restic/notes\ntouch /srv/holdfast/known/notes.pruning\n\
            chown root:holdfast-closed keys snapshots index\nchmod 0775 keys snapshots index\n";
        self.on_vault(killed).exits(0);
        // Before anybody looks.
        let add = ". /etc/holdfast/backup.env\nurl=${RESTIC_REPOSITORY#rest:}\nhead -c 500 /dev/urandom >/root/junk\n\
            for kind in keys snapshots index; do curl -s -o /dev/null -w '%{http_code}\\n' --noproxy '*' --cacert \"$RESTIC_CACERT\" -X POST --data-binary @/root/junk \"$url$kind/$(sha256sum </root/junk | cut -c 1-64)\"; done\n";
        let said = self.production(add).exits(0).stdout;
        assert!(!said.contains("200"), "{said}");
        self.stage
            .holdfast(&["plan"])
            .exits(0)
            .says("Nothing to do");
        assert_eq!(
            self.on_vault(ways).exits(0).stdout,
            "restic-rest-server 700\n"
        );
        self.all_restore();
    }

    fn frozen(&mut self) {
        // What ransomware leaves: the same names, nothing but noise.
        let encrypt = "for file in big text more; do size=$(stat -c %s \"$file\"); head -c \"$size\" /dev/urandom >\"$file\"; done";
        self.take(encrypt);
        let oldest = self.good[0].0.clone();
        let age = format!("touch -d '-40 days' /srv/holdfast/restic/notes/snapshots/{oldest}\n");
        self.on_vault(&age).exits(0);
        let plan = self.stage.holdfast(&["plan"]).exits(5);
        plan.says("S12")
            .says("as after encryption")
            .says("forgetting 1 of");
        self.stage.holdfast(&["reconcile", "--once"]).exits(5);
        self.all_restore();
        // And a table that is suddenly empty.
        self.production("runuser -u postgres -- psql -XqAt -d notes -c 'truncate note'\n")
            .exits(0);
        self.take("true");
        self.stage.holdfast(&["plan"]).exits(5).says("0 rows after");
        self.all_restore();
    }
}
