//! Power, rebuild, protection, deletion: what the interface says and the fleet does.

use super::{Lab, public_key};
use holdfast::lab::fleet::Power;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn power_actions_do_what_they_say() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    for (action, command, status) in [
        ("poweroff", "stop_server", "off"),
        ("poweroff", "stop_server", "off"),
        ("poweron", "start_server", "running"),
        ("poweron", "start_server", "running"),
        ("reset", "reset_server", "running"),
        ("reboot", "reboot_server", "running"),
    ] {
        let end = lab.act(id, action, Value::Null).await;
        assert_eq!(end["status"], "success", "{end}");
        assert_eq!(end["command"], command);
        assert_eq!(end["progress"], 100);
        assert_eq!(end["error"], Value::Null);
        assert_eq!(end["resources"], json!([{"id": id, "type": "server"}]));
        assert_eq!(lab.server(id).await["status"], status, "{action}");
    }
}

#[tokio::test]
async fn a_rescue_system_is_booted_once_with_the_keys_that_were_given() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    let key = json!({"name": "me", "public_key": public_key(1)});
    let (_, key) = lab.ask("POST", "/ssh_keys", key).await;
    let enable = format!("/servers/{id}/actions/enable_rescue");
    let asked = json!({"type": "linux64", "ssh_keys": [key["ssh_key"]["id"]]});
    let (status, body) = lab.ask("POST", &enable, asked.clone()).await;
    assert_eq!(
        (status, &body["action"]["command"]),
        (201, &json!("enable_rescue"))
    );
    assert!(body["root_password"].is_string(), "{body}");
    let server = lab.server(id).await;
    assert_eq!(
        (&server["rescue_enabled"], &server["status"]),
        (&json!(true), &json!("running"))
    );
    assert!(
        lab.fleet.rescued.lock().unwrap().is_empty(),
        "it starts nothing anew"
    );
    lab.act(id, "reset", Value::Null).await;
    assert_eq!(lab.fleet.rescued.lock().unwrap().len(), 1);
    let (name, keys) = lab.fleet.rescued.lock().unwrap()[0].clone();
    assert_eq!((name.as_str(), keys), ("web", vec![public_key(1)]));
    assert_eq!(lab.server(id).await["rescue_enabled"], false);
    // The next start is from the disk, and so it is where it was disabled.
    lab.act(id, "reset", Value::Null).await;
    lab.ask("POST", &enable, asked).await;
    lab.act(id, "disable_rescue", Value::Null).await;
    assert_eq!(lab.server(id).await["rescue_enabled"], false);
    lab.act(id, "reset", Value::Null).await;
    assert_eq!(lab.fleet.rescued.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_shutdown_is_sent_at_once_and_obeyed_later() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    lab.fleet.delay_ms.store(300, Ordering::SeqCst);
    let (_, body) = lab
        .ask(
            "POST",
            &format!("/servers/{id}/actions/shutdown"),
            Value::Null,
        )
        .await;
    assert_eq!(body["action"]["status"], "success");
    let server = lab.server(id).await;
    assert_eq!(
        (&server["status"], &server["locked"]),
        (&json!("stopping"), &json!(false))
    );
    for _ in 0..100 {
        if lab.server(id).await["status"] == "off" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never went down");
}

#[tokio::test]
async fn a_server_with_an_action_running_is_locked() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    lab.fleet.delay_ms.store(300, Ordering::SeqCst);
    let path = format!("/servers/{id}/actions/poweroff");
    let (_, body) = lab.ask("POST", &path, Value::Null).await;
    assert_eq!(body["action"]["status"], "running");
    let server = lab.server(id).await;
    assert_eq!(
        (&server["status"], &server["locked"]),
        (&json!("stopping"), &json!(true))
    );
    for (method, path) in [
        ("POST", format!("/servers/{id}/actions/poweron")),
        ("POST", format!("/servers/{id}/actions/shutdown")),
        ("DELETE", format!("/servers/{id}")),
    ] {
        let (status, refusal) = lab.ask(method, &path, Value::Null).await;
        assert_eq!(
            (status, &refusal["error"]["code"]),
            (423, &json!("locked")),
            "{path}"
        );
    }
    assert_eq!(lab.wait(&body["action"]).await["status"], "success");
    assert_eq!(lab.server(id).await["locked"], false);
}

#[tokio::test]
async fn a_destroyed_machine_is_off_and_cannot_be_started() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    lab.fleet.destroy("web");
    assert_eq!(lab.server(id).await["status"], "off");
    let end = lab.act(id, "poweron", Value::Null).await;
    assert_eq!(
        (&end["status"], &end["error"]["code"]),
        (&json!("error"), &json!("server_error"))
    );
    assert!(end["error"]["message"].as_str().unwrap().contains("disk"));
    // Fencing it must still be possible: it certainly does not run.
    assert_eq!(
        lab.act(id, "poweroff", Value::Null).await["status"],
        "success"
    );
    assert_eq!(lab.server(id).await["status"], "off");
}

#[tokio::test]
async fn power_that_cannot_be_found_out_is_unknown_and_never_off() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    lab.fleet.power_is_unknown.store(true, Ordering::SeqCst);
    assert_eq!(lab.server(id).await["status"], "unknown");
    assert_eq!(lab.get("/servers?status=off").await["servers"], json!([]));
}

#[tokio::test]
async fn protection_keeps_a_server_from_deletion_and_rebuild() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    let protect = |on: bool| json!({"delete": on, "rebuild": on});
    lab.act(id, "change_protection", protect(true)).await;
    assert_eq!(lab.server(id).await["protection"], protect(true));
    for (method, path) in [
        ("DELETE", format!("/servers/{id}")),
        ("POST", format!("/servers/{id}/actions/rebuild")),
    ] {
        let (status, refusal) = lab.ask(method, &path, json!({"image": "debian-12"})).await;
        assert_eq!(
            (status, &refusal["error"]["code"]),
            (423, &json!("protected")),
            "{path}"
        );
    }
    assert_eq!(lab.fleet.machine("web").unwrap().disks, 1);
    lab.act(id, "change_protection", protect(false)).await;

    let end = lab.act(id, "rebuild", json!({"image": "debian-12"})).await;
    assert_eq!(end["status"], "success");
    let machine = lab.fleet.machine("web").unwrap();
    assert_eq!((machine.disks, machine.power), (2, Power::Running));
    assert_eq!(machine.spec.image, "debian-12");
    assert_eq!(lab.server(id).await["image"]["name"], "debian-12");

    let (status, body) = lab
        .ask("DELETE", &format!("/servers/{id}"), Value::Null)
        .await;
    assert_eq!(status, 200);
    assert_eq!(lab.wait(&body["action"]).await["status"], "success");
    let (status, _) = lab.ask("GET", &format!("/servers/{id}"), Value::Null).await;
    assert_eq!(status, 404);
    assert_eq!(lab.fleet.names(), Vec::<String>::new());
}
