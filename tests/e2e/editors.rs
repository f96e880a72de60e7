//! The taplo command line, as editors use it, against the schemas and layout of an estate.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The taplo command line, in a venv that is made once.
fn taplo() -> PathBuf {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-taplo");
    let taplo = venv.join("bin/taplo");
    let run = |command: &mut Command| command.output().is_ok_and(|o| o.status.success());
    if run(Command::new(&taplo).arg("--version")) {
        return taplo;
    }
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    assert!(made, "no venv: apt-get install python3-venv");
    let pip = ["-m", "pip", "install", "--quiet", "taplo==0.9.3"];
    assert!(
        run(Command::new(venv.join("bin/python")).args(pip)),
        "pip cannot install taplo"
    );
    taplo
}

fn holdfast(dir: &Path, arguments: &[&str]) {
    let ran = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{arguments:?}: {ran:?}");
}

fn run(taplo: &Path, dir: &Path, arguments: &[&str]) -> Output {
    Command::new(taplo)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap()
}

#[test]
fn taplo_accepts_what_is_right_and_refuses_what_is_wrong() {
    let taplo = taplo();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("estate");
    holdfast(folder.path(), &["init", "estate"]);
    // What `init` wrote, as an editor finds it.
    let whole = run(&taplo, &dir, &["lint"]);
    assert!(whole.status.success(), "{whole:?}");
    let laid_out = run(&taplo, &dir, &["fmt", "--check"]);
    assert!(laid_out.status.success(), "{laid_out:?}");
    // The rules are really asked.
    let stack = dir.join("stacks/acme.toml");
    let text = std::fs::read_to_string(&stack).unwrap();
    std::fs::write(&stack, text.replace("language", "langauge")).unwrap();
    let misspelled = run(&taplo, &dir, &["lint"]);
    assert!(!misspelled.status.success(), "{misspelled:?}");
    assert!(String::from_utf8_lossy(&misspelled.stderr).contains("langauge"));

    // Every kind of file by its `#:schema` line, right and broken in three ways.
    let tried = folder.path().join("tried");
    std::fs::create_dir(&tried).unwrap();
    holdfast(&tried, &["schema", "--out", "schemas"]);
    std::fs::remove_file(tried.join(".taplo.toml")).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/schemas");
    let mut kinds = 0;
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let lint = |what: &str, text: &str| {
            let file = tried.join(format!("{kind}.toml"));
            std::fs::write(&file, format!("#:schema ./schemas/{kind}.json\n{text}")).unwrap();
            let linted = run(&taplo, &tried, &["lint", file.to_str().unwrap()]);
            (
                linted.status.success(),
                format!("{kind}, {what}: {linted:?}"),
            )
        };
        let (sound, said) = lint("right", &text);
        assert!(sound, "{said}");
        let (first, rest) = text.split_once('\n').unwrap();
        let key = first.split(' ').next().unwrap();
        for (what, broken) in [
            ("another type", format!("{key} = [true]\n{rest}")),
            ("unknown key", format!("unheard_of = 1\n{text}")),
            ("missing key", rest.to_owned()),
        ] {
            let (sound, said) = lint(what, &broken);
            assert!(!sound, "{said}");
            // The findings themselves: taplo's last word, on what failed, does not always get out.
            assert!(said.contains("error: "), "{said}");
        }
        kinds += 1;
    }
    assert_eq!(kinds, 7);
}
