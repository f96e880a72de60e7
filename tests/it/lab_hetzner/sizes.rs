//! Another type for a server: what the document allows, and what the fleet makes of it.

use super::Lab;
use holdfast::lab::fleet::Power;
use holdfast::lab::hetzner::Fault;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn becomes(kind: &str, upgrade_disk: bool) -> Value {
    json!({"server_type": kind, "upgrade_disk": upgrade_disk})
}

/// Name of its type, and its disk in GB.
async fn size(lab: &Lab, id: i64) -> (String, i64) {
    let server = lab.server(id).await;
    let kind = server["server_type"]["name"].as_str().unwrap().to_owned();
    (kind, server["primary_disk_size"].as_i64().unwrap())
}

/// The code of the refusal.
async fn refused(lab: &Lab, id: i64, body: Value) -> (u16, String) {
    let path = format!("/servers/{id}/actions/change_type");
    let (status, answer) = lab.ask("POST", &path, body).await;
    (status, answer["error"]["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_server_that_is_off_gets_another_type_and_is_started() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    let first = lab.fleet.machine("web").unwrap().spec.size.unwrap();
    assert_eq!(
        (first.name.as_str(), first.cores, first.memory),
        ("cx23", 2, 4)
    );
    lab.act(id, "poweroff", Value::Null).await;
    let end = lab.act(id, "change_type", becomes("cx33", false)).await;
    assert_eq!(
        (&end["status"], &end["command"], &end["progress"]),
        (&json!("success"), &json!("change_server_type"), &json!(100))
    );
    assert_eq!(size(&lab, id).await, ("cx33".to_owned(), 40));
    assert_eq!(lab.server(id).await["status"], "running");
    let machine = lab.fleet.machine("web").unwrap();
    let now = machine.spec.size.unwrap();
    assert_eq!((now.name.as_str(), now.cores, now.memory), ("cx33", 4, 8));
    assert_eq!((machine.power, machine.disks), (Power::Running, 1));
}

#[tokio::test]
async fn a_type_can_be_taken_back_unless_the_disk_grew_with_it() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    for (kind, upgrade_disk, disk) in [("cx33", false, 40), ("cx23", false, 40), ("cx33", true, 80)]
    {
        lab.act(id, "poweroff", Value::Null).await;
        lab.act(id, "change_type", becomes(kind, upgrade_disk))
            .await;
        assert_eq!(size(&lab, id).await, (kind.to_owned(), disk));
    }
    lab.act(id, "poweroff", Value::Null).await;
    let refusal = refused(&lab, id, becomes("cx23", false)).await;
    assert_eq!(refusal, (422, "invalid_server_type".to_owned()));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_the_documented_code() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    let running = refused(&lab, id, becomes("cx33", false)).await;
    assert_eq!(running, (412, "server_not_stopped".to_owned()));
    lab.act(id, "poweroff", Value::Null).await;
    for (body, status, code) in [
        (becomes("cx23", false), 422, "invalid_server_type"),
        // Sold overseas only.
        (becomes("cpx31", false), 422, "invalid_server_type"),
        (becomes("cx99", false), 422, "invalid_input"),
        (json!({"server_type": "cx33"}), 422, "invalid_input"),
        (json!({"upgrade_disk": false}), 422, "invalid_input"),
    ] {
        let refusal = refused(&lab, id, body.clone()).await;
        assert_eq!(refusal, (status, code.to_owned()), "{body}");
    }
    assert_eq!(lab.server(id).await["status"], "off");
    assert_eq!(size(&lab, id).await.0, "cx23");
}

#[tokio::test]
async fn a_hoster_that_is_sold_out_has_no_other_type_either() {
    let full = Arc::new(AtomicBool::new(false));
    let sold_out = full.clone();
    let lab = Lab::with(move |config| {
        config.faults = Arc::new(move || sold_out.load(Ordering::SeqCst).then_some(Fault::Full));
    })
    .await;
    let id = lab.order("web").await;
    lab.act(id, "poweroff", Value::Null).await;
    full.store(true, Ordering::SeqCst);
    let refusal = refused(&lab, id, becomes("cx33", false)).await;
    assert_eq!(refusal, (412, "resource_unavailable".to_owned()));
    assert_eq!(
        lab.act(id, "poweron", Value::Null).await["status"],
        "success"
    );
}
