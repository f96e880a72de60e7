//! Histories that are not the one that was trusted, and what pretends otherwise.

use super::keys::{ANNA, MALLORY};
use super::lab::{DAY, NOW, everybody};
use super::{Attack, Case, Ours};

const WHOLE: &str = "Git looks at one commit; here it must descend from the root";

pub const CASES: &[Case] = &[
    Case {
        name: "the root alone",
        how: "the root is asked about",
        build: |lab| {
            let root = lab.root();
            Attack::fresh(root.clone(), root)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "another root",
        how: "a commit without parents, with the same list, signed by Anna",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[]).list(&everybody()).put("note.md", "elsewhere");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("RootNotAncestor", "is not an ancestor of"),
        git: true,
        because: WHOLE,
    },
    Case {
        name: "a fork that left before the root",
        how: "Anna signs beside the root, upon the commit before it",
        build: |lab| {
            let first = lab.root();
            let root = lab.note(&first, "the root", &ANNA);
            let head = lab.note(&first, "beside it", &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("RootNotAncestor", "is not an ancestor of"),
        git: true,
        because: WHOLE,
    },
    Case {
        name: "the commit before the root",
        how: "the head is an ancestor of the root",
        build: |lab| {
            let first = lab.root();
            let root = lab.note(&first, "the root", &ANNA);
            Attack::fresh(root, first)
        },
        ours: Ours::Refused("RootNotAncestor", "is not an ancestor of"),
        git: true,
        because: WHOLE,
    },
    Case {
        name: "rolled back",
        how: "the branch is set to an older signed commit",
        build: |lab| {
            let root = lab.root();
            let old = lab.note(&root, "old", &ANNA);
            let new = lab.note(&old, "new", &ANNA);
            let known = lab.seen(&root, &new, NOW - DAY);
            Attack::fresh(root, old).knowing(known).after(new)
        },
        ours: Ours::Refused("MovedBack", "moved back or aside"),
        git: true,
        because: "Git knows no head that was accepted before; every old commit was good once",
    },
    Case {
        name: "force-pushed",
        how: "the branch is set to a signed commit beside the accepted one",
        build: |lab| {
            let root = lab.root();
            let old = lab.note(&root, "old", &ANNA);
            let head = lab.note(&root, "instead", &ANNA);
            let known = lab.seen(&root, &old, NOW - DAY);
            Attack::fresh(root, head).knowing(known).after(old)
        },
        ours: Ours::Refused("MovedBack", "moved back or aside"),
        git: true,
        because: "Git knows no head that was accepted before",
    },
    Case {
        name: "forward",
        how: "the branch moves to a descendant of the accepted head",
        build: |lab| {
            let root = lab.root();
            let old = lab.note(&root, "old", &ANNA);
            let head = lab.note(&old, "new", &ANNA);
            let known = lab.seen(&root, &old, NOW - DAY);
            Attack::fresh(root, head).knowing(known).after(old)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "knowledge of another root",
        how: "this computer accepted everything below another root",
        build: |lab| {
            let other = lab.root();
            let draft = lab.on(&[&other]).put("note.md", "unsigned");
            let unsigned = lab.commit_unsigned(&draft);
            // There the unsigned commit was the root, and so was accepted.
            let known = lab.seen(&unsigned, &unsigned, NOW - DAY);
            let head = lab.note(&unsigned, "on top", &ANNA);
            Attack::fresh(other, head).knowing(known)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: true,
        because: "Git looks at one commit; here every commit since the root must be signed",
    },
    Case {
        name: "replaced by a signed one",
        how: "`refs/replace` shows Anna's commit in place of an unsigned one",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "bad");
            let head = lab.commit_unsigned(&draft);
            let good = lab.note(&root, "good", &ANNA);
            lab.reference(&format!("refs/replace/{head}"), &good);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: false,
        because: "",
    },
    Case {
        name: "a replaced tree",
        how: "`refs/replace` shows another tree below Anna's commit",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "good");
            let head = lab.commit(&draft, &ANNA);
            let tree = lab.tree(&draft.files);
            let evil = lab.tree(&std::collections::BTreeMap::new());
            lab.reference(&format!("refs/replace/{tree}"), &evil);
            let read = lab.verify(&root, &head, &holdfast::world::git::Known::none(), NOW);
            let files = read.expect("accepted").files().clone();
            assert_eq!(files["note.md"], b"good", "another tree was read");
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "grafted onto the root",
        how: "`info/grafts` gives another history the root as parent",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[]).list(&everybody());
            let head = lab.commit(&draft, &ANNA);
            lab.inside("info/grafts", &format!("{head} {root}\n"));
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("RootNotAncestor", "is not an ancestor of"),
        git: true,
        because: WHOLE,
    },
    Case {
        name: "grafted around an unsigned commit",
        how: "`info/grafts` gives Anna's commit the root as parent instead of an unsigned one",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "bad");
            let unsigned = lab.commit_unsigned(&draft);
            let head = lab.note(&unsigned, "on top", &ANNA);
            lab.inside("info/grafts", &format!("{head} {root}\n"));
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: true,
        because: "Git looks at one commit; here every commit since the root must be signed",
    },
    Case {
        name: "shallow",
        how: "`.git/shallow` cuts history off at the head",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &ANNA);
            lab.inside("shallow", &format!("{head}\n"));
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Shallow", "does not reach back to the root"),
        git: true,
        because: "Git looks at one commit; what was cut off cannot be judged",
    },
    Case {
        name: "another object store",
        how: "`objects/info/alternates` lends the objects of a stranger's commit",
        build: |lab| {
            let root = lab.root();
            let other = super::lab::Lab::new();
            let objects = other.path().join(".git/objects");
            lab.inside(
                "objects/info/alternates",
                &format!("{}\n", objects.display()),
            );
            let draft = lab.on(&[&root]).put("note.md", "lent");
            let payload = lab.unsigned(&draft);
            let object = lab.with(&payload, &[&MALLORY.sign("git", &payload)]);
            other.object("commit", &object);
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "its key is not in trust.toml of its parent"),
        git: false,
        because: "",
    },
];
