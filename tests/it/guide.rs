//! Pages whose commands are run as they stand, in one shell, like a reader would.

use crate::pages::blocks;
use std::path::Path;
use std::process::{Command, Stdio};

/// A line that ends with `# exit code N` must end with it; every other must end well.
fn script(page: &str) -> (String, usize) {
    let mut script = String::from("set -euo pipefail\n");
    let mut expected = 0;
    for line in page.lines() {
        let Some((command, code)) = line.split_once("# exit code ") else {
            script += &format!("{line}\n");
            continue;
        };
        expected += 1;
        let command = command.trim_end();
        script += &format!(
            "code=0; {command} || code=$?\n\
             [ \"$code\" = {code} ] || {{ echo \"\"; echo \"'{command}' ended with $code, the page says {code}\"; exit 99; }}\n"
        );
    }
    (script, expected)
}

/// Standard error without the shell's own trace of the commands.
fn spoken(stderr: &[u8]) -> String {
    let text = String::from_utf8(stderr.to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('+')).collect();
    lines.join("\n")
}

#[test]
fn the_ten_minute_guide_is_true_to_the_letter() {
    let (script, refusals) = script(&blocks("signed-intent.md").concat());
    assert!(refusals >= 8, "a guide to refusals shows only {refusals}");
    let home = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_holdfast")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-xc", &script])
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // What the page says about the answers.
    let told = String::from_utf8(output.stdout).unwrap() + &spoken(&output.stderr);
    for words in [
        "carla",
        "hosters.toml",
        "acme-admin",
        "is not signed",
        "boris",
    ] {
        assert!(told.contains(words), "nothing says {words:?}:\n{told}");
    }
    assert!(
        told.contains("Good \"holdfast-approval\" signature for anna"),
        "{told}"
    );
}
