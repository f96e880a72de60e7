//! `[objectives]`: promises to the customer. The backup schedule must be able to keep them, and
//! the estate's policy may ask for more than a stack would promise by itself.

use crate::decide::document::{Found, Table, codes, words};
use crate::model::desired::{Objectives, Schedule};
use crate::model::policy::Policy;
use crate::model::units::show_duration;
use jiff::SignedDuration;

/// The promises, and where they stand.
pub(super) struct Promises<'d> {
    table: Option<Table<'d>>,
    rpo: Option<Found<SignedDuration>>,
    rto: Option<Found<SignedDuration>>,
}

pub(super) fn read<'d>(root: &Table<'d>) -> Promises<'d> {
    let table = root.table_if("objectives");
    let read = |key, example| words::duration_if(table.as_ref()?, key, example);
    let promises = Promises {
        rpo: read("rpo", "24h"),
        rto: read("rto", "6h"),
        table: None,
    };
    if let Some(table) = &table {
        table.finish();
    }
    Promises { table, ..promises }
}

impl Promises<'_> {
    pub fn values(&self) -> Objectives {
        Objectives {
            rpo: self.rpo.as_ref().map(|found| found.value),
            rto: self.rto.as_ref().map(|found| found.value),
        }
    }

    /// Says what the schedule cannot keep, and what the estate asks for beyond it.
    pub fn check(&self, root: &Table<'_>, schedule: Option<&Schedule>, policy: &Policy) {
        if let (Some(rpo), Some(schedule)) = (&self.rpo, schedule) {
            let apart = schedule.longest_gap();
            if rpo.value < apart {
                let message = format!(
                    "rpo = {} cannot be kept: by the schedule `daily {:02}:{:02} {}` two recovery points are {} apart, {} more than promised",
                    short(rpo.value),
                    schedule.hour,
                    schedule.minute,
                    schedule.zone,
                    short(apart),
                    short(apart - rpo.value),
                );
                let help = format!("promise rpo = \"{}\"", short(apart));
                root.report(codes::PROMISE, &rpo.span, &message, Some(&help));
            }
        }
        self.at_most(root, "rpo", self.rpo.as_ref(), policy.rpo_at_most);
        self.at_most(root, "rto", self.rto.as_ref(), policy.rto_at_most);
    }

    fn at_most(
        &self,
        root: &Table<'_>,
        key: &str,
        found: Option<&Found<SignedDuration>>,
        limit: Option<SignedDuration>,
    ) {
        let Some(limit) = limit else { return };
        let help = format!("write {key} = \"{}\" or less", short(limit));
        match found {
            Some(found) if found.value <= limit => {}
            Some(found) => {
                let message = format!(
                    "{key} = {} is weaker than {key}_at_most = {} in [policy] of estate.toml",
                    short(found.value),
                    short(limit)
                );
                root.report(codes::WEAK_PROMISE, &found.span, &message, Some(&help));
            }
            // A promise that cannot be read is told already.
            None if self.table.as_ref().is_some_and(|table| table.has(key)) => {}
            None => {
                let span = self
                    .table
                    .as_ref()
                    .map_or(0..0, |table| table.span().clone());
                let message = format!(
                    "no {key} is promised, and {key}_at_most = {} in [policy] of estate.toml asks for one",
                    short(limit)
                );
                root.report(codes::WEAK_PROMISE, &span, &message, Some(&help));
            }
        }
    }
}

/// As it would be written: whole hours where they are whole.
fn short(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s if s < 60 => format!("{s}s"),
        _ => show_duration(duration),
    }
}
