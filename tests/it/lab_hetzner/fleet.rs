//! A fleet in memory that behaves: machines have disks and power, room runs out,
//! and what is slow or broken is so on demand.

use async_trait::async_trait;
use holdfast::lab::fleet::{Fleet, FleetError, MachineSize, MachineSpec, Power};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Machine {
    pub spec: MachineSpec,
    pub power: Power,
    pub address: Ipv4Addr,
    /// How often it got a fresh disk.
    pub disks: u32,
}

#[derive(Debug)]
pub struct MemoryFleet {
    machines: Mutex<BTreeMap<String, Machine>>,
    pub room: AtomicUsize,
    /// Rescue systems that were started, with their keys.
    pub rescued: Mutex<Vec<(String, Vec<String>)>>,
    /// Says that there is room when there is none.
    pub lies_about_room: AtomicBool,
    pub create_fails: AtomicBool,
    pub power_is_unknown: AtomicBool,
    pub delay_ms: AtomicUsize,
    next_address: AtomicU8,
}

impl Default for MemoryFleet {
    fn default() -> Self {
        Self {
            machines: Mutex::default(),
            room: AtomicUsize::new(200),
            rescued: Mutex::default(),
            lies_about_room: AtomicBool::default(),
            create_fails: AtomicBool::default(),
            power_is_unknown: AtomicBool::default(),
            delay_ms: AtomicUsize::default(),
            next_address: AtomicU8::new(10),
        }
    }
}

impl MemoryFleet {
    pub fn machine(&self, name: &str) -> Option<Machine> {
        self.machines.lock().unwrap().get(name).cloned()
    }

    pub fn names(&self) -> Vec<String> {
        self.machines.lock().unwrap().keys().cloned().collect()
    }

    /// The disk is gone, as by `lab destroy`.
    pub fn destroy(&self, name: &str) {
        let mut machines = self.machines.lock().unwrap();
        machines.get_mut(name).unwrap().power = Power::Destroyed;
    }

    /// A machine of another hoster in the same lab.
    pub fn add_foreign(&self, name: &str) {
        let machine = Machine {
            spec: MachineSpec {
                name: name.into(),
                hoster: "netcup".into(),
                image: "debian-13".into(),
                user_data: String::new(),
                authorized_keys: vec![],
                size: None,
            },
            power: Power::Running,
            address: Ipv4Addr::new(10, 0, 1, 1),
            disks: 1,
        };
        self.machines.lock().unwrap().insert(name.into(), machine);
    }

    async fn delay(&self) {
        let ms = self.delay_ms.load(Ordering::SeqCst);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms as u64)).await;
        }
    }

    fn with<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Machine) -> Result<T, FleetError>,
    ) -> Result<T, FleetError> {
        let mut machines = self.machines.lock().unwrap();
        match machines.get_mut(name) {
            Some(machine) => act(machine),
            None => Err(FleetError::NoSuchMachine { name: name.into() }),
        }
    }

    fn turn(&self, name: &str, power: Power) -> Result<(), FleetError> {
        self.with(name, |machine| {
            if machine.power == Power::Destroyed {
                return Err(FleetError::DiskGone { name: name.into() });
            }
            machine.power = power;
            Ok(())
        })
    }
}

#[async_trait]
impl Fleet for MemoryFleet {
    async fn create(&self, spec: &MachineSpec) -> Result<Ipv4Addr, FleetError> {
        self.delay().await;
        if self.create_fails.load(Ordering::SeqCst) {
            return Err(FleetError::Failed {
                action: "make the disk".into(),
                detail: "no space left on device".into(),
            });
        }
        if self.room.load(Ordering::SeqCst) == 0 {
            return Err(FleetError::NoCapacity {
                hoster: spec.hoster.clone(),
            });
        }
        let last = self.next_address.fetch_add(1, Ordering::SeqCst);
        let machine = Machine {
            spec: spec.clone(),
            power: Power::Off,
            address: Ipv4Addr::new(10, 0, 0, last),
            disks: 1,
        };
        let mut machines = self.machines.lock().unwrap();
        assert!(
            !machines.contains_key(&spec.name),
            "two machines named {:?}",
            spec.name
        );
        self.room.fetch_sub(1, Ordering::SeqCst);
        let address = machine.address;
        machines.insert(spec.name.clone(), machine);
        Ok(address)
    }

    async fn power_on(&self, name: &str) -> Result<(), FleetError> {
        self.delay().await;
        self.turn(name, Power::Running)
    }

    async fn start_rescue(&self, name: &str, keys: &[String]) -> Result<(), FleetError> {
        self.delay().await;
        let rescued = (name.to_owned(), keys.to_vec());
        self.rescued.lock().unwrap().push(rescued);
        self.turn(name, Power::Running)
    }

    async fn power_off(&self, name: &str) -> Result<(), FleetError> {
        self.delay().await;
        self.turn(name, Power::Off)
    }

    async fn shutdown(&self, name: &str) -> Result<(), FleetError> {
        self.delay().await;
        self.turn(name, Power::Off)
    }

    async fn rebuild(&self, name: &str, image: &str) -> Result<(), FleetError> {
        self.delay().await;
        self.with(name, |machine| {
            assert_eq!(machine.power, Power::Off, "rebuild of a running machine");
            machine.spec.image = image.into();
            machine.disks += 1;
            Ok(())
        })
    }

    async fn resize(&self, name: &str, size: &MachineSize) -> Result<(), FleetError> {
        self.delay().await;
        self.with(name, |machine| {
            assert_eq!(machine.power, Power::Off, "a running machine is resized");
            machine.spec.size = Some(size.clone());
            Ok(())
        })
    }

    async fn delete(&self, name: &str) -> Result<(), FleetError> {
        self.delay().await;
        match self.machines.lock().unwrap().remove(name) {
            Some(_) => {
                self.room.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            None => Err(FleetError::NoSuchMachine { name: name.into() }),
        }
    }

    async fn power(&self, name: &str) -> Result<Power, FleetError> {
        if self.power_is_unknown.load(Ordering::SeqCst) {
            return Err(FleetError::Failed {
                action: "look".into(),
                detail: "cannot read the process table".into(),
            });
        }
        self.with(name, |machine| Ok(machine.power))
    }

    async fn capacity(&self, _hoster: &str) -> Result<usize, FleetError> {
        if self.lies_about_room.load(Ordering::SeqCst) {
            return Ok(1);
        }
        Ok(self.room.load(Ordering::SeqCst))
    }
}
