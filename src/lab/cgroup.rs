//! One control group per machine, name server and daemon.
//!
//! The kernel keeps the list of what belongs to a machine: ending a group ends
//! all of it at once, children and orphans included, which is what a power loss
//! is. No process number is written down and later trusted.

use super::command::failed;
use super::fleet::FleetError;
use super::names::LabName;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A control group (version 2) of a lab.
#[derive(Debug, Clone)]
pub struct Group {
    path: PathBuf,
}

impl Group {
    /// The group that holds everything of a lab.
    pub fn of_lab(lab: &LabName) -> Result<Self, FleetError> {
        Ok(Self {
            path: all_labs()?.join(lab.tag()),
        })
    }

    /// A group within this one.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        Self {
            path: self.path.join(name),
        }
    }

    /// Where it stands in the file system.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, if it is not there.
    pub fn make(&self) -> Result<(), FleetError> {
        fs::create_dir_all(&self.path).map_err(|error| {
            failed(
                format!("make control group {}", self.path.display()),
                &error,
            )
        })
    }

    /// Whether any process lives in it or below.
    pub fn lives(&self) -> bool {
        fs::read_to_string(self.path.join("cgroup.events"))
            .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    }

    /// Stops all its processes where they are (cgroup v2, `cgroup.freeze`); ending them still works.
    pub fn freeze(&self) -> Result<(), FleetError> {
        let path = self.path.join("cgroup.freeze");
        fs::write(&path, "1").map_err(|error| failed(format!("write {}", path.display()), &error))
    }

    /// Ends all its processes at once (SIGKILL), waits until they are gone and removes it.
    pub fn end(&self) -> Result<(), FleetError> {
        if !self.path.exists() {
            return Ok(());
        }
        let action = || format!("end control group {}", self.path.display());
        let until = Instant::now() + Duration::from_secs(10);
        while self.lives() {
            // `cgroup.kill` is there since Linux 5.14.
            fs::write(self.path.join("cgroup.kill"), "1")
                .map_err(|error| failed(action(), &error))?;
            if Instant::now() > until {
                return Err(failed(action(), &"processes still live after 10 s"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let twin = self.twin();
        loop {
            let removed = twin
                .as_deref()
                .map_or(Ok(()), remove_tree)
                .and_then(|()| remove_tree(&self.path));
            match removed {
                Ok(()) => return Ok(()),
                // The kernel may need a moment to let go of a group that just emptied.
                Err(error) if Instant::now() > until => return Err(failed(action(), &error)),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// The empty group of the same name that systemd-nspawn keeps in the first
    /// version's `name=systemd` hierarchy, on computers that mount both versions.
    fn twin(&self) -> Option<PathBuf> {
        let below = self.path.strip_prefix(hierarchy()?).ok()?;
        let path = first_version()?.join(below);
        path.exists().then_some(path)
    }

    /// The processes in it and below.
    pub fn processes(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let mut open = vec![self.path.clone()];
        while let Some(path) = open.pop() {
            let listed = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
            found.extend(listed.lines().filter_map(|line| line.parse::<u32>().ok()));
            open.extend(folders(&path));
        }
        found
    }

    /// The process that is number 1 of a machine in this group.
    pub fn first_process(&self) -> Option<u32> {
        self.processes().into_iter().find(|process| {
            fs::read_to_string(format!("/proc/{process}/status"))
                .is_ok_and(|status| is_first(&status))
        })
    }
}

/// Whether `/proc/…/status` tells of the first process of an inner process namespace.
pub fn is_first(status: &str) -> bool {
    status
        .lines()
        .filter_map(|line| line.strip_prefix("NSpid:"))
        .any(|line| {
            let numbers: Vec<&str> = line.split_whitespace().collect();
            numbers.len() > 1 && numbers.last() == Some(&"1")
        })
}

/// Removes the group of all labs, if the last lab is gone.
pub fn forget_all_labs() {
    let twin = first_version().map(|root| root.join(ALL_LABS));
    for path in all_labs().ok().into_iter().chain(twin) {
        // Fails while another lab is there, as it should.
        let _ = fs::remove_dir(path);
    }
}

/// Where the second version of control groups is mounted: `/sys/fs/cgroup`, or
/// below it on computers that still have the first version beside it.
pub fn hierarchy() -> Option<PathBuf> {
    mount_point(|kind, _| kind == "cgroup2")
}

fn first_version() -> Option<PathBuf> {
    mount_point(|kind, options| {
        kind == "cgroup" && options.split(',').any(|option| option == "name=systemd")
    })
}

fn mount_point(wanted: impl Fn(&str, &str) -> bool) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (point, kind, options) = (fields.nth(1)?, fields.next()?, fields.next()?);
        wanted(kind, options).then(|| PathBuf::from(point))
    })
}

const ALL_LABS: &str = "holdfast-lab";

fn all_labs() -> Result<PathBuf, FleetError> {
    let root = hierarchy().ok_or_else(|| {
        failed(
            "find the control groups",
            &"cgroup2 is not mounted on this computer",
        )
    })?;
    Ok(root.join(ALL_LABS))
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

fn remove_tree(path: &Path) -> std::io::Result<()> {
    for folder in folders(path) {
        remove_tree(&folder)?;
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
