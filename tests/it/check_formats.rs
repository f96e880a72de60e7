//! `check` for programs: JSON and SARIF, from a commit and from the work tree.

use crate::new_estate::Estate;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// A new estate, changed by hand.
impl Estate {
    fn check(&self, arguments: &[&str]) -> Output {
        Self::check_in(&self.dir, arguments)
    }

    fn check_in(dir: &Path, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .arg("check")
            .args(arguments)
            .current_dir(dir)
            .env_remove("HOLDFAST_ROOT")
            .output()
            .unwrap()
    }

    fn json(&self, arguments: &[&str]) -> (Value, Option<i32>) {
        let ran = self.check(arguments);
        let value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        (value, ran.status.code())
    }
}

/// Judged by the schema that OASIS publishes.
fn is_sarif(value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sarif-2.1.0.schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    // A bracket that JavaScript takes as it is and others refuse; about languages, not about us.
    let text = text.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    let judge = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = judge
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn json_names_the_place_in_characters_and_what_is_held() {
    let estate = Estate::new();
    let file = "stacks/acme.toml";
    // The column counts characters, not bytes.
    estate.edit(
        file,
        "machine = { cpus = 2, memory = \"4 GiB\"",
        "machine = { \"größe\" = 1, cpus = 2, memory = \"4\"",
    );
    let (found, exit) = estate.json(&["--worktree", "--format", "json"]);
    assert_eq!(exit, Some(1));
    assert_eq!(found["check_schema"], 1);
    assert_eq!(found["estate"], "estate");
    assert_eq!(found["commit"], Value::Null);
    assert_eq!(found["stacks"], 0);
    assert_eq!(found["held"], serde_json::json!(["acme"]));
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2, "{findings:#?}");
    assert_eq!(findings[0]["code"], "HF0003");
    let unit = &findings[1];
    assert_eq!(unit["code"], "HF0007");
    assert_eq!(unit["severity"], "error");
    assert_eq!(unit["file"], file);
    let text = std::fs::read_to_string(estate.dir.join(file)).unwrap();
    let line = usize::try_from(unit["line"].as_u64().unwrap()).unwrap();
    let number = |key: &str| usize::try_from(unit[key].as_u64().unwrap()).unwrap();
    let shown: String = text
        .lines()
        .nth(line - 1)
        .unwrap()
        .chars()
        .skip(number("column") - 1)
        .take(number("end_column") - number("column"))
        .collect();
    assert_eq!(shown, "\"4\"");
    assert_eq!(unit["end_line"], unit["line"]);
}

#[test]
fn json_of_a_sound_commit_says_who_signed_it() {
    let estate = Estate::new();
    let (found, exit) = estate.json(&["--format", "json"]);
    assert_eq!(exit, Some(0));
    assert_eq!(found["commit"], estate.git(&["rev-parse", "HEAD"]));
    assert_eq!(
        found["signed_by"],
        Value::Null,
        "the root is trusted as it is"
    );
    // What the example promises, nobody has measured.
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["code"], "HF0033");
    assert_eq!(
        (&found["stacks"], &found["services"]),
        (&1.into(), &2.into())
    );
    estate.edit("stacks/acme.toml", "ACME GmbH", "ACME AG");
    estate.git(&["commit", "-qam", "Rename"]);
    let (found, _) = estate.json(&["--format", "json"]);
    assert!(
        found["signed_by"].as_str().unwrap().starts_with("owner"),
        "{found}"
    );
}

#[test]
fn sarif_is_what_oasis_says_and_points_at_the_right_columns() {
    let estate = Estate::new();
    estate.edit("stacks/acme.toml", "language", "langauge");
    estate.edit("stacks/acme.toml", "rto = \"6h\"", "rto = 6");
    std::fs::write(estate.dir.join("hoster accounts.toml"), "schema = 1\n").unwrap();
    let (found, exit) = estate.json(&["--worktree", "--format", "sarif"]);
    assert_eq!(exit, Some(1));
    is_sarif(&found);
    let run = &found["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(rules[index]["help"]["text"].as_str().unwrap().len() > 80);
        assert_eq!(result["level"], "error");
    }
    let place = |result: &Value| result["locations"][0]["physicalLocation"].clone();
    assert_eq!(
        place(&results[0])["artifactLocation"]["uri"],
        "hoster%20accounts.toml"
    );
    let key = place(&results[1]);
    assert_eq!(key["artifactLocation"]["uri"], "stacks/acme.toml");
    assert_eq!(
        key["region"],
        serde_json::json!({ "startLine": 6, "startColumn": 1, "endLine": 6, "endColumn": 9 })
    );
    assert_eq!(run["columnKind"], "unicodeCodePoints");
}

#[test]
fn sarif_of_a_sound_estate_is_sound_and_empty() {
    let estate = Estate::new();
    // A promise that nobody has measured is a warning.
    estate.edit("stacks/acme.toml", "rpo = \"24h\"\nrto = \"6h\"\n", "");
    estate.git(&["commit", "-qam", "Promise nothing yet"]);
    let (found, exit) = estate.json(&["--format", "sarif"]);
    assert_eq!(exit, Some(0));
    is_sarif(&found);
    assert_eq!(found["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn a_commit_that_is_refused_is_a_finding_too() {
    let estate = Estate::new();
    estate.git(&[
        "commit",
        "-q",
        "--no-gpg-sign",
        "--allow-empty",
        "-m",
        "Not signed",
    ]);
    let (found, exit) = estate.json(&["--format", "json"]);
    assert_eq!(exit, Some(4), "refused by trust");
    let refusal = &found["findings"][0];
    assert!(
        refusal["code"].as_str().unwrap().starts_with("HF02"),
        "{refusal}"
    );
    assert_eq!(refusal["file"], Value::Null);
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("is not signed")
    );
    assert!(refusal["help"].as_str().unwrap().contains("sign it"));
    let (found, exit) = estate.json(&["--format", "sarif"]);
    assert_eq!(exit, Some(4));
    is_sarif(&found);
    assert_eq!(found["runs"][0]["results"][0]["level"], "error");
}

#[test]
fn a_fresh_clone_is_checked_by_its_root_alone() {
    let estate = Estate::new();
    let root = estate.git(&["rev-parse", "HEAD"]);
    estate.edit("stacks/acme.toml", "ACME GmbH", "ACME AG");
    estate.git(&["commit", "-qam", "Rename"]);
    estate.git(&["branch", "proposal"]);
    let clone = estate.dir.join("../clone");
    estate.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
    let without = Estate::check_in(&clone, &[]);
    assert_eq!(without.status.code(), Some(1), "no configuration there");
    for more in [
        &[][..],
        &["--head", "refs/remotes/origin/proposal"],
        &["--head", "HEAD"],
    ] {
        let mut arguments = vec!["--root", &*root];
        arguments.extend(more);
        let ran = Estate::check_in(&clone, &arguments);
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert_eq!(ran.status.code(), Some(0), "{more:?}: {ran:?}");
        assert!(said.contains("signed by owner"), "{said}");
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .arg("check")
        .current_dir(&clone)
        .env("HOLDFAST_ROOT", &root)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let other = Estate::check_in(&clone, &["--root", &"1".repeat(40)]);
    assert_ne!(other.status.code(), Some(0), "another root accepts nothing");
}

#[test]
fn people_see_the_line_and_how_many_of_which_kind() {
    let estate = Estate::new();
    estate.edit("stacks/acme.toml", "language", "langauge");
    let ran = estate.check(&["--worktree"]);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        said.contains("langauge = \"en\""),
        "the line itself: {said}"
    );
    assert!(said.contains("did you mean `language`?"), "{said}");
    assert!(said.contains("1 error in 1 file"), "{said}");
    assert!(said.contains("next: holdfast explain HF0003"), "{said}");
    assert!(
        !said.contains('\u{1b}'),
        "no colour where there is no terminal"
    );
}

#[test]
fn warnings_are_marked_counted_apart_and_hold_nothing() {
    use holdfast::model::diagnostic::{Diagnostic, Place, Severity};
    use holdfast::show::diagnostics::{counted, one_line, render};
    use holdfast::show::views::findings::{Checked, Finding, sarif};
    let finding = |severity, code| Diagnostic {
        code,
        severity,
        place: Place {
            file: "stacks/acme.toml".to_owned(),
            line: 2,
            column: 1,
        },
        span: (11, 14),
        message: "something".to_owned(),
        help: None,
    };
    let found = [
        finding(Severity::Warning, "HF0015"),
        finding(Severity::Error, "HF0003"),
        finding(Severity::Warning, "HF0015"),
    ];
    let files = std::collections::BTreeMap::from([(
        "stacks/acme.toml".to_owned(),
        b"schema = 1\nkey = 1\n".to_vec(),
    )]);
    assert_eq!(counted(&found), "1 error and 2 warnings in 1 file");
    let drawn = render(&found, &files, false);
    assert_eq!(drawn.matches("warning: something").count(), 2, "{drawn}");
    assert!(one_line(&found[0]).contains("HF0015: warning: something"));
    let findings: Vec<Finding> = found.iter().map(|f| Finding::new(f, &files)).collect();
    assert_eq!(findings[0].end_column, Some(4));
    let value = sarif(&Checked::of(findings));
    is_sarif(&value);
    assert_eq!(value["runs"][0]["results"][0]["level"], "warning");
    assert_eq!(value["runs"][0]["results"][1]["level"], "error");
}
