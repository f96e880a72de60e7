//! What steps see of a restore on the way: evidence is written from it when the run has ended.

use super::{Run, lock};
use crate::decide::independent::is_third;
use crate::model::evidence::{CheckDone, DrillPlace, Shown};
use crate::model::ids::{HosterId, MachineName, PointId};
use crate::model::machine::MachineFacts;
use crate::model::plan::{Action, Step};
use crate::world::backup::{Compared, Fetched};
use crate::world::machine::verbs::CheckResult;
use std::collections::BTreeMap;

impl Run {
    /// What is known of a restore to this machine so far, for more to be written down.
    pub(super) fn saw(&self, machine: &MachineName, see: impl FnOnce(&mut Shown)) {
        see(lock(&self.shown).entry(machine.clone()).or_default());
    }

    pub(super) fn saw_created(&self, step: &Step) {
        let Action::Create {
            machine,
            hoster,
            site,
            machine_type,
            image,
            ..
        } = &step.action
        else {
            return;
        };
        let place = DrillPlace {
            machine: machine.clone(),
            hoster: hoster.clone(),
            site: site.clone(),
            machine_type: machine_type.clone(),
            image: image.clone(),
            third: self.is_third(step, hoster),
        };
        self.saw(machine, |shown| shown.place = Some(place));
    }

    pub(super) fn saw_fetched(&self, step: &Step, machine: &MachineName, fetched: &Fetched) {
        let place = self.place_of(step, machine);
        let arrived_at = self.listed(step, &fetched.point);
        self.saw(machine, |shown| {
            // A machine of an earlier run stands where it is listed.
            shown.place = shown.place.take().or(place);
            shown.point = Some(fetched.point.clone());
            shown.arrived_at = arrived_at;
            shown.manifest = Some(fetched.manifest.clone());
            shown.bytes = fetched.bytes;
        });
    }

    pub(super) fn saw_loaded(&self, machine: &MachineName, compared: &Compared) {
        self.saw(machine, |shown| shown.found = compared.services.clone());
    }

    pub(super) fn saw_checked(&self, machine: &MachineName, results: &[CheckResult]) {
        let checks = results.iter().map(|result| CheckDone {
            service: result.service.clone(),
            name: result.name.clone(),
            passed: result.passed,
            detail: result.detail.clone(),
        });
        self.saw(machine, |shown| shown.checks.extend(checks));
    }

    /// Versions of what was asked for, as they are installed.
    pub(super) fn saw_versions(&self, machine: &MachineName, facts: &MachineFacts) {
        let versions = facts.packages.clone();
        self.saw(machine, |shown| shown.versions.extend(versions));
    }

    fn place_of(&self, step: &Step, machine: &MachineName) -> Option<DrillPlace> {
        let seen = self.seen_machine(machine)?;
        let past = self.past.machines.get(machine);
        Some(DrillPlace {
            machine: machine.clone(),
            hoster: seen.hoster.clone(),
            site: seen.site.clone()?,
            machine_type: past.and_then(|past| past.machine_type.clone()),
            image: seen.image.clone()?,
            third: self.is_third(step, &seen.hoster),
        })
    }

    fn is_third(&self, step: &Step, hoster: &HosterId) -> bool {
        let stack = self.stack(step);
        stack.is_ok_and(|stack| is_third(stack, &self.session.desired, hoster))
    }

    fn listed(&self, step: &Step, point: &PointId) -> Option<jiff::Timestamp> {
        let stack = step.stack.as_ref()?;
        let named = self.seen.points.get(stack);
        let former = self.seen.former.get(stack).into_iter();
        let all = named.into_iter().chain(former.flat_map(BTreeMap::values));
        let mut points = all.flatten().flatten();
        points.find(|listed| listed.id == *point)?.arrived_at
    }
}
