//! How long a backup takes on a machine of the lab, beside plain `restic backup` of the same data
//! to a second repository on the same server, in the same run. The dumps' time stands apart, and
//! beside it that of `pg_dump` alone: rows are counted in the same transaction, and files beside it.
//! The dumped files are part of what both store. Ends with an error where the bound is not kept.
//! Needs what the lab needs: root and Linux.
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]
#![allow(clippy::cast_precision_loss, reason = "ratios and seconds, for people")]
#![allow(dead_code, reason = "the tests' stage has more than is measured here")]

mod bounds;
mod lab;
#[path = "../tests/e2e/support/mod.rs"]
mod support;

use bounds::Bounds;
use holdfast::model::ids::{Epoch, MachineName};
use holdfast::world::backup::{self, BackupRequest};
use std::process::ExitCode;
use support::Stage;

const PRODUCTION: &str = "notes-e1";
const VAULT: &str = "backup-netcup-vie";

/// A repository of its own beside the stack's, reached in the same way; both clients keep a cache.
const BY_HAND: &str = r#"
. /etc/holdfast/backup.env
export RESTIC_PASSWORD_FILE RESTIC_CACERT
export RESTIC_REPOSITORY="${RESTIC_REPOSITORY%/}/by-hand/"
export RESTIC_CACHE_DIR=/var/cache/by-hand
"#;

/// A dump by hand, with the same options.
const DUMP: &str = r"
rm -rf /var/tmp/by-hand
install -d -m 0755 -o postgres -g postgres /var/tmp/by-hand
cd /
runuser -u postgres -- pg_dump -Fd -C -j2 -Z0 -f /var/tmp/by-hand/notes notes
";

/// One small file in a hundred, with other content of the same size.
const CHANGE: &str = r#"
cd /var/lib/notes
for folder in $(seq 1 200); do
    head -c 40960 /dev/urandom >"f$folder/n07"
done
"#;

fn main() -> ExitCode {
    let mut bounds = Bounds::default();
    let mut stage = Stage::new("bench-backup");
    stage.holdfast(&["apply"]).exits(0);
    stage.ssh(PRODUCTION, lab::FILL).exits(0);
    plain(&stage, "restic init --quiet");

    println!("\nbackup: {}", lab::HELD);
    let cases: [(&str, &str, usize); 3] = [
        ("first backup", "true", 1),
        ("again, nothing changed", "true", 5),
        ("again, one small file in a hundred changed", CHANGE, 5),
    ];
    for (what, change, rounds) in cases {
        println!("  {what}, best of {rounds}");
        let best = (0..rounds).map(|round| {
            // Whoever goes first has the colder machine.
            let one = Round::measured(&stage, change, round % 2 == 0);
            println!("    {one}");
            one
        });
        let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
        for one in best {
            ours = ours.min(one.taken - one.dumps);
            theirs = theirs.min(one.plain);
        }
        bounds.keep(
            &format!(
                "{ours:.2} s beside {theirs:.2} s, {:.2} of plain restic, dumps apart (1.10 at most)",
                ours / theirs
            ),
            ours / theirs <= 1.10,
        );
    }
    bounds.verdict()
}

/// Seconds, each measured where it was done.
struct Round {
    /// `restic backup` by hand.
    plain: f64,
    /// `pg_dump` by hand.
    dump: f64,
    /// The whole of Holdfast's, hooks and manifest and all.
    taken: f64,
    /// Its dumps, with counting their rows.
    dumps: f64,
    /// Reading the point back, on the backup machine.
    read_back: f64,
    attempts: u32,
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "restic {:.2} s; taken in {:.2} s without the dumps' {:.2} s (pg_dump alone {:.2} s); read back on the backup machine in {:.2} s",
            self.plain,
            self.taken - self.dumps,
            self.dumps,
            self.dump,
            self.read_back
        )?;
        if self.attempts > 1 {
            write!(f, "; {} attempts", self.attempts)?;
        }
        Ok(())
    }
}

impl Round {
    fn measured(stage: &Stage, change: &str, by_hand_first: bool) -> Self {
        stage.ssh(PRODUCTION, &format!("{change}\nsync\n")).exits(0);
        let dump = lab::seconds(stage, PRODUCTION, DUMP);
        let by_hand = || {
            plain(
                stage,
                "restic backup --quiet /var/lib/notes /var/tmp/by-hand",
            )
        };
        let before = by_hand_first.then(by_hand);
        let (taken, read_back) = ship(stage);
        let plain = before.unwrap_or_else(by_hand);
        Self {
            plain,
            dump,
            taken: taken.millis as f64 / 1e3,
            dumps: taken.dumps_millis as f64 / 1e3,
            read_back: read_back.millis as f64 / 1e3,
            attempts: taken.attempts,
        }
    }
}

fn plain(stage: &Stage, command: &str) -> f64 {
    lab::seconds(stage, PRODUCTION, &format!("{BY_HAND}{command}"))
}

/// The step that every plan has, without deciding that it is due.
fn ship(stage: &Stage) -> (backup::Taken, backup::ReadBack) {
    let (session, look) = stage.look();
    let mut stacks = session.desired.stacks.values();
    let stack = stacks.find(|s| s.id.as_str() == "notes").unwrap();
    let (production, vault) = (MachineName::new(PRODUCTION), MachineName::new(VAULT));
    let request = BackupRequest {
        stack: stack.id.clone(),
        epoch: Epoch(1),
        commit: session.desired.commit.clone(),
        services: look.manifests[&production].services.clone(),
        aside: false,
    };
    let (production, vault) = (
        session.contact(&production).unwrap(),
        session.contact(&vault).unwrap(),
    );
    let transport = session.world.transport.as_ref();
    let password = session.repository_password(stack);
    stage.runtime.block_on(async {
        let taken = backup::take(transport, &production, &request)
            .await
            .unwrap();
        let read = backup::read_back(transport, &vault, &stack.id, &password, &taken).await;
        (taken, read.unwrap())
    })
}
