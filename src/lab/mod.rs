//! Hosters with real machines on this computer. Knows nothing of the other rooms; speaks only the hosters' interfaces.
//!
//! A lab is a set of hosters, each with its own subnet, an interface (or a pool of
//! machines that were ordered beforehand), and machines that boot a whole Debian.
//! Everything it makes bears names that follow from the lab's name ([`names`]), so
//! that [`Lab::down`] finds and removes it after any crash.
//!
//! ```no_run
//! # async fn example() -> Result<(), holdfast::lab::LabError> {
//! use holdfast::lab::{Lab, LabConfig};
//! let lab = Lab::new("default", "/var/lib/holdfast/lab")?;
//! let config = LabConfig { program: "/usr/bin/holdfast".into(), ..LabConfig::default() };
//! let status = lab.up(config, |progress| drop(progress)).await?;
//! println!("{:?}", status.hetzner);
//! lab.down(false).await?;
//! # Ok(()) }
//! ```

mod authorize;
pub mod cgroup;
mod command;
pub mod disk;
pub mod dns;
pub mod down;
pub mod faults;
mod files;
pub mod fleet;
mod hang;
pub mod hetzner;
pub mod image;
pub mod machine;
pub mod mirror;
pub mod names;
pub mod network;
pub mod pool;
pub mod preflight;
mod rescue;
pub mod seed;
pub mod serve;
mod size;
pub mod state;
pub mod status;
pub mod up;

pub use status::LabStatus;
pub use up::{LabConfig, Progress};

use command::in_background;
use faults::Outage;
use fleet::FleetError;
pub use image::DEFAULT_CACHE;
use machine::Machines;
use names::LabName;
use state::{Hoster, Place};
use std::path::{Path, PathBuf};

/// Where labs are kept when nothing else is said.
pub const DEFAULT_BASE: &str = "/var/lib/holdfast/lab";

/// Why something could not be done with a lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// This computer cannot carry a lab as it is.
    #[error("this computer cannot run the lab: {0}")]
    Preflight(preflight::Missing),
    /// The name cannot be used.
    #[error("{name:?} is not a lab's name: 1 to 24 of a-z, 0-9 and inner hyphens")]
    BadName {
        /// As given.
        name: String,
    },
    /// No archive to take packages from.
    #[error(
        "this computer's apt names no Debian archive; say where images get their packages with `--mirror URL`"
    )]
    NoMirror,
    /// The lab was never brought up, or was taken down.
    #[error("there is no lab named {name:?}; start it with `holdfast lab up --name {name}`")]
    NoSuchLab {
        /// The name.
        name: String,
    },
    /// Remains of a lab of this name, without its state.
    #[error(
        "remains of a lab named {name:?} are on this computer ({remains}); remove them with `holdfast lab down --name {name}`"
    )]
    Remains {
        /// The name.
        name: String,
        /// What was found.
        remains: String,
    },
    /// The lab runs with other settings than asked for.
    #[error(
        "the lab {name:?} is there already with another {setting}; take it down first, or leave the option out"
    )]
    Differs {
        /// The name.
        name: String,
        /// The setting.
        setting: &'static str,
    },
    /// No such hoster in this lab.
    #[error("no hoster {hoster:?}; there are: {known}")]
    UnknownHoster {
        /// As asked for.
        hoster: String,
        /// The hosters there are.
        known: String,
    },
    /// The hoster has no interface that could fail.
    #[error("hoster {hoster:?} is a pool without an interface; use `cut` to make it unreachable")]
    NoInterface {
        /// The hoster.
        hoster: String,
    },
    /// No such image.
    #[error("no image {image:?}; there are: debian-12, debian-13")]
    UnknownImage {
        /// As asked for.
        image: String,
    },
    /// A file of public keys cannot be used.
    #[error("no public keys in {}: {detail}", path.display())]
    BadKeys {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// Something of this computer failed.
    #[error(transparent)]
    Fleet(#[from] FleetError),
}

/// One lab of this computer. A handle: all state is on disk and in the kernel.
#[derive(Debug, Clone)]
pub struct Lab {
    place: Place,
    base: PathBuf,
    cache: PathBuf,
}

impl Lab {
    /// The lab `name`, kept below `base`. Nothing is started or read yet.
    ///
    /// # Errors
    /// [`LabError::BadName`].
    pub fn new(name: &str, base: impl AsRef<Path>) -> Result<Self, LabError> {
        let name = LabName::new(name)?;
        let base = base.as_ref().to_owned();
        Ok(Self {
            place: Place::new(&base, &name),
            base,
            cache: PathBuf::from(DEFAULT_CACHE),
        })
    }

    /// Keeps images elsewhere than in [`DEFAULT_CACHE`].
    #[must_use]
    pub fn with_cache(mut self, cache: impl Into<PathBuf>) -> Self {
        self.cache = cache.into();
        self
    }

    /// Its name.
    pub fn name(&self) -> &LabName {
        &self.place.name
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// Held by an `up` for as long as it works. Beside the lab's directory, which `down` removes.
    fn up_lock(&self) -> PathBuf {
        self.base.join(format!(".{}.lock", self.place.name))
    }

    fn machines(&self) -> Machines {
        Machines::new(self.place.clone(), self.cache.clone())
    }

    /// Brings it up and waits until pool machines answer; what is up stays as it is.
    pub async fn up(
        &self,
        config: LabConfig,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<LabStatus, LabError> {
        let lab = self.clone();
        in_background(move || up::up(&lab, &config, &progress)).await
    }

    /// Takes it down and removes all it made, with or without its state; images too if asked for.
    pub async fn down(&self, images: bool) -> Result<(), LabError> {
        let lab = self.clone();
        in_background(move || down::down(&lab, images)).await
    }

    /// How it stands now.
    pub async fn status(&self) -> Result<LabStatus, LabError> {
        let lab = self.clone();
        in_background(move || status::look(&lab)).await
    }

    /// Power loss: the disk stays.
    pub async fn kill(&self, machine: &str) -> Result<(), LabError> {
        self.with_machine(machine, machine::Machines::power_off)
            .await
    }

    /// It stays on, and nothing in it moves any more; with `for_good`, after each start as well.
    pub async fn hang(&self, machine: &str, for_good: bool) -> Result<(), LabError> {
        self.with_machine(machine, move |machines, name| machines.hang(name, for_good))
            .await
    }

    /// Power loss, and the disk is gone for good.
    pub async fn destroy(&self, machine: &str) -> Result<(), LabError> {
        self.with_machine(machine, machine::Machines::destroy).await
    }

    /// Starts a machine that is off.
    pub async fn power_on(&self, machine: &str) -> Result<(), LabError> {
        self.with_machine(machine, machine::Machines::power_on)
            .await
    }

    /// Lets the public keys log in to all pool machines as root.
    pub async fn authorize(&self, keys: Vec<String>) -> Result<(), LabError> {
        let lab = self.clone();
        in_background(move || pool::authorize(&lab.place, &lab.machines(), &keys)).await
    }

    /// Drops every packet from and to a hoster, to its interface too.
    pub async fn cut(&self, hoster: &str) -> Result<(), LabError> {
        let (lab, hoster) = (self.clone(), hoster.to_owned());
        in_background(move || {
            let record = lab.place.expect_record()?;
            Ok(network::cut(&record, find(&record, &hoster)?)?)
        })
        .await
    }

    /// Lets packets pass again and ends the hoster's outage; without a hoster, for all.
    pub async fn heal(&self, hoster: Option<&str>) -> Result<(), LabError> {
        let (lab, hoster) = (self.clone(), hoster.map(str::to_owned));
        in_background(move || {
            let record = lab.place.expect_record()?;
            let healed = match &hoster {
                Some(name) => std::slice::from_ref(find(&record, name)?),
                None => record.hosters.as_slice(),
            };
            for hoster in healed {
                network::heal(&record, hoster)?;
                lab.place.faults().set(&hoster.name, None)?;
            }
            Ok(())
        })
        .await
    }

    /// Makes a hoster's interface fail, or with `None` work again.
    pub async fn outage(&self, hoster: &str, outage: Option<Outage>) -> Result<(), LabError> {
        let (lab, hoster) = (self.clone(), hoster.to_owned());
        in_background(move || {
            let record = lab.place.expect_record()?;
            if find(&record, &hoster)?.kind == state::Kind::Pool {
                return Err(LabError::NoInterface { hoster });
            }
            Ok(lab.place.faults().set(&hoster, outage)?)
        })
        .await
    }

    async fn with_machine(
        &self,
        machine: &str,
        work: impl FnOnce(&Machines, &str) -> Result<(), FleetError> + Send + 'static,
    ) -> Result<(), LabError> {
        let (lab, machine) = (self.clone(), machine.to_owned());
        in_background(move || {
            lab.place.expect_record()?;
            Ok(work(&lab.machines(), &machine)?)
        })
        .await
    }
}

fn find<'a>(record: &'a state::LabRecord, hoster: &str) -> Result<&'a Hoster, LabError> {
    record
        .hoster(hoster)
        .ok_or_else(|| LabError::UnknownHoster {
            hoster: hoster.to_owned(),
            known: record
                .hosters
                .iter()
                .map(|known| known.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
}
