//! Whether what came back is what the point promised, judged by the counts themselves and not by
//! what a script said of them; and what follows from it.

use crate::model::evidence::{Evidence, Verdict};
use crate::model::ids::{PointId, ServiceName};
use crate::model::point::{FilesContent, ServiceContent};
use std::collections::BTreeMap;

/// A point of which it is proven that the stack comes back from it. Only a drill, rebuild or
/// move that passed makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVerified(PointId);

impl AppVerified {
    /// The point, if the document says that all of it came back and was checked.
    pub fn by(evidence: &Evidence) -> Option<Self> {
        let whole = evidence.verdict == Verdict::Passed
            && !evidence.checks.is_empty()
            && evidence.checks.iter().all(|check| check.passed)
            && differences(&evidence.expected, &evidence.found).is_empty();
        whole.then(|| Self(evidence.point.id.clone()))
    }

    /// Which point.
    pub fn into_point(self) -> PointId {
        self.0
    }
}

/// What one of both could not tell says nothing: an older point, a machine without the tools.
fn alike(wanted: &FilesContent, got: &FilesContent) -> bool {
    let told = wanted.metadata.as_ref().zip(got.metadata.as_ref());
    (wanted.count, wanted.bytes, &wanted.digest) == (got.count, got.bytes, &got.digest)
        && told.is_none_or(|(wanted, got)| wanted == got)
}

/// What did not come back, or not alike, in words. Services that nobody asks for any more are
/// not loaded and so not counted.
pub fn differences(
    expected: &BTreeMap<ServiceName, ServiceContent>,
    found: &BTreeMap<ServiceName, ServiceContent>,
) -> Vec<String> {
    let mut reasons = Vec::new();
    for (service, found) in found {
        let Some(expected) = expected.get(service) else {
            reasons.push(format!("{service}: the point does not hold it"));
            continue;
        };
        for (path, wanted) in &expected.files {
            match found.files.get(path) {
                None => reasons.push(format!("{service}, {path}: not found")),
                Some(got) if wanted.changing || alike(wanted, got) => {}
                Some(got) => reasons.push(format!(
                    "{service}, {path}: {} files with {} instead of {} with {}, or another content",
                    got.count, got.bytes, wanted.count, wanted.bytes
                )),
            }
        }
        for (name, wanted) in &expected.databases {
            match found.databases.get(name) {
                None => reasons.push(format!("{service}, database {name}: not found")),
                // Server and size may differ: a newer version, a fresh load.
                Some(got) if got.rows == wanted.rows => {}
                Some(_) => reasons.push(format!(
                    "{service}, database {name}: other tables or numbers of rows"
                )),
            }
        }
    }
    reasons
}
