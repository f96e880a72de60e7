//! One small stack with everything a blueprint can say, for the tests of several subjects.

use holdfast::decide::derive::{self, EstateKey};
use holdfast::decide::manifest;
use holdfast::flow::standing::Standing;
use holdfast::model::blueprint::{
    Blueprint, BlueprintFile, Check, CheckKind, Database, Engine, Hooks, Setting, StateFiles, When,
};
use holdfast::model::desired::{
    BackupIntent, DesiredService, DesiredStack, Objectives, Placement, Retention, Schedule,
};
use holdfast::model::diagnostic::Place;
use holdfast::model::forecast::TotalCost;
use holdfast::model::ids::{
    BlueprintId, CommitId, Epoch, EstateName, HostName, HosterId, ImageName, MachineName,
    ServiceName, SiteId, StackId,
};
use holdfast::model::machine::{BackupAccess, Digest, MachineManifest};
use holdfast::model::plan::{Basis, PLAN_SCHEMA, Plan, Step};
use holdfast::model::secret::Secret;
use holdfast::model::trust::Trust;
use holdfast::world::git::Known;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

pub fn key() -> EstateKey {
    EstateKey::new(Secret::new((0..32).collect::<Vec<u8>>())).unwrap()
}

pub fn estate() -> EstateName {
    EstateName::new("example")
}

pub fn place() -> Place {
    Place {
        file: "stacks/acme.toml".into(),
        line: 1,
        column: 1,
    }
}

pub fn placement(hoster: &str) -> Placement {
    Placement {
        hoster: HosterId::new(hoster),
        site: SiteId::new("nbg1"),
        machine_type: None,
        size: None,
        image: ImageName::new("debian-13"),
        place: place(),
    }
}

pub fn file(path: &str, template: &str) -> BlueprintFile {
    BlueprintFile {
        path: path.into(),
        template: template.into(),
        mode: "0644".into(),
        owner: "root".into(),
        group: "root".into(),
        when: When::AfterPackages,
        restarts: vec!["nginx.service".into()],
    }
}

/// A page of state behind nginx, and a database that a check asks.
pub fn page() -> Blueprint {
    let mut site = file(
        "/etc/nginx/sites-enabled/{{ service.name }}",
        "server {\n    listen 80;\n    server_name {{ service.host }};\n    root /srv/{{ service.name }};\n}\n",
    );
    site.restarts = vec!["nginx.service".into()];
    let mut default_site = file("/etc/nginx/sites-enabled/default", "# none\n");
    default_site.when = When::BeforePackages;
    let mut settings = file(
        "/etc/page/{{ service.name }}.conf",
        "title={{ settings.title | shell_quote }}\npassword={{ secrets.db_password }}\n",
    );
    settings.mode = "0640".into();
    settings.group = "www-data".into();
    settings.restarts = Vec::new();
    Blueprint {
        id: BlueprintId::new("page"),
        version: 1,
        summary: "a page".into(),
        single: false,
        images: BTreeMap::from([(
            ImageName::new("debian-13"),
            BTreeMap::from([("client".into(), "postgresql-client".into())]),
        )]),
        packages: vec!["nginx".into(), "{{ image.client }}".into()],
        ports: vec![80],
        settings: vec![Setting {
            name: "title".into(),
            default: Some("It's a page".into()),
        }],
        secrets: vec!["db_password".into()],
        files: vec![site, default_site, settings],
        units: vec!["nginx.service".into()],
        databases: vec![Database {
            engine: Engine::Postgresql,
            name: "{{ service.name }}".into(),
            owner: "{{ service.name }}".into(),
            password: "db_password".into(),
        }],
        state: vec![StateFiles {
            path: "/srv/{{ service.name }}".into(),
            owner: "www-data".into(),
            group: "www-data".into(),
        }],
        expendable: Vec::new(),
        hooks: Hooks {
            init: Some(
            "#!/bin/sh\nset -eu\n. \"$1\"\nprintf '%s\\n' \"$HF_SETTING_TITLE\" >\"/srv/$HF_SERVICE/index.html\"\nchown www-data: \"/srv/$HF_SERVICE/index.html\"\n".into(),
        ),
            ..Hooks::default()
        },
        checks: vec![
            Check {
                name: "front page".into(),
                kind: CheckKind::Http {
                    path: "/".into(),
                    status: 200,
                    contains: Some("{{ settings.title }}".into()),
                },
            },
            Check {
                name: "database answers".into(),
                kind: CheckKind::Script {
                    text: "#!/bin/sh\nset -eu\n. \"$1\"\nPGPASSFILE=$(mktemp)\nexport PGPASSFILE\ntrap 'rm \"$PGPASSFILE\"' EXIT\necho \"*:*:*:*:$HF_SECRET_DB_PASSWORD\" >\"$PGPASSFILE\"\n[ \"$(psql -h 127.0.0.1 -U \"$HF_SERVICE\" -d \"$HF_SERVICE\" -Atc 'select 6*7')\" = 42 ]\n".into(),
                },
            },
        ],
    }
}

pub fn service(name: &str) -> DesiredService {
    DesiredService {
        name: ServiceName::new(name),
        blueprint: BlueprintId::new("page"),
        host: HostName::new(format!("{name}.acme.example")),
        settings: BTreeMap::new(),
        place: place(),
    }
}

pub fn stack(services: Vec<DesiredService>) -> DesiredStack {
    DesiredStack {
        id: StackId::new("acme"),
        shown: StackId::new("acme"),
        place: place(),
        retired: None,
        name: "Acme & Sons".into(),
        contacts: Vec::new(),
        language: "en".into(),
        objectives: Objectives {
            rpo: None,
            rto: None,
        },
        production: placement("hetzner"),
        fallback: Vec::new(),
        backup: BackupIntent {
            placement: placement("netcup"),
            schedule: Schedule {
                hour: 2,
                minute: 30,
                zone: "Europe/Berlin".into(),
            },
            retention: Retention {
                within: SignedDuration::from_hours(24 * 30),
                daily: 0,
                weekly: 0,
                monthly: 0,
                yearly: 0,
                right: Vec::new(),
                place: place(),
            },
            drill: None,
        },
        services,
        repair: Vec::new(),
        waits: holdfast::model::desired::Waits::default(),
        waivers: Vec::new(),
        freezes: Vec::new(),
        approvals: Vec::new(),
        discards: Vec::new(),
    }
}

pub fn access() -> BackupAccess {
    let address = "10.0.0.9".parse().unwrap();
    let machine = MachineName::new("backup-netcup");
    let context = |kind| [kind, "acme", "backup-netcup"];
    BackupAccess {
        address,
        port: 8000,
        user: "acme".into(),
        password: derive::text(&key(), &context("rest-server")),
        repository_password: derive::text(&key(), &context("repository")),
        ca_pem: derive::tls_identity(&key(), &machine, address).certificate_pem,
    }
}

pub fn production(
    stack: &DesiredStack,
    blueprint: Blueprint,
) -> Result<MachineManifest, manifest::ManifestError> {
    manifest::production(
        stack,
        &estate(),
        &BTreeMap::from([(blueprint.id.clone(), blueprint)]),
        &key(),
        &MachineName::new("acme-e1"),
        Epoch(1),
        &ImageName::new("debian-13"),
        &access(),
    )
}

/// The manifest of one service named `site`.
pub fn site() -> MachineManifest {
    production(&stack(vec![service("site")]), page()).unwrap()
}

pub fn text_of(manifest: &MachineManifest, path: &str) -> String {
    let file = manifest.files.iter().find(|file| file.path == path);
    let file = file.unwrap_or_else(|| panic!("no file {path}"));
    file.content.expose_text().unwrap().to_owned()
}

/// A plan of these steps, made from nothing.
pub fn plan(commit: CommitId, steps: Vec<Step>) -> Plan {
    Plan {
        plan_schema: PLAN_SCHEMA,
        basis: Basis {
            estate: estate(),
            commit,
            observed: Some(Digest("d".into())),
            parts: BTreeMap::new(),
            at: Timestamp::UNIX_EPOCH,
            stacks: None,
            compared: None,
        },
        steps,
        held: Vec::new(),
        withheld: Vec::new(),
        drift: Vec::new(),
        gaps: Vec::new(),
        notes: Vec::new(),
        not_observed: Vec::new(),
        estimate: None,
        monthly_cost: TotalCost::default(),
    }
}

/// Where a session stands that has no repository: this head, these signers.
pub fn standing(head: &CommitId, trust: &Trust) -> Standing {
    Standing {
        repository: "/nowhere".into(),
        state: None,
        journal: None,
        root: head.clone(),
        head: head.clone(),
        trust: trust.clone(),
        known: Known::none(),
        refused: Vec::new(),
        gaps: Vec::new(),
        freezes: Vec::new(),
    }
}
