//! Hostile bytes in every place that bytes come from: no panic, no unbounded growth, limits
//! with clear words. The bodies are shared with the fuzz targets in `fuzz/`.

pub mod bodies;
pub mod history;
mod limits;
mod work_tree;

use bodies::{PLACES, SIGNER};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Pieces that mean something to one of the parsers.
const PIECES: [&str; 40] = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\n",
    "\r\n",
    "\t",
    "\"",
    "\"\"\"",
    "'''",
    "#",
    "\\",
    "\\u0000",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "-",
    "1e999",
    "-9223372036854775809",
    "1979-05-27T07:32:00Z",
    "nan",
    "true",
    "schema = 1",
    "schema = 2",
    "{{ stack.id }}",
    "{% for",
    "{{ \"x\" * 99999999 }}",
    "[[signer]]",
    "[recipients]",
    "[thresholds]",
    "0 GiB",
    "99999999999d",
    "../..",
    "key = \"ssh-ed25519 ",
];

/// A sound text with a few edits: deleted, doubled and foreign pieces.
fn edited(seed: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (
        any::<Index>(),
        0_usize..40,
        0..4_u8,
        select(&PIECES[..]),
        any::<u8>(),
    );
    vec(edit, 1..6).prop_map(move |edits| {
        let mut bytes = seed.clone();
        for (at, length, how, piece, byte) in edits {
            let at = at.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            match how {
                0 => drop(bytes.splice(at..end, piece.bytes())),
                1 => drop(bytes.splice(at..at, piece.bytes())),
                2 => {
                    let again = bytes[at..end].repeat(1 + usize::from(byte % 4));
                    drop(bytes.splice(at..at, again));
                }
                _ => drop(bytes.splice(at..end, [byte])),
            }
        }
        bytes
    })
}

fn any_place() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    select(&PLACES[..]).prop_flat_map(|place| {
        let bytes = prop_oneof![
            6 => edited(bodies::seed(place)),
            1 => vec(any::<u8>(), 0..200),
            1 => vec(select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat().into_bytes()),
        ];
        (Just(place), bytes)
    })
}

fn blueprint_seed() -> Vec<u8> {
    bodies::seed("blueprints/notes/blueprint.toml")
}

/// A plan's file with a few edits.
fn plan_seed() -> impl Strategy<Value = Vec<u8>> {
    let plans = crate::plan_file::plans();
    let files: Vec<Vec<u8>> = plans
        .iter()
        .map(|plan| holdfast::decide::plan_file::write(plan).unwrap())
        .collect();
    for file in &files {
        bodies::plan_file(file);
    }
    select(files).prop_flat_map(edited)
}

#[test]
fn the_seed_is_a_sound_estate() {
    let findings = bodies::resolved(&bodies::estate()).diagnostics;
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn the_seeds_are_accepted_as_they_are() {
    history::commit(&history::commit_seed());
    assert!(history::tree(&history::tree_seed()));
    assert!(history::signature(&history::signature_seed()));
    assert!(history::approval(&history::approval_seed()));
    history::ledger(&history::ledger_seed());
    assert!(!history::approval(b"yes"));
    bodies::sealed(&bodies::sealed_seed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn s01_any_bytes_in_any_file_of_an_estate((place, bytes) in any_place()) {
        bodies::intent(place, &bytes);
    }

    #[test]
    fn any_bytes_as_a_descriptor(bytes in edited(include_bytes!("../../../providers/hetzner.toml").to_vec())) {
        bodies::built_in_file("providers/hetzner.toml", &bytes);
    }

    #[test]
    fn any_bytes_as_a_blueprint(bytes in edited(blueprint_seed())) {
        bodies::built_in_file("stacks/blueprints/notes/blueprint.toml", &bytes);
    }

    #[test]
    fn any_bytes_as_the_list_of_keys(bytes in edited(bodies::seed("trust.toml"))) {
        bodies::list_of_keys(&bytes);
    }

    #[test]
    fn any_text_as_a_line_with_a_key(bytes in edited(SIGNER.as_bytes().to_vec())) {
        bodies::key_line(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_bytes_as_a_commit(bytes in edited(history::commit_seed())) {
        history::commit(&bytes);
    }

    #[test]
    fn any_bytes_as_a_tree(bytes in edited(history::tree_seed())) {
        history::tree(&bytes);
    }

    #[test]
    fn any_bytes_as_a_signature(bytes in edited(history::signature_seed())) {
        history::signature(&bytes);
    }

    #[test]
    fn any_bytes_as_an_approval(bytes in edited(history::approval_seed())) {
        history::approval(&bytes);
    }

    #[test]
    fn s09_any_bytes_as_the_ledger(bytes in edited(history::ledger_seed())) {
        history::ledger(&bytes);
    }

    #[test]
    fn s05_any_bytes_as_a_plan(bytes in plan_seed()) {
        bodies::plan_file(&bytes);
    }

    #[test]
    fn any_bytes_as_a_sealed_secret(bytes in edited(bodies::sealed_seed())) {
        bodies::sealed(&bytes);
    }
}
