//! Taking a lab down. Goes by names, not by state: what a crash left is found as well.

use super::cgroup::{self, Group};
use super::command::failed;
use super::state::Lock;
use super::{Lab, LabError, disk, image, machine, network, preflight, rescue};
use std::fs;
use std::path::Path;

/// Removes all the lab made. Its images go too if `images` is set.
pub(super) fn down(lab: &Lab, images: bool) -> Result<(), LabError> {
    let mut missing = preflight::check();
    // Removing needs fewer tools than making; what is needed and absent is told when it is tried.
    missing.tools.clear();
    missing.packages.clear();
    if !missing.is_empty() {
        return Err(LabError::Preflight(missing));
    }
    let everything = Group::of_lab(lab.name())?;
    // Makes an `up` that is still at work fail, so that its lock is let go.
    everything.end()?;
    let no_up = Lock::take(&lab.up_lock())?;
    everything.end()?;
    let computer = network::lock_computer()?;
    network::remove(lab.name())?;
    disk::unmount_labelled(&lab.name().link_prefix())?;
    disk::unmount_below(&lab.place.dir)?;
    rescue::detach_below(&lab.place.dir);
    remove_dir(&lab.place.dir)?;
    forget_nspawn(lab);
    cgroup::forget_all_labs();
    network::forget_computer();
    drop(computer);
    let _ = fs::remove_file(lab.up_lock());
    drop(no_up);
    image::forget_broken_builds(&lab.cache);
    if images {
        image::forget_all(&lab.cache, &lab.base)?;
    }
    Ok(())
}

fn remove_dir(dir: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(format!("remove {}", dir.display()), &error).into())
        }
        _ => Ok(()),
    }
}

fn forget_nspawn(lab: &Lab) {
    let Ok(entries) = fs::read_dir("/run/systemd/nspawn/propagate") else {
        return;
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    for name in names.filter(|name| name.starts_with(&lab.name().namespace_prefix())) {
        machine::forget_nspawn(&name);
    }
}
