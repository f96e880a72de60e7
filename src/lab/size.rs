//! Another size for a machine: what cloud-init tells it at its next start, and how many processors it
//! runs on then. Its memory is told, and not limited.

use super::command::failed;
use super::fleet::{FleetError, MachineSize};
use super::machine::Machines;

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
