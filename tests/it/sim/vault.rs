//! Backup machines of the simulated world: repositories, and what lies beside them.

use super::machine::sha256;
use super::points;
use super::shell::{Answer, Input, Refused, decode, refuse};
use super::state::{Data, State};
use holdfast::model::ids::{Epoch, PointId, StackId};
use holdfast::model::machine::Digest;
use holdfast::model::point::{PointManifest, SCHEMA};
use holdfast::model::units::Bytes;
use holdfast::model::vault::Shape;
use holdfast::model::verification::{Reading, Verification};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The scripts of this room.
pub const SCRIPTS: [&str; 21] = [
    "repository",
    "mark",
    "copy",
    "proofs",
    "keys",
    "read-back",
    "points",
    "forget",
    "discard",
    "vault",
    "verify",
    "verified",
    "unlock",
    "evidence-keep",
    "evidence-list",
    "take",
    "take-cold",
    "fetch",
    "load",
    "anchor-keep",
    "anchor-read",
];

/// What a backup machine keeps.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    pub repositories: BTreeMap<StackId, Repository>,
    /// Signed documents: text and signature, by name. They outlive the repository.
    pub documents: BTreeMap<StackId, BTreeMap<String, (String, String)>>,
    pub anchor: Option<Value>,
}

#[derive(Debug, Clone, Default)]
pub struct Repository {
    passwords: BTreeMap<String, String>,
    pub snapshots: BTreeMap<PointId, Snapshot>,
    /// Since when each point has which rung, and by which document.
    pub rungs: BTreeMap<PointId, BTreeMap<String, (Timestamp, Option<String>)>>,
    pub reading: Option<Reading>,
    /// A bad sector lies under it.
    pub rotten: bool,
    /// Copies, and what they are copies of.
    pub copies: BTreeMap<PointId, PointId>,
    /// Epochs whose marks are here beside those in points.
    pub marks: BTreeSet<Epoch>,
}

#[derive(Debug, Clone)]
pub struct Snapshot {
    pub manifest: PointManifest,
    pub arrived: Timestamp,
    pub data: Data,
    /// It carries the mark that only the machine of its epoch was given.
    pub marked: bool,
    /// Its files were encrypted by whoever broke into production.
    pub encrypted: bool,
}

impl Repository {
    pub fn opens(&self, password: &str) -> Result<(), Refused> {
        let password = password.trim_end();
        if self.passwords.values().any(|own| own == password) {
            return Ok(());
        }
        refuse("wrong-password", "no key file opens with it")
    }

    pub fn read_back(&self, point: &PointId) -> bool {
        self.read_back_at(point).is_some()
    }

    pub fn marks_read_back(&mut self, point: &PointId, now: Timestamp) {
        let rungs = self.rungs.entry(point.clone()).or_default();
        rungs.entry("shipped".to_owned()).or_insert((now, None));
    }

    pub fn read_back_at(&self, point: &PointId) -> Option<Timestamp> {
        let rungs = self.rungs.get(point)?;
        rungs.get("shipped").map(|(since, _)| *since)
    }
}

pub fn digest(manifest: &PointManifest) -> Digest {
    sha256(&serde_json::to_string(manifest).unwrap())
}

pub fn stack_of(input: &Input<'_>) -> StackId {
    StackId::new(input.word("stack"))
}

pub fn run(state: &mut State, at: usize, script: &str, input: &Input<'_>) -> Answer {
    let now = state.now;
    let one = |answer: Value| Ok(vec![answer]);
    match script {
        "take" => return points::take(state, at, input),
        "take-cold" => return points::take_cold(state, at, input),
        "fetch" => return points::fetch(state, at, input),
        "load" => return points::load(state, at, input),
        "copy" => return points::copy(state, at, input),
        "forget" => return points::forget(state, at, input),
        "discard" => return points::discard(state, at, input),
        _ => {}
    }
    let disk = &mut state.servers[at].disk;
    if !disk.directories.contains_key("/srv/holdfast/restic") {
        return refuse("repositories-missing", "there are no repositories yet");
    }
    let shelf = &mut disk.shelf;
    let stack = stack_of(input);
    match script {
        "repository" => {
            let known = shelf.repositories.contains_key(&stack);
            let repository = shelf.repositories.entry(stack).or_default();
            let mut added = Vec::new();
            for words in input.of("key") {
                let (role, password) = (words[0].to_owned(), decode(words[1]));
                if repository
                    .passwords
                    .insert(role.clone(), password)
                    .is_none()
                {
                    added.push(role);
                }
            }
            one(json!({"repository": {"made": !known, "added": added, "aside": []}}))
        }
        "mark" => {
            let epoch = Epoch(input.word("epoch").parse().unwrap());
            let repository = mine(shelf, &stack, &input.text("password"))?;
            repository.marks.insert(epoch);
            one(json!({"marked": {"epoch": epoch}}))
        }
        "points" => Ok(input
            .of("stack")
            .map(|words| listed(shelf, &StackId::new(words[0]), &decode(words[1])))
            .collect()),
        "keys" => Ok(asked(input)
            .filter(|stack| shelf.repositories.contains_key(stack))
            .map(|stack| json!({"stack": stack, "keys": {"missing": [], "strangers": 0}}))
            .collect()),
        "vault" => {
            let disk = json!({"disk": {"free": 100_u64 << 30, "size": 200_u64 << 30}});
            let each = asked(input).map(|stack| {
                let shapes: BTreeMap<PointId, Shape> = shelf
                    .repositories
                    .get(&stack)
                    .into_iter()
                    .flat_map(|of| &of.snapshots)
                    .map(|(point, of)| (point.clone(), shape(of.encrypted)))
                    .collect();
                json!({"stack": stack, "shapes": shapes, "unreadable": [], "aside": {}})
            });
            Ok(std::iter::once(disk).chain(each).collect())
        }
        "verified" => Ok(asked(input)
            .map(|stack| {
                let of = shelf.repositories.get(&stack);
                let verification = Verification {
                    reading: of.and_then(|of| of.reading.clone()),
                    judged: of
                        .map(|of| of.snapshots.keys().cloned().collect())
                        .unwrap_or_default(),
                    ..Verification::default()
                };
                json!({"stack": stack, "verification": verification})
            })
            .collect()),
        "verify" => verify(shelf, &stack, input),
        "read-back" => read_back(shelf, &stack, input, now),
        "proofs" => {
            let of = shelf.repositories.get(&stack).into_iter();
            let shipped = of.flat_map(|of| {
                let points = of.snapshots.iter().filter(|(id, _)| of.read_back(id));
                points.map(|(id, point)| json!({"point": id, "manifest": digest(&point.manifest)}))
            });
            one(json!({"proofs": shipped.collect::<Vec<_>>()}))
        }
        "unlock" => one(json!({"unlocked": {"removed": [], "living": []}})),
        "evidence-keep" => evidence(shelf, &stack, input, now),
        "evidence-list" => {
            let documents = shelf.documents.get(&stack).into_iter().flatten();
            let documents = documents.map(|(name, (text, signature))| {
                json!({"name": name, "text": text, "signature": signature})
            });
            one(json!({"documents": documents.collect::<Vec<_>>()}))
        }
        "anchor-keep" => {
            shelf.anchor = serde_json::from_str(&input.text("anchor")).ok();
            one(json!({"kept": true}))
        }
        "anchor-read" => one(json!({"anchor": shelf.anchor})),
        other => panic!("nobody knows the script {other}"),
    }
}

fn asked(input: &Input<'_>) -> impl Iterator<Item = StackId> {
    input.words("stack").into_iter().map(StackId::new)
}

/// What is encrypted is new as a whole, and cannot be compressed.
fn shape(encrypted: bool) -> Shape {
    let bytes = 64 << 20;
    let added = if encrypted { bytes } else { 1 << 20 };
    Shape {
        files: 10,
        bytes: Bytes(bytes),
        rows: None,
        unlooked: false,
        added: Some(Bytes(added)),
        packed: Some(Bytes(if encrypted { added } else { added / 2 })),
        holds: BTreeSet::new(),
    }
}

fn listed(shelf: &Shelf, stack: &StackId, password: &str) -> Value {
    let Some(repository) = shelf.repositories.get(stack) else {
        return json!({"stack": stack, "points": []});
    };
    if let Err(Refused(code, reason)) = repository.opens(password) {
        return json!({"stack": stack, "gap": {"code": code, "reason": reason}});
    }
    let points = repository.snapshots.iter().map(|(id, point)| {
        let manifest = &point.manifest;
        let rungs = repository.rungs.get(id).into_iter().flatten();
        let rungs = rungs
            .map(|(rung, (at, document))| json!({"rung": rung, "at": at, "document": document}));
        json!({
            "id": id, "time": manifest.taken_at, "bytes": 1 << 20, "arrived": point.arrived,
            "copied": false, "rungs": rungs.collect::<Vec<_>>(),
            "tags": [format!("stack={}", manifest.stack), format!("epoch={}", manifest.epoch.0),
                     format!("schema={SCHEMA}"), if manifest.aside { "aside" } else { "-" }.to_owned(),
                     if manifest.cold { "cold" } else { "-" }.to_owned()],
        })
    });
    let points: Vec<Value> = points.collect();
    let documents = shelf.documents.get(stack).into_iter().flatten();
    let documents: BTreeMap<&String, Value> = documents
        .map(|(name, (text, signature))| (name, json!({"text": text, "signature": signature})))
        .collect();
    json!({"stack": stack, "points": points, "documents": documents})
}

pub fn mine<'a>(
    shelf: &'a mut Shelf,
    stack: &StackId,
    password: &str,
) -> Result<&'a mut Repository, Refused> {
    let Some(repository) = shelf.repositories.get_mut(stack) else {
        return refuse(
            "repository-missing",
            format!("there is no repository of {stack}"),
        );
    };
    repository.opens(password)?;
    Ok(repository)
}

fn verify(shelf: &mut Shelf, stack: &StackId, input: &Input<'_>) -> Answer {
    let repository = mine(shelf, stack, &input.text("password"))?;
    let number = |kind: &str| input.word(kind).parse::<u32>().unwrap();
    let at: Timestamp = input.word("at").parse().unwrap();
    let (part, of) = (number("part"), number("of"));
    let findings: Vec<String> = if repository.rotten {
        vec!["pack 0c4d does not match its name".to_owned()]
    } else {
        Vec::new()
    };
    match &mut repository.reading {
        Some(reading) => reading.take_in(part, of, &findings, at),
        None => repository.reading = Some(Reading::first(part, of, &findings, at)),
    }
    if !repository.rotten {
        for rungs in repository.rungs.values_mut() {
            rungs.entry("checked".to_owned()).or_insert((at, None));
        }
    }
    Ok(vec![
        json!({"verified": {"findings": findings, "points": {}, "checked": 0, "millis": 1}}),
    ])
}

fn read_back(shelf: &mut Shelf, stack: &StackId, input: &Input<'_>, now: Timestamp) -> Answer {
    let repository = mine(shelf, stack, &input.text("password"))?;
    let point = PointId::new(input.word("point"));
    let Some(snapshot) = repository.snapshots.get(&point) else {
        return refuse("point-missing", format!("there is no point {point}"));
    };
    if digest(&snapshot.manifest).0 != input.word("manifest-digest") {
        return refuse("manifest-differs", "it is not the one that was written");
    }
    repository.marks_read_back(&point, now);
    Ok(vec![
        json!({"read_back": {"files": 10, "bytes": 1 << 20, "millis": 1}}),
    ])
}

fn evidence(shelf: &mut Shelf, stack: &StackId, input: &Input<'_>, now: Timestamp) -> Answer {
    let (name, point) = (
        input.word("name").to_owned(),
        PointId::new(input.word("point")),
    );
    let document = (input.text("document"), input.text("signature"));
    let documents = shelf.documents.entry(stack.clone()).or_default();
    documents.insert(name.clone(), document);
    for rung in input.words("rung") {
        let Some(repository) = shelf.repositories.get_mut(stack) else {
            return refuse("point-missing", "there is no repository");
        };
        if !repository.read_back(&point) {
            return refuse("rung-missing", "it was never read back");
        }
        let rungs = repository.rungs.entry(point.clone()).or_default();
        rungs.insert(rung, (now, Some(name.clone())));
    }
    Ok(vec![json!({"kept": true})])
}
