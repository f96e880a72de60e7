//! What points hold at a path, as the backup machine tells it.

use super::plan_world::{HETZNER, acme};
use async_trait::async_trait;
use holdfast::decide::moment::{moment, written};
use holdfast::decide::only::not_sound;
use holdfast::flow::part::lies_in;
use holdfast::model::gap::GapKind;
use holdfast::model::ids::{MachineName, PointId, StackId};
use holdfast::model::secret::Secret;
use holdfast::world::backup::at_path;
use holdfast::world::machine::{Contact, MachineError, Script, Transport};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// A backup machine that says this.
struct Says(Vec<Value>);

#[async_trait]
impl Transport for Says {
    async fn run(&self, _: &Contact, _: Script, _: &Secret) -> Result<Vec<Value>, MachineError> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn s01_a_point_that_cannot_be_read_is_a_gap_and_hides_no_other() {
    let says = Says(vec![
        json!({ "at_path": { "point": "a", "gap": { "code": "restic-failed", "reason": "a pack is gone" } } }),
        json!({ "at_path": { "point": "b", "here": null, "inside": 0, "entries": [] } }),
        json!({ "done": true }),
    ]);
    let contact = Contact {
        machine: MachineName::new("backup-netcup"),
        address: "192.0.2.1".parse().unwrap(),
        port: 22,
        host_key: "ssh-ed25519 AAAA".into(),
    };
    let points = ["a", "b"].map(PointId::new);
    let told = at_path(
        &says,
        &contact,
        &StackId::new("acme"),
        &Secret::new("x"),
        "/srv/x",
        &points,
    )
    .await
    .unwrap();
    let gap = told[&points[0]].as_ref().unwrap_err();
    assert_eq!(gap.kind, GapKind::Unreadable);
    assert_eq!(gap.to_string(), "point a: a pack is gone");
    assert_eq!(told[&points[1]].as_ref().unwrap().here, None);
}

#[test]
fn the_time_of_a_point_is_written_as_at_takes_it() {
    let vienna = TimeZone::get("Europe/Vienna").unwrap();
    for (taken, text) in [
        ("2026-11-20T14:05:33Z", "2026-11-20T14:05:33Z"),
        ("2026-11-20T14:05:33.2Z", "2026-11-20T14:05:34Z"),
    ] {
        let taken: Timestamp = taken.parse().unwrap();
        assert_eq!(written(taken), text);
        // Whatever the zone of the schedule, the point itself counts.
        assert!(moment(text, &vienna).unwrap() >= taken);
    }
}

#[test]
fn only_what_is_declared_is_offered() {
    assert!(lies_in("/var/lib/wiki/images", "/var/lib/wiki"));
    assert!(lies_in("/var/lib/wiki", "/var/lib/wiki"));
    assert!(lies_in("/var/lib", "/"));
    assert!(!lies_in("/var/lib", "/var/lib/wiki"));
    assert!(!lies_in("/var/lib/wikis", "/var/lib/wiki"));
}

#[test]
fn an_unknown_stack_is_told_with_those_there_are() {
    let want = acme(HETZNER);
    assert_eq!(
        not_sound(&want, &StackId::new("acem")),
        "the estate has no stack \"acem\"; did you mean `acme`?"
    );
    let other = not_sound(&want, &StackId::new("zebra-gardens"));
    assert!(other.ends_with("known here: acme"), "{other}");
}
