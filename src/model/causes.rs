//! An error with its causes, each once, on one line.

use super::visible::visible_line;

/// `what: why: why that`. Line breaks inside a cause become spaces, and nothing in it is hidden.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = one_line(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&one_line(error));
        cause = error.source();
    }
    text
}

/// One error without its causes, on one line, and without libgit2's numbers for itself
/// (`; class=Repository (6); code=NotFound (-3)`), which help nobody who reads it.
pub fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let said = text.split_once("; class=").map_or(&*text, |(said, _)| said);
    visible_line(&said.trim().replace(['\r', '\n'], " ")).into_owned()
}
