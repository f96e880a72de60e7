//! Whose word counts is decided in one place, and nobody judges a commit by other rules.

use super::{Said, read, sources};
use syn::visit::{self, Visit};

/// Who implements `Authority`.
#[derive(Default)]
struct Implementors(usize);

impl<'ast> Visit<'ast> for Implementors {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of = item
            .trait_
            .as_ref()
            .and_then(|(path, _)| path.segments.last());
        self.0 += usize::from(of.is_some_and(|name| name.ident == "Authority"));
        visit::visit_item_impl(self, item);
    }
}

fn implementations(source: &str) -> usize {
    let mut found = Implementors::default();
    found.visit_file(&syn::parse_file(source).unwrap());
    found.0
}

/// Does it ask the gate itself, by whichever rules it likes?
fn asks_the_gate(source: &str) -> bool {
    read(&["flow", "any"], source).iter().any(|mention| {
        let Said::Path(path) = &mention.said else {
            return false;
        };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        matches!(path[..], [.., "git", "verify" | "accept" | "explain" | "*"])
    }) || source.contains("git as ")
}

#[test]
fn s05_one_set_of_rules_judges_and_one_place_asks_it() {
    let mut rules = Vec::new();
    let mut asking = Vec::new();
    for (path, source) in sources() {
        rules.extend(vec![path.clone(); implementations(&source)]);
        if !path.starts_with("world/git/") && asks_the_gate(&source) {
            asking.push(path);
        }
    }
    assert_eq!(rules, ["decide/authority.rs"]);
    assert_eq!(asking, ["flow/estate.rs"]);
}

#[test]
fn other_rules_and_other_ways_to_the_gate_are_seen() {
    assert_eq!(
        implementations("mod a { impl super::Authority for Lax {} }"),
        1
    );
    assert_eq!(implementations("impl Lax {}"), 0);
    for source in [
        "use crate::world::git::{Known, verify};",
        "use crate::world::git::*;",
        "use crate::world::git;\nfn f() { git::accept(&q, &lax); }",
        "use crate::world::git as g;",
        "fn f() { crate::world::git::explain(&q, &lax); }",
    ] {
        assert!(asks_the_gate(source), "{source}");
    }
    assert!(!asks_the_gate("use crate::world::git::Known;"));
}
