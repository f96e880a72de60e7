//! Recovery points: taking them on production, reading them back on the backup
//! machine, loading them into a new machine.
//!
//! Everything is done by stock tools (restic, `pg_dump`, `pg_restore`) that the
//! scripts beside this file drive. Here lives the conversation with those
//! scripts. Which point is taken and when a backup is due is decided in
//! [`decide::point`](crate::decide::point), never here; nothing here deletes a point (S3).

mod anchor;
mod another;
mod answer;
mod input;
mod production;
mod vault;

pub use anchor::{keep_anchor, read_anchor};
pub use another::{Copied, CopyChecked, Damaged, Moved, copy, copy_check, proofs};
pub use answer::{parse_points, scripted_error_gap};
pub use production::{
    BackupRequest, Compared, Fetched, Taken, content, fetch, fetch_from, load, take,
};
pub use vault::{
    ReadBack, Repository, points, points_all, read_back, read_back_point, record_rung, repository,
    repository_like,
};

use crate::world::machine::Script;

macro_rules! script {
    ($name:literal, $($part:literal),+) => {
        Script {
            name: $name,
            text: concat!($(include_str!(concat!("scripts/", $part))),+),
        }
    };
}

const REPOSITORY: Script = script!(
    "repository",
    "prelude.sh",
    "local.sh",
    "another.sh",
    "repository.sh"
);
const COPY: Script = script!("copy", "prelude.sh", "local.sh", "another.sh", "copy.sh");
const COPY_CHECK: Script = script!("copy-check", "prelude.sh", "local.sh", "copy-check.sh");
const PROOFS: Script = script!("proofs", "prelude.sh", "local.sh", "proofs.sh");
const READ_BACK: Script = script!("read-back", "prelude.sh", "local.sh", "read-back.sh");
const POINTS: Script = script!("points", "prelude.sh", "local.sh", "points.sh");
const RECORD_RUNG: Script = script!("record-rung", "prelude.sh", "local.sh", "record-rung.sh");
const TAKE: Script = script!("take", "prelude.sh", "restic.sh", "content.sh", "take.sh");
const FETCH: Script = script!("fetch", "prelude.sh", "restic.sh", "another.sh", "fetch.sh");
const LOAD: Script = script!("load", "prelude.sh", "content.sh", "load.sh");
const ANCHOR_KEEP: Script = script!("anchor-keep", "prelude.sh", "anchor-keep.sh");
const ANCHOR_READ: Script = script!("anchor-read", "prelude.sh", "anchor-read.sh");
const CONTENT: Script = script!("content", "prelude.sh", "content.sh", "live.sh");
