//! A plan from a file is executed as it stands, or not at all, and it is said what has changed.

use super::plan_world::{HETZNER, REPAIR, World, desired, machine, stack, stack_file};
use async_trait::async_trait;
use holdfast::decide::basis::{differences, other_steps, parts};
use holdfast::decide::derive::EstateKey;
use holdfast::decide::plan_file::{read, write};
use holdfast::flow::apply::{Reporter, StepError};
use holdfast::flow::book::Book;
use holdfast::flow::exactly::{Executed, NotThis, execute};
use holdfast::flow::reconcile::{narrowed, plan_now};
use holdfast::flow::session::{self, Session};
use holdfast::model::gap::Gap;
use holdfast::model::ids::{CommitId, Epoch, EstateName, HosterId, StepId};
use holdfast::model::machine::Role;
use holdfast::model::observed::{Inventory, Power, SeenMachine};
use holdfast::model::operation::{FaultClass, Operation, Outcome, Refusal};
use holdfast::model::plan::{Plan, Step};
use holdfast::model::point::Rung;
use holdfast::model::secret::Secret;
use holdfast::world::clock::SystemClock;
use holdfast::world::hoster::Hoster;
use holdfast::world::machine::{Contact, MachineError, Script, Transport};
use holdfast::world::store::Journal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A hoster whose list can be changed, and that has no room.
struct Account {
    id: HosterId,
    inventory: Arc<Mutex<Inventory>>,
}

#[async_trait]
impl Hoster for Account {
    fn id(&self) -> &HosterId {
        &self.id
    }
    async fn observe(&self, _owned: &EstateName) -> Result<Inventory, Gap> {
        Ok(self.inventory.lock().unwrap().clone())
    }
    async fn perform(&self, _op: &Operation, _key: &StepId) -> Outcome {
        Outcome::Refused(Refusal {
            code: "no".into(),
            message: "not today".into(),
            class: FaultClass::NeedsHuman,
        })
    }
}

/// No machine answers.
struct Silence;

#[async_trait]
impl Transport for Silence {
    async fn run(
        &self,
        contact: &Contact,
        _script: Script,
        _input: &Secret,
    ) -> Result<Vec<serde_json::Value>, MachineError> {
        Err(MachineError::Unreachable {
            machine: contact.machine.clone(),
            detail: "silence".into(),
        })
    }
}

/// Which steps were begun.
#[derive(Default)]
struct Begun(Mutex<Vec<String>>);

impl Reporter for Begun {
    fn started(&self, step: &Step) {
        self.0.lock().unwrap().push(step.id.to_string());
    }
    fn note(&self, _step: &Step, _text: &str) {}
    fn ended(&self, _step: &Step, _result: &Result<(), StepError>, _took: Duration) {}
}

struct Estate {
    session: Arc<Session>,
    lists: BTreeMap<String, Arc<Mutex<Inventory>>>,
    begun: Arc<Begun>,
    _folder: tempfile::TempDir,
}

impl Estate {
    /// Two customers, nothing installed yet, ordered machines at netcup.
    async fn new(commit: &str) -> Self {
        let stacks = ["acme", "beta"].map(|id| (id, stack_file(id, HETZNER, REPAIR)));
        let mut want = desired(&stacks);
        want.commit = CommitId::new(commit.repeat(40));
        let ordered = World::before_the_first_day(want.clone()).inventories;
        let lists: BTreeMap<String, Arc<Mutex<Inventory>>> = ordered
            .into_iter()
            .map(|(id, inventory)| (id.to_string(), Arc::new(Mutex::new(inventory))))
            .collect();
        let hosters = lists.iter().map(|(id, inventory)| {
            let account = Account {
                id: HosterId::new(id),
                inventory: inventory.clone(),
            };
            (HosterId::new(id), Arc::new(account) as Arc<dyn Hoster>)
        });
        let world = session::World {
            hosters: hosters.collect(),
            transport: Arc::new(Silence),
            names: None,
            clock: Arc::new(SystemClock),
        };
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal")).await.unwrap();
        let key = EstateKey::new(Secret::new(vec![7; 32])).unwrap();
        let trust = super::plan_world::mandate().trust;
        let standing = super::sample::standing(&want.commit, &trust);
        let session = Session::new(want, key, world, Book::writing(journal), standing);
        Self {
            session: Arc::new(session),
            lists,
            begun: Arc::default(),
            _folder: folder,
        }
    }

    /// As `plan --out` writes it and `apply FILE` reads it.
    async fn planned(&self, stacks: &[&str]) -> Plan {
        let mut planned = plan_now(&self.session).await.unwrap();
        if !stacks.is_empty() {
            let stacks = stacks.iter().map(|id| stack(id)).collect();
            planned = narrowed(&self.session, planned, stacks).unwrap();
        }
        read(&write(planned.plan.plan()).unwrap()).unwrap()
    }

    async fn execute(&self, plan: Plan) -> Result<Executed, NotThis> {
        let stop = CancellationToken::new();
        execute(&self.session, plan, self.begun.clone(), &stop).await
    }

    /// Why it was refused; nothing was begun.
    async fn refused(&self, plan: Plan) -> Vec<String> {
        let refused = self.execute(plan).await.unwrap_err();
        assert!(self.begun().is_empty(), "{:?}", self.begun());
        match refused {
            NotThis::Stale(stale) => stale.changes,
            other => panic!("{other}"),
        }
    }

    fn begun(&self) -> Vec<String> {
        let mut begun = self.begun.0.lock().unwrap().clone();
        begun.sort();
        begun
    }

    fn appears(&self, name: &str, owner: &str) {
        let seen = SeenMachine {
            name: machine(name),
            provider_id: "4711".into(),
            hoster: HosterId::new("hetzner"),
            site: None,
            role: Role::Production,
            stack: Some(stack(owner)),
            epoch: Epoch(1),
            image: None,
            hardware: None,
            quarantined: false,
            power: Power::Off,
            address: [198, 18, 0, 9].into(),
            port: 22,
        };
        self.lists["hetzner"].lock().unwrap().machines.push(seen);
    }
}

#[tokio::test]
async fn s05_a_plan_that_still_holds_is_executed_once_and_no_other_step_is() {
    let estate = Estate::new("a").await;
    let plan = estate.planned(&["acme"]).await;
    let steps: Vec<String> = plan.steps.iter().map(|s| s.id.to_string()).collect();
    let executed = estate.execute(plan).await.unwrap();
    let begun = estate.begun();
    assert_eq!(
        begun,
        ["acme.create.acme-e1", "estate.create.backup-netcup-vie"]
    );
    assert!(begun.iter().all(|id| steps.contains(id)));
    // Nothing could be made, so the rest was not begun, and it is said what is left.
    assert!(!executed.report.complete());
    assert_eq!(executed.left.steps.len(), steps.len());
}

#[tokio::test]
async fn s05_another_commit_refuses_the_plan_and_says_which() {
    let plan = Estate::new("a").await.planned(&[]).await;
    let said = Estate::new("b").await.refused(plan).await;
    assert_eq!(
        said,
        ["it was made from commit aaaaaaaaaaaa, and bbbbbbbbbbbb is accepted now"]
    );
}

#[tokio::test]
async fn s05_another_estate_refuses_the_plan() {
    let estate = Estate::new("a").await;
    let mut plan = estate.planned(&[]).await;
    plan.basis.estate = EstateName::new("elsewhere");
    let said = estate.refused(plan).await;
    assert_eq!(
        said,
        ["it was made for the estate elsewhere, and this is example"]
    );
}

#[tokio::test]
async fn s05_a_changed_world_refuses_the_plan_and_is_named() {
    let estate = Estate::new("a").await;
    let plan = estate.planned(&[]).await;
    estate.appears("acme-e1", "acme");
    let said = estate.refused(plan).await;
    assert_eq!(said[0], "machine acme-e1: new since the plan was made");
    assert!(
        said.contains(&"step acme.create.acme-e1: would no longer be planned".to_owned()),
        "{said:?}"
    );
}

#[tokio::test]
async fn s05_other_customers_do_not_make_a_plan_of_some_stacks_stale() {
    let estate = Estate::new("a").await;
    let plan = estate.planned(&["beta"]).await;
    estate.appears("acme-e1", "acme");
    assert!(estate.execute(plan).await.is_ok());
    assert!(estate.begun().contains(&"beta.create.beta-e1".to_owned()));
}

#[tokio::test]
async fn s05_a_step_put_into_the_file_by_hand_refuses_it() {
    let estate = Estate::new("a").await;
    let mut plan = estate.planned(&["acme"]).await;
    let other = estate.planned(&["beta"]).await;
    let foreign = other
        .steps
        .into_iter()
        .find(|s| s.id.as_str().starts_with("beta.create"));
    plan.steps.extend(foreign);
    let said = estate.refused(plan).await;
    assert_eq!(
        said,
        ["step beta.create.beta-e1: would no longer be planned"]
    );
}

#[tokio::test]
async fn s05_a_step_taken_out_or_turned_refuses_the_file() {
    let estate = Estate::new("a").await;
    let plan = estate.planned(&["acme"]).await;
    let mut fewer = plan.clone();
    fewer.steps.retain(|s| !s.id.as_str().contains(".check."));
    for step in &mut fewer.steps {
        step.after.retain(|id| !id.as_str().contains(".check."));
    }
    let said = estate.refused(fewer).await;
    assert!(
        said[0].ends_with("check.acme-e1: would be planned too"),
        "{said:?}"
    );
    let mut turned = plan;
    turned.steps[0].effect = holdfast::model::plan::Effect::Destructive;
    let said = estate.refused(turned).await;
    assert!(said[0].ends_with("would be planned otherwise"), "{said:?}");
}

#[tokio::test]
async fn s05_a_plan_made_without_looking_is_never_executed() {
    let estate = Estate::new("a").await;
    let mut plan = estate.planned(&[]).await;
    plan.basis.observed = None;
    let refused = estate.execute(plan).await.unwrap_err();
    assert!(matches!(refused, NotThis::NotObserved), "{refused}");
    assert!(estate.begun().is_empty());
}

#[test]
fn s05_what_differs_is_named_by_its_subject() {
    let mut world = World::running(super::plan_world::acme(HETZNER));
    let mut basis = world.plan().plan().basis.clone();
    basis.parts = parts(&world.seen());
    assert!(differences(&basis, &parts(&world.seen())).is_empty());
    let before = world.plan().plan().clone();
    world.add_point("acme", Epoch(1), Rung::Taken);
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.lose("backup-netcup-vie");
    let changed = differences(&basis, &parts(&world.seen()));
    let not_as = "not as it was when the plan was made";
    assert_eq!(
        changed,
        [
            format!("free machines at hoster netcup: {not_as}"),
            "machine acme-e1: ".to_owned() + not_as,
            "machine backup-netcup-vie: was there when the plan was made".to_owned(),
            "recovery points of acme: ".to_owned() + not_as,
        ]
    );
    let steps = other_steps(&before, world.plan().plan());
    assert_eq!(steps, ["step acme.converge.acme-e1: would be planned too"]);
}

#[test]
fn a_look_that_differs_in_times_alone_is_the_same() {
    let mut world = World::running(super::plan_world::acme(HETZNER));
    let before = parts(&world.seen());
    world.facts_mut("acme-e1").took_ms += 7;
    world.facts_mut("acme-e1").disk_free.0 -= 7;
    assert_eq!(parts(&world.seen()), before);
    let name: Vec<&String> = before.keys().filter(|k| k.starts_with("machine")).collect();
    assert_eq!(name.len(), 2, "{name:?}");
}
