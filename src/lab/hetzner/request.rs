//! Reading requests: the fields of a body with all their errors at once.

use super::errors::{ApiError, FieldError};
use super::pagination::ListQuery;
use super::selector::check_labels;
use super::state::Labels;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde_json::{Map, Value};

/// The fields of a JSON body. Getters note what is wrong and go on;
/// [`Body::checked`] refuses at the end.
#[derive(Debug)]
pub struct Body {
    fields: Map<String, Value>,
    wrong: Vec<FieldError>,
}

impl Body {
    /// Reads a body; an empty one has no fields.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let value = if bytes.trim_ascii().is_empty() {
            Value::Object(Map::new())
        } else {
            serde_json::from_slice(bytes).map_err(ApiError::json)?
        };
        match value {
            Value::Object(fields) => Ok(Self {
                fields,
                wrong: Vec::new(),
            }),
            _ => Err(ApiError::json("the body must be an object")),
        }
    }

    /// Notes something wrong with a field.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.wrong.push(FieldError::new(name, message));
    }

    /// Refuses with everything noted so far.
    pub fn checked(&self) -> Result<(), ApiError> {
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid_input(&self.wrong))
        }
    }

    /// A value that is there; `null` counts as absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|v| !v.is_null())
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        if !value.is_string() {
            self.refuse(name, "must be a string");
        }
        value.as_str().map(str::to_owned)
    }

    /// A truth value.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name)?;
        if value.as_bool().is_none() {
            self.refuse(name, "must be a boolean");
        }
        value.as_bool()
    }

    /// An id or a name, as text.
    pub fn reference(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        let reference = as_reference(&value);
        if reference.is_none() {
            self.refuse(name, "must be an ID or a name");
        }
        reference
    }

    /// A list of ids or names, as text.
    pub fn references(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.take(name) else {
            return Vec::new();
        };
        let list: Option<Vec<String>> = value
            .as_array()
            .and_then(|list| list.iter().map(as_reference).collect());
        list.unwrap_or_else(|| {
            self.refuse(name, "must be a list of IDs or names");
            Vec::new()
        })
    }

    /// The field `labels`, valid or noted as wrong.
    pub fn labels(&mut self) -> Option<Labels> {
        let value = self.take("labels")?;
        if let Ok(labels) = serde_json::from_value::<Labels>(value) {
            self.wrong.extend(check_labels(&labels));
            Some(labels)
        } else {
            self.refuse("labels", "must be an object of strings");
            None
        }
    }

    /// A text that must be there and not empty; otherwise that is noted, and the
    /// empty text returned.
    pub fn need(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<String>,
    ) -> String {
        if self.fields.get(name).is_none_or(Value::is_null) {
            self.refuse(name, "is required");
            return String::new();
        }
        let text = read(self, name);
        if text.as_deref() == Some("") {
            self.refuse(name, "must not be empty");
        }
        text.unwrap_or_default()
    }
}

fn as_reference(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_i64().map(|id| id.to_string()),
        _ => None,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|e: QueryRejection| ApiError::invalid_field("query", e.to_string()))?;
        // Under `nest` the inner routes see the path without its prefix.
        let uri = parts
            .extensions
            .get::<axum::extract::OriginalUri>()
            .map_or(&parts.uri, |original| &original.0);
        Ok(ListQuery::new(pairs, uri, &parts.headers))
    }
}
