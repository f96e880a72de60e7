//! Answers held against the hoster's published `OpenAPI` document, where it lies
//! in the folder `HOLDFAST_API_DOCS` or in `../shared/api` beside the package.

use serde_json::Value;
use std::path::PathBuf;

/// Properties the hoster added after this document was published; the official
/// Python client 2.27 needs them.
const NEWER: [&str; 2] = ["available", "recommended"];

pub struct Document(Value);

impl Document {
    /// `None`, with a word on stderr: the document is not here.
    pub fn find() -> Option<Self> {
        let folder = std::env::var_os("HOLDFAST_API_DOCS").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/api"),
            PathBuf::from,
        );
        let path = folder.join("hetzner-cloud.openapi.json");
        let Ok(bytes) = std::fs::read(&path) else {
            eprintln!("skipped: no document {}", path.display());
            return None;
        };
        Some(Self(serde_json::from_slice(&bytes).unwrap()))
    }

    /// Everything in an answer that the document does not allow.
    pub fn objections(&self, method: &str, path: &str, status: u16, answer: &Value) -> Vec<String> {
        let responses = &self.0["paths"][path][method]["responses"];
        let class = format!("{}xx", status / 100);
        let response = [status.to_string(), class]
            .iter()
            .find_map(|key| responses.get(key))
            .unwrap_or_else(|| panic!("{method} {path} does not answer {status}"));
        let schema = &response["content"]["application/json"]["schema"];
        let mut found = Vec::new();
        self.check(schema, answer, "", &mut found);
        found
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let target = self.0.pointer(pointer).unwrap();
            return self.check(target, value, at, found);
        }
        if value.is_null() {
            if schema["nullable"] != true {
                found.push(format!("{at} is null"));
            }
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, value, at, found);
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            found.push(format!("{at} is {value}, not one of {allowed:?}"));
        }
        let right = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !right {
            found.push(format!("{at} is {value}, not of type {}", schema["type"]));
        }
        if schema["format"] == "date-time"
            && value
                .as_str()
                .unwrap_or("")
                .parse::<jiff::Timestamp>()
                .is_err()
        {
            found.push(format!("{at} is no time"));
        }
        for item in value.as_array().into_iter().flatten() {
            self.check(&schema["items"], item, &format!("{at}[]"), found);
        }
        let properties = &schema["properties"];
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            // Deprecated properties are leaving: `datacenter` left on 2026-07-01.
            if value.get(name).is_none() && properties[name]["deprecated"] != true {
                found.push(format!("{at}.{name} is missing"));
            }
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            match properties.get(name).or(schema.get("additionalProperties")) {
                Some(schema) => self.check(schema, value, &format!("{at}.{name}"), found),
                None if NEWER.contains(&name.as_str()) => {}
                None if properties.is_object() => {
                    found.push(format!("{at}.{name} is not in the document"));
                }
                None => {}
            }
        }
    }
}
