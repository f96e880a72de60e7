//! `[[freeze]]` written into the text of a file, and taken out again: what is not changed stays as
//! it was written, comments and order included.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

/// A freeze that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFreeze {
    /// As people wrote its end, with a zone.
    pub until: String,
    /// Why.
    pub reason: String,
    /// Repairs go on.
    pub repairs: bool,
}

/// Why the text was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreezeError {
    /// No TOML.
    #[error("{file} cannot be read: {why}")]
    Unreadable {
        /// Which.
        file: String,
        /// What the parser said.
        why: String,
    },
    /// `freeze = [{ … }]`.
    #[error("{file} writes its freezes in one line; write each as [[freeze]] first")]
    Inline {
        /// Which.
        file: String,
    },
}

/// The text with one more `[[freeze]]`, after everything else.
pub fn add(file: &str, text: &str, new: &NewFreeze) -> Result<String, FreezeError> {
    let mut document = read(file, text)?;
    let mut table = Table::new();
    table.insert("until", value(&new.until));
    table.insert("reason", value(&new.reason));
    if new.repairs {
        table.insert("allow", value(Array::from_iter(["repair"])));
    }
    table.decor_mut().set_prefix("\n");
    let freezes = document
        .entry("freeze")
        .or_insert(Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(|| FreezeError::Inline {
            file: file.to_owned(),
        })?;
    freezes.push(table);
    Ok(document.to_string())
}

/// The text without any freeze, those that are over included; `None`: there is none.
pub fn take_out(file: &str, text: &str) -> Result<Option<String>, FreezeError> {
    let mut document = read(file, text)?;
    let there = document.remove("freeze").is_some();
    Ok(there.then(|| document.to_string()))
}

fn read(file: &str, text: &str) -> Result<DocumentMut, FreezeError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| FreezeError::Unreadable {
            file: file.to_owned(),
            why: error.message().to_owned(),
        })
}
