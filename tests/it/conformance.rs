//! What every hoster must do, whatever stands behind it.

use holdfast::model::ids::Epoch;
use holdfast::model::ids::{EstateName, ImageName, MachineName, SiteId, StackId, StepId};
use holdfast::model::machine::Role;
use holdfast::model::observed::{Power, SeenMachine};
use holdfast::model::operation::{
    CreateMachine, FaultClass, Operation, Outcome, OwnerLabel, Receipt, Refusal,
};
use holdfast::model::secret::Secret;
use holdfast::world::hoster::Hoster;

/// What the suite must know of the hoster under test. It must hold nothing of `estate` yet.
pub struct Bench {
    pub estate: EstateName,
    pub site: SiteId,
    pub machine_type: Option<String>,
    pub image: ImageName,
    /// Whether machines can be switched; pools cannot.
    pub power: bool,
    /// Whether machines are taken from an inventory.
    pub pool: bool,
    pub user_data: Secret,
}

impl Bench {
    pub fn owner(&self, epoch: u32) -> OwnerLabel {
        OwnerLabel {
            estate: self.estate.clone(),
            role: Role::Production,
            stack: Some(StackId::new("acme")),
            epoch: Epoch(epoch),
        }
    }

    pub fn create(&self, name: &str, epoch: u32, take: Option<MachineName>) -> Operation {
        Operation::Create(Box::new(CreateMachine {
            name: MachineName::new(name),
            take,
            site: self.site.clone(),
            machine_type: self.machine_type.clone(),
            image: self.image.clone(),
            owner: self.owner(epoch),
            user_data: self.user_data.clone(),
        }))
    }
}

pub fn done(outcome: Outcome) -> Receipt {
    match outcome {
        Outcome::Done(receipt) => receipt,
        other => panic!("expected Done, got {other:?}"),
    }
}

pub fn refused(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("expected Refused, got {other:?}"),
    }
}

async fn the_machine(hoster: &dyn Hoster, estate: &EstateName, name: &str) -> SeenMachine {
    let inventory = hoster.observe(estate).await.unwrap();
    assert_eq!(inventory.unseen, [], "nothing may be unseen");
    let mut found: Vec<_> = inventory
        .machines
        .into_iter()
        .filter(|m| m.name.as_str() == name)
        .collect();
    assert_eq!(found.len(), 1, "one {name}, not {found:?}");
    found.remove(0)
}

/// Runs the whole suite; panics where the hoster fails it. Leaves one quarantined
/// machine `conf-e1` behind.
pub async fn conformance(hoster: &dyn Hoster, bench: &Bench) {
    let estate = &bench.estate;
    let step = StepId::new("conformance");
    let name = MachineName::new("conf-e1");

    let before = hoster.observe(estate).await.unwrap();
    assert_eq!(before.machines, [], "an empty hoster shows nothing of ours");
    assert_eq!(before.unseen, []);
    let take = bench.pool.then(|| before.free[0].name.clone());

    // Created, seen with its label, and created once however often it is asked for (S6).
    let create = bench.create("conf-e1", 1, take.clone());
    let receipt = done(hoster.perform(&create, &step).await);
    let address = receipt.address.expect("a new machine has an address");
    let again = done(hoster.perform(&create, &step).await);
    assert_eq!(again, receipt, "the same machine, not a second one");
    let seen = the_machine(hoster, estate, "conf-e1").await;
    assert_eq!(seen.provider_id, receipt.provider_id);
    assert_eq!(seen.address, address);
    assert_eq!(seen.hoster, *hoster.id());
    assert_eq!(seen.site, Some(bench.site.clone()));
    assert_eq!(seen.image, Some(bench.image.clone()));
    assert_eq!(seen.role, Role::Production);
    assert_eq!(seen.stack, Some(StackId::new("acme")));
    assert_eq!(seen.epoch, Epoch(1));
    assert_eq!(seen.power, Power::On);
    assert!(!seen.quarantined);

    // Nothing but the machine of a drill is ever destroyed (S3), and that for good.
    let destroy = |machine: &str| Operation::Destroy {
        machine: MachineName::new(machine),
    };
    let kept = refused(hoster.perform(&destroy("conf-e1"), &step).await);
    assert_eq!(kept.code, "not_a_drill");
    assert_eq!(the_machine(hoster, estate, "conf-e1").await, seen);
    if !bench.pool {
        let mut drill = bench.create("conf-drill-1", 0, None);
        if let Operation::Create(want) = &mut drill {
            want.owner.role = Role::Drill;
        }
        done(hoster.perform(&drill, &step).await);
        for _ in 0..2 {
            done(hoster.perform(&destroy("conf-drill-1"), &step).await);
            the_machine(hoster, estate, "conf-e1").await;
            let seen = hoster.observe(estate).await.unwrap();
            assert_eq!(seen.machines.len(), 1, "{:?}", seen.machines);
        }
    }

    // Neither another owner nor another estate gets at it (S7).
    let other = bench.create("conf-e1", 2, take);
    assert_eq!(
        refused(hoster.perform(&other, &step).await).code,
        "name_taken"
    );
    let stranger = hoster.observe(&EstateName::new("stranger")).await.unwrap();
    assert_eq!(stranger.machines, []);
    assert!(stranger.free.iter().all(|free| free.address != address));

    // Switched off means off by the hoster's own word (S2), also when asked twice.
    let off = Operation::PowerOff {
        machine: name.clone(),
    };
    let on = Operation::PowerOn {
        machine: name.clone(),
    };
    if bench.power {
        for _ in 0..2 {
            done(hoster.perform(&off, &step).await);
            let seen = the_machine(hoster, estate, "conf-e1").await;
            assert_eq!(seen.power, Power::Off);
        }
        // Asked again after a crash: it was made, whatever its power.
        assert_eq!(done(hoster.perform(&create, &step).await), receipt);
        for _ in 0..2 {
            done(hoster.perform(&on, &step).await);
            let seen = the_machine(hoster, estate, "conf-e1").await;
            assert_eq!(seen.power, Power::On);
        }
        // Started anew, it is on as before; what is off is not.
        let reset = Operation::Reset {
            machine: name.clone(),
        };
        done(hoster.perform(&reset, &step).await);
        assert_eq!(
            the_machine(hoster, estate, "conf-e1").await.power,
            Power::On
        );
        done(hoster.perform(&off, &step).await);
        assert_eq!(refused(hoster.perform(&reset, &step).await).code, "off");
        done(hoster.perform(&on, &step).await);
        let absent = Operation::PowerOff {
            machine: MachineName::new("conf-none"),
        };
        assert_eq!(
            refused(hoster.perform(&absent, &step).await).code,
            "not_found"
        );
    } else {
        let reset = Operation::Reset {
            machine: name.clone(),
        };
        for op in [&on, &off, &reset] {
            let refusal = refused(hoster.perform(op, &step).await);
            assert_eq!(refusal.class, FaultClass::NeedsHuman);
        }
    }

    let aside = Operation::Quarantine {
        machine: name.clone(),
    };
    for _ in 0..2 {
        done(hoster.perform(&aside, &step).await);
        assert!(the_machine(hoster, estate, "conf-e1").await.quarantined);
    }
}
