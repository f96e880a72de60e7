//! No secret in anything that somebody may read later (S13).

use super::state::State;
use crate::plan_backup_move::NEW;
use crate::plan_world::BACKUP;
use holdfast::decide::derive::{self, EstateKey};
use holdfast::decide::manifest::way_in;
use holdfast::decide::repositories::Way;
use holdfast::model::ids::{MachineName, StackId};
use holdfast::model::secret::Secret;
use std::sync::OnceLock;

pub fn estate_key() -> EstateKey {
    EstateKey::new(Secret::new(vec![7; 32])).unwrap()
}

/// What opens machines and repositories, in pieces that nothing else contains.
fn all() -> &'static [String] {
    static ALL: OnceLock<Vec<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let key = estate_key();
        let mut secrets = vec![derive::client_key(&key).private_openssh];
        for backup in [BACKUP, NEW].map(MachineName::new) {
            for stack in ["acme", "bolt", "cord"].map(StackId::new) {
                let of = derive::repository_keys(&key, &stack, &backup);
                secrets.extend([of.production, of.maintenance, of.escrow]);
                secrets.push(way_in(&key, &stack, &backup, Way::Production));
            }
        }
        let texts = secrets.iter().map(|secret| secret.expose_text().unwrap());
        let lines = texts.flat_map(str::lines);
        let lines = lines.filter(|line| line.len() > 20 && !line.starts_with("---"));
        lines.map(str::to_owned).collect()
    })
}

impl State {
    pub fn check_secrets(&mut self, what: &str, text: &str) {
        if all().iter().any(|secret| text.contains(secret)) {
            self.violate(format!("S13: a secret is told in {what}"));
        }
    }
}
