//! Database engines in blueprints: which there are, and which names are the server's own.

use holdfast::decide::catalogue::blueprints;
use holdfast::decide::document::Files;
use holdfast::model::blueprint::Engine;
use holdfast::model::ids::BlueprintId;
use std::path::Path;

/// The smallest blueprint with `MariaDB`, one text of it replaced; what is found in it.
fn ledger(from: &str, to: &str) -> Result<Vec<(Engine, String)>, String> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/estates/crossing/blueprints/ledger");
    let mut files = Files::new();
    for name in ["blueprint.toml", "hooks/init.sh", "checks/table.sh"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let text = if name == "blueprint.toml" {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        } else {
            text
        };
        files.insert(format!("blueprints/ledger/{name}"), text.into_bytes());
    }
    let mut read = blueprints(&files, "blueprints/");
    match read.remove(&BlueprintId::new("ledger")).unwrap() {
        Ok(blueprint) => Ok(blueprint
            .databases
            .into_iter()
            .map(|database| (database.engine, database.name))
            .collect()),
        Err(found) => Err(format!("{found:?}")),
    }
}

#[test]
fn a_blueprint_may_have_its_database_in_mariadb() {
    let databases = ledger("", "").unwrap();
    assert_eq!(databases, [(Engine::Mariadb, "ledger".to_owned())]);
}

#[test]
fn an_engine_that_does_not_exist_is_named_with_its_likeness() {
    let found = ledger("engine = \"mariadb\"", "engine = \"mariabd\"").unwrap_err();
    assert!(
        found.contains("no engine") && found.contains("mariadb"),
        "{found}"
    );
}

/// Loading begins with `drop database` and a fresh password of the owner.
#[test]
fn a_database_is_never_the_servers_own() {
    for (from, to) in [
        ("name = \"ledger\"\nowner", "name = \"mysql\"\nowner"),
        ("owner = \"ledger\"", "owner = \"root\""),
    ] {
        let found = ledger(from, to).unwrap_err();
        assert!(found.contains("for itself"), "{found}");
    }
}
