//! Exit codes, the same everywhere.

use crate::decide::status::Line;
use crate::model::plan::{Effect, Hold, Plan};
use std::process::ExitCode;

/// What a run says to the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing to do, or all done.
    Nothing = 0,
    /// An error.
    Error = 1,
    /// Changes.
    Changes = 2,
    /// Changes with destructive effect.
    Destructive = 3,
    /// Refused by trust or policy.
    Refused = 4,
    /// Something is wanted but may not happen now, or could not be seen.
    Held = 5,
}

/// For `--help`.
pub const HELP: &str = "Exit codes:\n  0  nothing to do, or done\n  1  error\n  2  changes\n  3  changes with destructive effect\n  4  refused by trust or policy\n  5  held: something is wanted but may not happen now, or could not be seen";

impl Exit {
    /// What it means, in words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to do",
            Self::Error => "error",
            Self::Changes => "changes",
            Self::Destructive => "changes with destructive effect",
            Self::Refused => "refused by trust or policy",
            Self::Held => "held: something is wanted but may not happen now, or could not be seen",
        }
    }
    /// What it says that stacks stand like this: never "nothing to do" where one is not well.
    pub fn of_lines(plan: &Plan, lines: &[Line]) -> Self {
        match Self::of(plan) {
            Self::Nothing if lines.iter().any(|line| !line.state.is_well()) => Self::Held,
            exit => exit,
        }
    }
    /// What a plan says.
    pub fn of(plan: &Plan) -> Self {
        if plan.steps.iter().any(|s| s.effect == Effect::Destructive) {
            Self::Destructive
        } else if !plan.steps.is_empty() {
            Self::Changes
        } else if plan
            .held
            .iter()
            .any(|held| matches!(held.hold, Hold::NotAccepted { .. }))
        {
            Self::Refused
        } else if !plan.held.is_empty() || !plan.gaps.is_empty() {
            Self::Held
        } else {
            Self::Nothing
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
