//! Where a machine shall be: hoster, site, machine type, image.

use super::Surroundings;
use super::hosters::known_site;
use crate::decide::document::{Table, codes, suggest, words};
use crate::model::desired::{HosterAccount, MachineType, Placement, Size};
use crate::model::ids::{HosterId, ImageName, SiteId};
use std::ops::Range;

/// `[production]`, with where each fallback stands.
pub(super) struct Production {
    pub placement: Placement,
    pub size: Option<Size>,
    pub fallback: Vec<(Placement, Range<usize>)>,
}

pub(super) fn production(table: &Table<'_>, surroundings: &Surroundings<'_>) -> Option<Production> {
    let at = place(table, surroundings);
    let size = size(table);
    let image = image(table);
    if image.is_none() && !table.has("image") {
        table.missing("image", "add image = \"debian-13\"");
    }
    let fallbacks = table.tables("fallback");
    let main = at.as_ref().and_then(|at| {
        let kind = machine_type(table, at, size, surroundings);
        Some(placement(table, at, (kind?, size), image.clone()?))
    });
    let fallback = fallbacks
        .iter()
        .filter_map(|entry| {
            let at = place(entry, surroundings);
            let own = self::image(entry);
            entry.finish();
            let at = at?;
            let kind = machine_type(entry, &at, size, surroundings)?;
            let image = own.or_else(|| image.clone())?;
            Some((placement(entry, &at, (kind, size), image), at.span))
        })
        .collect();
    table.finish();
    Some(Production {
        placement: main?,
        size,
        fallback,
    })
}

/// The only operating system that has what a backup machine needs, `restic-rest-server`.
const BACKUP_IMAGE: &str = "debian-13";

/// A backup machine's place; size as production unless it says otherwise.
pub(super) fn backup(
    table: &Table<'_>,
    production: Option<&Production>,
    surroundings: &Surroundings<'_>,
) -> Option<(Placement, Range<usize>)> {
    let image = backup_image(table).unwrap_or_else(|| ImageName::new(BACKUP_IMAGE));
    beside(table, Some(image), production, surroundings)
}

/// Where a point is proven; image and size as production unless it says otherwise.
pub(super) fn drill(
    table: &Table<'_>,
    production: Option<&Production>,
    surroundings: &Surroundings<'_>,
) -> Option<(Placement, Range<usize>)> {
    let image = image(table).or_else(|| Some(production?.placement.image.clone()));
    beside(table, image, production, surroundings)
}

fn beside(
    table: &Table<'_>,
    image: Option<ImageName>,
    production: Option<&Production>,
    surroundings: &Surroundings<'_>,
) -> Option<(Placement, Range<usize>)> {
    let at = place(table, surroundings);
    let size = size(table).or_else(|| production.and_then(|p| p.size));
    let at = at?;
    let kind = machine_type(table, &at, size, surroundings)?;
    Some((placement(table, &at, (kind, size), image?), at.span))
}

fn backup_image(table: &Table<'_>) -> Option<ImageName> {
    let found = words::IMAGE.check(table, table.text_if("image", BACKUP_IMAGE))?;
    if found.value != BACKUP_IMAGE {
        let message = format!(
            "a backup machine does not run on {}",
            words::shorten(&found.value)
        );
        let help = format!("write image = \"{BACKUP_IMAGE}\": it has restic-rest-server");
        table.report(codes::UNKNOWN_NAME, &found.span, &message, Some(&help));
    }
    Some(ImageName::new(found.value))
}

/// A hoster and one of its sites.
pub(super) struct At<'s> {
    hoster: HosterId,
    site: SiteId,
    account: Option<&'s HosterAccount>,
    span: Range<usize>,
}

/// Without a wish: where the first ordered machine stands, else the descriptor's
/// first site. The same files always give the same site.
fn usual_site(account: &HosterAccount) -> SiteId {
    let ordered = account.pool.first().map(|machine| &machine.site);
    ordered.unwrap_or(&account.descriptor.default_site).clone()
}

/// Reads `hoster` and `site` and looks both up.
pub(super) fn place<'s>(table: &Table<'_>, surroundings: &Surroundings<'s>) -> Option<At<'s>> {
    let hoster = words::ID.check(table, table.text("hoster", "hetzner"));
    let wish = words::SITE.check(table, table.text_if("site", "nbg1"));
    let hoster = hoster?;
    if wish.is_none() && table.has("site") {
        return None;
    }
    let id = HosterId::new(&*hoster.value);
    let Some(hosters) = surroundings.hosters else {
        // hosters.toml is broken, which is told there.
        return Some(At {
            hoster: id,
            site: SiteId::new(wish.map(|found| found.value).unwrap_or_default()),
            account: None,
            span: hoster.span,
        });
    };
    let Some(account) = hosters.get(&id) else {
        let message = format!("hosters.toml has no hoster {:?}", hoster.value);
        let help = suggest(&hoster.value, hosters.keys().map(HosterId::as_str));
        table.report(codes::UNKNOWN_NAME, &hoster.span, &message, help.as_deref());
        return None;
    };
    let site = match wish {
        Some(site) => known_site(table, &account.descriptor, &site)?,
        None => usual_site(account),
    };
    Some(At {
        hoster: id,
        site,
        account: Some(account),
        span: hoster.span,
    })
}

fn image(table: &Table<'_>) -> Option<ImageName> {
    let found = words::IMAGE.check(table, table.text_if("image", "debian-13"))?;
    if !matches!(found.value.as_str(), "debian-12" | "debian-13") {
        let message = format!("no image {:?}", words::shorten(&found.value));
        let help = suggest(&found.value, ["debian-12", "debian-13"]);
        table.report(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
        return None;
    }
    Some(ImageName::new(found.value))
}

fn size(table: &Table<'_>) -> Option<Size> {
    let machine = table.table_if("machine")?;
    let cpus = machine.number::<u32>("cpus", "2");
    let memory = words::size(&machine, "memory", "4 GiB");
    let disk = words::size(&machine, "disk", "40 GB");
    machine.finish();
    Some(Size {
        cpus: cpus?.value,
        memory: memory?.value,
        disk: disk?.value,
    })
}

/// The first type of the hoster that is large enough; `Some(None)` for hosters without types.
#[expect(
    clippy::option_option,
    reason = "outer: could it be decided; inner: does the hoster have types"
)]
fn machine_type(
    table: &Table<'_>,
    at: &At<'_>,
    size: Option<Size>,
    surroundings: &Surroundings<'_>,
) -> Option<Option<String>> {
    let Some(account) = at.account else {
        return surroundings.hosters.is_none().then_some(None);
    };
    let types = &account.descriptor.machine_types;
    if types.is_empty() {
        return Some(None);
    }
    let Some(size) = size else {
        if !table.has("machine") {
            table.missing(
                "machine",
                "add machine = { cpus = 2, memory = \"4 GiB\", disk = \"40 GB\" }",
            );
        }
        return None;
    };
    let fits = |kind: &&MachineType| kind.size().has(&size);
    let Some(kind) = types.iter().find(fits) else {
        let message = format!(
            "{} has no machine type with {} processors, {} of memory and {} of disk",
            account.descriptor.name, size.cpus, size.memory, size.disk
        );
        let largest = types.iter().max_by_key(|kind| kind.memory).map(describe);
        let help = largest.map(|text| format!("the largest is {text}"));
        table.report(codes::UNFIT, &at.span, &message, help.as_deref());
        return None;
    };
    Some(Some(kind.name.clone()))
}

fn describe(kind: &MachineType) -> String {
    format!(
        "{} with {} processors, {} and {}",
        kind.name, kind.cpus, kind.memory, kind.disk
    )
}

fn placement(
    table: &Table<'_>,
    at: &At<'_>,
    (machine_type, size): (Option<String>, Option<Size>),
    image: ImageName,
) -> Placement {
    Placement {
        hoster: at.hoster.clone(),
        site: at.site.clone(),
        machine_type,
        size,
        image,
        place: table.document().place(&at.span),
    }
}
