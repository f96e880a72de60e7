//! A server that is set aside: labelled, and protected against a slip of hand.

use super::calls::{Server, unclear};
use super::{Hetzner, done, labels};
use crate::model::ids::MachineName;
use crate::model::operation::Outcome;
use hcloud::models::{ChangeServerProtectionRequest, GetActionResponse, ReplaceServerRequest};
use reqwest::Method;

impl Hetzner {
    pub(super) async fn quarantine(&self, machine: &MachineName) -> Outcome {
        let server = match self.find_ours(machine).await {
            Ok(server) => server,
            Err(outcome) => return outcome,
        };
        if !labels::is_quarantined(&server) {
            let path = format!("/servers/{}", server.id);
            let mut request = ReplaceServerRequest::new();
            request.labels = Some(labels::set_aside(&server));
            let asked = self
                .calls
                .send_body::<serde_json::Value>(Method::PUT, &path, &request);
            if let Err(error) = asked.await
                && let Some(refusal) = error.refusal()
            {
                return refusal;
            }
            match self.server(server.id).await {
                Ok(now) if labels::is_quarantined(&now) => {}
                Ok(_) => return unclear("the label is not there yet"),
                Err(error) => return unclear(error.to_string()),
            }
        }
        self.protect(&server).await;
        done(&server)
    }

    /// Deleting it by a slip of hand is refused then. Wanted, not needed: a
    /// failure leaves the machine set aside all the same.
    async fn protect(&self, server: &Server) {
        let path = format!("/servers/{}/actions/change_protection", server.id);
        let mut request = ChangeServerProtectionRequest::new();
        request.delete = Some(true);
        request.rebuild = Some(true); // Hetzner wants both alike
        let asked = self
            .calls
            .send_body::<GetActionResponse>(Method::POST, &path, &request);
        if let Err(error) = asked.await {
            tracing::warn!(machine = server.name, %error, "not protected against deletion");
        }
    }
}
