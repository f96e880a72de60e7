//! What evidence stands for, who is believed, and what is told of it.

use super::sample;
use holdfast::decide::allowed_signers::{signers_in, signers_or_keys_in, verify};
use holdfast::decide::derive::{EstateKey, evidence_key};
use holdfast::decide::evidence::{
    NAMESPACE, allowed_signers, believe, file_name, proves, public_key, seal,
};
use holdfast::model::evidence::{
    CheckDone, DrillPlace, EVIDENCE_SCHEMA, Evidence, PointProven, SealedEvidence, Verdict, What,
};
use holdfast::model::ids::{
    CommitId, Epoch, EstateName, HosterId, ImageName, MachineName, PointId, ServiceName, SiteId,
    StackId,
};
use holdfast::model::listed::{Claim, Listed};
use holdfast::model::point::{Proof, RecoveryPoint, Rung, SCHEMA};
use holdfast::model::secret::Secret;
use holdfast::model::units::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
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
        aside: false,
        cold: false,
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
    let signers = signers_in(&format!("# for auditors\n{line}\n"), &TimeZone::UTC);
    let signed = sealed(&passed("good"));
    let (evidence, signer) = verify(&signers, &signed, at("2026-03-03T00:00:00Z")).unwrap();
    assert_eq!(evidence, passed("good"));
    assert_eq!(signer.name(&evidence), "example");
    assert!(signers_or_keys_in("no key", &TimeZone::UTC).is_empty());
}

/// Whether `ssh-keygen -Y verify` believes a document, for the estate that it names.
fn ssh_keygen_believes(lines: &str, sealed: &SealedEvidence) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("evidence.allowed_signers", lines);
    write("d.sig", &sealed.signature);
    write("d.json", &sealed.text);
    let said: serde_json::Value = serde_json::from_str(&sealed.text).unwrap();
    let file = std::fs::File::open(folder.path().join("d.json")).unwrap();
    Command::new("ssh-keygen")
        .args(["-Y", "verify", "-f", "evidence.allowed_signers"])
        .args(["-I", said["estate"].as_str().unwrap()])
        .args(["-n", "holdfast-evidence", "-s", "d.sig"])
        .current_dir(folder.path())
        .env("TZ", "UTC")
        .stdin(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[test]
fn plain_ssh_keygen_checks_a_document() {
    let line = allowed_signers(&sample::key(), &sample::estate()) + "\n";
    let sealed = sealed(&passed("good"));
    assert!(ssh_keygen_believes(&line, &sealed));
    let changed = SealedEvidence {
        text: sealed.text.replace("ionos", "netcup"),
        ..sealed
    };
    assert!(!ssh_keygen_believes(&line, &changed));
}

#[test]
fn s11_a_line_of_allowed_signers_counts_for_holdfast_as_for_ssh_keygen() {
    let key = evidence_key(&sample::key()).public;
    let another = EstateKey::new(Secret::new(vec![7; 32])).unwrap();
    let others = evidence_key(&another).public;
    let now = Timestamp::now();
    let cases = [
        (true, "example KEY"),
        (true, "example KEY a comment"),
        (true, "  example\tKEY"),
        (true, "\"example\" KEY"),
        (true, "other,ex?mple KEY"),
        (true, "* KEY"),
        (true, "!other,* KEY"),
        (true, "example namespaces=\"git,holdfast-*\" KEY"),
        (
            true,
            "example NAMESPACES=\"holdfast-evidence\",valid-after=\"20200101\" KEY",
        ),
        (true, "example valid-before=\"29990101000000Z\" KEY"),
        (
            true,
            "example OTHERS\nexample namespaces=\"git\" KEY\nexample KEY",
        ),
        (true, "example nonsense KEY\nexample KEY"),
        (false, "example OTHERS"),
        (false, "# example KEY"),
        (false, "KEY"),
        (false, "other KEY"),
        (false, "Example KEY"),
        (false, "!example,* KEY"),
        (false, "*,!ex* KEY"),
        (false, "!other KEY"),
        (false, "example namespaces=\"git\" KEY"),
        (false, "example namespaces=\"!holdfast-evidence,*\" KEY"),
        (false, "example valid-before=\"20200101\" KEY"),
        (false, "example valid-after=\"299901010000\" KEY"),
        (
            false,
            "example valid-after=\"20210101\",valid-before=\"20200101\" KEY",
        ),
        (false, "example valid-before=\"soon\" KEY"),
        (false, "example cert-authority KEY"),
        (
            false,
            "example cert-authority,namespaces=\"holdfast-evidence\" KEY",
        ),
        (false, "example nonsense KEY"),
        (false, "example namespaces=\"holdfast-evidence\", KEY"),
        (false, "example namespaces=\"holdfast-evidence KEY"),
        (
            false,
            "example namespaces=\"git\",namespaces=\"holdfast-evidence\" KEY",
        ),
        (false, "namespaces=\"holdfast-evidence\" KEY"),
        (false, "exa\"mple KEY"),
    ];
    let sealed = sealed(&passed("good"));
    for (counts, lines) in cases {
        let lines = lines.replace("KEY", &key).replace("OTHERS", &others) + "\n";
        let signers = signers_in(&lines, &TimeZone::UTC);
        let believed = verify(&signers, &sealed, now).is_ok();
        assert_eq!(believed, counts, "holdfast: {lines}");
        assert_eq!(
            ssh_keygen_believes(&lines, &sealed),
            counts,
            "ssh-keygen: {lines}"
        );
    }
}

#[test]
fn s11_a_key_does_not_sign_for_another_estate() {
    let evidence = Evidence {
        estate: EstateName::new("other-estate"),
        ..passed("good")
    };
    let line = allowed_signers(&sample::key(), &sample::estate());
    let signers = signers_or_keys_in(&line, &TimeZone::UTC);
    let why = verify(&signers, &sealed(&evidence), Timestamp::now()).unwrap_err();
    assert_eq!(
        why.to_string(),
        "it speaks of the estate \"other-estate\", and the key that signed it is that of \"example\""
    );
}

#[test]
fn a_key_alone_is_named_by_its_fingerprint() {
    let key = evidence_key(&sample::key()).public;
    let signers = signers_or_keys_in(&key, &TimeZone::UTC);
    let signed = sealed(&passed("good"));
    let (evidence, signer) = verify(&signers, &signed, Timestamp::now()).unwrap();
    let name = signer.name(&evidence);
    assert!(name.starts_with("the key SHA256:"), "{name}");
}
