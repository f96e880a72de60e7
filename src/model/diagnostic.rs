//! What is wrong with a definition, where, and what would be right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in a file of the estate at one commit.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Place {
    /// Path inside the repository.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// What it is about is held until it is mended.
    Error,
    /// Nothing is held; somebody should know.
    Warning,
}

/// One finding. All findings of a run are shown, not the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code, for example `HF0012`.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Where; `None` when the whole file or its absence is the matter.
    pub place: Place,
    /// Byte range in the file, for the view that shows the line.
    pub span: (usize, usize),
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Does it hold what it is about?
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
