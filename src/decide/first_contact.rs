//! First contact without trust on first use: what a new machine is told at birth.
//!
//! The SSH host key is made by us and sent in `user_data`, so it is known before
//! the machine exists. Only cloud-init reads this; the machine reads its identity
//! from `/etc/holdfast/identity` afterwards, and so do we.

use super::derive::KeyPair;
use crate::model::identity::{IDENTITY_PATH, Identity};
use crate::model::ids::MachineName;
use crate::model::operation::OwnerLabel;
use crate::model::secret::Secret;
use std::fmt::Write as _;

/// The cloud-config of a new machine. The same input gives the same bytes.
///
/// One host key of one type, ours; root by our key only; no other user, no
/// password; nothing installed, because the reconciler installs (and a package
/// index fetched here would only make the first boot slower).
pub fn user_data(
    host_key: &KeyPair,
    client_public: &str,
    owner: &OwnerLabel,
    machine: &MachineName,
) -> Secret {
    let private = String::from_utf8_lossy(host_key.private_openssh.expose());
    let name = quoted(machine.as_str());
    let identity = Identity {
        owner: owner.clone(),
        machine: machine.clone(),
    };
    let mut text = String::from("#cloud-config\n");
    let _ = write!(
        text,
        "hostname: {name}\n\
         preserve_hostname: false\n\
         package_update: false\n\
         package_upgrade: false\n\
         users: []\n\
         disable_root: false\n\
         ssh_pwauth: false\n\
         ssh_authorized_keys:\n\
         \x20 - {client}\n\
         ssh_deletekeys: true\n\
         ssh_genkeytypes: [ed25519]\n\
         ssh_keys:\n\
         \x20 ed25519_private: |\n{private}\
         \x20 ed25519_public: {public}\n\
         write_files:\n\
         \x20 - path: {IDENTITY_PATH}\n\
         \x20   owner: root:root\n\
         \x20   permissions: \"0644\"\n\
         \x20   content: |\n{identity}",
        client = quoted(client_public),
        private = indented(&private, 4),
        public = quoted(&host_key.public),
        identity = indented(&identity.to_text(), 6),
    );
    Secret::new(text)
}

/// A YAML double-quoted scalar; JSON's escapes are a subset of YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn indented(text: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    let mut out = String::new();
    for line in text.lines() {
        out.extend([&margin, line, "\n"]);
    }
    out
}
