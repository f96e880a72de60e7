//! Repositories made commit by commit, with keys and signatures of OpenSSH:
//! nothing here uses our own signing.

use git2::{ObjectType, Oid, Repository};
use holdfast::flow::estate;
use holdfast::model::ids::CommitId;
use holdfast::world::git::{APPROVALS, Known, Question, TrustError, VerifiedCommit, approval_name};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An age key whose private half nobody kept.
pub const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
/// Another one, for escrow.
pub const ESCROW: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

pub struct Lab {
    dir: tempfile::TempDir,
    pub repository: Repository,
}

/// A key made by `ssh-keygen`.
pub struct Key {
    path: PathBuf,
    pub public: String,
}

/// What goes into a commit.
#[derive(Default, Clone)]
pub struct Draft<'d> {
    pub parents: Vec<Oid>,
    pub files: BTreeMap<String, (i32, Vec<u8>)>,
    pub message: &'d str,
    /// Unix seconds; a day before [`now`] when absent.
    pub dated: Option<i64>,
}

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let repository = Repository::init(dir.path().join("estate")).expect("a repository");
        Self { dir, repository }
    }

    pub fn path(&self) -> &Path {
        self.repository.workdir().expect("a work tree")
    }

    pub fn key(&self, name: &str, kind: &[&str]) -> Key {
        let path = self.dir.path().join(name);
        run(Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", name, "-f"])
            .arg(&path)
            .args(kind));
        let public = fs::read_to_string(path.with_extension("pub")).expect("a public key");
        Key {
            public: public.trim().to_owned(),
            path,
        }
    }

    pub fn ed25519(&self, name: &str) -> Key {
        self.key(name, &["-t", "ed25519"])
    }

    /// The commit object without signature.
    pub fn unsigned(&self, draft: &Draft<'_>) -> Vec<u8> {
        let tree = self.tree(&draft.files);
        let mut text = format!("tree {tree}\n");
        for parent in &draft.parents {
            text += &format!("parent {parent}\n");
        }
        let dated = draft.dated.unwrap_or(1_790_000_000);
        let who = format!("A Person <a@acme.example> {dated} +0100");
        text += &format!("author {who}\ncommitter {who}\n\n{}\n", draft.message);
        text.into_bytes()
    }

    fn tree(&self, files: &BTreeMap<String, (i32, Vec<u8>)>) -> Oid {
        // Only flat trees and one level of folders are needed.
        let mut root = self.repository.treebuilder(None).expect("a tree");
        let mut folders: BTreeMap<&str, Vec<(&str, Oid, i32)>> = BTreeMap::new();
        for (path, (mode, content)) in files {
            let id = if *mode == 0o160_000 {
                Oid::from_str("1111111111111111111111111111111111111111").expect("an id")
            } else {
                self.repository.blob(content).expect("a blob")
            };
            match path.split_once('/') {
                Some((folder, name)) => folders.entry(folder).or_default().push((name, id, *mode)),
                None => drop(root.insert(path, id, *mode).expect("an entry")),
            }
        }
        for (folder, entries) in folders {
            let mut inner = self.repository.treebuilder(None).expect("a tree");
            for (name, id, mode) in entries {
                inner.insert(name, id, mode).expect("an entry");
            }
            let id = inner.write().expect("a tree");
            root.insert(folder, id, 0o040_000).expect("an entry");
        }
        root.write().expect("a tree")
    }

    pub fn signature(&self, key: &Key, namespace: &str, payload: &[u8]) -> String {
        let file = self.dir.path().join("payload");
        fs::write(&file, payload).expect("a file");
        let _ = fs::remove_file(self.dir.path().join("payload.sig"));
        run(Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(&key.path)
            .arg(&file));
        fs::read_to_string(self.dir.path().join("payload.sig")).expect("a signature")
    }

    pub fn write(&self, object: &[u8]) -> Oid {
        let odb = self.repository.odb().expect("a store");
        odb.write(ObjectType::Commit, object).expect("an object")
    }

    pub fn signed(&self, draft: &Draft<'_>, key: &Key) -> Oid {
        let payload = self.unsigned(draft);
        let signature = self.signature(key, "git", &payload);
        self.write(&with_headers(&payload, &[&signature]))
    }

    /// An approval as `ssh-keygen` makes it, stored as Git stores a file.
    pub fn approve(&self, commit: Oid, key: &Key) {
        self.approve_with(commit, key, "holdfast-approval", &commit.to_string());
    }

    /// An approval with another namespace or over another text.
    pub fn approve_with(&self, commit: Oid, key: &Key, namespace: &str, text: &str) {
        let signature = self.signature(key, namespace, text.as_bytes());
        let public = ssh_key::PublicKey::from_openssh(&key.public).expect("a key");
        let name = approval_name(public.key_data()).expect("a name");
        self.store_approval(commit, &name, signature.as_bytes());
    }

    pub fn store_approval(&self, commit: Oid, name: &str, content: &[u8]) {
        let blob = self.repository.blob(content).expect("a blob");
        let name = format!("{APPROVALS}{commit}/{name}");
        self.repository
            .reference(&name, blob, true, "test")
            .expect("a reference");
    }

    pub fn head(&self, id: Oid) {
        self.repository
            .reference("refs/heads/main", id, true, "test")
            .expect("a branch");
        self.repository.set_head("refs/heads/main").expect("a head");
    }

    /// What we say of HEAD, on a computer that knows nothing.
    pub fn verify(&self, root: Oid) -> Result<VerifiedCommit, TrustError> {
        ask(self.path(), &id(root), "HEAD", &Known::none())
    }

    /// What `git verify-commit` says, with these keys allowed.
    pub fn oracle(&self, id: Oid, allowed: &[&Key]) -> bool {
        let lines: Vec<String> = allowed
            .iter()
            .map(|key| format!("owner@acme.example namespaces=\"git\" {}\n", key.public))
            .collect();
        let signers = lines.concat();
        let file = self.dir.path().join("allowed");
        fs::write(&file, signers).expect("a file");
        Command::new("git")
            .arg("-C")
            .arg(self.path())
            .arg("-c")
            .arg(format!("gpg.ssh.allowedSignersFile={}", file.display()))
            .args(["verify-commit", &id.to_string()])
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("HOME", self.dir.path())
            .stderr(Stdio::null())
            .status()
            .expect("git")
            .success()
    }
}

/// The present of every test: a day after the commits' date.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_790_086_400).expect("a time")
}

pub fn ask(
    path: &Path,
    root: &CommitId,
    head: &str,
    known: &Known,
) -> Result<VerifiedCommit, TrustError> {
    estate::verify(&Question {
        repository: path,
        root,
        head,
        known,
        now: now(),
    })
}

/// The whole refusal, causes included.
pub fn chain(error: &TrustError) -> String {
    holdfast::model::causes::chain(error)
}

/// Sets signature headers in before the blank line, as Git does.
pub fn with_headers(payload: &[u8], signatures: &[&str]) -> Vec<u8> {
    let text = String::from_utf8(payload.to_vec()).expect("text");
    let (head, message) = text.split_once("\n\n").expect("a commit");
    let mut whole = head.to_owned();
    for signature in signatures {
        whole += &format!("\ngpgsig {}", signature.trim_end().replace('\n', "\n "));
    }
    format!("{whole}\n\n{message}").into_bytes()
}

/// A `trust.toml` with these signers.
pub fn trust(keys: &[&Key]) -> Vec<u8> {
    let mut text = "schema = 1\n".to_owned();
    for (number, key) in keys.iter().enumerate() {
        text += &format!(
            "\n[[signer]]\nname = \"owner-{number}\"\nrole = \"owner\"\nkey = \"{}\"\n",
            key.public
        );
    }
    text += &format!("\n[recipients]\nreconciler = \"{RECIPIENT}\"\nescrow = [\"{ESCROW}\"]\n");
    text.into_bytes()
}

/// A commit's content: the list, and one file that makes it different.
pub fn draft<'d>(parents: &[Oid], list: &[&Key], message: &'d str) -> Draft<'d> {
    let files = BTreeMap::from([
        ("trust.toml".to_owned(), (0o100_644, trust(list))),
        (
            "note.md".to_owned(),
            (0o100_644, message.as_bytes().to_vec()),
        ),
    ]);
    Draft {
        parents: parents.to_vec(),
        files,
        message,
        dated: None,
    }
}

/// A commit's content: this list and these files, nothing else.
pub fn content<'d>(parents: &[Oid], list: &[u8], files: &[(&str, &str)]) -> Draft<'d> {
    let mut all = BTreeMap::from([("trust.toml".to_owned(), (0o100_644, list.to_vec()))]);
    for (path, text) in files {
        all.insert((*path).to_owned(), (0o100_644, text.as_bytes().to_vec()));
    }
    Draft {
        parents: parents.to_vec(),
        files: all,
        message: "change",
        dated: None,
    }
}

/// A `trust.toml`: name, key, then further lines of each signer; then further tables.
pub fn list(signers: &[(&str, &Key, &str)], more: &str) -> Vec<u8> {
    let mut text = "schema = 1\n".to_owned();
    for (name, key, lines) in signers {
        let public = &key.public;
        text += &format!("\n[[signer]]\nname = \"{name}\"\nkey = \"{public}\"\n{lines}\n");
    }
    text += &format!(
        "\n{more}\n[recipients]\nreconciler = \"{RECIPIENT}\"\nescrow = [\"{RECIPIENT}\"]\n"
    );
    text.into_bytes()
}

pub fn id(oid: Oid) -> CommitId {
    CommitId::new(oid.to_string())
}

pub fn run(command: &mut Command) {
    let output = command.output().expect("a program");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
