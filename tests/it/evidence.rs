//! What evidence stands for, who is believed, and what is told of it.

use super::sample;
use holdfast::decide::derive::{EstateKey, evidence_key};
use holdfast::decide::evidence::{
    NAMESPACE, allowed_signers, believe, file_name, keys_in, open, proves, public_key, seal,
};
use holdfast::flow::documents;
use holdfast::model::evidence::{
    CheckDone, DrillPlace, EVIDENCE_SCHEMA, Evidence, PointProven, SealedEvidence, Verdict, What,
};
use holdfast::model::ids::{
    CommitId, Epoch, HosterId, ImageName, MachineName, PointId, ServiceName, SiteId, StackId,
};
use holdfast::model::listed::{Claim, Listed};
use holdfast::model::point::{Proof, RecoveryPoint, Rung, SCHEMA};
use holdfast::model::secret::Secret;
use holdfast::model::units::Bytes;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn passed(point: &str) -> Evidence {
    Evidence {
        evidence_schema: EVIDENCE_SCHEMA,
        what: What::Drill,
        estate: sample::estate(),
        stack: StackId::new("acme"),
        commit: CommitId::new("c0ffee"),
        holdfast: "0.1.0".into(),
        point: PointProven {
            id: PointId::new(point),
            epoch: Epoch(1),
            taken_at: at("2026-03-01T02:30:00Z"),
            arrived_at: Some(at("2026-03-01T02:31:00Z")),
            bytes: Bytes(5),
            from: MachineName::new("backup-netcup-vie"),
        },
        place: DrillPlace {
            machine: MachineName::new("acme-drill"),
            hoster: HosterId::new("ionos"),
            site: SiteId::new("de/fra"),
            machine_type: None,
            image: ImageName::new("debian-13"),
            third: true,
        },
        began_at: at("2026-03-02T12:00:00Z"),
        ended_at: at("2026-03-02T12:01:30Z"),
        phases: Vec::new(),
        versions: BTreeMap::new(),
        expected: BTreeMap::new(),
        found: BTreeMap::new(),
        checks: vec![CheckDone {
            service: ServiceName::new("page"),
            name: "front page".into(),
            passed: true,
            detail: String::new(),
        }],
        undeclared: Vec::new(),
        not_looked_at: Vec::new(),
        opened_with: "production".into(),
        verdict: Verdict::Passed,
    }
}

fn point(id: &str, rung: Rung) -> RecoveryPoint {
    let read_back = Proof {
        rung: Rung::Shipped,
        at: at("2026-03-01T02:32:00Z"),
        document: None,
    };
    RecoveryPoint {
        id: PointId::new(id),
        stack: StackId::new("acme"),
        epoch: Epoch(1),
        taken_at: at("2026-03-01T02:30:00Z"),
        bytes: Bytes(5),
        rung,
        arrived_at: None,
        evidence: if rung == Rung::Taken {
            Vec::new()
        } else {
            vec![read_back]
        },
        damaged: None,
        schema: SCHEMA,
    }
}

fn claim(point: &str, rung: Rung, document: Option<&str>) -> Claim {
    Claim {
        point: PointId::new(point),
        rung,
        document: document.map(str::to_owned),
    }
}

fn sealed(evidence: &Evidence) -> SealedEvidence {
    seal(&sample::key(), evidence).unwrap()
}

/// What is believed of one claim that names a document.
fn judged(rung_before: Rung, rung: Rung, document: Option<SealedEvidence>) -> (Rung, String) {
    let listed = Listed {
        points: vec![point("good", rung_before)],
        claims: vec![claim("good", rung, Some("a-document"))],
        documents: document
            .map(|sealed| ("a-document".to_owned(), sealed))
            .into_iter()
            .collect(),
        foreign: Vec::new(),
    };
    let public = public_key(&sample::key()).unwrap();
    let (points, beside) = believe(&public, &StackId::new("acme"), listed);
    let reason = beside.unproven.first().map(|u| u.reason.clone());
    (points[0].rung, reason.unwrap_or_default())
}

#[test]
fn s11_a_rung_is_believed_only_with_a_document_that_this_estate_signed() {
    let good = sealed(&passed("good"));
    assert_eq!(
        judged(Rung::Shipped, Rung::AppVerified, Some(good.clone())),
        (Rung::AppVerified, String::new())
    );
    let refused = |rung_before, rung, document, reason: &str| {
        let (rung, said) = judged(rung_before, rung, document);
        assert_eq!((rung, said.as_str()), (rung_before, reason));
    };
    let shipped = Rung::Shipped;
    refused(
        shipped,
        Rung::Restored,
        None,
        "its signed document is not there",
    );
    let not_ours = "its document is not signed by this estate's key";
    let another = EstateKey::new(Secret::new(vec![7; 32])).unwrap();
    let foreign = seal(&another, &passed("good")).unwrap();
    refused(shipped, Rung::AppVerified, Some(foreign), not_ours);
    let changed = SealedEvidence {
        text: good.text.replace("ionos", "netcup"),
        ..good.clone()
    };
    refused(shipped, Rung::AppVerified, Some(changed), not_ours);
    let unsigned = SealedEvidence {
        signature: String::new(),
        ..good.clone()
    };
    refused(shipped, Rung::AppVerified, Some(unsigned), not_ours);
    let of_another = sealed(&passed("another"));
    refused(
        shipped,
        Rung::AppVerified,
        Some(of_another),
        "its document speaks of another point",
    );
    let failed = Evidence {
        verdict: Verdict::Failed {
            reasons: vec!["load: content-differs".into()],
        },
        ..passed("good")
    };
    let unsaid = "its document does not say so";
    refused(shipped, Rung::Restored, Some(sealed(&failed)), unsaid);
    let unchecked = Evidence {
        checks: Vec::new(),
        ..passed("good")
    };
    refused(shipped, Rung::AppVerified, Some(sealed(&unchecked)), unsaid);
    refused(
        Rung::Taken,
        Rung::AppVerified,
        Some(good),
        "it was never read back on the backup machine",
    );
}

#[test]
fn a_proof_names_its_document_by_what_was_signed() {
    let good = sealed(&passed("good"));
    let listed = Listed {
        points: vec![point("good", Rung::Shipped)],
        claims: vec![
            claim("good", Rung::Restored, Some("d")),
            claim("gone", Rung::Restored, Some("d")),
        ],
        documents: BTreeMap::from([("d".to_owned(), good.clone())]),
        foreign: Vec::new(),
    };
    let public = public_key(&sample::key()).unwrap();
    let (points, beside) = believe(&public, &StackId::new("acme"), listed);
    assert_eq!(beside.unproven, []);
    let proof = points[0].evidence.last().unwrap();
    assert_eq!(proof.rung, Rung::Restored);
    assert_eq!(proof.at, at("2026-03-02T12:01:30Z"));
    let digest = proof.document.as_ref().unwrap();
    assert!(file_name(&passed("good"), &good).ends_with(&digest.0[..8]));
    assert!(file_name(&passed("good"), &good).starts_with("20260302T120130Z-good-"));
}

#[test]
fn a_document_stands_for_what_it_tells() {
    assert_eq!(proves(&passed("good")), [Rung::Restored, Rung::AppVerified]);
    let mut one_failed = passed("good");
    one_failed.checks[0].passed = false;
    assert_eq!(proves(&one_failed), []);
}

#[test]
fn the_key_in_git_opens_what_the_estate_signed() {
    let line = allowed_signers(&sample::key(), &sample::estate());
    assert_eq!(
        line,
        format!(
            "example namespaces=\"{NAMESPACE}\" {}",
            evidence_key(&sample::key()).public
        )
    );
    let keys = keys_in(&format!("# for auditors\n{line}\n"));
    assert_eq!(
        documents::verify(&keys, &sealed(&passed("good"))),
        Some(passed("good"))
    );
    assert_eq!(
        open(&keys[0], &sealed(&passed("good"))),
        Some(passed("good"))
    );
    assert!(keys_in("no key").is_empty());
}

#[test]
fn plain_ssh_keygen_checks_a_document() {
    let folder = tempfile::tempdir().unwrap();
    let sealed = sealed(&passed("good"));
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "evidence.allowed_signers",
        &format!("{}\n", allowed_signers(&sample::key(), &sample::estate())),
    );
    write("d.sig", &sealed.signature);
    let verify = |text: &str| {
        write("d.json", text);
        let file = std::fs::File::open(folder.path().join("d.json")).unwrap();
        Command::new("ssh-keygen")
            .args(["-Y", "verify", "-f", "evidence.allowed_signers"])
            .args(["-I", "example", "-n", "holdfast-evidence", "-s", "d.sig"])
            .current_dir(folder.path())
            .stdin(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    assert!(verify(&sealed.text));
    assert!(!verify(&sealed.text.replace("ionos", "netcup")));
}
