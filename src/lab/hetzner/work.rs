//! Actions that run: what is recorded before, done by the fleet, recorded after.
//!
//! Each runs in a task of its own: a client that hangs up does not stop it.

use super::Api;
use super::catalog::{self, ServerType};
use super::errors::ApiError;
use super::selector::is_dns_label;
use super::state::{ActionError, Phase, ServerRecord, now};
use crate::lab::fleet::{FleetError, MachineSpec};
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;

/// Longest name the fleet takes for a machine.
const MACHINE_NAME_MAX: usize = 40;

/// Something done to a server under its lock.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Start it.
    PowerOn,
    /// Cut its power.
    PowerOff,
    /// Cut its power and start it.
    Reset,
    /// Ask it to go down, then start it.
    Reboot,
    /// A fresh disk from this image, then start it.
    Rebuild {
        /// Name of the image.
        image: &'static str,
    },
    /// Another type for one that is off, then start it.
    ChangeType {
        /// The type.
        to: &'static ServerType,
        /// Whether its disk grows as well.
        upgrade_disk: bool,
    },
    /// Remove it for good.
    Delete,
}

impl Operation {
    /// The documents' name of the command.
    fn command(&self) -> &'static str {
        match self {
            Self::PowerOn => "start_server",
            Self::PowerOff => "stop_server",
            Self::Reset => "reset_server",
            Self::Reboot => "reboot_server",
            Self::Rebuild { .. } => "rebuild_server",
            Self::ChangeType { .. } => "change_server_type",
            Self::Delete => "delete_server",
        }
    }

    fn phase(&self) -> Phase {
        match self {
            Self::PowerOn => Phase::Starting,
            Self::PowerOff => Phase::Stopping,
            Self::Reset | Self::Reboot => Phase::Restarting,
            Self::Rebuild { .. } => Phase::Rebuilding,
            Self::ChangeType { .. } => Phase::Migrating,
            Self::Delete => Phase::Deleting,
        }
    }
}

/// An accepted order: recorded, its machine still to be made.
#[derive(Debug)]
pub struct Order {
    /// As recorded.
    pub server: ServerRecord,
    /// What the fleet is asked for; its name is settled when the work begins.
    pub spec: MachineSpec,
    /// The action `create_server`.
    pub create_action: i64,
    /// The action `start_server`, if it is to be started.
    pub start_action: Option<i64>,
}

/// How making the machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// It has its disk and address.
    Placed,
    /// There is no room for it.
    NoCapacity,
    /// It failed otherwise; the action says why.
    Failed,
}

impl Api {
    /// Locks a server, records an action and does it in the background.
    /// Returns the action's id.
    pub fn begin(
        self: &Arc<Self>,
        id: i64,
        operation: Operation,
        allowed: impl FnOnce(&ServerRecord) -> Result<(), ApiError>,
    ) -> Result<i64, ApiError> {
        let (server, action) = self.store.change(|records| {
            let server = records
                .servers
                .get_mut(&id)
                .ok_or_else(|| no_such_server(id))?;
            allowed(server)?;
            if server.phase != Phase::Idle {
                return Err(ApiError::locked());
            }
            server.phase = operation.phase();
            let server = server.clone();
            let action = records.begin_action(operation.command(), id);
            Ok((server, action))
        })?;
        let api = Arc::clone(self);
        tokio::spawn(async move { api.carry_out(server, action, operation).await });
        Ok(action)
    }

    async fn carry_out(&self, server: ServerRecord, action: i64, operation: Operation) {
        let end = self.effect(&server, action, &operation).await;
        self.store.note(|records| {
            match (&operation, &end) {
                (Operation::Delete, Ok(())) => {
                    records.servers.remove(&server.id);
                }
                (Operation::Rebuild { image }, Ok(())) => {
                    if let Some(server) = records.servers.get_mut(&server.id) {
                        (*image).clone_into(&mut server.image);
                    }
                }
                _ => {}
            }
            if let Some(server) = records.servers.get_mut(&server.id) {
                server.phase = Phase::Idle;
            }
            records.end_action(action, end.map_err(|e| action_error(&e)));
        });
    }

    async fn effect(
        &self,
        server: &ServerRecord,
        action: i64,
        operation: &Operation,
    ) -> Result<(), FleetError> {
        let machine = server.machine.as_str();
        match operation {
            Operation::PowerOn => self.start(server).await,
            Operation::PowerOff => match self.fleet.power_off(machine).await {
                // Without a disk it certainly does not run.
                Err(FleetError::DiskGone { .. }) => Ok(()),
                end => end,
            },
            Operation::Reset => {
                self.fleet.power_off(machine).await?;
                self.progress(action, 50);
                self.start(server).await
            }
            Operation::Reboot => {
                self.fleet.shutdown(machine).await?;
                self.progress(action, 50);
                self.start(server).await
            }
            Operation::Rebuild { image } => {
                self.fleet.power_off(machine).await?;
                self.progress(action, 20);
                self.fleet.rebuild(machine, image).await?;
                self.progress(action, 80);
                self.fleet.power_on(machine).await
            }
            Operation::ChangeType { to, upgrade_disk } => {
                self.fleet.resize(machine, &to.size()).await?;
                self.progress(action, 50);
                self.is_of_type(machine, to, *upgrade_disk);
                self.fleet.power_on(machine).await
            }
            Operation::Delete => self.clear_away(machine).await,
        }
    }

    /// Whether or not it starts.
    fn is_of_type(&self, machine: &str, to: &ServerType, upgrade_disk: bool) {
        self.store.note(|records| {
            let mut servers = records.servers.values_mut();
            if let Some(server) = servers.find(|server| server.machine == machine) {
                server.own_disk = catalog::disk(server).filter(|_| !upgrade_disk);
                to.name.clone_into(&mut server.server_type);
            }
        });
    }

    /// From its disk, or once the rescue system, where that was enabled and waits.
    async fn start(&self, server: &ServerRecord) -> Result<(), FleetError> {
        let mut rescue = None;
        self.store.note(|records| {
            if let Some(server) = records.servers.get_mut(&server.id) {
                rescue = server.rescue_at(now()).cloned();
            }
        });
        let Some(rescue) = rescue else {
            return self.fleet.power_on(&server.machine).await;
        };
        let keys = &rescue.keys;
        self.fleet.start_rescue(&server.machine, keys).await?;
        self.store.note(|records| {
            if let Some(server) = records.servers.get_mut(&server.id) {
                server.rescue = None;
            }
        });
        Ok(())
    }

    /// Asks the system of a server to go down. As documented, the action says that
    /// it was asked, not that it obeyed; nothing is locked meanwhile.
    pub fn shut_down(self: &Arc<Self>, id: i64) -> Result<i64, ApiError> {
        let (machine, action) = self.store.change(|records| {
            let server = records.servers.get(&id).ok_or_else(|| no_such_server(id))?;
            if server.phase != Phase::Idle {
                return Err(ApiError::locked());
            }
            let machine = server.machine.clone();
            let action = records.begin_action("shutdown_server", id);
            records.end_action(action, Ok(()));
            Ok::<_, ApiError>((machine, action))
        })?;
        self.set_shutting_down(id, true);
        let api = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = api.fleet.shutdown(&machine).await {
                tracing::warn!(
                    machine,
                    error = &error as &dyn std::error::Error,
                    "shutdown in the lab"
                );
            }
            api.set_shutting_down(id, false);
        });
        Ok(action)
    }

    fn set_shutting_down(&self, id: i64, on: bool) {
        let mut asked = self
            .shutting_down
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if on {
            asked.insert(id);
        } else {
            asked.remove(&id);
        }
    }

    /// True while the fleet waits for this server to go down.
    pub fn is_shutting_down(&self, id: i64) -> bool {
        let asked = self
            .shutting_down
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        asked.contains(&id)
    }

    /// Makes an ordered machine in the background and starts it. The receiver gets
    /// the end of the making, not of the starting.
    pub fn make(self: &Arc<Self>, order: Order) -> oneshot::Receiver<Placement> {
        let (sender, receiver) = oneshot::channel();
        let api = Arc::clone(self);
        tokio::spawn(async move {
            let (id, start_action) = (order.server.id, order.start_action);
            let placed = api.place(order).await;
            let machine = placed.as_ref().ok().cloned();
            let end = match placed {
                Ok(_) => Placement::Placed,
                Err(FleetError::NoCapacity { .. }) => Placement::NoCapacity,
                Err(_) => Placement::Failed,
            };
            // Nobody may be listening any more.
            let _ = sender.send(end);
            if let (Some(machine), Some(action)) = (machine, start_action) {
                let end = api.fleet.power_on(&machine).await;
                api.store.note(|records| {
                    if let Some(server) = records.servers.get_mut(&id) {
                        server.phase = Phase::Idle;
                    }
                    records.end_action(action, end.map_err(|e| action_error(&e)));
                });
            }
        });
        receiver
    }

    /// Makes the machine's disk and returns the machine's name. A failed order
    /// leaves nothing behind, or a server that can be deleted.
    async fn place(&self, mut order: Order) -> Result<String, FleetError> {
        let id = order.server.id;
        let machine = self.name_machine(&order.server).await;
        order.spec.name.clone_from(&machine);
        match self.fleet.create(&order.spec).await {
            Ok(address) => {
                self.store.note(|records| {
                    if let Some(server) = records.servers.get_mut(&id) {
                        server.address = Some(address);
                        server.phase = match order.start_action {
                            Some(_) => Phase::Starting,
                            None => Phase::Idle,
                        };
                    }
                    records.end_action(order.create_action, Ok(()));
                });
                Ok(machine)
            }
            Err(error) => {
                let gone = self.clear_away(&machine).await.is_ok();
                self.store.note(|records| {
                    if gone {
                        records.servers.remove(&id);
                    } else if let Some(server) = records.servers.get_mut(&id) {
                        server.phase = Phase::Idle;
                    }
                    for action in order.start_action.into_iter().chain([order.create_action]) {
                        records.end_action(action, Err(action_error(&error)));
                    }
                });
                Err(error)
            }
        }
    }

    /// Settles the machine's name: the server's own where the fleet can take it and
    /// nobody has it (another hoster of the lab, or a server renamed since),
    /// otherwise one from its id.
    async fn name_machine(&self, server: &ServerRecord) -> String {
        let own = server.name.to_lowercase();
        let fits = own.len() <= MACHINE_NAME_MAX && is_dns_label(&own);
        let free = fits
            && matches!(
                self.fleet.power(&own).await,
                Err(FleetError::NoSuchMachine { .. })
            );
        let mut machine = format!("server-{}", server.id);
        self.store.note(|records| {
            if free && !records.servers.values().any(|s| s.machine == own) {
                machine = own;
            }
            if let Some(server) = records.servers.get_mut(&server.id) {
                server.machine.clone_from(&machine);
            }
        });
        machine
    }

    /// Removes a machine; one that is not there is removed already. No name means
    /// that the fleet was never asked for it.
    async fn clear_away(&self, machine: &str) -> Result<(), FleetError> {
        if machine.is_empty() {
            return Ok(());
        }
        match self.fleet.delete(machine).await {
            Err(FleetError::NoSuchMachine { .. }) => Ok(()),
            end => end,
        }
    }

    /// Orders that a crash interrupted: their actions have failed by now, and what
    /// was made of their machines goes away, as with any failed order.
    pub fn clear_half_done(self: &Arc<Self>) {
        let half_done: Vec<ServerRecord> = self.store.read(|records| {
            let servers = records.servers.values();
            servers
                .filter(|s| s.phase == Phase::Creating)
                .cloned()
                .collect()
        });
        for server in half_done {
            let api = Arc::clone(self);
            tokio::spawn(async move {
                let gone = api.clear_away(&server.machine).await.is_ok();
                api.store.note(|records| {
                    if gone {
                        records.servers.remove(&server.id);
                    } else if let Some(server) = records.servers.get_mut(&server.id) {
                        server.phase = Phase::Idle;
                    }
                });
            });
        }
    }

    fn progress(&self, action: i64, percent: u8) {
        self.store.note(|records| {
            if let Some(action) = records.actions.get_mut(&action) {
                action.progress = percent;
            }
        });
    }
}

/// 404 for a server.
pub fn no_such_server(id: impl std::fmt::Display) -> ApiError {
    ApiError::not_found(format_args!("server with ID '{id}'"))
}

fn action_error(error: &FleetError) -> ActionError {
    let code = match error {
        FleetError::NoCapacity { .. } => "placement_error",
        _ => "server_error",
    };
    ActionError {
        code: code.to_owned(),
        message: error.to_string(),
    }
}
