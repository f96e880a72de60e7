//! A world in which everything that a commit asks for is in place: what a plan without any
//! access is made over. Nothing here was seen; whoever shows such a plan says so.
//!
//! Each stack has its machine of epoch 1, opened and as its manifest says, a backup machine
//! with its repository, a recovery point taken just now, and names that point right.

use super::derive::EstateKey;
use super::history::History;
use super::made::PastMachine;
use super::manifest::{self, ManifestError};
use super::names;
use crate::decide::repositories::Way;
use crate::model::desired::{Desired, DesiredStack, Placement};
use crate::model::ids::{Epoch, ImageName, MachineName, PointId, StackId};
use crate::model::machine::{
    BackupAccess, Digest, FileFact, MachineFacts, MachineManifest, Role, Stage, UnitFact,
};
use crate::model::observed::{
    FreeMachine, Hardware, Inventory, Observed, Power, SeenMachine, SeenName,
};
use crate::model::point::{RecoveryPoint, Rung, SCHEMA};
use crate::model::secret::Secret;
use crate::model::units::Bytes;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// The epoch of every machine here.
const EPOCH: Epoch = Epoch(1);
/// Where every backup machine seems to answer: the same on both sides, so never a difference.
const BACKUP_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What the planner is given.
#[derive(Debug, Clone)]
pub struct Assumed {
    /// What each machine should be.
    pub manifests: BTreeMap<MachineName, MachineManifest>,
    /// What would be seen.
    pub seen: Observed,
    /// What would have happened.
    pub past: History,
    /// Stacks whose machine cannot be described, and why: nothing can be said of them.
    pub unsayable: BTreeMap<StackId, String>,
}

/// `base` is in place, and `base` is wanted: nothing is to be done.
pub fn in_place(base: &Desired, key: &EstateKey, at: Timestamp) -> Assumed {
    build(base, base, key, at, true, &|_| false)
}

/// `base` is in place, and `head` is wanted.
///
/// `same` tells which stacks are defined alike on both sides, with all that their machines'
/// configuration comes from: those are not rendered, and show no difference.
pub fn facing(
    base: &Desired,
    head: &Desired,
    key: &EstateKey,
    at: Timestamp,
    same: &dyn Fn(&StackId) -> bool,
) -> Assumed {
    build(base, head, key, at, false, same)
}

fn build(
    base: &Desired,
    head: &Desired,
    key: &EstateKey,
    at: Timestamp,
    whole: bool,
    same: &dyn Fn(&StackId) -> bool,
) -> Assumed {
    let ids = base.hosters.keys().chain(head.hosters.keys());
    let mut world = Building {
        base,
        head,
        key,
        count: 0,
        made: Assumed {
            manifests: BTreeMap::new(),
            seen: Observed {
                at,
                hosters: ids
                    .map(|id| (id.clone(), Ok(Inventory::default())))
                    .collect(),
                machines: BTreeMap::new(),
                points: BTreeMap::new(),
                keys: BTreeMap::new(),
                verified: BTreeMap::new(),
                vaults: BTreeMap::new(),
                former: BTreeMap::new(),
                names: BTreeMap::new(),
            },
            past: History {
                accepted: Some(base.commit.clone()),
                ..History::default()
            },
            unsayable: BTreeMap::new(),
        },
    };
    world.backup_machines(whole);
    for stack in base.stacks.values() {
        world.stack(stack, same(&stack.id));
    }
    world.newcomers();
    if !whole {
        world.free_machines();
    }
    world.made
}

struct Building<'a> {
    base: &'a Desired,
    head: &'a Desired,
    key: &'a EstateKey,
    count: u32,
    made: Assumed,
}

impl Building<'_> {
    /// One per hoster and site, with a password line for each of its stacks.
    fn backup_machines(&mut self, whole: bool) {
        let mut before = backup_users(self.base);
        let mut after = backup_users(self.head);
        // A stack that is broken on one side stays where it is (S16).
        let broken =
            |id: &StackId| self.base.broken.contains_key(id) || self.head.broken.contains_key(id);
        for (_, users) in before.values_mut().chain(after.values_mut()) {
            users.retain(|id| !broken(id));
        }
        let none = BTreeSet::new();
        for (name, (placement, users)) in &before {
            let now = after.get(name).map_or(&none, |(_, users)| users);
            // Those who stay have the same line on both sides; it is not computed twice.
            let render = |estate: &Desired, ids: &BTreeSet<StackId>| {
                let ids = ids.iter().map(|id| (id, Way::Production));
                manifest::backup(
                    &estate.estate,
                    name,
                    EPOCH,
                    ids,
                    self.key,
                    BACKUP_ADDRESS,
                    manifest::hashed,
                )
                .ok()
            };
            let alike = users == now && self.base.estate == self.head.estate;
            let (found, wanted) = if alike && whole {
                let manifest = render(self.base, users);
                (manifest.clone(), manifest)
            } else if alike {
                (None, None)
            } else {
                let left: BTreeSet<StackId> = users.difference(now).cloned().collect();
                let came: BTreeSet<StackId> = now.difference(users).cloned().collect();
                (render(self.base, &left), render(self.head, &came))
            };
            let machine = self.machine(name, placement, Role::Backup, None);
            self.put(machine, found.as_ref(), wanted);
        }
    }

    fn stack(&mut self, stack: &DesiredStack, same: bool) {
        let name = names::production_machine(&stack.id, EPOCH);
        let image = &stack.production.image;
        let (found, wanted) = if same {
            (None, None)
        } else {
            let found = self.production(self.base, stack, &name, image);
            // Of a stack that is gone or broken now, the planner asks for no manifest.
            let head = self.head.stacks.get(&stack.id);
            let wanted = head.map(|head| self.production(self.head, head, &name, image));
            match (found, wanted.transpose()) {
                (Ok(found), Ok(wanted)) => (Some(found), wanted),
                (Err(error), _) | (_, Err(error)) => {
                    let why = crate::model::causes::chain(&error);
                    self.made.unsayable.insert(stack.id.clone(), why);
                    (None, None)
                }
            }
        };
        let machine = self.machine(&name, &stack.production, Role::Production, Some(&stack.id));
        for service in &stack.services {
            let pointed = Ok(SeenName {
                addresses: vec![machine.address],
                ..SeenName::default()
            });
            self.made.seen.names.insert(service.host.clone(), pointed);
        }
        self.put(machine, found.as_ref(), wanted);
        let past = &mut self.made.past;
        past.writers.insert(stack.id.clone(), (EPOCH, name));
        let moved = self
            .head
            .stacks
            .get(&stack.id)
            .is_some_and(|head| backup_machine(head) != backup_machine(stack));
        let mut points = Vec::new();
        if !moved {
            let id = PointId::new(format!("{:064x}", self.count));
            points.push(RecoveryPoint {
                id,
                stack: stack.id.clone(),
                epoch: EPOCH,
                taken_at: self.made.seen.at,
                bytes: Bytes(0),
                rung: Rung::AppVerified,
                arrived_at: Some(self.made.seen.at),
                evidence: Vec::new(),
                damaged: None,
                aside: false,
                cold: false,
                schema: SCHEMA,
            });
        }
        self.made.seen.points.insert(stack.id.clone(), Ok(points));
    }

    /// What only the head knows has nothing yet: no point, no name.
    fn newcomers(&mut self) {
        let seen = &mut self.made.seen;
        for stack in self.head.stacks.values() {
            seen.points
                .entry(stack.id.clone())
                .or_insert(Ok(Vec::new()));
            for service in &stack.services {
                seen.names
                    .entry(service.host.clone())
                    .or_insert(Ok(SeenName::default()));
            }
        }
    }

    /// How many ordered machines are free is unknown, so there are enough of each kind that is
    /// ordered at all; which one a step takes says nothing.
    fn free_machines(&mut self) {
        let standing = |stack: &DesiredStack| {
            let place = &stack.production;
            let before = self.base.stacks.get(&stack.id).map(|s| &s.production);
            before.is_some_and(|b| (&b.hoster, &b.site) == (&place.hoster, &place.site))
        };
        let head = self.head.stacks.values();
        let needed = head.filter(|stack| !standing(stack)).count() + backup_users(self.head).len();
        for account in self.head.hosters.values() {
            let Some(Ok(inventory)) = self.made.seen.hosters.get_mut(&account.id) else {
                continue;
            };
            let mut kinds = BTreeMap::new();
            for ordered in &account.pool {
                kinds
                    .entry((&ordered.site, &ordered.image))
                    .or_insert(ordered);
            }
            for ordered in kinds.into_values() {
                inventory
                    .free
                    .extend((1..=needed).map(|number| FreeMachine {
                        name: MachineName::new(format!("{}-{number}", ordered.name)),
                        site: ordered.site.clone(),
                        image: ordered.image.clone(),
                        address: ordered.address,
                        port: ordered.port,
                    }));
            }
        }
    }

    fn machine(
        &mut self,
        name: &MachineName,
        placement: &Placement,
        role: Role,
        stack: Option<&StackId>,
    ) -> SeenMachine {
        self.count += 1;
        SeenMachine {
            name: name.clone(),
            provider_id: format!("assumed-{}", self.count),
            hoster: placement.hoster.clone(),
            site: Some(placement.site.clone()),
            role,
            stack: stack.cloned(),
            epoch: EPOCH,
            image: Some(placement.image.clone()),
            hardware: hardware(placement, self.base),
            quarantined: false,
            power: Power::On,
            // 198.18.0.0/15 is for tests of networks (RFC 2544): nobody's address.
            address: IpAddr::V4(Ipv4Addr::from_bits(0xC612_0000 | (self.count & 0x1_FFFF))),
            port: 22,
        }
    }

    fn production(
        &self,
        of: &Desired,
        stack: &DesiredStack,
        name: &MachineName,
        image: &ImageName,
    ) -> Result<MachineManifest, ManifestError> {
        let access = BackupAccess {
            address: BACKUP_ADDRESS,
            port: 8000,
            user: stack.id.to_string(),
            password: Secret::new("-"),
            repository_password: Secret::new("-"),
            // Another backup machine is another certificate.
            ca_pem: backup_machine(stack).to_string(),
        };
        let (estate, blueprints) = (&of.estate, &of.blueprints);
        manifest::production(
            stack, estate, blueprints, self.key, name, EPOCH, image, &access,
        )
    }

    /// A machine that its hoster lists, that answers, and that the journal remembers.
    fn put(
        &mut self,
        machine: SeenMachine,
        found: Option<&MachineManifest>,
        wanted: Option<MachineManifest>,
    ) {
        let made = &mut self.made;
        let placement = machine
            .stack
            .as_ref()
            .and_then(|id| self.base.stacks.get(id))
            .map(|stack| &stack.production);
        made.past.machines.insert(
            machine.name.clone(),
            PastMachine {
                hoster: machine.hoster.clone(),
                provider_id: machine.provider_id.clone(),
                role: machine.role,
                stack: machine.stack.clone(),
                epoch: machine.epoch,
                wanted: placement.map(|p| (p.hoster.clone(), p.site.clone())),
                machine_type: placement.and_then(|p| p.machine_type.clone()),
                asked: placement.and_then(|p| p.size),
                resized: false,
                fenced: None,
                set_aside: false,
                power_on_failed: None,
            },
        );
        made.seen
            .machines
            .insert(machine.name.clone(), Ok(facts(&machine, found)));
        if let Some(wanted) = wanted {
            made.manifests.insert(machine.name.clone(), wanted);
        }
        if let Some(Ok(inventory)) = made.seen.hosters.get_mut(&machine.hoster) {
            inventory.machines.push(machine);
        }
    }
}

/// What the catalogue says of the type.
fn hardware(placement: &Placement, of: &Desired) -> Option<Hardware> {
    let machine_type = placement.machine_type.clone()?;
    let kinds = &of.hosters.get(&placement.hoster)?.descriptor.machine_types;
    let kind = kinds.iter().find(|kind| kind.name == machine_type)?;
    Some(Hardware {
        size: kind.size(),
        machine_type,
    })
}

fn backup_machine(stack: &DesiredStack) -> MachineName {
    let placement = &stack.backup.placement;
    names::backup_machine(&placement.hoster, &placement.site)
}

/// Backup machines, where each stands, and whose points are there.
fn backup_users(of: &Desired) -> BTreeMap<MachineName, (&Placement, BTreeSet<StackId>)> {
    let mut all: BTreeMap<MachineName, (&Placement, BTreeSet<StackId>)> = BTreeMap::new();
    for stack in of.stacks.values() {
        let place = &stack.backup.placement;
        let (_, users) = all
            .entry(backup_machine(stack))
            .or_insert((place, BTreeSet::new()));
        users.insert(stack.id.clone());
    }
    all
}

/// What a machine says that is exactly as its manifest.
fn facts(machine: &SeenMachine, manifest: Option<&MachineManifest>) -> MachineFacts {
    let mut facts = MachineFacts {
        image: machine.image.clone().unwrap_or_else(|| ImageName::new("")),
        boot_id: machine.provider_id.clone(),
        stack: machine.stack.clone(),
        estate: None,
        role: Some(machine.role),
        epoch: Some(machine.epoch),
        stage: Stage::Opened,
        open: true,
        restored_from: None,
        packages: BTreeMap::new(),
        files: BTreeMap::new(),
        directories: BTreeMap::new(),
        units: BTreeMap::new(),
        disk_free: Bytes(0),
        disk_size: Bytes(0),
        clock_ms: None,
        ahead_ms: 0,
        took_ms: 0,
    };
    let Some(manifest) = manifest else {
        return facts;
    };
    let packages = manifest.tools.iter().chain(&manifest.packages);
    facts.packages = packages
        .map(|name| (name.clone(), "1".to_owned()))
        .collect();
    facts.files = manifest
        .files
        .iter()
        .map(|f| {
            let fact = fact(f.digest.clone(), &f.mode, &f.owner, &f.group);
            (f.path.clone(), fact)
        })
        .collect();
    let state = manifest.services.iter().flat_map(|service| &service.state);
    let directories = manifest.directories.iter().chain(state);
    facts.directories = directories
        .map(|d| {
            let fact = fact(Digest(String::new()), &d.mode, &d.owner, &d.group);
            (d.path.clone(), fact)
        })
        .collect();
    let well = UnitFact {
        active: true,
        enabled: true,
    };
    facts.units = manifest
        .units
        .iter()
        .map(|unit| (unit.clone(), well.clone()))
        .collect();
    facts
}

fn fact(digest: Digest, mode: &str, owner: &str, group: &str) -> FileFact {
    FileFact {
        digest,
        mode: mode.to_owned(),
        owner: owner.to_owned(),
        group: group.to_owned(),
    }
}
