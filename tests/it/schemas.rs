//! The schemas are generated, kept in the repository, and say what the reader says.

use crate::estate_files::{CATALOGUE, Files, SEALED, lines};
use holdfast::decide::catalogue::catalogue;
use holdfast::decide::document::words::{self as forms, Form};
use holdfast::decide::resolve::resolve;
use holdfast::decide::schema::words as schemas;
use holdfast::flow::config::Config;
use holdfast::flow::schemas::{Kind, kinds, text};
use holdfast::model::diagnostic::Diagnostic;
use holdfast::model::ids::CommitId;
use holdfast::model::units::{Bytes, parse_duration};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The file of this kind that has every key.
fn complete(kind: &Kind) -> toml::Table {
    let path = repository(&format!("fixtures/schemas/{}.toml", kind.name));
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn judge(schema: &Value) -> jsonschema::Validator {
    jsonschema::draft7::new(schema).unwrap()
}

fn accepts(kind: &Kind, table: &toml::Table) -> bool {
    judge(&kind.schema()).is_valid(&serde_json::to_value(table).unwrap())
}

/// `UPDATE=1` writes them anew.
#[test]
fn the_schemas_that_are_kept_are_those_that_are_generated() {
    for kind in kinds() {
        let path = repository(&format!("schemas/{}.json", kind.name));
        let made = text(&kind);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &made).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == made, "{}: UPDATE=1 writes it anew", path.display());
        jsonschema::meta::validate(&kind.schema()).unwrap();
        assert!(!made.contains("\"null\""), "TOML has no null");
        assert!(!made.contains("$ref"), "{} is in one piece", kind.name);
    }
}

#[test]
fn every_property_says_what_it_is() {
    fn described(node: &Value, at: &str, count: &mut u32) {
        for (key, property) in node["properties"].as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            let words = property["description"].as_str().unwrap_or_default();
            assert!(words.len() > 3, "{at} has no description");
            *count += 1;
            described(property, &at, count);
        }
        for inner in ["items", "additionalProperties"] {
            if node[inner].is_object() {
                described(&node[inner], at, count);
            }
        }
        for one in node["anyOf"].as_array().into_iter().flatten() {
            described(one, at, count);
        }
    }
    let mut count = 0;
    for kind in kinds() {
        described(&kind.schema(), kind.name, &mut count);
    }
    assert!(count > 100, "only {count}");
}

/// What the reader says about this file in its place.
fn findings(kind: &Kind, table: &toml::Table) -> Vec<Diagnostic> {
    let bytes = toml::to_string(table).unwrap().into_bytes();
    if kind.name == "provider" {
        return catalogue(&Files::from([("providers/example.toml".to_owned(), bytes)])).1;
    }
    let mut files = Files::new();
    for (name, path) in [
        ("estate", "estate.toml"),
        ("trust", "trust.toml"),
        ("hosters", "hosters.toml"),
        ("stack", "stacks/acme.toml"),
        ("blueprint", "blueprints/notes/blueprint.toml"),
    ] {
        let whole = repository(&format!("fixtures/schemas/{name}.toml"));
        files.insert(path.to_owned(), std::fs::read(whole).unwrap());
        if name == kind.name {
            files.insert(path.to_owned(), bytes.clone());
        }
    }
    let notes = "fixtures/estates/notes/blueprints/notes";
    for file in [
        "nginx.conf.j2",
        "hooks/init.sh",
        "hooks/after-restore.sh",
        "checks/table.sh",
    ] {
        let bytes = std::fs::read(repository(&format!("{notes}/{file}"))).unwrap();
        files.insert(format!("blueprints/notes/{file}"), bytes);
    }
    for hook in ["before-backup", "after-backup"] {
        let path = format!("blueprints/notes/hooks/{hook}.sh");
        files.insert(path, b"#!/bin/sh\nset -eu\n".to_vec());
    }
    for id in ["estate-key", "hetzner-token", "dns-key"] {
        files.insert(format!("secrets/{id}.age"), SEALED.into());
    }
    resolve(&files, &CommitId::new("c0ffee"), &CATALOGUE).diagnostics
}

/// The configuration is read by serde: what it says.
fn config_says(table: &toml::Table) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, toml::to_string(table).unwrap()).unwrap();
    Config::load(folder.path(), Some(&path))
        .err()
        .map(|error| error.to_string())
}

/// All tables of a file, each as the keys and indices that lead to it.
fn tables(value: &toml::Value, at: &[String], found: &mut Vec<Vec<String>>) {
    match value {
        toml::Value::Table(table) => {
            found.push(at.to_vec());
            for (key, inner) in table {
                tables(inner, &[at, std::slice::from_ref(key)].concat(), found);
            }
        }
        toml::Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                tables(inner, &[at, &[index.to_string()]].concat(), found);
            }
        }
        _ => {}
    }
}

fn inside<'t>(table: &'t mut toml::Table, path: &[String]) -> &'t mut toml::Table {
    let mut step = path.iter();
    let Some(key) = step.next() else { return table };
    let mut value = table.get_mut(key).unwrap();
    for key in step {
        value = match value {
            toml::Value::Array(list) => &mut list[key.parse::<usize>().unwrap()],
            toml::Value::Table(table) => table.get_mut(key).unwrap(),
            _ => unreachable!("a path leads through tables and lists"),
        };
    }
    value.as_table_mut().unwrap()
}

/// The schemas of the table at a path; more than one where there are alternatives.
fn nodes<'s>(schema: &'s Value, path: &[String]) -> Vec<&'s Value> {
    let mut nodes = vec![schema];
    for key in path {
        nodes = nodes
            .into_iter()
            .flat_map(alternatives)
            .filter_map(|node| {
                let numbered = node["type"] == "array";
                let next = if numbered {
                    &node["items"]
                } else if node["properties"][key].is_object() {
                    &node["properties"][key]
                } else {
                    &node["additionalProperties"]
                };
                next.is_object().then_some(next)
            })
            .collect();
    }
    nodes.into_iter().flat_map(alternatives).collect()
}

fn alternatives(node: &Value) -> Vec<&Value> {
    match node["anyOf"].as_array() {
        Some(any) => any.iter().collect(),
        None => vec![node],
    }
}

/// Paths without indices, so that the same table in a list counts once.
fn name(path: &[String]) -> String {
    let keys = path.iter().filter(|key| key.parse::<usize>().is_err());
    keys.cloned().collect::<Vec<_>>().join(".")
}

const NONSENSE: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";

/// Where the schema cannot say what the reader says: needed in some places only.
const CONDITIONAL: [(&str, &str); 2] = [
    // Where the hoster rents by type; ordered machines are as large as they are.
    ("stack", "production.machine"),
    // Where the hoster has an interface.
    ("hosters", "hoster.token_secret"),
];

#[test]
fn the_reader_and_the_schema_know_the_same_keys_of_every_table() {
    let mut compared = 0;
    for kind in kinds() {
        let sample = complete(&kind);
        let schema = kind.schema();
        assert!(accepts(&kind, &sample), "{}", kind.name);
        if kind.name != "config" {
            assert_eq!(lines(&findings(&kind, &sample)), "", "{}", kind.name);
        }
        let mut paths = Vec::new();
        tables(&toml::Value::Table(sample.clone()), &[], &mut paths);
        // By table: what the reader knows, what the schema knows, what the sample has.
        let mut known: BTreeMap<String, [BTreeSet<String>; 3]> = BTreeMap::new();
        for path in &paths {
            let nodes = nodes(&schema, path);
            assert!(!nodes.is_empty(), "{} has no {}", kind.name, name(path));
            let of_schema: BTreeSet<String> = nodes
                .iter()
                .filter_map(|node| node["properties"].as_object())
                .flat_map(|properties| properties.keys().cloned())
                .collect();
            if of_schema.is_empty() {
                continue; // Keys of the author's own.
            }
            let mut odd = sample.clone();
            let table = inside(&mut odd, path);
            let has: BTreeSet<String> = table.keys().cloned().collect();
            table.insert(NONSENSE.to_owned(), toml::Value::Integer(1));
            assert!(
                !accepts(&kind, &odd),
                "{} {}: any key",
                kind.name,
                name(path)
            );
            let of_reader = if kind.name == "config" {
                keys_of_serde(&config_says(&odd).expect("refused"))
            } else {
                keys_of_reader(&findings(&kind, &odd))
            };
            let entry = known.entry(name(path)).or_default();
            entry[0].extend(of_reader);
            entry[1].extend(of_schema);
            entry[2].extend(has);
        }
        for (table, [reader, schema, sample]) in known {
            assert_eq!(reader, schema, "{} [{table}]: reader, schema", kind.name);
            assert_eq!(sample, schema, "{} [{table}]: the fixture", kind.name);
            compared += 1;
        }
    }
    assert!(compared > 35, "only {compared} tables");
}

/// `known here: a, b, c`, which the reader says of a key near to none.
fn keys_of_reader(found: &[Diagnostic]) -> BTreeSet<String> {
    let about = found
        .iter()
        .find(|f| f.code == "HF0003" && f.message.contains(NONSENSE))
        .unwrap_or_else(|| panic!("no word of the odd key: {}", lines(found)));
    let list = about.help.as_ref().unwrap();
    let list = list.strip_prefix("known here: ").expect(list);
    list.split(", ").map(str::to_owned).collect()
}

/// "expected one of `a`, `b`", which serde says.
fn keys_of_serde(said: &str) -> BTreeSet<String> {
    let list = said.split("expected ").nth(1).expect(said);
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_reader_and_the_schema_demand_the_same_keys() {
    let mut compared = 0;
    for kind in kinds() {
        let sample = complete(&kind);
        let mut paths = Vec::new();
        tables(&toml::Value::Table(sample.clone()), &[], &mut paths);
        for path in &paths {
            if nodes(&kind.schema(), path)
                .iter()
                .all(|node| !node["properties"].is_object())
            {
                continue;
            }
            let keys: Vec<String> = inside(&mut sample.clone(), path).keys().cloned().collect();
            for key in keys {
                let mut less = sample.clone();
                inside(&mut less, path).remove(&key);
                let at = name(&[&path[..], &[key]].concat());
                let by_schema = !accepts(&kind, &less);
                let by_reader = if kind.name == "config" {
                    config_says(&less).is_some()
                } else {
                    findings(&kind, &less).iter().any(|f| f.code == "HF0004")
                };
                if CONDITIONAL.contains(&(kind.name, &*at)) {
                    assert!(!by_schema, "{at} is not needed everywhere");
                    continue;
                }
                assert_eq!(
                    by_reader, by_schema,
                    "{} without {at}: reader, schema",
                    kind.name
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "only {compared} keys");
}

fn pattern<T: JsonSchema>() -> jsonschema::Validator {
    judge(&holdfast::decide::schema::of::<T>())
}

/// Texts near the forms: letters of both cases, digits and every sign that a form speaks of.
fn near() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,34}",
        "[a-z_][a-z0-9_-]{0,34}",
        "[a-z0-9-]{1,45}(/[a-z0-9-]{1,4})?",
        "[a-z0-9-]{1,6}(\\.[a-z0-9-]{0,64}){0,3}",
        "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}",
        "[0-7]{3,5}",
        "[ A-Za-zäß0-9\\t._/:@-]{0,12}",
        "[a-z]{30,32}",
        "a{39,41}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_patterns_allow_what_the_forms_allow(text in near()) {
        thread_local! {
            static PAIRS: Vec<(&'static Form, jsonschema::Validator)> = vec![
                (&forms::ID, pattern::<schemas::Id>()),
                (&forms::VARIABLE, pattern::<schemas::Variable>()),
                (&forms::MACHINE, pattern::<schemas::Machine>()),
                (&forms::SITE, pattern::<schemas::Site>()),
                (&forms::IMAGE, pattern::<schemas::Image>()),
                (&forms::HOST, pattern::<schemas::Host>()),
                (&forms::ZONE, pattern::<schemas::Zone>()),
                (&forms::ACCOUNT, pattern::<schemas::Account>()),
                (&forms::MODE, pattern::<schemas::Mode>()),
                (&forms::VALUE, pattern::<schemas::Value>()),
            ];
        }
        let value = Value::from(text.clone());
        PAIRS.with(|pairs| for (form, judge) in pairs {
            assert_eq!(form.fits(&text), judge.is_valid(&value), "{text:?} as {}", form.what());
        });
        // An editor may be milder about blank lines.
        if forms::LINE.fits(&text) {
            prop_assert!(pattern::<schemas::Line>().is_valid(&value));
        }
    }

    #[test]
    fn the_units_are_the_same(number in 0_u32..2000, unit in "( ?(s|m|min|h|d|w|B|KiB|GiB|GB|TB|kB|xB|H)|)") {
        let text = format!("{number}{unit}");
        let value = Value::from(text.clone());
        let duration = parse_duration(&text).is_ok_and(|d| !d.is_zero());
        prop_assert_eq!(duration, pattern::<schemas::Duration>().is_valid(&value), "{}", text);
        prop_assert_eq!(
            Bytes::parse(&text).is_ok(),
            pattern::<schemas::Size>().is_valid(&value),
            "{}", text
        );
    }
}
