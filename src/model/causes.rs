//! An error with its causes, each once, on one line.

/// `what: why: why that`. Line breaks inside a cause become spaces.
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
    error.to_string().trim().replace(['\r', '\n'], " ")
}
