//! An estate opened for work: the accepted commit, what it asks for, and the hands to do it.

use super::book::Book;
use super::config::Patience;
use super::held::WhileHeld;
use super::standing::Standing;
use crate::decide::derive;
use crate::decide::derive::EstateKey;
use crate::decide::history::History;
use crate::decide::manifest::{self, BackupAccess, ManifestError};
use crate::decide::repositories::{self, Repositories, Way};
use crate::model::causes::chain;
use crate::model::desired::{Desired, DesiredStack, InterfaceFamily};
use crate::model::ids::{Epoch, HosterId, ImageName, MachineName, StackId, StepId};
use crate::model::journal::{Entry, Event};
use crate::model::machine::{MachineManifest, Role};
use crate::model::observed::Inventory;
use crate::model::repository::{KeyRole, RepositoryKeys};
use crate::model::secret::Secret;
use crate::world::clock::Clock;
use crate::world::dns::Names;
use crate::world::hoster::Hoster;
use crate::world::machine::{Contact, Transport};
use crate::world::store::StoreError;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The things outside that this estate reaches.
pub struct World {
    /// Accounts.
    pub hosters: BTreeMap<HosterId, Arc<dyn Hoster>>,
    /// The way onto machines.
    pub transport: Arc<dyn Transport>,
    /// The name server, if the estate names one.
    pub names: Option<Arc<dyn Names>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// An estate opened for work.
pub struct Session {
    /// What the accepted commit asks for.
    pub desired: Desired,
    /// Every generated secret derives from it.
    pub key: EstateKey,
    /// The things outside.
    pub world: World,
    /// How long a new machine may take until its SSH answers.
    pub first_contact: Duration,
    /// Which head holds, and who signed for it.
    pub standing: Standing,
    /// Which key of its repository the machine of a drill is given.
    pub drills_with: KeyRole,
    book: Book,
    repositories: Mutex<Arc<Repositories>>,
    roster: Mutex<BTreeMap<MachineName, Contact>>,
    certificates: Mutex<BTreeMap<(MachineName, IpAddr), String>>,
}

impl Session {
    /// Puts the parts together.
    pub fn new(
        desired: Desired,
        key: EstateKey,
        world: World,
        book: Book,
        standing: Standing,
    ) -> Self {
        let world = match book.ledger() {
            Some(ledger) => World {
                transport: Arc::new(WhileHeld {
                    transport: world.transport,
                    ledger,
                }),
                ..world
            },
            None => world,
        };
        Self {
            desired,
            key,
            world,
            first_contact: Patience::default().first_contact,
            standing,
            drills_with: KeyRole::Production,
            book,
            repositories: Mutex::default(),
            roster: Mutex::default(),
            certificates: Mutex::default(),
        }
    }

    /// With what the journal tells of the backup machines on which each stack was given a
    /// repository.
    #[must_use]
    pub fn with_past(self, past: &History) -> Self {
        self.recall(past);
        self
    }

    /// Takes in what has happened since: what machines should be follows from it.
    pub fn recall(&self, past: &History) {
        *self.repositories_lock() = Arc::new(Repositories::from(past));
    }

    fn repositories_lock(&self) -> std::sync::MutexGuard<'_, Arc<Repositories>> {
        self.repositories
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What the journal tells of repositories.
    pub fn repositories(&self) -> Arc<Repositories> {
        self.repositories_lock().clone()
    }

    /// The journal, as far as this session may use it.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// With another limit for the first contact.
    #[must_use]
    pub fn with_first_contact(mut self, limit: Duration) -> Self {
        self.first_contact = limit;
        self
    }

    /// With another key of the repository for machines of drills.
    #[must_use]
    pub fn drilling_with(mut self, role: KeyRole) -> Self {
        self.drills_with = role;
        self
    }

    /// Writes one event; durable when this returns (S6).
    pub async fn record(&self, stack: Option<&StackId>, event: Event) -> Result<Entry, StoreError> {
        let now = self.world.clock.now();
        self.book.append(stack, event, now).await
    }

    /// All entries from the beginning.
    pub async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        self.book.entries().await
    }

    /// Whether this session may still act.
    pub fn held(&self) -> Result<(), StoreError> {
        self.book.held()
    }

    /// Ends when this session may not act any more.
    pub async fn lost(&self) -> StoreError {
        self.book.lost().await
    }

    /// What the journal says has happened.
    pub async fn history(&self) -> Result<Arc<History>, StoreError> {
        self.book.history().await
    }

    /// Whom to call for a machine, if we know where it is.
    pub fn contact(&self, machine: &MachineName) -> Option<Contact> {
        self.roster_lock().get(machine).cloned()
    }

    /// Takes in where our machines answer.
    pub fn learn(&self, hoster: &HosterId, inventory: &Inventory) {
        for machine in &inventory.machines {
            self.meet(
                hoster,
                &machine.name,
                &machine.provider_id,
                machine.address,
                machine.port,
            );
        }
    }

    /// Takes in where one machine answers, and by which key we know it.
    pub fn meet(
        &self,
        hoster: &HosterId,
        machine: &MachineName,
        provider_id: &str,
        address: IpAddr,
        port: u16,
    ) {
        let host_key = self.host_key(hoster, machine, provider_id);
        if let Some(host_key) = host_key {
            self.roster_lock().insert(
                machine.clone(),
                Contact {
                    machine: machine.clone(),
                    address,
                    port,
                    host_key,
                },
            );
        }
    }

    /// The key we sent in `user_data`, or the one pinned in the inventory.
    fn host_key(
        &self,
        hoster: &HosterId,
        machine: &MachineName,
        provider_id: &str,
    ) -> Option<String> {
        let account = self.desired.hosters.get(hoster)?;
        match account.descriptor.interface {
            InterfaceFamily::HetznerCloud => Some(derive::host_key(&self.key, machine).public),
            InterfaceFamily::Pool => account
                .pool
                .iter()
                .find(|ordered| ordered.name.as_str() == provider_id)
                .map(|ordered| ordered.host_key.clone()),
        }
    }

    fn roster_lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<MachineName, Contact>> {
        // A panic while holding the lock leaves a map that is still whole.
        self.roster
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The backup machine that a stack's file names.
    pub fn backup_machine(stack: &DesiredStack) -> MachineName {
        repositories::named(stack)
    }

    /// The backup machine that a stack's points go to.
    pub fn serving_backup_machine(&self, stack: &DesiredStack) -> MachineName {
        let there = |machine: &MachineName| self.contact(machine).is_some();
        self.repositories().serving(stack, there)
    }

    /// The three passwords of the repository that a stack's points go to; none is ever stored on
    /// the backup machine.
    pub fn repository_keys(&self, stack: &DesiredStack) -> RepositoryKeys {
        self.repository_keys_on(&stack.id, &self.serving_backup_machine(stack))
    }

    /// The three passwords of a stack's repository on a backup machine.
    pub fn repository_keys_on(&self, stack: &StackId, backup: &MachineName) -> RepositoryKeys {
        derive::repository_keys(&self.key, stack, backup)
    }

    /// What the vault side opens a stack's repository with: the maintenance key's password,
    /// which no production machine knows.
    pub fn repository_password(&self, stack: &DesiredStack) -> Secret {
        self.repository_keys(stack).maintenance
    }

    /// The same of its repository on a backup machine that may be another.
    pub fn repository_password_on(&self, stack: &StackId, backup: &MachineName) -> Secret {
        self.repository_keys_on(stack, backup).maintenance
    }

    /// How a stack's repository on a backup machine is reached, for whoever may write there or
    /// for reading what is nowhere else yet, and by which of its keys it is opened.
    pub fn access(
        &self,
        stack: &DesiredStack,
        backup: &MachineName,
        role: KeyRole,
    ) -> Result<BackupAccess, Unmanifest> {
        let contact = self
            .contact(backup)
            .ok_or_else(|| Unmanifest::BackupUnknown(backup.clone()))?;
        let way = if *backup == self.serving_backup_machine(stack) {
            Way::Production
        } else {
            self.repositories().way(stack, backup)
        };
        let ca_pem = self.certificate(backup, contact.address);
        let keys = self.repository_keys_on(&stack.id, backup);
        Ok(BackupAccess {
            address: contact.address,
            port: REST_SERVER_PORT,
            user: stack.id.to_string(),
            password: manifest::way_in(&self.key, &stack.id, backup, way),
            repository_password: keys.of(role).clone(),
            ca_pem,
        })
    }

    /// What a backup machine shows; many stacks ask for the same.
    fn certificate(&self, backup: &MachineName, address: IpAddr) -> String {
        let shown = || derive::tls_identity(&self.key, backup, address).certificate_pem;
        let certificates = self.certificates.lock();
        let mut certificates = certificates.unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = certificates.entry((backup.clone(), address));
        known.or_insert_with(shown).clone()
    }

    /// What a machine with a stack's services should be; `role` is the key of the repository that
    /// it is given.
    fn of_stack(
        &self,
        stack: &DesiredStack,
        machine: &MachineName,
        epoch: Epoch,
        image: &ImageName,
        role: KeyRole,
    ) -> Result<MachineManifest, Unmanifest> {
        let access = self.access(stack, &self.serving_backup_machine(stack), role)?;
        Ok(manifest::production(
            stack,
            &self.desired.estate,
            &self.desired.blueprints,
            &self.key,
            machine,
            epoch,
            image,
            &access,
        )?)
    }

    /// What a backup machine should be.
    pub fn backup_manifest(&self, machine: &MachineName) -> Result<MachineManifest, Unmanifest> {
        let contact = self
            .contact(machine)
            .ok_or_else(|| Unmanifest::BackupUnknown(machine.clone()))?;
        let ways = self.ways(machine);
        Ok(manifest::backup(
            &self.desired.estate,
            machine,
            Epoch(1),
            ways.iter().map(|(stack, way)| (stack, *way)),
            &self.key,
            contact.address,
            super::hashes::remembered,
        )?)
    }

    /// The ways to a backup machine's repositories. Stacks whose definition is broken or gone
    /// keep theirs, so that a slip in a file costs no recovery point.
    fn ways(&self, machine: &MachineName) -> BTreeMap<StackId, Way> {
        let known = self.repositories();
        let mut ways: BTreeMap<StackId, Way> = known
            .on(machine)
            .map(|stack| match self.desired.stacks.get(stack) {
                Some(stack) => (stack.id.clone(), known.way(stack, machine)),
                None => (stack.clone(), Way::Production),
            })
            .collect();
        let naming = self.desired.stacks.values();
        let naming = naming.filter(|stack| Self::backup_machine(stack) == *machine);
        ways.extend(naming.map(|stack| (stack.id.clone(), Way::Production)));
        ways
    }

    /// What any machine of ours should be.
    pub fn manifest(
        &self,
        role: Role,
        stack: Option<&StackId>,
        machine: &MachineName,
        epoch: Epoch,
        image: Option<&ImageName>,
    ) -> Result<MachineManifest, Unmanifest> {
        match role {
            Role::Backup => self.backup_manifest(machine),
            Role::Production | Role::Drill => {
                let stack = stack
                    .and_then(|id| self.desired.stacks.get(id))
                    .ok_or_else(|| Unmanifest::NoSuchStack(machine.clone()))?;
                let image = image.unwrap_or(&stack.production.image);
                if role == Role::Drill {
                    let manifest = self.of_stack(stack, machine, epoch, image, self.drills_with)?;
                    return Ok(manifest::drill(manifest));
                }
                self.of_stack(stack, machine, epoch, image, KeyRole::Production)
            }
        }
    }

    /// One effect at a hoster.
    pub async fn perform(
        &self,
        hoster: &HosterId,
        op: &crate::model::operation::Operation,
        key: &StepId,
    ) -> crate::model::operation::Outcome {
        if let Err(error) = self.held() {
            return crate::model::operation::Outcome::Refused(crate::model::operation::Refusal {
                code: "lease-lost".into(),
                message: chain(&error),
                class: crate::model::operation::FaultClass::Retry,
            });
        }
        match self.world.hosters.get(hoster) {
            Some(hoster) => hoster.perform(op, key).await,
            None => crate::model::operation::Outcome::Refused(crate::model::operation::Refusal {
                code: "no-such-hoster".into(),
                message: format!("the estate has no account {hoster}"),
                class: crate::model::operation::FaultClass::NeedsHuman,
            }),
        }
    }
}

/// Where rest-server listens.
const REST_SERVER_PORT: u16 = 8000;

/// Why it cannot be said what a machine should be.
#[derive(Debug, thiserror::Error)]
pub enum Unmanifest {
    /// Its configuration holds the backup machine's address.
    #[error("the address of backup machine {0} is not known yet")]
    BackupUnknown(MachineName),
    /// The label names a stack that the estate does not have.
    #[error("{0} belongs to no stack of this estate")]
    NoSuchStack(MachineName),
    /// A blueprint cannot be rendered.
    #[error("the machine's configuration cannot be rendered")]
    Render(#[from] ManifestError),
}
