//! The catalogue's blueprints, as data: whole, renderable on every image, and at peace
//! with each other on one machine.

use minijinja::{Environment, UndefinedBehavior, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

type Map = BTreeMap<String, String>;

fn catalogue() -> Vec<(PathBuf, toml::Table)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/blueprints");
    let mut found: Vec<_> = fs::read_dir(folder)
        .expect("the catalogue is there")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let text = fs::read_to_string(path.join("blueprint.toml")).expect("a blueprint");
            let table = text.parse().expect("valid TOML");
            (path, table)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn tables<'a>(blueprint: &'a toml::Table, key: &str) -> Vec<&'a toml::Table> {
    let list = blueprint.get(key).and_then(toml::Value::as_array);
    list.into_iter()
        .flatten()
        .map(|value| value.as_table().expect("a table"))
        .collect()
}

fn text<'a>(table: &'a toml::Table, key: &str) -> &'a str {
    table[key].as_str().expect("a text")
}

/// What a template sees for a service of this blueprint on this image, with values that
/// need quoting wherever people choose them.
fn context(blueprint: &toml::Table, image: &toml::Table) -> Value {
    let id = text(blueprint["blueprint"].as_table().expect("a table"), "id");
    let named = |key: &str, value: &str| -> Map {
        tables(blueprint, key)
            .iter()
            .map(|table| (text(table, "name").to_owned(), value.to_owned()))
            .collect()
    };
    let image: Map = image
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().expect("a text").to_owned()))
        .collect();
    let plain = |pairs: &[(&str, &str)]| -> Value {
        let map: Map = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Value::from(map)
    };
    Value::from(BTreeMap::from([
        (
            "stack".to_owned(),
            plain(&[("id", "acme"), ("name", "Acme"), ("language", "de")]),
        ),
        (
            "service".to_owned(),
            plain(&[("name", id), ("host", "wiki.example.test")]),
        ),
        (
            "settings".to_owned(),
            Value::from(named("setting", r"Ada's \ wiki")),
        ),
        ("secrets".to_owned(), Value::from(named("secret", "s3cret"))),
        ("image".to_owned(), Value::from(image)),
    ]))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}

/// Every text of a TOML value, rendered.
fn render(value: &toml::Value, context: &Value, out: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => out.push(
            environment()
                .render_str(text, context.clone())
                .unwrap_or_else(|error| panic!("{text}: {error:#}")),
        ),
        toml::Value::Array(values) => values.iter().for_each(|v| render(v, context, out)),
        toml::Value::Table(table) => table.values().for_each(|v| render(v, context, out)),
        _ => {}
    }
}

#[test]
fn every_blueprint_renders_on_every_image_without_an_unknown_variable() {
    for (folder, blueprint) in catalogue() {
        for (name, image) in blueprint["image"].as_table().expect("images") {
            let context = context(&blueprint, image.as_table().expect("variables"));
            let mut texts = Vec::new();
            render(&toml::Value::Table(blueprint.clone()), &context, &mut texts);
            assert!(
                texts.iter().all(|t| !t.contains("{{")),
                "{folder:?} on {name}"
            );
            for file in tables(&blueprint, "file") {
                let template = text(file, "template");
                let source = fs::read_to_string(folder.join(template)).expect("a template");
                let rendered = environment()
                    .render_named_str(template, &source, context.clone())
                    .unwrap_or_else(|error| panic!("{template} on {name}: {error:#}"));
                assert!(!rendered.trim().is_empty(), "{template} on {name}");
                if template.contains(".php") && source.contains("settings.") {
                    // Whatever a customer types stays inside the quotes.
                    assert!(
                        rendered.contains(r"'Ada\'s \\ wiki'"),
                        "{template} on {name}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_script_is_there_and_stops_at_its_first_error() {
    for (folder, blueprint) in catalogue() {
        let hooks = blueprint["hooks"].as_table().expect("hooks");
        let mut scripts: Vec<&str> = hooks.values().filter_map(toml::Value::as_str).collect();
        for check in tables(&blueprint, "check") {
            scripts.extend(check.get("script").and_then(toml::Value::as_str));
        }
        assert!(scripts.len() > 2, "{folder:?}");
        for script in scripts {
            let source = fs::read_to_string(folder.join(script)).expect("a script");
            assert!(source.starts_with("#!/bin/sh\n"), "{script}");
            assert!(source.contains("\nset -eu\n"), "{script}");
        }
    }
}

#[test]
fn two_blueprints_that_lay_down_the_same_file_mean_the_same() {
    let mut seen: BTreeMap<String, (toml::Table, String)> = BTreeMap::new();
    let mut shared = 0;
    for (folder, blueprint) in catalogue() {
        for file in tables(&blueprint, "file") {
            let source = fs::read_to_string(folder.join(text(file, "template"))).expect("a file");
            let path = text(file, "path").to_owned();
            if let Some((other, content)) = seen.get(&path) {
                assert_eq!((other, content), (file, &source), "{path}");
                shared += 1;
            }
            seen.insert(path, (file.clone(), source));
        }
    }
    assert!(shared > 0, "the wikis share nginx' default site");
}
