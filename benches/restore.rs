//! How long it takes until a stack is back, on real machines of the lab: a drill of the demo's
//! stack with the memory of the program that does it, and a restore beside the same work by hand
//! in the same run, on fresh machines: `apt-get install`, `restic restore` and `pg_restore`, each
//! by itself, and at once as far as they can be. Ends with an error where a bound is not kept.
//! Needs root, Linux and GNU time; with `drill` or `restore` as an argument only that.
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]
#![allow(dead_code, reason = "the tests' stage has more than is measured here")]

mod bounds;
mod lab;
#[path = "../tests/e2e/support/mod.rs"]
mod support;

use bounds::Bounds;
use lab::{FILL, HELD, seconds};
use serde_json::{Value, json};
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use support::{Stage, text};

/// Two machines that nobody has ever used, of the same operating system.
const BARE: [&str; 2] = ["ionos-1", "ionos-2"];

fn main() -> ExitCode {
    let mut bounds = Bounds::default();
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &str| asked.iter().any(|word| word == name);
    if named("drill") || !named("restore") {
        let mut stage = Stage::new("bench-drill");
        lab::only(&mut stage, "acme");
        drill(&mut stage, &mut bounds);
    }
    if named("restore") || !named("drill") {
        let mut stage = Stage::new("bench-restore");
        lab::only(&mut stage, "notes");
        restore(&mut stage, &mut bounds);
    }
    bounds.verdict()
}

/// A command on the estate under GNU time: what it answered, seconds, and the most memory that it,
/// or anything it started, held at once, in bytes.
fn measured(stage: &Stage, arguments: &[&str]) -> (Value, f64, u64) {
    let report = tempfile::NamedTempFile::new().unwrap();
    let begin = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["--quiet", "--format", "%M", "--output"])
        .arg(report.path())
        .arg(env!("CARGO_BIN_EXE_holdfast"))
        .args(arguments)
        .args(["--format", "json", "--estate", &text(&stage.estate())])
        .stdin(Stdio::null())
        .output()
        .expect("GNU time: make install-packages");
    let took = begin.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    // 5: what the lost machine is held for stands beside what was done.
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 5)), "{arguments:?}: {said}");
    let kilobytes = std::fs::read_to_string(report.path()).unwrap();
    let memory = kilobytes.trim().parse::<u64>().unwrap() * 1024;
    (
        serde_json::from_slice(&output.stdout).unwrap(),
        took,
        memory,
    )
}

fn steps(run: &Value) -> &[Value] {
    run["steps"].as_array().unwrap()
}

/// Every step with its beginning and its duration.
fn phases(run: &Value) {
    for step in steps(run) {
        println!(
            "    {:<44} from {:>6.1} s, {:>6.1} s{}",
            step["id"].as_str().unwrap(),
            step["began_seconds"].as_f64().unwrap(),
            step["took_seconds"].as_f64().unwrap(),
            if step["critical_path"] == true {
                " *"
            } else {
                ""
            }
        );
    }
}

#[allow(clippy::cast_precision_loss, reason = "megabytes, for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn drill(stage: &mut Stage, bounds: &mut Bounds) {
    stage.holdfast(&["backup", "acme"]).exits(0);
    println!("drill: MediaWiki and DokuWiki, the demo's stack");
    let (answer, took, memory) = measured(stage, &["drill", "acme"]);
    assert_eq!(answer["passed"], true, "{answer:#}");
    phases(&answer["run"]);
    let line = format!("{took:.1} s from command to answer (under 120)");
    bounds.keep(&line, took < 120.0);
    let line = format!("{:.1} MB of memory (under 100)", megabytes(memory));
    bounds.keep(&line, memory < 100_000_000);
}

fn restore(stage: &mut Stage, bounds: &mut Bounds) {
    stage.ssh("notes-e1", FILL).exits(0);
    stage.holdfast(&["backup", "notes"]).exits(0);
    let (point, secrets) = (newest(stage), way(stage));
    let packages = packages(stage);
    stage.lab(&["destroy", "notes-e1"]).exits(0);

    println!("\nrestore: {HELD}");
    let (answer, _, memory) = measured(stage, &["apply"]);
    let passes = answer["passes"].as_array().unwrap();
    let rebuilt = |pass: &&Value| steps(pass).iter().any(|step| step["kind"] == "load");
    let run = passes.iter().find(rebuilt).expect("a restore");
    phases(run);
    let took = restored(run);
    println!("    {:.1} MB of memory", megabytes(memory));

    let by_hand = ByHand {
        stage,
        point: &point,
        secrets: &secrets,
        packages: &packages,
    };
    let boots = boot(stage);
    println!(
        "    by hand, alone: {:<24} {boots:>6.1} s",
        "order to SSH's answer"
    );
    let alone = by_hand.alone(BARE[0]);
    for (what, seconds) in alone {
        println!("    by hand, alone: {what:<24} {seconds:>6.1} s");
    }
    let [install, fetch, load] = alone.map(|part| part.1);
    let least = boots + install.max(fetch) + load;
    let whole = rebuilt_in(run);
    let line = format!(
        "{whole:.1} s from the rebuild's first step to the last that lets users in, {:.2} of {least:.1} s, the longest path of its parts alone: boot, packages or restore, database (1.20 at most)",
        whole / least
    );
    bounds.keep(&line, whole / least <= 1.20);
    let at_once = by_hand.at_once(BARE[1]);
    for (what, seconds) in &at_once {
        println!("    by hand, at once: {what:<22} {seconds:>6.1} s");
    }
    let longest = at_once.iter().map(|part| part.1).fold(0.0, f64::max);
    let ratio = took / longest;
    let line = format!(
        "{took:.1} s from the machine's first answer to all loaded and compared, {ratio:.2} of the longest of the parts that run at once by hand (1.15 at most)"
    );
    bounds.keep(&line, ratio <= 1.15);
}

/// The newest point, in full.
fn newest(stage: &mut Stage) -> String {
    let points = stage.holdfast(&["points", "notes", "--format", "json"]);
    let points = points.exits(0).json();
    let points = points["points"].as_array().unwrap();
    let newest = points.iter().max_by_key(|point| point["taken_at"].as_str());
    newest.unwrap()["id"].as_str().unwrap().to_owned()
}

/// A script that gives another machine the way to the repository.
fn way(stage: &Stage) -> String {
    let ran = stage.ssh(
        "notes-e1",
        "cd /etc/holdfast\nfor file in backup.env repository-password backup-ca.pem; do echo \"base64 -d >/etc/by-hand/$file <<END\"; base64 $file; echo END; done\n",
    );
    let files = ran.exits(0).stdout;
    format!(
        "umask 077\nmkdir -p /etc/by-hand\n{files}sed -i 's#/etc/holdfast/#/etc/by-hand/#' /etc/by-hand/backup.env\n"
    )
}

/// What was installed on production that a bare machine does not have.
fn packages(stage: &Stage) -> String {
    let asked = |machine: &str| {
        let ran = stage.ssh(machine, "apt-mark showmanual");
        let names = ran.exits(0).stdout;
        names.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let bare = asked(BARE[0]);
    let more = asked("notes-e1")
        .into_iter()
        .filter(|name| !bare.contains(name));
    more.collect::<Vec<_>>().join(" ")
}

/// From the first answer of the new machine until its state was there and compared.
fn restored(run: &Value) -> f64 {
    let of = |kind: &str| {
        steps(run)
            .iter()
            .find(|step| step["kind"] == kind)
            .expect(kind)
    };
    let load = of("load");
    assert!(load["error"].is_null(), "{load:#}");
    load["began_seconds"].as_f64().unwrap() + load["took_seconds"].as_f64().unwrap()
        - of("prepare")["began_seconds"].as_f64().unwrap()
}

/// From the first step until users were let in.
fn rebuilt_in(run: &Value) -> f64 {
    let began = |step: &Value| step["began_seconds"].as_f64().unwrap();
    let first = steps(run).iter().map(began).fold(f64::MAX, f64::min);
    let mut all = steps(run).iter();
    let open = all.find(|step| step["kind"] == "open").expect("open");
    began(open) + open["took_seconds"].as_f64().unwrap() - first
}

/// Seconds from the order of a machine that nobody asks anything of until SSH answers.
fn boot(stage: &Stage) -> f64 {
    let lab = stage.lab_status();
    let word = |key: &str| lab["hetzner"][key].as_str().unwrap().to_owned();
    let begin = Instant::now();
    let order = json!({"name": "by-hand", "server_type": "cx23", "image": "debian-13"});
    let client = reqwest::Client::new();
    let ordering = client.post(format!("{}/servers", word("endpoint")));
    let ordering = ordering.bearer_auth(word("token")).json(&order).send();
    let answer: Value = stage.runtime.block_on(async {
        let answer = ordering.await.unwrap().error_for_status().unwrap();
        answer.json().await.unwrap()
    });
    let address = answer["server"]["public_net"]["ipv4"]["ip"]
        .as_str()
        .unwrap();
    let address = SocketAddr::new(address.parse().unwrap(), 22);
    let answers = || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting).ok()?;
        (&greeting == b"SSH-").then_some(())
    };
    while answers().is_none() {
        assert!(
            begin.elapsed() < Duration::from_mins(2),
            "{address} is silent"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    begin.elapsed().as_secs_f64()
}

const APT: &str = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install";

/// The same work, as a person would do it.
struct ByHand<'a> {
    stage: &'a Stage,
    point: &'a str,
    secrets: &'a str,
    packages: &'a str,
}

type Part = (&'static str, f64);

impl ByHand<'_> {
    fn restic(&self) -> String {
        format!(
            "set -a\n. /etc/by-hand/backup.env\nset +a\nrestic restore {} --target /var/lib/by-hand",
            self.point
        )
    }

    /// One part after the other, each as if it were the only one.
    fn alone(&self, machine: &str) -> [Part; 3] {
        let part = |script: &str| seconds(self.stage, machine, script);
        let install = part(&format!("apt-get -q update\n{APT} {}", self.packages));
        part(self.secrets);
        let fetch = part(&self.restic());
        [
            ("apt-get install", install),
            ("restic restore", fetch),
            ("pg_restore -j2", self.load(machine)),
        ]
    }

    /// The packages, and the files beside them as soon as restic is there; then the database.
    fn at_once(&self, machine: &str) -> [Part; 3] {
        seconds(self.stage, machine, self.secrets);
        let restic = self.restic();
        let packages = self.packages;
        let script = format!(
            "took() {{ echo $(($(date +%s%N) - $1)) >/root/$2.took; }}\nbegan=$(date +%s%N)\napt-get -q update\n{APT} restic\n\
             (began=$(date +%s%N)\n{restic}\ntook $began restic) &\n\
             {APT} {packages}\ntook $began packages\nwait $!\n"
        );
        seconds(self.stage, machine, &script);
        let took = |part: &str| {
            let ran = self.stage.ssh(machine, &format!("cat /root/{part}.took"));
            ran.exits(0).stdout.trim().parse::<f64>().unwrap() / 1e9
        };
        [
            ("apt-get install", took("packages")),
            ("restic restore", took("restic")),
            ("pg_restore -j2", self.load(machine)),
        ]
    }

    fn load(&self, machine: &str) -> f64 {
        seconds(
            self.stage,
            machine,
            "dump=/var/lib/by-hand/var/lib/holdfast/dump\nchmod 0711 /var/lib/by-hand $dump $dump/databases\nchown -R postgres: $dump/databases/postgresql\n\
             runuser -u postgres -- psql -Xq -c 'create role notes'\nrunuser -u postgres -- createdb -T template0 -O notes -E UTF8 --locale=C.UTF-8 notes",
        );
        seconds(
            self.stage,
            machine,
            "runuser -u postgres -- pg_restore -j2 -d notes /var/lib/by-hand/var/lib/holdfast/dump/databases/postgresql/notes",
        )
    }
}
