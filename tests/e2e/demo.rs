//! `holdfast demo` tells the whole story, and its JSON form is what programs rely on.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_demo_ends_with_equal_content() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let name = format!("e2e-{}-demo", std::process::id());
    let output = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(["demo", "--format", "json", "--name", &name, "--lab-dir"])
        .arg(dir.path().join("lab"))
        .arg("--dir")
        .arg(dir.path().join("estate"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let ending: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        keys(&ending),
        BTreeSet::from(["equal", "total_seconds", "scenes"])
    );
    assert_eq!(ending["equal"], true, "{stderr}");
    assert!(ending["total_seconds"].as_f64().unwrap() > 0.0);
    let scenes = ending["scenes"].as_array().unwrap();
    for scene in scenes {
        let expected = ["name", "rto_seconds", "rpo_seconds", "equal", "phases"];
        assert_eq!(keys(scene), BTreeSet::from(expected));
        for phase in scene["phases"].as_array().unwrap() {
            assert_eq!(keys(phase), BTreeSet::from(["name", "seconds"]));
            assert!(phase["seconds"].as_f64().unwrap() >= 0.0);
        }
    }
    for name in ["rebuild", "move"] {
        let scene = scenes.iter().find(|s| s["name"] == name).expect(name);
        assert_eq!(scene["equal"], true, "{name}");
        assert!(scene["rto_seconds"].as_f64().unwrap() > 0.0, "{name}");
        assert!(scene["rpo_seconds"].as_f64().unwrap() >= 0.0, "{name}");
    }
    assert!(
        !dir.path().join("lab").join(&name).exists(),
        "the lab is still there"
    );
}
