//! What steps do to the machines of the world in memory, and refuse, as the scripts do on real ones.

use super::{World, machine};
use holdfast::model::blueprint::{Engine, Hooks, When};
use holdfast::model::ids::{HostName, MachineName, PointId, ServiceName, SiteId, StackId};
use holdfast::model::journal::Event;
use holdfast::model::machine::{
    DatabaseRuntime, Digest, FileFact, MachineFacts, MachineManifest, ManagedDirectory,
    ManagedFile, Role, ServiceRuntime, Stage, UnitFact,
};
use holdfast::model::observed::{Power, SeenMachine};
use holdfast::model::plan::{Action, Source, Step};
use holdfast::model::point::Rung;
use holdfast::model::secret::Secret;
use holdfast::model::units::Bytes;
use std::collections::BTreeMap;
use std::net::IpAddr;

impl World {
    pub(super) fn create(&mut self, step: &Step) -> Result<(), String> {
        let Action::Create {
            machine: name,
            take,
            hoster,
            site,
            machine_type,
            image,
            role,
            epoch,
        } = &step.action
        else {
            unreachable!("asked only for this kind")
        };
        if self.full.contains(hoster) {
            let (hoster, site) = (hoster.clone(), site.clone());
            self.record(step.stack.as_ref(), Event::NoCapacity { hoster, site });
            return Err("no room".to_owned());
        }
        assert!(self.made.insert(name.clone()), "{name} is made twice (S6)");
        let inventory = self.inventories.get_mut(hoster).unwrap();
        let (provider_id, address, site) = match take {
            Some(take) => {
                let free = inventory.free.iter().position(|m| m.name == *take);
                let free = inventory.free.remove(free.ok_or("it is not free")?);
                (free.name.to_string(), free.address, free.site)
            }
            None => (
                format!("{}", 1000 + u32::from(self.next_address)),
                IpAddr::from([198, 18, 0, self.next_address]),
                SiteId::new(site.as_str()),
            ),
        };
        self.next_address += 1;
        let seen = SeenMachine {
            name: name.clone(),
            provider_id: provider_id.clone(),
            hoster: hoster.clone(),
            site: Some(site),
            role: *role,
            stack: step.stack.clone(),
            epoch: *epoch,
            image: Some(image.clone()),
            hardware: machine_type.as_deref().map(super::hardware),
            quarantined: false,
            power: Power::On,
            address,
            port: 22,
        };
        self.facts.insert(name.clone(), blank(&seen));
        inventory.machines.push(seen);
        let created = Event::Created {
            machine: name.clone(),
            hoster: hoster.clone(),
            provider_id,
            role: *role,
            epoch: *epoch,
            wanted: step
                .stack
                .as_ref()
                .map(|id| &self.want.stacks[id].production)
                .map(|place| (place.hoster.clone(), place.site.clone())),
            machine_type: machine_type.clone(),
            asked: (step.stack.as_ref())
                .filter(|_| *role == Role::Production)
                .and_then(|id| self.want.stacks[id].production.size),
        };
        self.record(step.stack.as_ref(), created);
        Ok(())
    }

    /// It is on and says something.
    pub(super) fn answers(&mut self, name: &MachineName) -> Result<&mut MachineFacts, String> {
        let on = self
            .machine(name.as_str())
            .is_some_and(|m| m.power != Power::Off);
        if !on || self.silent.contains_key(name) {
            return Err(format!("{name} does not answer"));
        }
        Ok(self.facts.get_mut(name).unwrap())
    }

    /// Steps that run on the machine itself.
    pub(super) fn on_the_machine(
        &mut self,
        step: &Step,
        made: &BTreeMap<String, PointId>,
    ) -> Result<(), String> {
        let name = step.action.machine().clone();
        let seen = self.machine(name.as_str()).cloned();
        let manifest = seen.map(|seen| self.manifest(&seen));
        if let Action::Fetch { source, .. } | Action::Precopy { source, .. } = &step.action {
            self.can_be_fetched(step, source)?;
        }
        let facts = self.answers(&name)?;
        let stage = facts.stage;
        let mut event = None;
        match &step.action {
            Action::Prepare { .. } => match stage {
                Stage::Blank => facts.stage = Stage::Building,
                Stage::Building | Stage::Loaded | Stage::Proven => {}
                Stage::Opened | Stage::Retired if facts.role == Some(Role::Backup) => {}
                Stage::Opened | Stage::Retired => return Err(format!("not blank: {stage:?}")),
            },
            Action::Install { .. } => {
                if stage == Stage::Blank {
                    return Err("not prepared".to_owned());
                }
                as_wanted(facts, &manifest.unwrap());
                if facts.role == Some(Role::Backup) {
                    (facts.stage, facts.open) = (Stage::Opened, true);
                }
            }
            Action::Converge { .. } => as_wanted(facts, &manifest.unwrap()),
            Action::Initialise { .. } => match stage {
                Stage::Building if facts.restored_from.is_none() => facts.stage = Stage::Loaded,
                Stage::Loaded | Stage::Proven if facts.restored_from.is_none() => {}
                _ => return Err(format!("its state is not touched: {stage:?}")),
            },
            Action::Fetch { source, .. } | Action::Precopy { source, .. } => {
                if stage >= Stage::Opened {
                    return Err(format!("not new: {stage:?}"));
                }
                point_of(source, made)?;
            }
            Action::Load { source, .. } => {
                let point = point_of(source, made)?;
                let same = facts.restored_from.as_deref() == Some(point.as_str());
                match stage {
                    Stage::Building => facts.stage = Stage::Loaded,
                    Stage::Loaded | Stage::Proven if same => {}
                    _ => return Err(format!("this machine is {stage:?}, with other data")),
                }
                facts.restored_from = Some(point.to_string());
                event = (facts.role != Some(Role::Drill)).then_some(Event::Proven {
                    point,
                    rung: Rung::Restored,
                });
            }
            Action::Check { .. } => match stage {
                Stage::Loaded => facts.stage = Stage::Proven,
                Stage::Proven | Stage::Opened => {}
                _ => return Err(format!("nothing to check: {stage:?}")),
            },
            Action::Open { epoch, .. } => {
                if !matches!(stage, Stage::Proven | Stage::Opened) {
                    return Err(format!("S15: it is {stage:?}"));
                }
                (facts.stage, facts.open) = (Stage::Opened, true);
                event = Some(Event::Opened {
                    machine: name,
                    epoch: *epoch,
                    point: None,
                });
            }
            Action::Close { .. } => {
                facts.open = false;
                event = Some(Event::Closed { machine: name });
            }
            other => unreachable!("{} is not done on a machine", other.verb()),
        }
        if let Some(event) = event {
            self.record(step.stack.as_ref(), event);
        }
        Ok(())
    }

    /// Machines of the stack that let users in, but those that nobody reaches and people gave up.
    pub fn open_machines(&self, owner: &StackId) -> Vec<String> {
        let waivers = self.want.stacks.get(owner).map(|stack| &stack.waivers);
        let given_up = |m: &SeenMachine| {
            let mut waived = waivers.into_iter().flatten();
            self.deaf.contains_key(&m.hoster) && waived.any(|waiver| waiver.machine == m.name)
        };
        let all = self.inventories.values().flat_map(|i| &i.machines);
        all.filter(|m| !given_up(m))
            .filter(|m| m.role == Role::Production && m.stack.as_ref() == Some(owner))
            .filter(|m| m.power != Power::Off && self.facts[&m.name].open)
            .map(|m| m.name.to_string())
            .collect()
    }

    /// S2 after every step.
    pub(super) fn look_at_itself(&self, after: &str) {
        for owner in self.want.stacks.keys() {
            let open = self.open_machines(owner);
            assert!(open.len() <= 1, "S2 after {after}: open are {open:?}");
        }
    }

    /// At rest: one open machine, its name points there, and its own recovery point is shipped.
    pub fn is_well(&self, owner: &str, name: &str) {
        let owner = super::stack(owner);
        assert_eq!(self.open_machines(&owner), [name]);
        let address = self.machine(name).unwrap().address;
        for service in &self.want.stacks[&owner].services {
            assert_eq!(self.names[&service.host], [address], "{}", service.host);
        }
        let epoch = self.facts[&machine(name)].epoch.unwrap();
        let points = self.points_on(&self.named(&owner), &owner);
        assert!(
            points
                .iter()
                .any(|p| p.epoch == epoch && p.rung >= Rung::Shipped),
            "no recovery point of {epoch}: {points:?}"
        );
        assert_eq!(self.past().writers[&owner].1.as_str(), name);
    }
}

fn point_of(source: &Source, made: &BTreeMap<String, PointId>) -> Result<PointId, String> {
    match source {
        Source::Point { point, .. } => Ok(point.clone()),
        Source::Step { step } => made
            .get(step.as_str())
            .cloned()
            .ok_or_else(|| "no point was made".to_owned()),
    }
}

/// One tool, one package, one file, one unit: the planner asks only whether something differs.
pub fn manifest(
    machine: &SeenMachine,
    engine: Option<Engine>,
    files: &[(&str, String)],
) -> MachineManifest {
    let motd = ("/etc/motd", format!("of {}", machine.name));
    let files = [&[motd], files].concat();
    MachineManifest {
        role: machine.role,
        stack: machine.stack.clone(),
        tools: vec!["restic".into()],
        packages: vec!["nginx".into()],
        files: files
            .into_iter()
            .map(|(path, text)| ManagedFile {
                path: path.into(),
                content: text.clone().into(),
                digest: Digest(text),
                mode: "0644".into(),
                owner: "root".into(),
                group: "root".into(),
                when: When::AfterPackages,
                restarts: Vec::new(),
            })
            .collect(),
        directories: Vec::new(),
        units: vec!["nginx.service".into()],
        ports: vec![80],
        services: machine.stack.iter().map(|_| service(engine)).collect(),
    }
}

/// Where the one service of every customer keeps its files.
pub const STATE: &str = "/var/lib/wiki";

fn service(engine: Option<Engine>) -> ServiceRuntime {
    ServiceRuntime {
        name: ServiceName::new("wiki"),
        host: HostName::new("wiki.acme.example"),
        databases: engine
            .into_iter()
            .map(|engine| DatabaseRuntime {
                engine,
                name: "wiki".into(),
                owner: "wiki".into(),
                password: Secret::new(Vec::new()),
            })
            .collect(),
        state: vec![ManagedDirectory {
            path: STATE.into(),
            mode: "0755".into(),
            owner: "www-data".into(),
            group: "www-data".into(),
        }],
        expendable: Vec::new(),
        environment: Secret::new(Vec::new()),
        hooks: Hooks::default(),
        checks: Vec::new(),
    }
}

fn as_wanted(facts: &mut MachineFacts, manifest: &MachineManifest) {
    for state in manifest.services.iter().flat_map(|service| &service.state) {
        let fact = FileFact {
            digest: Digest(String::new()),
            mode: state.mode.clone(),
            owner: state.owner.clone(),
            group: state.group.clone(),
        };
        facts.directories.insert(state.path.clone(), fact);
    }
    for package in manifest.tools.iter().chain(&manifest.packages) {
        facts.packages.insert(package.clone(), "1.0-1".to_owned());
    }
    for file in &manifest.files {
        let fact = FileFact {
            digest: file.digest.clone(),
            mode: file.mode.clone(),
            owner: file.owner.clone(),
            group: file.group.clone(),
        };
        facts.files.insert(file.path.clone(), fact);
    }
    for unit in &manifest.units {
        let well = UnitFact {
            active: true,
            enabled: true,
        };
        facts.units.insert(unit.clone(), well);
    }
}

fn blank(machine: &SeenMachine) -> MachineFacts {
    MachineFacts {
        image: machine.image.clone().unwrap(),
        boot_id: machine.provider_id.clone(),
        stack: machine.stack.clone(),
        estate: Some("example".to_owned()),
        role: Some(machine.role),
        epoch: Some(machine.epoch),
        stage: Stage::Blank,
        open: false,
        restored_from: None,
        packages: BTreeMap::new(),
        files: BTreeMap::new(),
        directories: BTreeMap::new(),
        units: BTreeMap::new(),
        disk_free: Bytes(20 << 30),
        disk_size: Bytes(40 << 30),
        clock_ms: None,
        ahead_ms: 0,
        took_ms: 80,
    }
}
