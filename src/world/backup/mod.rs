//! Recovery points: taking them on production, reading them back on the backup
//! machine, loading them into a new machine.
//!
//! Everything is done by stock tools (restic, `pg_dump`, `pg_restore`) that the
//! scripts beside this file drive. Here lives the conversation with those
//! scripts. Which point is taken and when a backup is due is decided in
//! [`decide::point`](crate::decide::point), never here; the one thing here that takes points away is
//! [`forget`], and it looks again before it does (S3).

mod anchor;
mod another;
mod answer;
mod discard;
mod evidence;
mod forget;
mod input;
mod locks;
mod mark;
mod part;
mod production;
mod undeclared;
mod vault;
mod verified;

pub use anchor::{keep_anchor, read_anchor};
pub use another::{Copied, Damaged, Moved, copy, proofs};
pub use answer::{parse_points, scripted_error_gap};
pub use discard::{Discarded, discard};
pub use evidence::{Keeping, Kept, keep_evidence, kept_evidence};
pub use forget::{Forgotten, forget, vault};
pub use locks::{Unlocked, unlock};
pub use mark::mark;
pub use part::{
    AtPath, Entry, EntryKind, Retrieved, RetrievedDatabase, Wanted, WantedDatabase, at_path,
    retrieve, retrieve_database,
};
pub use production::{
    BackupRequest, Compared, Fetched, Taken, content, fetch, fetch_ahead, fetch_from, load, take,
    take_cold,
};
pub use undeclared::undeclared;
pub use vault::{
    ReadBack, Repository, keys_all, points, points_all, read_back, read_back_point, repository,
};
pub use verified::{Part, Verified, verified, verify};

use crate::world::machine::Script;

macro_rules! script {
    ($name:literal, $($part:literal),+) => {
        Script {
            name: $name,
            text: concat!($(include_str!(concat!("scripts/", $part))),+),
        }
    };
}

/// What loads a point into databases and files, for those who do it without us: it runs under
/// any POSIX sh.
pub const BY_HAND: [(&str, &str); 5] = [
    ("older.sh", include_str!("scripts/older.sh")),
    ("place.sh", include_str!("scripts/place.sh")),
    ("content.sh", include_str!("scripts/content.sh")),
    ("postgresql.sh", include_str!("scripts/postgresql.sh")),
    ("mariadb.sh", include_str!("scripts/mariadb.sh")),
];

const REPOSITORY: Script = script!(
    "repository",
    "prelude.sh",
    "local.sh",
    "another.sh",
    "repository.sh"
);
const COPY: Script = script!(
    "copy",
    "prelude.sh",
    "local.sh",
    "sift.sh",
    "another.sh",
    "copy.sh"
);
const TAKE_COLD: Script = script!(
    "take-cold",
    "rescue-enter.sh",
    "prelude.sh",
    "restic.sh",
    "take-cold.sh",
    "rescue-leave.sh"
);
const PROOFS: Script = script!("proofs", "prelude.sh", "local.sh", "proofs.sh");
const KEYS: Script = script!("keys", "prelude.sh", "local.sh", "keys.sh");
const READ_BACK: Script = script!(
    "read-back",
    "prelude.sh",
    "local.sh",
    "sift.sh",
    "older.sh",
    "read-back.sh"
);
const POINTS: Script = script!("points", "prelude.sh", "local.sh", "sift.sh", "points.sh");
const FORGET: Script = script!(
    "forget",
    "prelude.sh",
    "local.sh",
    "sift.sh",
    "asked.sh",
    "forget.sh"
);
const MARK: Script = script!("mark", "prelude.sh", "local.sh", "sift.sh", "mark.sh");
const DISCARD: Script = script!(
    "discard",
    "prelude.sh",
    "local.sh",
    "sift.sh",
    "asked.sh",
    "discard.sh"
);
const VAULT: Script = script!("vault", "prelude.sh", "local.sh", "sift.sh", "vault.sh");
const VERIFY: Script = script!(
    "verify",
    "prelude.sh",
    "local.sh",
    "sift.sh",
    "openers.sh",
    "verify.sh"
);
const VERIFIED: Script = script!(
    "verified",
    "prelude.sh",
    "local.sh",
    "openers.sh",
    "verified.sh"
);
const UNLOCK: Script = script!("unlock", "prelude.sh", "local.sh", "unlock.sh");
const EVIDENCE_KEEP: Script = script!(
    "evidence-keep",
    "prelude.sh",
    "local.sh",
    "evidence-keep.sh"
);
const EVIDENCE_LIST: Script = script!(
    "evidence-list",
    "prelude.sh",
    "local.sh",
    "evidence-list.sh"
);
const TAKE: Script = script!(
    "take",
    "prelude.sh",
    "restic.sh",
    "content.sh",
    "digests.sh",
    "postgresql.sh",
    "mariadb.sh",
    "take.sh"
);
const FETCH: Script = script!(
    "fetch",
    "prelude.sh",
    "restic.sh",
    "content.sh",
    "digests.sh",
    "postgresql.sh",
    "mariadb.sh",
    "another.sh",
    "older.sh",
    "fetch.sh"
);
const LOAD: Script = script!(
    "load",
    "prelude.sh",
    "content.sh",
    "digests.sh",
    "postgresql.sh",
    "mariadb.sh",
    "place.sh",
    "load.sh"
);
const ANCHOR_KEEP: Script = script!("anchor-keep", "prelude.sh", "anchor-keep.sh");
const ANCHOR_READ: Script = script!("anchor-read", "prelude.sh", "anchor-read.sh");
const AT_PATH: Script = script!("at-path", "prelude.sh", "local.sh", "at-path.sh");
const RETRIEVE: Script = script!("retrieve", "prelude.sh", "restic.sh", "retrieve.sh");
const RETRIEVE_DATABASE: Script = script!(
    "retrieve-database",
    "prelude.sh",
    "restic.sh",
    "content.sh",
    "postgresql.sh",
    "mariadb.sh",
    "older.sh",
    "retrieve-database.sh"
);
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
