//! What is said about one code.

/// What one code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// `HF` and four digits.
    pub id: &'static str,
    /// A few words, without a full stop.
    pub title: &'static str,
    /// Why it matters and what is right; whole sentences, paragraphs with an empty line between.
    pub explanation: &'static str,
    /// How it must not be, and how it is right.
    pub example: Example,
}

/// The same thing wrong and right. A test tries both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// Lines of a file. The right ones stand in the estate of `fixtures/estates/explained`.
    Lines {
        /// Path inside the estate.
        file: &'static str,
        /// What provokes the code.
        wrong: &'static str,
        /// What does not.
        right: &'static str,
    },
    /// What a person types in a new estate, for `sh`.
    Commands {
        /// What provokes the code.
        wrong: &'static str,
        /// What does not.
        right: &'static str,
    },
    /// In words, where it takes several people or computers. A test elsewhere provokes it.
    Told {
        /// What provokes the code.
        wrong: &'static str,
        /// What does not.
        right: &'static str,
    },
}
