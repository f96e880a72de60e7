//! A hoster's rescue system in the place of one of our machines. Nobody knows its host key, so it has
//! to prove that it holds the machine's disk before anything else is asked of it: the disk's own host
//! key, which we made, signs our question together with the key that the session is held under.
//! Who only stands in between has another session key, and cannot log in there with ours.

use super::{Contact, MachineError, Script, Transport, verbs};
use crate::model::ids::MachineName;
use crate::model::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ssh_key::{PublicKey, SshSig};

/// Signatures made for this are of no use for anything else (`ssh-keygen`(1), `-Y sign`, `-n`).
pub const NAMESPACE: &str = "rescue@holdfast";

const PROVE: Script = Script {
    name: "rescue-prove",
    text: concat!(
        include_str!("scripts/prelude.sh"),
        include_str!("scripts/rescue-prove.sh")
    ),
};

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    machine: MachineName,
    text: String,
}

impl Question {
    /// A fresh one, of this session alone.
    pub fn new(machine: &MachineName, session_key: &str) -> Self {
        let mut nonce = [0_u8; 32];
        // Without randomness there is no question: then nothing that is signed answers it.
        let random = getrandom::fill(&mut nonce).is_ok();
        let nonce = if random {
            hex::encode(nonce)
        } else {
            String::new()
        };
        Self {
            machine: machine.clone(),
            text: format!("{machine}\n{session_key}\n{nonce}\n"),
        }
    }

    /// What is to be signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this is the machine's signature of it; the error says why not.
    pub fn is_answered(&self, host_key: &str, signature: &str) -> Result<(), String> {
        if self.text.ends_with("\n\n") {
            return Err("there was no randomness to ask with".to_owned());
        }
        let key = PublicKey::from_openssh(host_key)
            .map_err(|error| format!("its pinned host key cannot be read: {error}"))?;
        let signature = SshSig::from_pem(signature)
            .map_err(|error| format!("its signature cannot be read: {error}"))?;
        key.verify(NAMESPACE, self.text.as_bytes(), &signature)
            .map_err(|error| format!("its signature is not that of the machine's key: {error}"))
    }
}

#[derive(Deserialize)]
struct Proof {
    signature: String,
}

/// Finds the machine's disk, opens it for reading only, and lets its key sign. Sends no secret.
///
/// Refusals: `no-disk`, `no-key`.
pub async fn prove(
    transport: &dyn Transport,
    there: &Contact,
    question: &Question,
) -> Result<String, MachineError> {
    let text = STANDARD.encode(&question.text);
    let input = Secret::new(format!("machine\t{}\ntext\t{text}\n", question.machine));
    let values = transport.run(there, PROVE, &input).await?;
    let proof: Proof = verbs::one(there, PROVE, values)?;
    Ok(proof.signature)
}
