//! A machine's disk: its own layer over the image, joined by overlayfs.

use super::command::{failed, run};
use super::fleet::FleetError;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The disk of one machine.
#[derive(Debug, Clone)]
pub struct Disk {
    dir: PathBuf,
}

impl Disk {
    /// The disk kept in a machine's directory.
    pub fn in_dir(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The machine's root directory, seen from outside.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// Joins the layers. Nothing if they are joined. The mount bears the lab's `label`.
    pub fn mount(&self, image: &Path, label: &str) -> Result<(), FleetError> {
        let root = self.root();
        for layer in ["upper", "work", "root"] {
            let path = self.dir.join(layer);
            fs::create_dir_all(&path)
                .map_err(|error| failed(format!("make {}", path.display()), &error))?;
        }
        if mounts_below(&root).contains(&root) {
            return Ok(());
        }
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            image.display(),
            self.dir.join("upper").display(),
            self.dir.join("work").display()
        );
        run(
            "mount",
            &[
                "-t",
                "overlay",
                label,
                "-o",
                &layers,
                &root.to_string_lossy(),
            ],
        )
        .map(drop)
    }

    /// Parts the layers. Nothing if they are parted.
    pub fn unmount(&self) -> Result<(), FleetError> {
        unmount_below(&self.root())
    }

    /// Removes the machine's own layer for good.
    pub fn erase(&self) -> Result<(), FleetError> {
        self.unmount()?;
        for layer in ["upper", "work", "root"] {
            let path = self.dir.join(layer);
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(format!("erase {}", path.display()), &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The mount points at and below a path, deepest first.
pub fn mounts_below(path: &Path) -> Vec<PathBuf> {
    mounts(|_, point| point.starts_with(path))
}

/// Unmounts everything at and below a path.
pub fn unmount_below(path: &Path) -> Result<(), FleetError> {
    unmount(&mounts_below(path))
}

/// Unmounts all disks that bear a lab's label, wherever they are.
pub fn unmount_labelled(label: &str) -> Result<(), FleetError> {
    unmount(&mounts(|source, _| source == label))
}

fn mounts(wanted: impl Fn(&str, &Path) -> bool) -> Vec<PathBuf> {
    let listed = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut found: Vec<PathBuf> = listed
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (source, point) = (fields.next()?, fields.next()?);
            let point = PathBuf::from(point.replace("\\040", " "));
            wanted(source, &point).then_some(point)
        })
        .collect();
    found.sort();
    found.reverse();
    found
}

fn unmount(points: &[PathBuf]) -> Result<(), FleetError> {
    for point in points {
        forget_nspawn_lock(point);
        run("umount", &["--lazy", &point.to_string_lossy()])?;
    }
    Ok(())
}

/// systemd-nspawn leaves its lock file on a root directory behind when it is killed.
fn forget_nspawn_lock(root: &Path) {
    if let Ok(stat) = fs::metadata(root) {
        let name = format!(
            "/run/systemd/nspawn/locks/inode-{}:{}",
            stat.dev(),
            stat.ino()
        );
        let _ = fs::remove_file(name);
    }
}
