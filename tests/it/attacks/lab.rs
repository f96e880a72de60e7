//! Repositories made object by object, so that any of them may be wrong.

use super::keys::{ANNA, BERT, CARLA, DORA, Key, RECONCILER, run};
use crate::estate_fixture::RECIPIENT;
use holdfast::flow::estate::verify;
use holdfast::model::ids::CommitId;
use holdfast::world::git::{Known, Question, TrustError, VerifiedCommit};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An object's id as Git writes it.
pub type Id = String;
/// Path to mode and content.
pub type Files = BTreeMap<String, (u32, Vec<u8>)>;

/// An ordinary file.
pub const FILE: u32 = 0o100_644;
/// The present of every case: 2026-06-01T00:00:00Z.
pub const NOW: i64 = 1_780_272_000;
/// What commits are dated, unless a case says otherwise: a month before.
pub const DATED: i64 = NOW - 31 * DAY;
pub const DAY: i64 = 86_400;

pub struct Lab {
    dir: tempfile::TempDir,
    repository: Option<git2::Repository>,
    files: BTreeMap<Id, Files>,
}

/// A commit before it is signed.
#[derive(Clone)]
pub struct Draft {
    pub parents: Vec<Id>,
    pub files: Files,
    pub message: String,
    pub dated: i64,
    /// Lines after `committer`.
    pub headers: String,
}

impl Draft {
    pub fn put(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let file = (FILE, text.as_ref().to_vec());
        self.files.insert(path.to_owned(), file);
        self
    }

    pub fn mode(mut self, path: &str, mode: u32) -> Self {
        self.files.get_mut(path).expect("a file").0 = mode;
        self
    }

    pub fn remove(mut self, path: &str) -> Self {
        assert!(self.files.remove(path).is_some(), "{path} is not there");
        self
    }

    pub fn list(self, list: &str) -> Self {
        self.put("trust.toml", list)
    }

    pub fn at(mut self, dated: i64) -> Self {
        self.dated = dated;
        self
    }
}

/// One `[[signer]]`.
pub fn signer(name: &str, role: &str, key: &Key, more: &str) -> String {
    let key = &key.public;
    format!("\n[[signer]]\nname = \"{name}\"\nrole = \"{role}\"\nkey = \"{key}\"\n{more}\n")
}

/// A `trust.toml` with these signers, and more at its end.
pub fn list(signers: &[String], more: &str) -> String {
    let signers = signers.concat();
    format!(
        "schema = 1\n{signers}{more}\n[recipients]\nreconciler = \"{RECIPIENT}\"\nescrow = [\"{RECIPIENT}\"]\n"
    )
}

/// The role of a customer's own admin.
pub const ACME: &str =
    "\n[[role]]\nname = \"acme-admin\"\nmay = [\"blueprints/own/\"]\nstacks = [\"acme\"]\n";

/// Anna and Bert own the estate, Carla operates it, Dora looks after acme.
pub fn everybody() -> String {
    list(&people(), ACME)
}

pub fn people() -> Vec<String> {
    vec![
        signer("anna", "owner", &ANNA, ""),
        signer("bert", "owner", &BERT, ""),
        signer("carla", "operator", &CARLA, ""),
        signer("dora", "acme-admin", &DORA, ""),
        signer("reconciler", "reconciler", &RECONCILER, ""),
    ]
}

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut options = git2::RepositoryInitOptions::new();
        options.external_template(false).initial_head("main");
        let repository = git2::Repository::init_opts(dir.path().join("estate"), &options);
        Self {
            dir,
            repository: Some(repository.expect("a repository")),
            files: BTreeMap::new(),
        }
    }

    /// The same with the other object format; every object is written by `git`.
    pub fn sha256() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        run(Command::new("git")
            .args(["init", "-q", "--object-format=sha256", "-b", "main"])
            .arg(dir.path().join("estate")));
        Self {
            dir,
            repository: None,
            files: BTreeMap::new(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("estate")
    }

    /// `git` here, with nothing of this computer's own settings.
    pub fn git(&self) -> Command {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(self.path())
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1");
        command
    }

    /// Writes any bytes as an object of any kind.
    pub fn object(&self, kind: &str, bytes: &[u8]) -> Id {
        if let Some(repository) = &self.repository {
            let kind = git2::ObjectType::from_str(kind).expect("a kind");
            let odb = repository.odb().expect("a store");
            return odb.write(kind, bytes).expect("an object").to_string();
        }
        let mut child = self
            .git()
            .args(["hash-object", "--literally", "-w", "--stdin", "-t", kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(bytes)
            .expect("written");
        let output = child.wait_with_output().expect("git");
        assert!(output.status.success());
        String::from_utf8(output.stdout)
            .expect("an id")
            .trim()
            .to_owned()
    }

    /// The tree of these files, in Git's order.
    pub fn tree(&self, files: &Files) -> Id {
        let mut here: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut folders: BTreeMap<String, Files> = BTreeMap::new();
        for (path, (mode, content)) in files {
            if let Some((folder, rest)) = path.split_once('/') {
                let inner = folders.entry(folder.to_owned()).or_default();
                inner.insert(rest.to_owned(), (*mode, content.clone()));
                continue;
            }
            let id = match mode {
                0o160_000 => "1".repeat(if self.repository.is_some() { 40 } else { 64 }),
                _ => self.object("blob", content),
            };
            here.insert(path.clone().into_bytes(), entry(*mode, path, &id));
        }
        for (folder, files) in folders {
            let id = self.tree(&files);
            here.insert(
                format!("{folder}/").into_bytes(),
                entry(0o40_000, &folder, &id),
            );
        }
        let bytes: Vec<u8> = here.into_values().flatten().collect();
        self.object("tree", &bytes)
    }

    /// Changes to the files of the first parent.
    pub fn on(&self, parents: &[&Id]) -> Draft {
        let files = parents.first().and_then(|parent| self.files.get(*parent));
        Draft {
            parents: parents.iter().map(|&id| id.clone()).collect(),
            files: files.cloned().unwrap_or_default(),
            message: "change".to_owned(),
            dated: DATED,
            headers: String::new(),
        }
    }

    /// The commit object without signature.
    pub fn unsigned(&self, draft: &Draft) -> Vec<u8> {
        Self::payload(draft, &self.tree(&draft.files))
    }

    pub fn payload(draft: &Draft, tree: &str) -> Vec<u8> {
        let mut text = format!("tree {tree}\n");
        for parent in &draft.parents {
            let _ = writeln!(text, "parent {parent}");
        }
        let who = format!("A Person <a@acme.example> {} +0000", draft.dated);
        let Draft {
            headers, message, ..
        } = draft;
        let _ = write!(
            text,
            "author {who}\ncommitter {who}\n{headers}\n{message}\n"
        );
        text.into_bytes()
    }

    /// Writes a commit object; what its files are is remembered for its children.
    pub fn write(&mut self, object: &[u8], files: &Files) -> Id {
        let id = self.object("commit", object);
        self.files.insert(id.clone(), files.clone());
        id
    }

    pub fn commit(&mut self, draft: &Draft, key: &Key) -> Id {
        let payload = self.unsigned(draft);
        let signature = key.sign("git", &payload);
        let object = self.with(&payload, &[&signature]);
        self.write(&object, &draft.files)
    }

    pub fn commit_unsigned(&mut self, draft: &Draft) -> Id {
        let payload = self.unsigned(draft);
        self.write(&payload, &draft.files)
    }

    /// The object with these signatures where Git puts them.
    pub fn with(&self, payload: &[u8], signatures: &[&str]) -> Vec<u8> {
        let name = if self.repository.is_some() {
            "gpgsig"
        } else {
            "gpgsig-sha256"
        };
        let headers: Vec<(&str, &str)> = signatures.iter().map(|text| (name, *text)).collect();
        with_headers(payload, &headers)
    }

    /// The first commit: everybody's list, two stacks, a note. Anna signed it.
    pub fn root(&mut self) -> Id {
        self.root_with(&everybody())
    }

    pub fn root_with(&mut self, list: &str) -> Id {
        let draft = self
            .on(&[])
            .list(list)
            .put("estate.toml", "schema = 1\n")
            .put("stacks/acme.toml", "schema = 1\n# acme\n")
            .put("stacks/beta.toml", "schema = 1\n# beta\n")
            .put("blueprints/own/notes.md", "ours\n")
            .put("note.md", "the first\n");
        self.commit(&draft, &ANNA)
    }

    /// A signed commit that changes the note.
    pub fn note(&mut self, parent: &Id, text: &str, key: &Key) -> Id {
        let draft = self.on(&[parent]).put("note.md", text);
        self.commit(&draft, key)
    }

    /// A reference, written as a file.
    pub fn reference(&self, name: &str, id: &str) {
        let path = self.path().join(".git").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, format!("{id}\n")).expect("a file");
    }

    /// A file inside `.git`.
    pub fn inside(&self, name: &str, content: &str) {
        let path = self.path().join(".git").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// Where a loose object lies.
    pub fn loose(&self, id: &str) -> PathBuf {
        let (folder, rest) = id.split_at(2);
        let path = self.path().join(".git/objects").join(folder).join(rest);
        assert!(path.is_file(), "{}", path.display());
        // Git writes them read-only.
        run(Command::new("chmod").arg("u+w").arg(&path));
        path
    }

    /// An approval of a commit as `holdfast approve` stores it.
    pub fn approve(&self, commit: &Id, key: &Key) {
        self.approve_as(
            commit,
            key,
            &key.sign("holdfast-approval", commit.as_bytes()),
        );
    }

    /// Any text where this key's approval of a commit is looked for.
    pub fn approve_as(&self, commit: &Id, key: &Key, text: &str) {
        use sha2::{Digest, Sha256};
        let mut name = hex::encode(Sha256::digest(key.blob()));
        name.truncate(16);
        let blob = self.object("blob", text.as_bytes());
        self.reference(&format!("refs/holdfast/approvals/{commit}/{name}"), &blob);
    }

    /// What a reconciler knows that accepted this head at that time.
    pub fn seen(&self, root: &Id, head: &Id, at: i64) -> Known {
        let known = Known::none();
        let verdict = self.verify(root, head, &known, at);
        verdict.expect("accepted before").seen().clone()
    }

    pub fn verify(
        &self,
        root: &str,
        head: &str,
        known: &Known,
        now: i64,
    ) -> Result<VerifiedCommit, TrustError> {
        verify(&Question {
            repository: &self.path(),
            root: &CommitId::new(root),
            head,
            known,
            now: Timestamp::from_second(now).expect("a time"),
        })
    }

    /// What `git verify-commit` says of one commit, with the keys that the list of its first
    /// parent names (its own, if it has none), their times, and those it revokes.
    pub fn oracle(&self, commit: &str) -> bool {
        let judge = self.output(&["rev-parse", "--verify", "-q", &format!("{commit}^1")]);
        let judge = judge.unwrap_or_else(|| commit.to_owned());
        let list = self.output(&["cat-file", "blob", &format!("{}:trust.toml", judge.trim())]);
        let list = list.and_then(|text| text.parse::<toml::Table>().ok());
        let (allowed, revoked) =
            allowed(&list.unwrap_or_else(|| everybody().parse().expect("a list")));
        let file = |name: &str, text: &str| {
            let path = self.dir.path().join(name);
            fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        self.git()
            .arg("-c")
            .arg(format!(
                "gpg.ssh.allowedSignersFile={}",
                file("allowed", &allowed)
            ))
            .arg("-c")
            .arg(format!(
                "gpg.ssh.revocationFile={}",
                file("revoked", &revoked)
            ))
            .args(["verify-commit", commit])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("git")
            .success()
    }

    fn output(&self, args: &[&str]) -> Option<String> {
        let output = self
            .git()
            .args(args)
            .stderr(Stdio::null())
            .output()
            .expect("git");
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then_some(text)
    }
}

/// `allowed_signers` (ssh-keygen(1)) and the file of revoked keys, from a `trust.toml`.
fn allowed(list: &toml::Table) -> (String, String) {
    let mut allowed = String::new();
    let mut revoked = String::new();
    let none = Vec::new();
    let signers = list.get("signer").and_then(toml::Value::as_array);
    for signer in signers.unwrap_or(&none) {
        let text = |key: &str| signer.get(key).and_then(toml::Value::as_str);
        let (Some(name), Some(key)) = (text("name"), text("key")) else {
            continue;
        };
        if signer.get("revoked").is_some() {
            let _ = writeln!(revoked, "{key}");
        }
        let mut options = "namespaces=\"git\"".to_owned();
        for (ours, theirs) in [("from", "valid-after"), ("until", "valid-before")] {
            if let Some(at) = text(ours).and_then(|text| text.parse::<Timestamp>().ok()) {
                let at = at.strftime("%Y%m%d%H%M%SZ");
                let _ = write!(options, ",{theirs}=\"{at}\"");
            }
        }
        let _ = writeln!(allowed, "{name} {options} {key}");
    }
    (allowed, revoked)
}

/// One line of a tree object.
pub fn entry(mode: u32, name: &str, id: &str) -> Vec<u8> {
    let id = hex::decode(id).expect("an id");
    [format!("{mode:o} {name}\0").into_bytes(), id].concat()
}

/// Sets headers in before the blank line, as Git does.
pub fn with_headers(payload: &[u8], headers: &[(&str, &str)]) -> Vec<u8> {
    let at = payload.windows(2).position(|two| two == b"\n\n");
    let (head, message) = payload.split_at(at.expect("a commit"));
    let mut whole = head.to_vec();
    for (name, value) in headers {
        let value = value.trim_end().replace('\n', "\n ");
        whole.extend_from_slice(format!("\n{name} {value}").as_bytes());
    }
    whole.extend_from_slice(message);
    whole
}

/// For errors: the whole chain of messages.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// Truncates a file to half.
pub fn halve(path: &Path) {
    let bytes = fs::read(path).expect("a file");
    fs::write(path, &bytes[..bytes.len() / 2]).expect("a file");
}
