//! Merges: what a merge brings is not what its signer changes.

use crate::estate_fixture::{Key, Lab, chain, content, list};
use git2::Oid;

const OWNER: &str = "role = \"owner\"";
const ADMIN: &str = "[[role]]\nname = \"acme-admin\"\nstacks = [\"acme\"]";

struct Place {
    lab: Lab,
    anna: Key,
    carla: Key,
    trust: Vec<u8>,
    root: Oid,
}

/// Anna owns; Carla may change `stacks/acme.toml` only.
fn place() -> Place {
    let lab = Lab::new();
    let (anna, carla) = (lab.ed25519("anna"), lab.ed25519("carla"));
    let signers = [
        ("anna", &anna, OWNER),
        ("carla", &carla, "role = \"acme-admin\""),
    ];
    let trust = list(&signers, ADMIN);
    let files = [("stacks/acme.toml", "0"), ("stacks/other.toml", "0")];
    let root = lab.signed(&content(&[], &trust, &files), &anna);
    Place {
        lab,
        anna,
        carla,
        trust,
        root,
    }
}

impl Place {
    fn commit(&self, parents: &[Oid], acme: &str, other: &str, key: &Key) -> Oid {
        let files = [("stacks/acme.toml", acme), ("stacks/other.toml", other)];
        self.lab.signed(&content(parents, &self.trust, &files), key)
    }

    fn expect(&self, head: Oid, expected: Result<(), &str>) {
        self.lab.head(head);
        match (self.lab.verify(self.root), expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) => {
                let said = chain(&error);
                assert!(said.contains(part), "{said}");
                assert_eq!(error.code(), "HF0226", "{said}");
            }
            (verdict, expected) => panic!("{expected:?}, but {verdict:?}"),
        }
    }
}

#[test]
fn a_limited_signer_may_merge_others_work_in() {
    let at = place();
    let main = at.commit(&[at.root], "0", "1", &at.anna);
    let branch = at.commit(&[at.root], "1", "0", &at.carla);
    at.expect(at.commit(&[main, branch], "1", "1", &at.carla), Ok(()));
    at.expect(at.commit(&[branch, main], "1", "1", &at.carla), Ok(()));
    // With something of her own on top, and with something that is not hers.
    at.expect(at.commit(&[branch, main], "2", "1", &at.carla), Ok(()));
    at.expect(
        at.commit(&[branch, main], "1", "2", &at.carla),
        Err("not stacks/other.toml"),
    );
}

#[test]
fn a_merge_cannot_undo_what_its_signer_may_not_change() {
    let at = place();
    let main = at.commit(&[at.root], "0", "1", &at.anna);
    let branch = at.commit(&[at.root], "1", "0", &at.carla);
    // The old version from a branch that never touched the file.
    for parents in [[main, branch], [branch, main]] {
        at.expect(
            at.commit(&parents, "1", "0", &at.carla),
            Err("not stacks/other.toml"),
        );
        at.expect(at.commit(&parents, "1", "0", &at.anna), Ok(()));
    }
}

#[test]
fn a_merge_between_two_versions_is_decided_by_who_may_change_the_file() {
    let at = place();
    let one = at.commit(&[at.root], "0", "1", &at.anna);
    let two = at.commit(&[at.root], "0", "2", &at.anna);
    at.expect(
        at.commit(&[one, two], "0", "2", &at.carla),
        Err("not stacks/other.toml"),
    );
    at.expect(at.commit(&[one, two], "0", "2", &at.anna), Ok(()));
}

#[test]
fn a_merge_of_branches_with_several_bases_is_judged_strictly() {
    let at = place();
    let one = at.commit(&[at.root], "0", "1", &at.anna);
    let two = at.commit(&[at.root], "1", "0", &at.anna);
    // Criss-cross: both merge the other.
    let left = at.commit(&[one, two], "1", "1", &at.anna);
    let right = at.commit(&[two, one], "1", "1", &at.anna);
    let main = at.commit(&[left], "1", "2", &at.anna);
    let branch = at.commit(&[right], "2", "1", &at.carla);
    at.expect(
        at.commit(&[branch, main], "2", "2", &at.carla),
        Err("not stacks/other.toml"),
    );
    at.expect(at.commit(&[branch, main], "2", "2", &at.anna), Ok(()));
}

#[test]
fn a_merge_over_a_changed_list_is_judged_strictly_on_that_side() {
    let at = place();
    // Since the branches parted the list of main has changed.
    let signers = [
        ("anna", &at.anna, OWNER),
        (
            "carla",
            &at.carla,
            "role = \"acme-admin\"\nperson = \"Carla C\"",
        ),
    ];
    let newer = list(&signers, ADMIN);
    let files = |acme, other| [("stacks/acme.toml", acme), ("stacks/other.toml", other)];
    let main = at
        .lab
        .signed(&content(&[at.root], &newer, &files("0", "0")), &at.anna);
    let branch = at.commit(&[at.root], "0", "1", &at.anna);
    let merge = |key| {
        at.lab
            .signed(&content(&[main, branch], &newer, &files("0", "1")), key)
    };
    at.expect(merge(&at.carla), Err("not stacks/other.toml"));
    at.expect(merge(&at.anna), Ok(()));
}

#[test]
fn an_octopus_brings_each_branchs_own_work() {
    let at = place();
    let one = at.commit(&[at.root], "0", "1", &at.anna);
    let two = at.commit(&[at.root], "1", "0", &at.carla);
    let mut files = content(
        &[at.root],
        &at.trust,
        &[
            ("stacks/acme.toml", "0"),
            ("stacks/other.toml", "0"),
            ("c.md", "c"),
        ],
    );
    let three = at.lab.signed(&files, &at.anna);
    files.parents = vec![one, two, three];
    files
        .files
        .insert("stacks/acme.toml".to_owned(), (0o100_644, b"1".to_vec()));
    files
        .files
        .insert("stacks/other.toml".to_owned(), (0o100_644, b"1".to_vec()));
    at.expect(at.lab.signed(&files, &at.carla), Ok(()));
}
