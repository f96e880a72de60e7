//! The lab's machines: systemd-nspawn containers that boot a whole Debian.
//!
//! Machines outlive the process that started them, and every call looks at the
//! computer afresh: a machine runs when its control group has a process.

use super::LabError;
use super::cgroup::Group;
use super::command::{failed, in_background, run};
use super::disk::Disk;
use super::files::make_private_dir;
use super::fleet::{Fleet, FleetError, MachineSize, MachineSpec, Power};
use super::image::{self, BuildProgress, Recipe};
use super::names::is_label;
use super::network::{self, Cable};
use super::seed;
use super::state::{Hoster, LabRecord, MachineRecord, Place};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The machines of one lab. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Machines {
    pub(super) place: Place,
    cache: PathBuf,
}

/// The host part of the first machine's address; below it are the gateway and room.
const FIRST_HOST: u8 = 10;
/// The host part of the last machine's address.
const LAST_HOST: u8 = 250;
/// How long a system gets to shut down by itself.
const SHUTDOWN: Duration = Duration::from_secs(30);

/// Joins a control group ($1), runs the machine, anew whenever it asks for that (systemd-nspawn
/// with `--keep-unit` ends with 133 then), and when the machine ends by itself
/// pulls its cable ($2), so that nothing answers in its name.
const BOOT: &str = r#"echo $$ >"$1/cgroup.procs" || exit 1; namespace=$2; shift 2; code=133; while [ "$code" -eq 133 ]; do "$@"; code=$?; done; ip netns delete "$namespace""#;

impl Machines {
    /// The machines of the lab at `place`, on images kept in `cache`.
    pub fn new(place: Place, cache: PathBuf) -> Self {
        Self { place, cache }
    }

    fn lab(&self) -> Result<LabRecord, FleetError> {
        self.place.record()?.ok_or_else(|| {
            failed(
                "read the lab's record",
                &format!("no lab named {}", self.place.name),
            )
        })
    }

    pub(super) fn machine(&self, name: &str) -> Result<MachineRecord, FleetError> {
        self.place
            .machine(name)?
            .ok_or_else(|| FleetError::NoSuchMachine {
                name: name.to_owned(),
            })
    }

    pub(super) fn group(&self, name: &str) -> Result<Group, FleetError> {
        Ok(Group::of_lab(&self.place.name)?.member(&format!("machine-{name}")))
    }

    pub(super) fn disk(&self, name: &str) -> Disk {
        Disk::in_dir(self.place.machine_dir(name))
    }

    /// The image's directory, built now if need be.
    pub fn image(&self, name: &str, tell: &dyn Fn(BuildProgress)) -> Result<PathBuf, FleetError> {
        let recipe = Recipe::of(name, &self.lab()?.mirrors)
            .map_err(|error| failed("choose an image", &error))?;
        let within = Group::of_lab(&self.place.name)?.member("images");
        image::ensure(&recipe, &self.cache, &within, tell)
    }

    /// See [`Fleet::create`]; `host_key` is written down for [`super::LabStatus`].
    pub fn create(
        &self,
        spec: &MachineSpec,
        host_key: Option<String>,
    ) -> Result<Ipv4Addr, FleetError> {
        let action = || format!("create machine {:?}", spec.name);
        if !is_label(&spec.name, 40) {
            return Err(failed(
                action(),
                &"the name is not a lower-case DNS label of at most 40 characters",
            ));
        }
        // Before the lock: a build takes a minute and has a lock of its own.
        let image_path = self.image(&spec.image, &|_| {})?;
        let lab = self.lab()?;
        let hoster = lab.hoster(&spec.hoster).cloned().ok_or_else(|| {
            failed(
                action(),
                &format!("the lab has no hoster {:?}", spec.hoster),
            )
        })?;
        let _lock = self.place.lock("")?;
        if self.place.machine(&spec.name)?.is_some() {
            return Err(failed(action(), &"a machine of that name exists"));
        }
        let address = self.reserve_address(&lab, &hoster)?;
        let record = MachineRecord {
            name: spec.name.clone(),
            hoster: spec.hoster.clone(),
            image: spec.image.clone(),
            image_path,
            address,
            instance_id: new_instance_id()?,
            user_data: spec.user_data.clone(),
            authorized_keys: spec.authorized_keys.clone(),
            size: spec.size.clone(),
            host_key,
            destroyed: false,
        };
        make_private_dir(&self.place.machine_dir(&spec.name))?;
        self.place.keep_machine(&record)?;
        Ok(address)
    }

    /// The next free address after the one given out last: an address that was let go
    /// comes back late, as at a hoster.
    fn reserve_address(&self, lab: &LabRecord, hoster: &Hoster) -> Result<Ipv4Addr, FleetError> {
        let cursor = self.place.dir.join(format!("last-address-{}", hoster.name));
        let last = fs::read_to_string(&cursor)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let host =
            next_host(&self.used_hosts(hoster)?, last).ok_or_else(|| FleetError::NoCapacity {
                hoster: hoster.name.clone(),
            })?;
        fs::write(&cursor, host.to_string())
            .map_err(|error| failed(format!("write {}", cursor.display()), &error))?;
        Ok(Ipv4Addr::new(10, lab.network, hoster.index, host))
    }

    fn used_hosts(&self, hoster: &Hoster) -> Result<BTreeSet<u8>, FleetError> {
        let machines = self.place.machines()?;
        Ok(machines
            .iter()
            .filter(|machine| machine.hoster == hoster.name)
            .map(|machine| machine.address.octets()[3])
            .collect())
    }

    /// See [`Fleet::power_on`].
    pub fn power_on(&self, name: &str) -> Result<(), FleetError> {
        self.start(name, None)
    }

    /// See [`Fleet::start_rescue`].
    pub fn start_rescue(&self, name: &str, keys: &[String]) -> Result<(), FleetError> {
        self.start(name, Some(keys))
    }

    fn start(&self, name: &str, rescue: Option<&[String]>) -> Result<(), FleetError> {
        let _lock = self.place.lock(name)?;
        let machine = self.machine(name)?;
        if machine.destroyed {
            return Err(FleetError::DiskGone {
                name: name.to_owned(),
            });
        }
        let group = self.group(name)?;
        if group.lives() {
            return Ok(());
        }
        let lab = self.lab()?;
        let hoster = lab.hoster(&machine.hoster).cloned().ok_or_else(|| {
            failed(
                format!("start machine {name:?}"),
                &"its hoster is not in the lab's record",
            )
        })?;
        self.clear_runtime(&machine, &hoster)?;
        let (root, options) = if let Some(keys) = rescue {
            self.lay_out_rescue(&machine, keys)?
        } else {
            let disk = self.disk(name);
            disk.mount(&machine.image_path, &self.place.name.link_prefix())?;
            seed::lay(&disk.root(), &machine, &network::resolvers())?;
            (disk.root(), Vec::new())
        };
        let cable = Cable {
            namespace: self.place.name.namespace(name),
            address: machine.address,
        };
        network::attach(&lab, &hoster, &cable)?;
        group.make()?;
        self.boot(&machine, &group, &root, &options)?;
        if rescue.is_some() {
            return Ok(()); // What hangs is on the disk.
        }
        self.hangs_again(name)
    }

    fn boot(
        &self,
        machine: &MachineRecord,
        group: &Group,
        root: &Path,
        options: &[String],
    ) -> Result<(), FleetError> {
        let action = || format!("start machine {:?}", machine.name);
        let namespace = self.place.name.namespace(&machine.name);
        let console = self.place.machine_dir(&machine.name).join("console.log");
        let log = fs::File::create(&console).map_err(|error| failed(action(), &error))?;
        let errors = log.try_clone().map_err(|error| failed(action(), &error))?;
        let mut child = Command::new("setsid")
            // Forks, so that the machine belongs to nobody and leaves no zombie behind.
            .args(["--fork", "sh", "-c", BOOT, "machine"])
            .arg(group.path())
            .arg(&namespace)
            .args(["systemd-nspawn", "--quiet", "--boot", "--directory"])
            .arg(root)
            .arg(format!("--machine={namespace}"))
            .arg(format!("--hostname={}", machine.name))
            .arg(format!("--network-namespace-path=/run/netns/{namespace}"))
            // Power loss is the loss of processes here, never of this computer's page
            // cache, so waiting for the disk would prove nothing and cost much.
            .args([
                "--register=no",
                "--keep-unit",
                "--resolv-conf=off",
                "--suppress-sync=yes",
            ])
            .args(machine.size.as_ref().and_then(MachineSize::processors))
            .args(options)
            // A rented machine has a firewall of its own.
            .arg("--capability=CAP_NET_ADMIN")
            .args(["--link-journal=no", "--timezone=off", "--settings=no"])
            // Debian 13 does not start on the first version of control groups.
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|error| failed(action(), &error))?;
        child.wait().map_err(|error| failed(action(), &error))?;
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            if group.first_process().is_some() {
                return Ok(());
            }
            if Instant::now() > until {
                let said = fs::read_to_string(&console).unwrap_or_default();
                return Err(failed(
                    action(),
                    &format!("its first process did not start: {}", said.trim()),
                ));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Removes what a run of the machine left outside its disk.
    fn clear_runtime(&self, machine: &MachineRecord, hoster: &Hoster) -> Result<(), FleetError> {
        self.group(&machine.name)?.end()?;
        let namespace = self.place.name.namespace(&machine.name);
        let cable = self
            .place
            .name
            .cable(hoster.index, machine.address.octets()[3]);
        network::detach(&self.place.name, &namespace, &cable);
        forget_nspawn(&namespace);
        self.remove_rescue(&machine.name)?;
        self.disk(&machine.name).unmount()
    }

    /// See [`Fleet::power_off`].
    pub fn power_off(&self, name: &str) -> Result<(), FleetError> {
        let _lock = self.place.lock(name)?;
        self.power_off_locked(&self.machine(name)?)
    }

    fn power_off_locked(&self, machine: &MachineRecord) -> Result<(), FleetError> {
        let lab = self.lab()?;
        match lab.hoster(&machine.hoster) {
            Some(hoster) => self.clear_runtime(machine, hoster),
            None => self.group(&machine.name)?.end(),
        }
    }

    /// See [`Fleet::shutdown`].
    pub fn shutdown(&self, name: &str) -> Result<(), FleetError> {
        self.machine(name)?;
        let group = self.group(name)?;
        let Some(first) = group.first_process() else {
            return Ok(());
        };
        // systemd takes SIGRTMIN+4 for "power off" (systemd(1), "Signals").
        run("kill", &["-s", "RTMIN+4", &first.to_string()])?;
        let until = Instant::now() + SHUTDOWN;
        while group.lives() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        if group.lives() {
            Ok(())
        } else {
            self.power_off(name)
        }
    }

    /// See [`Fleet::rebuild`].
    pub fn rebuild(&self, name: &str, image: &str) -> Result<(), FleetError> {
        let image_path = self.image(image, &|_| {})?;
        let _lock = self.place.lock(name)?;
        let mut machine = self.machine(name)?;
        if machine.destroyed {
            return Err(FleetError::DiskGone {
                name: name.to_owned(),
            });
        }
        if self.group(name)?.lives() {
            return Err(failed(
                format!("rebuild machine {name:?}"),
                &"it is running",
            ));
        }
        self.disk(name).erase()?;
        image.clone_into(&mut machine.image);
        machine.image_path = image_path;
        machine.instance_id = new_instance_id()?;
        self.place.keep_machine(&machine)
    }

    /// Power loss, and the disk is gone for good. The machine stays listed.
    pub fn destroy(&self, name: &str) -> Result<(), FleetError> {
        let _lock = self.place.lock(name)?;
        let mut machine = self.machine(name)?;
        // Written first: a crash here must not leave a half-erased disk that can be started.
        machine.destroyed = true;
        self.place.keep_machine(&machine)?;
        self.power_off_locked(&machine)?;
        self.disk(name).erase()
    }

    /// See [`Fleet::delete`].
    pub fn delete(&self, name: &str) -> Result<(), FleetError> {
        let _lock = self.place.lock(name)?;
        let machine = self.machine(name)?;
        self.power_off_locked(&machine)?;
        let dir = self.place.machine_dir(name);
        fs::remove_dir_all(&dir)
            .map_err(|error| failed(format!("remove {}", dir.display()), &error))
    }

    /// See [`Fleet::power`].
    pub fn power(&self, name: &str) -> Result<Power, FleetError> {
        self.power_of(&self.machine(name)?)
    }

    /// The power of a machine whose record is at hand.
    pub fn power_of(&self, machine: &MachineRecord) -> Result<Power, FleetError> {
        if machine.destroyed {
            return Ok(Power::Destroyed);
        }
        Ok(if self.group(&machine.name)?.lives() {
            Power::Running
        } else {
            Power::Off
        })
    }

    /// See [`Fleet::capacity`].
    pub fn capacity(&self, hoster: &str) -> Result<usize, FleetError> {
        let lab = self.lab()?;
        let Some(hoster) = lab.hoster(hoster) else {
            return Ok(0);
        };
        let room = usize::from(LAST_HOST - FIRST_HOST) + 1;
        Ok(room.saturating_sub(self.used_hosts(hoster)?.len()))
    }

    /// Waits until the machine's sshd answers with its banner.
    pub fn wait_for_ssh(&self, name: &str, longest: Duration) -> Result<Duration, FleetError> {
        let address = SocketAddr::from((self.machine(name)?.address, 22));
        let (start, group) = (Instant::now(), self.group(name)?);
        while !answers_ssh(address) {
            let action = || format!("wait for SSH of machine {name:?}");
            if !group.lives() {
                let console = self.place.machine_dir(name).join("console.log");
                return Err(failed(
                    action(),
                    &format!("it went off; see {}", console.display()),
                ));
            }
            if start.elapsed() > longest {
                return Err(failed(
                    action(),
                    &format!("no answer within {} s", longest.as_secs()),
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(start.elapsed())
    }
}

/// The host part that comes next after `last`, round the subnet, and is not used.
pub fn next_host(used: &BTreeSet<u8>, last: Option<u8>) -> Option<u8> {
    let after = last.map_or(FIRST_HOST, |last| last.saturating_add(1));
    (after..=LAST_HOST)
        .chain(FIRST_HOST..=LAST_HOST)
        .find(|host| !used.contains(host))
}

fn answers_ssh(address: SocketAddr) -> bool {
    let patience = Duration::from_millis(500);
    let mut banner = [0_u8; 4];
    TcpStream::connect_timeout(&address, patience)
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(patience))?;
            stream.read_exact(&mut banner)
        })
        .is_ok_and(|()| &banner == b"SSH-")
}

pub(super) fn new_instance_id() -> Result<String, FleetError> {
    Ok(format!("i-{}", hex::encode(seed::random(8)?)))
}

/// systemd-nspawn removes this directory itself, unless it is killed.
pub fn forget_nspawn(namespace: &str) {
    let _ = fs::remove_dir(Path::new("/run/systemd/nspawn/propagate").join(namespace));
}

impl From<LabError> for FleetError {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Fleet(error) => error,
            other => failed("use the lab", &other),
        }
    }
}

#[async_trait]
impl Fleet for Machines {
    async fn create(&self, spec: &MachineSpec) -> Result<Ipv4Addr, FleetError> {
        let (machines, spec) = (self.clone(), spec.clone());
        in_background(move || machines.create(&spec, None)).await
    }
    async fn power_on(&self, name: &str) -> Result<(), FleetError> {
        let (machines, name) = (self.clone(), name.to_owned());
        in_background(move || machines.power_on(&name)).await
    }
    async fn start_rescue(&self, name: &str, keys: &[String]) -> Result<(), FleetError> {
        let (machines, name, keys) = (self.clone(), name.to_owned(), keys.to_vec());
        in_background(move || machines.start_rescue(&name, &keys)).await
    }
    async fn power_off(&self, name: &str) -> Result<(), FleetError> {
        let (machines, name) = (self.clone(), name.to_owned());
        in_background(move || machines.power_off(&name)).await
    }
    async fn shutdown(&self, name: &str) -> Result<(), FleetError> {
        let (machines, name) = (self.clone(), name.to_owned());
        in_background(move || machines.shutdown(&name)).await
    }
    async fn rebuild(&self, name: &str, image: &str) -> Result<(), FleetError> {
        let (machines, name, image) = (self.clone(), name.to_owned(), image.to_owned());
        in_background(move || machines.rebuild(&name, &image)).await
    }
    async fn resize(&self, name: &str, size: &MachineSize) -> Result<(), FleetError> {
        let (machines, name, size) = (self.clone(), name.to_owned(), size.clone());
        in_background(move || machines.resize(&name, &size)).await
    }
    async fn delete(&self, name: &str) -> Result<(), FleetError> {
        let (machines, name) = (self.clone(), name.to_owned());
        in_background(move || machines.delete(&name)).await
    }
    async fn power(&self, name: &str) -> Result<Power, FleetError> {
        let (machines, name) = (self.clone(), name.to_owned());
        in_background(move || machines.power(&name)).await
    }
    async fn capacity(&self, hoster: &str) -> Result<usize, FleetError> {
        let (machines, hoster) = (self.clone(), hoster.to_owned());
        in_background(move || machines.capacity(&hoster)).await
    }
}
