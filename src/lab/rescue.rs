//! A machine's rescue system: a clean system from its image in its place, with a host key of its own
//! and nothing but the keys that were given. The machine's disk stands beside it as `/dev/sda`, as it
//! was when the power went, with nothing of it at work.

use super::command::{failed, run};
use super::disk::Disk;
use super::files::make_private_dir;
use super::fleet::FleetError;
use super::machine::Machines;
use super::network;
use super::seed;
use super::state::MachineRecord;
use std::fs;
use std::path::{Path, PathBuf};

/// Room beside what is on the disk, in MiB.
const ROOM: u64 = 256;

impl Machines {
    /// Lays it out for a machine that is off; gives its root and what it is started with.
    pub(super) fn lay_out_rescue(
        &self,
        machine: &MachineRecord,
        keys: &[String],
    ) -> Result<(PathBuf, Vec<String>), FleetError> {
        self.remove_rescue(&machine.name)?;
        let dir = self.rescue_dir(&machine.name);
        make_private_dir(&dir)?;
        let label = self.place.name.link_prefix();
        let disk = self.disk(&machine.name);
        disk.mount(&machine.image_path, &label)?;
        let image = dir.join("disk.ext4");
        let made = as_block_device(&disk.root(), &image);
        disk.unmount()?;
        let device = made?;
        let system = Disk::in_dir(dir);
        system.mount(&machine.image_path, &label)?;
        let rescue = MachineRecord {
            name: format!("{}-rescue", machine.name),
            instance_id: super::machine::new_instance_id()?,
            user_data: "#cloud-config\n{}\n".to_owned(),
            authorized_keys: keys.to_vec(),
            host_key: None,
            ..machine.clone()
        };
        seed::lay(&system.root(), &rescue, &network::resolvers())?;
        Ok((system.root(), vec![format!("--bind={device}:/dev/sda")]))
    }

    /// Nothing of it is left. Nothing if there is none.
    pub(super) fn remove_rescue(&self, name: &str) -> Result<(), FleetError> {
        let dir = self.rescue_dir(name);
        if !dir.exists() {
            return Ok(());
        }
        let image = dir.join("disk.ext4");
        let devices = run(
            "losetup",
            &[
                "--list",
                "--noheadings",
                "--output",
                "NAME",
                "--associated",
                &image.to_string_lossy(),
            ],
        )?;
        Disk::in_dir(dir.clone()).unmount()?;
        for device in devices.split_whitespace() {
            run("losetup", &["--detach", device])?;
        }
        fs::remove_dir_all(&dir)
            .map_err(|error| failed(format!("remove {}", dir.display()), &error))
    }

    fn rescue_dir(&self, name: &str) -> PathBuf {
        self.place.machine_dir(name).join("rescue")
    }
}

/// A copy of what is there, as a disk with a file system on it.
fn as_block_device(root: &Path, image: &Path) -> Result<String, FleetError> {
    let (root, image) = (root.to_string_lossy(), image.to_string_lossy());
    let size = run("du", &["-sxm", &root])?;
    let used: u64 = size
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| failed("measure a disk", &size))?;
    let size = format!("{}M", used + used / 3 + ROOM);
    run("truncate", &["--size", &size, &image])?;
    run(
        "mke2fs",
        &["-q", "-F", "-t", "ext4", "-i", "8192", "-d", &root, &image],
    )?;
    let device = run("losetup", &["--find", "--show", &image])?;
    Ok(device.trim().to_owned())
}

/// Lets go of all such disks below a path. Where nothing can be asked, there are none.
pub fn detach_below(path: &Path) {
    let listed = [
        "--list",
        "--noheadings",
        "--raw",
        "--output",
        "NAME,BACK-FILE",
    ];
    let listed = run("losetup", &listed).unwrap_or_default();
    for line in listed.lines() {
        if let Some((device, file)) = line.split_once(' ')
            && Path::new(file).starts_with(path)
        {
            let _ = run("losetup", &["--detach", device]);
        }
    }
}
