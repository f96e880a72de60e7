//! Objects that Git would not write. All of them are signed by Anna as they stand.

use super::keys::ANNA;
use super::lab::{DATED, Lab, halve, with_headers};
use super::{Attack, Case, Ours};

/// A commit whose payload is edited before Anna signs it.
fn edited(lab: &mut Lab, edit: impl Fn(String) -> String) -> Attack {
    bytes(lab, |text| edit(text).into_bytes())
}

fn bytes(lab: &mut Lab, edit: impl Fn(String) -> Vec<u8>) -> Attack {
    let root = lab.root();
    let draft = lab.on(&[&root]).put("note.md", "next");
    let payload = edit(String::from_utf8(lab.unsigned(&draft)).expect("text"));
    let object = lab.with(&payload, &[&ANNA.sign("git", &payload)]);
    let head = lab.write(&object, &draft.files);
    Attack::fresh(root, head)
}

/// Lines between `committer` and the message.
fn headed(lab: &mut Lab, headers: &str) -> Attack {
    let root = lab.root();
    let mut draft = lab.on(&[&root]).put("note.md", "next");
    headers.clone_into(&mut draft.headers);
    let head = lab.commit(&draft, &ANNA);
    Attack::fresh(root, head)
}

const LOOSE: &str = "Git reads such a header in its own way; what one reader sees and another does not is no \
     ground for trust";

pub const CASES: &[Case] = &[
    Case {
        name: "no author",
        how: "the author header left out",
        build: |lab| {
            let who = format!("author A Person <a@acme.example> {DATED} +0000\n");
            edited(lab, |text| text.replacen(&who, "", 1))
        },
        ours: Ours::Refused("Malformed", "its header author"),
        git: true,
        because: LOOSE,
    },
    Case {
        name: "no committer",
        how: "the committer header left out",
        build: |lab| {
            let who = format!("committer A Person <a@acme.example> {DATED} +0000\n");
            edited(lab, |text| text.replacen(&who, "", 1))
        },
        ours: Ours::Refused("Malformed", "its header committer"),
        git: false,
        because: "",
    },
    Case {
        name: "two trees",
        how: "a second tree header after the first",
        build: |lab| {
            let other = lab.tree(&std::collections::BTreeMap::new());
            edited(lab, |text| {
                text.replacen("\nparent", &format!("\ntree {other}\nparent"), 1)
            })
        },
        ours: Ours::Refused("Malformed", "its header"),
        git: true,
        because: LOOSE,
    },
    Case {
        name: "a tree at the end",
        how: "a second tree header after the committer",
        build: |lab| {
            let other = lab.tree(&std::collections::BTreeMap::new());
            headed(lab, &format!("tree {other}\n"))
        },
        ours: Ours::Refused("Malformed", "its header tree"),
        git: true,
        because: LOOSE,
    },
    Case {
        name: "a parent after the author",
        how: "a second parent header after the committer",
        build: |lab| {
            let root = lab.root();
            headed(lab, &format!("parent {root}\n"))
        },
        ours: Ours::Refused("Malformed", "its header parent"),
        git: true,
        because: LOOSE,
    },
    Case {
        name: "a second committer",
        how: "an earlier date in a second committer header",
        build: |lab| headed(lab, "committer A Person <a@acme.example> 1 +0000\n"),
        ours: Ours::Refused("Malformed", "its header committer"),
        git: true,
        because: LOOSE,
    },
    Case {
        name: "an id in capitals",
        how: "the parent's id in upper case",
        build: |lab| {
            let root = lab.root();
            edited(lab, |text| text.replacen(&root, &root.to_uppercase(), 1))
        },
        ours: Ours::Refused("Malformed", "its header parent"),
        git: true,
        because: LOOSE,
    },
    Case {
        name: "a NUL in a header",
        how: "the author's name contains a NUL byte",
        build: |lab| edited(lab, |text| text.replacen("A Person", "A\0Person", 1)),
        ours: Ours::Refused("Malformed", "bytes that do not belong there"),
        git: false,
        because: "",
    },
    Case {
        name: "a NUL in the message",
        how: "the message continues behind a NUL byte",
        build: |lab| edited(lab, |text| text + "\0and more\n"),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "not UTF-8",
        how: "a Latin-1 author with the encoding header",
        build: |lab| {
            bytes(lab, |text| {
                let text = text.replacen("\n\n", "\nencoding ISO-8859-1\n\n", 1);
                let (head, rest) = text.split_once("author A").expect("a commit");
                [head.as_bytes(), b"author \xc4", rest.as_bytes()].concat()
            })
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a merged tag",
        how: "a mergetag header with a tag object",
        build: |lab| {
            let root = lab.root();
            let tag = format!(
                "mergetag object {root}\n type commit\n tag v1\n tagger A <a@b> 1 +0000\n \n one\n"
            );
            headed(lab, &tag)
        },
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a very long header line",
        how: "100,000 bytes in a header of one's own",
        build: |lab| headed(lab, &format!("note {}\n", "x".repeat(100_000))),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "a commit of 2 MiB",
        how: "a message of two mebibytes",
        build: |lab| edited(lab, |text| text + &"x".repeat(2 << 20)),
        ours: Ours::Refused("TooLarge", "too large"),
        git: true,
        because: "nobody writes such a message; the memory of the reconciler is bounded",
    },
    Case {
        name: "a header without value",
        how: "a line of one word among the headers",
        build: |lab| headed(lab, "note\n"),
        ours: Ours::Refused("Malformed", "bytes that do not belong there"),
        git: true,
        because: LOOSE,
    },
    Case {
        name: "no date",
        how: "the committer header without seconds and zone",
        build: |lab| {
            let date = format!("committer A Person <a@acme.example> {DATED} +0000");
            edited(lab, |text| {
                text.replacen(&date, "committer A Person <a@acme.example>", 1)
            })
        },
        ours: Ours::Refused("Malformed", "its header committer"),
        git: true,
        because: "Git takes a date that it cannot read for 1970; keys are judged by it",
    },
    Case {
        name: "a date that no calendar has",
        how: "the committer's seconds are 99999999999999999999",
        build: |lab| {
            let date = format!("example> {DATED}");
            edited(lab, |text| {
                text.replace(&date, "example> 99999999999999999999")
            })
        },
        ours: Ours::Refused("Malformed", "its header author"),
        git: false,
        because: "",
    },
    Case {
        name: "headers without end",
        how: "no empty line and no message",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "next");
            let payload = lab.unsigned(&draft);
            let object = lab.with(&payload, &[&ANNA.sign("git", &payload)]);
            let at = object
                .windows(2)
                .position(|two| two == b"\n\n")
                .expect("a commit");
            let head = lab.write(&object[..=at], &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Malformed", "its header end"),
        git: false,
        because: "",
    },
    Case {
        name: "a signature in the message",
        how: "the signature stands after the empty line",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "next");
            let mut object = lab.unsigned(&draft);
            let signature = ANNA.sign("git", &object).replace('\n', "\n ");
            object.extend_from_slice(format!("gpgsig {signature}\n").as_bytes());
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: false,
        because: "",
    },
    Case {
        name: "a signature in the author's continuation",
        how: "the signature header is a continuation line of another header",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("note.md", "next");
            let payload = lab.unsigned(&draft);
            let signature = format!("x\ngpgsig {}", ANNA.sign("git", &payload));
            let object = with_headers(&payload, &[("note", &signature)]);
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unsigned", "is not signed"),
        git: false,
        because: "",
    },
    Case {
        name: "a tag as head",
        how: "the head is an annotated tag of Anna's commit",
        build: |lab| {
            let root = lab.root();
            let commit = lab.note(&root, "next", &ANNA);
            let tag =
                format!("object {commit}\ntype commit\ntag v1\ntagger A <a@b> 1 +0000\n\none\n");
            let head = lab.object("tag", tag.as_bytes());
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("NotACommit", "is not a commit"),
        git: false,
        because: "",
    },
    Case {
        name: "a tree as head",
        how: "the head is a tree",
        build: |lab| {
            let root = lab.root();
            let head = lab.tree(&std::collections::BTreeMap::new());
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("NotACommit", "is not a commit"),
        git: false,
        because: "",
    },
    Case {
        name: "a tree as parent",
        how: "the parent header names a tree",
        build: |lab| {
            let root = lab.root();
            let tree = lab.tree(&std::collections::BTreeMap::new());
            edited(lab, |text| text.replacen(&root, &tree, 1))
        },
        ours: Ours::Refused("NotACommit", "is not a commit"),
        git: true,
        because: "Git looks at one commit",
    },
    Case {
        name: "a commit as tree",
        how: "the tree header names the parent",
        build: |lab| {
            let root = lab.root();
            edited(lab, |text| format!("tree {root}{}", &text[45..]))
        },
        ours: Ours::Refused("File", "it is no folder"),
        git: false,
        because: "",
    },
    Case {
        name: "a parent that is not there",
        how: "the parent header names an object that nobody has",
        build: |lab| {
            let root = lab.root();
            edited(lab, |text| text.replacen(&root, &"12".repeat(20), 1))
        },
        ours: Ours::Refused("Unreadable", "cannot read commit 1212"),
        git: true,
        because: "Git looks at one commit",
    },
    Case {
        name: "a truncated commit",
        how: "half of the head's file is gone",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &ANNA);
            halve(&lab.loose(&head));
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unreadable", "cannot read"),
        git: false,
        because: "",
    },
    Case {
        name: "another commit's bytes",
        how: "under the head's id lies the content of another signed commit",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &ANNA);
            let other = lab.note(&root, "other", &ANNA);
            std::fs::copy(lab.loose(&other), lab.loose(&head)).expect("a file");
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unreadable", "cannot read"),
        git: false,
        because: "",
    },
    Case {
        name: "another list's bytes",
        how: "under the id of the root's trust.toml lies another list",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &ANNA);
            let list = lab.object("blob", super::lab::everybody().as_bytes());
            let other = lab.object("blob", b"schema = 1\n");
            std::fs::copy(lab.loose(&other), lab.loose(&list)).expect("a file");
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unreadable", "cannot read"),
        git: false,
        because: "",
    },
    Case {
        name: "a truncated list",
        how: "half of the file of the root's trust.toml is gone",
        build: |lab| {
            let root = lab.root();
            let head = lab.note(&root, "next", &ANNA);
            let list = lab.object("blob", super::lab::everybody().as_bytes());
            halve(&lab.loose(&list));
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("Unreadable", "cannot read"),
        git: true,
        because: "Git does not read the list (its keys here come from the good one)",
    },
];
