//! Whom a name was given to: the text of the TXT record at `_holdfast.` below it.
//!
//! `KEY=value` strings. Anybody may read it; the seal is what only our estate's key makes, so that
//! a record that somebody else put there says nothing.

use super::ids::{Epoch, EstateName, MachineName, StackId};
use std::collections::BTreeMap;

/// The label below a name where the record is kept.
pub const LABEL: &str = "_holdfast";

/// What the version string says.
const VERSION: &str = "v=holdfast1";

/// Whom a name was given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// By which estate.
    pub estate: EstateName,
    /// Whose production.
    pub stack: StackId,
    /// Since which epoch.
    pub epoch: Epoch,
    /// The machine.
    pub machine: MachineName,
    /// What only our estate's key makes of all this.
    pub seal: String,
}

impl Given {
    /// The strings of the record.
    pub fn to_strings(&self) -> Vec<String> {
        let Self {
            estate,
            stack,
            epoch,
            machine,
            seal,
        } = self;
        vec![
            VERSION.to_owned(),
            format!("estate={estate}"),
            format!("stack={stack}"),
            format!("epoch={}", epoch.0),
            format!("machine={machine}"),
            format!("seal={seal}"),
        ]
    }

    /// Reads the strings; unknown keys are left to newer versions. `None`: they are something else.
    pub fn parse(strings: &[String]) -> Option<Self> {
        if strings.first()? != VERSION {
            return None;
        }
        let pairs = strings.iter().filter_map(|text| text.split_once('='));
        let values: BTreeMap<&str, &str> = pairs.collect();
        let get = |key| values.get(key).copied().filter(|value| !value.is_empty());
        Some(Self {
            estate: EstateName::new(get("estate")?),
            stack: StackId::new(get("stack")?),
            epoch: Epoch(get("epoch")?.parse().ok()?),
            machine: MachineName::new(get("machine")?),
            seal: get("seal")?.to_owned(),
        })
    }
}
