//! S14: a copy that falls together with the original is no copy. Computed from
//! the descriptors' facts, never believed.

use super::Surroundings;
use super::backup::Backup;
use super::placement::Production;
use crate::decide::document::{Files, Table, codes};
use crate::decide::independent;
use crate::model::desired::{HosterAccount, Placement, Site};
use crate::model::ids::{HosterId, SiteId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

/// What two places share, each pair computed once: many stacks stand at few places.
#[derive(Debug, Default)]
pub(super) struct Pairs(RefCell<BTreeMap<[Ground; 2], Vec<String>>>);

/// An account and a site.
type Ground = (HosterId, SiteId);

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
        let pair = [place, copy].map(|at| (at.hoster.clone(), at.site.clone()));
        let mut known = surroundings.pairs.0.borrow_mut();
        let clashes = known.entry(pair).or_insert_with(|| {
            let mut shared = clashes((account, place), (copy_account, copy), surroundings.files);
            shared.extend(too_near(
                (account, place),
                (copy_account, copy),
                surroundings,
            ));
            shared
        });
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

/// An account, and where in it.
type Spot<'a> = (&'a HosterAccount, &'a Placement);

/// The facts that both share: those of their descriptors, and who holds the keys.
fn clashes(one: Spot<'_>, two: Spot<'_>, files: &Files) -> Vec<String> {
    let mut shared = independent::shared(one.0, two.0);
    if one.0.id != two.0.id {
        shared.extend(same_token(one.0, two.0, files));
    }
    shared
}

/// Who holds the token of one holds the other's: the same name, or a copy of the sealed file.
fn same_token(one: &HosterAccount, two: &HosterAccount, files: &Files) -> Option<String> {
    let (here, there) = (one.token_secret.as_ref()?, two.token_secret.as_ref()?);
    if here == there {
        return Some(format!("the same token {here}"));
    }
    let sealed = |id: &str| files.get(&format!("secrets/{id}.age"));
    let copied = sealed(here).is_some_and(|bytes| sealed(there) == Some(bytes));
    copied.then(|| {
        format!("the same token: secrets/{here}.age and secrets/{there}.age are the same file")
    })
}

/// Fire and flood do not ask whose machine it is.
fn too_near(one: Spot<'_>, two: Spot<'_>, surroundings: &Surroundings<'_>) -> Option<String> {
    let here = one.0.descriptor.sites.get(&one.1.site)?;
    let there = two.0.descriptor.sites.get(&two.1.site)?;
    let (distance, least) = (kilometres(here, there), surroundings.policy.distance_km);
    (distance < f64::from(least)).then(|| {
        format!(
            "{} and {} are {distance:.0} km apart, {least} km is the least",
            here.city, there.city
        )
    })
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
