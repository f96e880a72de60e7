//! What must hold for any bytes whatever: nothing panics, nothing grows without bound, the
//! same bytes give the same answer. The property tests and the fuzz targets (`fuzz/`) run
//! these very functions; the former on a few hundred inputs of a known shape, the latter on
//! whatever they can think of.

use holdfast::decide::authority::Rules;
use holdfast::decide::catalogue::{Catalogue, catalogue};
use holdfast::decide::document::Files;
use holdfast::decide::init::{NewEstate, files as new_files};
use holdfast::decide::plan_file;
use holdfast::decide::resolve::{Resolution, resolve};
use holdfast::flow::estate::built_in;
use holdfast::model::authority::Authority;
use holdfast::model::diagnostic::Diagnostic;
use holdfast::model::ids::CommitId;
use holdfast::model::secret::Secret;
use holdfast::model::trust::{OWNER, Trust};
use holdfast::show::diagnostics::render;
use holdfast::world::secrets::{Opener, new_identity, seal, write_private};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// An age key whose private half nobody kept.
pub const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
/// Another one.
pub const ESCROW: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";
/// A signing key likewise.
pub const SIGNER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
/// The envelope of a secret; nothing can open it.
const SEALED: &str = "age-encryption.org/v1\n-> X25519 aaaa\nbbbb\n-> X25519 cccc\ndddd\n--- mac\n";

/// The files of an estate that bytes can stand in for.
pub const PLACES: [&str; 6] = [
    "estate.toml",
    "trust.toml",
    "hosters.toml",
    "stacks/acme.toml",
    "blueprints/notes/blueprint.toml",
    "secrets/estate-key.age",
];

/// Most bytes that all findings of one file may take on a screen.
const SCREEN: usize = 4 << 20;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(built_in);

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!("../../../fixtures/estates/notes/", $path))
    };
}

static ESTATE: LazyLock<Files> = LazyLock::new(|| {
    let stack = fixture!("stacks/notes.toml").replacen("id = \"notes\"", "id = \"acme\"", 1);
    let new = NewEstate {
        name: "example",
        signer: SIGNER,
        reconciler: RECIPIENT,
        escrow: ESCROW,
        hosters: None,
        dns: None,
        stacks: &BTreeMap::from([("acme".to_owned(), stack)]),
    };
    let own = [
        (
            "blueprint.toml",
            fixture!("blueprints/notes/blueprint.toml"),
        ),
        ("nginx.conf.j2", fixture!("blueprints/notes/nginx.conf.j2")),
        (
            "checks/table.sh",
            fixture!("blueprints/notes/checks/table.sh"),
        ),
        ("hooks/init.sh", fixture!("blueprints/notes/hooks/init.sh")),
        (
            "hooks/after-restore.sh",
            fixture!("blueprints/notes/hooks/after-restore.sh"),
        ),
    ];
    let own = own.map(|(name, text)| (format!("blueprints/notes/{name}"), text.to_owned()));
    let sealed =
        ["estate-key", "hetzner-token"].map(|id| (format!("secrets/{id}.age"), SEALED.to_owned()));
    new_files(&new)
        .into_iter()
        .chain(own)
        .chain(sealed)
        .map(|(path, text)| (path, text.into_bytes()))
        .collect()
});

/// A small estate with a blueprint of its own; it passes without a finding.
pub fn estate() -> Files {
    ESTATE.clone()
}

/// What its files mean.
pub fn resolved(files: &Files) -> Resolution {
    resolve(files, &CommitId::new("c0ffee"), &CATALOGUE)
}

/// A text that stands in one of the [`PLACES`] at first, to begin from.
pub fn seed(place: &str) -> Vec<u8> {
    ESTATE.get(place).cloned().unwrap_or_default()
}

/// Any bytes in place of one file of an estate.
pub fn intent(place: &str, bytes: &[u8]) {
    let mut files = ESTATE.clone();
    files.insert(place.to_owned(), bytes.to_vec());
    let Resolution {
        desired,
        diagnostics,
        ..
    } = resolved(&files);
    findings_are_sound(&diagnostics, &files);
    // S01: what cannot be read is never the same as an estate without it.
    let error = |found: &Diagnostic| found.is_error() && found.place.file == place;
    if let ("estate.toml" | "trust.toml" | "hosters.toml", Some(_)) = (place, &desired) {
        assert!(
            !diagnostics.iter().any(error),
            "{place} has errors and yet counts"
        );
    }
    let again = resolved(&files);
    assert_eq!(
        diagnostics, again.diagnostics,
        "the same bytes, other findings"
    );
    assert_eq!(
        format!("{desired:?}"),
        format!("{:?}", again.desired),
        "the same bytes, another meaning"
    );
}

/// Any bytes as a blueprint or a hoster's descriptor of the catalogue.
pub fn built_in_file(path: &str, bytes: &[u8]) {
    let files = Files::from([(path.to_owned(), bytes.to_vec())]);
    let (catalogue, findings) = catalogue(&files);
    findings_are_sound(&findings, &files);
    let there = catalogue.blueprints.len() + catalogue.descriptors.len();
    assert!(there == 0 || !findings.iter().any(Diagnostic::is_error));
}

/// The list, if it can judge.
pub fn judges(bytes: &[u8]) -> Option<Trust> {
    Rules.read(bytes).ok()
}

/// Any bytes as the list of keys that judges commits. One that is accepted can be lived with:
/// somebody may change it, nobody else may, and what it asks for can be had.
pub fn list_of_keys(bytes: &[u8]) {
    let Some(trust) = judges(bytes) else {
        return;
    };
    let unrevoked = || trust.signers.iter().filter(|one| one.revoked.is_none());
    assert!(unrevoked().any(|signer| signer.role == OWNER));
    for role in trust.roles.values().filter(|role| role.name != OWNER) {
        assert!(!role.may_change("trust.toml"), "{role:?}");
    }
    for (number, signer) in trust.signers.iter().enumerate() {
        assert!(trust.roles.contains_key(&signer.role), "{signer:?}");
        let others = || trust.signers.iter().skip(number + 1);
        assert!(others().all(|other| other.name != signer.name));
        assert!(others().all(|other| other.key.key_data() != signer.key.key_data()));
    }
    let owners: std::collections::BTreeSet<&str> = unrevoked()
        .filter(|signer| signer.role == OWNER)
        .map(|signer| signer.person.as_str())
        .collect();
    let need = usize::from(trust.thresholds.trust.signers);
    assert!((1..=owners.len()).contains(&need), "{:?}", trust.thresholds);
}

/// Any text as a key's line in the list.
pub fn key_line(line: &str) {
    let text = toml::Value::String(line.to_owned()).to_string();
    let list = format!(
        "schema = 1\n[[signer]]\nname = \"anna\"\nrole = \"owner\"\nkey = {text}\n\
         [recipients]\nreconciler = \"{RECIPIENT}\"\nescrow = [\"{RECIPIENT}\"]\n"
    );
    if let Some(trust) = judges(list.as_bytes()) {
        // What is accepted is a key alone, with nothing before it.
        let kind = line.split_whitespace().next().unwrap_or_default();
        let key = trust.signers.first().expect("one signer").key.clone();
        assert_eq!(kind, key.algorithm().as_str(), "{line:?}");
    }
}

static OPENER: LazyLock<(Opener, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let (identity, recipient) = new_identity();
    let path = folder.path().join("identity");
    write_private(&path, &identity).expect("a file");
    (Opener::load(&path).expect("an identity"), recipient)
});

/// A secret sealed for the identity that [`sealed`] opens with.
pub fn sealed_seed() -> Vec<u8> {
    seal(&Secret::new("a secret"), [OPENER.1.as_str()]).expect("sealed")
}

/// Any bytes as a sealed secret.
pub fn sealed(bytes: &[u8]) {
    let files = Files::from([("secrets/one.age".to_owned(), bytes.to_vec())]);
    if let Ok(secret) = OPENER.0.open(&files, "one") {
        assert!(secret.expose().len() <= bytes.len(), "opened, it is larger");
    }
}

/// Any bytes as a plan to be executed: read as it was written, or not at all (S05).
pub fn plan_file(bytes: &[u8]) {
    if let Ok(plan) = plan_file::read(bytes) {
        let written = plan_file::write(&plan).expect("a file");
        let again = plan_file::read(&written).expect("a plan");
        assert_eq!(plan, again, "written and read, it is another plan");
        let value = |bytes| serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON");
        assert_eq!(
            value(bytes),
            value(&written),
            "something in it was passed over"
        );
    }
}

fn findings_are_sound(findings: &[Diagnostic], files: &Files) {
    for found in findings {
        let Some(bytes) = files.get(&found.place.file) else {
            continue;
        };
        let (from, to) = found.span;
        assert!(from <= to && to <= bytes.len(), "{found:?}");
        assert!(
            found.place.line >= 1 && found.place.column >= 1,
            "{found:?}"
        );
        assert!(
            found.message.chars().count() <= 600,
            "{}",
            found.message.len()
        );
        assert!(!found.message.is_empty());
    }
    let text = render(findings, files, false);
    assert!(text.len() <= SCREEN, "{} bytes of findings", text.len());
}
