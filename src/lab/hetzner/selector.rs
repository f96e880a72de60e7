//! Labels and the query language that selects by them.
//!
//! Hetzner Cloud reference, "Labels" and "Label Selector": `k=v`, `k==v`,
//! `k!=v`, `k`, `!k`, `k in (a,b)`, `k notin (a,b)`, joined by commas. As in the
//! reference's example, `k!=v` and `k notin (…)` also match where `k` is absent.

use super::errors::FieldError;
use super::state::Labels;

/// A parsed selector: every term must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Present(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

/// Why a selector cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A `(` without its `)`, or the other way round.
    #[error("unbalanced parenthesis")]
    Parenthesis,
    /// Nothing between two commas.
    #[error("empty expression")]
    Empty,
    /// Not one of the documented forms.
    #[error("cannot read {term:?}")]
    Term {
        /// The term as given.
        term: String,
    },
    /// Not a valid label key.
    #[error("{key:?} is not a label key")]
    Key {
        /// The key as given.
        key: String,
    },
    /// Not a valid label value.
    #[error("{value:?} is not a label value")]
    Value {
        /// The value as given.
        value: String,
    },
}

impl Selector {
    /// Reads a selector. The empty text selects everything.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        split_terms(text)?
            .into_iter()
            .map(parse_term)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// True when every term holds for these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|term| match term {
            Term::Present(key) => labels.contains_key(key),
            Term::Absent(key) => !labels.contains_key(key),
            Term::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
            Term::NotIn(key, values) => labels.get(key).is_none_or(|v| !values.contains(v)),
        })
    }
}

/// Splits at commas outside parentheses.
fn split_terms(text: &str) -> Result<Vec<&str>, SelectorError> {
    let mut terms = Vec::new();
    let (mut inside, mut start) = (false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(SelectorError::Parenthesis),
            ',' if !inside => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(SelectorError::Parenthesis);
    }
    terms.push(&text[start..]);
    Ok(terms)
}

fn parse_term(term: &str) -> Result<Term, SelectorError> {
    let term = term.trim();
    if term.is_empty() {
        return Err(SelectorError::Empty);
    }
    if let Some((head, list)) = term.split_once('(') {
        return parse_set(term, head, list);
    }
    if let Some((k, v)) = term.split_once("!=") {
        return Ok(Term::NotIn(key(k)?, vec![value(v)?]));
    }
    if let Some((k, v)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Term::In(key(k)?, vec![value(v)?]));
    }
    if let Some(k) = term.strip_prefix('!') {
        return Ok(Term::Absent(key(k)?));
    }
    Ok(Term::Present(key(term)?))
}

/// `head` is `k in` or `k notin`, `list` is `a,b)`.
fn parse_set(term: &str, head: &str, list: &str) -> Result<Term, SelectorError> {
    let unreadable = || SelectorError::Term { term: term.into() };
    let values = list.strip_suffix(')').ok_or_else(unreadable)?;
    let values = values
        .split(',')
        .map(value)
        .collect::<Result<Vec<_>, _>>()?;
    match head.split_whitespace().collect::<Vec<_>>()[..] {
        [k, "in"] => Ok(Term::In(key(k)?, values)),
        [k, "notin"] => Ok(Term::NotIn(key(k)?, values)),
        _ => Err(unreadable()),
    }
}

fn key(text: &str) -> Result<String, SelectorError> {
    let text = text.trim();
    if is_label_key(text) {
        Ok(text.to_owned())
    } else {
        Err(SelectorError::Key { key: text.into() })
    }
}

fn value(text: &str) -> Result<String, SelectorError> {
    let text = text.trim();
    if is_label_value(text) {
        Ok(text.to_owned())
    } else {
        Err(SelectorError::Value { value: text.into() })
    }
}

/// Everything that is wrong with labels given in a request.
pub fn check_labels(labels: &Labels) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for (k, v) in labels {
        if k.starts_with("hetzner.cloud/") {
            wrong.push(format!("prefix hetzner.cloud/ is reserved: {k:?}"));
        } else if !is_label_key(k) {
            wrong.push(format!("invalid label key {k:?}"));
        }
        if !is_label_value(v) {
            wrong.push(format!("invalid label value {v:?} of key {k:?}"));
        }
    }
    wrong
        .into_iter()
        .map(|message| FieldError::new("labels", message))
        .collect()
}

/// `[prefix/]name`; the prefix is a DNS subdomain of at most 253 characters.
fn is_label_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_hostname)
}

/// Empty, or at most 63 of `[A-Za-z0-9._-]`, alphanumeric at both ends.
fn is_label_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() <= 63
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        && bytes.first().is_none_or(u8::is_ascii_alphanumeric)
        && bytes.last().is_none_or(u8::is_ascii_alphanumeric)
}

/// RFC 1123: labels of 1 to 63 letters, digits and inner dashes; 253 in all.
pub fn is_hostname(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_dns_label)
}

/// One label of a host name.
pub fn is_dns_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_selects_what_the_reference_says() {
        let labels: Labels = [("env", "prod"), ("example.com/role", "db"), ("bare", "")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        for (selector, expected) in [
            ("", true),
            ("env=prod", true),
            ("env==prod", true),
            ("env = prod", true),
            ("env=test", false),
            ("env!=test", true),
            ("env!=prod", false),
            ("type!=database", true),
            ("bare", true),
            ("bare=", true),
            ("absent", false),
            ("!absent", true),
            ("!env", false),
            ("env in (prod,test)", true),
            ("env in (test, stage)", false),
            ("absent in (a)", false),
            ("env notin (test,stage)", true),
            ("env notin (prod)", false),
            ("absent notin (a)", true),
            ("example.com/role=db,env in (prod),!absent", true),
            ("example.com/role=db,absent", false),
        ] {
            let parsed = Selector::parse(selector).unwrap();
            assert_eq!(parsed.matches(&labels), expected, "{selector}");
        }
    }

    #[test]
    fn a_broken_selector_is_refused() {
        for selector in [
            "env in (a",
            "env in a)",
            "a,,b",
            ",",
            "a of (b)",
            "=v",
            "k=v v",
            "-k",
            "a/b/c",
            "k=(",
        ] {
            assert!(Selector::parse(selector).is_err(), "{selector}");
        }
    }
}
