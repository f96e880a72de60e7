//! Plans in files: the published form, read strictly, written for nobody else.

use super::plan_world::{HETZNER, IONOS, World, acme};
use holdfast::decide::forecast::foresee;
use holdfast::decide::plan_file::{LIMIT, PlanFileError, read, write};
use holdfast::flow::plan_file;
use holdfast::model::plan::{Plan, plan_schema};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What a day may bring: the first one, a move, a lost machine, drift.
pub fn plans() -> Vec<Plan> {
    let first = World::before_the_first_day(acme(HETZNER));
    let mut moving = World::running(acme(HETZNER));
    moving.now_wants(acme(IONOS));
    let mut lost = World::running(acme(HETZNER));
    lost.lose("acme-e1");
    let mut unwell = World::running(acme(HETZNER));
    unwell.facts_mut("acme-e1").packages.remove("nginx");
    unwell.deaf.insert(
        super::plan_world::hoster("netcup"),
        super::plan_world::gap("hoster netcup"),
    );
    [first, moving, lost, unwell]
        .iter()
        .map(|world| {
            let mut plan = world.plan().plan().clone();
            foresee(&mut plan, &world.want.hosters, &world.past());
            plan
        })
        .collect()
}

/// Also for plans made elsewhere.
pub fn fits_the_schema(plan: &Plan) {
    let schema = serde_json::to_value(plan_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let plan = serde_json::to_value(plan).unwrap();
    let found: Vec<String> = validator
        .iter_errors(&plan)
        .map(|e| e.to_string())
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_published_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/plan.json");
    let made = serde_json::to_string_pretty(&plan_schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(
        there == made,
        "UPDATE=1 cargo test --test it plan_file writes it anew"
    );
}

#[test]
fn real_plans_fit_the_published_schema() {
    for plan in plans() {
        assert!(!plan.steps.is_empty() || !plan.held.is_empty());
        fits_the_schema(&plan);
    }
}

#[test]
fn the_schema_refuses_what_is_no_plan() {
    let schema = serde_json::to_value(plan_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let good = serde_json::to_value(&plans()[1]).unwrap();
    assert!(validator.is_valid(&good));
    for (pointer, wrong) in [
        ("/plan_schema", serde_json::json!(2)),
        ("/steps/0/effect", serde_json::json!("harmless")),
        ("/steps/0/kind", serde_json::json!("blow-up")),
        ("/basis/commit", serde_json::json!(7)),
    ] {
        let mut plan = good.clone();
        *plan.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&plan), "{pointer}");
    }
}

#[test]
fn a_plan_comes_back_as_it_was() {
    for plan in plans() {
        assert_eq!(read(&write(&plan).unwrap()).unwrap(), plan);
    }
}

#[test]
fn s05_nothing_in_a_plan_is_passed_over() {
    let good = serde_json::to_value(&plans()[1]).unwrap();
    for pointer in ["", "/basis", "/steps/0", "/steps/0/why", "/monthly_cost"] {
        let mut plan = good.clone();
        let at = plan.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        at.insert("surprise".into(), true.into());
        let error = read(&serde_json::to_vec(&plan).unwrap()).unwrap_err();
        let PlanFileError::Unknown { at } = error else {
            panic!("{error}")
        };
        assert_eq!(at, format!("{pointer}/surprise"));
    }
}

#[test]
fn what_is_no_plan_is_refused_in_words() {
    let good = serde_json::to_value(&plans()[0]).unwrap();
    let said = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert_eq!(said(b"{"), "the file is no plan");
    assert_eq!(
        said(b"[]"),
        "the file is no plan: it has no number plan_schema"
    );
    let mut newer = good.clone();
    newer["plan_schema"] = 2.into();
    let newer = serde_json::to_vec(&newer).unwrap();
    assert!(said(&newer).contains("schema 2"), "{}", said(&newer));
    let mut short = good;
    short.as_object_mut().unwrap().remove("held");
    assert_eq!(
        said(&serde_json::to_vec(&short).unwrap()),
        "the file is no plan"
    );
    assert!(said(&vec![b' '; LIMIT + 1]).contains("at most"));
    let deep = "[".repeat(100_000);
    assert_eq!(said(deep.as_bytes()), "the file is no plan");
}

#[test]
fn a_plan_file_is_its_owners_alone_and_replaces_plans_only() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let write = |path: &Path, plan: &Plan| plan_file::write(path, plan, elsewhere.path());
    let path = folder.path().join("plan.json");
    std::fs::write(&path, "").unwrap();
    write(&path, &plans()[1]).unwrap();
    let plan = &plans()[0];
    write(&path, plan).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(plan_file::read(&path).unwrap(), *plan);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing half-written is left");
    assert!(write(&folder.path().join("no/such/plan.json"), plan).is_err());
    // An older version's plan, and through a link.
    std::fs::write(&path, "{\"plan_schema\": 0}").unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("plan.json", &link).unwrap();
    write(&link, plan).unwrap();
    assert!(link.is_symlink());
    assert_eq!(plan_file::read(&path).unwrap(), *plan);
    std::fs::write(&path, "{\"my\": \"notes\"}").unwrap();
    for there in [&path, &link] {
        let refused = write(there, plan).unwrap_err().to_string();
        assert!(refused.contains("is no plan"), "{refused}");
    }
    assert!(write(folder.path(), plan).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"{\"my\": \"notes\"}");
}

#[test]
fn a_plan_is_not_written_among_the_files_of_the_estate() {
    let folder = tempfile::tempdir().unwrap();
    let estate = folder.path();
    for inner in ["stacks", ".git/refs"] {
        std::fs::create_dir_all(estate.join(inner)).unwrap();
    }
    std::fs::write(estate.join("trust.toml"), "").unwrap();
    for place in [
        "trust.toml",
        "new.toml",
        "stacks/acme.toml",
        ".git/refs/x",
        "stacks/../.git/x",
    ] {
        let refused = plan_file::write(&estate.join(place), &plans()[0], estate).unwrap_err();
        assert!(
            refused.to_string().contains("estate's own files"),
            "{refused}"
        );
    }
    assert_eq!(std::fs::read(estate.join("trust.toml")).unwrap(), b"");
    assert!(!estate.join("stacks/acme.toml").exists());
    plan_file::write(&estate.join("plan.json"), &plans()[0], estate).unwrap();
}
