//! Another type in place (Hetzner Cloud reference, "Server Actions", "Shutdown a Server" and
//! "Change the Type of a Server").

use super::calls::{class_of, unclear};
use super::{Hetzner, Way, done, is_settled, note};
use crate::model::ids::MachineName;
use crate::model::observed::Power;
use crate::model::operation::Outcome;
use crate::world::hoster::{ACTION_FAILED, refused};
use hcloud::models::{ChangeTypeOfServerRequest, PowerOffServerResponse};
use reqwest::Method;
use tokio::time::{Instant, sleep};

impl Hetzner {
    /// The action says that the system was asked, not that it obeyed: its status does. One that
    /// does not go down in time has its power cut.
    pub(super) async fn shut_down(&self, machine: &MachineName) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        if is_settled(&server, Power::Off) {
            return done(&server);
        }
        match self.ask(&server, "shutdown").await {
            Ok(way) => note(&way),
            Err(refused) => return refused,
        }
        let within = self.timing.shutdown;
        match self.wait_for_power(server.id, Power::Off, within).await {
            Outcome::Unknown(fault) => {
                tracing::warn!(%machine, %fault, "it does not go down by itself");
                self.switch(machine, Power::Off).await
            }
            off => off,
        }
    }

    /// The disk is not made larger, because then the type could not be taken back. What the
    /// server's own type says counts, not what the action claims. "This copies the content of its
    /// disk, and starts it again": whether it runs afterwards is not looked at here.
    pub(super) async fn resize(&self, machine: &MachineName, to: &str) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        if server.is_a(to) {
            return done(&server);
        }
        let path = format!("/servers/{}/actions/change_type", server.id);
        let request = ChangeTypeOfServerRequest::new(to.to_owned(), false);
        let asked = self
            .calls
            .send_body::<PowerOffServerResponse>(Method::POST, &path, &request);
        let way = match asked.await {
            Ok(answer) => self.wait(std::slice::from_ref(&answer.action)).await,
            Err(error) => match error.refusal() {
                Some(refusal) => return refusal,
                None => Way::Unclear(error.to_string()),
            },
        };
        note(&way);
        let deadline = Instant::now() + self.timing.action;
        loop {
            let last = match self.server(server.id).await {
                Ok(now) if now.is_a(to) => return done(&now),
                Ok(now) => {
                    if let Way::Failed { code, message } = &way {
                        let class = class_of(code);
                        return refused(ACTION_FAILED, format!("{code}: {message}"), class);
                    }
                    let is = now.type_name().unwrap_or("of no type");
                    format!("the hoster says that it is {is}")
                }
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                return unclear(last);
            }
            sleep(self.poll_pause()).await;
        }
    }
}
