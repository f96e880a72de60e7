//! What the scripts do on any machine, and refuse: stages, gate, files, data.

use super::points;
use super::secrets::estate_key;
use super::shell::{Answer, Input, Refused, decode, refuse};
use super::state::{Data, Disk, Gate, State};
use super::vault::Snapshot;
use holdfast::decide::derive;
use holdfast::model::identity::Identity;
use holdfast::model::ids::{MachineName, StackId};
use holdfast::model::machine::{Digest, FileFact, MachineFacts, Role, Stage, UnitFact};
use holdfast::model::units::Bytes;
use holdfast::world::machine::rescue::NAMESPACE;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

const GATE: &str = "/usr/local/lib/holdfast/gate";
const IDENTITY: &str = "/etc/holdfast/identity";

pub fn run(state: &mut State, at: usize, script: &str, input: &Input<'_>) -> Answer {
    let now = state.now;
    if script == "pool-wipe" {
        state.ends_on(state.servers[at].address);
    }
    let sick = state.is_sick(at);
    let boot_id = state.servers[at].boot_id();
    let in_rescue = state.servers[at].rescue.is_some();
    let disk = &mut state.servers[at].disk;
    let one = |answer: Value| Ok(vec![answer]);
    match script {
        "pool-facts" => one(json!({
            "boot_id": boot_id,
            "uptime": now.as_second(),
            "identity": disk.identity.as_ref().map(|text| encode(text)),
            "quarantined": disk.aside,
            "machine_id": "",
            "holds": disk.holds(),
        })),
        "pool-claim" => {
            let wanted = input.text("identity");
            let until = input.of("until").next().unwrap();
            let late = until[0] != boot_id || now.as_second() > until[1].parse().unwrap();
            match &disk.identity {
                _ if late => refuse("late", "it came too late to count"),
                Some(own) if *own != wanted => refuse("claimed", "it belongs to somebody else"),
                None if !disk.holds().is_empty() => refuse("occupied", disk.holds()),
                _ => {
                    disk.identity = Some(wanted);
                    let hoster = state.servers[at].hoster.clone();
                    if let Some(own) = state.servers[at].disk.identity() {
                        state.check_creation(&own.machine, &own.owner, &hoster);
                    }
                    one(json!({"claimed": true}))
                }
            }
        }
        "pool-quarantine" => {
            if disk.identity != Some(input.text("identity")) {
                return refuse("not_ours", "it has another identity now");
            }
            disk.aside = true;
            one(json!({"quarantined": true}))
        }
        "pool-wipe" => {
            if disk.identity != Some(input.text("identity")) {
                return refuse("not_ours", "it has another identity now");
            }
            if !is(disk, Role::Drill) || disk.stage() >= Stage::Opened {
                return refuse("not_a_drill", "it is of no drill");
            }
            *disk = Disk {
                boots: disk.boots,
                ..Disk::default()
            };
            one(json!({"wiped": true}))
        }
        "facts" => {
            let facts = facts(state, at, input);
            one(json!(facts))
        }
        "prepare" => prepare(disk, input),
        "install" => {
            if !matches!(
                disk.stage(),
                Stage::Building | Stage::Loaded | Stage::Proven
            ) {
                return refuse("not-prepared", format!("it is {:?}", disk.stage()));
            }
            if disk.gate != Gate::None {
                disk.gate = Gate::Closed;
            }
            take_in(disk, input);
            one(json!({"installed": true}))
        }
        "converge" => match disk.stage() {
            Stage::Blank => refuse("not-prepared", "it is not prepared"),
            Stage::Retired => refuse("retired", "another has taken over"),
            _ => {
                take_in(disk, input);
                disk.units.extend(input.words("unit"));
                one(json!({"converged": true}))
            }
        },
        "start" => match disk.stage() {
            Stage::Blank => refuse("not-prepared", "it is not prepared"),
            Stage::Retired => refuse("retired", "another has taken over"),
            Stage::Building if !is(disk, Role::Backup) => {
                refuse("not-loaded", "its services must not start empty")
            }
            _ => {
                disk.units.extend(input.words("unit"));
                one(json!({"started": true}))
            }
        },
        "initialise" => {
            let of = disk.identity().and_then(|own| own.owner.stack);
            let answer = initialise(disk, input, now);
            if answer.is_ok() {
                state.check_beginning(at, of.as_ref());
            }
            answer
        }
        "check" => {
            let passed = disk.data.is_some() && !sick;
            disk.checked = Some(passed);
            let checks = input.all().filter(|words| words.len() > 3);
            let check = |words: &[&str]| {
                json!({
                    "service": words[0], "name": decode(words[3]),
                    "passed": passed, "detail": "", "millis": 1,
                })
            };
            Ok(checks.map(check).collect())
        }
        "mark-proven" => match disk.stage() {
            Stage::Loaded => {
                disk.stage = Some(Stage::Proven);
                one(json!({"stage": "proven"}))
            }
            Stage::Proven | Stage::Opened => one(json!({"stage": "proven"})),
            _ => refuse("not-loaded", "there is nothing to prove"),
        },
        "mark-opened" => {
            if disk.gate != Gate::None {
                return refuse("has-gate", "it opens by its gate");
            }
            match disk.stage() {
                Stage::Blank | Stage::Retired => refuse("not-prepared", "it is not prepared"),
                _ => {
                    disk.stage = Some(Stage::Opened);
                    one(json!({"stage": "opened"}))
                }
            }
        }
        "gate-open" => {
            let was_open = disk.gate == Gate::Open;
            let answer = gate_open(disk, input);
            if answer.is_ok() {
                disk.opened_at = disk.opened_at.or(Some(now));
            }
            // Where users are already, nobody is let in.
            if answer.is_ok() && !was_open {
                state.check_opened(at);
            }
            answer
        }
        "reboot" => {
            state.check_reboot(at);
            let up_at = now + SignedDuration::from_secs(20);
            state.servers[at].boot(now, up_at);
            one(json!({"rebooting": true}))
        }
        "rescue-prove" => {
            let Some(own) = disk.identity().filter(|_| in_rescue) else {
                return refuse("no-disk", "no disk of it can be read here");
            };
            one(json!({"signature": signed(&own.machine, &input.text("text"))}))
        }
        "gate-close" => {
            if disk.gate == Gate::None {
                return refuse("no-gate", "it has no gate");
            }
            if disk.gate == Gate::Open {
                disk.closed_at = Some(now);
            }
            disk.gate = Gate::Closed;
            let behind = behind_the_gate(disk);
            disk.units.retain(|unit| !behind.contains(unit));
            one(json!({"open": false}))
        }
        "isolate" => {
            if !is(disk, Role::Drill) {
                return refuse("not-a-drill", "it is of no drill");
            }
            disk.isolated = true;
            disk.texts.remove(points::WAY);
            disk.files.remove(points::WAY);
            one(json!({"isolated": {"tried": []}}))
        }
        "integrity" => Ok(input
            .all()
            .map(|words| {
                json!({"service": words[0], "name": "integrity", "passed": true,
                       "detail": "", "millis": 1})
            })
            .collect()),
        "undeclared" => one(json!({"undeclared": []})),
        other => panic!("nobody knows the script {other}"),
    }
}

/// By the host key that we gave the machine.
fn signed(machine: &MachineName, text: &str) -> String {
    let key = derive::host_key(&estate_key(), machine).private_openssh;
    let key = PrivateKey::from_openssh(key.expose_text().unwrap()).unwrap();
    let signature = key.sign(NAMESPACE, HashAlg::Sha512, text.as_bytes());
    signature.unwrap().to_pem(LineEnding::LF).unwrap()
}

fn is(disk: &Disk, role: Role) -> bool {
    disk.identity().is_some_and(|own| own.owner.role == role)
}

pub fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

pub fn sha256(text: &str) -> Digest {
    Digest(hex::encode(Sha256::digest(text)))
}

fn prepare(disk: &mut Disk, input: &Input<'_>) -> Answer {
    let wanted = input.text("identity");
    let other = disk.identity.as_ref().is_some_and(|own| *own != wanted);
    match disk.stage() {
        Stage::Opened | Stage::Retired => return refuse("not-blank", "it is in use"),
        _ if other => return refuse("foreign", "it is another already"),
        _ if disk.identity.is_none() => return refuse("nobodys", "it has no identity"),
        Stage::Blank => disk.stage = Some(Stage::Building),
        _ => {}
    }
    take_in(disk, input);
    if disk.files.contains_key(GATE) {
        disk.gate = Gate::Closed;
    }
    Ok(vec![json!({"prepared": true})])
}

/// Packages, directories and files, as they are told.
fn take_in(disk: &mut Disk, input: &Input<'_>) {
    for kind in ["tool", "package"] {
        disk.packages.extend(input.words(kind));
    }
    let fact = |mode: &str, owner: &str, group: &str, digest: Digest| FileFact {
        digest,
        mode: mode.to_owned(),
        owner: owner.to_owned(),
        group: group.to_owned(),
    };
    for kind in ["directory", "state"] {
        for words in input.of(kind) {
            let found = fact(words[1], words[2], words[3], Digest(String::new()));
            disk.directories.insert(words[0].to_owned(), found);
        }
    }
    for kind in ["early", "file"] {
        for words in input.of(kind) {
            let text = decode(words[4]);
            let found = fact(words[1], words[2], words[3], sha256(&text));
            disk.files.insert(words[0].to_owned(), found);
            if words[0] == IDENTITY {
                disk.identity = Some(text);
            } else if words[0].starts_with("/etc/holdfast/") {
                disk.texts.insert(words[0].to_owned(), text);
            }
        }
    }
}

fn initialise(disk: &mut Disk, input: &Input<'_>, now: jiff::Timestamp) -> Answer {
    if disk.restored_from.is_some() {
        return refuse("not-blank", "it holds restored state");
    }
    match disk.stage() {
        Stage::Building => {}
        Stage::Loaded | Stage::Proven => return Ok(vec![json!({"initialised": true})]),
        Stage::Blank => return refuse("not-prepared", "it is not prepared"),
        _ => return refuse("not-blank", "its state is not touched"),
    }
    take_in(disk, input);
    disk.units.extend(input.words("unit"));
    let Some(stack) = disk.identity().and_then(|own| own.owner.stack) else {
        return refuse("foreign", "it is of no stack");
    };
    disk.data = Some(Data {
        stack,
        born: now,
        written: now,
    });
    disk.stage = Some(Stage::Loaded);
    Ok(vec![json!({"initialised": true})])
}

/// Units that run only while users get in.
fn behind_the_gate(disk: &Disk) -> Vec<String> {
    let list = disk.texts.get("/etc/holdfast/units");
    let lines = list.into_iter().flat_map(|text| text.lines());
    lines.map(str::to_owned).collect()
}

fn gate_open(disk: &mut Disk, input: &Input<'_>) -> Answer {
    let Some(Identity { owner, .. }) = disk.identity() else {
        return refuse("no-gate", "it is nobody's");
    };
    let epoch = input.all().next().map_or("", |words| words[0]);
    match disk.stage() {
        _ if disk.gate == Gate::None => refuse("no-gate", "it has no gate"),
        _ if owner.role == Role::Drill => refuse("drill", "nobody is ever let in"),
        _ if owner.epoch.0.to_string() != epoch => refuse("other-epoch", "it is of another epoch"),
        Stage::Proven | Stage::Opened => {
            disk.stage = Some(Stage::Opened);
            disk.gate = Gate::Open;
            disk.units.extend(behind_the_gate(disk));
            Ok(vec![json!({"open": true})])
        }
        Stage::Retired => refuse("retired", "another has taken over"),
        stage => refuse("not-proven", format!("it is {stage:?}")),
    }
}

fn facts(state: &State, at: usize, input: &Input<'_>) -> MachineFacts {
    let server = &state.servers[at];
    let disk = &server.disk;
    let own = disk.identity();
    let gated = behind_the_gate(disk);
    let units = input.of("unit").map(|words| {
        let unit = words[0].to_owned();
        let ails = server.ails && gated.first() == Some(&unit);
        let runs = disk.units.contains(&unit) && !ails;
        let well = UnitFact {
            active: runs,
            enabled: runs,
        };
        (unit, well)
    });
    let pick = |kind: &str, from: &std::collections::BTreeMap<String, FileFact>| {
        let asked = input.words(kind).into_iter();
        asked
            .filter_map(|path| Some((path.clone(), from.get(&path)?.clone())))
            .collect()
    };
    let packages = input.words("package").into_iter();
    let installed = packages.filter(|package| disk.packages.contains(package));
    MachineFacts {
        image: server.image.clone(),
        boot_id: server.boot_id(),
        stack: own.as_ref().and_then(|own| own.owner.stack.clone()),
        estate: own.as_ref().map(|own| own.owner.estate.to_string()),
        role: own.as_ref().map(|own| own.owner.role),
        epoch: own.as_ref().map(|own| own.owner.epoch),
        stage: disk.stage(),
        open: disk.gate == Gate::Open,
        restored_from: disk.restored_from.clone(),
        packages: installed
            .map(|package| (package, "1.0-1".to_owned()))
            .collect(),
        files: pick("file", &disk.files),
        directories: pick("directory", &disk.directories),
        units: units.collect(),
        disk_free: Bytes(20 << 30),
        disk_size: Bytes(40 << 30),
        clock_ms: Some(state.now.as_millisecond()),
        ahead_ms: 0,
        took_ms: 80,
    }
}

impl State {
    /// After a boot: closed until it is certain that no younger machine serves.
    pub fn check_gates(&mut self) {
        let now = self.now;
        for at in 0..self.servers.len() {
            let server = &self.servers[at];
            if server.disk.gate != Gate::Checking
                || server.rescue.is_some()
                || !server.on
                || now < server.up_at
            {
                continue;
            }
            let Some(own) = server.disk.identity() else {
                continue;
            };
            let (stack, epoch): (Option<StackId>, _) = (own.owner.stack.clone(), own.owner.epoch);
            // It cannot tell while it reaches nobody.
            let Ok((there, points)) = points::reached(self, at, None) else {
                continue;
            };
            let kept = &self.servers[there].disk.shelf.repositories;
            let marks = stack.as_ref().and_then(|stack| kept.get(stack));
            let marks = marks.into_iter().flat_map(|of| of.marks.iter().copied());
            let mine = |point: &&Snapshot| Some(&point.manifest.stack) == stack.as_ref();
            let marked = points.values().filter(mine).filter(|point| point.marked);
            let marked = marked.map(|point| point.manifest.epoch);
            let younger = marked.chain(marks).any(|marked| marked > epoch);
            let disk = &mut self.servers[at].disk;
            if younger {
                (disk.gate, disk.stage) = (Gate::Closed, Some(Stage::Retired));
            } else {
                disk.gate = Gate::Open;
            }
            let gate = disk.gate;
            self.say(&format!("{}: after the boot {gate:?}", own.machine));
            self.look(&format!("the boot of {}", own.machine));
        }
    }
}

pub fn not_new(disk: &Disk) -> Result<(), Refused> {
    match disk.stage() {
        Stage::Opened | Stage::Retired => refuse("not-new", "a restore goes only to a new one"),
        _ => Ok(()),
    }
}
