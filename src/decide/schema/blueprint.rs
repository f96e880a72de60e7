//! `blueprints/<id>/blueprint.toml`.

use super::words::{
    Account, Edition, Engine, Id, Line, Mode, Natural, ServicePort, Status, Template, Value,
    Variable, When,
};
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// How an application is installed, what state it has, how it is checked.
#[expect(
    clippy::zero_sized_map_values,
    reason = "only the schema of the value is used"
)]
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Blueprint {
    /// The edition of the format, always 1.
    pub schema: Edition,
    /// The blueprint itself.
    pub blueprint: Head,
    /// Images that it runs on, each with variables for templates, as {{ image.… }}.
    pub image: BTreeMap<String, BTreeMap<String, Value>>,
    /// Packages and ports.
    pub install: Option<Install>,
    /// What a stack may or must set.
    pub setting: Option<Vec<Setting>>,
    /// Secrets that are generated, as {{ secrets.… }}.
    pub secret: Option<Vec<Secret>>,
    /// Managed files.
    pub file: Option<Vec<File>>,
    /// systemd units that are enabled and running.
    pub unit: Option<Vec<Unit>>,
    /// State: databases.
    pub database: Option<Vec<Database>>,
    /// State: directories.
    pub files: Option<Vec<Files>>,
    /// What the application writes and makes again by itself.
    pub expendable: Option<Vec<Expendable>>,
    /// Scripts of the blueprint.
    pub hooks: Option<Hooks>,
    /// What must be true before the service is opened.
    pub check: Option<Vec<Check>>,
}

/// The blueprint itself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Head {
    /// The folder's name.
    pub id: Id,
    /// Of the blueprint, not of the application.
    pub version: Natural,
    /// One line for people.
    pub summary: Line,
    /// At most one service of this blueprint per machine.
    #[schemars(extend("default" = false))]
    pub single: Option<bool>,
}

/// Packages and ports.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Install {
    /// Debian packages.
    pub packages: Option<Vec<Template>>,
    /// Public TCP ports, closed until the service is proven; never 22.
    pub ports: Option<Vec<ServicePort>>,
}

/// What a stack may or must set, as {{ settings.… }}.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Setting {
    /// Its name.
    pub name: Variable,
    /// Without it the stack must set it.
    pub default: Option<Value>,
}

/// A secret that is generated.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Secret {
    /// Its name.
    pub name: Variable,
}

/// A managed file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct File {
    /// Absolute path.
    pub path: Template,
    /// A file beside blueprint.toml.
    pub template: String,
    /// Four octal digits.
    pub mode: Mode,
    /// Owner.
    pub owner: Account,
    /// Group.
    pub group: Account,
    /// before-packages steers the packages' own installation.
    #[schemars(extend("default" = "after-packages"))]
    pub when: Option<When>,
    /// Units that are restarted when it changed.
    pub restarts: Option<Vec<Template>>,
}

/// A systemd unit.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Unit {
    /// With its kind, for example nginx.service.
    pub name: Template,
}

/// A database.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Database {
    /// Which engine.
    pub engine: Engine,
    /// Database name.
    pub name: Account,
    /// Owning role.
    pub owner: Account,
    /// Which [[secret]] is the role's password.
    pub password: Variable,
}

/// What the application writes and makes again by itself: in no recovery point, and no surprise.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Expendable {
    /// Absolute path of a file or a directory.
    pub path: Template,
    /// Why nobody misses it.
    pub why: Line,
}

/// A directory of state.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Files {
    /// Absolute path.
    pub path: Template,
    /// Owner of the directory itself.
    pub owner: Account,
    /// Group of the directory itself.
    pub group: Account,
}

/// Scripts of the blueprint, beside blueprint.toml.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hooks {
    /// First installation.
    pub init: Option<String>,
    /// After files and databases came back.
    pub after_restore: Option<String>,
    /// Before databases are dumped and files are read; if it fails there is no recovery point.
    pub before_backup: Option<String>,
    /// After both, whatever came of them.
    pub after_backup: Option<String>,
}

/// A functional check: a script, or a page.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Check {
    /// What only a script can tell.
    Script(ScriptCheck),
    /// What a visitor would see.
    Page(PageCheck),
}

/// Exit 0 passes; otherwise its standard error says why.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ScriptCheck {
    /// For people.
    pub name: Line,
    /// A file beside blueprint.toml.
    pub script: String,
}

/// GET on 127.0.0.1 with the service's host.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PageCheck {
    /// For people.
    pub name: Line,
    /// Path and query.
    pub path: Template,
    /// Expected status.
    pub status: Status,
    /// Text that the answer must contain.
    pub contains: Option<Template>,
}
