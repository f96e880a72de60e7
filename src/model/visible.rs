//! Foreign text for a terminal: what has no look of its own becomes visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Would a terminal obey this character, or show nothing for it? Control characters, those of
/// Unicode's class Cf (format: directions of reading, joiners, tags), line and paragraph
/// separators, and letters that are drawn as nothing. (Unicode 16, `DerivedGeneralCategory`.)
pub fn hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text with `\u{202e}` for what is [`hidden`]. Line breaks and tabs stay: use
/// [`visible_line`] where a foreign text stands within a line of ours.
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, |rest, c| match c {
        '\n' | '\t' => false,
        '\r' => !rest.starts_with("\r\n"),
        c => hidden(c),
    })
}

/// As [`visible`], with where each character that was written out ended, and by how many bytes
/// what is behind it has moved.
pub fn visible_with_moves(text: &str) -> (String, Vec<(usize, usize)>) {
    let mut moves = Vec::new();
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for piece in text.split_inclusive(hidden) {
        let whole = match text.get(at + piece.len()..) {
            // A line break of two characters stays one.
            Some(rest) if piece.ends_with('\r') && rest.starts_with('\n') => Cow::Borrowed(piece),
            _ => visible(piece),
        };
        out.push_str(&whole);
        at += piece.len();
        if whole.len() > piece.len() {
            moves.push((at, out.len() - at));
        }
    }
    (out, moves)
}

/// As [`visible`], for one line: line breaks and tabs are written out as well.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    shown(text, |_, c| hidden(c))
}

/// As [`visible`], for a document of JSON: what no terminal obeys in a text of ours is written as
/// JSON's own escape, so that the document says the same (RFC 8259 §7).
pub fn visible_json(document: String) -> String {
    if !document.contains(|c: char| hidden(c) && c != '\n') {
        return document;
    }
    let mut out = String::with_capacity(document.len() + 16);
    for c in document.chars() {
        if !hidden(c) || c == '\n' {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a text cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

fn shown(text: &str, hidden: impl Fn(&str, char) -> bool) -> Cow<'_, str> {
    let hides = |at: usize, c: char| hidden(text.get(at..).unwrap_or_default(), c);
    let Some((first, _)) = text.char_indices().find(|(at, c)| hides(*at, *c)) else {
        return Cow::Borrowed(text);
    };
    let (sound, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(sound);
    for (at, c) in rest.char_indices() {
        if hides(first + at, c) {
            // Writing to a text cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}
