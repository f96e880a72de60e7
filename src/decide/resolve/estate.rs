//! `estate.toml`: what all stacks share.

use super::{brakes, policy};
use crate::decide::document::{Document, Table, codes, words};
use crate::model::brakes::{Caps, SignedFreeze};
use crate::model::desired::DnsAccount;
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::EstateName;
use crate::model::policy::Policy;
use std::net::SocketAddr;

/// The file, read.
pub(super) struct Estate {
    pub name: EstateName,
    pub dns: Option<DnsAccount>,
    pub policy: Policy,
    pub caps: Caps,
    pub freezes: Vec<SignedFreeze>,
}

pub(super) fn read(path: &str, bytes: &[u8]) -> (Option<Estate>, Vec<Diagnostic>) {
    Document::read(path, bytes, |root| {
        root.schema();
        let head = root.table("estate");
        let name = head.as_ref().and_then(|head| {
            let name = words::ID.check(head, head.text("name", "example"));
            language(head, "language");
            head.finish();
            name
        });
        let table = root.table_if("dns");
        let dns = table.as_ref().and_then(dns);
        let policy = policy::read(root);
        let caps = brakes::caps(root);
        let freezes = brakes::freezes(root, None);
        Some(Estate {
            name: EstateName::new(name?.value),
            dns,
            policy,
            caps,
            freezes,
        })
    })
}

/// `de` or `en`; absent is `en`.
pub(super) fn language(table: &Table<'_>, key: &'static str) -> String {
    let Some(found) = table.text_if(key, "de") else {
        return "en".to_owned();
    };
    if !matches!(found.value.as_str(), "de" | "en") {
        let help = Some("write \"de\" or \"en\"");
        table.report(codes::MALFORMED, &found.span, "no such language here", help);
    }
    found.value
}

fn dns(table: &Table<'_>) -> Option<DnsAccount> {
    let server = table.text("server", "192.0.2.53:53").and_then(|found| {
        let address = found.value.parse::<SocketAddr>().ok();
        if address.is_none() {
            let help =
                Some("write the address and port of the primary, for example \"192.0.2.53:53\"");
            table.report(
                codes::MALFORMED,
                &found.span,
                "not an address with port",
                help,
            );
        }
        address
    });
    let zone = words::ZONE.check(table, table.text("zone", "acme.example"));
    let key_name = words::ZONE.check(table, table.text("key_name", "holdfast"));
    let algorithm = table.text("algorithm", "hmac-sha256");
    if let Some(algorithm) = &algorithm
        && algorithm.value != "hmac-sha256"
    {
        let help = Some("hmac-sha256 is the one that is spoken here (RFC 8945)");
        table.report(
            codes::UNKNOWN_NAME,
            &algorithm.span,
            "no such TSIG algorithm",
            help,
        );
    }
    let key_secret = words::ID.check_secret(table, table.text("key_secret", "dns-key"));
    let ttl = words::duration(table, "ttl", "60s");
    table.finish();
    Some(DnsAccount {
        server: server?,
        zone: zone?.value,
        key_name: key_name?.value,
        algorithm: algorithm?.value,
        key_secret: key_secret?.value,
        ttl: ttl?.value,
    })
}
