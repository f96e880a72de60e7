//! What came of a drill, judged by what was measured and not by what a script said of it.

use crate::model::evidence::{CheckDone, Evidence, Phase, Verdict};
use crate::model::ids::{PointId, ServiceName};
use crate::model::point::ServiceContent;
use std::collections::BTreeMap;

/// A point of which it is proven that the stack comes back from it. Only a drill, rebuild or
/// move that passed makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVerified(PointId);

impl AppVerified {
    /// The point, if this says that it passed.
    pub fn by(evidence: &Evidence) -> Option<Self> {
        (evidence.verdict == Verdict::Passed).then(|| Self(evidence.point.id.clone()))
    }

    /// Which point.
    pub fn point(&self) -> &PointId {
        &self.0
    }
}

/// Passed only if every phase ended well, every service that was asked for came back equal, and
/// every check passed. Undeclared writes fail nothing: what is declared came back.
pub fn verdict(
    phases: &[Phase],
    not_begun: &[String],
    asked: &[ServiceName],
    expected: &BTreeMap<ServiceName, ServiceContent>,
    found: &BTreeMap<ServiceName, ServiceContent>,
    checks: &[CheckDone],
) -> Verdict {
    let failed = phases.iter().filter_map(|phase| {
        let error = phase.error.as_ref()?;
        Some(format!("{}: {error}", phase.name))
    });
    let mut reasons: Vec<String> = failed.collect();
    if reasons.is_empty() {
        reasons.extend(not_begun.iter().map(|verb| format!("{verb}: not begun")));
        for service in asked {
            reasons.extend(differences(
                service,
                expected.get(service),
                found.get(service),
            ));
        }
        if checks.is_empty() {
            reasons.push("nothing was checked".to_owned());
        }
    }
    for check in checks.iter().filter(|check| !check.passed) {
        let said = format!("{}, {}: {}", check.service, check.name, check.detail);
        // The step that failed may have said it already.
        if !reasons.iter().any(|reason| reason.contains(&said)) {
            reasons.push(said);
        }
    }
    if reasons.is_empty() {
        Verdict::Passed
    } else {
        Verdict::Failed { reasons }
    }
}

fn differences(
    service: &ServiceName,
    expected: Option<&ServiceContent>,
    found: Option<&ServiceContent>,
) -> Vec<String> {
    let (Some(expected), Some(found)) = (expected, found) else {
        return vec![format!("{service}: it was not counted")];
    };
    let mut reasons = Vec::new();
    for (path, wanted) in &expected.files {
        match found.files.get(path) {
            None => reasons.push(format!("{service}, {path}: not found")),
            Some(got) if wanted.changing || got == wanted => {}
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
    reasons
}
