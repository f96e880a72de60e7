//! What people cannot tell apart: characters that nobody sees, and names that look like others.

use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_security::confusable_detection::skeleton;

/// Is it a character that shows nothing itself, or turns around what stands beside it
/// (zero-width characters, directions, line and paragraph separators)?
pub fn formats(c: char) -> bool {
    use GeneralCategory::{Format, LineSeparator, ParagraphSeparator};
    matches!(
        get_general_category(c),
        Format | LineSeparator | ParagraphSeparator
    )
}

/// As [`formats`], and the letters and marks that are blank by design: fillers, joiners and
/// variation selectors (`Default_Ignorable_Code_Point` of Unicode), private and unassigned ones.
pub fn invisible(c: char) -> bool {
    use GeneralCategory::{PrivateUse, Unassigned};
    formats(c)
        || matches!(get_general_category(c), PrivateUse | Unassigned)
        || matches!(c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a name looks like. Names that share one of their forms are taken for each other:
/// letters of another script, upper case and lower, one blank or two (Unicode TR 39, skeletons).
pub fn forms(name: &str) -> [String; 2] {
    let words: Vec<&str> = name.split_whitespace().collect();
    let name = words.join(" ");
    let lower: String = skeleton(&name.to_lowercase()).collect();
    let upper: String = skeleton(&name).collect();
    [lower, upper.to_lowercase()]
}
