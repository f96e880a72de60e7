//! What the README and the Makefile promise is there.

use holdfast::show::exit;
use std::path::Path;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_readme_has_the_exit_codes_of_the_help() {
    let readme = text("README.md");
    let codes: Vec<&str> = exit::HELP
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    assert_eq!(codes.len(), 6, "{codes:?}");
    for code in codes {
        let (number, meaning) = code.split_once("  ").unwrap();
        let row = format!("| `{number}` | {meaning} |");
        assert!(readme.contains(&row), "README.md lacks {row:?}");
    }
}

#[test]
fn what_ci_and_the_readme_call_is_in_the_makefile() {
    let makefile = text("Makefile");
    let mut called = 0;
    for source in [".ci/run", "README.md"] {
        for line in text(source).lines() {
            let Some(target) = line.strip_prefix("make ") else {
                continue;
            };
            let target = target.split_whitespace().next().unwrap();
            assert!(
                makefile
                    .lines()
                    .any(|l| l.starts_with(&format!("{target}:"))),
                "{source} calls `make {target}`, which the Makefile does not have"
            );
            called += 1;
        }
    }
    assert!(called >= 6, "only {called} calls were found");
}

/// Links from one page to another file of the repository lead somewhere.
#[test]
fn relative_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for folder in ["docs", "docs/decisions"] {
        pages.extend(
            std::fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|kind| kind == "md")),
        );
    }
    let mut followed = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let target = target.split('#').next().unwrap();
            let file = page.parent().unwrap().join(target);
            assert!(file.exists(), "{}: {target} leads nowhere", page.display());
            followed += 1;
        }
    }
    assert!(followed >= 5, "only {followed} links were found");
}
