//! Trees that lead out of what was signed, or that two readers read differently.

use super::keys::ANNA;
use super::lab::{FILE, Files, Id, Lab, entry};
use super::{Attack, Case, Ours};

/// Anna signs a commit with this tree on top of the root's entries.
fn with_tree(
    lab: &mut Lab,
    tree: impl Fn(&Lab, Vec<(u32, &'static str, Id)>) -> Vec<u8>,
) -> Attack {
    let root = lab.root();
    let draft = lab.on(&[&root]);
    let file = |name: &'static str| {
        let (mode, content) = &draft.files[name];
        (*mode, name, lab.object("blob", content))
    };
    let entries = vec![file("estate.toml"), file("note.md"), file("trust.toml")];
    let tree = lab.object("tree", &tree(lab, entries));
    let payload = Lab::payload(&draft, &tree);
    let object = lab.with(&payload, &[&ANNA.sign("git", &payload)]);
    let head = lab.write(&object, &draft.files);
    Attack::fresh(root, head)
}

fn written(entries: &[(u32, &'static str, Id)]) -> Vec<u8> {
    entries
        .iter()
        .flat_map(|(mode, name, id)| entry(*mode, name, id))
        .collect()
}

/// One entry more, at its place in the order.
fn with_entry(lab: &mut Lab, mode: u32, name: &'static str, bytes: &[u8]) -> Attack {
    with_tree(lab, |lab, mut entries| {
        let kind = if mode == 0o40_000 { "tree" } else { "blob" };
        entries.push((mode, name, lab.object(kind, bytes)));
        entries.sort_by_key(|(_, name, _)| *name);
        written(&entries)
    })
}

/// Anna adds a file.
fn adds(lab: &mut Lab, path: &str, bytes: impl AsRef<[u8]>) -> Attack {
    let root = lab.root();
    let draft = lab.on(&[&root]).put(path, bytes);
    let head = lab.commit(&draft, &ANNA);
    Attack::fresh(root, head)
}

const UNREAD: &str = "Git checks a signature and does not look into the tree";

pub const CASES: &[Case] = &[
    Case {
        name: "a link among the files",
        how: "a symbolic link `hosters.toml` to /etc/passwd",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("hosters.toml", "/etc/passwd");
            let head = lab.commit(&draft.mode("hosters.toml", 0o120_000), &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("File", "symbolic link"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a submodule among the files",
        how: "a commit of another repository as `module`",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).put("module", "").mode("module", 0o160_000);
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("File", "submodule"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a folder named ..",
        how: "a tree entry `..`",
        build: |lab| with_entry(lab, 0o40_000, "..", b""),
        ours: Ours::Refused("File", "its name is not acceptable"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a file named .git",
        how: "a tree entry `.GIT`",
        build: |lab| with_entry(lab, FILE, ".GIT", b"gitdir: /"),
        ours: Ours::Refused("File", "its name is not acceptable"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a slash in a name",
        how: "a tree entry `stacks/acme.toml` in the root tree",
        build: |lab| with_entry(lab, FILE, "stacks/acme.toml", b"schema = 1\n"),
        ours: Ours::Refused("File", "its name is not acceptable"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "an empty name",
        how: "a tree entry without name",
        build: |lab| with_entry(lab, FILE, "", b"nothing"),
        ours: Ours::Refused("File", "folder's list is malformed"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "an escape sequence in a name",
        how: "a file whose name clears the terminal",
        build: |lab| with_entry(lab, FILE, "a\u{1b}[2Jb", b"nothing"),
        ours: Ours::Refused("File", "its name is not acceptable"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "an entry twice",
        how: "trust.toml twice, the second with Mallory's list",
        build: |lab| {
            with_tree(lab, |lab, mut entries| {
                let evil = lab.object("blob", b"schema = 1\n");
                entries.push((FILE, "trust.toml", evil));
                written(&entries)
            })
        },
        ours: Ours::Refused("File", "folder's list is malformed"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a file and a folder of one name",
        how: "trust.toml as a file, and as a folder behind it",
        build: |lab| {
            with_tree(lab, |lab, mut entries| {
                let folder = lab.tree(&Files::from([("x".to_owned(), (FILE, vec![]))]));
                entries.push((0o40_000, "trust.toml", folder));
                written(&entries)
            })
        },
        ours: Ours::Refused("File", "it stands twice"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "an unsorted tree",
        how: "trust.toml before note.md",
        build: |lab| {
            with_tree(lab, |_, mut entries| {
                entries.reverse();
                written(&entries)
            })
        },
        ours: Ours::Refused("File", "folder's list is malformed"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a truncated tree",
        how: "the last entry's id is cut off",
        build: |lab| {
            with_tree(lab, |_, entries| {
                let mut bytes = written(&entries);
                bytes.truncate(bytes.len() - 7);
                bytes
            })
        },
        ours: Ours::Refused("File", "malformed"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "an unknown mode",
        how: "a file with mode 100777",
        build: |lab| with_entry(lab, 0o100_777, "x.md", b"x"),
        ours: Ours::Refused("File", "it is no ordinary file"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a mode with zeros before it",
        how: "`0100644` for `100644`",
        build: |lab| {
            with_tree(lab, |_, entries| {
                let bytes = written(&entries);
                [b"0".to_vec(), bytes].concat()
            })
        },
        ours: Ours::Refused("File", "malformed"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a blob in a folder's place",
        how: "the folder stacks is a blob that claims to be a tree",
        build: |lab| {
            with_tree(lab, |lab, mut entries| {
                let blob = lab.object("blob", b"no tree");
                entries.insert(2, (0o40_000, "stacks", blob));
                written(&entries)
            })
        },
        ours: Ours::Refused("File", "folder"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a file that is not there",
        how: "note.md names an object that nobody has",
        build: |lab| {
            with_tree(lab, |_, mut entries| {
                entries[1].2 = "12".repeat(20);
                written(&entries)
            })
        },
        ours: Ours::Refused("Unreadable", "note.md"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a huge file",
        how: "hosters.toml of 30 MiB",
        build: |lab| adds(lab, "hosters.toml", vec![b'#'; 30 << 20]),
        ours: Ours::Refused("File", "larger than 1 MiB"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "20,001 files",
        how: "one file more than are read",
        build: |lab| {
            let root = lab.root();
            let blob = lab.object("blob", b"x");
            let names: Vec<u8> = (0..20_001)
                .flat_map(|n| entry(FILE, &format!("f{n:05}"), &blob))
                .collect();
            let folder = lab.object("tree", &names);
            let draft = lab.on(&[&root]);
            let list = lab.object("blob", &draft.files["trust.toml"].1);
            let tree = [
                entry(0o40_000, "stacks", &folder),
                entry(FILE, "trust.toml", &list),
            ];
            let tree = lab.object("tree", &tree.concat());
            let payload = Lab::payload(&draft, &tree);
            let object = lab.with(&payload, &[&ANNA.sign("git", &payload)]);
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("File", "too many files"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a thousand folders inside each other",
        how: "d/d/d/… a thousand deep",
        build: |lab| {
            let root = lab.root();
            let mut tree = lab.tree(&Files::from([("x".to_owned(), (FILE, vec![]))]));
            for _ in 0..1000 {
                tree = lab.object("tree", &entry(0o40_000, "d", &tree));
            }
            let draft = lab.on(&[&root]);
            let list = lab.object("blob", &draft.files["trust.toml"].1);
            let whole = [
                entry(0o40_000, "d", &tree),
                entry(FILE, "trust.toml", &list),
            ];
            let whole = lab.object("tree", &whole.concat());
            let payload = Lab::payload(&draft, &whole);
            let object = lab.with(&payload, &[&ANNA.sign("git", &payload)]);
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("File", "too deep"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a billion files in a kilobyte",
        how: "ten folders, each naming the next one ten times",
        build: |lab| {
            let root = lab.root();
            let mut tree = lab.tree(&Files::from([("x".to_owned(), (FILE, vec![]))]));
            for _ in 0..9 {
                let ten: Vec<u8> = (0..10)
                    .flat_map(|n| entry(0o40_000, &format!("d{n}"), &tree))
                    .collect();
                tree = lab.object("tree", &ten);
            }
            let draft = lab.on(&[&root]);
            let list = lab.object("blob", &draft.files["trust.toml"].1);
            let whole = [
                entry(0o40_000, "d", &tree),
                entry(FILE, "trust.toml", &list),
            ];
            let whole = lab.object("tree", &whole.concat());
            let payload = Lab::payload(&draft, &whole);
            let object = lab.with(&payload, &[&ANNA.sign("git", &payload)]);
            let head = lab.write(&object, &draft.files);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("File", "too many"),
        git: true,
        because: UNREAD,
    },
];
