//! What points hold at a path, as the backup machine tells it.

use async_trait::async_trait;
use holdfast::model::gap::GapKind;
use holdfast::model::ids::{MachineName, PointId, StackId};
use holdfast::model::secret::Secret;
use holdfast::world::backup::at_path;
use holdfast::world::machine::{Contact, MachineError, Script, Transport};
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
