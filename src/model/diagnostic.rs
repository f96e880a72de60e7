//! What is wrong with a definition, where, and what would be right.

use serde::{Deserialize, Serialize};

/// A place in a file of the estate at one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Path inside the repository.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

/// One finding. All findings of a run are shown, not the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code, for example `HF0012`.
    pub code: &'static str,
    /// Where; `None` when the whole file or its absence is the matter.
    pub place: Place,
    /// Byte range in the file, for the view that shows the line.
    pub span: (usize, usize),
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}
