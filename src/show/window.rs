//! The part of a file that a finding shows: its line with one before and after, or, where
//! these are longer than people write them, a window of the one line.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// Longest context in bytes that is shown whole.
const WHOLE: usize = 2_000;
/// Bytes on either side of the place in a window.
const SIDE: usize = 60;
/// Most bytes of the place itself.
const PLACE: usize = 80;

/// A file with its name, of which never more than a window is drawn.
#[derive(Debug)]
pub struct Window {
    name: String,
    text: String,
}

impl Window {
    /// `text` as it is in `name`.
    pub fn new(name: &str, text: String) -> Self {
        Self {
            name: name.to_owned(),
            text,
        }
    }

    /// The bytes to mark: the finding's, or as many of them as are shown.
    pub fn mark(&self, from: usize, to: usize) -> (usize, usize) {
        let context = self.lines_around(from, to);
        if context.1 - context.0 <= WHOLE {
            return (from, to);
        }
        (from, floor(&self.text, to.min(from + PLACE)).max(from))
    }

    /// Where the lines of this span, with one more before and after, begin and end.
    fn lines_around(&self, from: usize, to: usize) -> (usize, usize) {
        let first = line_start(&self.text, from);
        let last = line_end(&self.text, to);
        (
            line_start(&self.text, first.saturating_sub(1)),
            line_end(&self.text, last.saturating_add(1).min(self.text.len())),
        )
    }
}

impl SourceCode for Window {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.text.as_str();
        let (from, to) = (span.offset(), span.offset().saturating_add(span.len()));
        let (begin, end) = self.lines_around(from, to);
        if end - begin <= WHOLE {
            let whole = text.read_span(span, lines_before, lines_after)?;
            return Ok(Box::new(MietteSpanContents::new_named(
                self.name.clone(),
                whole.data(),
                *whole.span(),
                whole.line(),
                whole.column(),
                whole.line_count(),
            )));
        }
        // Without lines before, it is the place itself that is asked for.
        let side = if lines_before == 0 { 0 } else { SIDE };
        let begin = floor(text, from.saturating_sub(side)).max(line_start(text, from));
        let end = floor(text, to.saturating_add(side)).min(line_end(text, to));
        let shown = text.get(begin..end).ok_or(MietteError::OutOfBounds)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            shown.as_bytes(),
            (begin, end - begin).into(),
            before(text, begin).matches('\n').count(),
            begin - line_start(text, begin),
            1,
        )))
    }
}

fn line_start(text: &str, at: usize) -> usize {
    before(text, floor(text, at))
        .rfind('\n')
        .map_or(0, |n| n + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let at = floor(text, at);
    after(text, at).find('\n').map_or(text.len(), |n| at + n)
}

fn before(text: &str, at: usize) -> &str {
    text.get(..at).unwrap_or_default()
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// The character boundary at or before a place.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
