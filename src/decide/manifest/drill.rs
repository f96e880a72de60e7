//! The machine of a drill: production's, but for what would act by itself or let users in.

use super::base::GATE_CHECK_UNIT;
use super::draft::managed;
use crate::model::machine::{MachineManifest, Role};

/// Daemons that do what nobody asks for at that moment.
const BY_THE_CLOCK: [&str; 3] = ["cron.service", "anacron.service", "atd.service"];

/// What the machine of a drill should be, from what production should be.
#[must_use]
pub fn drill(mut production: MachineManifest) -> MachineManifest {
    production.role = Role::Drill;
    production
        .units
        .retain(|unit| !by_itself(unit) && unit != GATE_CHECK_UNIT);
    for file in &mut production.files {
        let text = file.content.expose_text().unwrap_or_default();
        let other = match file.path.as_str() {
            "/etc/holdfast/identity" => text.replace("ROLE='production'", "ROLE='drill'"),
            "/etc/holdfast/units" => text
                .split_inclusive('\n')
                .filter(|unit| !by_itself(unit.trim_end()))
                .collect(),
            _ => continue,
        };
        *file = managed(
            &file.path,
            other,
            &file.mode,
            &file.owner,
            &file.group,
            file.when,
            file.restarts.clone(),
        );
    }
    production
}

/// Timers, and what works like one.
fn by_itself(unit: &str) -> bool {
    unit.rsplit_once('.')
        .is_some_and(|(_, kind)| kind == "timer")
        || BY_THE_CLOCK.contains(&unit)
}
