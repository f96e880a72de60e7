//! A slip in a customer's file costs no recovery point: its way to the backup machine stays.

use crate::plan_world::{
    BACKUP, HETZNER, REPAIR, World, desired, hoster, machine, stack, stack_file,
};
use async_trait::async_trait;
use holdfast::decide::derive::EstateKey;
use holdfast::flow::book::Book;
use holdfast::flow::session::{self, Session};
use holdfast::model::desired::Desired;
use holdfast::model::secret::Secret;
use holdfast::world::clock::SystemClock;
use holdfast::world::machine::{Contact, MachineError, Script, Transport};
use holdfast::world::store::Place;
use std::collections::BTreeMap;
use std::sync::Arc;

struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn run(
        &self,
        contact: &Contact,
        script: Script,
        _input: &Secret,
    ) -> Result<Vec<serde_json::Value>, MachineError> {
        panic!("{} was run on {}", script.name, contact.machine)
    }
}

/// Accounts of the backup machine's repositories, as this commit and this journal would have them.
fn accounts(world: &World, want: Desired) -> Vec<String> {
    let outside = session::World {
        hosters: BTreeMap::new(),
        transport: Arc::new(Nowhere),
        names: None,
        clock: Arc::new(SystemClock),
    };
    let key = EstateKey::new(Secret::new(vec![7; 32])).unwrap();
    let mut want = want;
    // The backup machine's host key is ours, so that no ordered machine is needed.
    let interface = want.hosters[&hoster("hetzner")].descriptor.interface;
    want.hosters
        .get_mut(&hoster("netcup"))
        .unwrap()
        .descriptor
        .interface = interface;
    let standing = super::sample::standing(&want.commit, &world.mandate.trust);
    let session = Session::new(
        want,
        key,
        outside,
        Book::Reading(Place::File("nowhere".into()), Arc::default()),
        standing,
    )
    .with_past(&world.past());
    let address = "192.0.2.9".parse().unwrap();
    session.meet(&hoster("netcup"), &machine(BACKUP), "1", address, 22);
    let manifest = session.backup_manifest(&machine(BACKUP)).unwrap();
    let list = manifest
        .files
        .iter()
        .find(|f| f.path == "/etc/holdfast/htpasswd");
    let text = list.unwrap().content.expose_text().unwrap().to_owned();
    text.lines()
        .map(|line| line.split(':').next().unwrap().to_owned())
        .collect()
}

#[test]
fn s16_a_broken_or_missing_stack_keeps_its_account_at_the_backup_machine() {
    let file = |id: &str| stack_file(id, HETZNER, REPAIR);
    let both = desired(&[("acme", file("acme")), ("bolt", file("bolt"))]);
    let world = World::running(both.clone());
    assert!(world.past().repositories[&stack("acme")].contains_key(&machine(BACKUP)));
    assert_eq!(accounts(&world, both), ["acme", "bolt"]);
    let broken = file("acme").replace("schema = 1", "schema = one");
    let broken = desired(&[("acme", broken), ("bolt", file("bolt"))]);
    assert!(broken.broken.contains_key(&stack("acme")));
    assert_eq!(accounts(&world, broken), ["acme", "bolt"]);
    let missing = desired(&[("bolt", file("bolt"))]);
    assert_eq!(accounts(&world, missing), ["acme", "bolt"]);
}
