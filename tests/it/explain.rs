//! Every code is explained, and every example of an explanation is true.

use crate::estate_files::{CATALOGUE, Files, SEALED, lines};
use holdfast::decide::resolve::resolve;
use holdfast::model::codes::{self, Example};
use holdfast::model::ids::CommitId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, by path inside it.
fn read(folder: &Path, inside: &str, files: &mut Files) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{inside}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

/// The estate that the right lines stand in.
fn explained() -> Files {
    let mut files = Files::new();
    let estates = repository().join("fixtures/estates");
    read(&estates.join("explained"), "", &mut files);
    read(&estates.join("notes/blueprints"), "blueprints/", &mut files);
    for id in ["estate-key", "hetzner-token"] {
        files.insert(format!("secrets/{id}.age"), SEALED.into());
    }
    files
}

fn holdfast(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_code_of_the_sources_has_an_entry_and_every_entry_a_use() {
    let mut sources = Files::new();
    read(&repository().join("src"), "", &mut sources);
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut constants: BTreeMap<String, String> = BTreeMap::new();
    let mut everything = String::new();
    for (path, bytes) in &sources {
        if Path::new(path).extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        let registry = path.starts_with("model/codes/");
        for (at, _) in text.match_indices("\"HF").filter(|_| !registry) {
            let code: String = text[at + 1..].chars().take_while(|c| *c != '"').collect();
            if code.len() == 6 && code[2..].bytes().all(|b| b.is_ascii_digit()) {
                named.entry(code).or_default().insert(path.clone());
            }
        }
        for line in text.lines().filter(|_| registry) {
            let Some(rest) = line.strip_prefix("pub const ") else {
                continue;
            };
            let (name, value) = rest.split_once(": &str = \"").unwrap();
            constants.insert(value[..6].to_owned(), name.to_owned());
        }
        if !registry {
            everything += &text;
        }
    }
    let entries: BTreeSet<&str> = codes::all().map(|entry| entry.id).collect();
    assert!(entries.len() >= 20, "{entries:?}");
    for (code, files) in &named {
        assert!(
            entries.contains(&**code),
            "{code} of {files:?} has no entry"
        );
    }
    for code in constants.keys() {
        assert!(
            entries.contains(&**code),
            "{code} has a constant and no entry"
        );
    }
    for entry in &entries {
        let by_name = constants
            .get(*entry)
            .is_some_and(|name| everything.contains(&format!("::{name}")));
        assert!(
            by_name || named.contains_key(*entry),
            "nothing reports {entry}"
        );
    }
}

/// Told in words, and provoked by no test under its code yet.
const UNPROVOKED: [&str; 7] = [
    "HF0201", "HF0202", "HF0208", "HF0218", "HF0229", "HF0230", "HF0231",
];

#[test]
fn what_is_told_in_words_is_provoked_by_another_test() {
    let mut tests = Files::new();
    read(&repository().join("tests/it"), "", &mut tests);
    let told: Vec<&str> = codes::all()
        .filter(|entry| matches!(entry.example, Example::Told { .. }))
        .map(|entry| entry.id)
        .collect();
    assert!(told.len() > 10);
    let named = |id: &str| {
        tests.iter().any(|(path, bytes)| {
            let text = String::from_utf8_lossy(bytes);
            let text = match path.as_str() {
                "explain.rs" => text.split("const CRAFTED").nth(2).unwrap_or_default(),
                _ => &text,
            };
            text.contains(&format!("\"{id}\""))
        })
    };
    let nowhere: Vec<&str> = told.into_iter().filter(|id| !named(id)).collect();
    assert_eq!(nowhere, UNPROVOKED);
}

/// Sets a header into an unsigned commit, as nobody would by hand.
const CRAFTED: &str = r#"
git commit -q --no-gpg-sign --allow-empty -m Crafted
git cat-file commit HEAD > .git/plain
HEADER
id=$(awk -v file=.git/header '/^$/ && !done { while ((getline line < file) > 0) print line; done = 1 } { print }' .git/plain | git hash-object --literally -t commit -w --stdin)
git update-ref HEAD "$id"
"#;

#[test]
fn what_takes_a_crafted_commit_is_provoked_by_one() {
    let signature = "{ printf 'gpgsig '; sed '1!s/^/ /' .git/plain.sig; } > .git/header";
    let sign = "ssh-keygen -q -Y sign -n file -f .git/holdfast/keys/owner .git/plain";
    let pgp = r"printf 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----\n' > .git/header";
    let cases = [
        ("HF0213", pgp.to_owned()),
        ("HF0215", format!("{sign}\n{signature}")),
        (
            "HF0207",
            "grep '^author' .git/plain > .git/header".to_owned(),
        ),
    ];
    for (code, header) in cases {
        let codes = codes_after(&CRAFTED.replace("HEADER", &header));
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    let tree =
        "sed -i \"1i head = \\\"$(git rev-parse 'HEAD^{tree}')\\\"\" .git/holdfast/config.toml";
    let codes = codes_after(tree);
    assert!(codes.contains("HF0206"), "{codes:?}");
}

#[test]
fn codes_are_in_order_and_in_their_range_and_well_said() {
    let ids: Vec<&str> = codes::all().map(|entry| entry.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for entry in codes::all() {
        let number: u32 = entry.id[2..].parse().unwrap();
        assert!(
            matches!(number, 1..=59 | 200..=299),
            "{} is in no range",
            entry.id
        );
        assert!(!entry.title.ends_with('.'), "{}", entry.id);
        assert!(entry.title.len() < 70, "{}", entry.id);
        assert!(entry.explanation.len() > 80, "{}", entry.id);
        assert!(entry.explanation.ends_with('.'), "{}", entry.id);
        assert!(!entry.explanation.contains("  "), "{}", entry.id);
    }
}

#[test]
fn every_example_in_a_file_provokes_its_code_and_is_right_as_the_right_one() {
    let files = explained();
    let find = |files: &Files| resolve(files, &CommitId::new("c0ffee"), &CATALOGUE).diagnostics;
    assert_eq!(lines(&find(&files)), "", "the estate itself is sound");
    let mut tried = 0;
    for entry in codes::all() {
        let Example::Lines { file, wrong, right } = entry.example else {
            continue;
        };
        let text = String::from_utf8(files[file].clone()).unwrap();
        assert!(
            text.contains(right),
            "{}: the right lines do not stand in fixtures/estates/explained/{file}",
            entry.id
        );
        let mut broken = files.clone();
        broken.insert(file.to_owned(), text.replacen(right, wrong, 1).into_bytes());
        let found = find(&broken);
        assert!(
            found
                .iter()
                .any(|f| f.code == entry.id && f.place.file == file),
            "{} is not provoked: {}",
            entry.id,
            lines(&found)
        );
        tried += 1;
    }
    assert!(tried >= 15, "only {tried}");
}

/// Runs the commands in a new estate; the codes that `check` reports of the commit
/// and of the files as they lie there.
fn codes_after(commands: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("estate");
    let made = holdfast(&["init", dir.to_str().unwrap()]);
    assert!(made.status.success(), "{made:?}");
    let programs = PathBuf::from(env!("CARGO_BIN_EXE_holdfast"));
    let path = format!(
        "{}:{}",
        programs.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let ran = Command::new("sh")
        .args(["-euc", commands])
        .current_dir(&dir)
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{commands}: {ran:?}");
    let mut codes = BTreeSet::new();
    for more in [&["--worktree"][..], &[]] {
        let checked = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(["check", "--format", "json"])
            .args(more)
            .current_dir(&dir)
            .output()
            .unwrap();
        let result: serde_json::Value = serde_json::from_slice(&checked.stdout)
            .unwrap_or_else(|e| panic!("{commands}: {e}: {checked:?}"));
        let findings = result["findings"].as_array().unwrap();
        codes.extend(
            findings
                .iter()
                .map(|f| f["code"].as_str().unwrap().to_owned()),
        );
    }
    codes
}

#[test]
fn every_example_of_commands_provokes_its_code_and_is_right_as_the_right_one() {
    let mut tried = 0;
    for entry in codes::all() {
        let Example::Commands { wrong, right } = entry.example else {
            continue;
        };
        let codes = codes_after(wrong);
        assert!(codes.contains(entry.id), "{}: {codes:?}", entry.id);
        let mut left = codes_after(right);
        // The example of a new estate promises what nobody has measured yet.
        if entry.id != codes::UNMEASURED {
            left.remove(codes::UNMEASURED);
        }
        assert_eq!(left, BTreeSet::new(), "{}", entry.id);
        tried += 1;
    }
    assert!(tried >= 12, "only {tried}");
}

#[test]
fn explain_takes_a_code_in_any_spelling_and_suggests_near_ones() {
    for spelling in ["HF0003", "hf0003", "3", "hf3"] {
        let (out, _) = said(&holdfast(&["explain", spelling]));
        assert!(out.starts_with("HF0003: nothing reads this key\n"), "{out}");
        assert!(
            out.contains("langauge") && out.contains("language"),
            "{out}"
        );
        assert!(out.lines().all(|line| line.chars().count() <= 120), "{out}");
    }
    let wrong = holdfast(&["explain", "HF0O03"]);
    assert_eq!(wrong.status.code(), Some(1));
    let (out, err) = said(&wrong);
    assert_eq!(out, "");
    assert!(
        err.contains("near it: HF0003 (nothing reads this key)"),
        "{err}"
    );
}

#[test]
fn explain_lists_all_codes_also_for_programs() {
    let (out, _) = said(&holdfast(&["explain"]));
    assert_eq!(out.lines().count(), codes::all().count());
    let (out, _) = said(&holdfast(&["explain", "--format", "json"]));
    let all: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(all["explain_schema"], 1);
    assert_eq!(all["codes"].as_array().unwrap().len(), codes::all().count());
    let (out, _) = said(&holdfast(&["explain", "hf14", "--format", "json"]));
    let one: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(one["codes"][0]["code"], "HF0014");
    assert_eq!(one["codes"][0]["file"], "stacks/acme.toml");
}
