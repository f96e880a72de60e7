//! One way to lay out TOML, with every comment kept, so that a signed change shows what
//! changed and nothing else.

use super::document::{about_file, codes, syntax};
use crate::model::diagnostic::Diagnostic;
use taplo::formatter::{Options, format_syntax};

/// Beyond this a list takes several lines.
const WIDTH: usize = 100;
/// A layout that is laid out again stays as it is; more tries would not end either.
const TRIES: usize = 4;

/// The text as it should be, or why it is left alone: it is broken, or the layout would
/// change what it means.
pub fn laid_out(file: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let broken = syntax(file, text);
    if !broken.is_empty() {
        return Err(broken);
    }
    let mut before = text.to_owned();
    for _ in 0..TRIES {
        let after = once(file, &before)?;
        if after == before {
            return if same_meaning(text, &after) {
                Ok(after)
            } else {
                Err(refused(file, "laying it out would change what it means"))
            };
        }
        before = after;
    }
    Err(refused(file, "no layout of it is stable"))
}

fn once(file: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = taplo::parser::parse(text);
    if let Some(error) = parsed.errors.first() {
        let at = usize::from(error.range.start());
        let line = 1 + text.get(..at).unwrap_or_default().matches('\n').count();
        let what = format!(
            "line {line} is newer TOML than editors read ({})",
            error.message
        );
        return Err(refused(file, &what));
    }
    Ok(format_syntax(parsed.into_syntax(), options()))
}

fn refused(file: &str, why: &str) -> Vec<Diagnostic> {
    let help = "the file was left as it is; write the place in a plainer form";
    vec![about_file(codes::SYNTAX, file, why.to_owned(), help)]
}

fn same_meaning(a: &str, b: &str) -> bool {
    match (a.parse::<toml::Table>(), b.parse::<toml::Table>()) {
        // By text, for a NaN equals nothing, not even itself.
        (Ok(a), Ok(b)) => format!("{a:?}") == format!("{b:?}"),
        _ => false,
    }
}

fn options() -> Options {
    Options {
        column_width: WIDTH,
        align_single_comments: false,
        // Who wrote a list over several lines, one for each, wanted to compare them.
        array_auto_collapse: false,
        indent_string: "  ".to_owned(),
        allowed_blank_lines: 1,
        reorder_keys: false,
        reorder_arrays: false,
        reorder_inline_tables: false,
        ..Options::default()
    }
}

/// The same for editors, as `[formatting]` of `.taplo.toml`.
pub fn editor_options() -> String {
    let options = options();
    format!(
        "[formatting]\ncolumn_width = {}\nalign_single_comments = {}\narray_auto_collapse = {}\n\
         indent_string = {:?}\nallowed_blank_lines = {}\n",
        options.column_width,
        options.align_single_comments,
        options.array_auto_collapse,
        options.indent_string,
        options.allowed_blank_lines,
    )
}
