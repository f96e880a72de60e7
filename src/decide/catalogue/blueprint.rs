//! `blueprint.toml` and the files it names, read into one complete value.

use super::Read;
use super::coverage;
use super::template::{Names, check_file, check_form, check_text};
use crate::decide::document::words::{self, Form};
use crate::decide::document::{Document, Found, Table, about_file, codes, suggest};
use crate::model::blueprint::{
    Blueprint, BlueprintFile, Check, CheckKind, Database, Engine, Hooks, Setting, StateFiles, When,
};
use crate::model::ids::{BlueprintId, ImageName};
use std::collections::{BTreeMap, BTreeSet};

type Folder<'f> = BTreeMap<&'f str, &'f [u8]>;
type Images = BTreeMap<String, BTreeMap<String, String>>;

pub(super) fn read(path: &str, folder: &str, files: &Folder<'_>) -> Read<Blueprint> {
    let Some(bytes) = files.get("blueprint.toml") else {
        return Err(vec![about_file(
            codes::MISSING_FILE,
            &format!("{path}blueprint.toml"),
            format!("`{path}` has no blueprint.toml"),
            "add it, or remove the folder",
        )]);
    };
    let name = format!("{path}blueprint.toml");
    let (blueprint, findings) = Document::read(&name, bytes, |root| {
        let mut reader = Reader {
            root,
            files,
            used: BTreeSet::from(["blueprint.toml".to_owned()]),
            images: images(root),
            names: Names {
                settings: BTreeSet::new(),
                secrets: BTreeSet::new(),
                image: BTreeSet::new(),
            },
        };
        let blueprint = reader.blueprint(folder);
        reader.stray_files(path);
        blueprint
    });
    match blueprint {
        Some(blueprint) => Ok(blueprint),
        None => Err(findings),
    }
}

fn images(root: &Table<'_>) -> Images {
    let mut images = Images::new();
    let Some(table) = root.table("image") else {
        return images;
    };
    for (key, variables) in table.free_tables("[image.debian-13]") {
        let span = key.span.clone();
        let Some(name) = words::IMAGE.check(&table, Some(key)) else {
            continue;
        };
        let mut values = BTreeMap::new();
        for (key, value) in variables.free_texts("php = \"8.4\"") {
            let key = words::VARIABLE.check(&variables, Some(key));
            let value = words::VALUE.check(&variables, Some(value));
            if let (Some(key), Some(value)) = (key, value) {
                values.insert(key.value, value.value);
            }
        }
        if images.insert(name.value, values).is_some() {
            table.report(codes::DUPLICATE, &span, "this image stands twice", None);
        }
    }
    images
}

struct Reader<'r> {
    root: &'r Table<'r>,
    files: &'r Folder<'r>,
    used: BTreeSet<String>,
    images: Images,
    names: Names,
}

impl Reader<'_> {
    fn blueprint(&mut self, folder: &str) -> Option<Blueprint> {
        self.root.schema();
        let head = self.root.table("blueprint");
        let (id, version, summary, single) = match &head {
            Some(head) => {
                let id = words::ID.check(head, head.text("id", folder));
                if let Some(id) = &id
                    && id.value != folder
                {
                    let help = format!("write id = \"{folder}\", or rename the folder");
                    head.report(
                        codes::FILE_NAME,
                        &id.span,
                        "the id is not the folder's name",
                        Some(&help),
                    );
                }
                let version = head.number::<u32>("version", "1");
                let summary = words::LINE.check(head, head.text("summary", "what it installs"));
                let single = head.flag("single");
                head.finish();
                (id, version, summary, single)
            }
            None => (None, None, None, false),
        };
        let settings = self.settings();
        let secrets = self.secrets();
        // A variable must exist on every image, or the template works on one only.
        let mut sets = self
            .images
            .values()
            .map(|v| v.keys().cloned().collect::<BTreeSet<_>>());
        let first = sets.next().unwrap_or_default();
        self.names.image = sets.fold(first, |all, more| {
            all.intersection(&more).cloned().collect()
        });
        let (packages, ports) = self.install();
        let files = self.managed_files();
        let units = self.units();
        let databases = self.databases();
        let state = self.state();
        let expendable = self.expendable();
        let hooks = self.hooks();
        let checks = self.checks();
        let blueprint = Blueprint {
            id: BlueprintId::new(id?.value),
            version: version?.value,
            summary: summary?.value,
            single,
            images: self
                .images
                .iter()
                .map(|(name, values)| (ImageName::new(name), values.clone()))
                .collect(),
            packages,
            ports,
            settings,
            secrets,
            files,
            units,
            databases,
            state,
            expendable,
            hooks,
            checks,
        };
        coverage::check(self.root, &blueprint);
        Some(blueprint)
    }

    fn form(&self, form: &Form, found: Option<Found<String>>) -> Option<String> {
        let found = found?;
        check_form(
            self.root.document(),
            &self.names,
            &self.images,
            form,
            &found,
        );
        Some(found.value)
    }

    fn text_of(&mut self, table: &Table<'_>, found: &Found<String>) -> Option<String> {
        let path = found.value.as_str();
        let Some(bytes) = self.files.get(path) else {
            let others = self
                .files
                .keys()
                .copied()
                .filter(|f| *f != "blueprint.toml");
            let message = format!("no file {:?} beside blueprint.toml", words::shorten(path));
            let help = suggest(path, others);
            table.report(codes::MISSING_FILE, &found.span, &message, help.as_deref());
            return None;
        };
        self.used.insert(path.to_owned());
        let Ok(text) = std::str::from_utf8(bytes) else {
            let message = format!("{path} is not UTF-8 text");
            table.report(codes::NOT_TEXT, &found.span, &message, None);
            return None;
        };
        Some(text.to_owned())
    }

    fn settings(&mut self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for table in self.root.tables("setting") {
            let name = words::VARIABLE.check(&table, table.text("name", "title"));
            let default = words::VALUE.check(&table, table.text_if("default", "Wiki"));
            table.finish();
            let Some(name) = name else { continue };
            if !self.names.settings.insert(name.value.clone()) {
                table.report(
                    codes::DUPLICATE,
                    &name.span,
                    "this setting stands twice",
                    None,
                );
            }
            settings.push(Setting {
                name: name.value,
                default: default.map(|found| found.value),
            });
        }
        settings
    }

    fn secrets(&mut self) -> Vec<String> {
        let mut secrets = Vec::new();
        for table in self.root.tables("secret") {
            let name = words::VARIABLE.check(&table, table.text("name", "db_password"));
            table.finish();
            let Some(name) = name else { continue };
            if !self.names.secrets.insert(name.value.clone()) {
                table.report(
                    codes::DUPLICATE,
                    &name.span,
                    "this secret stands twice",
                    None,
                );
            }
            secrets.push(name.value);
        }
        secrets
    }

    fn install(&self) -> (Vec<String>, Vec<u16>) {
        let Some(table) = self.root.table_if("install") else {
            return (Vec::new(), Vec::new());
        };
        let packages = table
            .texts("packages", "nginx")
            .into_iter()
            .filter_map(|found| self.form(&words::PACKAGE, Some(found)))
            .collect();
        let mut ports = Vec::new();
        for port in table.numbers::<u16>("ports", "80") {
            if matches!(port.value, 0 | 22) {
                let help = Some("port 22 is SSH, which is never behind the gate");
                table.report(
                    codes::MALFORMED,
                    &port.span,
                    "not a port a service can have",
                    help,
                );
            }
            ports.push(port.value);
        }
        table.finish();
        (packages, ports)
    }

    fn managed_files(&mut self) -> Vec<BlueprintFile> {
        let mut files = Vec::new();
        for table in self.root.tables("file") {
            let path = self.form(&words::PATH, table.text("path", "/etc/example.conf"));
            let template = table.text("template", "example.conf.j2");
            let text = template.as_ref().and_then(|found| {
                let text = self.text_of(&table, found)?;
                check_file(
                    table.document(),
                    &self.names,
                    &found.span,
                    &found.value,
                    &text,
                );
                Some(text)
            });
            let mode = words::MODE.check(&table, table.text("mode", "0644"));
            let owner = words::ACCOUNT.check(&table, table.text("owner", "root"));
            let group = words::ACCOUNT.check(&table, table.text("group", "root"));
            let when =
                table
                    .text_if("when", "after-packages")
                    .map(|found| match found.value.as_str() {
                        "before-packages" => When::BeforePackages,
                        "after-packages" => When::AfterPackages,
                        other => {
                            let help = suggest(other, ["before-packages", "after-packages"]);
                            table.report(
                                codes::UNKNOWN_NAME,
                                &found.span,
                                "no such moment",
                                help.as_deref(),
                            );
                            When::default()
                        }
                    });
            let restarts = table
                .texts("restarts", "nginx.service")
                .into_iter()
                .filter_map(|found| self.form(&words::UNIT, Some(found)))
                .collect();
            table.finish();
            if let (Some(path), Some(template), Some(mode), Some(owner), Some(group)) =
                (path, text, mode, owner, group)
            {
                files.push(BlueprintFile {
                    path,
                    template,
                    mode: mode.value,
                    owner: owner.value,
                    group: group.value,
                    when: when.unwrap_or_default(),
                    restarts,
                });
            }
        }
        files
    }

    fn units(&self) -> Vec<String> {
        let mut units = Vec::new();
        for table in self.root.tables("unit") {
            units.extend(self.form(&words::UNIT, table.text("name", "nginx.service")));
            table.finish();
        }
        units
    }

    fn databases(&self) -> Vec<Database> {
        let mut databases = Vec::new();
        for table in self.root.tables("database") {
            let engine = table.text("engine", "postgresql").and_then(|found| {
                let engine = Engine::from_word(&found.value);
                if engine.is_none() {
                    let message = format!("no engine {:?}", words::shorten(&found.value));
                    let help = suggest(&found.value, Engine::ALL.map(Engine::word));
                    table.report(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
                }
                engine
            });
            let name = words::ACCOUNT.check(&table, table.text("name", "wiki"));
            let owner = words::ACCOUNT.check(&table, table.text("owner", "wiki"));
            for found in [&name, &owner].into_iter().flatten() {
                not_the_servers_own(&table, engine, found);
            }
            let password = table.text("password", "db_password");
            if let Some(password) = &password
                && !self.names.secrets.contains(&password.value)
            {
                let message = format!(
                    "no [[secret]] is named {:?}",
                    words::shorten(&password.value)
                );
                let help = suggest(
                    &password.value,
                    self.names.secrets.iter().map(String::as_str),
                );
                table.report(
                    codes::UNKNOWN_NAME,
                    &password.span,
                    &message,
                    help.as_deref(),
                );
            }
            table.finish();
            if let (Some(engine), Some(name), Some(owner), Some(password)) =
                (engine, name, owner, password)
            {
                databases.push(Database {
                    engine,
                    name: name.value,
                    owner: owner.value,
                    password: password.value,
                });
            }
        }
        databases
    }

    fn state(&self) -> Vec<StateFiles> {
        let mut state = Vec::new();
        for table in self.root.tables("files") {
            let path = self.form(&words::PATH, table.text("path", "/var/lib/example"));
            let owner = words::ACCOUNT.check(&table, table.text("owner", "www-data"));
            let group = words::ACCOUNT.check(&table, table.text("group", "www-data"));
            table.finish();
            if let (Some(path), Some(owner), Some(group)) = (path, owner, group) {
                state.push(StateFiles {
                    path,
                    owner: owner.value,
                    group: group.value,
                });
            }
        }
        state
    }

    fn expendable(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for table in self.root.tables("expendable") {
            paths.extend(self.form(&words::PATH, table.text("path", "/var/lib/example/cache")));
            words::LINE.check(&table, table.text("why", "made again from the pages"));
            table.finish();
        }
        paths
    }

    fn hooks(&mut self) -> Hooks {
        let Some(table) = self.root.table_if("hooks") else {
            return Hooks::default();
        };
        let mut text = |name: &'static str, example: &'static str| {
            let found = table.text_if(name, example)?;
            Some(self.text_of(&table, &found)?.into())
        };
        let hooks = Hooks {
            init: text("init", "hooks/init.sh"),
            after_restore: text("after_restore", "hooks/after-restore.sh"),
            before_backup: text("before_backup", "hooks/before-backup.sh"),
            after_backup: text("after_backup", "hooks/after-backup.sh"),
        };
        table.finish();
        hooks
    }

    fn checks(&mut self) -> Vec<Check> {
        let mut checks = Vec::new();
        for table in self.root.tables("check") {
            let name = words::LINE.check(&table, table.text("name", "front page"));
            let kind = if table.has("script") {
                let script = table.text("script", "checks/example.sh");
                script
                    .and_then(|found| self.text_of(&table, &found))
                    .map(|text| CheckKind::Script { text: text.into() })
            } else {
                let path = self.form(&words::REQUEST, table.text("path", "/"));
                let status = table.number::<u16>("status", "200");
                let contains = table.text_if("contains", "{{ settings.title }}");
                if let Some(contains) = &contains {
                    check_text(table.document(), &self.names, contains);
                }
                match (path, status) {
                    (Some(path), Some(status)) => Some(CheckKind::Http {
                        path,
                        status: status.value,
                        contains: contains.map(|found| found.value),
                    }),
                    _ => None,
                }
            };
            table.finish();
            if let (Some(name), Some(kind)) = (name, kind) {
                checks.push(Check {
                    name: name.value,
                    kind,
                });
            }
        }
        checks
    }

    /// A file nobody names is a hook or template that somebody believes in.
    fn stray_files(&self, path: &str) {
        for file in self.files.keys() {
            if !self.used.contains(*file) && file.strip_suffix(".md").is_none() {
                let message = format!("{path}{file} is named nowhere in this file");
                self.root.report(
                    codes::STRAY_FILE,
                    &(0..0),
                    &message,
                    Some("name it, or remove it"),
                );
            }
        }
    }
}

/// A restore begins with a fresh database and a fresh password: never the server's own.
fn not_the_servers_own(table: &Table<'_>, engine: Option<Engine>, found: &Found<String>) {
    if let Some(engine) = engine
        && engine.reserved().contains(&found.value.as_str())
    {
        let message = format!("{} has {} for itself", engine.word(), found.value);
        let help = Some("choose a name of the application's own");
        table.report(codes::MALFORMED, &found.span, &message, help);
    }
}
