//! Where images get their packages: by default where this computer gets its own.

use super::LabError;
use super::command::run;
use serde::{Deserialize, Serialize};

/// Debian's archive, and its security archive where one is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirrors {
    /// Base address of the archive, without slash at its end.
    pub main: String,
    /// Base address of the security archive.
    pub security: Option<String>,
}

impl Mirrors {
    /// The archive that was asked for, or the one this computer's apt uses.
    ///
    /// # Errors
    /// [`LabError::NoMirror`] when nothing was asked for and this computer has none.
    pub fn choose(wish: Option<&str>) -> Result<Self, LabError> {
        let own = run("apt-get", &["indextargets", "--format", "$(REPO_URI)"])
            .ok()
            .and_then(|text| Self::among(&text));
        match (wish, own) {
            (Some(wish), own) => Ok(Self {
                main: wish.trim_end_matches('/').to_owned(),
                security: own.and_then(|own| own.security),
            }),
            (None, Some(own)) => Ok(own),
            (None, None) => Err(LabError::NoMirror),
        }
    }

    /// The archives among the addresses that apt lists, one a line.
    pub fn among(addresses: &str) -> Option<Self> {
        let ending = |end: &str| {
            addresses
                .lines()
                .map(|line| line.trim().trim_end_matches('/'))
                .find(|address| address.ends_with(end))
                .map(str::to_owned)
        };
        Some(Self {
            main: ending("/debian")?,
            security: ending("/debian-security"),
        })
    }
}
