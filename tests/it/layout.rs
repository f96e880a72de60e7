//! `fmt`: one layout, the same meaning, every comment.

use crate::estate_files::estate;
use holdfast::decide::init::{NewEstate, files as new_files};
use holdfast::decide::layout::laid_out;
use holdfast::flow::schemas;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

fn right(text: &str) -> String {
    laid_out("a.toml", text).unwrap_or_else(|found| panic!("{text}: {found:?}"))
}

#[test]
fn texts_of_one_meaning_get_one_layout() {
    let cases = [
        ("a=1", "a = 1\n"),
        (
            "[t]\nb   =  [1,2 ,3]   \n\n\n\n[u]",
            "[t]\nb = [1, 2, 3]\n\n[u]\n",
        ),
        ("a = {x=1,y=2} # why", "a = { x = 1, y = 2 } # why\n"),
        ("# first\r\na = 1\r\n", "# first\na = 1\n"),
        (
            "[[s]]\n  a = 1\n  # note\n  b = 2",
            "[[s]]\na = 1\n# note\nb = 2\n",
        ),
        (
            "a = 1 # one\nlong = 2     # two\n",
            "a = 1    # one\nlong = 2 # two\n",
        ),
        (
            "l = [\n\"a\", # first\n\"b\",\n]",
            "l = [\n  \"a\", # first\n  \"b\",\n]\n",
        ),
        ("b = 1\na = 2\n", "b = 1\na = 2\n"),
        ("", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(right(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_broken_is_left_alone_and_told_with_its_place() {
    let found = laid_out("stacks/a.toml", "a = 1\nb = = 2\n").unwrap_err();
    assert_eq!(found[0].code, "HF0002");
    assert_eq!((found[0].place.line, found[0].place.column), (2, 5));
    // Twice the same key is no layout's business either.
    assert!(laid_out("a.toml", "a = 1\na = 2\n").is_err());
}

#[test]
fn the_examples_and_the_texts_of_a_new_estate_are_laid_out_so() {
    let new = NewEstate {
        name: "example",
        signer: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
        reconciler: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
        escrow: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
        hosters: None,
        dns: None,
        stacks: &BTreeMap::new(),
    };
    let mut texts = new_files(&new);
    texts.extend(schemas::of_estate());
    let mut looked = 0;
    let mut look = |path: &str, text: &str| {
        assert_eq!(right(text), text, "{path}: holdfast fmt");
        looked += 1;
    };
    for (path, text) in &texts {
        if Path::new(path)
            .extension()
            .is_some_and(|kind| kind == "toml")
        {
            look(path, text);
        }
    }
    let mut folders = vec!["stacks", "providers", "fixtures"]
        .into_iter()
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .collect::<Vec<_>>();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "toml") {
                look(
                    &path.display().to_string(),
                    &std::fs::read_to_string(&path).unwrap(),
                );
            }
        }
    }
    assert!(looked > 15, "only {looked}");
}

fn fmt(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .arg("fmt")
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap()
}

#[test]
fn the_command_lays_out_what_it_can_and_leaves_the_rest() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("estate");
    let made = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .arg("init")
        .arg(&dir)
        .output()
        .unwrap();
    assert!(made.status.success());
    let read = |file: &str| std::fs::read_to_string(dir.join(file)).unwrap();
    let write = |file: &str, text: &str| std::fs::write(dir.join(file), text).unwrap();
    assert_eq!(fmt(&dir, &["--check"]).status.code(), Some(0));

    let right = read("stacks/acme.toml");
    let wrong = right.replace("id = \"acme\" #", "id=\"acme\"    #");
    write("stacks/acme.toml", &wrong);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(dir.join("stacks/acme.toml"), private).unwrap();
    let broken = "schema = 1\n[stack\n";
    write("stacks/bolt.toml", broken);
    let looked = fmt(&dir, &["--check"]);
    assert_eq!(looked.status.code(), Some(1), "one is broken");
    assert_eq!(read("stacks/acme.toml"), wrong, "nothing was written");
    let ran = fmt(&dir, &[]);
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("stacks/bolt.toml:2:"), "{said}");
    assert_eq!(
        String::from_utf8(ran.stdout).unwrap(),
        "laid out stacks/acme.toml\n"
    );
    assert_eq!(read("stacks/acme.toml"), right);
    assert_eq!(read("stacks/bolt.toml"), broken);
    let about = std::fs::metadata(dir.join("stacks/acme.toml")).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);

    write("stacks/acme.toml", &wrong);
    let one = fmt(&dir, &["--check", "--format", "json", "stacks/acme.toml"]);
    assert_eq!(one.status.code(), Some(2), "there is something to do");
    let result: serde_json::Value = serde_json::from_slice(&one.stdout).unwrap();
    assert_eq!(result["fmt_schema"], 1);
    assert_eq!(result["changed"], serde_json::json!(["stacks/acme.toml"]));
    assert_eq!(fmt(&dir, &["absent.toml"]).status.code(), Some(1));
}

/// Comments of a text, in order. The texts of the properties have none inside quotes.
fn comments(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_once('#'))
        .map(|(_, comment)| comment.trim_end().to_owned())
        .collect()
}

fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("-0.5e3".to_owned()),
        Just("nan".to_owned()),
        Just("true".to_owned()),
        Just("2026-11-22T04:00:00+01:00".to_owned()),
        Just("'lit eral'".to_owned()),
        Just("\"\"\"\n  two\n  lines\"\"\"".to_owned()),
        Just("[ 1,2,\n3 ]".to_owned()),
        Just("[\n\n1, # why\n2\n]".to_owned()),
        Just("{ a=1,b = [\"x\",{c=2}] }".to_owned()),
        Just("[{ a = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" }, { b = \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\" }]".to_owned()),
        "\"[a-zä ]{0,20}\"",
    ];
    prop_oneof![
        4 => ("[a-z]{1,8}", "[ \t]{0,3}", value, prop_oneof![Just(String::new()), "[ \t]{0,4}# [a-zA-Z ,.]{0,20}"])
            .prop_map(|(key, space, value, comment)| format!("{space}{key}{space}={space}{value}{comment}")),
        1 => "\\[[a-z]{1,5}(\\.[a-z]{1,4})?\\]( # [a-z]{1,5})?",
        1 => "\\[\\[[a-z]{1,5}\\]\\]",
        1 => "[ ]{0,4}# [a-zA-Z ,.]{0,30}",
        1 => Just(String::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_layout_is_stable_means_the_same_and_keeps_every_comment(
        lines in prop::collection::vec(line(), 0..14),
        ending in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let text = lines.join(ending);
        let Ok(meant) = text.parse::<toml::Table>() else {
            prop_assert!(laid_out("a.toml", &text).is_err());
            return Ok(());
        };
        let once = laid_out("a.toml", &text).map_err(|f| TestCaseError::fail(format!("{f:?}")))?;
        let again = laid_out("a.toml", &once).map_err(|f| TestCaseError::fail(format!("{f:?}")))?;
        prop_assert_eq!(&once, &again);
        let after: toml::Table = once.parse().unwrap();
        prop_assert_eq!(format!("{:?}", meant), format!("{:?}", after));
        let kept = |text: &str| { let mut all = comments(text); all.sort(); all };
        prop_assert_eq!(kept(&text), kept(&once));
    }

    #[test]
    fn no_text_makes_it_panic(path in prop::sample::select(vec!["stacks/acme.toml", "trust.toml", "hosters.toml"]), at in any::<prop::sample::Index>(), junk in "[\\PC\n]{0,8}") {
        let files = estate();
        let text = String::from_utf8(files[path].clone()).unwrap();
        let mut at = at.index(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let (front, back) = text.split_at(at);
        let text = format!("{front}{junk}{back}");
        if let Ok(new) = laid_out(path, &text) {
            prop_assert_eq!(
                format!("{:?}", text.parse::<toml::Table>()),
                format!("{:?}", new.parse::<toml::Table>())
            );
        }
    }
}
