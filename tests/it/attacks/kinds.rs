//! Who signs with what kind of key.

use super::keys::{
    ANNA, DSA, ECDSA, ECDSA_384, ECDSA_521, HARDWARE, Key, RSA, RSA_SHA1, RSA_SHORT, UNTOUCHED,
    blob, certificate,
};
use super::lab::{ACME, Lab, list, people, signer};
use super::{Attack, Case, Ours};

/// A root whose list has one owner more, with this key; that owner signs the next commit.
fn signs(lab: &mut Lab, listed: &Key, key: &Key) -> Attack {
    let mut signers = people();
    signers.push(signer("zoe", "owner", listed, ""));
    let root = lab.root_with(&list(&signers, ACME));
    let head = lab.note(&root, "next", key);
    Attack::fresh(root, head)
}

/// Anna lists a key of this kind; nothing was signed with it yet.
fn listed(lab: &mut Lab, line: &str) -> Attack {
    let root = lab.root();
    let entry = format!("\n[[signer]]\nname = \"zoe\"\nrole = \"owner\"\nkey = \"{line}\"\n");
    let mut signers = people();
    signers.push(entry);
    let draft = lab.on(&[&root]).list(&list(&signers, ACME));
    let head = lab.commit(&draft, &ANNA);
    Attack::fresh(root, head)
}

const NOT_A_SIGNATURE: &str = "Git checks the signature of the commit that lists the key, which is good; the list would be \
     of no use to the next one";

pub const CASES: &[Case] = &[
    Case {
        name: "ECDSA, P-256",
        how: "an owner signs with such a key",
        build: |lab| signs(lab, &ECDSA, &ECDSA),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "ECDSA, P-384",
        how: "an owner signs with such a key",
        build: |lab| signs(lab, &ECDSA_384, &ECDSA_384),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "ECDSA, P-521",
        how: "an owner signs with such a key",
        build: |lab| signs(lab, &ECDSA_521, &ECDSA_521),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "RSA, 3072 bits",
        how: "an owner signs with such a key and SHA-512",
        build: |lab| signs(lab, &RSA, &RSA),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "RSA with SHA-1",
        how: "the same key, signing with `ssh-rsa`",
        build: |lab| signs(lab, &RSA, &RSA_SHA1),
        ours: Ours::Refused("Signature", "SHA-1"),
        git: false,
        because: "",
    },
    Case {
        name: "RSA, 2048 bits, in the list",
        how: "Anna lists such a key",
        build: |lab| listed(lab, &RSA_SHORT.public),
        ours: Ours::Refused("TrustList", "3072 is the least"),
        git: true,
        because: NOT_A_SIGNATURE,
    },
    Case {
        name: "RSA, 2048 bits, as signer",
        how: "somebody signs with such a key, which no list can hold",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &RSA_SHORT);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Signature", "3072 is the least"),
        git: false,
        because: "",
    },
    Case {
        name: "RSA, 2048 bits, in the root's list",
        how: "the root lists such an owner, who signs",
        build: |lab| signs(lab, &RSA_SHORT, &RSA_SHORT),
        ours: Ours::Refused("Signature", "3072 is the least"),
        git: true,
        because: "ssh-keygen accepts RSA from 1024 bits on; 2048 do not last as long as an estate",
    },
    Case {
        name: "DSA in the list",
        how: "Anna lists such a key",
        build: |lab| listed(lab, &DSA.public),
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: NOT_A_SIGNATURE,
    },
    Case {
        name: "DSA as signer",
        how: "an envelope with a DSA key",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &DSA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Signature", "ssh-dss"),
        git: false,
        because: "",
    },
    Case {
        name: "a hardware key that was touched",
        how: "`sk-ssh-ed25519`, with the flag of a person's presence",
        build: |lab| signs(lab, &HARDWARE, &HARDWARE),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a hardware key that nobody touched",
        how: "the same key without that flag, as `no-touch-required` makes it",
        build: |lab| signs(lab, &HARDWARE, &UNTOUCHED),
        ours: Ours::Refused("Signature", "without being touched"),
        git: true,
        because: "`ssh-keygen -Y verify` does not ask for the flag; a program on the owner's \
                  computer could sign without the owner",
    },
    Case {
        name: "a certificate in the list",
        how: "Anna lists a certificate instead of a key",
        build: |lab| listed(lab, &certificate().0),
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: NOT_A_SIGNATURE,
    },
    Case {
        name: "a certificate as signer",
        how: "the envelope names a certificate for Anna's key, made by a CA that nobody listed",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "next");
            let payload = lab.unsigned(&draft);
            let mut envelope = ANNA.envelope("git", &payload);
            envelope.key = blob(&certificate().0);
            let object = lab.with(&payload, &[&envelope.armoured()]);
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Signature", "cert-v01@openssh.com"),
        git: false,
        because: "",
    },
    Case {
        name: "a private key in the list",
        how: "the first line of a private key file stands where the key belongs",
        build: |lab| listed(lab, "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: NOT_A_SIGNATURE,
    },
];
