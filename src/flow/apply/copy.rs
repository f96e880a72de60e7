//! History moves with its stack: points copied from one repository to another, read back there
//! and checked, before the old ones count as superseded (S3).

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId, StackId};
use crate::model::journal::Event;
use crate::model::machine::Digest;
use crate::model::operation::FaultClass;
use crate::model::plan::Step;
use crate::model::point::{RecoveryPoint, Rung};
use crate::model::repository::KeyRole;
use crate::model::secret::Secret;
use crate::world::backup::{self, Copied};
use crate::world::machine::Contact;
use std::collections::BTreeMap;

/// All of a repository, in one reading.
const WHOLE: (u32, u32) = (1, 1);

/// Where points go.
struct Room<'a> {
    stack: &'a StackId,
    contact: Contact,
    password: Secret,
}

impl Run {
    /// What is interrupted goes on where it was: restic knows what it has copied, and what was
    /// read back is not read again.
    pub(super) async fn copy(
        &self,
        step: &Step,
        machine: &MachineName,
        from: &MachineName,
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let transport = self.session.world.transport.as_ref();
        let old = self.contact(from)?;
        let way = self.way_to(stack, from, KeyRole::Maintenance)?;
        let room = Room {
            stack: &stack.id,
            contact: self.contact(machine)?,
            password: self.session.repository_password_on(&stack.id, machine),
        };
        let proofs = backup::proofs(transport, &old, &stack.id).await?;
        self.reporter.note(step, "copying");
        let (contact, password) = (&room.contact, &room.password);
        let former = self.seen.former.get(&stack.id).and_then(|of| of.get(from));
        let arrivals = former.into_iter().flatten().flatten();
        let arrivals = arrivals.filter_map(|point| Some((&point.id, point.arrived_at?)));
        let copied = backup::copy(transport, contact, &stack.id, password, &way, arrivals).await?;
        whole(&copied, &proofs)?;
        self.read_back_copies(step, &room, &copied, &proofs).await?;
        self.reporter.note(step, "checking what was copied");
        let found = self.read(step, &stack.id, machine, WHOLE).await?;
        sound(&found)?;
        let copied = Event::Copied {
            from: from.clone(),
            to: machine.clone(),
            points: copied.points.len(),
        };
        self.record(step, copied).await
    }

    /// A copy proves nothing by having been written: like every point it is read back, and
    /// compared with what production wrote at the time. Higher rungs begin anew.
    async fn read_back_copies(
        &self,
        step: &Step,
        room: &Room<'_>,
        copied: &Copied,
        proofs: &BTreeMap<PointId, Digest>,
    ) -> Result<(), StepError> {
        let transport = self.session.world.transport.as_ref();
        let Room {
            stack,
            contact,
            password,
        } = room;
        let here = backup::points(transport, contact, stack, password).await;
        let here = here
            .map_err(|gap| StepError::unknown(gap.to_string()))?
            .points;
        let shipped = |point: &RecoveryPoint| point.rung >= Rung::Shipped;
        let shipped: Vec<PointId> = here.into_iter().filter(shipped).map(|p| p.id).collect();
        for (number, moved) in copied.points.iter().enumerate() {
            let Some(manifest) = proofs.get(&moved.was) else {
                continue; // It was never read back at the old place either.
            };
            if !shipped.contains(&moved.is) {
                let note = format!("reading back {} of {}", number + 1, copied.points.len());
                self.reporter.note(step, &note);
                let id = &moved.is;
                backup::read_back_point(transport, contact, stack, password, id, manifest).await?;
            }
            let shipped = Event::Proven {
                point: moved.is.clone(),
                rung: Rung::Shipped,
            };
            self.record(step, shipped).await?;
        }
        Ok(())
    }
}

/// All of it was read and nothing is damaged: only then are the old ones superseded.
fn sound(found: &[String]) -> Result<(), StepError> {
    if found.is_empty() {
        return Ok(());
    }
    let words = format!(
        "the copies were read and are damaged, so the old points stay: {}",
        found.join("; ")
    );
    let class = FaultClass::NeedsHuman;
    Err(StepError::refused("points-damaged", words, class))
}

/// Every point that was ever read back at the old place is here now.
fn whole(copied: &Copied, proofs: &BTreeMap<PointId, Digest>) -> Result<(), StepError> {
    let lacking = copied.lacking(proofs.keys());
    if lacking.is_empty() {
        return Ok(());
    }
    let words = format!(
        "{} could not be copied and stay where they are: {}",
        lacking.len(),
        lacking.join("; ")
    );
    Err(StepError::refused(
        "points-damaged",
        words,
        FaultClass::NeedsHuman,
    ))
}
