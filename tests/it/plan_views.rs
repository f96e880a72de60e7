//! What people and scripts see of a plan.

use super::plan_world::{HETZNER, IONOS, World, acme, gap, hoster};
use holdfast::show::views::plan::human;

fn golden(name: &str, world: &World) {
    let shown = human(world.plan().plan());
    insta::with_settings!({ snapshot_path => "../golden", omit_expression => true }, {
        insta::assert_snapshot!(name, shown);
    });
}

#[test]
fn a_first_installation_reads_like_this() {
    golden("plan_install", &World::before_the_first_day(acme(HETZNER)));
}

#[test]
fn a_rebuild_reads_like_this() {
    let mut world = World::running(acme(HETZNER));
    world.lose("acme-e1");
    golden("plan_rebuild", &world);
}

#[test]
fn a_move_reads_like_this() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(IONOS));
    golden("plan_move", &world);
}

#[test]
fn drift_and_holds_read_like_this() {
    let mut world = World::running(acme(HETZNER));
    let facts = world.facts_mut("acme-e1");
    facts.packages.remove("nginx");
    facts.units.get_mut("nginx.service").unwrap().active = false;
    world.deaf.insert(hoster("netcup"), gap("hoster netcup"));
    golden("plan_drift", &world);
}

#[test]
fn the_json_form_has_what_scripts_rely_on() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(IONOS));
    let plan = serde_json::to_value(world.plan().plan()).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let mut top = keys(&plan);
    top.sort();
    assert_eq!(
        top,
        [
            "basis",
            "drift",
            "estimate",
            "gaps",
            "held",
            "monthly_cost",
            "not_observed",
            "plan_schema",
            "steps",
            "withheld"
        ]
    );
    assert_eq!(plan["plan_schema"], 1);
    let mut basis = keys(&plan["basis"]);
    basis.sort();
    assert_eq!(
        basis,
        [
            "at", "commit", "compared", "estate", "observed", "parts", "stacks"
        ]
    );
    let steps = plan["steps"].as_array().unwrap();
    assert!(!steps.is_empty());
    for step in steps {
        for key in ["id", "stack", "kind", "effect", "why", "after"] {
            assert!(step.get(key).is_some(), "no {key} in {step}");
        }
    }
    let fence = steps.iter().find(|s| s["kind"] == "fence").unwrap();
    assert_eq!(fence["id"], "acme.fence.acme-e1");
    assert_eq!(fence["stack"], "acme");
    assert_eq!(fence["effect"], "destructive");
    assert_eq!(fence["after"], serde_json::json!(["acme.check.acme-e2"]));
    assert_eq!(fence["why"]["place"]["file"], "stacks/acme.toml");
    let fetch = steps.iter().find(|s| s["kind"] == "fetch").unwrap();
    assert_eq!(
        fetch["source"],
        serde_json::json!({ "from": "step", "step": "acme.backup.acme-e1" })
    );
}

#[test]
fn the_same_world_gives_the_same_bytes() {
    let draw = || {
        let mut world = World::running(acme(HETZNER));
        world.lose("acme-e1");
        serde_json::to_string(world.plan().plan()).unwrap()
    };
    assert_eq!(draw(), draw());
}
