//! Who has signed for what is asked, and how many must have (S5).
//!
//! A commit is accepted by one signature; what it asks for may need more people than that.
//! A step that repairs reality needs none: the repair policy was signed for.

mod withhold;

pub use withhold::{allowed, keep_drift, withhold};

use crate::decide::pause;
use crate::decide::stop::{freezes, in_force};
use crate::model::brakes::{Caps, SignedFreeze};
use crate::model::desired::Desired;
use crate::model::ids::{CommitId, MachineName, StackId};
use crate::model::plan::{Action, Cause, Effect, Step};
use crate::model::trust::{Threshold, Trust};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Begins the subject of a gap about who signed; then follows whose question it is.
pub const WHO_SIGNED: &str = "who signed for what";

/// Whose word stands behind a plan.
#[derive(Debug, Clone)]
pub struct Mandate {
    /// The list of the head: thresholds, and who could still sign.
    pub trust: Trust,
    /// Who signed for what each stack asks; `None` is what stacks share.
    pub assents: BTreeMap<Option<StackId>, Assent>,
    /// The files of the stacks, by the ids under which they began.
    pub files: BTreeMap<StackId, String>,
    /// Reasons for which nothing destructive happens now, whoever signed for it.
    pub freezes: Vec<Freeze>,
    /// Stacks of which nothing is destroyed because somebody asks for it, each with why. What
    /// happens to one customer holds up no other (S16), and no repair.
    pub gates: BTreeMap<StackId, Freeze>,
    /// Freezes that people signed, those included that are over: of single stacks, and of all.
    pub frozen: BTreeMap<Option<StackId>, Vec<SignedFreeze>>,
    /// Stacks whose users are shut out by something that has begun: a freeze lets it end.
    pub under_way: BTreeSet<StackId>,
    /// How many rebuilds may begin (S8).
    pub caps: Caps,
    /// For keys that are not valid yet, or no longer.
    pub now: Timestamp,
}

/// Who signed for what one stack asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assent {
    /// Where its inputs became what they are: what is to be approved.
    pub commit: CommitId,
    /// That commit is the configured root, which is trusted whole.
    pub rooted: bool,
    /// These machines were brought in line under these very inputs: what differs now is drift.
    pub in_line: BTreeSet<MachineName>,
    /// Those whose key still counts, by the head's list.
    pub backers: Vec<Backer>,
}

/// Somebody who put their name to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backer {
    /// Thresholds count people.
    pub person: String,
    /// The one they have in the head's list.
    pub role: String,
    /// By the commit itself, which was judged by what it changed, in this very role; otherwise
    /// by an approval, or in another role.
    pub by_commit: bool,
}

/// Why nothing destructive happens now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// "freshness", "anchor", an invariant's number.
    pub rule: &'static str,
    /// In words.
    pub reason: String,
    /// What lifts it.
    pub remedy: String,
}

/// Too few people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// Of the step.
    pub effect: Effect,
    /// People who signed and count.
    pub have: u8,
    /// People who must have.
    pub need: u8,
    /// People who could still sign, by name.
    pub by: Vec<String>,
    /// What they would approve; absent when nobody knows where it came from.
    pub commit: Option<CommitId>,
}

impl Mandate {
    /// One signature is enough for everything: what holds where a list says nothing else.
    pub fn new(trust: Trust, now: Timestamp) -> Self {
        Self {
            trust,
            assents: BTreeMap::new(),
            files: BTreeMap::new(),
            freezes: Vec::new(),
            gates: BTreeMap::new(),
            frozen: BTreeMap::new(),
            under_way: BTreeSet::new(),
            caps: Caps::BUILT_IN,
            now,
        }
    }

    /// With what the accepted head says of brakes.
    #[must_use]
    pub fn heeding(mut self, want: &Desired) -> Self {
        self.frozen.clear();
        for freeze in freezes(want) {
            let of = self.frozen.entry(freeze.of.clone()).or_default();
            of.push(freeze.clone());
        }
        self.caps = want.caps.clone();
        self
    }

    /// The freeze that lets repairs go on, and this step not, for people ask for it.
    pub fn frozen(&self, step: &Step) -> Option<&SignedFreeze> {
        self.may_be_frozen(step).filter(|_| self.is_asked(step))
    }

    /// Freezes that hold this stack now.
    pub fn freezes_of(&self, stack: &StackId) -> impl Iterator<Item = &SignedFreeze> {
        let of = [Some(stack.clone()), None].map(|of| self.frozen.get(&of));
        in_force(of.into_iter().flatten().flatten(), self.now)
    }

    fn may_be_frozen(&self, step: &Step) -> Option<&SignedFreeze> {
        if pause::goes_on(&step.action) || matches!(step.action, Action::Retrieve { .. }) {
            return None;
        }
        let stack = step.stack.as_ref()?;
        if self.under_way.contains(stack) {
            return None;
        }
        self.freezes_of(stack)
            .filter(|freeze| freeze.repairs)
            .max_by_key(|freeze| freeze.until)
    }

    /// The threshold of an effect.
    fn threshold(&self, effect: Effect) -> &Threshold {
        let thresholds = &self.trust.thresholds;
        match effect {
            Effect::Safe => &thresholds.safe,
            Effect::Disruptive => &thresholds.disruptive,
            Effect::Destructive => &thresholds.destructive,
        }
    }

    /// May the step need more than that the commit was accepted? If not, nobody need look up
    /// who signed for it.
    pub fn asks_for_more(&self, step: &Step) -> bool {
        match step.why.cause {
            Cause::Reality => false,
            Cause::Difference if self.may_be_frozen(step).is_some() => true,
            Cause::Difference | Cause::Intent => !is_plain(self.threshold(step.effect)),
        }
    }

    /// Is it something that people ask for, and not a repair?
    pub fn is_asked(&self, step: &Step) -> bool {
        match step.why.cause {
            Cause::Intent => true,
            Cause::Reality => false,
            Cause::Difference => {
                let assent = self.assents.get(&step.stack);
                !assent.is_some_and(|assent| assent.in_line.contains(step.action.machine()))
            }
        }
    }

    /// Why this step waits for a drill of its stack: it would destroy what may be the last that
    /// comes back, and no loss makes it necessary.
    pub fn gate(&self, step: &Step) -> Option<&Freeze> {
        // Points that grow old go by the schedule, and would not come back.
        let lasting = matches!(step.action, Action::Forget { .. });
        let gated = step.effect == Effect::Destructive && (lasting || self.is_asked(step));
        let stack = step.stack.as_ref().filter(|_| gated)?;
        self.gates.get(stack)
    }

    /// What is missing before this step may be done.
    pub fn shortfall(&self, step: &Step) -> Option<Shortfall> {
        let threshold = self.threshold(step.effect);
        if !self.is_asked(step) || is_plain(threshold) {
            return None;
        }
        let assent = self.assents.get(&step.stack);
        if assent.is_some_and(|assent| assent.rooted) {
            return None;
        }
        let counted: BTreeSet<&str> = assent
            .into_iter()
            .flat_map(|assent| &assent.backers)
            .filter(|backer| self.counts(backer, threshold, step.stack.as_ref()))
            .map(|backer| backer.person.as_str())
            .collect();
        let have = u8::try_from(counted.len()).unwrap_or(u8::MAX);
        (have < threshold.signers).then(|| Shortfall {
            effect: step.effect,
            have,
            need: threshold.signers,
            by: self.could_sign(threshold, step.stack.as_ref(), &counted),
            commit: assent.map(|assent| assent.commit.clone()),
        })
    }

    fn counts(&self, backer: &Backer, threshold: &Threshold, stack: Option<&StackId>) -> bool {
        let fits = threshold.roles.is_empty() || threshold.roles.contains(&backer.role);
        fits && (backer.by_commit || self.may_ask(&backer.role, stack))
    }

    /// May the role change what the stack asks for (what all stacks share, for `None`)?
    fn may_ask(&self, role: &str, stack: Option<&StackId>) -> bool {
        let known = |id: &StackId| self.files.get(id).cloned().unwrap_or_else(|| id.file());
        let file = stack.map_or_else(|| "hosters.toml".to_owned(), known);
        self.trust
            .roles
            .get(role)
            .is_some_and(|role| role.may_change(&file))
    }

    fn could_sign(
        &self,
        threshold: &Threshold,
        stack: Option<&StackId>,
        counted: &BTreeSet<&str>,
    ) -> Vec<String> {
        let people: BTreeSet<&str> = self
            .trust
            .signers
            .iter()
            .filter(|signer| signer.counts_at(self.now))
            .filter(|signer| threshold.counts(signer))
            .filter(|signer| self.may_ask(&signer.role, stack))
            .map(|signer| signer.person.as_str())
            .filter(|person| !counted.contains(person))
            .collect();
        people.into_iter().map(str::to_owned).collect()
    }
}

/// One person, whoever it is: every accepted commit has that.
fn is_plain(threshold: &Threshold) -> bool {
    threshold.signers <= 1 && threshold.roles.is_empty()
}
