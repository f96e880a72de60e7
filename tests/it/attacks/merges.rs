//! Merges: what each side brought, and what only the merge says.

use super::keys::{ANNA, BERT, CARLA, DORA, MALLORY};
use super::lab::{ACME, Id, Lab, everybody, list, people};
use super::{Attack, Case, Ours};

const ONE: &str = "Git looks at the merge alone; here every merged commit must be accepted";
const PATHS: &str = "Git does not know who may change what";

/// Two branches from one root: Bert's, and Carla's work on the stack beta.
fn branches(lab: &mut Lab) -> (Id, Id, Id) {
    let root = lab.root();
    let ours = lab.note(&root, "ours", &BERT);
    let draft = lab
        .on(&[&root])
        .put("stacks/beta.toml", "schema = 1\n# theirs\n");
    let theirs = lab.commit(&draft, &CARLA);
    (root, ours, theirs)
}

pub const CASES: &[Case] = &[
    Case {
        name: "a plain merge",
        how: "Dora, who may change acme alone, merges Carla's work on beta unchanged",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let draft = lab
                .on(&[&ours, &theirs])
                .put("stacks/beta.toml", "schema = 1\n# theirs\n");
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a merge that brings unsigned work",
        how: "Anna merges an unsigned branch",
        build: |lab| {
            let root = lab.root();
            let ours = lab.note(&root, "ours", &ANNA);
            let draft = lab.on(&[&root]).put("stacks/beta.toml", "bad");
            let bad = lab.commit_unsigned(&draft);
            let draft = lab.on(&[&ours, &bad]).put("stacks/beta.toml", "bad");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: true,
        because: ONE,
    },
    Case {
        name: "a merge that brings a stranger's work",
        how: "Anna merges a branch that Mallory signed",
        build: |lab| {
            let root = lab.root();
            let ours = lab.note(&root, "ours", &ANNA);
            let draft = lab.on(&[&root]).put("stacks/beta.toml", "bad");
            let bad = lab.commit(&draft, &MALLORY);
            let draft = lab.on(&[&ours, &bad]).put("stacks/beta.toml", "bad");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "its key is not in trust.toml of its parent"),
        git: true,
        because: ONE,
    },
    Case {
        name: "an evil merge",
        how: "Dora's merge holds a beta that neither parent has",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let draft = lab
                .on(&[&ours, &theirs])
                .put("stacks/beta.toml", "neither's");
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a merge that adds a file",
        how: "Dora's merge holds a file that neither parent has",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let draft = lab
                .on(&[&ours, &theirs])
                .put("stacks/beta.toml", "schema = 1\n# theirs\n")
                .put("stacks/gamma.toml", "new");
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "not stacks/gamma.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a merge that drops the other side",
        how: "Dora merges Carla's branch and keeps the old beta (`-s ours`)",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let draft = lab.on(&[&ours, &theirs]);
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a merge that takes a file back",
        how: "Dora merges an old branch that never touched beta and takes its beta over the newer one",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("stacks/beta.toml", "newer");
            let newer = lab.commit(&draft, &CARLA);
            let draft = lab.on(&[&root]).put("stacks/acme.toml", "dora's");
            let aside = lab.commit(&draft, &DORA);
            let draft = lab
                .on(&[&newer, &aside])
                .put("stacks/acme.toml", "dora's")
                .put("stacks/beta.toml", "schema = 1\n# beta\n");
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a merge over a changed list",
        how: "Dora merges Carla's work that forked off before the list changed",
        build: |lab| {
            let root = lab.root();
            let mut signers = people();
            signers.remove(4);
            let draft = lab.on(&[&root]).list(&list(&signers, ACME));
            let newer = lab.commit(&draft, &ANNA);
            let draft = lab.on(&[&root]).put("stacks/beta.toml", "theirs");
            let theirs = lab.commit(&draft, &CARLA);
            let draft = lab.on(&[&newer, &theirs]).put("stacks/beta.toml", "theirs");
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a merge over a changed list by an owner",
        how: "the same by Anna",
        build: |lab| {
            let root = lab.root();
            let mut signers = people();
            signers.remove(4);
            let draft = lab.on(&[&root]).list(&list(&signers, ACME));
            let newer = lab.commit(&draft, &ANNA);
            let draft = lab.on(&[&root]).put("stacks/beta.toml", "theirs");
            let theirs = lab.commit(&draft, &CARLA);
            let draft = lab.on(&[&newer, &theirs]).put("stacks/beta.toml", "theirs");
            // The other parent has the older list: going from it, the list changes as well.
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a merge whose signer one parent does not list",
        how: "Zoe is listed on one branch only and merges both",
        build: |lab| {
            let root = lab.root();
            let mut signers = people();
            signers.push(super::lab::signer("zoe", "owner", &MALLORY, ""));
            let with = list(&signers, ACME);
            let draft = lab.on(&[&root]).list(&with);
            let listed = lab.commit(&draft, &ANNA);
            let other = lab.note(&root, "other", &BERT);
            let draft = lab.on(&[&listed, &other]).put("note.md", "other");
            let head = lab.commit(&draft, &MALLORY);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "its key is not in trust.toml of its parent"),
        git: true,
        because: "Git is handed one list, the first parent's",
    },
    Case {
        name: "an octopus",
        how: "Dora merges three branches unchanged",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let draft = lab.on(&[&root]).put("blueprints/own/notes.md", "third");
            let third = lab.commit(&draft, &DORA);
            let draft = lab
                .on(&[&ours, &theirs, &third])
                .put("stacks/beta.toml", "schema = 1\n# theirs\n")
                .put("blueprints/own/notes.md", "third");
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "an octopus with one bad arm",
        how: "Anna merges three branches, one of them unsigned",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let draft = lab.on(&[&root]).put("estate.toml", "bad");
            let bad = lab.commit_unsigned(&draft);
            let draft = lab
                .on(&[&ours, &theirs, &bad])
                .put("stacks/beta.toml", "schema = 1\n# theirs\n");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: true,
        because: ONE,
    },
    Case {
        name: "forty parents",
        how: "Anna merges forty branches at once",
        build: |lab| {
            let root = lab.root();
            let arms: Vec<Id> = (0..40)
                .map(|n| lab.note(&root, &format!("arm {n}"), &ANNA))
                .collect();
            let arms: Vec<&Id> = arms.iter().collect();
            let draft = lab.on(&arms);
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Malformed", "more than 16 parents"),
        git: true,
        because: "nobody can see through such a merge; Git itself makes none by accident",
    },
    Case {
        name: "a criss-cross merge by an owner",
        how: "two branches merge each other, then Anna merges both",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let beta = "schema = 1\n# theirs\n";
            let draft = lab.on(&[&ours, &theirs]).put("stacks/beta.toml", beta);
            let left = lab.commit(&draft, &BERT);
            let draft = lab.on(&[&theirs, &ours]).put("note.md", "ours");
            let right = lab.commit(&draft, &CARLA);
            let draft = lab.on(&[&left, &right]).put("note.md", "settled");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a criss-cross merge by somebody limited",
        how: "the same, where Dora merges what Carla did since: there are two merge bases",
        build: |lab| {
            let (root, ours, theirs) = branches(lab);
            let beta = "schema = 1\n# theirs\n";
            let draft = lab.on(&[&ours, &theirs]).put("stacks/beta.toml", beta);
            let left = lab.commit(&draft, &BERT);
            let draft = lab
                .on(&[&theirs, &ours])
                .put("note.md", "ours")
                .put("stacks/beta.toml", "further");
            let right = lab.commit(&draft, &CARLA);
            let draft = lab.on(&[&left, &right]).put("stacks/beta.toml", "further");
            let head = lab.commit(&draft, &DORA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "unrelated histories",
        how: "Anna merges another history with the same list",
        build: |lab| {
            let root = lab.root();
            let ours = lab.note(&root, "ours", &ANNA);
            let draft = lab.on(&[]).list(&everybody()).put("note.md", "elsewhere");
            let stranger = lab.commit(&draft, &ANNA);
            let draft = lab.on(&[&ours, &stranger]);
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("OutsideHistory", "does not descend from the root"),
        git: true,
        because: ONE,
    },
    Case {
        name: "the same parent twice",
        how: "Anna's commit names its parent two times",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root, &root]).put("note.md", "next");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
];
