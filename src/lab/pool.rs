//! Pool hosters: machines that were ordered beforehand and are reached by SSH only.

use super::LabError;
use super::fleet::{FleetError, MachineSpec, Power};
use super::machine::Machines;
use super::seed::HostKey;
use super::state::{Hoster, Kind, LabRecord, Place};
use std::path::Path;
use std::time::Duration;

/// The image pool machines come with.
pub const IMAGE: &str = "debian-13";

/// How long a machine may take until its sshd answers.
const BOOT: Duration = Duration::from_mins(2);

/// The names of a pool's machines, in their order.
pub fn names(hoster: &Hoster, size: usize) -> Vec<String> {
    (1..=size)
        .map(|number| format!("{}-{number}", hoster.name))
        .collect()
}

/// Makes and starts what is missing of all pools, side by side, and waits until each
/// machine answers. A machine that someone turned off or destroyed is left as it is,
/// unless the lab starts `cold`, with no machine running.
pub fn fill(
    place: &Place,
    machines: &Machines,
    record: &LabRecord,
    cold: bool,
    tell: &(dyn Fn(String, Duration) + Sync),
) -> Result<(), FleetError> {
    let mut starting = Vec::new();
    for hoster in record
        .hosters
        .iter()
        .filter(|hoster| hoster.kind == Kind::Pool)
    {
        for name in names(hoster, record.pool_size) {
            if wants_start(place, machines, &name, cold)? {
                // One after the other, so that addresses follow the order of the machines.
                order(place, machines, record, hoster, &name)?;
                starting.push(name);
            }
        }
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = starting
            .iter()
            .map(|name| scope.spawn(move || start(place, machines, name, tell)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| {
                Err(super::command::failed("start a pool machine", &"panicked"))
            })
        })
    })
}

/// The note that a machine once answered; from then on its power is the user's affair.
const ANSWERED: &str = "answered";

/// After a restart of this computer (`cold`) no one turned the machines off on purpose.
fn wants_start(
    place: &Place,
    machines: &Machines,
    name: &str,
    cold: bool,
) -> Result<bool, FleetError> {
    let Some(machine) = place.machine(name)? else {
        return Ok(true);
    };
    let settled = place.machine_dir(name).join(ANSWERED).exists();
    Ok(machines.power_of(&machine)? != Power::Destroyed && (cold || !settled))
}

fn order(
    place: &Place,
    machines: &Machines,
    record: &LabRecord,
    hoster: &Hoster,
    name: &str,
) -> Result<(), FleetError> {
    if place.machine(name)?.is_some() {
        return Ok(());
    }
    let key = HostKey::make(name)?;
    let spec = MachineSpec {
        name: name.to_owned(),
        hoster: hoster.name.clone(),
        image: IMAGE.to_owned(),
        user_data: key.user_data(),
        authorized_keys: record.authorized_keys.clone(),
        size: None,
    };
    machines.create(&spec, Some(key.public)).map(drop)
}

fn start(
    place: &Place,
    machines: &Machines,
    name: &str,
    tell: &(dyn Fn(String, Duration) + Sync),
) -> Result<(), FleetError> {
    machines.power_on(name)?;
    let took = machines.wait_for_ssh(name, BOOT)?;
    let note = place.machine_dir(name).join(ANSWERED);
    std::fs::write(&note, "")
        .map_err(|error| super::command::failed(format!("write {}", note.display()), &error))?;
    tell(name.to_owned(), took);
    Ok(())
}

/// Lets the keys log in to all pool machines as root, now and when they are made later.
pub fn authorize(place: &Place, machines: &Machines, keys: &[String]) -> Result<(), LabError> {
    let lock = place.lock("")?;
    let mut record = place.expect_record()?;
    for key in keys {
        if !record.authorized_keys.contains(key) {
            record.authorized_keys.push(key.clone());
        }
    }
    place.keep(&record)?;
    drop(lock);
    for machine in place.machines()? {
        if record
            .hoster(&machine.hoster)
            .is_some_and(|hoster| hoster.kind == Kind::Pool)
        {
            machines.authorize(&machine.name, keys)?;
        }
    }
    Ok(())
}

/// The public keys in a file such as `id_ed25519.pub` or `authorized_keys`.
pub fn keys_in(path: &Path) -> Result<Vec<String>, LabError> {
    let bad = |detail: String| LabError::BadKeys {
        path: path.to_owned(),
        detail,
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        return Err(bad("it has no key".to_owned()));
    }
    for line in &lines {
        ssh_key::PublicKey::from_openssh(line)
            .map_err(|error| bad(format!("{error} in {line:?}")))?;
    }
    Ok(lines.into_iter().map(str::to_owned).collect())
}
