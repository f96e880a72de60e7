//! Blueprints and intent, rendered into what one machine should be.
//!
//! Pure: the same estate gives the same bytes, so a machine that was built from
//! a manifest has no drift against it. Secrets are derived here and stay inside
//! [`Secret`].

mod backup;
mod base;
mod draft;
mod drill;
mod template;

pub use crate::model::machine::BackupAccess;
pub use backup::{Hash, backup, hashed, way_in};
pub use base::{
    GATE_CHECK_UNIT, GATE_UNIT, Identity, TOOLS, builds_on_copies, environment_path, epoch_mark,
    postgresql_of, repository_address, script_path,
};
pub use draft::ManifestError;
pub use drill::drill;
pub use template::{Templates, php_quote, shell_quote};

use crate::decide::derive::{EstateKey, text};
use crate::model::blueprint::{Blueprint, Check, CheckKind, Engine, When};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::ids::{BlueprintId, Epoch, EstateName, ImageName, MachineName};
use crate::model::machine::{
    DatabaseRuntime, MachineManifest, ManagedDirectory, Role, ServiceRuntime,
};
use crate::model::secret::Secret;
use draft::{Draft, Kind, managed};
use minijinja::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Rights of a declared directory of state: its owner's and its group's.
const STATE_MODE: &str = "0750";

/// All that a production machine should be.
#[expect(
    clippy::too_many_arguments,
    reason = "each is one fact, of its own type"
)]
pub fn production(
    stack: &DesiredStack,
    estate: &EstateName,
    blueprints: &BTreeMap<BlueprintId, Blueprint>,
    key: &EstateKey,
    machine: &MachineName,
    epoch: Epoch,
    image: &ImageName,
    backup: &BackupAccess,
) -> Result<MachineManifest, ManifestError> {
    let mut draft = Draft::new();
    let identity = Identity {
        estate,
        stack: Some(&stack.id),
        role: Role::Production,
        epoch,
        machine,
    };
    base::ground(&mut draft, identity)?;
    base::epochs(&mut draft, key, &stack.id, epoch)?;
    base::repository(&mut draft, backup)?;
    services(&mut draft, stack, blueprints, key, image, base::gate)?;
    Ok(draft.finish(Role::Production, Some(stack.id.clone())))
}

/// The services alone, for a machine that is not ours: no gate, no identity, no way to a repository.
pub fn services_alone(
    stack: &DesiredStack,
    blueprints: &BTreeMap<BlueprintId, Blueprint>,
    key: &EstateKey,
    image: &ImageName,
) -> Result<MachineManifest, ManifestError> {
    let mut draft = Draft::new();
    services(&mut draft, stack, blueprints, key, image, |_, _| Ok(()))?;
    Ok(draft.finish(Role::Production, Some(stack.id.clone())))
}

/// Database servers and services; `close` is given the units that serve users.
fn services(
    draft: &mut Draft,
    stack: &DesiredStack,
    blueprints: &BTreeMap<BlueprintId, Blueprint>,
    key: &EstateKey,
    image: &ImageName,
    close: fn(&mut Draft, &[String]) -> Result<(), ManifestError>,
) -> Result<(), ManifestError> {
    let templates = Templates::new();
    let mut renderers = Vec::new();
    for service in &stack.services {
        let blueprint =
            blueprints
                .get(&service.blueprint)
                .ok_or_else(|| ManifestError::NoBlueprint {
                    service: service.name.clone(),
                    blueprint: service.blueprint.clone(),
                })?;
        renderers.push(Renderer::new(
            &templates, stack, service, blueprint, key, image,
        )?);
    }
    let mut service_units = Vec::new();
    for renderer in &renderers {
        draft.declared_by(format!("service {}", renderer.service.name));
        for &port in &renderer.blueprint.ports {
            draft.port(port);
        }
        for unit in renderer.words("unit", Kind::Unit, &renderer.blueprint.units, draft)? {
            if !service_units.contains(&unit) {
                service_units.push(unit);
            }
        }
    }
    draft.declared_by("the base layer");
    close(draft, &service_units)?;
    // The gate first, and databases before what uses them.
    let engines: BTreeSet<Engine> = renderers
        .iter()
        .flat_map(|renderer| &renderer.blueprint.databases)
        .map(|database| database.engine)
        .collect();
    for engine in engines {
        match engine {
            Engine::Postgresql => base::postgresql(draft, image)?,
            Engine::Mariadb => base::mariadb(draft)?,
        }
    }
    for unit in &service_units {
        draft.unit(unit);
    }
    for renderer in &renderers {
        draft.declared_by(format!("service {}", renderer.service.name));
        renderer.declare(draft)?;
    }
    Ok(())
}

/// One service with all that its blueprint's texts may name.
struct Renderer<'a> {
    templates: &'a Templates,
    stack: &'a DesiredStack,
    service: &'a DesiredService,
    blueprint: &'a Blueprint,
    secrets: BTreeMap<&'a str, Secret>,
    variables: Value,
}

impl<'a> Renderer<'a> {
    fn new(
        templates: &'a Templates,
        stack: &'a DesiredStack,
        service: &'a DesiredService,
        blueprint: &'a Blueprint,
        key: &EstateKey,
        image: &ImageName,
    ) -> Result<Self, ManifestError> {
        let image_variables = blueprint
            .images
            .get(image)
            .ok_or_else(|| ManifestError::Image {
                service: service.name.clone(),
                blueprint: blueprint.id.clone(),
                image: image.clone(),
            })?;
        let secrets: BTreeMap<&str, Secret> = blueprint
            .secrets
            .iter()
            .map(|name| {
                let context = ["service", stack.id.as_str(), service.name.as_str(), name];
                (name.as_str(), text(key, &context))
            })
            .collect();
        let exposed: BTreeMap<&str, &str> = secrets
            .iter()
            .map(|(&name, secret)| (name, secret.expose_text().unwrap_or_default()))
            .collect();
        // The defaults of settings the stack is silent about.
        let mut settings: BTreeMap<&str, &str> = blueprint
            .settings
            .iter()
            .filter_map(|setting| Some((setting.name.as_str(), setting.default.as_deref()?)))
            .collect();
        settings.extend(
            service
                .settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let variables = minijinja::context! {
            stack => minijinja::context! {
                id => stack.id.as_str(),
                name => stack.name.as_str(),
                language => stack.language.as_str(),
            },
            service => minijinja::context! {
                name => service.name.as_str(), host => service.host.as_str(),
            },
            settings => pairs(settings),
            secrets => pairs(exposed),
            image => pairs(image_variables),
        };
        Ok(Self {
            templates,
            stack,
            service,
            blueprint,
            secrets,
            variables,
        })
    }

    fn render(&self, what: &str, text: &str) -> Result<String, ManifestError> {
        self.templates
            .render(text, &self.variables)
            .map_err(|detail| ManifestError::Template {
                service: self.service.name.clone(),
                what: what.to_owned(),
                detail,
            })
    }

    fn words(
        &self,
        what: &str,
        kind: Kind,
        texts: &[String],
        draft: &Draft,
    ) -> Result<Vec<String>, ManifestError> {
        texts
            .iter()
            .map(|text| draft.word(kind, self.render(what, text)?))
            .collect()
    }

    fn declare(&self, draft: &mut Draft) -> Result<(), ManifestError> {
        draft.word(Kind::Service, self.service.name.to_string())?;
        draft.word(Kind::Line, self.service.host.to_string())?;
        for package in self.words("package", Kind::Package, &self.blueprint.packages, draft)? {
            draft.package(&package);
        }
        self.declare_files(draft)?;
        let environment = Secret::new(self.environment());
        let runtime = ServiceRuntime {
            name: self.service.name.clone(),
            host: self.service.host.clone(),
            databases: self.databases(draft)?,
            state: self.state(draft)?,
            expendable: self.words("expendable", Kind::Path, &self.blueprint.expendable, draft)?,
            environment: environment.clone(),
            hooks: self.blueprint.hooks.clone(),
            checks: self.checks(draft)?,
        };
        draft.file(
            &environment_path(&runtime.name),
            environment,
            "0600",
            When::AfterPackages,
        )?;
        let hooks = runtime.hooks.named();
        let hooks = hooks.map(|(name, text)| (name.to_owned(), text));
        let checks = (1..).zip(&runtime.checks).filter_map(|(n, check)| {
            let CheckKind::Script { text } = &check.kind else {
                return None;
            };
            Some((format!("check-{n}"), text))
        });
        for (script, text) in hooks.chain(checks) {
            let path = script_path(&runtime.name, &script);
            draft.file(&path, text.clone(), "0755", When::AfterPackages)?;
        }
        draft.service(runtime);
        Ok(())
    }

    fn declare_files(&self, draft: &mut Draft) -> Result<(), ManifestError> {
        for file in &self.blueprint.files {
            let path = draft.word(Kind::Path, self.render("file path", &file.path)?)?;
            let word = |kind, text: &str| draft.word(kind, self.render(&path, text)?);
            let mode = word(Kind::Mode, &file.mode)?;
            let owner = word(Kind::Account, &file.owner)?;
            let group = word(Kind::Account, &file.group)?;
            let restarts = self.words(&path, Kind::Unit, &file.restarts, draft)?;
            let content = self.render(&path, &file.template)?;
            draft.add(managed(
                &path, content, &mode, &owner, &group, file.when, restarts,
            ))?;
        }
        Ok(())
    }

    fn databases(&self, draft: &mut Draft) -> Result<Vec<DatabaseRuntime>, ManifestError> {
        let mut databases = Vec::new();
        for database in &self.blueprint.databases {
            let name = self.render("database", &database.name)?;
            let name = draft.word(Kind::Identifier, name)?;
            let owner = self.render("database owner", &database.owner)?;
            let owner = draft.word(Kind::Identifier, owner)?;
            let password = self
                .secrets
                .get(database.password.as_str())
                .ok_or_else(|| ManifestError::NoSecret {
                    service: self.service.name.clone(),
                    database: name.clone(),
                    secret: database.password.clone(),
                })?;
            draft.database(&name)?;
            databases.push(DatabaseRuntime {
                engine: database.engine,
                name,
                owner,
                password: password.clone(),
            });
        }
        Ok(databases)
    }

    fn state(&self, draft: &Draft) -> Result<Vec<ManagedDirectory>, ManifestError> {
        self.blueprint
            .state
            .iter()
            .map(|state| {
                let word = |kind, text: &str| draft.word(kind, self.render("files", text)?);
                Ok(ManagedDirectory {
                    path: word(Kind::Path, &state.path)?,
                    mode: STATE_MODE.to_owned(),
                    owner: word(Kind::Account, &state.owner)?,
                    group: word(Kind::Account, &state.group)?,
                })
            })
            .collect()
    }

    fn checks(&self, draft: &Draft) -> Result<Vec<Check>, ManifestError> {
        self.blueprint
            .checks
            .iter()
            .map(|check| {
                let what = format!("check {:?}", check.name);
                let line = |text: &str| draft.word(Kind::Line, self.render(&what, text)?);
                let kind = match &check.kind {
                    CheckKind::Http {
                        path,
                        status,
                        contains,
                    } => CheckKind::Http {
                        path: line(path)?,
                        status: *status,
                        contains: contains.as_deref().map(line).transpose()?,
                    },
                    CheckKind::Script { text } => CheckKind::Script { text: text.clone() },
                };
                Ok(Check {
                    name: line(&check.name)?,
                    kind,
                })
            })
            .collect()
    }

    /// `HF_*` lines for hooks and checks; see the blueprint format.
    fn environment(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}={}", shell_quote(value));
        };
        line("HF_SERVICE", self.service.name.as_str());
        line("HF_HOST", self.service.host.as_str());
        line("HF_STACK", self.stack.id.as_str());
        for setting in &self.blueprint.settings {
            let value = self
                .service
                .settings
                .get(&setting.name)
                .or(setting.default.as_ref());
            if let Some(value) = value {
                line(&format!("HF_SETTING_{}", variable(&setting.name)), value);
            }
        }
        for (name, secret) in &self.secrets {
            let value = secret.expose_text().unwrap_or_default();
            line(&format!("HF_SECRET_{}", variable(name)), value);
        }
        text
    }
}

/// A map that templates see, with its own copies.
fn pairs<K: AsRef<str>, V: AsRef<str>>(items: impl IntoIterator<Item = (K, V)>) -> Value {
    Value::from_pairs(
        items
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())),
    )
}

/// `db-password` as part of a variable's name: `DB_PASSWORD`.
fn variable(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}
