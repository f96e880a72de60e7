//! The client against the lab's interface, which behaves as documented.

use super::*;
use crate::conformance::conformance;
use crate::lab_hetzner::{Lab, TOKEN as LAB_TOKEN};
use std::sync::atomic::Ordering;

fn bench(name: &str) -> Bench {
    Bench {
        estate: EstateName::new(name),
        site: SiteId::new("nbg1"),
        machine_type: Some("cx23".to_owned()),
        image: ImageName::new("debian-13"),
        power: true,
        pool: false,
        user_data: Secret::new("#cloud-config\n"),
    }
}

fn client(lab: &Lab) -> Wrapped<Hetzner> {
    let mut timing = timing();
    timing.call = Duration::from_secs(10);
    timing.action = Duration::from_secs(10);
    let hetzner = Hetzner::new(
        HosterId::new("hetzner"),
        &lab.endpoint,
        &Secret::new(LAB_TOKEN),
        estate(),
        timing,
        patience(),
    );
    Wrapped::new(hetzner.unwrap(), patience())
}

#[tokio::test]
async fn the_client_passes_the_conformance_suite() {
    let lab = Lab::start().await;
    conformance(&client(&lab), &bench("demo")).await;
    let made = lab.fleet.machine("conf-e1").unwrap();
    assert_eq!(made.spec.user_data, "#cloud-config\n");
    assert_eq!(lab.fleet.names(), ["conf-e1"]);
}

#[tokio::test]
async fn s01_more_machines_than_a_page_holds_are_all_seen() {
    let lab = Lab::start().await;
    let hoster = client(&lab);
    for number in 0..53 {
        let create = bench("demo").create(&format!("m{number}"), 1, None);
        done(hoster.perform(&create, &StepId::new("s1")).await);
    }
    let seen = hoster.observe(&estate()).await.unwrap();
    assert_eq!((seen.machines.len(), seen.unseen.len()), (53, 0));
}

#[tokio::test]
async fn the_rescue_system_is_booted_with_our_key_alone_and_ended_by_switching_it_off() {
    let lab = Lab::start().await;
    let hoster = client(&lab);
    let create = bench("demo").create("acme-e1", 1, None);
    let step = StepId::new("s1");
    done(hoster.perform(&create, &step).await);
    let machine = MachineName::new("acme-e1");
    let key = crate::lab_hetzner::public_key(1);
    let key = key
        .rsplit_once(' ')
        .map_or(key.clone(), |(key, _)| key.to_owned());
    // Twice: the key is put there once.
    for _ in 0..2 {
        let (reset, key) = (machine.clone(), format!("{key} somebody"));
        let rescue = Operation::Rescue {
            machine: machine.clone(),
            key,
        };
        done(hoster.perform(&rescue, &step).await);
        let reset = Operation::Reset { machine: reset };
        done(hoster.perform(&reset, &step).await);
    }
    let rescued = lab.fleet.rescued.lock().unwrap().clone();
    assert_eq!(rescued.len(), 2);
    let (name, keys) = &rescued[1];
    assert_eq!(name, "acme-e1");
    assert!(keys.len() == 1 && keys[0].starts_with(&key), "{keys:?}");
    // What waits there is ended too, whether or not the machine is switched off.
    let rescue = Operation::Rescue {
        machine: machine.clone(),
        key: key.clone(),
    };
    for off in [false, true] {
        done(hoster.perform(&rescue, &step).await);
        let end = Operation::EndRescue {
            machine: machine.clone(),
            off,
        };
        done(hoster.perform(&end, &step).await);
    }
    let seen = hoster.observe(&estate()).await.unwrap();
    assert_eq!(seen.machines[0].power, Power::Off);
    // On again it is from its disk.
    done(hoster.perform(&Operation::PowerOn { machine }, &step).await);
    assert_eq!(lab.fleet.rescued.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_hoster_without_room_says_so() {
    let lab = Lab::start().await;
    lab.fleet.room.store(0, Ordering::SeqCst);
    let create = bench("demo").create("acme-e1", 1, None);
    let refusal = refused(client(&lab).perform(&create, &StepId::new("s1")).await);
    assert_eq!(refusal.class, FaultClass::NoCapacity, "{refusal}");
}

#[tokio::test]
async fn s02_a_machine_whose_disk_is_gone_will_not_start() {
    let lab = Lab::start().await;
    let hoster = client(&lab);
    let step = StepId::new("s1");
    done(
        hoster
            .perform(&bench("demo").create("acme-e1", 1, None), &step)
            .await,
    );
    lab.fleet.destroy("acme-e1");
    let seen = hoster.observe(&estate()).await.unwrap();
    assert_eq!(seen.machines[0].power, Power::Off);
    let on = Operation::PowerOn {
        machine: MachineName::new("acme-e1"),
    };
    let refusal = refused(hoster.perform(&on, &step).await);
    assert_eq!(refusal.code, ACTION_FAILED, "{refusal}");
    assert_eq!(refusal.class, FaultClass::NeedsHuman);
}

#[tokio::test]
async fn s07_a_server_that_somebody_ordered_by_hand_is_left_alone() {
    let lab = Lab::start().await;
    lab.order("acme-e1").await;
    let hoster = client(&lab);
    let step = StepId::new("s1");
    let create = bench("demo").create("acme-e1", 1, None);
    assert_eq!(
        refused(hoster.perform(&create, &step).await).code,
        "name_taken"
    );
    assert_eq!(
        refused(hoster.perform(&power_off(), &step).await).code,
        "not_ours"
    );
    assert_eq!(
        hoster.observe(&estate()).await.unwrap(),
        Inventory::default()
    );
}
