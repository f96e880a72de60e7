//! `hosters.toml`: this estate's accounts, with the descriptors' facts merged in.

use crate::decide::catalogue::Catalogue;
use crate::decide::document::{Document, Found, Table, codes, suggest, words};
use crate::model::desired::{Descriptor, HosterAccount, InterfaceFamily, PoolMachine, Quota};
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::{HosterId, ImageName, MachineName, SiteId};
use ssh_key::{Algorithm, PublicKey};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

type Accounts = BTreeMap<HosterId, HosterAccount>;

pub(super) fn read(
    path: &str,
    bytes: &[u8],
    catalogue: &Catalogue,
) -> (Option<Accounts>, Vec<Diagnostic>) {
    Document::read(path, bytes, |root| {
        root.schema();
        let mut accounts = Accounts::new();
        let mut seen = Seen::default();
        let tables = root.tables("hoster");
        if tables.is_empty() && !root.has("hoster") {
            root.missing("hoster", "add a [[hoster]] with id and descriptor");
        }
        for table in &tables {
            let Some((account, id)) = account(table, catalogue, &mut seen) else {
                continue;
            };
            if accounts.insert(account.id.clone(), account).is_some() {
                let message = format!("hoster {} stands twice", id.value);
                table.report(
                    codes::DUPLICATE,
                    &id.span,
                    &message,
                    Some("give each account an id of its own"),
                );
            }
        }
        Some(accounts)
    })
}

/// What may stand only once in the estate.
#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    addresses: BTreeSet<SocketAddr>,
    keys: BTreeSet<String>,
}

fn account(
    table: &Table<'_>,
    catalogue: &Catalogue,
    seen: &mut Seen,
) -> Option<(HosterAccount, Found<String>)> {
    let id = words::ID.check(table, table.text("id", "hetzner"));
    let descriptor = table.text("descriptor", "hetzner").and_then(|found| {
        let known = catalogue.descriptors.get(&found.value);
        if known.is_none() {
            let message = format!("no descriptor {:?}", words::shorten(&found.value));
            let help = suggest(
                &found.value,
                catalogue.descriptors.keys().map(String::as_str),
            );
            table.report(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
        }
        known
    });
    let endpoint = table.text_if("endpoint", "https://api.hetzner.cloud/v1");
    let token = words::ID.check_secret(table, table.text_if("token_secret", "hetzner-token"));
    if let Some(endpoint) = &endpoint
        && !endpoint_is_private(&endpoint.value)
    {
        let help = Some(
            "the token travels over it: https://, or http:// on 127.0.0.1 only; no user, query or fragment",
        );
        table.report(
            codes::MALFORMED,
            &endpoint.span,
            "not an address we may send a token to",
            help,
        );
    }
    let pool: Vec<PoolMachine> = table
        .tables("machine")
        .iter()
        .filter_map(|machine| pool_machine(machine, descriptor, seen))
        .collect();
    let quota = quota(table);
    match descriptor.map(|d| d.interface) {
        Some(InterfaceFamily::HetznerCloud) => {
            if !table.has("token_secret") {
                let help = "add token_secret = \"hetzner-token\", the name of the secret that holds the token";
                table.missing("token_secret", help);
            }
            if table.has("machine") {
                let help = Some("machines are listed only for hosters without an interface");
                table.report(
                    codes::UNFIT,
                    table.span(),
                    "this hoster rents machines on demand",
                    help,
                );
            }
        }
        Some(InterfaceFamily::Pool) => {
            for (found, key) in [(&endpoint, "endpoint"), (&token, "token_secret")] {
                if let Some(found) = found {
                    let message =
                        format!("`{key}` means nothing for ordered machines reached by SSH");
                    table.report(codes::UNFIT, &found.span, &message, Some("remove the line"));
                }
            }
        }
        None => {}
    }
    table.finish();
    let (id, descriptor) = (id?, descriptor?);
    let account = HosterAccount {
        id: HosterId::new(&*id.value),
        endpoint: endpoint
            .map(|f| f.value)
            .or_else(|| descriptor.endpoint.clone()),
        descriptor: descriptor.clone(),
        token_secret: token.map(|found| found.value),
        pool,
        quota,
        place: table.document().place(table.span()),
    };
    Some((account, id))
}

/// `quota = { machines = 10 }`: the hoster's limit, as a person knows it.
fn quota(table: &Table<'_>) -> Option<Quota> {
    let quota = table.table_if("quota")?;
    let machines = quota.number::<u32>("machines", "10");
    quota.finish();
    Some(Quota {
        machines: machines?.value,
        place: table.document().place(quota.span()),
    })
}

fn endpoint_is_private(text: &str) -> bool {
    let plain =
        text.bytes().all(|b| b.is_ascii_graphic()) && !text.contains(['@', '?', '#', '"', '\\']);
    if let Some(rest) = text.strip_prefix("https://") {
        return plain && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    }
    let Some(rest) = text.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let loopback = authority
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| authority.parse::<IpAddr>())
        .is_ok_and(|address| address.is_loopback());
    plain && loopback
}

fn pool_machine(
    table: &Table<'_>,
    descriptor: Option<&Descriptor>,
    seen: &mut Seen,
) -> Option<PoolMachine> {
    let name = words::MACHINE.check(table, table.text("name", "v2202611"));
    let address = table.text("address", "192.0.2.10").and_then(|found| {
        let address = found.value.parse::<IpAddr>().ok();
        if address.is_none() {
            let help = Some("write an IPv4 or IPv6 address, for example \"192.0.2.10\"");
            table.report(codes::MALFORMED, &found.span, "not an address", help);
        }
        address.map(|value| Found {
            value,
            span: found.span,
        })
    });
    let port = table
        .number_if::<u16>("port", "22")
        .map_or(22, |found| found.value);
    let key = table
        .text("host_key", "ssh-ed25519 AAAA…")
        .and_then(|found| host_key(table, &found));
    let site = words::SITE.check(table, table.text("site", "nbg"));
    if let (Some(site), Some(descriptor)) = (&site, descriptor) {
        known_site(table, descriptor, site);
    }
    let image = words::IMAGE.check(table, table.text("image", "debian-13"));
    table.finish();
    let (name, address, key) = (name?, address?, key?);
    if !seen.names.insert(name.value.clone()) {
        let message = format!("machine {} stands twice in this file", name.value);
        table.report(codes::DUPLICATE, &name.span, &message, None);
    }
    if !seen.addresses.insert(SocketAddr::new(address.value, port)) {
        table.report(
            codes::DUPLICATE,
            &address.span,
            "another machine has this address and port",
            None,
        );
    }
    if !seen.keys.insert(key.value.clone()) {
        let help =
            Some("each machine has a host key of its own; two with the same cannot be told apart");
        table.report(
            codes::DUPLICATE,
            &key.span,
            "another machine has this host key",
            help,
        );
    }
    Some(PoolMachine {
        name: MachineName::new(name.value),
        address: address.value,
        port,
        host_key: key.value,
        site: SiteId::new(site?.value),
        image: ImageName::new(image?.value),
    })
}

/// A site the hoster has, or a finding with its sites.
pub(super) fn known_site(
    table: &Table<'_>,
    descriptor: &Descriptor,
    site: &Found<String>,
) -> Option<SiteId> {
    let id = SiteId::new(&*site.value);
    if descriptor.sites.contains_key(&id) {
        return Some(id);
    }
    let message = format!(
        "{} has no site {:?}",
        descriptor.name,
        words::shorten(&site.value)
    );
    let help = suggest(&site.value, descriptor.sites.keys().map(SiteId::as_str));
    table.report(codes::UNKNOWN_NAME, &site.span, &message, help.as_deref());
    None
}

fn host_key(table: &Table<'_>, found: &Found<String>) -> Option<Found<String>> {
    let key = PublicKey::from_openssh(&found.value).ok();
    let Some(mut key) =
        key.filter(|k| !matches!(k.algorithm(), Algorithm::Dsa | Algorithm::Other(_)))
    else {
        let help = Some(
            "write the public key as `ssh-keyscan` shows it after the address, checked over another way",
        );
        let code = if found.value.contains("PRIVATE") {
            codes::PLAIN_SECRET
        } else {
            codes::KEY
        };
        table.report(code, &found.span, "not an SSH public host key", help);
        return None;
    };
    key.set_comment("");
    let text = key.to_openssh().ok()?;
    Some(found.clone().map(|_| text.trim().to_owned()))
}
