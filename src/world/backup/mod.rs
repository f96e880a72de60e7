//! Recovery points: taking them on production, reading them back on the backup
//! machine, loading them into a new machine.
//!
//! Everything is done by stock tools (restic, `pg_dump`, `pg_restore`) that the
//! scripts beside this file drive. Here lives the conversation with those
//! scripts. Which point is taken and when a backup is due is decided in
//! [`decide::point`](crate::decide::point), never here; nothing here deletes a point (S3).

mod anchor;
mod answer;
mod evidence;
mod input;
mod production;
mod undeclared;
mod vault;

pub use anchor::{keep_anchor, read_anchor};
pub use answer::{parse_points, scripted_error_gap};
pub use evidence::{Keeping, keep_evidence};
pub use production::{BackupRequest, Compared, Fetched, Taken, content, fetch, load, take};
pub use undeclared::undeclared;
pub use vault::{ReadBack, Repository, keys_all, points, points_all, read_back, repository};

use crate::world::machine::Script;

macro_rules! script {
    ($name:literal, $($part:literal),+) => {
        Script {
            name: $name,
            text: concat!($(include_str!(concat!("scripts/", $part))),+),
        }
    };
}

/// The database engines' own scripts, for those who load a point without us: they need what
/// `content.sh` says, and run under any POSIX sh.
pub const ENGINES: [(&str, &str); 3] = [
    ("content.sh", include_str!("scripts/content.sh")),
    ("postgresql.sh", include_str!("scripts/postgresql.sh")),
    ("mariadb.sh", include_str!("scripts/mariadb.sh")),
];

const REPOSITORY: Script = script!("repository", "prelude.sh", "local.sh", "repository.sh");
const KEYS: Script = script!("keys", "prelude.sh", "local.sh", "keys.sh");
const READ_BACK: Script = script!("read-back", "prelude.sh", "local.sh", "read-back.sh");
const POINTS: Script = script!("points", "prelude.sh", "local.sh", "points.sh");
const EVIDENCE_KEEP: Script = script!(
    "evidence-keep",
    "prelude.sh",
    "local.sh",
    "evidence-keep.sh"
);
const TAKE: Script = script!(
    "take",
    "prelude.sh",
    "restic.sh",
    "content.sh",
    "postgresql.sh",
    "mariadb.sh",
    "take.sh"
);
const FETCH: Script = script!(
    "fetch",
    "prelude.sh",
    "restic.sh",
    "content.sh",
    "postgresql.sh",
    "mariadb.sh",
    "fetch.sh"
);
const LOAD: Script = script!(
    "load",
    "prelude.sh",
    "content.sh",
    "postgresql.sh",
    "mariadb.sh",
    "load.sh"
);
const ANCHOR_KEEP: Script = script!("anchor-keep", "prelude.sh", "anchor-keep.sh");
const ANCHOR_READ: Script = script!("anchor-read", "prelude.sh", "anchor-read.sh");
const CONTENT: Script = script!(
    "content",
    "prelude.sh",
    "content.sh",
    "postgresql.sh",
    "mariadb.sh",
    "live.sh"
);
const UNDECLARED: Script = script!(
    "undeclared",
    "prelude.sh",
    "postgresql.sh",
    "mariadb.sh",
    "undeclared.sh"
);
