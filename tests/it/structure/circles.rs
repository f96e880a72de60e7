//! No two files import each other, not even by way of others. Between a folder and its
//! own files both ways are open: the folder says what is seen from outside.

use super::{Said, read, sources};
use std::collections::{BTreeMap, BTreeSet};

type Module = Vec<String>;

/// Who imports whom, by module.
fn imports(sources: &[(String, String)]) -> BTreeMap<Module, BTreeSet<Module>> {
    let module = |path: &str| -> Module {
        path.trim_end_matches(".rs")
            .split('/')
            .filter(|part| !["lib", "mod"].contains(part))
            .map(str::to_owned)
            .collect()
    };
    let there: BTreeSet<Module> = sources.iter().map(|(path, _)| module(path)).collect();
    sources
        .iter()
        .map(|(path, source)| {
            let from = module(path);
            let place: Vec<&str> = from.iter().map(String::as_str).collect();
            let to = read(&place, source)
                .into_iter()
                .filter_map(|mention| match mention.said {
                    Said::Path(names) if names[0] == "crate" => (2..=names.len())
                        .rev()
                        .map(|end| names[1..end].to_vec())
                        .find(|name| there.contains(name)),
                    _ => None,
                })
                .filter(|to| !to.starts_with(&from) && !from.starts_with(to))
                .collect();
            (from, to)
        })
        .collect()
}

/// The modules that can be reached from themselves.
fn in_circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let returns = |start: &Module| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Module> = vec![start];
        while let Some(module) = open.pop() {
            for next in imports.get(module).into_iter().flatten() {
                if next == start {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    };
    imports
        .keys()
        .filter(|module| returns(module))
        .map(|module| module.join("::"))
        .collect()
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    let imports = imports(&sources());
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 300);
    assert_eq!(in_circles(&imports), Vec::<String>::new());
}

#[test]
fn a_circle_of_three_is_found_and_its_neighbour_is_not_blamed() {
    let files = [
        ("world/a.rs", "use super::b::X;"),
        ("world/b.rs", "fn f() { crate::world::c::g() }"),
        ("world/c.rs", "use super::{a::Y, d};"),
        ("world/d.rs", ""),
        ("world/mod.rs", "pub use a::X;"),
    ]
    .map(|(path, source)| (path.to_owned(), source.to_owned()));
    assert_eq!(
        in_circles(&imports(&files)),
        ["world::a", "world::b", "world::c"]
    );
}
