//! Where a drill goes: to a third hoster if there is one, since that also proves that the stack
//! does not need the two it has.

use crate::decide::independent::is_third;
use crate::model::desired::{Desired, DesiredStack, HosterAccount, InterfaceFamily, Placement};
use crate::model::ids::{HosterId, SiteId};

/// A place where a drill could be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Hoster, site, type, operating system.
    pub placement: Placement,
    /// Of another company than production's and the backup's.
    pub third: bool,
}

/// All places in the order in which they are tried: what the file names, third hosters (rented
/// machines before ordered ones, which a rebuild may need), then production's own hoster and the
/// backup's.
pub fn places(stack: &DesiredStack, want: &Desired) -> Vec<Place> {
    let named = stack
        .backup
        .drill
        .as_ref()
        .and_then(|drill| drill.at.clone());
    let mut others: Vec<(bool, bool, Placement)> = want
        .hosters
        .values()
        .flat_map(|account| {
            let ordered = account.descriptor.interface == InterfaceFamily::Pool;
            let third = is_third(stack, want, &account.id);
            let of_account = sites(account).into_iter();
            of_account.filter_map(move |site| {
                let placement = placement(stack, want, account, site)?;
                Some((!third, ordered, placement))
            })
        })
        .collect();
    // Stable: within each kind in the order of the estate.
    others.sort_by_key(|(not_third, ordered, placement)| {
        let backup = placement.hoster == stack.backup.placement.hoster;
        (*not_third, *not_third && backup, *ordered)
    });
    let mut places: Vec<Place> = Vec::new();
    for placement in named.into_iter().chain(others.into_iter().map(|(.., p)| p)) {
        let known = |place: &Place| {
            (&place.placement.hoster, &place.placement.site) == (&placement.hoster, &placement.site)
        };
        if places.iter().any(known) {
            continue;
        }
        let third = is_third(stack, want, &placement.hoster);
        places.push(Place { placement, third });
    }
    places
}

/// The places that somebody asks for: one hoster, perhaps one of its sites.
pub fn at(
    stack: &DesiredStack,
    want: &Desired,
    hoster: &HosterId,
    site: Option<&SiteId>,
) -> Result<Vec<Place>, String> {
    let Some(account) = want.hosters.get(hoster) else {
        let known: Vec<&str> = want.hosters.keys().map(HosterId::as_str).collect();
        return Err(format!(
            "hosters.toml has no hoster {hoster}; it has {}",
            known.join(", ")
        ));
    };
    if let Some(site) = site
        && !account.descriptor.sites.contains_key(site)
    {
        let known: Vec<&str> = account
            .descriptor
            .sites
            .keys()
            .map(SiteId::as_str)
            .collect();
        return Err(format!(
            "{hoster} has no site {site}; it has {}",
            known.join(", ")
        ));
    }
    let all = site.map_or_else(|| sites(account), |site| vec![site.clone()]);
    let third = is_third(stack, want, hoster);
    let places: Vec<Place> = all
        .into_iter()
        .filter_map(|site| placement(stack, want, account, site))
        .map(|placement| Place { placement, third })
        .collect();
    if places.is_empty() {
        return Err(format!("{hoster} has no machine type that is large enough"));
    }
    Ok(places)
}

/// Where machines of the account can be: of ordered ones, where they stand.
fn sites(account: &HosterAccount) -> Vec<SiteId> {
    let mut sites: Vec<SiteId> = Vec::new();
    let usual = match account.descriptor.interface {
        InterfaceFamily::HetznerCloud => vec![account.descriptor.default_site.clone()],
        InterfaceFamily::Pool if account.pool.is_empty() => {
            account.descriptor.sites.keys().cloned().collect()
        }
        InterfaceFamily::Pool => account.pool.iter().map(|m| m.site.clone()).collect(),
    };
    for site in usual {
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    sites
}

/// Production's operating system, and as much of a machine; `None` where nothing fits.
fn placement(
    stack: &DesiredStack,
    want: &Desired,
    account: &HosterAccount,
    site: SiteId,
) -> Option<Placement> {
    let types = &account.descriptor.machine_types;
    let machine_type = if types.is_empty() {
        None
    } else if account.id == stack.production.hoster {
        Some(stack.production.machine_type.clone()?)
    } else {
        let home = want.hosters.get(&stack.production.hoster)?;
        let needed = home
            .descriptor
            .machine_types
            .iter()
            .find(|kind| Some(&kind.name) == stack.production.machine_type.as_ref());
        let fits = types.iter().find(|kind| {
            // Of an ordered machine nobody says how large it is: the smallest, then.
            needed.is_none_or(|needed| {
                kind.cpus >= needed.cpus && kind.memory >= needed.memory && kind.disk >= needed.disk
            })
        });
        Some(fits?.name.clone())
    };
    let place = match &stack.backup.drill {
        Some(drill) => drill.place.clone(),
        None => stack.backup.placement.place.clone(),
    };
    Some(Placement {
        hoster: account.id.clone(),
        site,
        machine_type,
        size: stack.production.size,
        image: stack.production.image.clone(),
        place,
    })
}
