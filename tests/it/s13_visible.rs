//! What others wrote reaches a terminal as text only: nothing in it turns the direction of
//! reading, moves the cursor or hides.

use holdfast::model::diagnostic::{Diagnostic, Place, Severity};
use holdfast::model::visible::{hidden, visible, visible_json, visible_line};
use holdfast::show::diagnostics::render;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Right-to-left override, zero-width space, tag letter, and the escape of terminals.
const TURN: char = '\u{202e}';
const NOTHING: char = '\u{200b}';
const TAG: char = '\u{e0041}';
const ESCAPE: char = '\u{1b}';

#[test]
fn what_has_no_look_of_its_own_is_written_out() {
    for c in [
        TURN, NOTHING, TAG, ESCAPE, '\u{85}', '\u{ad}', '\u{feff}', '\u{2066}', '\r',
    ] {
        assert!(hidden(c), "{c:?}");
    }
    for c in "aä€ß字 \u{301}-~".chars() {
        assert!(!hidden(c), "{c:?}");
    }
    assert_eq!(visible("a\u{202e}b\nc\td\r\n"), "a\\u{202e}b\nc\td\r\n");
    assert_eq!(visible("a\rb"), "a\\u{d}b");
    assert_eq!(visible_line("a\nb"), "a\\u{a}b");
    assert!(matches!(
        visible("plain"),
        std::borrow::Cow::Borrowed("plain")
    ));
    let text = format!("{TURN}{TAG}{ESCAPE}x");
    let document = visible_json(serde_json::to_string(&text).unwrap());
    assert!(document.is_ascii(), "{document}");
    assert_eq!(serde_json::from_str::<String>(&document).unwrap(), text);
}

#[test]
fn the_mark_stays_under_what_it_means() {
    let text = format!("# {TURN}{ESCAPE}\nname = \"{NOTHING}\"\nbogus = 1 # {TAG}\n");
    let at = text.find("bogus").unwrap();
    let file = format!("stacks/{TURN}.toml");
    let finding = Diagnostic {
        code: "HF0003",
        severity: Severity::Error,
        place: Place {
            file: file.clone(),
            line: 3,
            column: 1,
        },
        span: (at, at + 5),
        message: format!("unknown key `{ESCAPE}[2J`"),
        help: Some(format!("did you mean `{NOTHING}`?")),
    };
    let files = BTreeMap::from([(file, text.into_bytes())]);
    let shown = render(std::slice::from_ref(&finding), &files, false);
    assert!(!shown.chars().any(|c| hidden(c) && c != '\n'), "{shown:?}");
    assert!(shown.contains("unknown key `\\u{1b}[2J`"), "{shown}");
    assert!(shown.contains("stacks/\\u{202e}.toml:3:1"), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let line = lines.iter().position(|l| l.contains("bogus = 1")).unwrap();
    let column = |line: &str, what: &str| line.split(what).next().unwrap().chars().count();
    assert_eq!(
        column(lines[line], "bogus"),
        column(lines[line + 1], "─────")
    );
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let ran = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(arguments)
        .output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[test]
fn no_command_hands_a_terminal_what_it_would_obey() {
    let folder = tempfile::tempdir().unwrap();
    let dir: PathBuf = folder.path().join("estate");
    let binary = env!("CARGO_BIN_EXE_holdfast");
    let made = Command::new(binary).arg("init").arg(&dir).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let root = git(&dir, &["rev-parse", "HEAD"]);
    let base = format!("old{TURN}base");
    git(&dir, &["branch", &base]);
    let name = format!("stacks/evil{TURN}{NOTHING}.toml");
    std::fs::write(
        dir.join(&name),
        format!("schema = 1\n\"k{TURN}\" = \"{TAG}\"\n"),
    )
    .unwrap();
    let acme = std::fs::read_to_string(dir.join("stacks/acme.toml")).unwrap();
    let line = acme.lines().find(|line| line.contains("title")).unwrap();
    let title = format!("settings = {{ title = \"Do{TURN}cs\" }}");
    std::fs::write(dir.join("stacks/acme.toml"), acme.replace(line, &title)).unwrap();
    let unlaid = format!("a{TURN}.toml");
    std::fs::write(dir.join(&unlaid), "a   = 1\n").unwrap();
    git(&dir, &["add", "-A"]);
    git(
        &dir,
        &["commit", "-qm", &format!("Change{TURN}{ESCAPE}[2J")],
    );
    let mut told = 0;
    for arguments in [
        &["check"][..],
        &["check", "--worktree"],
        &["check", "--format", "json"],
        &["check", "--format", "sarif"],
        &["fmt", "--check"],
        &["fmt", "--check", "--format", "json"],
        &["trust", "check"],
        &["trust", "check", "--format", "json"],
        &["trust", "show"],
        &["plan", "--base", &base],
        &["plan", "--base", &base, "--format", "json"],
        &["plan", "--base", &base, "--format", "markdown"],
        &["explain", &base],
        &["check", "--head", &base.replace("old", "none")],
    ] {
        let ran = Command::new(binary)
            .args(arguments)
            .current_dir(&dir)
            .env("HOLDFAST_ROOT", &root)
            .output()
            .unwrap();
        let said = String::from_utf8(ran.stdout).unwrap() + &String::from_utf8(ran.stderr).unwrap();
        let obeyed = said.chars().find(|&c| hidden(c) && c != '\n');
        assert_eq!(obeyed, None, "{arguments:?}: {said}");
        told += usize::from(said.contains("\\u{202e}") || said.contains("\\u202e"));
    }
    assert!(told >= 8, "only {told} outputs hold foreign text at all");
}
