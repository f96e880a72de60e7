//! Is all state of a blueprint saved, restored and checked? Declared state is saved and restored
//! by its declaration; what is not declared, not used or not checked is found here.

use crate::decide::document::{Table, codes};
use crate::model::blueprint::{Blueprint, CheckKind, Database};

pub(super) fn check(root: &Table<'_>, blueprint: &Blueprint) {
    let say = |message: &str, help: &str| {
        root.report(codes::COVERAGE, &(0..0), message, Some(help));
    };
    let stateful = !blueprint.state.is_empty() || !blueprint.databases.is_empty();
    if !stateful && blueprint.hooks.init.is_some() {
        say(
            "the first installation makes something, and no [[files]] or [[database]] declares it",
            "declare what hooks/init makes: what is not declared is in no recovery point",
        );
    }
    if stateful && blueprint.checks.is_empty() {
        say(
            "it has state and no [[check]]: a restore could not be told from an empty service",
            "add a [[check]] with path and status, or with a script that looks at the data",
        );
        return;
    }
    for database in &blueprint.databases {
        if !asked(blueprint, database) {
            let message = format!("no [[check]] asks the database {}", database.name);
            let help = format!(
                "add a [[check]] with a script that reads from it, with its password $HF_SECRET_{}",
                database.password.to_uppercase()
            );
            say(&message, &help);
        }
    }
    for secret in &blueprint.secrets {
        if !used(blueprint, secret) {
            let message = format!("nothing uses the secret {secret}");
            let help = "name it in a template, a hook, a check or a [[database]], or remove it: a secret that nothing uses is restored nowhere";
            say(&message, help);
        }
    }
}

/// Does a script go there as the application does: with its password, or by its name?
fn asked(blueprint: &Blueprint, database: &Database) -> bool {
    let password = variable(&database.password);
    scripts(blueprint).any(|text| text.contains(&password) || text.contains(&database.name))
}

fn used(blueprint: &Blueprint, secret: &str) -> bool {
    let (variable, field) = (variable(secret), format!("secrets.{secret}"));
    let templates = blueprint.files.iter().map(|file| file.template.as_str());
    blueprint.databases.iter().any(|d| d.password == secret)
        || templates.into_iter().any(|text| text.contains(&field))
        || blueprint
            .hooks
            .named()
            .any(|(_, text)| text.contains(&variable))
        || scripts(blueprint).any(|text| text.contains(&variable))
}

fn scripts(blueprint: &Blueprint) -> impl Iterator<Item = &str> {
    blueprint
        .checks
        .iter()
        .filter_map(|check| match &check.kind {
            CheckKind::Script { text } => Some(&**text),
            CheckKind::Http { .. } => None,
        })
}

/// As hooks and checks see a secret.
fn variable(secret: &str) -> String {
    format!("HF_SECRET_{}", secret.to_uppercase())
}
