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
    shown(text, |c| hidden(c) && !matches!(c, '\n' | '\t'))
}

/// As [`visible`], for one line: line breaks and tabs are written out as well.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    shown(text, hidden)
}

fn shown(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&hidden) else {
        return Cow::Borrowed(text);
    };
    let (sound, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(sound);
    for c in rest.chars() {
        if hidden(c) {
            // Writing to a text cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}
