//! A manifest in the making: sorted, merged, and every word of it fit for a line-oriented script.

use crate::model::blueprint::When;
use crate::model::ids::{BlueprintId, ImageName, ServiceName, StackId};
use crate::model::machine::{
    Content, Digest, MachineManifest, ManagedDirectory, ManagedFile, Role, ServiceRuntime,
};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Why there is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The service's blueprint is not among those given.
    #[error("service {service}: no blueprint {blueprint}")]
    NoBlueprint {
        /// The service.
        service: ServiceName,
        /// What it names.
        blueprint: BlueprintId,
    },
    /// The blueprint does not run on this operating system.
    #[error("service {service}: blueprint {blueprint} does not run on {image}")]
    Image {
        /// The service.
        service: ServiceName,
        /// Its blueprint.
        blueprint: BlueprintId,
        /// The operating system.
        image: ImageName,
    },
    /// We do not know which `PostgreSQL` this operating system has.
    #[error("it is not known which PostgreSQL {image} has")]
    NoPostgresql {
        /// The operating system.
        image: ImageName,
    },
    /// A text of the blueprint cannot be rendered.
    #[error("service {service}, {what}: {detail}")]
    Template {
        /// The service.
        service: ServiceName,
        /// Which text.
        what: String,
        /// What is wrong and on which line.
        detail: String,
    },
    /// A rendered word is not of its kind.
    #[error("{owner}: {what} {value:?} is not {expected}")]
    Word {
        /// Who declares it.
        owner: String,
        /// "path", "package".
        what: &'static str,
        /// As rendered.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A database names a password that the blueprint does not generate.
    #[error(
        "service {service}: database {database} wants the password {secret}, which is no secret of its blueprint"
    )]
    NoSecret {
        /// The service.
        service: ServiceName,
        /// The database.
        database: String,
        /// What it names.
        secret: String,
    },
    /// Two services declare the same thing differently.
    #[error("{first} and {second} both declare {what} {name}, and not the same")]
    Conflict {
        /// "file", "database".
        what: &'static str,
        /// Which.
        name: String,
        /// Who first.
        first: String,
        /// Who then.
        second: String,
    },
}

/// Collects what a machine should be.
#[derive(Debug)]
pub(super) struct Draft {
    owner: String,
    tools: BTreeSet<String>,
    packages: BTreeSet<String>,
    files: BTreeMap<String, (ManagedFile, String)>,
    directories: BTreeMap<String, ManagedDirectory>,
    databases: BTreeMap<String, String>,
    units: Vec<String>,
    ports: BTreeSet<u16>,
    services: Vec<ServiceRuntime>,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            owner: "the base layer".to_owned(),
            tools: BTreeSet::new(),
            packages: BTreeSet::new(),
            files: BTreeMap::new(),
            directories: BTreeMap::new(),
            databases: BTreeMap::new(),
            units: Vec::new(),
            ports: BTreeSet::new(),
            services: Vec::new(),
        }
    }

    /// Who declares what follows, for messages.
    pub(super) fn declared_by(&mut self, owner: impl Into<String>) {
        self.owner = owner.into();
    }

    pub(super) fn tool(&mut self, name: &str) {
        self.tools.insert(name.to_owned());
    }

    pub(super) fn package(&mut self, name: &str) {
        self.packages.insert(name.to_owned());
    }

    /// Units keep the order in which they were declared: the base layer's first.
    pub(super) fn unit(&mut self, name: &str) {
        if !self.units.iter().any(|unit| unit == name) {
            self.units.push(name.to_owned());
        }
    }

    pub(super) fn port(&mut self, port: u16) {
        self.ports.insert(port);
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.iter().copied()
    }

    pub(super) fn directory(&mut self, path: &str, mode: &str, owner: &str, group: &str) {
        let directory = ManagedDirectory {
            path: path.to_owned(),
            mode: mode.to_owned(),
            owner: owner.to_owned(),
            group: group.to_owned(),
        };
        self.directories.insert(path.to_owned(), directory);
    }

    /// A file of root's.
    pub(super) fn file(
        &mut self,
        path: &str,
        content: impl Into<Content>,
        mode: &str,
        when: When,
    ) -> Result<(), ManifestError> {
        self.add(managed(
            path,
            content,
            mode,
            "root",
            "root",
            when,
            Vec::new(),
        ))
    }

    /// The same file from two declarers is one file, if it is the same.
    pub(super) fn add(&mut self, file: ManagedFile) -> Result<(), ManifestError> {
        match self.files.get_mut(&file.path) {
            None => {
                self.files
                    .insert(file.path.clone(), (file, self.owner.clone()));
            }
            Some((known, _)) if same(known, &file) => {
                for unit in file.restarts {
                    if !known.restarts.contains(&unit) {
                        known.restarts.push(unit);
                    }
                }
            }
            Some((_, first)) => {
                return Err(ManifestError::Conflict {
                    what: "file",
                    name: file.path,
                    first: first.clone(),
                    second: self.owner.clone(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn database(&mut self, name: &str) -> Result<(), ManifestError> {
        match self.databases.insert(name.to_owned(), self.owner.clone()) {
            None => Ok(()),
            Some(first) => Err(ManifestError::Conflict {
                what: "database",
                name: name.to_owned(),
                first,
                second: self.owner.clone(),
            }),
        }
    }

    pub(super) fn service(&mut self, service: ServiceRuntime) {
        self.services.push(service);
    }

    pub(super) fn finish(self, role: Role, stack: Option<StackId>) -> MachineManifest {
        let packages = self
            .packages
            .into_iter()
            .filter(|package| !self.tools.contains(package))
            .collect();
        MachineManifest {
            role,
            stack,
            tools: self.tools.into_iter().collect(),
            packages,
            files: self.files.into_values().map(|(file, _)| file).collect(),
            directories: self.directories.into_values().collect(),
            units: self.units,
            ports: self.ports.into_iter().collect(),
            services: self.services,
        }
    }

    /// Checks that `value` is of a kind that our scripts take.
    pub(super) fn word(&self, kind: Kind, value: String) -> Result<String, ManifestError> {
        if kind.admits(&value) {
            return Ok(value);
        }
        Err(ManifestError::Word {
            owner: self.owner.clone(),
            what: kind.name(),
            value,
            expected: kind.expected(),
        })
    }
}

/// A managed file with the digest of its content.
pub(super) fn managed(
    path: &str,
    content: impl Into<Content>,
    mode: &str,
    owner: &str,
    group: &str,
    when: When,
    restarts: Vec<String>,
) -> ManagedFile {
    let content = content.into();
    ManagedFile {
        path: path.to_owned(),
        digest: Digest(hex::encode(Sha256::digest(content.expose()))),
        content,
        mode: mode.to_owned(),
        owner: owner.to_owned(),
        group: group.to_owned(),
        when,
        restarts,
    }
}

fn same(a: &ManagedFile, b: &ManagedFile) -> bool {
    (&a.digest, &a.mode, &a.owner, &a.group, a.when)
        == (&b.digest, &b.mode, &b.owner, &b.group, b.when)
}

/// Kinds of words in a manifest. They reach fixed scripts as fields of
/// tab-separated lines and then as single arguments: no line breaks, no tabs,
/// nothing that a command would take for an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Path,
    Mode,
    Account,
    Package,
    Unit,
    Service,
    Identifier,
    Line,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Mode => "mode",
            Self::Account => "account",
            Self::Package => "package",
            Self::Unit => "unit",
            Self::Service => "service",
            Self::Identifier => "database name",
            Self::Line => "text",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Path => "an absolute path without \"..\"",
            Self::Mode => "four octal digits",
            Self::Account => "a user or group name",
            Self::Package => "a Debian package name",
            Self::Unit => "a systemd unit with its suffix",
            Self::Service => "lower-case letters, digits and dashes",
            Self::Identifier => {
                "lower-case letters, digits and underscores, beginning with a letter"
            }
            Self::Line => "one line",
        }
    }

    fn admits(self, value: &str) -> bool {
        let first = value.chars().next().unwrap_or('-');
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let all = |allowed: fn(char) -> bool| !value.is_empty() && value.chars().all(allowed);
        if value.len() > 4_000 || value.chars().any(char::is_control) {
            return false;
        }
        match self {
            Self::Path => {
                value.len() > 1
                    && first == '/'
                    && !value.ends_with('/')
                    && value[1..]
                        .split('/')
                        .all(|part| !matches!(part, "" | "." | ".."))
            }
            Self::Mode => value.len() == 4 && all(|c| c.is_digit(8)),
            Self::Account => {
                (first.is_ascii_lowercase() || first == '_')
                    && all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
            }
            Self::Package => {
                lower(first)
                    && all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
            }
            Self::Unit => {
                first.is_ascii_alphanumeric()
                    && value.contains('.')
                    && all(|c| c.is_ascii_alphanumeric() || ":_.@-".contains(c))
            }
            Self::Service => {
                lower(first) && all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            }
            Self::Identifier => {
                first.is_ascii_lowercase()
                    && value.len() <= 63
                    && all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            }
            Self::Line => true,
        }
    }
}
