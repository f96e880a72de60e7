//! Evidence: signed by the reconciler's own key, so that `ssh-keygen -Y verify` can check it.

use super::derive::{EstateKey, evidence_key};
use super::drill::differences;
use crate::model::desired::DesiredStack;
use crate::model::evidence::{
    EVIDENCE_SCHEMA, Evidence, Phase, PointProven, SealedEvidence, Shown, Verdict, What,
};
use crate::model::ids::{CommitId, EstateName, MachineName, ServiceName, StackId};
use crate::model::listed::{Beside, Listed, Unproven};
use crate::model::machine::Digest;
use crate::model::plan::{Action, Step};
use crate::model::point::{Proof, RecoveryPoint, Rung, ServiceContent};
use crate::model::units::Bytes;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use std::collections::BTreeMap;
use std::time::Duration;

/// Of the signatures.
pub const NAMESPACE: &str = "holdfast-evidence";

/// Where an estate keeps the public half of its key in Git, for whoever checks its evidence.
pub const ALLOWED_SIGNERS: &str = "evidence.allowed_signers";

/// Signs a document; `None` when it has no text form.
pub fn seal(key: &EstateKey, evidence: &Evidence) -> Option<SealedEvidence> {
    let text = serde_json::to_string_pretty(evidence).ok()? + "\n";
    let private = PrivateKey::from_openssh(evidence_key(key).private_openssh.expose()).ok()?;
    let signature = private
        .sign(NAMESPACE, HashAlg::Sha512, text.as_bytes())
        .and_then(|signature| signature.to_pem(LineEnding::LF))
        .ok()?;
    Some(SealedEvidence { text, signature })
}

/// The document, if the key whose public half this is signed it.
pub fn open(public: &PublicKey, sealed: &SealedEvidence) -> Option<Evidence> {
    let signature = SshSig::from_pem(&sealed.signature).ok()?;
    public
        .verify(NAMESPACE, sealed.text.as_bytes(), &signature)
        .ok()?;
    serde_json::from_str(&sealed.text).ok()
}

/// SHA-256 of the signed bytes: how a journal and a rung name the document.
pub fn digest(sealed: &SealedEvidence) -> Digest {
    Digest(hex::encode(Sha256::digest(sealed.text.as_bytes())))
}

/// A step as it went, from the beginning of its run.
#[derive(Debug, Clone, Copy)]
pub struct Went<'a> {
    /// Which.
    pub step: &'a Step,
    /// When it began.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
    /// `None`: it ended well.
    pub error: Option<&'a str>,
}

/// What a document says that no step saw.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// What was done.
    pub what: What,
    /// Whose.
    pub estate: &'a EstateName,
    /// Whose.
    pub stack: &'a DesiredStack,
    /// The commit that described the machine.
    pub commit: &'a CommitId,
    /// The machine that was restored to.
    pub machine: &'a MachineName,
    /// The backup machine that holds the point.
    pub from: &'a MachineName,
    /// When the run began.
    pub run_began_at: Timestamp,
}

/// Writes down what a run proved of a point; `None` where it got no point onto a machine.
pub fn written(setting: Setting<'_>, shown: &Shown, went: &[Went<'_>]) -> Option<Evidence> {
    let (point, manifest) = (shown.point.as_ref()?, shown.manifest.as_ref()?);
    let mut parts: Vec<&Went<'_>> = went.iter().filter(|w| is_part(&setting, w.step)).collect();
    parts.sort_by_key(|part| part.began);
    let begin = parts.first()?.began;
    let end = parts.iter().map(|part| part.began + part.took).max()?;
    let at = |after: Duration| {
        let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::ZERO);
        setting
            .run_began_at
            .saturating_add(after)
            .unwrap_or(setting.run_began_at)
    };
    let mut versions = shown.versions.clone();
    for (name, database) in shown.found.values().flat_map(|found| &found.databases) {
        versions.insert(
            format!("database server of {name}"),
            database.server.clone(),
        );
    }
    let phases: Vec<Phase> = parts
        .iter()
        .map(|part| Phase {
            name: part.step.action.verb().to_owned(),
            began_millis: millis(part.began.saturating_sub(begin)),
            millis: millis(part.took),
            error: part.error.map(str::to_owned),
        })
        .collect();
    Some(Evidence {
        evidence_schema: EVIDENCE_SCHEMA,
        what: setting.what,
        estate: setting.estate.clone(),
        stack: setting.stack.id.clone(),
        commit: setting.commit.clone(),
        holdfast: env!("CARGO_PKG_VERSION").to_owned(),
        point: PointProven {
            id: point.clone(),
            epoch: manifest.epoch,
            taken_at: manifest.taken_at,
            arrived_at: shown.arrived_at,
            bytes: shown.bytes,
            from: setting.from.clone(),
        },
        place: shown.place.clone()?,
        began_at: at(begin),
        ended_at: at(end),
        verdict: verdict(shown, &phases),
        phases,
        versions,
        expected: manifest.services.clone(),
        found: shown.found.clone(),
        checks: shown.checks.clone(),
        undeclared: shown.undeclared.clone(),
        not_looked_at: match setting.what {
            What::Drill => shown.not_looked_at.clone(),
            // Users wait for these.
            What::Rebuild | What::Move => {
                vec!["undeclared writes: only drills look for them".into()]
            }
        },
        opened_with: match shown.opened_with.as_str() {
            "" => "production".to_owned(),
            key => key.to_owned(),
        },
    })
}

/// Steps that must have ended before users are served: what is restored, what it waits for.
fn is_part(setting: &Setting<'_>, step: &Step) -> bool {
    let here = step.action.machine() == setting.machine;
    let of_stack = step.stack.as_ref() == Some(&setting.stack.id);
    match &step.action {
        Action::Create { .. }
        | Action::Prepare { .. }
        | Action::Isolate { .. }
        | Action::Install { .. }
        | Action::Precopy { .. }
        | Action::Fetch { .. }
        | Action::Load { .. }
        | Action::Check { .. }
        | Action::Open { .. } => here,
        // A move ends the old machine first; a drill leaves all others alone.
        Action::Close { .. } | Action::Fence { .. } | Action::Name { .. } => {
            of_stack && setting.what != What::Drill
        }
        // The last point of a move; the first one of the new machine is another matter.
        Action::Backup { .. } => of_stack && setting.what == What::Move && !here,
        _ => false,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn verdict(shown: &Shown, phases: &[Phase]) -> Verdict {
    let failed_phases = phases.iter().filter_map(|phase| {
        let error = phase.error.as_ref()?;
        Some(format!("{}: {error}", phase.name))
    });
    let failed_checks = shown.checks.iter().filter(|check| !check.passed);
    let mut reasons: Vec<String> = failed_phases
        .chain(failed_checks.map(|c| format!("{}, {}: {}", c.service, c.name, c.detail)))
        .collect();
    let promised = shown.manifest.iter().map(|manifest| &manifest.services);
    reasons.extend(promised.flat_map(|promised| differences(promised, &shown.found)));
    for phase in ["fetch", "load", "check"] {
        if phases.iter().all(|done| done.name != phase) {
            reasons.push(format!("{phase} was not begun"));
        }
    }
    if reasons.is_empty() {
        Verdict::Passed
    } else {
        Verdict::Failed { reasons }
    }
}

/// The rungs that a document stands for. A failed one stands for none; one without a
/// functional check does not say that the application runs.
pub fn proves(evidence: &Evidence) -> Vec<Rung> {
    match evidence.verdict {
        Verdict::Failed { .. } => Vec::new(),
        Verdict::Passed if evidence.checks.iter().any(|check| !check.passed) => Vec::new(),
        Verdict::Passed if evidence.checks.is_empty() => vec![Rung::Restored],
        Verdict::Passed => vec![Rung::Restored, Rung::AppVerified],
    }
}

/// The public half of the key that signs an estate's evidence.
pub fn public_key(key: &EstateKey) -> Option<PublicKey> {
    PublicKey::from_openssh(&evidence_key(key).public).ok()
}

/// The line of an `allowed_signers` file by which `ssh-keygen -Y verify` knows the estate. The
/// principal is the estate as its documents name it.
pub fn allowed_signers(key: &EstateKey, estate: &EstateName) -> String {
    let public = evidence_key(key).public;
    format!("{estate} namespaces=\"{NAMESPACE}\" {public}")
}

/// Gives points the rungs that a document proves, and says which claims none does.
///
/// A document stands for a point when the estate's own key signed it, when it speaks of this
/// stack and this point, and when what it tells amounts to the rung. Who is root on the backup
/// machine can write files there, and cannot sign.
pub fn believe(
    public: &PublicKey,
    stack: &StackId,
    listed: Listed,
) -> (Vec<RecoveryPoint>, Beside) {
    let Listed {
        mut points,
        claims,
        documents,
        foreign,
    } = listed;
    let mut opened: BTreeMap<&str, Option<Evidence>> = BTreeMap::new();
    let mut unproven = Vec::new();
    for claim in claims {
        let name = claim.document.as_deref().unwrap_or_default();
        let sealed = documents.get_key_value(name);
        let evidence = sealed.and_then(|(name, sealed)| {
            let entry = opened.entry(name);
            entry.or_insert_with(|| open(public, sealed)).as_ref()
        });
        let point = points.iter_mut().find(|point| point.id == claim.point);
        let judged = match (point, evidence, sealed) {
            (None, ..) => continue,
            (_, _, None) => Err("its signed document is not there"),
            (_, None, _) => Err("its document is not signed by this estate's key"),
            (Some(point), Some(evidence), Some((_, sealed))) => {
                prove(point, claim.rung, stack, evidence, sealed)
            }
        };
        if let Err(reason) = judged {
            unproven.push(Unproven {
                point: claim.point,
                rung: claim.rung,
                reason: reason.to_owned(),
            });
        }
    }
    (points, Beside { unproven, foreign })
}

fn prove(
    point: &mut RecoveryPoint,
    rung: Rung,
    stack: &StackId,
    evidence: &Evidence,
    sealed: &SealedEvidence,
) -> Result<(), &'static str> {
    if evidence.stack != *stack || evidence.point.id != point.id {
        return Err("its document speaks of another point");
    }
    if !proves(evidence).contains(&rung) {
        return Err("its document does not say so");
    }
    if point.rung < Rung::Shipped {
        return Err("it was never read back on the backup machine");
    }
    point.rung = point.rung.max(rung);
    point.evidence.push(Proof {
        rung,
        at: evidence.ended_at,
        document: Some(digest(sealed)),
    });
    Ok(())
}

/// Whether what was found is what was promised. Sizes on disk and versions of a database differ
/// without any row differing; files that changed while they were stored were never promised.
pub fn equal(evidence: &Evidence) -> bool {
    let changing = |service: &ServiceName, path: &String| {
        let promised = evidence.expected.get(service);
        promised.is_some_and(|p| p.files.get(path).is_some_and(|files| files.changing))
    };
    let comparable = |all: &BTreeMap<ServiceName, ServiceContent>| {
        let mut all = all.clone();
        for (service, content) in &mut all {
            content.files.retain(|path, _| !changing(service, path));
            for database in content.databases.values_mut() {
                database.bytes = Bytes(0);
                database.server.clear();
                database.collation.clear();
            }
        }
        all
    };
    comparable(&evidence.expected) == comparable(&evidence.found)
}

/// How a document is called wherever it is kept: when it ended, which point, which bytes.
pub fn file_name(evidence: &Evidence, sealed: &SealedEvidence) -> String {
    let digest = digest(sealed).0;
    format!(
        "{}-{}-{}",
        evidence.ended_at.strftime("%Y%m%dT%H%M%SZ"),
        evidence.point.id.short(),
        digest.get(..8).unwrap_or(&digest)
    )
}
