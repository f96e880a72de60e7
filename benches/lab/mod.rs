//! A machine of the lab with enough on it that seconds mean something.

#![allow(dead_code, reason = "a bench takes what it needs")]

use crate::support::Stage;
use std::path::Path;

/// What [`FILL`] makes, for people.
pub const HELD: &str = "2 GiB in 20,000 small files and six large ones, a table of a million rows";

/// On a machine of the stack `notes`: 20,000 files of 40 KiB, six of 211 MiB, none of which can be
/// compressed, and a table of a million rows. Waits for nothing but itself.
pub const FILL: &str = r#"
cd /var/lib/notes
openssl enc -aes-128-ctr -pass pass:bench -pbkdf2 -nosalt </dev/zero 2>/dev/null | {
    for folder in $(seq 1 200); do
        mkdir "f$folder"
        head -c 4096000 | split -b 40960 -a 2 -d - "f$folder/n"
    done
    for large in 1 2 3 4 5 6; do head -c 221414400 >"large$large"; done
}
chown -R www-data:www-data .
[ "$(find . -type f -size +1 | wc -l)" -ge 20006 ]
runuser -u postgres -- psql -XqAt -d notes -v ON_ERROR_STOP=1 -c "insert into note (body) select 'note ' || n || repeat(' of many words', 10) from generate_series(1, 1000000) as n"
sync
"#;

/// Runs a script on a machine; how many seconds it took there, without the way to it.
pub fn seconds(stage: &Stage, machine: &str, script: &str) -> f64 {
    let timed = format!("began=$(date +%s%N)\n({script}\n) >&2\necho $(($(date +%s%N) - began))\n");
    let ran = stage.ssh(machine, &timed).exits(0);
    ran.stdout.trim().parse::<f64>().unwrap() / 1e9
}

/// One customer in this estate, and on the lab.
pub fn only(stage: &mut Stage, stack: &str) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/examples/acme.toml");
    std::fs::copy(example, stage.estate().join("stacks/acme.toml")).unwrap();
    for other in ["acme", "annex", "notes"] {
        if other != stack {
            std::fs::remove_file(stage.estate().join(format!("stacks/{other}.toml"))).unwrap();
        }
    }
    stage.git(&["add", "-A"]);
    stage.git(&["commit", "-m", "One customer"]);
    stage.holdfast(&["apply"]).exits(0);
}
