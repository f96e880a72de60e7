//! Roles and thresholds, in repositories.

use crate::estate_fixture::{Key, Lab, ask, chain, content, id, list, now};
use git2::Oid;
use holdfast::flow::estate;
use holdfast::world::git::{Known, Question, TrustError};

const OWNER: &str = "role = \"owner\"";
const TWO: &str = "[thresholds]\ntrust = { signers = 2, roles = [\"owner\"] }";
const ADMIN: &str = "[[role]]\nname = \"acme-admin\"\nstacks = [\"acme\"]";

/// Path and content.
type Files<'f> = &'f [(&'f str, &'f str)];

struct Place {
    lab: Lab,
    anna: Key,
    ben: Key,
    carla: Key,
}

fn place() -> Place {
    let lab = Lab::new();
    let [anna, ben, carla] = ["anna", "ben", "carla"].map(|name| lab.ed25519(name));
    Place {
        lab,
        anna,
        ben,
        carla,
    }
}

impl Place {
    /// Anna and Ben own, Carla has the role.
    fn list(&self, role: &str, more: &str) -> Vec<u8> {
        let role = format!("role = \"{role}\"");
        let signers = [
            ("anna", &self.anna, OWNER),
            ("ben", &self.ben, OWNER),
            ("carla", &self.carla, role.as_str()),
        ];
        list(&signers, more)
    }

    fn expect(&self, root: Oid, head: Oid, expected: Result<(), (&str, &str)>) {
        self.lab.head(head);
        match (self.lab.verify(root), expected) {
            (Ok(commit), Ok(())) => assert_eq!(commit.id(), &id(head)),
            (Err(error), Err((code, part))) => {
                let said = chain(&error);
                assert_eq!(error.code(), code, "{said}");
                assert!(said.contains(part), "{said}");
                assert!(!error.remedy().is_empty());
            }
            (verdict, expected) => panic!("{expected:?}, but {verdict:?}"),
        }
    }
}

#[test]
fn a_customers_admin_changes_a_customers_own_file_and_nothing_else() {
    let at = place();
    let trust = at.list("acme-admin", ADMIN);
    let files = [("stacks/acme.toml", "1"), ("stacks/other.toml", "1")];
    let root = at.lab.signed(&content(&[], &trust, &files), &at.anna);
    let cases: [(Files<'_>, Option<&str>); 5] = [
        (
            &[("stacks/acme.toml", "2"), ("stacks/other.toml", "1")],
            None,
        ),
        (&[("stacks/other.toml", "1")], None),
        (
            &[("stacks/acme.toml", "1"), ("stacks/other.toml", "2")],
            Some("stacks/other.toml"),
        ),
        (&[("stacks/acme.toml", "1")], Some("stacks/other.toml")),
        (
            &[
                ("stacks/acme.toml", "1"),
                ("stacks/other.toml", "1"),
                ("estate.toml", "x"),
            ],
            Some("estate.toml"),
        ),
    ];
    for (files, refused) in cases {
        let head = at.lab.signed(&content(&[root], &trust, files), &at.carla);
        let expected = refused.map_or(Ok(()), |path| Err(("HF0226", path)));
        at.expect(root, head, expected);
        if refused.is_some() {
            let error = at.lab.verify(root).expect_err("refused");
            let said = chain(&error);
            for part in [
                &head.to_string(),
                "carla (acme-admin, key SHA256:",
                "stacks/acme.toml",
            ] {
                assert!(said.contains(part), "{said}");
            }
        }
    }
}

#[test]
fn a_file_that_becomes_a_folder_or_executable_is_a_change() {
    let at = place();
    let trust = at.list("acme-admin", ADMIN);
    let root = at
        .lab
        .signed(&content(&[], &trust, &[("note", "1")]), &at.anna);
    let folder = content(&[root], &trust, &[("note/a", "1"), ("note/b", "1")]);
    let head = at.lab.signed(&folder, &at.carla);
    at.expect(root, head, Err(("HF0226", "note, note/a, note/b")));
    let mut mode = content(&[root], &trust, &[]);
    mode.files
        .insert("note".to_owned(), (0o100_755, b"1".to_vec()));
    let head = at.lab.signed(&mode, &at.carla);
    at.expect(root, head, Err(("HF0226", "not note")));
}

#[test]
fn a_role_cannot_widen_itself() {
    let at = place();
    let trust = at.list("acme-admin", ADMIN);
    let root = at.lab.signed(&content(&[], &trust, &[]), &at.anna);
    let wide = at.list("owner", ADMIN);
    let head = at.lab.signed(&content(&[root], &wide, &[]), &at.carla);
    at.expect(root, head, Err(("HF0226", "trust.toml")));
    let operator = at.list("operator", "");
    let root = at.lab.signed(&content(&[], &operator, &[]), &at.anna);
    let head = at.lab.signed(&content(&[root], &wide, &[]), &at.carla);
    at.expect(root, head, Err(("HF0226", "trust.toml")));
}

#[test]
fn a_change_of_trust_needs_as_many_people_as_the_parent_says() {
    let at = place();
    let old = at.list("operator", TWO);
    let root = at.lab.signed(&content(&[], &old, &[]), &at.anna);
    let new = at.list("owner", TWO);
    let head = at.lab.signed(&content(&[root], &new, &[]), &at.anna);
    at.expect(
        root,
        head,
        Err((
            "HF0227",
            "it needs 2 people, 1 signed or approved; missing: 1 of ben",
        )),
    );
    at.lab.approve(head, &at.anna);
    at.lab.approve(head, &at.carla);
    at.lab.approve(head, &at.lab.ed25519("stranger"));
    at.expect(root, head, Err(("HF0227", "1 signed or approved")));
    at.lab.approve_with(head, &at.ben, "git", &head.to_string());
    at.expect(root, head, Err(("HF0227", "1 signed or approved")));
    at.lab
        .approve_with(head, &at.ben, "holdfast-approval", &root.to_string());
    at.expect(root, head, Err(("HF0227", "1 signed or approved")));
    at.lab
        .store_approval(head, "0123456789abcdef", b"no signature");
    at.expect(root, head, Err(("HF0227", "1 signed or approved")));
    at.lab.approve(head, &at.ben);
    at.expect(root, head, Ok(()));
    // Other files need nobody else.
    let free = at
        .lab
        .signed(&content(&[root], &old, &[("a.md", "a")]), &at.anna);
    at.expect(root, free, Ok(()));
}

#[test]
fn a_lower_threshold_counts_from_the_next_commit_on() {
    let at = place();
    let root = at
        .lab
        .signed(&content(&[], &at.list("operator", TWO), &[]), &at.anna);
    let lower = at.list("operator", "");
    let head = at.lab.signed(&content(&[root], &lower, &[]), &at.anna);
    at.expect(root, head, Err(("HF0227", "it needs 2 people")));
    at.lab.approve(head, &at.ben);
    at.expect(root, head, Ok(()));
    let next = at
        .lab
        .signed(&content(&[head], &at.list("owner", ""), &[]), &at.anna);
    at.expect(root, next, Ok(()));
}

#[test]
fn approvals_of_the_head_are_given_with_name_and_role() {
    let at = place();
    let trust = at.list("operator", "");
    let root = at.lab.signed(&content(&[], &trust, &[]), &at.anna);
    let head = at
        .lab
        .signed(&content(&[root], &trust, &[("a.md", "a")]), &at.anna);
    at.lab.head(head);
    assert!(
        at.lab
            .verify(root)
            .expect("accepted")
            .approvals()
            .is_empty()
    );
    for key in [&at.anna, &at.ben, &at.carla, &at.lab.ed25519("stranger")] {
        at.lab.approve(head, key);
    }
    let commit = at.lab.verify(root).expect("accepted");
    let mut people: Vec<_> = commit
        .approvals()
        .iter()
        .map(|a| (a.name.as_str(), a.role.as_str()))
        .collect();
    people.sort_unstable();
    assert_eq!(people, [("ben", "owner"), ("carla", "operator")]);
    let signed = commit.signed().expect("a signer");
    assert_eq!(
        (signed.name.as_str(), signed.role.as_str()),
        ("anna", "owner")
    );
}

#[test]
fn a_commit_is_explained_with_what_is_missing() {
    let at = place();
    let old = at.list("operator", TWO);
    let root = at
        .lab
        .signed(&content(&[], &old, &[("stacks/acme.toml", "1")]), &at.anna);
    let head = at
        .lab
        .signed(&content(&[root], &at.list("owner", TWO), &[]), &at.carla);
    at.lab.head(root);
    at.lab.approve(head, &at.ben);
    at.lab.approve(head, &at.carla);
    at.lab
        .store_approval(head, "0123456789abcdef", b"no signature");
    let (root_id, known) = (id(root), Known::none());
    let question = Question {
        repository: at.lab.path(),
        root: &root_id,
        head: "HEAD",
        known: &known,
        now: now(),
    };
    let said = estate::explain(&question, &head.to_string()).expect("explained");
    assert!(!said.is_sound() && !said.is_root);
    let [judged] = said.judged.as_slice() else {
        panic!("{said:#?}");
    };
    assert_eq!(judged.signed.as_ref().expect("known").name, "carla");
    assert_eq!(judged.changed, ["stacks/acme.toml", "trust.toml"]);
    let codes: Vec<_> = judged.faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["HF0226", "HF0227"]);
    let mut approvals: Vec<_> = said
        .approvals
        .iter()
        .map(|a| {
            (
                a.signed.as_ref().map_or("", |s| &s.name),
                a.fault.as_ref().map_or("", |f| f.code),
            )
        })
        .collect();
    approvals.sort_unstable();
    assert_eq!(
        approvals,
        [("", "HF0214"), ("ben", ""), ("carla", "HF0228")]
    );
    let sound = estate::explain(&question, "HEAD").expect("explained");
    assert!(sound.is_root && sound.is_sound());
}

#[test]
fn s16_a_link_in_one_stacks_place_holds_that_stack_only() {
    let at = place();
    let trust = at.list("operator", "");
    let root = at.lab.signed(&content(&[], &trust, &[]), &at.anna);
    let cases = [
        ("link", 0o120_000, b"/etc/passwd".to_vec(), "symbolic link"),
        ("large", 0o100_644, vec![b'a'; (1 << 20) + 1], "1 MiB"),
    ];
    for (name, mode, bytes, why) in cases {
        let mut next = content(&[root], &trust, &[("stacks/sound.toml", "x")]);
        next.files
            .insert(format!("stacks/{name}.toml"), (mode, bytes.clone()));
        at.lab.head(at.lab.signed(&next, &at.anna));
        let commit = at.lab.verify(root).expect("accepted");
        assert!(commit.files().contains_key("stacks/sound.toml"));
        let (path, said) = commit.refused_files().first_key_value().expect("one");
        assert_eq!(path, &format!("stacks/{name}.toml"));
        assert!(said.contains(why), "{said}");
        // Anywhere else it is everybody's matter.
        let mut next = content(&[root], &trust, &[]);
        next.files
            .insert(format!("blueprints/{name}.toml"), (mode, bytes));
        at.lab.head(at.lab.signed(&next, &at.anna));
        let error = at.lab.verify(root).expect_err("refused");
        assert!(matches!(error, TrustError::File { .. }), "{error:?}");
    }
}

#[test]
fn a_head_is_found_by_any_name() {
    let at = place();
    let trust = at.list("operator", "");
    let root = at.lab.signed(&content(&[], &trust, &[]), &at.anna);
    let one = at
        .lab
        .signed(&content(&[root], &trust, &[("a.md", "a")]), &at.anna);
    let two = at
        .lab
        .signed(&content(&[one], &trust, &[("a.md", "b")]), &at.anna);
    at.lab.head(two);
    at.lab
        .repository
        .reference("refs/remotes/origin/main", one, true, "test")
        .expect("a reference");
    let tag = at.lab.repository.find_object(one, None).expect("an object");
    let who = git2::Signature::now("a", "a@acme.example").expect("a person");
    at.lab
        .repository
        .tag("v1", &tag, &who, "text", false)
        .expect("a tag");
    let full = one.to_string();
    for (name, expected) in [
        ("HEAD", two),
        ("main", two),
        ("refs/heads/main", two),
        ("HEAD~1", one),
        ("HEAD^", one),
        ("main~2", root),
        ("origin/main", one),
        ("v1", one),
        (full.as_str(), one),
        (&full[..10], one),
    ] {
        let commit = ask(at.lab.path(), &id(root), name, &Known::none()).expect(name);
        assert_eq!(commit.id(), &id(expected), "{name}");
    }
    for name in [
        "",
        "nothing",
        "HEAD~9",
        "HEAD^2",
        "HEAD:trust.toml",
        "HEAD^{tree}",
        "@{-1}",
        "-x",
    ] {
        let error = ask(at.lab.path(), &id(root), name, &Known::none()).expect_err(name);
        assert_eq!(error.code(), "HF0204", "{name}: {error}");
        assert!(!error.is_refusal());
    }
}
