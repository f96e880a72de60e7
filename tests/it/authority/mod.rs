//! The rules of who may do what, without any repository.

mod lists;
mod rules;

use crate::estate_fixture::RECIPIENT;
use holdfast::decide::authority::Rules;
use holdfast::model::authority::{Authority as _, Breach, Sides, When};
use holdfast::model::trust::Trust;
use jiff::Timestamp;
use ssh_key::PublicKey;
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::KeyData;
use std::collections::BTreeSet;

pub fn key(number: u8) -> KeyData {
    Ed25519Keypair::from_seed(&[number; 32]).public.into()
}

pub fn public(number: u8) -> String {
    let key = PublicKey::from(key(number));
    key.to_openssh().unwrap()
}

/// Name, number of the key, further lines.
pub type Line<'l> = (&'l str, u8, &'l str);

/// These signers, then further tables.
pub fn text(signers: &[Line<'_>], more: &str) -> String {
    let mut text = "schema = 1\n".to_owned();
    for (name, number, lines) in signers {
        let key = public(*number);
        text += &format!("[[signer]]\nname = \"{name}\"\nkey = \"{key}\"\n{lines}\n");
    }
    text + &format!(
        "{more}\n[recipients]\nreconciler = \"{RECIPIENT}\"\nescrow = [\"{RECIPIENT}\"]\n"
    )
}

pub fn read(signers: &[Line<'_>], more: &str) -> Trust {
    let text = text(signers, more);
    Rules
        .read(text.as_bytes())
        .unwrap_or_else(|found| panic!("{found:#?}\n{text}"))
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn today(now: &str) -> When {
    When {
        dated: Some(at(now)),
        now: at(now),
        first_seen: Some(at(now)),
    }
}

pub const OWNER: &str = "role = \"owner\"";
