//! Keys that are valid for a time, and keys that are lost.

use super::keys::{ANNA, BERT};
use super::lab::{ACME, DATED, DAY, Id, Lab, NOW, list, people, signer};
use super::{Attack, Case, Ours};

/// Everybody, and an owner with Bert's key and these times.
fn timed(more: &str) -> String {
    let mut signers = people();
    signers[1] = signer("bert", "owner", &BERT, more);
    list(&signers, ACME)
}

/// Bert's key was revoked.
fn revoked() -> String {
    timed("revoked = { at = \"2026-05-20T00:00:00Z\", reason = \"laptop stolen\" }")
}

/// Valid until a week before the present.
const EXPIRED: &str = "until = \"2026-05-25T00:00:00Z\"";
/// Valid from a week after the present.
const EARLY: &str = "from = \"2026-06-08T00:00:00Z\"";

/// Bert signs one commit at this date, on a root that gives his key these times.
fn by_bert(lab: &mut Lab, times: &str, dated: i64) -> (Id, Id) {
    let root = lab.root_with(&timed(times));
    let draft = lab.on(&[&root]).put("note.md", "bert's").at(dated);
    let head = lab.commit(&draft, &BERT);
    (root, head)
}

/// Anna revokes Bert's key.
fn revoke(lab: &mut Lab, parent: &Id) -> Id {
    let draft = lab.on(&[parent]).list(&revoked());
    lab.commit(&draft, &ANNA)
}

const BACKDATED: &str = "Git compares with the date in the commit, which whoever has the key can choose; here the \
     first sight counts";
const REVOKED_LATER: &str = "Git is handed the parent's list, in which the key still counts; here the newest list says \
     that it is lost, and nothing shows that the commit is older than that";

pub const CASES: &[Case] = &[
    Case {
        name: "within its time",
        how: "Bert's key is valid until next year",
        build: |lab| {
            let (root, head) = by_bert(lab, "until = \"2027-01-01T00:00:00Z\"", DATED);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "expired",
        how: "signed and dated after the key's last day",
        build: |lab| {
            let (root, head) = by_bert(lab, EXPIRED, NOW - DAY);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "valid until 2026-05-25"),
        git: false,
        because: "",
    },
    Case {
        name: "expired and backdated, fresh clone",
        how: "the same with a date when the key was valid",
        build: |lab| {
            let (root, head) = by_bert(lab, EXPIRED, DATED);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "valid until 2026-05-25"),
        git: true,
        because: BACKDATED,
    },
    Case {
        name: "expired and backdated, on a computer that knows the history",
        how: "the same below Anna's commit, on a computer that accepted the root long ago",
        build: |lab| {
            let (root, bert) = by_bert(lab, EXPIRED, DATED);
            let known = lab.seen(&root, &root, DATED);
            let head = lab.note(&bert, "on top", &ANNA);
            Attack::fresh(root, head).knowing(known)
        },
        ours: Ours::Refused("Refused", "valid until 2026-05-25"),
        git: true,
        because: BACKDATED,
    },
    Case {
        name: "expired since, and seen in time",
        how: "this computer accepted the commit while the key was valid",
        build: |lab| {
            let (root, bert) = by_bert(lab, EXPIRED, DATED);
            let known = lab.seen(&root, &bert, DATED + DAY);
            let head = lab.note(&bert, "on top", &ANNA);
            Attack::fresh(root, head).knowing(known)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "expired since, below somebody's work",
        how: "fresh clone: Anna, whose key is valid, built upon it",
        build: |lab| {
            let (root, bert) = by_bert(lab, EXPIRED, DATED);
            let head = lab.note(&bert, "on top", &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "expired, and nobody valid above it",
        how: "fresh clone: two commits by the expired key",
        build: |lab| {
            let (root, one) = by_bert(lab, EXPIRED, DATED);
            let draft = lab.on(&[&one]).put("note.md", "two").at(DATED + 1);
            let head = lab.commit(&draft, &BERT);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "valid until 2026-05-25"),
        git: true,
        because: BACKDATED,
    },
    Case {
        name: "not valid yet",
        how: "the key's first day is next week",
        build: |lab| {
            let (root, head) = by_bert(lab, EARLY, DATED);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "valid from 2026-06-08"),
        git: false,
        because: "",
    },
    Case {
        name: "not valid yet, and postdated",
        how: "the same with a date when the key will be valid",
        build: |lab| {
            let (root, head) = by_bert(lab, EARLY, NOW + 30 * DAY);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "valid from 2026-06-08"),
        git: true,
        because: "Git compares with the date in the commit, which can lie in the future",
    },
    Case {
        name: "dated before the key was valid",
        how: "a valid key, a commit dated before its first day",
        build: |lab| {
            let (root, head) = by_bert(lab, "from = \"2026-05-10T00:00:00Z\"", DATED);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "when its key was not valid"),
        git: false,
        because: "",
    },
    Case {
        name: "a time without zone in the list",
        how: "Anna limits a key by `until = \"2027-01-01T00:00:00\"`",
        build: |lab| {
            let root = lab.root();
            let draft = lab
                .on(&[&root])
                .list(&timed("until = \"2027-01-01T00:00:00\""));
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("TrustList", "zone"),
        git: true,
        because: "an allowed_signers file takes such a time in the zone of whoever reads it",
    },
    Case {
        name: "revoked by its parent",
        how: "Bert signs upon the commit that revokes his key",
        build: |lab| {
            let root = lab.root();
            let revoked = revoke(lab, &root);
            let head = lab.note(&revoked, "late", &BERT);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "was revoked on 2026-05-20"),
        git: false,
        because: "",
    },
    Case {
        name: "revoked later",
        how: "Bert's commit lies behind the one that revokes his key",
        build: |lab| {
            let root = lab.root();
            let bert = lab.note(&root, "bert's", &BERT);
            let head = revoke(lab, &bert);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "revoked, on a fork",
        how: "Bert forks off before the revocation; the fork alone is offered to a computer that \
              accepted the revocation",
        build: |lab| {
            let root = lab.root();
            let revoked = revoke(lab, &root);
            let known = lab.seen(&root, &revoked, NOW - DAY);
            let head = lab.note(&root, "aside", &BERT);
            Attack::fresh(root, head).knowing(known).after(revoked)
        },
        ours: Ours::Refused("MovedBack", "moved back or aside"),
        git: true,
        because: "Git knows no head that was accepted before",
    },
    Case {
        name: "revoked, and merged in later",
        how: "Anna merges work by Bert that forked off before the revocation",
        build: |lab| {
            let root = lab.root();
            let revoked = revoke(lab, &root);
            let aside = lab.note(&root, "aside", &BERT);
            let draft = lab.on(&[&revoked, &aside]).put("note.md", "aside");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "nothing shows that the commit is older"),
        git: true,
        because: REVOKED_LATER,
    },
    Case {
        name: "revoked, merged in later, and seen before",
        how: "the same on a computer that accepted Bert's commit before the revocation",
        build: |lab| {
            let root = lab.root();
            let aside = lab.note(&root, "aside", &BERT);
            let known = lab.seen(&root, &aside, DATED + DAY);
            let revoked = revoke(lab, &root);
            let draft = lab.on(&[&revoked, &aside]).put("note.md", "aside");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head).knowing(known)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "revoked, and taken off the list",
        how: "after the revocation Anna removes the entry, and merges Bert's old fork",
        build: |lab| {
            let root = lab.root();
            let revoked = revoke(lab, &root);
            let mut signers = people();
            signers.remove(1);
            let draft = lab.on(&[&revoked]).list(&list(&signers, ACME));
            let gone = lab.commit(&draft, &ANNA);
            let aside = lab.note(&root, "aside", &BERT);
            let draft = lab.on(&[&gone, &aside]).put("note.md", "aside");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "the list revokes its last owner",
        how: "Anna revokes Bert and herself",
        build: |lab| {
            let root = lab.root();
            let gone = "revoked = { at = \"2026-05-20T00:00:00Z\", reason = \"left\" }";
            let signers = [
                signer("anna", "owner", &ANNA, gone),
                signer("bert", "owner", &BERT, gone),
            ];
            let draft = lab.on(&[&root]).list(&list(&signers, ""));
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("TrustList", "owner that is not revoked"),
        git: true,
        because: "Git does not read the list; nobody could ever change it again",
    },
];
