//! The reset button (Hetzner Cloud reference, "Server Actions", "Reset a Server").

use super::calls::{class_of, unclear};
use super::{Hetzner, Way, is_settled};
use crate::model::ids::MachineName;
use crate::model::observed::Power;
use crate::model::operation::{FaultClass, Outcome};
use crate::world::hoster::{ACTION_FAILED, refused};

impl Hetzner {
    /// The server runs before and after, so its status proves nothing: only the action's own end
    /// says that it was reset.
    pub(super) async fn reset(&self, machine: &MachineName) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        if is_settled(&server, Power::Off) {
            return refused("off", format!("{machine} is off"), FaultClass::Retry);
        }
        let way = match self.ask(&server, "reset").await {
            Ok(way) => way,
            Err(refused) => return refused,
        };
        match way {
            Way::Ended => {
                let within = self.timing.action;
                self.wait_for_power(server.id, Power::On, within).await
            }
            Way::Failed { code, message } => {
                let class = class_of(&code);
                refused(ACTION_FAILED, format!("{code}: {message}"), class)
            }
            Way::Unclear(why) => unclear(why),
        }
    }
}
