//! `providers/<id>.toml`: facts about a hoster.

use crate::decide::document::{Document, Found, Table, codes, suggest, words};
use crate::model::desired::{Descriptor, InterfaceFamily, MachineType, Site};
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::SiteId;
use std::collections::BTreeMap;

pub(super) fn read(path: &str, bytes: &[u8], id: &str) -> (Option<Descriptor>, Vec<Diagnostic>) {
    Document::read(path, bytes, |root| {
        root.schema();
        let sites = sites(root);
        let machine_types = machine_types(root);
        let hoster = root.table("hoster")?;
        let own_id = words::ID.check(&hoster, hoster.text("id", id));
        if let Some(own) = &own_id
            && own.value != id
        {
            let help = format!("write id = \"{id}\", or rename the file");
            hoster.report(
                codes::FILE_NAME,
                &own.span,
                "the id is not the file's name",
                Some(&help),
            );
        }
        let name = words::LINE.check(&hoster, hoster.text("name", "Hetzner Cloud"));
        let interface = hoster
            .text("interface", "pool")
            .and_then(|i| family(&hoster, &i));
        let legal_entity = words::LINE.check(&hoster, hoster.text("legal_entity", "Example GmbH"));
        let parent = words::LINE.check(&hoster, hoster.text("parent", "Example Holding SE"));
        let systems = hoster.numbers::<u32>("autonomous_systems", "64496");
        if systems.is_empty() && !hoster.has("autonomous_systems") {
            hoster.missing("autonomous_systems", "add autonomous_systems = [64496]");
        }
        let endpoint = hoster.text_if("endpoint", "https://api.example.com/v1");
        hoster.finish();
        Some(Descriptor {
            id: own_id?.value,
            name: name?.value,
            interface: interface?,
            legal_entity: legal_entity?.value,
            parent: parent?.value,
            autonomous_systems: systems.into_iter().map(|found| found.value).collect(),
            endpoint: endpoint.map(|found| found.value),
            sites,
            machine_types,
        })
    })
}

fn family(table: &Table<'_>, found: &Found<String>) -> Option<InterfaceFamily> {
    match found.value.as_str() {
        "hetzner-cloud" => Some(InterfaceFamily::HetznerCloud),
        "pool" => Some(InterfaceFamily::Pool),
        other => {
            let message = format!("no interface family {:?}", words::shorten(other));
            let help = suggest(other, ["hetzner-cloud", "pool"]);
            table.report(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
            None
        }
    }
}

fn sites(root: &Table<'_>) -> BTreeMap<SiteId, Site> {
    let mut sites = BTreeMap::new();
    if !root.has("site") {
        root.missing("site", "add a [[site]]: without one nothing can be placed");
    }
    for table in root.tables("site") {
        let id = words::SITE.check(&table, table.text("id", "nbg1"));
        let city = words::LINE.check(&table, table.text("city", "Nuremberg"));
        let country = table.text("country", "DE");
        if let Some(country) = &country
            && !(country.value.len() == 2 && country.value.bytes().all(|b| b.is_ascii_uppercase()))
        {
            let help = Some("two capital letters (ISO 3166)");
            table.report(codes::MALFORMED, &country.span, "not a country code", help);
        }
        let latitude = table.decimal("latitude", "49.453");
        let longitude = table.decimal("longitude", "11.077");
        table.finish();
        let (Some(id), Some(city), Some(country), Some(latitude), Some(longitude)) =
            (id, city, country, latitude, longitude)
        else {
            continue;
        };
        if latitude.abs() > 90.0 || longitude.abs() > 180.0 {
            let help = Some("degrees, north and east positive");
            table.report(
                codes::MALFORMED,
                table.span(),
                "no such place on earth",
                help,
            );
            continue;
        }
        let site = Site {
            city: city.value,
            country: country.value,
            latitude_milli: milli(latitude),
            longitude_milli: milli(longitude),
        };
        if sites.insert(SiteId::new(&*id.value), site).is_some() {
            let message = format!("site {} stands twice", id.value);
            table.report(codes::DUPLICATE, &id.span, &message, None);
        }
    }
    sites
}

/// At most ±180,000, so nothing is cut.
#[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
fn milli(degrees: f64) -> i32 {
    (degrees * 1000.0).round() as i32
}

fn machine_types(root: &Table<'_>) -> Vec<MachineType> {
    let mut types: Vec<MachineType> = Vec::new();
    for table in root.tables("machine_type") {
        let name = words::ID.check(&table, table.text("name", "cx23"));
        let cpus = table.number::<u32>("cpus", "2");
        let memory = words::size(&table, "memory", "4 GiB");
        let disk = words::size(&table, "disk", "40 GB");
        let monthly_cents = table.number_if::<u32>("monthly_cents", "399");
        table.finish();
        let (Some(name), Some(cpus), Some(memory), Some(disk)) = (name, cpus, memory, disk) else {
            continue;
        };
        if types.iter().any(|known| known.name == name.value) {
            let message = format!("machine type {} stands twice", name.value);
            table.report(codes::DUPLICATE, &name.span, &message, None);
            continue;
        }
        types.push(MachineType {
            name: name.value,
            cpus: cpus.value,
            memory: memory.value,
            disk: disk.value,
            monthly_cents: monthly_cents.map(|found| found.value),
        });
    }
    types
}
