//! Hetzner Cloud (`https://api.hetzner.cloud/v1`), and whatever speaks its interface.
//!
//! There is no idempotency key: the machine's name is the key. A creation looks
//! the name up before and, when its answer was unclear, after (S6). What was
//! asked for is believed when the server's own status says so, not when an
//! action claims success. Checked against the published `OpenAPI` document
//! (version 4b3f595) and the official clients' retry rules.

mod aside;
mod calls;
mod destroy;
mod labels;
mod rescue;
mod reset;
mod resize;

pub use calls::SetupError;

use super::wrap::Patience;
use super::{ACTION_FAILED, Hoster, refused};
use crate::model::gap::Gap;
use crate::model::ids::{EstateName, HosterId, MachineName, StepId};
use crate::model::observed::{Inventory, Power, Unseen};
use crate::model::operation::{CreateMachine, FaultClass, Operation, Outcome, Receipt};
use crate::model::secret::Secret;
use async_trait::async_trait;
use calls::{CallError, Calls, Created, OneServer, Server, ServerPage, class_of, unclear};
use hcloud::models::action::Status;
use hcloud::models::{
    Action, CreateServerRequest, GetMultipleActionsResponse, PowerOffServerResponse,
};
use reqwest::Method;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Most servers that a page holds (Hetzner Cloud reference, "Pagination").
const PER_PAGE: u32 = 50;

/// How long single things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// One call, answer included.
    pub call: Duration,
    /// Until a connection stands.
    pub connect: Duration,
    /// Between two looks at an action.
    pub poll: Duration,
    /// An action, and then until the server's status says so.
    pub action: Duration,
    /// Until a system that was asked to go down has its power cut.
    pub shutdown: Duration,
    /// After an unclear creation: how long its server may take to appear by name.
    pub appear: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            poll: Duration::from_millis(500),
            action: Duration::from_mins(5),
            shutdown: Duration::from_mins(2),
            appear: Duration::from_secs(10),
        }
    }
}

/// A project at Hetzner Cloud.
pub struct Hetzner {
    id: HosterId,
    estate: EstateName,
    calls: Calls,
    timing: Timing,
    patience: Patience,
}

impl std::fmt::Debug for Hetzner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hetzner")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How an asked-for change went, before the server itself was looked at.
enum Way {
    Ended,
    Failed { code: String, message: String },
    Unclear(String),
}

impl Hetzner {
    /// The project that `token` opens at `endpoint`; touches only what `estate` owns.
    pub fn new(
        id: HosterId,
        endpoint: &str,
        token: &Secret,
        estate: EstateName,
        timing: Timing,
        patience: Patience,
    ) -> Result<Self, SetupError> {
        if !labels::is_label_value(estate.as_str()) {
            return Err(SetupError::EstateName {
                estate: estate.to_string(),
            });
        }
        let calls = Calls::new(id.as_str(), endpoint, token, &timing)?;
        Ok(Self {
            id,
            estate,
            calls,
            timing,
            patience,
        })
    }

    /// All pages of a list of servers, or none of them (S1).
    async fn list(&self, filter: (&str, &str)) -> Result<Vec<Server>, CallError> {
        let unreadable = |detail: String| CallError::Unreadable { detail };
        let mut servers: Vec<Server> = Vec::new();
        let mut page = 1;
        loop {
            let query = [
                (filter.0, filter.1.to_owned()),
                ("sort", "id:asc".to_owned()),
                ("page", page.to_string()),
                ("per_page", PER_PAGE.to_string()),
            ];
            let answer: ServerPage = self
                .patience
                .read(|| self.calls.get("/servers", &query))
                .await?;
            servers.extend(answer.servers);
            let paging = answer.meta.pagination;
            match paging.next_page {
                Some(next) if next == page + 1 => page = next,
                Some(next) => {
                    return Err(unreadable(format!("page {page} is followed by {next}")));
                }
                None => {
                    let count = i64::try_from(servers.len()).unwrap_or(i64::MAX);
                    return match paging.total_entries {
                        Some(total) if total != count => Err(unreadable(format!(
                            "the list names {total} servers and holds {count}"
                        ))),
                        _ => Ok(servers),
                    };
                }
            }
        }
    }

    /// The server of that name, ours or not.
    async fn find(&self, name: &MachineName) -> Result<Option<Server>, CallError> {
        let found = self.list(("name", name.as_str())).await?;
        Ok(found.into_iter().find(|s| s.name == name.as_str()))
    }

    /// The server of that name if it carries our label now (S7).
    async fn find_ours(&self, name: &MachineName) -> Result<Server, Outcome> {
        match self.find(name).await {
            Err(error) => Err(error.before_effect()),
            Ok(None) => Err(refused(
                "not_found",
                format!("{} has no server named {name}", self.id),
                FaultClass::Retry,
            )),
            Ok(Some(server)) if labels::belongs_to(&server, &self.estate) => Ok(server),
            Ok(Some(_)) => Err(refused(
                "not_ours",
                format!("the server named {name} does not carry our label"),
                FaultClass::NeedsHuman,
            )),
        }
    }

    async fn server(&self, id: i64) -> Result<Server, CallError> {
        let path = format!("/servers/{id}");
        let answer: OneServer = self.patience.read(|| self.calls.get(&path, &[])).await?;
        Ok(answer.server)
    }

    fn poll_pause(&self) -> Duration {
        if self.calls.is_scarce() {
            self.timing.poll.max(Duration::from_secs(2))
        } else {
            self.timing.poll
        }
    }

    /// Waits for all actions at once, a bounded time.
    async fn wait(&self, actions: &[Action]) -> Way {
        let mut open: Vec<i64> = Vec::new();
        for action in actions {
            match action.status {
                Status::Success => {}
                Status::Error => return failed(action),
                Status::Running => open.push(action.id),
            }
        }
        let deadline = Instant::now() + self.timing.action;
        while !open.is_empty() {
            if Instant::now() >= deadline {
                return Way::Unclear(format!("action {} is still running", open[0]));
            }
            sleep(self.poll_pause()).await;
            let query: Vec<_> = open.iter().map(|id| ("id", id.to_string())).collect();
            let read = || self.calls.get("/actions", &query);
            let answer: GetMultipleActionsResponse = match self.patience.read(read).await {
                Ok(answer) => answer,
                Err(error) => return Way::Unclear(error.to_string()),
            };
            for action in &answer.actions {
                match action.status {
                    Status::Success => open.retain(|id| *id != action.id),
                    Status::Error => return failed(action),
                    Status::Running => {}
                }
            }
        }
        Way::Ended
    }

    /// Reads the server until its status says `power`, a bounded time.
    async fn wait_for_power(&self, id: i64, power: Power, within: Duration) -> Outcome {
        let deadline = Instant::now() + within;
        loop {
            let last = match self.server(id).await {
                Ok(server) if is_settled(&server, power) => return done(&server),
                Ok(server) => format!("the hoster says {}", server.status),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                return unclear(last);
            }
            sleep(self.poll_pause()).await;
        }
    }

    async fn create(&self, want: &CreateMachine, step: &StepId) -> Outcome {
        match self.find(&want.name).await {
            Err(error) => return error.before_effect(),
            Ok(Some(server)) => return self.adopt(want, &server).await,
            Ok(None) => {}
        }
        let Some(user_data) = want.user_data.expose_text() else {
            return refused("user_data", "the user data is not text", FaultClass::Bug);
        };
        let Some(machine_type) = &want.machine_type else {
            return refused("invalid_input", "no machine type", FaultClass::NeedsHuman);
        };
        let mut request = CreateServerRequest::new(
            want.image.to_string(),
            want.name.to_string(),
            machine_type.clone(),
        );
        request.location = Some(want.site.to_string());
        request.labels = Some(labels::of_new(&want.owner, step));
        request.user_data = Some(user_data.to_owned());
        request.start_after_create = Some(true);
        let asked = self.calls.send_body(Method::POST, "/servers", &request);
        let created: Created = match asked.await {
            Ok(created) => created,
            Err(CallError::Answered { code, message, .. }) if code == "uniqueness_error" => {
                // Somebody was faster: perhaps we ourselves, in a run that crashed.
                return self.look_after_create(want, &message).await;
            }
            Err(error) => match error.refusal() {
                Some(refusal) => return refusal,
                None => return self.look_after_create(want, &error.to_string()).await,
            },
        };
        let mut actions = vec![created.action];
        actions.extend(created.next_actions);
        match self.wait(&actions).await {
            Way::Failed { code, message } => match self.server(created.server.id).await {
                Err(error) if error.is_not_found() => {
                    let class = class_of(&code);
                    refused(code, message, class)
                }
                _ => unclear(format!(
                    "the server was made, then {code}: {message}; look at it again"
                )),
            },
            way => {
                note(&way);
                let within = self.timing.action;
                self.wait_for_power(created.server.id, Power::On, within)
                    .await
            }
        }
    }

    /// After an unclear creation: the name tells whether it happened (S6).
    async fn look_after_create(&self, want: &CreateMachine, why: &str) -> Outcome {
        let deadline = Instant::now() + self.timing.appear;
        loop {
            match self.find(&want.name).await {
                Ok(Some(server)) => return self.adopt(want, &server).await,
                // The request may still be on its way: absent now is not absent for good.
                Ok(None) if Instant::now() >= deadline => {
                    return unclear(format!("{why}; no server of that name yet"));
                }
                Err(error) if Instant::now() >= deadline => {
                    return unclear(format!("{why}; and looking for it: {error}"));
                }
                Ok(None) | Err(_) => sleep(self.poll_pause()).await,
            }
        }
    }

    /// A server of the wanted name exists: it is the wanted one, or nobody touches it.
    async fn adopt(&self, want: &CreateMachine, server: &Server) -> Outcome {
        let ours = labels::owner(server).is_ok_and(|owner| owner == want.owner);
        if !ours || labels::is_quarantined(server) {
            return refused(
                "name_taken",
                format!(
                    "{} has a server named {} that is not the wanted one",
                    self.id, want.name
                ),
                FaultClass::NeedsHuman,
            );
        }
        if labels::power(&server.status) == Power::Off {
            return done(server); // made, and off: switching on is a step of its own
        }
        self.wait_for_power(server.id, Power::On, self.timing.action)
            .await
    }

    async fn switch(&self, machine: &MachineName, to: Power) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        if is_settled(&server, to) {
            return done(&server);
        }
        let verb = if to == Power::Off {
            "poweroff"
        } else {
            "poweron"
        };
        let way = match self.ask(&server, verb).await {
            Ok(way) => way,
            Err(refused) => return refused,
        };
        match way {
            Way::Failed { code, message } => match self.server(server.id).await {
                Ok(now) if is_settled(&now, to) => done(&now),
                _ => {
                    let class = match to {
                        Power::On => FaultClass::NeedsHuman,
                        Power::Off | Power::Unknown => class_of(&code),
                    };
                    refused(ACTION_FAILED, format!("{code}: {message}"), class)
                }
            },
            way => {
                note(&way);
                self.wait_for_power(server.id, to, self.timing.action).await
            }
        }
    }

    /// Asks a server for an action without fields, and waits for the action's end.
    async fn ask(&self, server: &Server, verb: &str) -> Result<Way, Outcome> {
        let path = format!("/servers/{}/actions/{verb}", server.id);
        let no_fields = serde_json::Map::new();
        let asked = self
            .calls
            .send_body::<PowerOffServerResponse>(Method::POST, &path, &no_fields);
        match asked.await {
            Ok(answer) => Ok(self.wait(std::slice::from_ref(&answer.action)).await),
            Err(error) => match error.refusal() {
                Some(refusal) => Err(refusal),
                None => Ok(Way::Unclear(error.to_string())),
            },
        }
    }
}

/// An unclear way does not matter any more once the server's status is read.
fn note(way: &Way) {
    if let Way::Unclear(why) = way {
        tracing::debug!(why, "the action's end was not seen; looking at the server");
    }
}

fn failed(action: &Action) -> Way {
    let (code, message) = match &action.error {
        Some(error) => (error.code.clone(), error.message.clone()),
        None => ("action_failed".to_owned(), action.command.clone()),
    };
    Way::Failed { code, message }
}

/// `starting` is on for whoever fears a writer, but not yet for whoever waits.
fn is_settled(server: &Server, power: Power) -> bool {
    match power {
        // A server's address may come later than the server.
        Power::On => server.status == "running" && server.address().is_some(),
        Power::Off => server.status == "off",
        Power::Unknown => true,
    }
}

fn done(server: &Server) -> Outcome {
    Outcome::Done(Receipt {
        provider_id: server.id.to_string(),
        address: server.address(),
        port: Some(22),
    })
}

#[async_trait]
impl Hoster for Hetzner {
    fn id(&self) -> &HosterId {
        &self.id
    }

    async fn observe(&self, owned: &EstateName) -> Result<Inventory, Gap> {
        let selector = format!("{}={owned}", labels::ESTATE);
        let servers = self
            .list(("label_selector", &selector))
            .await
            .map_err(|error| error.gap(format!("hoster {}", self.id)))?;
        let mut inventory = Inventory::default();
        for server in &servers {
            // Whatever the selector did: what lacks our label is not ours.
            if labels::belongs_to(server, owned) {
                match labels::seen(&self.id, server) {
                    Ok(machine) => inventory.machines.push(machine),
                    Err(gap) => inventory.unseen.push(Unseen {
                        provider_id: server.id.to_string(),
                        gap,
                    }),
                }
            }
        }
        Ok(inventory)
    }

    async fn perform(&self, op: &Operation, key: &StepId) -> Outcome {
        match op {
            Operation::Create(want) => self.create(want, key).await,
            Operation::PowerOn { machine } => self.switch(machine, Power::On).await,
            Operation::PowerOff { machine } => self.switch(machine, Power::Off).await,
            Operation::ShutDown { machine } => self.shut_down(machine).await,
            Operation::Resize {
                machine,
                machine_type,
            } => self.resize(machine, machine_type).await,
            Operation::Reset { machine } => self.reset(machine).await,
            Operation::Rescue { machine, key } => self.rescue(machine, key).await,
            Operation::EndRescue { machine, off } => self.end_rescue(machine, *off).await,
            Operation::Quarantine { machine } => self.quarantine(machine).await,
            Operation::Destroy { machine } => self.destroy(machine).await,
        }
    }
}
