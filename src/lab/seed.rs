//! What a machine learns about itself at first boot: cloud-init's `NoCloud` seed directory,
//! and SSH host keys made beforehand.
//!
//! Source: cloud-init documentation, "`NoCloud`" data source; modules `cc_ssh`.

use super::command::failed;
use super::fleet::FleetError;
use super::state::MachineRecord;
use serde_json::json;
use ssh_key::private::{Ed25519Keypair, PrivateKey};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Lays the seed, the name servers and the hosts file into a machine's root directory.
pub fn lay(
    root: &Path,
    machine: &MachineRecord,
    resolvers: &[std::net::Ipv4Addr],
) -> Result<(), FleetError> {
    let write = || {
        let seed = root.join("var/lib/cloud/seed/nocloud");
        fs::create_dir_all(&seed)?;
        fs::set_permissions(&seed, fs::Permissions::from_mode(0o700))?;
        fs::write(seed.join("meta-data"), meta_data(machine))?;
        fs::write(seed.join("user-data"), &machine.user_data)?;
        let servers: Vec<String> = resolvers
            .iter()
            .map(|server| format!("nameserver {server}"))
            .collect();
        let path = root.join("etc/resolv.conf");
        // A link would lead out of the machine.
        let _ = fs::remove_file(&path);
        fs::write(path, servers.join("\n") + "\n")
    };
    write()
        .map_err(|error: std::io::Error| failed(format!("seed machine {}", machine.name), &error))
}

/// The instance metadata. JSON is YAML, so nothing needs quoting rules of its own.
pub fn meta_data(machine: &MachineRecord) -> String {
    let mut told = json!({
        "instance-id": machine.instance_id,
        "local-hostname": machine.name,
        "public-keys": machine.authorized_keys,
    });
    if let Some(size) = &machine.size {
        told["instance-type"] = json!(size.name);
        told["cores"] = json!(size.cores);
        told["memory-gib"] = json!(size.memory);
    }
    told.to_string()
}

/// An SSH host key made before its machine exists, so that first contact needs no trust.
#[derive(Debug)]
pub struct HostKey {
    /// One line: type, key, comment.
    pub public: String,
    private: String,
}

impl HostKey {
    /// A new Ed25519 key.
    pub fn make(comment: &str) -> Result<Self, FleetError> {
        let action = || format!("make a host key for {comment}");
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).map_err(|error| failed(action(), &error))?;
        let pair = Ed25519Keypair::from_seed(&seed);
        let key =
            PrivateKey::new(pair.into(), comment).map_err(|error| failed(action(), &error))?;
        let public = key
            .public_key()
            .to_openssh()
            .map_err(|error| failed(action(), &error))?;
        let private = key
            .to_openssh(ssh_key::LineEnding::LF)
            .map_err(|error| failed(action(), &error))?;
        Ok(Self {
            public,
            private: private.to_string(),
        })
    }

    /// User data that gives the machine this key before its sshd answers.
    pub fn user_data(&self) -> String {
        let config =
            json!({"ssh_keys": {"ed25519_private": self.private, "ed25519_public": self.public}});
        format!("#cloud-config\n{config}\n")
    }
}

/// `length` random bytes.
pub fn random(length: usize) -> Result<Vec<u8>, FleetError> {
    let mut bytes = vec![0_u8; length];
    getrandom::fill(&mut bytes)
        .map_err(|error| failed("ask the kernel for random bytes", &error))?;
    Ok(bytes)
}
