//! S14: a copy that falls together with the original is no copy. Computed from
//! the descriptors' facts, never believed.

use super::Surroundings;
use super::backup::Backup;
use super::placement::Production;
use crate::decide::document::{Table, codes};
use crate::model::desired::{HosterAccount, Placement, Site};
use std::ops::Range;

/// Least distance between production and backup.
const APART_KM: f64 = 50.0;

/// Compares the backup with production and with every place a rebuild may go to.
pub(super) fn check(
    table: &Table<'_>,
    production: &Production,
    backup: &Backup,
    surroundings: &Surroundings<'_>,
) {
    let Some(hosters) = surroundings.hosters else {
        return;
    };
    let copy = &backup.intent.placement;
    let Some(copy_account) = hosters.get(&copy.hoster) else {
        return;
    };
    let compare = |place: &Placement, at: &Range<usize>, what: &str| {
        let Some(account) = hosters.get(&place.hoster) else {
            return;
        };
        let clashes = clashes((account, place), (copy_account, copy));
        if !clashes.is_empty() {
            let message = format!(
                "{what} at {} {} and the backup at {} {} are not independent: {}",
                place.hoster,
                place.site,
                copy.hoster,
                copy.site,
                clashes.join("; ")
            );
            let help = "put the backup at a company, network and site that cannot be lost together with it";
            table.report(codes::NOT_INDEPENDENT, at, &message, Some(help));
        }
    };
    compare(&production.placement, &backup.at, "production");
    for (place, at) in &production.fallback {
        compare(place, at, "the fallback");
    }
}

/// The facts that both share.
fn clashes(one: (&HosterAccount, &Placement), two: (&HosterAccount, &Placement)) -> Vec<String> {
    let (a, b) = (&one.0.descriptor, &two.0.descriptor);
    let mut shared = Vec::new();
    if one.0.id == two.0.id {
        shared.push(format!("the same account {}", one.0.id));
    } else if one.0.token_secret.is_some() && one.0.token_secret == two.0.token_secret {
        shared.push("the same token".to_owned());
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
    if let (Some(here), Some(there)) = (a.sites.get(&one.1.site), b.sites.get(&two.1.site)) {
        let distance = kilometres(here, there);
        if distance < APART_KM {
            shared.push(format!(
                "{} and {} are {distance:.0} km apart, {APART_KM:.0} km is the least",
                here.city, there.city
            ));
        }
    }
    shared
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

/// Great-circle distance by the haversine formula, on a sphere of 6,371 km.
fn kilometres(a: &Site, b: &Site) -> f64 {
    let radians = |milli: i32| (f64::from(milli) / 1000.0).to_radians();
    let (north_a, north_b) = (radians(a.latitude_milli), radians(b.latitude_milli));
    let north = (north_b - north_a) / 2.0;
    let east = (radians(b.longitude_milli) - radians(a.longitude_milli)) / 2.0;
    let h = north.sin().powi(2) + north_a.cos() * north_b.cos() * east.sin().powi(2);
    2.0 * 6371.0 * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nuremberg_and_frankfurt_are_188_km_apart() {
        let site = |latitude_milli, longitude_milli| Site {
            city: String::new(),
            country: String::new(),
            latitude_milli,
            longitude_milli,
        };
        let distance = kilometres(&site(49_453, 11_077), &site(50_111, 8_682));
        assert!((185.0..192.0).contains(&distance), "{distance}");
    }
}
