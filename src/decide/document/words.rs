//! The forms of everything that reaches a machine or an interface. Strict on
//! purpose: what is allowed needs no quoting in a path, a unit or a shell.

use super::likeness::{formats, invisible};
use super::{Found, Table, codes};
use crate::model::secrecy::holds_private_key;
use crate::model::units::{Bytes, UnitError, parse_duration};
use jiff::SignedDuration;

/// A rule and how it reads to people.
pub struct Form {
    what: &'static str,
    rule: &'static str,
    holds: fn(&str) -> bool,
}

/// Ids of stacks, services, hosters, blueprints, secrets, descriptors.
pub const ID: Form = Form {
    what: "an id",
    rule: "a lower-case letter, then at most 30 of a-z 0-9 -, not ending with -",
    holds: |t| {
        t.starts_with(|c: char| c.is_ascii_lowercase())
            && t.len() <= 31
            && only(t, "-")
            && !t.ends_with('-')
    },
};
/// Names of settings and generated secrets; they become shell variables.
pub const VARIABLE: Form = Form {
    what: "a name",
    rule: "a lower-case letter, then at most 30 of a-z 0-9 _",
    holds: |t| t.starts_with(|c: char| c.is_ascii_lowercase()) && t.len() <= 31 && only(t, "_"),
};
/// Machine names: DNS labels.
pub const MACHINE: Form = Form {
    what: "a machine name",
    rule: "at most 40 of a-z 0-9 -, beginning and ending with a letter or digit",
    holds: |t| t.len() <= 40 && label(t),
};
/// Locations.
pub const SITE: Form = Form {
    what: "a site",
    rule: "a-z 0-9 - with / between parts",
    holds: |t| t.len() <= 40 && t.split('/').all(label),
};
/// Images.
pub const IMAGE: Form = Form {
    what: "an image name",
    rule: "at most 40 of a-z 0-9 - ., beginning with a letter",
    holds: |t| t.starts_with(|c: char| c.is_ascii_lowercase()) && t.len() <= 40 && only(t, "-."),
};
/// DNS names (RFC 1123), lower case, at least two labels.
pub const HOST: Form = Form {
    what: "a DNS name",
    rule: "lower-case labels of a-z 0-9 - with dots between, for example wiki.acme.example, without a dot at the end",
    holds: |t| t.contains('.') && zone(t),
};
/// A zone: as a host, one label is enough.
pub const ZONE: Form = Form {
    what: "a DNS zone",
    rule: "lower-case labels of a-z 0-9 - with dots between, without a dot at the end",
    holds: zone,
};
/// Absolute paths.
pub const PATH: Form = Form {
    what: "an absolute path",
    rule: "it begins with /, has no . or .. or empty part, and only A-Z a-z 0-9 . _ - + @ / in it",
    holds: |t| {
        t.len() <= 255
            && t.strip_prefix('/').is_some_and(|rest| {
                !rest.is_empty()
                    && rest.split('/').all(|part| {
                        !matches!(part, "" | "." | "..")
                            && part
                                .bytes()
                                .all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b))
                    })
            })
    },
};
/// Debian package names (Debian Policy 5.6.1).
pub const PACKAGE: Form = Form {
    what: "a Debian package name",
    rule: "a lower-case letter or digit, then a-z 0-9 + - .",
    holds: |t| {
        (2..=80).contains(&t.len())
            && t.starts_with(|c: char| c.is_ascii_alphanumeric())
            && only(t, "+-.")
    },
};
/// systemd units.
pub const UNIT: Form = Form {
    what: "a systemd unit",
    rule: "letters, digits and @ . _ - : with the kind at the end, for example nginx.service",
    holds: |t| {
        t.len() <= 120
            && !t.starts_with(['-', '.'])
            && t.rsplit_once('.').is_some_and(|(name, kind)| {
                !name.is_empty()
                    && matches!(kind, "service" | "socket" | "timer" | "path" | "target")
            })
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"@._-:".contains(&b))
    },
};
/// Users and groups of a machine; also database names and roles.
pub const ACCOUNT: Form = Form {
    what: "an account name",
    rule: "a lower-case letter or _, then at most 30 of a-z 0-9 _ -",
    holds: |t| {
        t.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && t.len() <= 31
            && only(t, "_-")
    },
};
/// File modes.
pub const MODE: Form = Form {
    what: "a file mode",
    rule: "four octal digits in quotes, for example \"0640\"",
    holds: |t| t.len() == 4 && t.bytes().all(|b| (b'0'..=b'7').contains(&b)),
};
/// One line for people. It is printed, so nothing in it may hide or turn around the rest.
pub const LINE: Form = Form {
    what: "a line of text",
    rule: "one line, 1 to 200 characters, no control characters and none that nobody sees",
    holds: |t| {
        !t.trim().is_empty()
            && t.chars().count() <= 200
            && !t.chars().any(|c| c.is_control() || formats(c))
    },
};
/// What a person or key is called in the list of who signs. People are counted by it.
pub const NAME: Form = Form {
    what: "a name",
    rule: "one line, 1 to 100 characters that everybody sees, without blanks at its ends",
    holds: |t| {
        !t.is_empty()
            && t.trim() == t
            && t.chars().count() <= 100
            && !t.chars().any(|c| c.is_control() || invisible(c))
    },
};
/// A value that a template sets in.
pub const VALUE: Form = Form {
    what: "a setting",
    rule: "one line, at most 1000 characters, no control characters",
    holds: |t| t.chars().count() <= 1000 && !t.chars().any(char::is_control),
};
/// Path and query of an HTTP request.
pub const REQUEST: Form = Form {
    what: "a path of a request",
    rule: "it begins with / and has printable ASCII without spaces and quotes in it",
    holds: |t| {
        t.starts_with('/')
            && t.len() <= 500
            && t.bytes()
                .all(|b| b.is_ascii_graphic() && !b"\"'\\`<>".contains(&b))
    },
};

impl Form {
    /// "a DNS name".
    pub fn what(&self) -> &'static str {
        self.what
    }
    /// What is allowed, for people.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// Does the text have this form?
    pub fn fits(&self, text: &str) -> bool {
        (self.holds)(text)
    }

    /// The text if it has this form; otherwise a finding.
    pub fn check(&self, table: &Table<'_>, found: Option<Found<String>>) -> Option<Found<String>> {
        let found = found?;
        if holds_private_key(&found.value) {
            let help = "change this key, for Git remembers it; public keys and names stand here";
            let message = "a private key stands here in plain text";
            table.report(codes::PLAIN_SECRET, &found.span, message, Some(help));
            return None;
        }
        if self.fits(&found.value) {
            return Some(found);
        }
        table.report(
            codes::MALFORMED,
            &found.span,
            &format!("{:?} is not {}", shorten(&found.value), self.what),
            Some(&format!("allowed: {}", self.rule)),
        );
        None
    }

    /// The name of a secret. What is no name may be the secret itself, so it is not repeated (S13).
    pub fn check_secret(
        &self,
        table: &Table<'_>,
        found: Option<Found<String>>,
    ) -> Option<Found<String>> {
        let found = found?;
        if self.fits(&found.value) {
            return Some(found);
        }
        table.report(
            codes::PLAIN_SECRET,
            &found.span,
            "this is not the name of a secret",
            Some("name the file secrets/<id>.age by its id; if the secret itself stood here, change it, for Git remembers it"),
        );
        None
    }
}

/// A size with its unit.
pub fn size(table: &Table<'_>, key: &'static str, example: &str) -> Option<Found<Bytes>> {
    amount(table, table.text(key, example)?, Bytes::parse)
}

/// A duration with its unit that must be there.
pub fn duration(
    table: &Table<'_>,
    key: &'static str,
    example: &str,
) -> Option<Found<SignedDuration>> {
    amount(table, table.text(key, example)?, positive)
}

/// A duration with its unit that may be absent.
pub fn duration_if(
    table: &Table<'_>,
    key: &'static str,
    example: &str,
) -> Option<Found<SignedDuration>> {
    amount(table, table.text_if(key, example)?, positive)
}

/// The same, or `off`, which is zero.
pub fn duration_or_off_if(
    table: &Table<'_>,
    key: &'static str,
    example: &str,
) -> Option<Found<SignedDuration>> {
    amount(table, table.text_if(key, example)?, |text| match text {
        "off" => Ok(SignedDuration::ZERO),
        text => positive(text),
    })
}

fn positive(text: &str) -> Result<SignedDuration, UnitError> {
    parse_duration(text).and_then(|duration| {
        if duration.is_zero() {
            return Err(UnitError::Malformed {
                text: text.to_owned(),
                what: "a duration above zero",
                example: "24h",
            });
        }
        Ok(duration)
    })
}

fn amount<T>(
    table: &Table<'_>,
    found: Found<String>,
    parse: impl Fn(&str) -> Result<T, UnitError>,
) -> Option<Found<T>> {
    match parse(&found.value) {
        Ok(value) => Some(Found {
            value,
            span: found.span,
        }),
        Err(error) => {
            table.report(codes::UNIT, &found.span, &error.to_string(), None);
            None
        }
    }
}

/// At most forty characters, for a message.
pub fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn only(text: &str, more: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || more.as_bytes().contains(&b))
}

fn label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && only(text, "-")
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn zone(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(label)
        && !text
            .rsplit('.')
            .next()
            .is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()))
}
