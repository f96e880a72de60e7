//! `[[service]]`: the applications of a stack.

use super::Surroundings;
use crate::decide::document::{Found, Table, codes, looks_secret, suggest, words};
use crate::model::blueprint::Blueprint;
use crate::model::desired::DesiredService;
use crate::model::ids::{BlueprintId, HostName, ImageName, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn read(
    root: &Table<'_>,
    image: Option<&ImageName>,
    surroundings: &Surroundings<'_>,
) -> Vec<DesiredService> {
    let tables = root.tables("service");
    if tables.is_empty() && !root.has("service") {
        root.missing(
            "service",
            "add a [[service]] with name, blueprint, version and host",
        );
    }
    let mut services: Vec<DesiredService> = Vec::new();
    let mut seen = Seen::default();
    for table in &tables {
        services.extend(service(table, image, surroundings, &mut seen));
    }
    services
}

#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    hosts: BTreeSet<String>,
    single: BTreeSet<BlueprintId>,
}

fn service(
    table: &Table<'_>,
    image: Option<&ImageName>,
    surroundings: &Surroundings<'_>,
    seen: &mut Seen,
) -> Option<DesiredService> {
    let name = words::ID.check(table, table.text("name", "wiki"));
    let wanted = words::ID.check(table, table.text("blueprint", "mediawiki"));
    let version = table.number::<u32>("version", "1");
    let host = words::HOST.check(table, table.text("host", "wiki.acme.example"));
    let settings = table.table_if("settings");
    if let Some(name) = &name
        && !seen.names.insert(name.value.clone())
    {
        let message = format!("two services are named {:?}", name.value);
        table.report(
            codes::DUPLICATE,
            &name.span,
            &message,
            Some("names are unique in a stack"),
        );
    }
    if let Some(host) = &host {
        check_host(table, host, surroundings, seen);
    }
    let blueprint = wanted
        .as_ref()
        .and_then(|found| blueprint(table, found, surroundings));
    if let (Some(found), Some(blueprint)) = (&wanted, blueprint) {
        fit(table, found, version.as_ref(), blueprint, image, seen);
    }
    let settings = match blueprint {
        Some(blueprint) => values(table, settings.as_ref(), blueprint),
        None => Some(BTreeMap::new()),
    };
    table.finish();
    Some(DesiredService {
        name: ServiceName::new(name?.value),
        blueprint: BlueprintId::new(wanted?.value),
        host: HostName::new(host?.value),
        settings: settings?,
        place: table.document().place(table.span()),
    })
}

fn check_host(
    table: &Table<'_>,
    host: &Found<String>,
    surroundings: &Surroundings<'_>,
    seen: &mut Seen,
) {
    if !seen.hosts.insert(host.value.clone()) {
        let message = format!("two services answer to {}", host.value);
        table.report(
            codes::DUPLICATE,
            &host.span,
            &message,
            Some("give each service a name of its own"),
        );
    }
    let outside = |zone: &&str| {
        host.value != **zone
            && !host
                .value
                .strip_suffix(*zone)
                .is_some_and(|front| front.ends_with('.'))
    };
    if let Some(zone) = surroundings.zone.filter(outside) {
        let message = format!("{} is not in the zone {zone} of estate.toml", host.value);
        table.report(
            codes::UNFIT,
            &host.span,
            &message,
            Some("we could not point it at a new machine"),
        );
    }
}

fn blueprint<'s>(
    table: &Table<'_>,
    found: &Found<String>,
    surroundings: &Surroundings<'s>,
) -> Option<&'s Blueprint> {
    match surroundings
        .blueprints
        .get(&BlueprintId::new(&*found.value))
    {
        Some(Ok(blueprint)) => Some(blueprint),
        Some(Err(findings)) => {
            let message = format!(
                "the blueprint {:?} is broken ({} findings)",
                found.value,
                findings.len()
            );
            let help = format!("mend blueprints/{}/blueprint.toml", found.value);
            table.report(codes::UNFIT, &found.span, &message, Some(&help));
            None
        }
        None => {
            let message = format!("no blueprint {:?}", words::shorten(&found.value));
            let help = suggest(
                &found.value,
                surroundings.blueprints.keys().map(BlueprintId::as_str),
            );
            table.report(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
            None
        }
    }
}

/// Version, image and company of other services.
fn fit(
    table: &Table<'_>,
    found: &Found<String>,
    version: Option<&Found<u32>>,
    blueprint: &Blueprint,
    image: Option<&ImageName>,
    seen: &mut Seen,
) {
    if let Some(version) = version
        && version.value != blueprint.version
    {
        let message = format!(
            "{} is at version {}, not {}",
            blueprint.id, blueprint.version, version.value
        );
        let help = format!("write version = {}", blueprint.version);
        table.report(codes::UNFIT, &version.span, &message, Some(&help));
    }
    if let Some(image) = image
        && !blueprint.images.contains_key(image)
    {
        let known: Vec<&str> = blueprint.images.keys().map(ImageName::as_str).collect();
        let message = format!("{} does not run on {image}", blueprint.id);
        let help = format!("it runs on {}", known.join(", "));
        table.report(codes::UNFIT, &found.span, &message, Some(&help));
    }
    if !seen.single.insert(blueprint.id.clone()) && blueprint.single {
        let message = format!("a machine can have only one service of {}", blueprint.id);
        let help = "give the second one a stack of its own";
        table.report(codes::UNFIT, &found.span, &message, Some(help));
    }
}

/// What the stack sets, over the defaults.
fn values(
    table: &Table<'_>,
    settings: Option<&Table<'_>>,
    blueprint: &Blueprint,
) -> Option<BTreeMap<String, String>> {
    let mut values: BTreeMap<String, String> = blueprint
        .settings
        .iter()
        .filter_map(|setting| Some((setting.name.clone(), setting.default.clone()?)))
        .collect();
    let mut sound = true;
    for (key, value) in settings
        .map(|s| s.free_texts("title = \"Wiki\""))
        .unwrap_or_default()
    {
        if !blueprint.settings.iter().any(|s| s.name == key.value) {
            let message = format!(
                "{} has no setting {:?}",
                blueprint.id,
                words::shorten(&key.value)
            );
            let help = suggest(
                &key.value,
                blueprint.settings.iter().map(|s| s.name.as_str()),
            );
            // A password among the settings is in plain text; the view masks it.
            let code = if looks_secret(&key.value) {
                codes::PLAIN_SECRET
            } else {
                codes::UNKNOWN_KEY
            };
            table.report(code, &key.span, &message, help.as_deref());
            sound = false;
        } else if let Some(value) = words::VALUE.check(table, Some(value)) {
            values.insert(key.value, value.value);
        } else {
            sound = false;
        }
    }
    for setting in &blueprint.settings {
        if sound && !values.contains_key(&setting.name) {
            let help = format!("add settings = {{ {} = \"…\" }}", setting.name);
            table.missing(&format!("settings.{}", setting.name), &help);
            sound = false;
        }
    }
    sound.then_some(values)
}
