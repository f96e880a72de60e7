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

fn one_line(error: &dyn std::error::Error) -> String {
    visible_line(&error.to_string().trim().replace(['\r', '\n'], " ")).into_owned()
}
