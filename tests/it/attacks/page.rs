//! The table as a page of the reference.

use super::{Ours, SUBJECTS};
use std::fmt::Write as _;
use std::path::Path;

fn page() -> String {
    let mut text = String::from(
        "# Attacks\n\n\
         What an attacker, or an accident, can put into the estate's repository, and what is said \
         to it. Each row is a test: the repository is built object by object and put to Holdfast \
         and to `git verify-commit`, which is handed the same keys with the same times, and those \
         that are revoked. Git looks at one signature of one commit. Wherever the two differ, \
         Holdfast is the stricter one, and the row says why.\n\n\
         Made from the table in `tests/it/attacks/`; after a change: \
         `UPDATE=1 cargo test --test it attacks`.\n",
    );
    let cases = || SUBJECTS.iter().flat_map(|(_, cases)| cases.iter());
    let differ = cases().filter(|case| !case.because.is_empty()).count();
    let _ = write!(
        text,
        "\n{} cases; in {differ} of them Holdfast refuses what Git calls good.\n",
        cases().count()
    );
    for (subject, cases) in SUBJECTS {
        let _ = write!(
            text,
            "\n## {subject}\n\n| attack | how | Holdfast | git | why we are stricter |\n| --- | --- | --- | --- | --- |\n"
        );
        for case in cases {
            let ours = match case.ours {
                Ours::Accepted => "accepted".to_owned(),
                Ours::Refused(_, words) => format!("refused: {words}"),
            };
            let git = if case.git { "good" } else { "bad" };
            let cells = [case.name, case.how, &ours, git, case.because];
            let cells = cells.map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text
}

/// `UPDATE=1` writes the page instead.
#[test]
fn the_page_of_attacks_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/attacks.md");
    let made = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).expect("a file");
    }
    let there = std::fs::read_to_string(&path).expect("docs/reference/attacks.md");
    assert!(
        there == made,
        "docs/reference/attacks.md is not the table; UPDATE=1 writes it anew"
    );
}
