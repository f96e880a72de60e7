//! The end of a drill's server. Nothing else is ever deleted (S3).

use super::calls::unclear;
use super::{Hetzner, Way, labels, note};
use crate::model::ids::MachineName;
use crate::model::machine::Role;
use crate::model::operation::{Outcome, Receipt};
use crate::world::hoster::not_a_drill;
use hcloud::models::PowerOffServerResponse;
use tokio::time::{Instant, sleep};

impl Hetzner {
    /// Done when the interface no longer knows the server; also when it never did.
    pub(super) async fn destroy(&self, machine: &MachineName) -> Outcome {
        match self.find(machine).await {
            Err(error) => return error.before_effect(),
            Ok(None) => return gone(machine.to_string()),
            Ok(Some(_)) => {}
        }
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        if !labels::owner(&server).is_ok_and(|owner| owner.role == Role::Drill) {
            return not_a_drill(machine);
        }
        let path = format!("/servers/{}", server.id);
        let way = match self.calls.delete::<PowerOffServerResponse>(&path).await {
            Ok(answer) => self.wait(std::slice::from_ref(&answer.action)).await,
            Err(error) if error.is_not_found() => Way::Ended,
            Err(error) => match error.refusal() {
                Some(refusal) => return refusal,
                None => Way::Unclear(error.to_string()),
            },
        };
        note(&way);
        let deadline = Instant::now() + self.timing.action;
        loop {
            let last = match self.server(server.id).await {
                Err(error) if error.is_not_found() => return gone(server.id.to_string()),
                Ok(now) => format!("the hoster still lists it: {}", now.status),
                Err(error) => error.to_string(),
            };
            if let Way::Failed { code, message } = &way {
                return unclear(format!("{code}: {message}; {last}"));
            }
            if Instant::now() >= deadline {
                return unclear(last);
            }
            sleep(self.poll_pause()).await;
        }
    }
}

fn gone(provider_id: String) -> Outcome {
    Outcome::Done(Receipt {
        provider_id,
        address: None,
        port: None,
    })
}
