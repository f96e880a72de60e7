//! The record beside a name that says whom it was given to: the epoch's third witness, beside the
//! machine and the repository (S2).

use super::derive::{EstateKey, text};
use crate::model::given::Given;
use crate::model::ids::{Epoch, EstateName, HostName, MachineName, StackId};
use crate::model::observed::{Observed, SeenName};

/// The record for a name that is led to this machine.
pub fn given(
    key: &EstateKey,
    estate: &EstateName,
    stack: &StackId,
    (epoch, machine): (Epoch, &MachineName),
) -> Given {
    let number = epoch.0.to_string();
    let context = ["name", stack.as_str(), &number, machine.as_str()];
    let seal = text(key, &context);
    Given {
        estate: estate.clone(),
        stack: stack.clone(),
        epoch,
        machine: machine.clone(),
        seal: String::from_utf8_lossy(seal.expose()).into_owned(),
    }
}

/// The name without what somebody else put beside it. No machine of ours knows the seal of any
/// epoch, so whoever has broken into one cannot claim a later one.
#[must_use]
pub fn believe(key: &EstateKey, estate: &EstateName, mut name: SeenName) -> SeenName {
    name.given.retain(|said| {
        let who = (said.epoch, &said.machine);
        *said == given(key, estate, &said.stack, who)
    });
    name
}

/// The highest epoch that a name of this stack was given to, with the name.
pub(crate) fn highest<'a>(
    stack: &StackId,
    seen: &'a Observed,
) -> Option<(&'a HostName, &'a Given)> {
    let names = seen.names.iter();
    let names = names.filter_map(|(host, name)| Some((host, name.as_ref().ok()?)));
    let all = names.flat_map(|(host, name)| name.given.iter().map(move |given| (host, given)));
    let ours = all.filter(|(_, given)| given.stack == *stack);
    ours.max_by_key(|(_, given)| given.epoch)
}
