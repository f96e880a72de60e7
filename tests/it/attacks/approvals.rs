//! A change to the list that needs two people, and what stands in for the second one.

use super::keys::{ANNA, ANNA_TOO, BERT, CARLA, Key, MALLORY};
use super::lab::{ACME, Id, Lab, list, people, signer};
use super::{Attack, Case, Ours};

const TWO: &str = "\n[thresholds]\ntrust = { signers = 2, roles = [\"owner\"] }\n";

/// Anna has two keys; Bert's entry says more.
fn two(bert: &str) -> String {
    let mut signers = people();
    signers[0] = signer("anna", "owner", &ANNA, "person = \"Anna\"");
    signers[1] = signer("bert", "owner", &BERT, bert);
    signers.push(signer("anna-too", "owner", &ANNA_TOO, "person = \"Anna\""));
    // So that two can be reached whatever becomes of Bert.
    signers.push(signer("zoe", "owner", &super::keys::ECDSA, ""));
    list(&signers, &format!("{ACME}{TWO}"))
}

/// Anna changes the list; two owners are needed.
fn asks(lab: &mut Lab, bert: &str) -> (Id, Id) {
    let root = lab.root_with(&two(bert));
    let draft = lab.on(&[&root]).list(&two("person = \"Bert\""));
    let head = lab.commit(&draft.put("note.md", "why"), &ANNA);
    (root, head)
}

fn approved(lab: &mut Lab, by: &[&Key]) -> Attack {
    let (root, head) = asks(lab, "");
    for key in by {
        lab.approve(&head, key);
    }
    Attack::fresh(root, head)
}

const NEEDS: Ours = Ours::Refused("Refused", "it needs 2 people, 1 signed or approved");
const ONE: &str = "Git asks for one signature, however many the list wants";

pub const CASES: &[Case] = &[
    Case {
        name: "no approval",
        how: "Anna alone",
        build: |lab| approved(lab, &[]),
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "a second owner's approval",
        how: "Bert approves",
        build: |lab| approved(lab, &[&BERT]),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "approval by the author",
        how: "Anna approves her own commit",
        build: |lab| approved(lab, &[&ANNA]),
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval by another key of the author's",
        how: "Anna approves with her second key",
        build: |lab| approved(lab, &[&ANNA_TOO]),
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval by who has no say in it",
        how: "Carla, operator, approves",
        build: |lab| approved(lab, &[&CARLA]),
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval by a key in no list",
        how: "Mallory approves",
        build: |lab| approved(lab, &[&MALLORY]),
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval by a key that this very commit lists",
        how: "Anna lists Mallory as owner, Mallory approves that",
        build: |lab| {
            let root = lab.root_with(&two(""));
            let mallory = signer("mallory", "owner", &MALLORY, "");
            let draft = lab.on(&[&root]).list(&format!("{}{mallory}", two("")));
            let head = lab.commit(&draft, &ANNA);
            lab.approve(&head, &MALLORY);
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval by a revoked key",
        how: "Bert, whose key the parent's list revokes, approves",
        build: |lab| {
            let gone = "revoked = { at = \"2026-05-20T00:00:00Z\", reason = \"left\" }";
            let root = lab.root_with(&two(gone));
            let draft = lab.on(&[&root]).list(&format!("{}# why\n", two(gone)));
            let head = lab.commit(&draft, &ANNA);
            lab.approve(&head, &BERT);
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval by an expired key",
        how: "Bert's key was valid until last week",
        build: |lab| {
            let (root, head) = asks(lab, "until = \"2026-05-25T00:00:00Z\"");
            lab.approve(&head, &BERT);
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval by a key that is not valid yet",
        how: "Bert's key is valid from next week",
        build: |lab| {
            let (root, head) = asks(lab, "from = \"2026-06-08T00:00:00Z\"");
            lab.approve(&head, &BERT);
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval of another commit",
        how: "Bert's approval of the root, stored for the head",
        build: |lab| {
            let (root, head) = asks(lab, "");
            lab.approve_as(
                &head,
                &BERT,
                &BERT.sign("holdfast-approval", root.as_bytes()),
            );
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval of the id with a newline",
        how: "Bert signs the id as `echo` prints it",
        build: |lab| {
            let (root, head) = asks(lab, "");
            let text = format!("{head}\n");
            lab.approve_as(
                &head,
                &BERT,
                &BERT.sign("holdfast-approval", text.as_bytes()),
            );
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval of a shortened id",
        how: "Bert signs the first twelve digits",
        build: |lab| {
            let (root, head) = asks(lab, "");
            lab.approve_as(
                &head,
                &BERT,
                &BERT.sign("holdfast-approval", &head.as_bytes()[..12]),
            );
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "approval for another purpose",
        how: "Bert's signature of the id with the namespace `git`",
        build: |lab| {
            let (root, head) = asks(lab, "");
            lab.approve_as(&head, &BERT, &BERT.sign("git", head.as_bytes()));
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "a tampered approval",
        how: "Bert's approval with one byte of its signature changed",
        build: |lab| {
            let (root, head) = asks(lab, "");
            let mut envelope = BERT.envelope("holdfast-approval", head.as_bytes());
            let last = envelope.signature.len() - 1;
            envelope.signature[last] ^= 1;
            lab.approve_as(&head, &BERT, &envelope.armoured());
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "a reference that claims another key",
        how: "Anna's approval, stored under the name of Bert's key",
        build: |lab| {
            let (root, head) = asks(lab, "");
            lab.approve_as(
                &head,
                &BERT,
                &ANNA.sign("holdfast-approval", head.as_bytes()),
            );
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "a sound approval in the wrong place",
        how: "Bert's approval, stored under the name of Carla's key",
        build: |lab| {
            let (root, head) = asks(lab, "");
            lab.approve_as(
                &head,
                &CARLA,
                &BERT.sign("holdfast-approval", head.as_bytes()),
            );
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "an approval that is none",
        how: "any text where Bert's approval would be",
        build: |lab| {
            let (root, head) = asks(lab, "");
            lab.approve_as(&head, &BERT, "yes, Bert\n");
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "an approval of 2 MiB",
        how: "Bert's approval with two mebibytes of newlines behind it",
        build: |lab| {
            let (root, head) = asks(lab, "");
            let text = BERT.sign("holdfast-approval", head.as_bytes());
            lab.approve_as(&head, &BERT, &(text + &"\n".repeat(2 << 20)));
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "an approval that is a commit",
        how: "the reference names the commit itself",
        build: |lab| {
            let (root, head) = asks(lab, "");
            lab.approve(&head, &BERT);
            let folder = lab
                .path()
                .join(format!(".git/refs/holdfast/approvals/{head}"));
            let files = std::fs::read_dir(folder).expect("a folder");
            for file in files {
                let path = file.expect("a file").path();
                std::fs::write(path, format!("{head}\n")).expect("a file");
            }
            Attack::fresh(root, head)
        },
        ours: NEEDS,
        git: true,
        because: ONE,
    },
    Case {
        name: "two approvals by one key",
        how: "three owners are needed; Bert's approval stands under two names",
        build: |lab| {
            let three = |more: &str| two(more).replace("signers = 2", "signers = 3");
            let root = lab.root_with(&three(""));
            let draft = lab.on(&[&root]).list(&three("person = \"Bert\""));
            let head = lab.commit(&draft, &ANNA);
            let text = BERT.sign("holdfast-approval", head.as_bytes());
            lab.approve_as(&head, &BERT, &text);
            lab.approve_as(&head, &CARLA, &text);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "it needs 3 people, 2 signed or approved"),
        git: true,
        because: ONE,
    },
    Case {
        name: "two approvals by one person",
        how: "Bert signs, three owners are needed; Anna approves with both her keys",
        build: |lab| {
            let three = |more: &str| two(more).replace("signers = 2", "signers = 3");
            let root = lab.root_with(&three(""));
            let draft = lab.on(&[&root]).list(&three("person = \"Bert\""));
            let head = lab.commit(&draft, &BERT);
            lab.approve(&head, &ANNA);
            lab.approve(&head, &ANNA_TOO);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "it needs 3 people, 2 signed or approved"),
        git: true,
        because: ONE,
    },
];
