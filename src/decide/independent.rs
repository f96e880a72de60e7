//! What two accounts share by the facts in their descriptors: what falls together with production
//! is no copy (S14). Computed, never believed.

use crate::model::desired::{Desired, DesiredStack, HosterAccount, PoolMachine};
use crate::model::ids::HosterId;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Account, interface, machines, company, group and network that both have; empty: independent.
pub fn shared(one: &HosterAccount, two: &HosterAccount) -> Vec<String> {
    let (a, b) = (&one.descriptor, &two.descriptor);
    let mut shared = Vec::new();
    if one.id == two.id {
        shared.push(format!("the same account {}", one.id));
    } else {
        if let (Some(here), Some(there)) = (&one.endpoint, &two.endpoint)
            && here.trim_end_matches('/') == there.trim_end_matches('/')
        {
            shared.push(format!("the same interface {here}"));
        }
        shared.extend(same_machine(&one.pool, &two.pool));
    }
    if same(&a.legal_entity, &b.legal_entity) {
        shared.push(format!("the same company {}", a.legal_entity));
    }
    let groups = [
        (&a.parent, &b.parent),
        (&a.legal_entity, &b.parent),
        (&a.parent, &b.legal_entity),
    ];
    if !same(&a.legal_entity, &b.legal_entity)
        && let Some((group, _)) = groups.iter().find(|(x, y)| same(x, y))
    {
        shared.push(format!("the same group {group}"));
    }
    let networks: Vec<String> = a
        .autonomous_systems
        .iter()
        .filter(|number| b.autonomous_systems.contains(number))
        .map(|number| format!("AS{number}"))
        .collect();
    if !networks.is_empty() {
        shared.push(format!("the same network {}", networks.join(", ")));
    }
    shared
}

/// Whether a hoster shares nothing with either of the two that hold a stack's data already.
pub fn is_third(stack: &DesiredStack, want: &Desired, hoster: &HosterId) -> bool {
    let two = [&stack.production.hoster, &stack.backup.placement.hoster];
    let third = want.hosters.get(hoster);
    third.is_some_and(|third| {
        let others = two.map(|id| want.hosters.get(id));
        others
            .iter()
            .all(|other| other.is_some_and(|other| shared(other, third).is_empty()))
    })
}

/// Two ports of one address lead to one machine. (The same host key is refused for all machines.)
fn same_machine(one: &[PoolMachine], two: &[PoolMachine]) -> Option<String> {
    let here: BTreeSet<IpAddr> = one.iter().map(|machine| machine.address).collect();
    let both = two.iter().find(|machine| here.contains(&machine.address))?;
    Some(format!("the same address {} ({})", both.address, both.name))
}

/// Names are typed by people: case and spaces do not make another company.
fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| {
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    };
    plain(a) == plain(b)
}
