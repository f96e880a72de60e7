//! A table under the reader's finger: what was asked for is known, the rest is unknown.

use super::{Document, codes, suggest};
use crate::model::secrecy::looks_secret;
use std::cell::RefCell;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A value and the bytes it stands in.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Range<usize>,
}

impl<T> Found<T> {
    /// The same place, another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Found<U> {
        Found {
            value: f(self.value),
            span: self.span,
        }
    }
}

/// A table that is being read.
pub struct Table<'d> {
    document: &'d Document<'d>,
    name: String,
    span: Range<usize>,
    entries: &'d DeTable<'d>,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Table<'d> {
    pub(super) fn root(document: &'d Document<'d>, entries: &'d DeTable<'d>) -> Self {
        Self {
            document,
            name: String::new(),
            span: 0..0,
            entries,
            known: RefCell::default(),
        }
    }

    /// The file.
    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }
    /// Where the table starts.
    pub fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Adds a finding at a value.
    pub fn report(
        &self,
        code: &'static str,
        span: &Range<usize>,
        message: &str,
        help: Option<&str>,
    ) {
        self.document.report(code, span, message, help);
    }

    /// Says that a key must be there. Where the syntax is broken the key may
    /// stand in what could not be read, so nothing is said.
    pub fn missing(&self, key: &str, help: &str) {
        if self.document.damaged() {
            return;
        }
        let message = if self.name.is_empty() {
            format!("`{key}` is missing")
        } else {
            format!("`{}` has no `{key}`", self.name)
        };
        self.report(codes::MISSING_KEY, &self.span, &message, Some(help));
    }

    fn look(&self, key: &'static str) -> Option<(&'d DeValue<'d>, Range<usize>)> {
        self.known.borrow_mut().push(key);
        let value = self.entries.get(key)?;
        Some((value.get_ref(), value.span()))
    }

    fn wrong(
        &self,
        key: &str,
        span: &Range<usize>,
        got: &DeValue<'_>,
        needed: &str,
        example: &str,
    ) {
        // What a recovering parser put in place of broken syntax, which is told already.
        if self.document.damaged() && span.is_empty() {
            return;
        }
        self.report(
            codes::WRONG_TYPE,
            span,
            &format!("`{key}` must be {needed}, not {}", kind(got)),
            Some(&format!("write for example {example}")),
        );
    }

    /// A text that may be absent.
    pub fn text_if(&self, key: &'static str, example: &str) -> Option<Found<String>> {
        let (value, span) = self.look(key)?;
        let Some(text) = value.as_str() else {
            let needed = "a text in quotes";
            self.wrong(key, &span, value, needed, &format!("{key} = \"{example}\""));
            return None;
        };
        Some(Found {
            value: text.to_owned(),
            span,
        })
    }

    /// A text that must be there.
    pub fn text(&self, key: &'static str, example: &str) -> Option<Found<String>> {
        if !self.has(key) {
            self.known.borrow_mut().push(key);
            self.missing(key, &format!("add {key} = \"{example}\""));
            return None;
        }
        self.text_if(key, example)
    }

    /// A whole number that may be absent.
    pub fn number_if<N: TryFrom<i64>>(&self, key: &'static str, example: &str) -> Option<Found<N>> {
        let (value, span) = self.look(key)?;
        let number = value
            .as_integer()
            .and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok())
            .and_then(|i| N::try_from(i).ok());
        let Some(value) = number else {
            let needed = "a whole number in its range";
            self.wrong(key, &span, value, needed, &format!("{key} = {example}"));
            return None;
        };
        Some(Found { value, span })
    }

    /// A whole number that must be there.
    pub fn number<N: TryFrom<i64>>(&self, key: &'static str, example: &str) -> Option<Found<N>> {
        if !self.has(key) {
            self.known.borrow_mut().push(key);
            self.missing(key, &format!("add {key} = {example}"));
            return None;
        }
        self.number_if(key, example)
    }

    /// A decimal or whole number that must be there.
    pub fn decimal(&self, key: &'static str, example: &str) -> Option<f64> {
        let Some((value, span)) = self.look(key) else {
            self.missing(key, &format!("add {key} = {example}"));
            return None;
        };
        let text = value
            .as_float()
            .map(toml::de::DeFloat::as_str)
            .or_else(|| value.as_integer().map(toml::de::DeInteger::as_str));
        let number = text
            .and_then(|t| t.parse::<f64>().ok())
            .filter(|n| n.is_finite());
        if number.is_none() {
            self.wrong(key, &span, value, "a number", &format!("{key} = {example}"));
        }
        number
    }

    /// `true` or `false`; absent is `false`.
    pub fn flag(&self, key: &'static str) -> bool {
        let Some((value, span)) = self.look(key) else {
            return false;
        };
        value.as_bool().unwrap_or_else(|| {
            self.wrong(key, &span, value, "true or false", &format!("{key} = true"));
            false
        })
    }

    /// A table that may be absent.
    pub fn table_if(&self, key: &'static str) -> Option<Table<'d>> {
        let (value, span) = self.look(key)?;
        let Some(entries) = value.as_table() else {
            self.wrong(key, &span, value, "a table", &format!("[{key}]"));
            return None;
        };
        Some(self.inner(key.to_owned(), entries, span))
    }

    /// A table that must be there.
    pub fn table(&self, key: &'static str) -> Option<Table<'d>> {
        if !self.has(key) {
            self.known.borrow_mut().push(key);
            self.missing(key, &format!("add a `[{key}]` table"));
            return None;
        }
        self.table_if(key)
    }

    /// Tables in a list, in the order of the file; none when absent.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'d>> {
        let Some((value, span)) = self.look(key) else {
            return Vec::new();
        };
        let Some(list) = value.as_array() else {
            self.wrong(key, &span, value, "a list of tables", &format!("[[{key}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in list {
            match item.get_ref().as_table() {
                Some(entries) => tables.push(self.inner(key.to_owned(), entries, item.span())),
                None => self.wrong(
                    key,
                    &item.span(),
                    item.get_ref(),
                    "a list of tables",
                    &format!("[[{key}]]"),
                ),
            }
        }
        tables
    }

    /// Texts in a list; none when absent.
    pub fn texts(&self, key: &'static str, example: &str) -> Vec<Found<String>> {
        let Some((value, span)) = self.look(key) else {
            return Vec::new();
        };
        let example = format!("{key} = [\"{example}\"]");
        let Some(list) = value.as_array() else {
            self.wrong(key, &span, value, "a list of texts", &example);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Found {
                    value: text.to_owned(),
                    span: item.span(),
                }),
                None => self.wrong(
                    key,
                    &item.span(),
                    item.get_ref(),
                    "a list of texts",
                    &example,
                ),
            }
        }
        texts
    }

    /// Whole numbers in a list; none when absent.
    pub fn numbers<N: TryFrom<i64>>(&self, key: &'static str, example: &str) -> Vec<Found<N>> {
        let Some((value, span)) = self.look(key) else {
            return Vec::new();
        };
        let example = format!("{key} = [{example}]");
        let Some(list) = value.as_array() else {
            self.wrong(key, &span, value, "a list of numbers", &example);
            return Vec::new();
        };
        let mut numbers = Vec::new();
        for item in list {
            let number = item
                .get_ref()
                .as_integer()
                .and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok())
                .and_then(|i| N::try_from(i).ok());
            match number {
                Some(value) => numbers.push(Found {
                    value,
                    span: item.span(),
                }),
                None => self.wrong(
                    key,
                    &item.span(),
                    item.get_ref(),
                    "a whole number in its range",
                    &example,
                ),
            }
        }
        numbers
    }

    /// All entries of a table whose keys are the author's own, all texts.
    pub fn free_texts(&self, example: &str) -> Vec<(Found<String>, Found<String>)> {
        let mut found = Vec::new();
        for (key, value) in self.entries {
            let name = Found {
                value: key.get_ref().to_string(),
                span: key.span(),
            };
            match value.get_ref().as_str() {
                Some(text) => found.push((
                    name,
                    Found {
                        value: text.to_owned(),
                        span: value.span(),
                    },
                )),
                None => self.wrong(
                    &name.value,
                    &value.span(),
                    value.get_ref(),
                    "a text in quotes",
                    example,
                ),
            }
        }
        found.sort_by_key(|(key, _)| key.span.start);
        found
    }

    /// All entries of a table whose keys are the author's own, all tables.
    pub fn free_tables(&self, example: &str) -> Vec<(Found<String>, Table<'d>)> {
        let mut found = Vec::new();
        for (key, value) in self.entries {
            let name = Found {
                value: key.get_ref().to_string(),
                span: key.span(),
            };
            match value.get_ref().as_table() {
                Some(entries) => {
                    let table = self.inner(
                        format!("{}.{}", self.name, name.value),
                        entries,
                        value.span(),
                    );
                    found.push((name, table));
                }
                None => self.wrong(
                    &name.value,
                    &value.span(),
                    value.get_ref(),
                    "a table",
                    example,
                ),
            }
        }
        found.sort_by_key(|(key, _)| key.span.start);
        found
    }

    /// `schema = 1`, in every file.
    pub fn schema(&self) {
        if let Some(schema) = self.number::<i64>("schema", "1")
            && schema.value != 1
        {
            self.report(
                codes::SCHEMA,
                &schema.span,
                &format!("schema {} is not known here", schema.value),
                Some("this version of Holdfast reads schema = 1"),
            );
        }
    }

    /// Is the key there at all?
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// To be called last: every key that nobody asked for is an error.
    pub fn finish(&self) {
        let known = self.known.borrow();
        for (key, value) in self.entries {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let at = key.span();
            if looks_secret(name) && value.get_ref().as_str().is_some() {
                self.report(
                    codes::PLAIN_SECRET,
                    &at,
                    &format!("unknown key `{name}`; it looks like a secret in plain text"),
                    Some("secrets stand encrypted in secrets/<id>.age and are named here; change this one, for Git remembers it"),
                );
                continue;
            }
            let whole = if self.name.is_empty() {
                format!("unknown key `{name}`")
            } else {
                format!("unknown key `{name}` in `{}`", self.name)
            };
            self.report(
                codes::UNKNOWN_KEY,
                &at,
                &whole,
                suggest(name, known.iter().copied()).as_deref(),
            );
        }
    }

    fn inner(&self, name: String, entries: &'d DeTable<'d>, span: Range<usize>) -> Table<'d> {
        Table {
            document: self.document,
            name,
            span,
            entries,
            known: RefCell::default(),
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
