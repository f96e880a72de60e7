//! Where names lead, and for how long others may remember that.

use super::{Run, StepError, done};
use crate::decide::given::given;
use crate::model::ids::{HostName, MachineName};
use crate::model::journal::Event;
use crate::model::operation::{FaultClass, Outcome};
use crate::model::plan::Step;
use jiff::SignedDuration;

impl Run {
    pub(super) async fn name(
        &self,
        step: &Step,
        host: &HostName,
        machine: &MachineName,
        ttl: Option<u32>,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let (Some(names), Some(dns)) = (&self.session.world.names, &self.session.desired.dns)
        else {
            return Ok(()); // The planner makes no such step without a name server.
        };
        self.session.held()?;
        let ttl = ttl.map_or(dns.ttl, |ttl| SignedDuration::from_secs(ttl.into()));
        let estate = &self.session.desired.estate;
        let epoch = self.epoch_of(machine)?;
        let to = given(
            &self.session.key,
            estate,
            &self.stack(step)?.id,
            (epoch, machine),
        );
        match names.give(host, &to, ttl).await {
            // Users need the address; a server that takes no such record keeps nobody from it.
            Outcome::Refused(refusal) if refusal.class == FaultClass::NeedsHuman => {
                let note = format!("no record of {epoch} beside {host}: {refusal}");
                self.reporter.note(step, &note);
            }
            outcome => drop(done(outcome)?),
        }
        done(names.point(host, contact.address, ttl).await)?;
        let named = Event::Named {
            host: host.clone(),
            address: contact.address,
        };
        self.record(step, named).await
    }

    /// Where it leads stays: a name that was pointed elsewhere since the look is left alone.
    pub(super) async fn ttl(
        &self,
        step: &Step,
        host: &HostName,
        machine: &MachineName,
        (seconds, ahead): (u32, bool),
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let (Some(names), Some(dns)) = (&self.session.world.names, &self.session.desired.dns)
        else {
            return Ok(());
        };
        let found = names.lookup(host).await;
        let found = found
            .map_err(|gap| StepError::refused("not-seen", gap.to_string(), FaultClass::Retry))?;
        if !found.leads_to(contact.address) {
            let elsewhere = format!("{host} leads elsewhere now, and was left alone");
            return Err(StepError::refused(
                "elsewhere",
                elsewhere,
                FaultClass::Retry,
            ));
        }
        self.session.held()?;
        let ttl = SignedDuration::from_secs(seconds.into());
        done(names.point(host, contact.address, ttl).await)?;
        let usual = u32::try_from(dns.ttl.as_secs()).unwrap_or(u32::MAX);
        let said = found.ttl.unwrap_or(seconds);
        let set = Event::TtlSet {
            host: host.clone(),
            seconds,
            // What was cut short may have lowered it: who asked before that remembers the usual.
            before: if ahead {
                said.max(usual)
            } else {
                said.min(seconds)
            },
        };
        self.record(step, set).await
    }
}
