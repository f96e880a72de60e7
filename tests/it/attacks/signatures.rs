//! One commit, one signature, wrong in one way each.

use super::keys::{ANNA, BERT, MALLORY};
use super::lab::{DAY, Lab, with_headers};
use super::{Attack, Case, Ours};

/// A commit by Anna whose content was changed after she signed it.
fn tampered(lab: &mut Lab, change: impl Fn(&str) -> String) -> Attack {
    let root = lab.root();
    let draft = lab.on(&[&root]).put("note.md", "next");
    let honest = lab.unsigned(&draft);
    let signature = ANNA.sign("git", &honest);
    let changed = change(std::str::from_utf8(&honest).expect("text"));
    assert_ne!(changed.as_bytes(), honest);
    let object = lab.with(changed.as_bytes(), &[&signature]);
    let head = lab.write(&object, &draft.files);
    Attack::fresh(root, head)
}

/// A commit with these signature headers, made from what there is to sign.
fn headed(lab: &mut Lab, headers: impl Fn(&[u8]) -> Vec<(&'static str, String)>) -> Attack {
    let root = lab.root();
    let draft = lab.on(&[&root]).put("note.md", "next");
    let payload = lab.unsigned(&draft);
    let headers = headers(&payload);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let head = lab.write(&with_headers(&payload, &headers), &draft.files);
    Attack::fresh(root, head)
}

const TWO: &str = "Git strings the headers together and ssh-keygen reads the first; two readers may pick another one";

pub const CASES: &[Case] = &[
    Case {
        name: "a signed commit",
        how: "Anna signs a change",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "unsigned",
        how: "no signature header",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "next");
            let head = lab.commit_unsigned(&draft);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: false,
        because: "",
    },
    Case {
        name: "unsigned below a signed one",
        how: "Anna signs on top of an unsigned commit",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "next");
            let unsigned = lab.commit_unsigned(&draft);
            let head = lab.note(&unsigned, "on top", &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: true,
        because: "Git looks at one commit; here every commit since the root must be signed",
    },
    Case {
        name: "a key in no list",
        how: "Mallory signs",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &MALLORY);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "its key is not in trust.toml of its parent"),
        git: false,
        because: "",
    },
    Case {
        name: "made for another purpose",
        how: "Anna's signature of the same bytes with the namespace `file`",
        build: |lab| headed(lab, |payload| vec![("gpgsig", ANNA.sign("file", payload))]),
        ours: Ours::Refused("Signature", "was made for \"file\""),
        git: false,
        because: "",
    },
    Case {
        name: "made to approve",
        how: "Anna's signature of the same bytes with the namespace `holdfast-approval`",
        build: |lab| {
            headed(lab, |payload| {
                vec![("gpgsig", ANNA.sign("holdfast-approval", payload))]
            })
        },
        ours: Ours::Refused("Signature", "was made for \"holdfast-approval\""),
        git: false,
        because: "",
    },
    Case {
        name: "message changed",
        how: "another message under Anna's signature",
        build: |lab| tampered(lab, |text| text.replace("change", "another")),
        ours: Ours::Refused("Signature", "does not fit its content"),
        git: false,
        because: "",
    },
    Case {
        name: "tree changed",
        how: "another tree under Anna's signature",
        build: |lab| {
            let other = lab.tree(&std::collections::BTreeMap::new());
            tampered(lab, |text| format!("tree {other}{}", &text[45..]))
        },
        ours: Ours::Refused("Signature", "does not fit its content"),
        git: false,
        because: "",
    },
    Case {
        name: "parent changed",
        how: "the same commit moved onto another parent",
        build: |lab| {
            let root = lab.root();
            let one = lab.note(&root, "one", &ANNA);
            let draft = lab.on(&[&root]).put("note.md", "next");
            let honest = lab.unsigned(&draft);
            let signature = ANNA.sign("git", &honest);
            let moved = String::from_utf8(honest)
                .expect("text")
                .replace(&root, &one);
            let object = lab.with(moved.as_bytes(), &[&signature]);
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Signature", "does not fit its content"),
        git: false,
        because: "",
    },
    Case {
        name: "date changed",
        how: "an earlier date under Anna's signature",
        build: |lab| {
            let early = super::lab::DATED - DAY;
            tampered(lab, |text| {
                text.replace(&super::lab::DATED.to_string(), &early.to_string())
            })
        },
        ours: Ours::Refused("Signature", "does not fit its content"),
        git: false,
        because: "",
    },
    Case {
        name: "another's signature",
        how: "Bert's signature of another commit",
        build: |lab| {
            headed(lab, |_| {
                vec![("gpgsig", BERT.sign("git", b"another commit"))]
            })
        },
        ours: Ours::Refused("Signature", "does not fit its content"),
        git: false,
        because: "",
    },
    Case {
        name: "two signatures",
        how: "two `gpgsig` headers, Anna's and Mallory's",
        build: |lab| {
            headed(lab, |payload| {
                vec![
                    ("gpgsig", ANNA.sign("git", payload)),
                    ("gpgsig", MALLORY.sign("git", payload)),
                ]
            })
        },
        ours: Ours::Refused("SeveralSignatures", "more than one signature"),
        git: true,
        because: TWO,
    },
    Case {
        name: "the same signature twice",
        how: "two equal `gpgsig` headers",
        build: |lab| {
            headed(lab, |payload| {
                let signature = ANNA.sign("git", payload);
                vec![("gpgsig", signature.clone()), ("gpgsig", signature)]
            })
        },
        ours: Ours::Refused("SeveralSignatures", "more than one signature"),
        git: true,
        because: TWO,
    },
    Case {
        name: "a signature for the other object format beside it",
        how: "`gpgsig` by Anna, `gpgsig-sha256` by Mallory",
        build: |lab| {
            headed(lab, |payload| {
                vec![
                    ("gpgsig", ANNA.sign("git", payload)),
                    ("gpgsig-sha256", MALLORY.sign("git", payload)),
                ]
            })
        },
        ours: Ours::Refused("SeveralSignatures", "more than one signature"),
        git: true,
        because: "Git leaves the other header out of what it checks; nobody signed that it is there",
    },
    Case {
        name: "only a signature for the other object format",
        how: "`gpgsig-sha256` in a SHA-1 repository",
        build: |lab| {
            headed(lab, |payload| {
                vec![("gpgsig-sha256", ANNA.sign("git", payload))]
            })
        },
        ours: Ours::Refused("SeveralSignatures", "more than one signature"),
        git: false,
        because: "",
    },
    Case {
        name: "OpenPGP",
        how: "an OpenPGP block instead of an SSH signature",
        build: |lab| {
            let pgp =
                "-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCAAdFiEE\n-----END PGP SIGNATURE-----";
            headed(lab, |_| vec![("gpgsig", pgp.to_owned())])
        },
        ours: Ours::Refused("Signature", "OpenPGP"),
        git: false,
        because: "",
    },
    Case {
        name: "X.509",
        how: "an S/MIME block instead of an SSH signature",
        build: |lab| {
            let smime = "-----BEGIN SIGNED MESSAGE-----\nMIIB\n-----END SIGNED MESSAGE-----";
            headed(lab, |_| vec![("gpgsig", smime.to_owned())])
        },
        ours: Ours::Refused("Signature", "OpenPGP or X.509"),
        git: false,
        because: "",
    },
    Case {
        name: "an empty signature",
        how: "`gpgsig` without value",
        build: |lab| headed(lab, |_| vec![("gpgsig", String::new())]),
        ours: Ours::Refused("Signature", "cannot be read"),
        git: false,
        because: "",
    },
    Case {
        name: "another version of the envelope",
        how: "SSHSIG version 2",
        build: |lab| {
            headed(lab, |payload| {
                let mut envelope = ANNA.envelope("git", payload);
                envelope.version = 2;
                vec![("gpgsig", envelope.armoured())]
            })
        },
        ours: Ours::Refused("Signature", "cannot be read"),
        git: false,
        because: "",
    },
    Case {
        name: "bytes after the envelope",
        how: "Anna's signature with 40 bytes more before the armour",
        build: |lab| {
            headed(lab, |payload| {
                let mut envelope = ANNA.envelope("git", payload);
                envelope.rest = vec![0; 40];
                vec![("gpgsig", envelope.armoured())]
            })
        },
        ours: Ours::Refused("Signature", "cannot be read"),
        git: false,
        because: "",
    },
    Case {
        name: "text after the armour",
        how: "Anna's signature, and Mallory's after it in the same header",
        build: |lab| {
            headed(lab, |payload| {
                let both = ANNA.sign("git", payload) + &MALLORY.sign("git", payload);
                vec![("gpgsig", both)]
            })
        },
        ours: Ours::Refused("Signature", "cannot be read"),
        git: true,
        because: "ssh-keygen reads to the first end of an armour; what stands behind it is signed by nobody",
    },
    Case {
        name: "an unknown hash",
        how: "the hash named `md5` in the envelope",
        build: |lab| {
            headed(lab, |payload| {
                let mut envelope = ANNA.envelope("git", payload);
                envelope.hash = b"md5".to_vec();
                vec![("gpgsig", envelope.armoured())]
            })
        },
        ours: Ours::Refused("Signature", "cannot be read"),
        git: false,
        because: "",
    },
    Case {
        name: "another key under the signature",
        how: "Mallory's signature with Anna's key in the envelope",
        build: |lab| {
            headed(lab, |payload| {
                let mut envelope = MALLORY.envelope("git", payload);
                envelope.key = ANNA.blob();
                vec![("gpgsig", envelope.armoured())]
            })
        },
        ours: Ours::Refused("Signature", "does not fit its content"),
        git: false,
        because: "",
    },
    Case {
        name: "a SHA-256 repository",
        how: "SHA-256: Anna signs a change",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a SHA-256 repository, another key",
        how: "SHA-256: Mallory signs",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &MALLORY);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "its key is not in trust.toml of its parent"),
        git: false,
        because: "",
    },
    Case {
        name: "a SHA-256 repository, changed",
        how: "SHA-256: another message under Anna's signature",
        build: |lab| tampered(lab, |text| text.replace("change", "another")),
        ours: Ours::Refused("Signature", "does not fit its content"),
        git: false,
        because: "",
    },
    Case {
        name: "a SHA-256 repository, the other header",
        how: "SHA-256: the signature stands under `gpgsig`",
        build: |lab| headed(lab, |payload| vec![("gpgsig", ANNA.sign("git", payload))]),
        ours: Ours::Refused("SeveralSignatures", "more than one signature"),
        git: false,
        because: "",
    },
];
