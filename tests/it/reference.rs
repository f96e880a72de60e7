//! The pages made from the code are as the code is.

use holdfast::show::cli::reference;
use std::path::Path;

/// `UPDATE=1` writes the page instead.
#[test]
fn the_page_of_commands_is_what_help_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/commands.md");
    let made = reference::page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(
        there == made,
        "docs/reference/commands.md is not what --help prints; UPDATE=1 writes it anew"
    );
    for command in ["holdfast plan", "holdfast lab outage", "holdfast points"] {
        assert!(made.contains(&format!("## {command}\n")), "{command}");
    }
    assert!(
        !made.contains("lab serve"),
        "the daemon's command is hidden"
    );
}
