//! Nothing is done outside by who may not write any more: asked right before each effect, since
//! a process may have stood still after its intent was in the journal (S2, S6).

use crate::model::causes::chain;
use crate::model::secret::Secret;
use crate::world::machine::{Answered, Contact, MachineError, Script, Transport};
use crate::world::store::Ledger;
use async_trait::async_trait;
use std::sync::Arc;

/// A way onto machines, as long as the journal may be written to.
pub struct WhileHeld {
    /// The way.
    pub transport: Arc<dyn Transport>,
    /// The journal.
    pub ledger: Arc<dyn Ledger>,
}

#[async_trait]
impl Transport for WhileHeld {
    async fn run(&self, contact: &Contact, script: Script, input: &Secret) -> Answered {
        if let Err(error) = self.ledger.held() {
            return Err(MachineError::Withheld {
                machine: contact.machine.clone(),
                detail: chain(&error),
            });
        }
        self.transport.run(contact, script, input).await
    }

    async fn host_key(&self, contact: &Contact) -> Result<String, MachineError> {
        self.transport.host_key(contact).await
    }
}
