//! How long it takes to see that one machine of the lab is as it should be: a new connection, the
//! question and the comparison that a pass has for each, beside the same items in an Ansible
//! playbook with pipelining and one connection for all of it, in the same run. `holdfast plan`,
//! which looks at hosters, ordered machines, recovery points and names as well, stands there too.
//! `ansible-core` comes from `PyPI` into a folder of this run's own; where it cannot be installed
//! that is said, and nothing is compared. Ends with an error where the bound is not kept. Needs root, Linux, python3 with venv.
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]
#![allow(clippy::cast_precision_loss, reason = "for people")]
#![allow(dead_code, reason = "the tests' stage has more than is measured here")]

mod bounds;
mod lab;
mod process;
#[path = "../tests/e2e/support/mod.rs"]
mod support;

use bounds::Bounds;
use holdfast::decide::changes::changes;
use holdfast::decide::derive;
use holdfast::model::ids::MachineName;
use holdfast::model::machine::{MachineManifest, ManagedDirectory};
use holdfast::world::machine::Contact;
use holdfast::world::machine::ssh::SshTransport;
use holdfast::world::machine::verbs::{self, FactsRequest};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use support::Stage;

const MACHINE: &str = "acme-e1";
/// A playbook takes longer, and gets fewer.
const ROUNDS: usize = 5;
const PLAYED: usize = 3;

fn main() -> ExitCode {
    let mut bounds = Bounds::default();
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let ansible = install(dir.path());
    let mut stage = Stage::new("bench-ansible");
    lab::only(&mut stage, "acme");
    let (session, look) = stage.look();
    let name = MachineName::new(MACHINE);
    let manifest = &look.manifests[&name];
    println!(
        "\none machine, nothing to do: {} managed items ({} packages, {} files, {} directories, {} units), {}",
        items(manifest),
        manifest.tools.len() + manifest.packages.len(),
        manifest.files.len(),
        directories(manifest).count(),
        manifest.units.len(),
        process::load()
    );
    let contact = session.contact(&name).unwrap();
    let key = derive::client_key(&session.key).private_openssh;
    let ours = best(ROUNDS, || {
        let begin = Instant::now();
        let transport = SshTransport::new(&key).unwrap();
        let request = FactsRequest::of(Some(manifest));
        let facts = verbs::facts(&transport, &contact, &request);
        let facts = stage.runtime.block_on(facts).unwrap();
        assert_eq!(changes(manifest, &facts), []);
        begin.elapsed().as_secs_f64()
    });
    println!("  Holdfast, this machine    {ours:>7.2} s, best of {ROUNDS}");
    let whole = best(ROUNDS, || {
        let begin = Instant::now();
        stage.holdfast(&["plan"]).exits(0);
        begin.elapsed().as_secs_f64()
    });
    println!("  holdfast plan, all of it  {whole:>7.2} s, best of {ROUNDS}");
    let Some(ansible) = ansible else {
        println!("  ansible-core could not be installed: not compared");
        return bounds.verdict();
    };
    let play = Play::written(dir.path(), manifest, &contact, key.expose());
    // What Ansible itself needs there comes with the first.
    play.played(&ansible);
    let theirs = best(PLAYED, || {
        let begin = Instant::now();
        let said = play.played(&ansible);
        assert!(
            said.contains("changed=0"),
            "something was to be done: {said}"
        );
        begin.elapsed().as_secs_f64()
    });
    println!(
        "  ansible-playbook          {theirs:>7.2} s, best of {PLAYED}, {}",
        version(&ansible)
    );
    let ratio = theirs / ours;
    bounds.keep(
        &format!(
            "{ratio:.0} times faster than the playbook (50 or more); all of the plan {:.0} times",
            theirs / whole
        ),
        ratio >= 50.0,
    );
    bounds.verdict()
}

fn items(manifest: &MachineManifest) -> usize {
    manifest.tools.len()
        + manifest.packages.len()
        + manifest.files.len()
        + directories(manifest).count()
        + manifest.units.len()
}

/// Those of a service's state as well: they are looked at each time, and never made anew.
fn directories(manifest: &MachineManifest) -> impl Iterator<Item = &ManagedDirectory> {
    let state = manifest.services.iter().flat_map(|service| &service.state);
    manifest.directories.iter().chain(state)
}

fn best(rounds: usize, mut one: impl FnMut() -> f64) -> f64 {
    (0..rounds).map(|_| one()).fold(f64::MAX, f64::min)
}

/// Where its programs are; `None` where it cannot be installed.
fn install(dir: &Path) -> Option<PathBuf> {
    let venv = dir.join("venv");
    let quietly = |command: &mut Command| {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    let made = quietly(Command::new("python3").args(["-m", "venv"]).arg(&venv))
        && quietly(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "ansible-core"]));
    made.then(|| venv.join("bin"))
}

fn version(programs: &Path) -> String {
    let mut asked = Command::new(programs.join("ansible-playbook"));
    let said = asked.arg("--version").output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.lines().next().unwrap_or_default().to_owned()
}

/// A folder from which it is played.
struct Play {
    dir: PathBuf,
}

impl Play {
    /// The same items, one after the other as a manifest has them; packages in one task.
    fn written(dir: &Path, manifest: &MachineManifest, contact: &Contact, key: &[u8]) -> Self {
        let dir = dir.join("play");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600);
            std::io::Write::write_all(&mut file.open(dir.join(name)).unwrap(), bytes).unwrap();
        };
        put("key", key);
        put(
            "known_hosts",
            format!("machine {}\n", contact.host_key).as_bytes(),
        );
        let at = |name: &str| dir.join(name).display().to_string();
        let ssh = format!(
            "-F none -o ControlMaster=auto -o ControlPersist=60s -o HostKeyAlias=machine -o UserKnownHostsFile={}",
            at("known_hosts")
        );
        let settings = format!(
            "[defaults]\ninventory = {}\nremote_tmp = /root/.ansible\nlocal_tmp = {}\n[ssh_connection]\npipelining = True\nssh_args = {ssh}\ncontrol_path_dir = {}\n",
            at("hosts"),
            at("tmp"),
            at("c")
        );
        put("ansible.cfg", settings.as_bytes());
        let host = format!(
            "machine ansible_host={} ansible_port={} ansible_user=root ansible_ssh_private_key_file={} ansible_python_interpreter=/usr/bin/python3\n",
            contact.address,
            contact.port,
            at("key")
        );
        put("hosts", host.as_bytes());
        for (number, file) in manifest.files.iter().enumerate() {
            put(&format!("file-{number}"), file.content.expose());
        }
        let tasks = tasks(manifest, |number| at(&format!("file-{number}")));
        let book = json!([{"hosts": "all", "gather_facts": false, "tasks": tasks}]);
        put("play.yml", &serde_json::to_vec_pretty(&book).unwrap());
        Self { dir }
    }

    fn played(&self, programs: &Path) -> String {
        let mut play = Command::new(programs.join("ansible-playbook"));
        let play = play.arg("play.yml").current_dir(&self.dir);
        let play = play.env("ANSIBLE_CONFIG", self.dir.join("ansible.cfg"));
        let played = play.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&played.stdout).into_owned();
        assert!(
            played.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&played.stderr)
        );
        said
    }
}

fn tasks(manifest: &MachineManifest, source: impl Fn(usize) -> String) -> Vec<Value> {
    let packages: Vec<&String> = manifest.tools.iter().chain(&manifest.packages).collect();
    let packages = json!({"name": "packages", "apt": {"name": packages, "state": "present"}});
    let directories = directories(manifest).map(|one| {
        json!({"name": one.path, "file": {
            "path": one.path, "state": "directory",
            "mode": one.mode, "owner": one.owner, "group": one.group,
        }})
    });
    let files = manifest.files.iter().enumerate().map(|(number, one)| {
        json!({"name": one.path, "copy": {
            "src": source(number), "dest": one.path,
            "mode": one.mode, "owner": one.owner, "group": one.group,
        }})
    });
    let units = manifest.units.iter().map(|unit| {
        json!({"name": unit, "systemd_service": {"name": unit, "state": "started", "enabled": true}})
    });
    let all = std::iter::once(packages).chain(directories);
    all.chain(files).chain(units).collect()
}
