//! JSON Schemas (draft 7) of every file of an estate, for editors that complete and check
//! while one writes. The reader stays the judge; a test compares both key by key.

pub mod blueprint;
pub mod estate;
pub mod hosters;
pub mod provider;
pub mod stack;
pub mod trust;
pub mod words;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// A kind of file.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// As `holdfast schema` names it.
    pub name: &'static str,
    /// Where such files are.
    pub files: &'static str,
    /// Does it belong to an estate's repository?
    pub in_estate: bool,
    /// How it is made.
    pub make: fn() -> Value,
}

impl Kind {
    /// The schema.
    pub fn schema(&self) -> Value {
        (self.make)()
    }
}

/// Every kind of file that is written by people.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "estate",
        files: "estate.toml",
        in_estate: true,
        make: of::<estate::Estate>,
    },
    Kind {
        name: "trust",
        files: "trust.toml",
        in_estate: true,
        make: of::<trust::Trust>,
    },
    Kind {
        name: "hosters",
        files: "hosters.toml",
        in_estate: true,
        make: of::<hosters::Hosters>,
    },
    Kind {
        name: "stack",
        files: "stacks/*.toml",
        in_estate: true,
        make: of::<stack::Stack>,
    },
    Kind {
        name: "blueprint",
        files: "blueprints/*/blueprint.toml",
        in_estate: true,
        make: of::<blueprint::Blueprint>,
    },
    Kind {
        name: "provider",
        files: "providers/*.toml",
        in_estate: false,
        make: of::<provider::Provider>,
    },
];

/// The schema of a type: draft 7, which editors read; in one piece, without references;
/// and without `null`, which TOML does not have.
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    without_null(&mut schema);
    schema
}

fn without_null(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [one] = &types[..] {
                    let one = one.clone();
                    object.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(values)) = object.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            let null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
            if let Some(Value::Array(any)) = object.get_mut("anyOf") {
                any.retain(|schema| !null(schema));
                if let [Value::Object(one)] = &any[..] {
                    let one = one.clone();
                    object.remove("anyOf");
                    for (key, value) in one {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(list) => list.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// `.taplo.toml` of an estate: which schema is for which files, and the layout of `holdfast fmt`.
pub fn editor_rules(folder: &str) -> String {
    let mut text = String::from(
        "# For editors (Even Better TOML) and the taplo command line.\n\
         # Written by `holdfast schema --out`; run it again after an update of Holdfast.\n\n\
         exclude = [\".git/**\"]\n\n",
    );
    text.push_str(&super::layout::editor_options());
    for kind in KINDS.iter().filter(|kind| kind.in_estate) {
        text.push_str(&format!(
            "\n[[rule]]\ninclude = [\"{}\"]\nschema = {{ path = \"{folder}/{}.json\", enabled = true }}\n",
            kind.files, kind.name
        ));
    }
    text
}
