//! Recovery points of the simulated world: taken on production, copied, fetched and loaded into
//! new machines, taken away.

use super::invariants::BOASTED;
use super::machine::{encode, not_new, sha256};
use super::shell::{Answer, Input, Refused, decode, refuse};
use super::state::{Data, Disk, Late, State};
use super::vault::{Snapshot, digest, mine, stack_of};
use holdfast::model::blueprint::Engine;
use holdfast::model::ids::{Epoch, PointId, ServiceName, StackId};
use holdfast::model::machine::{Role, Stage};
use holdfast::model::point::{
    DatabaseContent, FilesContent, PointManifest, SCHEMA, ServiceContent,
};
use holdfast::model::units::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub const WAY: &str = "/etc/holdfast/backup.env";
const OWN_PASSWORD: &str = "/etc/holdfast/repository-password";
const SERVER: &str = "holdfast-rest-server.service";
const WAYS_IN: &str = "/etc/holdfast/htpasswd";

type Points = BTreeMap<PointId, Snapshot>;

/// Whom a machine reaches by the way it was given, and all points there. `from`: another way, as
/// address and password of the repository.
pub fn reached(
    state: &State,
    at: usize,
    from: Option<(String, String)>,
) -> Result<(usize, Points), Refused> {
    let server = &state.servers[at];
    let missing = || Refused("backup-unreachable", "it knows no way".to_owned());
    let (way, password) = if let Some(way) = from {
        way
    } else {
        let texts = &server.disk.texts;
        let way = texts.get(WAY).ok_or_else(missing)?;
        let password = texts.get(OWN_PASSWORD).ok_or_else(missing)?;
        (way.clone(), password.clone())
    };
    // rest:https://USER:PASSWORD@HOST:8000/USER/
    let rest = way.split("rest:https://").nth(1).ok_or_else(missing)?;
    let (account, rest) = rest.split_once('@').ok_or_else(missing)?;
    let (user, secret) = account.split_once(':').ok_or_else(missing)?;
    let host: IpAddr = rest
        .split(":8000")
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|_| missing())?;
    let now = state.now;
    let there = state
        .servers
        .iter()
        .position(|s| s.address == host && s.answers(now));
    let there = there.filter(|_| server.answers(now));
    let runs = |at: &usize| state.servers[*at].disk.units.contains(SERVER);
    let Some(there) = there.filter(runs) else {
        return refuse("backup-unreachable", format!("{host} does not answer"));
    };
    let disk = &state.servers[there].disk;
    if !lets_in(disk, user, secret) {
        return refuse("denied", format!("{user} is not let in"));
    }
    let Some(repository) = disk.shelf.repositories.get(&StackId::new(user)) else {
        return refuse(
            "repository-missing",
            format!("there is no repository of {user}"),
        );
    };
    repository.opens(&password)?;
    Ok((there, repository.snapshots.clone()))
}

fn lets_in(disk: &Disk, user: &str, secret: &str) -> bool {
    let list = disk
        .texts
        .get(WAYS_IN)
        .into_iter()
        .flat_map(|text| text.lines());
    let mut lines = list.filter_map(|line| line.split_once(':'));
    lines.any(|(name, hash)| name == user && super::password_fits(secret, hash))
}

fn content(data: &Data, input: &Input<'_>) -> BTreeMap<ServiceName, ServiceContent> {
    let digest = sha256(&format!("{} {} {}", data.stack, data.born, data.written));
    let mut services: BTreeMap<ServiceName, ServiceContent> = BTreeMap::new();
    for words in input.of("service") {
        services.entry(ServiceName::new(words[0])).or_default();
    }
    for words in input.of("files") {
        let of = services.entry(ServiceName::new(words[0])).or_default();
        let files = FilesContent {
            count: 10,
            bytes: Bytes(1 << 20),
            digest: digest.clone(),
            metadata: None,
            changing: false,
        };
        of.files.insert(decode(words[1]), files);
    }
    for words in input.of("database") {
        let of = services.entry(ServiceName::new(words[0])).or_default();
        let database = DatabaseContent {
            engine: Engine::Postgresql,
            server: "17".into(),
            collation: String::new(),
            bytes: Bytes(1 << 20),
            rows: BTreeMap::from([("public.t".into(), 10)]),
            objects: BTreeMap::new(),
            large_objects: None,
            sequences: BTreeMap::new(),
        };
        of.databases.insert(words[2].to_owned(), database);
    }
    services
}

pub fn take(state: &mut State, at: usize, input: &Input<'_>) -> Answer {
    let now = state.now;
    let server = &mut state.servers[at];
    let serves = server.serves(now);
    let image = server.image.to_string();
    let disk = &mut server.disk;
    if disk.stage() < Stage::Loaded {
        return refuse("not-loaded", "there is no state to back up yet");
    }
    if state.unsaved.get(&stack_of(input)) > Some(&now) {
        return refuse("dump-failed", "its database cannot be dumped");
    }
    let encrypted = state.encrypted.contains(&stack_of(input));
    let (stack, epoch) = (stack_of(input), Epoch(input.word("epoch").parse().unwrap()));
    let own = disk.identity().unwrap().owner;
    if own.stack.as_ref() != Some(&stack) || own.epoch != epoch {
        return refuse("other-identity", "it is another machine");
    }
    let Some(data) = &mut disk.data else {
        return refuse("path-missing", "its state is not there");
    };
    if serves {
        data.written = now;
    }
    let data = data.clone();
    let aside = input.word("aside") == "yes";
    if aside && serves {
        return refuse("open", "users are let in here");
    }
    let (there, _) = reached(state, at, None)?;
    state.numbers += 1;
    let point = PointId::new(sha256(&format!("point {}", state.numbers)).0);
    let manifest = PointManifest {
        aside,
        cold: false,
        schema: SCHEMA,
        stack: stack.clone(),
        epoch,
        commit: input.word("commit").to_owned(),
        image,
        taken_at: now,
        canary: encode(point.as_str()),
        packages: BTreeMap::new(),
        services: content(&data, input),
    };
    let snapshot = Snapshot {
        manifest: manifest.clone(),
        arrived: now,
        data,
        marked: true,
        encrypted,
    };
    let shelf = &mut state.servers[there].disk.shelf;
    let repository = shelf.repositories.get_mut(&stack).unwrap();
    repository.snapshots.insert(point.clone(), snapshot);
    Ok(vec![json!({"taken": {
        "point": point, "manifest_digest": digest(&manifest), "manifest": manifest,
        "bytes": 1 << 20, "added": 1 << 10, "millis": 1, "dumps_millis": 1, "attempts": 1,
    }})])
}

/// What is on a disk that nothing runs on, from the rescue system in its machine's place.
pub fn take_cold(state: &mut State, at: usize, input: &Input<'_>) -> Answer {
    let now = state.now;
    let (stack, epoch) = (stack_of(input), Epoch(input.word("epoch").parse().unwrap()));
    let server = &state.servers[at];
    if server.rescue.is_none() {
        return refuse("no-view", "the disk is not open");
    }
    let own = server.disk.identity().unwrap().owner;
    if own.stack.as_ref() != Some(&stack) || own.epoch != epoch {
        return refuse("other-identity", "it is another machine's disk");
    }
    let (Some(data), image) = (server.disk.data.clone(), server.image.to_string()) else {
        return refuse("path-missing", "its state is not there");
    };
    let (there, _) = reached(state, at, None)?;
    state.numbers += 1;
    let point = PointId::new(sha256(&format!("point {}", state.numbers)).0);
    let manifest = PointManifest {
        aside: true,
        cold: true,
        schema: SCHEMA,
        stack: stack.clone(),
        epoch,
        commit: input.word("commit").to_owned(),
        image,
        taken_at: now,
        canary: encode(point.as_str()),
        packages: BTreeMap::new(),
        services: BTreeMap::new(),
    };
    let encrypted = state.encrypted.contains(&stack);
    let snapshot = Snapshot {
        manifest: manifest.clone(),
        arrived: now,
        data,
        marked: true,
        encrypted,
    };
    let shelf = &mut state.servers[there].disk.shelf;
    let repository = shelf.repositories.get_mut(&stack).unwrap();
    repository.snapshots.insert(point.clone(), snapshot);
    Ok(vec![json!({"taken": {
        "point": point, "manifest_digest": digest(&manifest), "manifest": manifest,
        "bytes": 1 << 20, "added": 1 << 10, "millis": 1, "dumps_millis": 0, "attempts": 1,
    }})])
}

/// The way in the input, where there is one.
fn another(input: &Input<'_>) -> Option<(String, String)> {
    input.of("from-repository").next()?;
    Some((input.text("from-repository"), input.text("from-password")))
}

pub fn fetch(state: &mut State, at: usize, input: &Input<'_>) -> Answer {
    let disk = &state.servers[at].disk;
    if not_new(disk).is_err() {
        state.check_restore(at, "fetch");
    }
    not_new(&state.servers[at].disk)?;
    let disk = &state.servers[at].disk;
    let point = PointId::new(input.word("point"));
    let reused = disk.fetched.contains_key(point.as_str());
    if !reused {
        let (_, points) = reached(state, at, another(input))?;
        let Some(found) = points.get(&point) else {
            return refuse("point-missing", format!("there is no point {point}"));
        };
        let fetched = &mut state.servers[at].disk.fetched;
        fetched.insert(point.to_string(), found.clone());
    }
    let manifest = &state.servers[at].disk.fetched[point.as_str()].manifest;
    Ok(vec![json!({"fetched": {
        "point": point, "bytes": 1 << 20, "reused": reused, "millis": 1, "manifest": manifest,
    }})])
}

pub fn load(state: &mut State, at: usize, input: &Input<'_>) -> Answer {
    if state.servers[at].disk.stage() >= Stage::Opened {
        state.check_restore(at, "load");
    }
    let disk = &mut state.servers[at].disk;
    let point = input.word("point").to_owned();
    let again = disk.restored_from.as_ref() == Some(&point);
    match disk.stage() {
        Stage::Building => {}
        Stage::Loaded | Stage::Proven if again => {}
        stage => return refuse("not-new", format!("it is {stage:?}")),
    }
    let Some(found) = disk.fetched.get(&point) else {
        return refuse("not-fetched", format!("{point} has not been fetched"));
    };
    let services = content(&found.data, input);
    disk.data = Some(found.data.clone());
    disk.restored_from = Some(point.clone());
    if disk.stage() == Stage::Building {
        disk.stage = Some(Stage::Loaded);
    }
    Ok(vec![json!({"compared": {
        "point": point, "services": services, "left": [], "files_millis": 1,
        "databases_millis": 1, "compare_millis": 1, "millis": 1,
    }})])
}

/// Like restic: content, time and epoch stay, ids do not.
pub fn copy(state: &mut State, at: usize, input: &Input<'_>) -> Answer {
    let stack = stack_of(input);
    mine(
        &mut state.servers[at].disk.shelf,
        &stack,
        &input.text("password"),
    )?;
    let (_, points) = reached(state, at, another(input))?;
    let arrivals: BTreeMap<String, Timestamp> = input
        .of("arrived")
        .map(|words| {
            let second = words[1].parse().unwrap();
            (words[0].to_owned(), Timestamp::from_second(second).unwrap())
        })
        .collect();
    let shelf = &mut state.servers[at].disk.shelf;
    let repository = shelf.repositories.get_mut(&stack).unwrap();
    let mut moved = Vec::new();
    for (was, point) in points {
        let is = PointId::new(sha256(&format!("copy {was}")).0);
        repository
            .snapshots
            .entry(is.clone())
            .or_insert_with(|| Snapshot {
                arrived: arrivals.get(was.as_str()).copied().unwrap_or(point.arrived),
                ..point
            });
        repository.copies.insert(is.clone(), was.clone());
        moved.push(json!({"was": was, "is": is}));
    }
    Ok(vec![
        json!({"copy": {"points": moved, "damaged": [], "millis": 1}}),
    ])
}

pub fn forget(state: &mut State, at: usize, input: &Input<'_>) -> Answer {
    let stack = stack_of(input);
    let going: BTreeSet<PointId> = input.words("point").into_iter().map(PointId::new).collect();
    if !going.is_empty() {
        state.check_doubts(at, &stack);
    }
    let shelf = &mut state.servers[at].disk.shelf;
    let repository = mine(shelf, &stack, &input.text("password"))?;
    let stays = repository
        .snapshots
        .iter()
        .filter(|(id, _)| !going.contains(*id));
    let stays = stays.filter(|(id, _)| repository.read_back(id));
    let newest = stays.map(|(_, point)| point.arrived).max();
    let mut leaving = repository
        .snapshots
        .iter()
        .filter(|(id, _)| going.contains(*id));
    if leaving.any(|(_, point)| newest.is_none_or(|newest| newest <= point.arrived)) {
        state.check_deletion(&stack, "forget");
        return refuse("point-newest", "nothing newer that stays was read back");
    }
    for point in &going {
        repository.snapshots.remove(point);
        repository.rungs.remove(point);
    }
    Ok(vec![
        json!({"forgot": {"forgotten": going, "freed": 1, "millis": 1}}),
    ])
}

pub fn discard(state: &mut State, at: usize, input: &Input<'_>) -> Answer {
    let stack = stack_of(input);
    let judged: BTreeSet<PointId> = input.words("point").into_iter().map(PointId::new).collect();
    let shelf = &mut state.servers[at].disk.shelf;
    if shelf.repositories.contains_key(&stack) {
        let repository = mine(shelf, &stack, &input.text("password"))?;
        let held: BTreeSet<PointId> = repository.snapshots.keys().cloned().collect();
        if held != judged {
            return refuse(
                "point-unknown",
                "it holds something else than what was judged",
            );
        }
        let gone = shelf.repositories.remove(&stack).unwrap();
        state.check_discarded(&stack, &gone);
    }
    Ok(vec![json!({"discarded": {"freed": 1, "millis": 1}})])
}

impl State {
    /// Whoever is root on production adds what looks like a point of a later epoch and of tomorrow.
    pub fn adds_junk(&mut self, stack: &StackId) {
        let now = self.now;
        let serving = self
            .servers
            .iter()
            .position(|server| server.serves(now) && server.is(Role::Production, Some(stack)));
        let Some(Ok((there, points))) = serving.map(|at| reached(self, at, None)) else {
            return;
        };
        let Some(mut junk) = points.into_values().next() else {
            return;
        };
        junk.manifest.epoch = BOASTED;
        junk.manifest.taken_at = now + SignedDuration::from_hours(24);
        (junk.arrived, junk.marked) = (now, false);
        self.numbers += 1;
        let point = PointId::new(sha256(&format!("junk {}", self.numbers)).0);
        let shelf = &mut self.servers[there].disk.shelf;
        let repository = shelf.repositories.get_mut(stack).unwrap();
        repository.snapshots.insert(point, junk);
        self.say("fault: production adds a point that claims what is not so");
    }

    /// The last thing that a machine did: a point that nobody read back.
    pub fn saves_in_vain(&mut self, at: usize) {
        let Some(stack) = self.servers[at].owner().and_then(|(_, owner)| owner.stack) else {
            return;
        };
        let now = self.now;
        let Ok((there, points)) = reached(self, at, None) else {
            return;
        };
        let Some(newest) = points.into_values().max_by_key(|point| point.arrived) else {
            return;
        };
        let mut last = newest;
        (last.arrived, last.manifest.taken_at, last.data.written) = (now, now, now);
        let point = PointId::new(sha256(&format!("in vain {stack}")).0);
        let shelf = &mut self.servers[there].disk.shelf;
        let repository = shelf.repositories.get_mut(&stack).unwrap();
        repository.snapshots.insert(point.clone(), last);
        if self.dice.happens(300) {
            let after = i64::try_from(self.dice.between(1, 900)).unwrap();
            let due = now + SignedDuration::from_secs(after);
            self.late.push((due, Late::ReadBack(stack, point)));
        }
    }

    /// The backup machine has come to the end of what production began.
    pub fn is_read_back(&mut self, stack: &StackId, point: &PointId) {
        let now = self.now;
        let mut shelves = self.servers.iter_mut().map(|s| &mut s.disk.shelf);
        let of = shelves.find_map(|shelf| {
            let of = shelf.repositories.get_mut(stack)?;
            of.snapshots.contains_key(point).then_some(of)
        });
        if let Some(of) = of {
            of.marks_read_back(point, now);
            self.say(&format!("{:.8} was read back late", point.as_str()));
        }
    }
}
