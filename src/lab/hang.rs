//! Machines that hang: on by their hoster's word, and nothing in them moves any more.

use super::command::failed;
use super::fleet::FleetError;
use super::machine::Machines;
use std::fs;

/// Beside the disk of a machine that hangs again whenever it is started.
const FOR_GOOD: &str = "hangs";

impl Machines {
    /// Stops everything in a machine that runs; with `for_good`, also after each start.
    pub fn hang(&self, name: &str, for_good: bool) -> Result<(), FleetError> {
        let _lock = self.place.lock(name)?;
        let group = self.group(name)?;
        if !group.lives() {
            return Err(failed(format!("hang machine {name:?}"), &"it is off"));
        }
        if for_good {
            let mark = self.place.machine_dir(name).join(FOR_GOOD);
            fs::write(&mark, "")
                .map_err(|error| failed(format!("write {}", mark.display()), &error))?;
        }
        group.freeze()
    }

    /// After a start: whether it hangs again.
    pub(super) fn hangs_again(&self, name: &str) -> Result<(), FleetError> {
        if self.place.machine_dir(name).join(FOR_GOOD).exists() {
            self.group(name)?.freeze()?;
        }
        Ok(())
    }
}
