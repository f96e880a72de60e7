//! Names of things, each a type of its own so that one is never taken for another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is; syntax is judged where the text is read.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id! {
    /// The operator's name for all customers together (`estate.toml`, `name`).
    EstateName
}
id! {
    /// One customer's stack; never changes, the display name may.
    StackId
}
impl PointId {
    /// Enough of it for people; restic takes it as well.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}
impl StackId {
    /// The file of a stack that is called this now. Under which name a stack began is another
    /// question: ask [`DesiredStack::file`](super::desired::DesiredStack::file).
    pub fn file(&self) -> String {
        format!("stacks/{self}.toml")
    }

    /// The stack whose file this is, by its name alone; `None` for other files.
    pub fn of_file(path: &str) -> Option<Self> {
        let name = path.strip_prefix("stacks/")?.strip_suffix(".toml")?;
        Some(Self::new(name))
    }
}
id! {
    /// An account at a hoster, as `hosters.toml` names it.
    HosterId
}
id! {
    /// One of a hoster's locations (`nbg1`, `de/fra`).
    SiteId
}
id! {
    /// One application of a stack.
    ServiceName
}
id! {
    /// How an application is installed (`mediawiki`).
    BlueprintId
}
id! {
    /// An operating system image (`debian-13`).
    ImageName
}
id! {
    /// A machine's name at its hoster, unique within the estate (`acme-e2`).
    MachineName
}
id! {
    /// A Git commit, hexadecimal.
    CommitId
}
id! {
    /// A recovery point: the restic snapshot that holds it, full hexadecimal id.
    PointId
}
id! {
    /// A step of a plan; comes from its content, so that one more stack does not change the others' ids.
    StepId
}
id! {
    /// A DNS name without trailing dot, lower case.
    HostName
}

impl StepId {
    /// Whose step it is, what is done, and to what: `acme.backup.acme-e1`.
    pub fn parts(&self) -> Option<(&str, &str, &str)> {
        let mut parts = self.as_str().splitn(3, '.');
        Some((parts.next()?, parts.next()?, parts.next()?))
    }
}

/// The secret from which the estate's other keys and passwords are derived.
pub const ESTATE_KEY: &str = "estate-key";

/// A stack's count of who may write. A machine with an older epoch is a zombie.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Default,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}
