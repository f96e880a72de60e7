//! The exit kit: what lies open, what is sealed, what the runbook says.

use crate::sample;
use holdfast::decide::derive::EstateKey;
use holdfast::decide::exit_kit::{Kit, Rendered, Source, archive, kit};
use holdfast::decide::manifest::services_alone;
use holdfast::flow::exit_kit::{ExitKitError, Secrets, write};
use holdfast::model::blueprint::{Blueprint, CheckKind};
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::ids::{CommitId, Epoch, ImageName, MachineName, PointId, StackId};
use holdfast::model::point::{RecoveryPoint, Rung, SCHEMA};
use holdfast::model::secret::Secret;
use holdfast::model::units::Bytes;
use holdfast::show::runbook;
use holdfast::world::backup::BY_HAND;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn source_of(blueprint: Blueprint) -> Source {
    let mut stack = sample::stack(vec![sample::service("site")]);
    stack.contacts = vec!["tel:+49-30-5550100".into()];
    let blueprints = BTreeMap::from([(blueprint.id.clone(), blueprint)]);
    let image = ImageName::new("debian-13");
    let render = |key: &EstateKey| services_alone(&stack, &blueprints, key, &image).unwrap();
    let point = RecoveryPoint {
        id: PointId::new("4e81af24".repeat(8)),
        stack: StackId::new("acme"),
        epoch: Epoch(1),
        taken_at: "2026-03-01T02:30:00Z".parse().unwrap(),
        bytes: Bytes(2_000_000),
        rung: Rung::Restored,
        arrived_at: None,
        evidence: Vec::new(),
        damaged: None,
        aside: false,
        cold: false,
        schema: SCHEMA,
    };
    Source {
        estate: sample::estate(),
        commit: CommitId::new("c0ffee"),
        at: "2026-03-02T12:00:00Z".parse().unwrap(),
        holdfast: "1.2.3".into(),
        hosters: BTreeMap::new(),
        images: BTreeMap::from([(
            image.clone(),
            Rendered {
                real: render(&sample::key()),
                blank: render(&EstateKey::placeholder()),
            },
        )]),
        vault: MachineName::new("backup-netcup"),
        access: Some(sample::access()),
        repository_password: Secret::new("open sesame"),
        production: None,
        points: Ok(vec![point]),
        dns: None,
        recipients: vec!["age1escrow".into()],
        stack,
    }
}

fn source() -> Source {
    source_of(sample::page())
}

fn made(source: &Source) -> Kit {
    kit(source, &BY_HAND)
}

fn book(source: &Source) -> String {
    let files = runbook::files(source, &made(source), "exit-kit-acme", true);
    String::from_utf8(files["runbook.md"].clone()).unwrap()
}

#[test]
fn the_same_estate_gives_the_same_kit() {
    let (one, two) = (made(&source()), made(&source()));
    assert_eq!(one.plain, two.plain);
    let bytes = |kit: &Kit| archive(&kit.sealed).unwrap().expose().to_vec();
    assert_eq!(bytes(&one), bytes(&two));
    assert_eq!(
        runbook::files(&source(), &one, "exit-kit-acme", true),
        runbook::files(&source(), &two, "exit-kit-acme", true)
    );
}

#[test]
fn s13_whatever_depends_on_the_key_is_sealed_however_a_template_wrote_it() {
    let mut page = sample::page();
    // Readable by everybody on the machine, and no longer the password as it was derived.
    page.files[0].template = "{{ secrets.db_password | upper | reverse }}".into();
    page.checks[0].kind = CheckKind::Http {
        path: "/?token={{ secrets.db_password | lower }}".into(),
        status: 200,
        contains: None,
    };
    let source = source_of(page);
    let kit = made(&source);
    for path in [
        "debian-13/root/etc/nginx/sites-enabled/site",
        "debian-13/checks",
        "debian-13/passwords",
        "debian-13/root/etc/page/site.conf",
        "debian-13/root/etc/holdfast/services/site.env",
        "repository",
        "repository-password",
    ] {
        assert!(kit.sealed.contains_key(path), "{path}");
        assert!(!kit.plain.contains_key(&format!("data/{path}")), "{path}");
    }
    assert!(kit.plain.contains_key("data/debian-13/packages"));
    let password = source.images[&ImageName::new("debian-13")].real.services[0].databases[0]
        .password
        .expose_text()
        .unwrap()
        .to_owned();
    let mut plain = kit.plain.clone();
    plain.extend(runbook::files(&source, &kit, "exit-kit-acme", true));
    for (path, content) in &plain {
        let text = String::from_utf8_lossy(content).to_lowercase();
        for form in [&password, &password.chars().rev().collect::<String>()] {
            assert!(!text.contains(&form.to_lowercase()), "{path}");
        }
        assert!(!text.contains("open sesame"), "{path}");
    }
}

#[test]
fn the_first_page_says_what_the_kit_is_and_whom_to_call() {
    let book = book(&source());
    for expected in [
        "Acme & Sons",
        "`c0ffee`",
        "2026-03-02 12:00 UTC",
        "Holdfast 1.2.3",
        "tel:+49-30-5550100",
        "`age1escrow`",
        "| `4e81af24` | 2026-03-01 02:30:00 | 1d 9h |",
        "`site.acme.example`",
    ] {
        assert!(book.contains(expected), "{expected}\n{book}");
    }
}

#[test]
fn s01_what_could_not_be_seen_is_unknown_in_the_kit_and_never_none() {
    let mut source = source();
    source.access = None;
    source.points = Err(Gap::new(
        GapKind::Unreachable,
        "recovery points of acme",
        "silence",
    ));
    let book = book(&source);
    assert!(
        book.contains("unknown: not reachable when this kit was made"),
        "{book}"
    );
    assert!(book.contains("they could not be listed then"), "{book}");
    assert!(!book.contains("There were none"), "{book}");
    assert!(!made(&source).sealed.contains_key("repository"));
    source.points = Ok(Vec::new());
    assert!(self::book(&source).contains("There were none"));
}

#[test]
fn the_runbook_speaks_the_language_of_the_stack() {
    let mut source = source();
    source.stack.language = "de".into();
    let book = book(&source);
    assert!(book.contains("# Notfallmappe: Acme & Sons"), "{book}");
    assert!(book.contains("## 4. Die Dateien zurückbringen"), "{book}");
    assert_eq!(book.matches("```sh\n").count(), 9);
}

#[test]
fn a_customers_name_is_a_text_and_no_markup() {
    let mut source = source();
    source.stack.name = "<script>alert(1)</script> `rm -rf` *&co*".into();
    let files = runbook::files(&source, &made(&source), "exit-kit-acme", true);
    let html = String::from_utf8(files["runbook.html"].clone()).unwrap();
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&lt;script&gt;"), "{html}");
    assert!(!html.contains("src=") && !html.contains("href="), "{html}");
}

#[test]
fn every_script_of_the_kit_is_one_that_sh_reads() {
    for (path, content) in made(&source()).plain {
        if path.rsplit('.').next() != Some("sh") {
            continue;
        }
        let mut sh = Command::new("sh")
            .arg("-n")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        sh.stdin.take().unwrap().write_all(&content).unwrap();
        assert!(sh.wait().unwrap().success(), "{path}");
    }
}

/// Writes a kit for a key of its own.
fn written(out: &Path, secrets: Secrets) -> Result<(), ExitKitError> {
    let mut source = source();
    let escrow = age::x25519::Identity::generate().to_public().to_string();
    source.recipients = vec![escrow];
    let kit = made(&source);
    let runbook = runbook::files(&source, &kit, "exit-kit-acme", secrets == Secrets::Sealed);
    write(out, &source, &kit, runbook, secrets)
}

#[test]
fn s13_secrets_in_the_open_are_never_written_where_git_would_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("estate");
    std::fs::create_dir_all(tree.join(".git")).unwrap();
    std::os::unix::fs::symlink(&tree, folder.path().join("link")).unwrap();
    for inside in [
        "estate/kit",
        "estate/a/b/kit",
        "safe/../estate/kit",
        "link/kit",
    ] {
        std::fs::create_dir_all(folder.path().join("safe")).unwrap();
        let out = folder.path().join(inside);
        let error = written(&out, Secrets::Plain).unwrap_err();
        assert!(matches!(error, ExitKitError::Committable { .. }), "{error}");
        assert!(error.to_string().contains("--out DIR"), "{error}");
    }
    let there: Vec<_> = std::fs::read_dir(&tree).unwrap().collect();
    assert_eq!(there.len(), 1, "{there:?}");
    written(&folder.path().join("safe/kit"), Secrets::Plain).unwrap();
    assert!(folder.path().join("safe/kit/secrets").is_dir());
}

#[test]
fn a_kit_is_never_committed_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let ran = Command::new("git")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    git(&["init", "-q"]);
    let kit = folder.path().join("exit-kit-acme");
    written(&kit, Secrets::Sealed).unwrap();
    assert!(kit.join("secrets.tar.age").exists());
    assert_eq!(git(&["status", "--porcelain"]), "");
    written(&kit, Secrets::Sealed).unwrap();
}

#[test]
fn a_path_that_no_archive_takes_is_named() {
    let long = format!("debian-13/{}", "x".repeat(101));
    let files = BTreeMap::from([(long.clone(), Secret::new("x"))]);
    assert_eq!(archive(&files).unwrap_err(), long);
    let deep = format!("{}/{}", "y".repeat(150), "x".repeat(99));
    let files = BTreeMap::from([(deep, Secret::new("x"))]);
    assert_eq!(archive(&files).unwrap().expose().len(), 4 * 512);
}

#[test]
fn s11_a_kit_knows_which_points_were_proven_and_lists_the_newest_first() {
    let mut source = source();
    let point = source.points.as_ref().unwrap()[0].clone();
    let other = |letter: &str, change: fn(&mut RecoveryPoint)| {
        let mut other = point.clone();
        other.id = PointId::new(letter.repeat(64));
        change(&mut other);
        other
    };
    source.points = Ok(vec![
        other("a", |p| p.epoch = Epoch(999)),
        point.clone(),
        other("b", |p| {
            p.taken_at = "2026-03-01T03:00:00Z".parse().unwrap();
        }),
        other("c", |p| p.rung = Rung::Taken),
        other("d", |p| p.damaged = Some("a pack is gone".into())),
    ]);
    let listed = String::from_utf8(made(&source).plain["data/points"].clone()).unwrap();
    let ids: Vec<&str> = listed.lines().map(|line| &line[..8]).collect();
    assert_eq!(ids, ["aaaaaaaa", "bbbbbbbb", "4e81af24"]);
    assert!(
        listed.ends_with("\t2026-03-01 02:30:00 UTC\trestored\n"),
        "{listed}"
    );
    assert!(book(&source).contains("| damaged |"));
    source.points = Err(Gap::unasked("recovery points of acme"));
    assert_eq!(made(&source).plain["data/points"], b"");
}

fn by_hand(name: &str) -> &'static str {
    let (_, text) = BY_HAND.iter().find(|(known, _)| *known == name).unwrap();
    text
}

#[test]
fn dumps_that_an_earlier_program_wrote_get_the_places_of_today() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path();
    let older = by_hand("older.sh");
    let looked_at = |manifest: &str| {
        std::fs::write(dir.join("manifest.json"), manifest).unwrap();
        let script = format!(
            "set -eu\n{older}\ncd \"$1\"\nas_today manifest.json \"$1\"\n\
             known_schema \"$(jq .schema manifest.json)\" || echo newer\n\
             jq -r \"$dumps_of\"'dumps | .engine, .place' manifest.json\n\
             find databases roles* -type f | sort\n"
        );
        let mut shell = Command::new("sh");
        let ran = shell.args(["-c", &script, "sh"]).arg(dir).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    std::fs::create_dir_all(dir.join("databases/notes")).unwrap();
    std::fs::write(dir.join("databases/notes/toc.dat"), "").unwrap();
    std::fs::write(dir.join("roles.sql"), "").unwrap();
    let services = r#""services":{"notes":{"databases":{"notes":{}}}}"#;
    assert_eq!(
        looked_at(&format!(r#"{{"schema":1,{services}}}"#)),
        "postgresql\nnotes\n\
         databases/postgresql/notes/toc.dat\nroles/postgresql/roles.sql\n"
    );
    let services = services.replace("{}", r#"{"engine":"mariadb"}"#);
    let moved = "databases/postgresql/notes/toc.dat\nroles/postgresql/roles.sql\n";
    assert_eq!(
        looked_at(&format!(r#"{{"schema":2,{services}}}"#)),
        format!("mariadb\nmariadb/notes\n{moved}")
    );
    assert_eq!(
        looked_at(&format!(r#"{{"schema":3,{services}}}"#)),
        format!("newer\nmariadb\nmariadb/notes\n{moved}")
    );
}

#[test]
fn owners_are_given_again_where_an_earlier_run_had_moved_everything() {
    let place = by_hand("place.sh");
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path();
    std::fs::write(dir.join("files"), "site\t/srv/moved\n").unwrap();
    std::fs::write(dir.join("renumbered"), "user 33 34\n").unwrap();
    let script = format!(
        "set -eu\ntab=$(printf '\\t')\nscratch=$1\ntarget=$1/fetched\n\
         trouble() {{ echo \"$2\"; exit 1; }}\n{place}\nrenumber\n"
    );
    let ran = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(dir)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
}
