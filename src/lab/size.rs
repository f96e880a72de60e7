//! How large a machine is: what cloud-init tells it, and how many processors it runs on. Its memory
//! is told, and not limited.

use super::command::failed;
use super::fleet::{FleetError, MachineSize};
use super::machine::Machines;
use super::state::MachineRecord;

impl Machines {
    /// See [`Fleet::resize`](super::fleet::Fleet::resize).
    pub fn resize(&self, name: &str, size: &MachineSize) -> Result<(), FleetError> {
        let _lock = self.place.lock(name)?;
        let mut machine = self.machine(name)?;
        if self.group(name)?.lives() {
            return Err(failed(format!("resize machine {name:?}"), &"it is running"));
        }
        machine.size = Some(size.clone());
        self.place.keep_machine(&machine)
    }
}

/// It runs on as many processors as its size has, if this computer has more.
pub(super) fn processors(machine: &MachineRecord) -> Option<String> {
    let cores = usize::try_from(machine.size.as_ref()?.cores).ok()?;
    let here = std::thread::available_parallelism().map_or(1, usize::from);
    (cores < here).then(|| format!("--cpu-affinity=0-{}", cores.saturating_sub(1)))
}
