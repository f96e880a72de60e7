//! Blueprints become machines: the same bytes each time, and clear words when they cannot.

use crate::sample;
use holdfast::decide::catalogue::catalogue;
use holdfast::decide::changes::digest;
use holdfast::decide::manifest::{self, ManifestError, php_quote, shell_quote};
use holdfast::decide::repositories::Way;
use holdfast::model::blueprint::{Blueprint, CheckKind, When};
use holdfast::model::ids::{BlueprintId, Epoch, ImageName, MachineName, StackId};
use holdfast::world::catalogue::embedded;

#[test]
fn the_same_estate_gives_the_same_manifest() {
    assert_eq!(digest(&sample::site()), digest(&sample::site()));
    let mut other = sample::page();
    other.files[0].template.push_str("# more\n");
    let other = sample::production(&sample::stack(vec![sample::service("site")]), other).unwrap();
    assert_ne!(digest(&sample::site()), digest(&other));
}

#[test]
fn texts_of_a_blueprint_are_rendered_with_what_the_stack_says() {
    let manifest = sample::site();
    assert!(
        sample::text_of(&manifest, "/etc/nginx/sites-enabled/site")
            .contains("server_name site.acme.example;")
    );
    assert_eq!(manifest.ports, [80]);
    assert_eq!(
        manifest.packages,
        ["nginx", "postgresql", "postgresql-client"]
    );
    assert_eq!(manifest.tools, manifest::TOOLS);
    assert_eq!(manifest.services[0].databases[0].owner, "site");
    let CheckKind::Http { contains, .. } = &manifest.services[0].checks[0].kind else {
        panic!("the first check is an HTTP one");
    };
    assert_eq!(contains.as_deref(), Some("It's a page"));
}

#[test]
fn hooks_read_settings_and_secrets_from_a_quoted_file() {
    let text = sample::text_of(&sample::site(), "/etc/holdfast/services/site.env");
    assert!(
        text.contains("HF_SETTING_TITLE='It'\\''s a page'\n"),
        "{text}"
    );
    assert!(text.contains("HF_HOST='site.acme.example'\n"), "{text}");
    let secret = text
        .lines()
        .find_map(|line| line.strip_prefix("HF_SECRET_DB_PASSWORD='"));
    assert_eq!(secret.unwrap().len(), 33, "32 characters and a quote");
}

#[test]
fn every_hook_of_a_blueprint_is_a_script_on_the_machine() {
    let mut page = sample::page();
    page.hooks.before_backup = Some("#!/bin/sh\ntouch /run/pause\n".into());
    page.hooks.after_backup = Some("#!/bin/sh\nrm /run/pause\n".into());
    let stack = sample::stack(vec![sample::service("site")]);
    let manifest = sample::production(&stack, page).unwrap();
    for (hook, word) in [
        ("init", "index.html"),
        ("before-backup", "touch"),
        ("after-backup", "rm"),
    ] {
        let path = format!("/usr/local/lib/holdfast/services/site/{hook}");
        assert!(sample::text_of(&manifest, &path).contains(word), "{hook}");
        let file = manifest.files.iter().find(|file| file.path == path);
        assert_eq!(file.unwrap().mode, "0755");
    }
    let hooks = &manifest.services[0].hooks;
    assert_eq!(hooks.after_restore, None);
    assert_eq!(hooks.named().count(), 3);
}

#[test]
fn what_no_machine_has_for_itself_is_held_once_for_all() {
    let (stack, page) = (sample::stack(vec![sample::service("site")]), sample::page());
    let one = sample::production(&stack, page.clone()).unwrap();
    let two = sample::production(&stack, page).unwrap();
    for (path, once) in [
        ("/usr/local/lib/holdfast/gate", true),
        ("/usr/local/lib/holdfast/services/site/init", true),
        ("/usr/local/lib/holdfast/services/site/check-2", true),
        ("/etc/holdfast/services/site.env", false),
    ] {
        let [here, there] = [&one, &two].map(|manifest| {
            let file = manifest.files.iter().find(|file| file.path == path);
            file.unwrap().content.expose().as_ptr()
        });
        assert_eq!(here == there, once, "{path}");
    }
}

#[test]
fn s15_the_gate_is_there_before_any_package_and_services_need_it() {
    let manifest = sample::site();
    for path in [
        "/usr/local/lib/holdfast/gate",
        "/etc/systemd/system/holdfast-gate.service",
        "/etc/holdfast/ports",
        "/etc/systemd/system/nginx.service.d/holdfast.conf",
    ] {
        let file = manifest
            .files
            .iter()
            .find(|file| file.path == path)
            .unwrap();
        assert_eq!(file.when, When::BeforePackages, "{path}");
    }
    assert_eq!(manifest.units[0], manifest::GATE_UNIT);
    assert_eq!(sample::text_of(&manifest, "/etc/holdfast/ports"), "80\n");
    assert_eq!(
        sample::text_of(&manifest, "/etc/holdfast/units"),
        "nginx.service\n"
    );
}

#[test]
fn two_services_may_declare_the_same_file_if_it_is_the_same() {
    let stack = sample::stack(vec![sample::service("one"), sample::service("two")]);
    let manifest = sample::production(&stack, sample::page()).unwrap();
    let same = manifest
        .files
        .iter()
        .filter(|file| file.path == "/etc/nginx/sites-enabled/default");
    assert_eq!(same.count(), 1);

    let mut differing = sample::page();
    differing.files[1].template = "# for {{ service.name }}\n".into();
    let error = sample::production(&stack, differing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "service one and service two both declare file /etc/nginx/sites-enabled/default, and not the same"
    );
}

#[test]
fn what_is_wrong_in_a_blueprint_is_named() {
    type Spoil = fn(&mut Blueprint);
    let cases: [(&str, Spoil, &str); 8] = [
        (
            "an undefined variable",
            |b| b.files[0].template = "a\n{{ settings.titel }}\n".into(),
            "service site, /etc/nginx/sites-enabled/site: line 2: undefined value",
        ),
        (
            "a path outside",
            |b| b.files[0].path = "/etc/../root/.ssh/authorized_keys".into(),
            "service site: path \"/etc/../root/.ssh/authorized_keys\" is not an absolute path without \"..\"",
        ),
        (
            "a package that is an option",
            |b| b.packages[0] = "-oDebug::NoLocking=1".into(),
            "service site: package \"-oDebug::NoLocking=1\" is not a Debian package name",
        ),
        (
            "a line break in a path",
            |b| b.state[0].path = "/srv/a\nunit\tx".into(),
            "service site: path \"/srv/a\\nunit\\tx\" is not an absolute path without \"..\"",
        ),
        (
            "a mode in letters",
            |b| b.files[0].mode = "u+rw".into(),
            "service site: mode \"u+rw\" is not four octal digits",
        ),
        (
            "a unit without suffix",
            |b| b.units[0] = "nginx".into(),
            "service site: unit \"nginx\" is not a systemd unit with its suffix",
        ),
        (
            "another operating system",
            |b| b.images.clear(),
            "service site: blueprint page does not run on debian-13",
        ),
        (
            "a password nobody makes",
            |b| b.databases[0].password = "pw".into(),
            "service site: database site wants the password pw, which is no secret of its blueprint",
        ),
    ];
    for (what, spoil, expected) in cases {
        let mut blueprint = sample::page();
        spoil(&mut blueprint);
        let stack = sample::stack(vec![sample::service("site")]);
        let error = sample::production(&stack, blueprint).unwrap_err();
        assert_eq!(error.to_string(), expected, "{what}");
    }
}

#[test]
fn all_of_the_catalogue_share_one_machine() {
    let (catalogue, findings) = catalogue(&embedded());
    assert!(findings.is_empty(), "{findings:?}");
    for (image, postgresql) in [("debian-12", 15), ("debian-13", 17)] {
        let services = ["mediawiki", "dokuwiki", "wordpress"].map(|id| {
            let mut service = sample::service(&format!("{id}-1"));
            service.blueprint = BlueprintId::new(id);
            service
        });
        let manifest = manifest::production(
            &sample::stack(services.to_vec()),
            &sample::estate(),
            &catalogue.blueprints,
            &sample::key(),
            &MachineName::new("acme-e1"),
            Epoch(1),
            &ImageName::new(image),
            &sample::access(),
        )
        .unwrap();
        let cluster = format!("postgresql@{postgresql}-main.service");
        let place = |unit: &str| {
            let found = manifest.units.iter().position(|u| u == unit);
            found.unwrap_or_else(|| panic!("no {unit} in {:?}", manifest.units))
        };
        // Databases come before what asks them, and are not behind the gate: the last backup
        // of a machine that was closed reads from them.
        for engine in [cluster.as_str(), "mariadb.service"] {
            assert!(place(engine) < place("nginx.service"));
            assert!(
                !manifest
                    .files
                    .iter()
                    .any(|f| f.path.contains(&format!("{engine}.d/")))
            );
        }
        assert!(manifest.packages.contains(&"mariadb-server".to_owned()));
        for file in &manifest.files {
            let text = file.content.expose_text().unwrap();
            assert!(!text.contains("{{"), "{} is not rendered", file.path);
        }
    }
}

#[test]
fn a_missing_blueprint_is_named() {
    let mut service = sample::service("site");
    service.blueprint = BlueprintId::new("pages");
    let error = sample::production(&sample::stack(vec![service]), sample::page()).unwrap_err();
    assert!(matches!(error, ManifestError::NoBlueprint { .. }));
}

#[test]
fn quoting_survives_the_other_side() {
    for text in ["", "plain", "it's", "a\\'b", "$(id) `id` \"x\"\nnext"] {
        let out = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {}", shell_quote(text))])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), text);
    }
    assert_eq!(php_quote(r"a\'b"), r"'a\\\'b'");
}

#[test]
fn a_backup_machine_knows_each_stack_by_a_stable_password_line() {
    let stacks = [StackId::new("zeta"), StackId::new("acme")];
    let address = "10.0.0.9".parse().unwrap();
    let machine = MachineName::new("backup-netcup");
    let make = || {
        manifest::backup(
            &sample::estate(),
            &machine,
            Epoch(1),
            stacks.iter().map(|stack| (stack, Way::Production)),
            &sample::key(),
            address,
            manifest::hashed,
        )
        .unwrap()
    };
    let manifest = make();
    assert_eq!(digest(&manifest), digest(&make()));
    let htpasswd = sample::text_of(&manifest, "/etc/holdfast/htpasswd");
    let (user, hash) = htpasswd.lines().next().unwrap().split_once(':').unwrap();
    assert_eq!(user, "acme");
    let password = sample::access().password;
    assert!(bcrypt::verify(password.expose(), hash).unwrap());
    let text = format!(
        "{:?}",
        manifest
            .files
            .iter()
            .map(|file| file.content.expose_text())
            .collect::<Vec<_>>()
    );
    let repository = sample::access().repository_password;
    assert!(
        !text.contains(repository.expose_text().unwrap()),
        "S10: it could read backups"
    );
}
