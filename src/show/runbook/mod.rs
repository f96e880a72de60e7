//! The runbook of an exit kit: what somebody without us reads, prints and follows, in the
//! language of the stack. Nothing in it is secret (S13).

mod document;
mod words;

pub use document::{Block, html, markdown};

use crate::decide::exit_kit::{Kit, Source, secret_files};
use crate::model::ids::{HosterId, ImageName, SiteId};
use crate::model::machine::MachineManifest;
use crate::model::units::show_duration;
use crate::show::views;
use std::collections::BTreeMap;
use words::Words;

/// Where the runbook says that the kit lies on the new machine.
const HERE: &str = "/root/exit-kit";
/// Where it says that the escrow key lies there.
const KEY: &str = "/root/escrow.txt";

/// The runbook's two files.
pub fn files(source: &Source, kit: &Kit, folder: &str, sealed: bool) -> BTreeMap<String, Vec<u8>> {
    let blocks = runbook(source, kit, folder, sealed);
    BTreeMap::from([
        ("runbook.md".to_owned(), markdown(&blocks).into_bytes()),
        (
            "runbook.html".to_owned(),
            html(&blocks, &source.stack.language).into_bytes(),
        ),
    ])
}

/// The whole of it, for a kit that is called `folder`.
pub fn runbook(source: &Source, kit: &Kit, folder: &str, sealed: bool) -> Vec<Block> {
    let say = words::of(&source.stack.language);
    let mut blocks = first_page(source, say, sealed);
    blocks.extend(before(say, source, folder));
    let step = |number: usize, script: &str| {
        let (heading, text) = say.steps[number];
        [
            Block::Heading(format!("{number}. {heading}")),
            Block::Text(text.to_owned()),
            Block::Run(format!("sh scripts/{script}")),
        ]
    };
    blocks.extend([
        Block::Heading(format!("0. {}", say.steps[0].0)),
        Block::Text(say.steps[0].1.to_owned()),
        Block::Run(format!("cd {HERE}\nsh scripts/0-open.sh {KEY}")),
    ]);
    let manifest = source
        .images
        .get(&source.stack.production.image)
        .or_else(|| source.images.values().next())
        .map(|rendered| &rendered.real);
    blocks.extend(step(1, "1-packages.sh"));
    blocks.extend(manifest.map(|m| listed(&m.packages)));
    blocks.extend(step(2, "2-fetch.sh"));
    blocks.extend([
        Block::Text(say.another_point.to_owned()),
        Block::Shown("sh scripts/2-fetch.sh list\nsh scripts/2-fetch.sh 4e81af24".to_owned()),
        Block::Text(say.another_way.to_owned()),
        Block::Shown(format!(
            "RESTIC_REPOSITORY=/mnt/copy/{} sh scripts/2-fetch.sh",
            source.stack.id
        )),
    ]);
    blocks.extend(step(3, "3-configuration.sh"));
    blocks.extend(manifest.map(|m| placed(source, kit, m, say)));
    blocks.extend(step(4, "4-files.sh"));
    blocks.extend(manifest.map(|m| state(m, say)));
    blocks.extend(step(5, "5-databases.sh"));
    blocks.extend(manifest.and_then(|m| databases(m, say)));
    blocks.extend(step(6, "6-hooks.sh"));
    blocks.extend(step(7, "7-start.sh"));
    blocks.extend(manifest.map(|m| listed(&m.units)));
    blocks.extend(step(8, "8-check.sh"));
    blocks.extend(manifest.map(|m| checks(m, say)));
    blocks.extend(last(source, say));
    blocks
}

fn listed(words: &[String]) -> Block {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    Block::Text(words.join(", "))
}

fn first_page(source: &Source, say: &Words, sealed: bool) -> Vec<Block> {
    let stack = &source.stack;
    let place = |hoster: &HosterId, site: &SiteId| {
        let descriptor = source.hosters.get(hoster);
        let company = descriptor.map_or_else(|| hoster.to_string(), |d| d.legal_entity.clone());
        let city = descriptor
            .and_then(|d| d.sites.get(site))
            .map_or_else(|| site.to_string(), |s| s.city.clone());
        format!("{company}, {city}")
    };
    let backup = &stack.backup.placement;
    let vault = source.access.as_ref().map_or_else(
        || say.unknown.to_owned(),
        |access| format!("`{}`, port {}", access.address, access.port),
    );
    let production = source.production.as_ref().map_or_else(
        || say.unknown.to_owned(),
        |(machine, address)| format!("`{machine}`, `{address}`"),
    );
    let contacts = match stack.contacts.as_slice() {
        [] => say.nobody.to_owned(),
        some => some.join(", "),
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let images: Vec<&str> = source.images.keys().map(ImageName::as_str).collect();
    let mut blocks = vec![
        Block::Title(say.title.replace("{}", &stack.name)),
        Block::Text(say.purpose.to_owned()),
        Block::Table {
            head: row(say.fact, String::new()),
            rows: vec![
                row(say.stack, format!("{} (`{}`)", stack.name, stack.id)),
                row(say.estate, format!("`{}`", source.estate)),
                row(say.commit, format!("`{}`", source.commit)),
                row(
                    say.made,
                    source.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
                ),
                row(say.version, format!("Holdfast {}", source.holdfast)),
                row(say.systems, images.join(", ")),
                row(
                    say.production,
                    format!(
                        "{}; {production}",
                        place(&stack.production.hoster, &stack.production.site)
                    ),
                ),
                row(
                    say.vault,
                    format!(
                        "{}; `{}`, {vault}",
                        place(&backup.hoster, &backup.site),
                        source.vault
                    ),
                ),
                row(say.contacts, contacts),
                row(
                    say.opens,
                    source
                        .recipients
                        .iter()
                        .map(|recipient| format!("`{recipient}`"))
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
            ],
        },
        Block::Heading(say.points.to_owned()),
    ];
    blocks.extend(points(source, say));
    blocks.push(Block::Text(
        if sealed { say.sealed } else { say.unsealed }.to_owned(),
    ));
    blocks
}

/// The newest points when the kit was made; a later one may be there now.
fn points(source: &Source, say: &Words) -> Vec<Block> {
    match &source.points {
        Err(gap) => vec![Block::Text(
            say.points_unknown.replace("{}", &gap.to_string()),
        )],
        Ok(points) if points.is_empty() => vec![Block::Text(say.no_points.to_owned())],
        Ok(points) => vec![Block::Table {
            head: say
                .point_columns
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            rows: points
                .iter()
                .take(5)
                .map(|point| {
                    vec![
                        format!("`{}`", point.id.short()),
                        point.taken_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                        show_duration(source.at.duration_since(point.taken_at)),
                        point.bytes.to_string(),
                        views::points::proven(point).to_owned(),
                    ]
                })
                .collect(),
        }],
    }
}

fn before(say: &Words, source: &Source, folder: &str) -> Vec<Block> {
    let images: Vec<&str> = source.images.keys().map(ImageName::as_str).collect();
    vec![
        Block::Heading(say.before.to_owned()),
        Block::List(
            say.before_items
                .iter()
                .map(|item| item.replace("{}", &images.join(", ")))
                .collect(),
        ),
        Block::Shown(format!(
            "scp -r {folder} root@NEW:{HERE}\nscp escrow.txt root@NEW:{KEY}\nssh root@NEW"
        )),
        Block::Text(say.frames.to_owned()),
    ]
}

fn placed(source: &Source, kit: &Kit, manifest: &MachineManifest, say: &Words) -> Block {
    let secret: Vec<&str> = source
        .images
        .keys()
        .flat_map(|image| secret_files(kit, image))
        .collect();
    Block::Table {
        head: say
            .file_columns
            .iter()
            .map(|&name| name.to_owned())
            .collect(),
        rows: manifest
            .files
            .iter()
            .map(|file| {
                vec![
                    format!("`{}`", file.path),
                    format!("{} {}:{}", file.mode, file.owner, file.group),
                    if secret.contains(&file.path.as_str()) {
                        say.yes
                    } else {
                        ""
                    }
                    .to_owned(),
                ]
            })
            .collect(),
    }
}

fn state(manifest: &MachineManifest, say: &Words) -> Block {
    let of = manifest.services.iter().flat_map(|service| {
        service.state.iter().map(|state| {
            vec![
                service.name.to_string(),
                format!("`{}`", state.path),
                format!("{}:{}", state.owner, state.group),
            ]
        })
    });
    Block::Table {
        head: say
            .state_columns
            .iter()
            .map(|&name| name.to_owned())
            .collect(),
        rows: of.collect(),
    }
}

fn databases(manifest: &MachineManifest, say: &Words) -> Option<Block> {
    let rows: Vec<Vec<String>> = manifest
        .services
        .iter()
        .flat_map(|service| {
            service.databases.iter().map(|database| {
                vec![
                    service.name.to_string(),
                    database.engine.word().to_owned(),
                    format!("`{}`", database.name),
                    format!("`{}`", database.owner),
                ]
            })
        })
        .collect();
    (!rows.is_empty()).then(|| Block::Table {
        head: say
            .database_columns
            .iter()
            .map(|&name| name.to_owned())
            .collect(),
        rows,
    })
}

/// Names only: a path may hold a token, so it stands in the kit and not here.
fn checks(manifest: &MachineManifest, say: &Words) -> Block {
    let of = manifest.services.iter().flat_map(|service| {
        service
            .checks
            .iter()
            .map(|check| vec![service.name.to_string(), check.name.clone()])
    });
    Block::Table {
        head: say
            .check_columns
            .iter()
            .map(|&name| name.to_owned())
            .collect(),
        rows: of.collect(),
    }
}

fn last(source: &Source, say: &Words) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading(format!("9. {}", say.steps[9].0)),
        Block::Text(say.steps[9].1.to_owned()),
        Block::List(
            source
                .stack
                .services
                .iter()
                .map(|service| format!("`{}` ({})", service.host, service.name))
                .collect(),
        ),
    ];
    if let Some(dns) = &source.dns {
        blocks.push(Block::Text(
            say.name_server
                .replace("{zone}", &dns.zone)
                .replace("{server}", &dns.server.to_string()),
        ));
    }
    blocks.extend([
        Block::Heading(say.after.to_owned()),
        Block::List(
            say.after_items
                .iter()
                .map(|&item| item.to_owned())
                .collect(),
        ),
    ]);
    blocks
}
