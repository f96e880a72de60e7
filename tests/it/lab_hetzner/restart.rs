//! What outlives the process, and what a crash cuts off.

use super::{Lab, TOKEN, order_body, public_key};
use holdfast::lab::hetzner::{ApiConfig, StateError, router};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn servers_keys_and_actions_outlive_a_restart() {
    let lab = Lab::start().await;
    let key = json!({"name": "me", "public_key": public_key(1)});
    lab.ask("POST", "/ssh_keys", key).await;
    let secret = json!({"labels": {"a": "b"}, "user_data": "#cloud-config\n# secret\n"});
    let id = lab.order_with("web", secret).await;
    let before = (lab.server(id).await, lab.get("/ssh_keys").await);
    let actions = lab.get(&format!("/servers/{id}/actions")).await;
    let state = std::fs::read_to_string(lab.folder.path().join("hetzner.json")).unwrap();
    assert!(!state.contains("secret"), "user_data is in the state file");

    let lab = lab.restart().await;
    let after = (lab.server(id).await, lab.get("/ssh_keys").await);
    assert_eq!(before, after);
    assert_eq!(lab.get(&format!("/servers/{id}/actions")).await, actions);
    assert!(lab.order("next").await > id, "an id was used twice");
}

#[tokio::test]
async fn an_action_cut_off_by_a_crash_has_failed_and_the_server_is_free_again() {
    let lab = Lab::start().await;
    let id = lab.order("web").await;
    lab.fleet.delay_ms.store(60_000, Ordering::SeqCst);
    let path = format!("/servers/{id}/actions/poweroff");
    let (_, body) = lab.ask("POST", &path, Value::Null).await;
    assert_eq!(body["action"]["status"], "running");

    lab.fleet.delay_ms.store(0, Ordering::SeqCst);
    let lab = lab.restart().await;
    let end = lab.wait(&body["action"]).await;
    assert_eq!(
        (&end["status"], &end["error"]["code"]),
        (&json!("error"), &json!("server_error"))
    );
    let server = lab.server(id).await;
    assert_eq!(
        (&server["locked"], &server["status"]),
        (&json!(false), &json!("running"))
    );
}

#[tokio::test]
async fn an_order_cut_off_by_a_crash_is_cleared_away() {
    let lab = Lab::with(|config| config.address_within = Duration::from_millis(1)).await;
    lab.fleet.delay_ms.store(60_000, Ordering::SeqCst);
    let (_, body) = lab
        .ask("POST", "/servers", order_body("web", json!({})))
        .await;
    assert_eq!(body["server"]["status"], "initializing");

    lab.fleet.delay_ms.store(0, Ordering::SeqCst);
    let lab = lab.restart().await;
    assert_eq!(lab.wait(&body["action"]).await["status"], "error");
    for _ in 0..100 {
        if lab.get("/servers").await["servers"] == json!([]) {
            lab.order("web").await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the half-made server stays");
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hetzner.json");
    for (text, expected) in [
        ("{\"version\": 1, \"ser", "format"),
        ("", "format"),
        (
            r#"{"version":9,"last_id":0,"servers":{},"ssh_keys":{},"actions":{}}"#,
            "version",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let fleet = Arc::<super::MemoryFleet>::default();
        let error = router(fleet, ApiConfig::new(TOKEN, &path)).err().unwrap();
        let kind = match error {
            StateError::Format { .. } => "format",
            StateError::Version { .. } => "version",
            _ => "other",
        };
        assert_eq!(kind, expected, "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
