//! How deep a file nests, measured on its tokens, before anything recurses over it.
//!
//! The parser's own guard can be talked down by broken brackets while it recovers, and
//! brackets times dotted keys give thousands of levels within a few kilobytes. Either
//! would overflow a thread's stack, and with it end the whole run (S16).

use std::ops::Range;
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// Brackets and braces inside each other; the deepest that any file needs is four.
const BRACKETS: usize = 16;
/// Parts of a dotted key; the longest that any file needs has four.
const PARTS: usize = 16;

/// The first place that nests deeper than anything we read, and what to say of it.
pub(super) fn too_deep(text: &str) -> Option<(Range<usize>, String)> {
    let mut open: Vec<TokenKind> = Vec::new();
    let mut parts = 1;
    for token in Source::new(text).lex() {
        let kind = token.kind();
        let at = || token.span().start()..token.span().end();
        match kind {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                open.push(kind);
                if open.len() > BRACKETS {
                    let what =
                        format!("brackets stand more than {BRACKETS} deep inside each other");
                    return Some((at(), what));
                }
            }
            // A bracket that closes something else closes nothing: better too deep than not
            // deep enough.
            TokenKind::RightSquareBracket => {
                open.pop_if(|top| *top == TokenKind::LeftSquareBracket);
            }
            TokenKind::RightCurlyBracket => {
                open.pop_if(|top| *top == TokenKind::LeftCurlyBracket);
            }
            _ => {}
        }
        match kind {
            TokenKind::Dot => {
                parts += 1;
                if parts > PARTS {
                    return Some((at(), format!("a key has more than {PARTS} parts")));
                }
            }
            TokenKind::Equals
            | TokenKind::Comma
            | TokenKind::Newline
            | TokenKind::LeftSquareBracket
            | TokenKind::LeftCurlyBracket => parts = 1,
            _ => {}
        }
    }
    None
}
