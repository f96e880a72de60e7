//! The official Python client against the lab's real machines.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn lab(name: &str, dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .arg("lab")
        .args(arguments)
        .args(["--name", name, "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// An interpreter that can `import hcloud`, in a venv that is made once.
fn python_with_hcloud() -> PathBuf {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-hcloud");
    let python = venv.join("bin/python");
    let run = |command: &mut Command| command.output().is_ok_and(|o| o.status.success());
    if run(Command::new(&python).args(["-c", "import hcloud"])) {
        return python;
    }
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    assert!(made, "no venv: apt-get install python3-venv");
    let pip = ["-m", "pip", "install", "--quiet", "hcloud>=2.20,<3"];
    assert!(
        run(Command::new(&python).args(pip)),
        "pip cannot install hcloud"
    );
    python
}

#[test]
fn the_official_python_client_rents_a_real_machine() {
    let python = python_with_hcloud();
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let name = format!("e2e-{}-python", std::process::id());
    let up = lab(
        &name,
        dir.path(),
        &["up", "--hosters", "hetzner", "--prepare", "debian-13"],
    );
    let status = lab(&name, dir.path(), &["status", "--format", "json"]);
    let interface: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
    let of = |key: &str| {
        interface["hetzner"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let ran = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/hcloud_client.py"))
        .env("HCLOUD_ENDPOINT", of("endpoint"))
        .env("HCLOUD_TOKEN", of("token"))
        .output()
        .unwrap();
    let after = lab(&name, dir.path(), &["status", "--format", "json"]);
    let down = lab(&name, dir.path(), &["down"]);
    assert!(up.status.success(), "{up:?}");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(String::from_utf8_lossy(&ran.stdout).contains("the official client is content"));
    let after: serde_json::Value = serde_json::from_slice(&after.stdout).unwrap();
    assert_eq!(
        after["machines"],
        serde_json::json!([]),
        "its server is still there"
    );
    assert!(down.status.success(), "{down:?}");
}
