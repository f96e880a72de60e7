//! The pages made from the code are as the code is.

use holdfast::show::cli::reference;
use holdfast::show::views::codes;
use std::path::Path;

/// `UPDATE=1` writes the page instead.
fn is_kept(page: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == made,
        "{page} is not what it is made from; UPDATE=1 writes it anew"
    );
}

#[test]
fn the_page_of_commands_is_what_help_prints() {
    let made = reference::page();
    is_kept("docs/reference/commands.md", &made);
    for command in ["holdfast plan", "holdfast lab outage", "holdfast points"] {
        assert!(made.contains(&format!("## {command}\n")), "{command}");
    }
    assert!(
        !made.contains("lab serve"),
        "the daemon's command is hidden"
    );
}

#[test]
fn the_page_of_diagnostics_is_what_explain_prints() {
    let made = codes::page();
    is_kept("docs/reference/diagnostics.md", &made);
    for code in ["HF0001", "HF0019"] {
        assert!(made.contains(&format!("## {code}\n")), "{code}");
    }
}
