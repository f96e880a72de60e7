//! What of a foreign text is shown to nobody: by the key it stands under, and by its shape (S13).
//!
//! A guess, and a generous one: what is hidden without need can be read in the file itself.

use std::borrow::Cow;
use std::ops::Range;

/// In place of what is hidden.
pub const HIDDEN: &str = "(not shown)";
/// Shortest run of letters and digits that is taken for a token.
const TOKEN: usize = 24;
/// Longest name of a secret; see the form of ids.
const NAME: usize = 31;
/// Longest title of a key in the form of RFC 7468, and longest address; longer ones only cost.
const TITLE: usize = 80;
const ADDRESS: usize = 2_000;
/// Shorter values are no secrets, and words would be lost from messages.
const SHORTEST: usize = 6;

/// Would people keep a secret under this key?
pub fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let contains = [
        "token",
        "password",
        "passwort",
        "passwd",
        "passphrase",
        "secret",
        "private",
        "credential",
        "api_key",
        "apikey",
    ];
    contains.iter().any(|word| key.contains(word))
        || key
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|part| matches!(part, "pass" | "pwd" | "psk"))
}

/// Is there a private key in the text?
pub fn holds_private_key(text: &str) -> bool {
    let mut found = Vec::new();
    private_keys(text, &mut found);
    !found.is_empty()
}

/// The same text, as long in bytes and with the same lines, with `*` for what is hidden.
pub fn masked(text: &str) -> Cow<'_, str> {
    let hidden = hidden(text);
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(starred(text, &hidden))
}

/// The text with `*` in these places; line breaks stay, and so does every position.
pub fn starred(text: &str, places: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for place in places {
        let from = place.start.max(at);
        out.push_str(text.get(at..from).unwrap_or_default());
        for c in text.get(from..place.end).unwrap_or_default().chars() {
            if matches!(c, '\n' | '\r') {
                out.push(c);
            } else {
                out.extend(std::iter::repeat_n('*', c.len_utf8()));
            }
        }
        at = place.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// A sentence that may quote foreign text, without what has the shape of a secret.
pub fn told(sentence: &str) -> Cow<'_, str> {
    let places = merged(shapes(sentence));
    if places.is_empty() {
        return Cow::Borrowed(sentence);
    }
    let mut out = String::with_capacity(sentence.len());
    let mut at = 0;
    for place in places {
        out.push_str(sentence.get(at..place.start).unwrap_or_default());
        out.push_str(HIDDEN);
        at = place.end;
    }
    out.push_str(sentence.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

/// The hidden values of a file, for [`told_of`].
pub fn values(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for place in hidden(text) {
        let value = text.get(place).unwrap_or_default();
        let bare = value.trim_matches(|c: char| c.is_whitespace() || "\"'[]{},".contains(c));
        // A list or a table is quoted value by value.
        for part in std::iter::once(bare).chain(bare.split(['"', '\'', '\n'])) {
            if part.trim().len() >= SHORTEST {
                found.push(part.trim().to_owned());
            }
        }
    }
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found.dedup();
    found
}

/// As [`told`], and without the hidden values of the file that it is about, whole or as far
/// as a message quotes them.
pub fn told_of(sentence: &str, values: &[String]) -> String {
    let mut text = told(sentence).into_owned();
    for value in values {
        let begin = value
            .char_indices()
            .nth(SHORTEST)
            .map_or(value.len(), |(at, _)| at);
        let Some(begin) = value.get(..begin) else {
            continue;
        };
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(begin)) {
            let at = from + at;
            let same = common(text.get(at..).unwrap_or_default(), value);
            let cut = text
                .get(at + same..)
                .is_some_and(|rest| rest.starts_with('…'));
            if same == value.len() || cut {
                text.replace_range(at..at + same, HIDDEN);
                from = at + HIDDEN.len();
            } else {
                from = at + begin.len();
            }
        }
    }
    text
}

fn common(a: &str, b: &str) -> usize {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b);
    same.map(|(c, _)| c.len_utf8()).sum()
}

/// Places in a file, in order and apart from each other.
pub fn hidden(text: &str) -> Vec<Range<usize>> {
    let mut found = shapes(text);
    under_keys(text, &mut found);
    under_headers(text, &mut found);
    merged(found)
}

fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.retain(|place| place.end > place.start);
    found.sort_by_key(|place| place.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for place in found {
        match apart.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => apart.push(place),
        }
    }
    apart
}

fn shapes(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    private_keys(text, &mut found);
    addresses(text, &mut found);
    tokens(text, &mut found);
    found
}

/// `AGE-SECRET-KEY-…`, and what stands between the marks of RFC 7468.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    for mark in ["AGE-SECRET-KEY-", "age-secret-key-", "AGE-PLUGIN-"] {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(mark)) {
            let rest = text.get(from + at..).unwrap_or_default();
            let long = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .unwrap_or(rest.len());
            found.push(from + at..from + at + long);
            from += at + long;
        }
    }
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("-----BEGIN ")) {
        let at = from + at;
        let rest = text.get(at..).unwrap_or_default();
        from = at + "-----BEGIN ".len();
        let title = rest.bytes().skip(11).take(TITLE).take_while(|&b| b != b'-');
        if !title
            .map(char::from)
            .collect::<String>()
            .contains("PRIVATE KEY")
        {
            continue;
        }
        let end = rest.find("-----END").map_or(rest.len(), |end| {
            let tail = rest.get(end + 8..).unwrap_or_default();
            tail.find("-----").map_or(rest.len(), |n| end + 8 + n + 5)
        });
        found.push(at..at + end);
        from = at + end;
    }
}

/// Who logs in, and the query, in `https://…`.
fn addresses(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("://")) {
        let begin = from + at + "://".len();
        from = begin;
        let rest = text.get(begin..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || "\"'`<>\\".contains(c);
        let near = rest.char_indices().take(ADDRESS);
        let long = near
            .take_while(|(_, c)| !ends(*c))
            .map(|(_, c)| c.len_utf8())
            .sum();
        let whole = rest.get(..long).unwrap_or_default();
        let host = whole.find(['/', '?', '#']).unwrap_or(whole.len());
        if let Some(login) = whole.get(..host).and_then(|host| host.rfind('@')) {
            found.push(begin..begin + login);
        }
        if let Some(query) = whole.find('?') {
            found.push(begin + query + 1..begin + whole.len());
        }
        from += whole.len();
    }
}

/// Long runs of capitals, small letters and digits. Public keys of SSH and fingerprints are
/// such runs as well; they say so.
fn tokens(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let of_token =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-' | b'=');
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes.get(at..).unwrap_or_default();
        let long = run.iter().take_while(|b| of_token(b)).count();
        if long < TOKEN {
            at += long + 1;
            continue;
        }
        let run = run.get(..long).unwrap_or_default();
        let public =
            run.starts_with(b"AAAA") || bytes.get(..at).is_some_and(|b| b.ends_with(b"SHA256:"));
        let many = |kind: fn(&u8) -> bool| run.iter().filter(|b| kind(b)).count() >= 2;
        if !public
            && many(u8::is_ascii_uppercase)
            && many(u8::is_ascii_lowercase)
            && many(u8::is_ascii_digit)
        {
            found.push(at..at + long);
        }
        at += long + 1;
    }
}

/// What stands behind `password =`, in a table, a text or a comment, whatever the rest is like.
fn under_keys(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let of_key = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let mut at = 0;
    while at < bytes.len() {
        let long = bytes
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(|b| of_key(b))
            .count();
        if long == 0 {
            at += 1;
            continue;
        }
        let end = at + long;
        let key = text.get(at..end).unwrap_or_default();
        at = end;
        if !looks_secret(key) {
            continue;
        }
        let Some(sign) = sign_after(bytes, end) else {
            continue;
        };
        let place = value(text, sign + 1);
        let names_a_secret = key.to_ascii_lowercase().ends_with("secret")
            && text.get(place.clone()).is_some_and(is_name);
        if !names_a_secret {
            at = place.end.max(end);
            found.push(place);
        }
    }
}

/// Where `=` or `:` stands behind a key, its closing quote and the rest of a dotted key.
fn sign_after(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut dotted = false;
    let most = at + ADDRESS;
    while at < most {
        match bytes.get(at)? {
            b'=' => return Some(at),
            b':' if bytes.get(at + 1) != Some(&b'/') => return Some(at),
            b'"' | b'\'' | b' ' | b'\t' => at += 1,
            b'.' => {
                dotted = true;
                at += 1;
            }
            b if dotted && (b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) => at += 1,
            _ => return None,
        }
    }
    None
}

/// The name of a secret in quotes, not the secret.
fn is_name(value: &str) -> bool {
    value
        .strip_prefix('"')
        .and_then(|v| v.split_once('"'))
        .is_some_and(|(name, rest)| {
            name.len() <= NAME
                && (rest.is_empty() || rest.trim_start().starts_with('#'))
                && name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|b| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_')
                })
        })
}

/// Everything in a table such as `[settings.password]`. Tables named `secret` are ours.
fn under_headers(text: &str, found: &mut Vec<Range<usize>>) {
    let mut inside = false;
    let (mut at, mut done) = (0, 0);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            inside = looks_secret(&trimmed.to_ascii_lowercase().replace("secret", ""));
        } else if inside
            && at >= done
            && let Some(sign) = line.find('=')
        {
            let place = value(text, at + sign + 1);
            done = place.end;
            found.push(place);
        }
        at += line.len();
    }
}

/// The value that begins here, with a comment behind it. What is not closed goes to the end of
/// the text: nobody can say where it was meant to end.
fn value(text: &str, at: usize) -> Range<usize> {
    let rest = text.get(at..).unwrap_or_default();
    let start = at + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let rest = text.get(start..).unwrap_or_default();
    let long = match rest.as_bytes() {
        [b'"' | b'\'', ..] => quoted(rest),
        [b'[' | b'{', ..] => bracketed(rest),
        _ => Some(rest.find('\n').unwrap_or(rest.len())),
    };
    let Some(long) = long else {
        return start..text.len();
    };
    let tail = rest.get(long..).and_then(|tail| tail.lines().next());
    let comment = tail.filter(|tail| tail.trim_start().starts_with('#'));
    start..start + long + comment.map_or(0, str::len)
}

/// Length of the text in quotes.
fn quoted(rest: &str) -> Option<usize> {
    for triple in ["\"\"\"", "'''"] {
        if let Some(inner) = rest.strip_prefix(triple) {
            return inner.find(triple).map(|end| end + 2 * triple.len());
        }
    }
    let mut escaped = false;
    let quote = rest.chars().next()?;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Length of a list or an inline table.
fn bracketed(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            '"' | '\'' => {
                at += quoted(rest.get(at..)?)?;
                continue;
            }
            '#' => {
                at += rest.get(at..)?.find('\n')?;
                continue;
            }
            _ => {}
        }
        at += c.len_utf8();
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
