//! Changes to the text of `trust.toml`: what is not changed stays as it was written, comments
//! and order included. Whether the result is a sound list is for the reader of the list to say.

use jiff::Timestamp;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, value};

/// One more key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSigner {
    /// Unique in the list.
    pub name: String,
    /// Whose it is, if another name than that.
    pub person: Option<String>,
    /// What it may do.
    pub role: String,
    /// `ssh-ed25519 AAAA…`
    pub key: String,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

/// Why the text was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No TOML.
    #[error("trust.toml cannot be read: {why}")]
    Unreadable {
        /// What the parser said.
        why: String,
    },
    /// `signer = [{ … }]`.
    #[error("trust.toml writes its signers in one line; write each as [[signer]] first")]
    Inline,
    /// Nobody of that name.
    #[error("trust.toml names no signer {name:?}; it names {}", .known.join(", "))]
    NoSuchSigner {
        /// As asked for.
        name: String,
        /// Those it names.
        known: Vec<String>,
    },
    /// Done already.
    #[error("{name:?} is revoked already")]
    Revoked {
        /// Which.
        name: String,
    },
}

/// The text with one more `[[signer]]`, after the others.
pub fn add(text: &str, new: &NewSigner) -> Result<String, EditError> {
    let mut document = read(text)?;
    let mut table = Table::new();
    table.insert("name", value(&new.name));
    if let Some(person) = &new.person {
        table.insert("person", value(person));
    }
    table.insert("role", value(&new.role));
    table.insert("key", value(&new.key));
    for (key, time) in [("from", new.from), ("until", new.until)] {
        if let Some(time) = time {
            table.insert(key, value(time.to_string()));
        }
    }
    table.decor_mut().set_prefix("\n");
    signers(&mut document)?.push(table);
    Ok(document.to_string())
}

/// The text in which this signer's key no longer counts.
pub fn revoke(text: &str, name: &str, at: Timestamp, reason: &str) -> Result<String, EditError> {
    let mut document = read(text)?;
    let signers = signers(&mut document)?;
    let known: Vec<String> = signers.iter().filter_map(name_of).collect();
    let found = signers
        .iter_mut()
        .find(|table| name_of(table).as_deref() == Some(name));
    let Some(table) = found else {
        return Err(EditError::NoSuchSigner {
            name: name.to_owned(),
            known,
        });
    };
    if table.contains_key("revoked") {
        return Err(EditError::Revoked {
            name: name.to_owned(),
        });
    }
    let mut revoked = InlineTable::new();
    revoked.insert("at", at.to_string().into());
    revoked.insert("reason", reason.into());
    table.insert("revoked", value(revoked));
    Ok(document.to_string())
}

fn read(text: &str) -> Result<DocumentMut, EditError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| EditError::Unreadable {
            why: error.message().to_owned(),
        })
}

fn signers(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, EditError> {
    document
        .entry("signer")
        .or_insert(Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or(EditError::Inline)
}

fn name_of(table: &Table) -> Option<String> {
    Some(table.get("name")?.as_str()?.to_owned())
}

/// Lines that went and came, with `-` and `+`, and those around them with a blank, as `diff -u`
/// shows one place.
pub fn lines_changed(before: &str, after: &str, around: usize) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same_before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - same_before;
    let same_after = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(most)
        .take_while(|(a, b)| a == b)
        .count();
    let (old_end, new_end) = (old.len() - same_after, new.len() - same_after);
    let marked = |mark: char, lines: &[&str]| -> Vec<String> {
        lines.iter().map(|line| format!("{mark}{line}")).collect()
    };
    let first = same_before.saturating_sub(around);
    let last = (old_end + around).min(old.len());
    [
        marked(' ', old.get(first..same_before).unwrap_or_default()),
        marked('-', old.get(same_before..old_end).unwrap_or_default()),
        marked('+', new.get(same_before..new_end).unwrap_or_default()),
        marked(' ', old.get(old_end..last).unwrap_or_default()),
    ]
    .concat()
}
