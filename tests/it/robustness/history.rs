//! Any bytes as an object that judges or is judged: a commit, a signature, an approval, the
//! ledger. Everything goes through a repository and the one gate, as in life. Shared with the
//! fuzz targets, like its neighbour.

use super::bodies::{RECIPIENT, judges};
use git2::{ObjectType, Oid, Repository};
use holdfast::flow::estate::verify;
use holdfast::model::ids::CommitId;
use holdfast::world::git::{Known, Question, VerifiedCommit, approval_name};
use jiff::Timestamp;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::fs;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A repository with a root that asks for two owners where the list changes, and an honest
/// commit upon it that changes the list.
struct Court {
    folder: tempfile::TempDir,
    root: Oid,
    /// What the honest commit's signature covers.
    payload: Vec<u8>,
    /// The tree of it.
    tree: Vec<u8>,
    anna: PrivateKey,
    bert: PrivateKey,
}

static COURT: LazyLock<Mutex<Court>> = LazyLock::new(|| Mutex::new(Court::new()));

fn court() -> MutexGuard<'static, Court> {
    COURT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

impl Court {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        let (anna, bert) = (key(1), key(2));
        let signer = |name: &str, key: &PrivateKey| {
            let key = key.public_key().to_openssh().expect("a line");
            format!("[[signer]]\nname = \"{name}\"\nrole = \"owner\"\nkey = \"{key}\"\n")
        };
        let list = format!(
            "schema = 1\n{}{}[thresholds]\ntrust = {{ signers = 2 }}\n[recipients]\n\
             reconciler = \"{RECIPIENT}\"\nescrow = [\"{RECIPIENT}\"]\n",
            signer("anna", &anna),
            signer("bert", &bert)
        );
        assert!(judges(list.as_bytes()).is_some());
        let tree = |list: &str| {
            let blob = repository.blob(list.as_bytes()).expect("a blob");
            let mut tree = repository.treebuilder(None).expect("a tree");
            tree.insert("trust.toml", blob, 0o100_644)
                .expect("an entry");
            tree.write().expect("a tree")
        };
        let who = "A <a@acme.example> 1777593600 +0000";
        let people = format!("author {who}\ncommitter {who}\n\nchange\n");
        let odb = repository.odb().expect("a store");
        let first = format!("tree {}\n{people}", tree(&list));
        let root = odb.write(ObjectType::Commit, first.as_bytes());
        let root = root.expect("an object");
        let next = tree(&format!("{list}# changed\n"));
        let payload = format!("tree {next}\nparent {root}\n{people}").into_bytes();
        let object = odb.read(next).expect("an object");
        let bytes = object.data().to_vec();
        drop(object);
        drop(odb);
        drop(repository);
        Self {
            folder,
            root,
            payload,
            tree: bytes,
            anna,
            bert,
        }
    }

    fn signature(&self) -> String {
        signed(&self.anna, "git", &self.payload)
    }

    fn put(&self, kind: ObjectType, bytes: &[u8]) -> Oid {
        let repository = Repository::open_bare(self.folder.path()).expect("a repository");
        let odb = repository.odb().expect("a store");
        odb.write(kind, bytes).expect("an object")
    }

    /// What was written for one question is of no use to the next.
    fn forget(&self, id: Oid) {
        let id = id.to_string();
        let (folder, rest) = id.split_at(2);
        let _ = fs::remove_file(self.folder.path().join("objects").join(folder).join(rest));
    }

    fn approval(&self, head: Oid) -> PathBuf {
        let key = self.bert.public_key().key_data().clone();
        let name = approval_name(&key).expect("a name");
        let folder = self.folder.path().join("refs/holdfast/approvals");
        folder.join(head.to_string()).join(name)
    }

    fn judge(&self, head: Oid) -> Option<VerifiedCommit> {
        let verdict = verify(&Question {
            repository: self.folder.path(),
            root: &CommitId::new(self.root.to_string()),
            head: &head.to_string(),
            known: &Known::none(),
            now: Timestamp::from_second(1_780_272_000).expect("a time"),
        });
        if let Err(error) = &verdict {
            assert!(!error.to_string().is_empty() && !error.remedy().is_empty());
        }
        verdict.ok()
    }
}

fn signed(key: &PrivateKey, namespace: &str, payload: &[u8]) -> String {
    key.sign(namespace, HashAlg::Sha512, payload)
        .and_then(|signature| signature.to_pem(LineEnding::LF))
        .expect("signed")
}

/// Sets a signature in before the empty line, as Git does.
fn with(payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let at = payload.windows(2).position(|two| two == b"\n\n");
    let (head, message) = payload.split_at(at.expect("a commit"));
    let mut object = [head, b"\ngpgsig "].concat();
    for &byte in signature.strip_suffix(b"\n").unwrap_or(signature) {
        object.push(byte);
        if byte == b'\n' {
            object.push(b' ');
        }
    }
    object.extend_from_slice(message);
    object
}

/// The honest commit, approved: what is accepted to begin with.
pub fn commit_seed() -> Vec<u8> {
    let court = court();
    with(&court.payload, court.signature().as_bytes())
}

/// Its signature alone.
pub fn signature_seed() -> Vec<u8> {
    court().signature().into_bytes()
}

/// Bert's approval of it.
pub fn approval_seed() -> Vec<u8> {
    let object = commit_seed();
    let court = court();
    let head = court.put(ObjectType::Commit, &object);
    signed(
        &court.bert,
        "holdfast-approval",
        head.to_string().as_bytes(),
    )
    .into_bytes()
}

/// Puts the object before the gate, approved by Bert, whatever it is.
fn approved(court: &Court, object: &[u8]) -> bool {
    let head = court.put(ObjectType::Commit, object);
    let text = signed(
        &court.bert,
        "holdfast-approval",
        head.to_string().as_bytes(),
    );
    let blob = court.put(ObjectType::Blob, text.as_bytes());
    let place = court.approval(head);
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    fs::write(&place, format!("{blob}\n")).expect("a file");
    let accepted = court.judge(head).is_some();
    let _ = fs::remove_dir_all(place.parent().expect("a folder"));
    court.forget(blob);
    if head != court.root {
        court.forget(head);
    }
    accepted
}

/// Any bytes as a commit object: accepted only as what Anna signed.
pub fn commit(bytes: &[u8]) {
    let court = court();
    if approved(&court, bytes) {
        let whole = String::from_utf8_lossy(bytes);
        let mut header = false;
        let payload: String = whole
            .split_inclusive('\n')
            .filter(|line| {
                header = line.starts_with("gpgsig ") || (header && line.starts_with(' '));
                !header
            })
            .collect();
        assert_eq!(payload.as_bytes(), court.payload, "accepted: {whole:?}");
    }
}

/// The tree of the honest commit.
pub fn tree_seed() -> Vec<u8> {
    court().tree.clone()
}

/// Any bytes as the tree of a commit that is signed and approved. Says whether it was accepted.
pub fn tree(bytes: &[u8]) -> bool {
    let court = court();
    let tree = court.put(ObjectType::Tree, bytes);
    let payload = String::from_utf8(court.payload.clone()).expect("text");
    let payload = format!("tree {tree}{}", &payload[45..]);
    let signature = signed(&court.anna, "git", payload.as_bytes());
    let accepted = approved(&court, &with(payload.as_bytes(), signature.as_bytes()));
    if bytes != court.tree {
        court.forget(tree);
    }
    accepted
}

/// Any bytes as the signature of an honest commit. Says whether it was accepted.
pub fn signature(bytes: &[u8]) -> bool {
    let court = court();
    approved(&court, &with(&court.payload, bytes))
}

/// Any bytes as the approval without which an honest commit is not accepted. Says whether it is.
pub fn approval(bytes: &[u8]) -> bool {
    let object = commit_seed();
    let court = court();
    let head = court.put(ObjectType::Commit, &object);
    let blob = court.put(ObjectType::Blob, bytes);
    let place = court.approval(head);
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    fs::write(&place, format!("{blob}\n")).expect("a file");
    let accepted = court.judge(head);
    let _ = fs::remove_dir_all(place.parent().expect("a folder"));
    court.forget(blob);
    if let Some(accepted) = &accepted {
        assert_eq!(accepted.approvals().len(), 1);
        assert_eq!(accepted.approvals()[0].name, "bert");
    }
    accepted.is_some()
}

/// A ledger that knows two commits.
pub fn ledger_seed() -> Vec<u8> {
    let object = commit_seed();
    let court = court();
    let head = court.put(ObjectType::Commit, &object);
    let text = signed(
        &court.bert,
        "holdfast-approval",
        head.to_string().as_bytes(),
    );
    let blob = court.put(ObjectType::Blob, text.as_bytes());
    let place = court.approval(head);
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    fs::write(&place, format!("{blob}\n")).expect("a file");
    let accepted = court.judge(head).expect("accepted");
    let file = court.folder.path().join("seen");
    accepted.seen().save(&file).expect("a file");
    fs::read(file).expect("a file")
}

/// Any bytes as the ledger of what was accepted before: read as it was written, or not at all.
pub fn ledger(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seen");
    fs::write(&file, bytes).expect("a file");
    if let Ok(known) = Known::load(&file) {
        known.save(&file).expect("a file");
        assert_eq!(fs::read(&file).expect("a file"), bytes);
    }
}
