//! One value, several views: for people and for programs.

pub mod codes;
pub mod drill;
pub mod evidence;
pub mod findings;
pub mod forecast;
pub mod log;
pub mod markdown;
pub mod plan;
pub mod points;
pub mod run;
pub mod status;
pub mod trust;
pub mod why;

use clap::ValueEnum;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[value(help = None::<&'static str>)]
    Human,
    /// For programs; versioned where it says so.
    #[value(help = None::<&'static str>)]
    Json,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people.
    #[value(help = None::<&'static str>)]
    Human,
    /// For programs: the plan itself, versioned.
    #[value(help = None::<&'static str>)]
    Json,
    /// For pull requests, at most 60,000 characters.
    #[value(help = None::<&'static str>)]
    Markdown,
}

/// What an error means for what happens next, as it stands in logs.
pub fn class(class: crate::model::operation::FaultClass) -> &'static str {
    use crate::model::operation::FaultClass;
    match class {
        FaultClass::Retry => "retry",
        FaultClass::NoCapacity => "no-capacity",
        FaultClass::NeedsHuman => "needs-human",
        FaultClass::Bug => "bug",
    }
}

/// A rung, in words.
pub fn rung(rung: crate::model::point::Rung) -> &'static str {
    rung.name()
}
