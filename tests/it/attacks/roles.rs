//! Who may change what, and who may say who may.

use super::keys::{ANNA, ANNA_TOO, BERT, CARLA, DORA, Key, MALLORY, RECONCILER};
use super::lab::{ACME, Draft, Lab, everybody, list, people, signer};
use super::{Attack, Case, Ours};

/// One signed change to the root's files.
fn change(lab: &mut Lab, key: &Key, edit: impl Fn(Draft) -> Draft) -> Attack {
    let root = lab.root();
    let draft = edit(lab.on(&[&root]));
    let head = lab.commit(&draft, key);
    Attack::fresh(root, head)
}

const PATHS: &str = "Git does not know who may change what";
const OWN: &str = "Git is handed the parent's list and finds the key in it; it does not know roles";

/// Everybody, and Mallory as one owner more.
fn with_mallory() -> String {
    let mut signers = people();
    signers.push(signer("mallory", "owner", &MALLORY, ""));
    list(&signers, ACME)
}

const TWO: &str = "\n[thresholds]\ntrust = { signers = 2, roles = [\"owner\"] }\n";

pub const CASES: &[Case] = &[
    Case {
        name: "a customer's admin on the customer's stack",
        how: "Dora changes stacks/acme.toml",
        build: |lab| change(lab, &DORA, |draft| draft.put("stacks/acme.toml", "new")),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a customer's admin on another's stack",
        how: "Dora changes stacks/beta.toml",
        build: |lab| change(lab, &DORA, |draft| draft.put("stacks/beta.toml", "new")),
        ours: Ours::Refused(
            "Refused",
            "may change blueprints/own/, stacks/acme.toml, not stacks/beta.toml",
        ),
        git: true,
        because: PATHS,
    },
    Case {
        name: "both at once",
        how: "Dora changes stacks/acme.toml and stacks/beta.toml",
        build: |lab| {
            change(lab, &DORA, |draft| {
                draft
                    .put("stacks/acme.toml", "new")
                    .put("stacks/beta.toml", "new")
            })
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "renamed away",
        how: "Dora renames stacks/beta.toml to blueprints/own/beta.toml",
        build: |lab| {
            change(lab, &DORA, |draft| {
                draft
                    .remove("stacks/beta.toml")
                    .put("blueprints/own/beta.toml", "schema = 1\n# beta\n")
            })
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "deleted",
        how: "Dora deletes stacks/beta.toml",
        build: |lab| change(lab, &DORA, |draft| draft.remove("stacks/beta.toml")),
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "made executable",
        how: "Dora changes the mode of stacks/beta.toml",
        build: |lab| {
            change(lab, &DORA, |draft| {
                draft.mode("stacks/beta.toml", 0o100_755)
            })
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "added outside",
        how: "Dora adds stacks/gamma.toml",
        build: |lab| change(lab, &DORA, |draft| draft.put("stacks/gamma.toml", "new")),
        ours: Ours::Refused("Refused", "not stacks/gamma.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a name that begins the same",
        how: "Dora adds blueprints/ownership.toml and stacks/acme.toml.age",
        build: |lab| {
            change(lab, &DORA, |draft| {
                draft
                    .put("blueprints/ownership.toml", "new")
                    .put("stacks/acme.toml.age", "new")
            })
        },
        ours: Ours::Refused(
            "Refused",
            "not blueprints/ownership.toml, stacks/acme.toml.age",
        ),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a folder in place of a file",
        how: "Dora puts a file below stacks/acme.toml/",
        build: |lab| {
            change(lab, &DORA, |draft| {
                draft
                    .remove("stacks/acme.toml")
                    .put("stacks/acme.toml/beta.toml", "new")
            })
        },
        ours: Ours::Refused("Refused", "not stacks/acme.toml/beta.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a file in place of a folder",
        how: "Dora replaces the folder stacks by a file",
        build: |lab| {
            change(lab, &DORA, |draft| {
                draft
                    .remove("stacks/acme.toml")
                    .remove("stacks/beta.toml")
                    .put("stacks", "a file")
            })
        },
        ours: Ours::Refused("Refused", "not stacks"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "another case of letters",
        how: "Dora adds STACKS/acme.toml",
        build: |lab| change(lab, &DORA, |draft| draft.put("STACKS/acme.toml", "new")),
        ours: Ours::Refused("Refused", "not STACKS/acme.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "a role that widens itself",
        how: "Dora gives her role all stacks",
        build: |lab| {
            let wide = ACME.replace("[\"acme\"]", "[\"acme\", \"beta\"]");
            change(lab, &DORA, |draft| draft.list(&list(&people(), &wide)))
        },
        ours: Ours::Refused("Refused", "not trust.toml"),
        git: true,
        because: OWN,
    },
    Case {
        name: "a role that widens itself and uses it",
        how: "Dora's one commit gives her role beta and changes beta",
        build: |lab| {
            let wide = ACME.replace("[\"acme\"]", "[\"acme\", \"beta\"]");
            change(lab, &DORA, |draft| {
                draft
                    .list(&list(&people(), &wide))
                    .put("stacks/beta.toml", "new")
            })
        },
        ours: Ours::Refused("Refused", "not stacks/beta.toml, trust.toml"),
        git: true,
        because: OWN,
    },
    Case {
        name: "a commit that lists its own key",
        how: "Mallory adds her key and signs with it",
        build: |lab| change(lab, &MALLORY, |draft| draft.list(&with_mallory())),
        ours: Ours::Refused("Refused", "its key is not in trust.toml of its parent"),
        git: false,
        because: "",
    },
    Case {
        name: "a key that an owner listed before",
        how: "Anna lists a key, its holder signs the next commit",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).list(&with_mallory());
            let listed = lab.commit(&draft, &ANNA);
            let head = lab.note(&listed, "next", &MALLORY);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a key that was removed",
        how: "Anna removes Bert, Bert signs upon that",
        build: |lab| {
            let root = lab.root();
            let mut signers = people();
            signers.remove(1);
            let draft = lab.on(&[&root]).list(&list(&signers, ACME));
            let removed = lab.commit(&draft, &ANNA);
            let head = lab.note(&removed, "late", &BERT);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "its key is not in trust.toml of its parent"),
        git: false,
        because: "",
    },
    Case {
        name: "an operator on the list",
        how: "Carla, operator, changes trust.toml",
        build: |lab| change(lab, &CARLA, |draft| draft.list(&with_mallory())),
        ours: Ours::Refused("Refused", "not trust.toml"),
        git: true,
        because: OWN,
    },
    Case {
        name: "an operator on the estate's policies",
        how: "Carla, operator, changes estate.toml",
        build: |lab| change(lab, &CARLA, |draft| draft.put("estate.toml", "new")),
        ours: Ours::Refused("Refused", "not estate.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "an operator on a stack",
        how: "Carla changes stacks/beta.toml",
        build: |lab| change(lab, &CARLA, |draft| draft.put("stacks/beta.toml", "new")),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "the reconciler on a stack",
        how: "the reconciler's key changes stacks/acme.toml",
        build: |lab| {
            change(lab, &RECONCILER, |draft| {
                draft.put("stacks/acme.toml", "new")
            })
        },
        ours: Ours::Refused("Refused", "not stacks/acme.toml"),
        git: true,
        because: PATHS,
    },
    Case {
        name: "the reconciler on its records",
        how: "the reconciler's key adds records/head",
        build: |lab| change(lab, &RECONCILER, |draft| draft.put("records/head", "7")),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a role that may change the list",
        how: "Anna gives Dora's role trust.toml",
        build: |lab| {
            let wide = ACME.replace("\"blueprints/own/\"", "\"trust.toml\"");
            change(lab, &ANNA, |draft| draft.list(&list(&people(), &wide)))
        },
        ours: Ours::Refused("TrustList", "may not change trust.toml"),
        git: true,
        because: "Git does not read the list",
    },
    Case {
        name: "a built-in role said anew",
        how: "Anna gives the role operator other paths",
        build: |lab| {
            let own = "\n[[role]]\nname = \"operator\"\nmay = [\"secrets/\"]\n";
            change(lab, &ANNA, |draft| {
                draft.list(&list(&people(), &format!("{ACME}{own}")))
            })
        },
        ours: Ours::Refused("TrustList", "built in"),
        git: true,
        because: "Git does not read the list",
    },
    Case {
        name: "a role with a wildcard",
        how: "Anna writes `may = [\"stacks/*\"]`",
        build: |lab| {
            let wide = ACME.replace("blueprints/own/", "stacks/*");
            change(lab, &ANNA, |draft| draft.list(&list(&people(), &wide)))
        },
        ours: Ours::Refused("TrustList", "is no file or folder of the estate"),
        git: true,
        because: "Git does not read the list",
    },
    Case {
        name: "a threshold lowered by one",
        how: "the list wants two owners for trust; Anna alone lowers that to one",
        build: |lab| {
            let root = lab.root_with(&list(&people(), &format!("{ACME}{TWO}")));
            let draft = lab.on(&[&root]).list(&everybody());
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Refused", "it needs 2 people, 1 signed or approved"),
        git: true,
        because: "Git asks for one signature, however many the list wants",
    },
    Case {
        name: "a threshold lowered with approval",
        how: "the same, approved by Bert",
        build: |lab| {
            let root = lab.root_with(&list(&people(), &format!("{ACME}{TWO}")));
            let draft = lab.on(&[&root]).list(&everybody());
            let head = lab.commit(&draft, &ANNA);
            lab.approve(&head, &BERT);
            Attack::fresh(root, head)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a threshold that nobody can reach",
        how: "Anna asks for three owners; the list has two people",
        build: |lab| {
            let three = TWO.replace('2', "3");
            change(lab, &ANNA, |draft| {
                draft.list(&list(&people(), &format!("{ACME}{three}")))
            })
        },
        ours: Ours::Refused("TrustList", "can never sign"),
        git: true,
        because: "Git does not read the list; nobody could ever change it again",
    },
    Case {
        name: "a threshold met by keys of one person",
        how: "Anna asks for three owners and lists her second key as the third",
        build: |lab| {
            let three = TWO.replace('2', "3");
            let mut signers = people();
            signers[0] = signer("anna", "owner", &ANNA, "person = \"Anna\"");
            signers.push(signer("anna-too", "owner", &ANNA_TOO, "person = \"Anna\""));
            change(lab, &ANNA, |draft| {
                draft.list(&list(&signers, &format!("{ACME}{three}")))
            })
        },
        ours: Ours::Refused("TrustList", "can never sign"),
        git: true,
        because: "Git does not read the list; people count, not keys",
    },
    Case {
        name: "a threshold of nobody",
        how: "Anna writes `trust = { signers = 0 }`",
        build: |lab| {
            let zero = TWO.replace('2', "0");
            change(lab, &ANNA, |draft| {
                draft.list(&list(&people(), &format!("{ACME}{zero}")))
            })
        },
        ours: Ours::Refused("TrustList", "nobody would have to sign"),
        git: true,
        because: "Git does not read the list",
    },
];
