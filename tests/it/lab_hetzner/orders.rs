//! Orders: what reaches the fleet, and what is left when it cannot.

use super::{Lab, order_body, public_key};
use holdfast::lab::fleet::Power;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn an_order_becomes_a_running_machine_with_its_keys_and_user_data() {
    let lab = Lab::start().await;
    let key = json!({"name": "me", "public_key": public_key(1)});
    let (_, key) = lab.ask("POST", "/ssh_keys", key).await;
    let more = json!({
        "ssh_keys": ["me"],
        "user_data": "#cloud-config\n",
        "labels": {"app": "wiki"},
        "location": "nbg1",
        "public_net": {"enable_ipv4": true, "enable_ipv6": false},
        "volumes": [],
    });
    let (status, body) = lab.ask("POST", "/servers", order_body("web-1", more)).await;
    assert_eq!((status, &body["root_password"]), (201, &Value::Null));
    assert_eq!(body["action"]["command"], "create_server");
    assert_eq!(body["next_actions"][0]["command"], "start_server");
    assert_eq!(body["server"]["public_net"]["ipv4"]["ip"], "10.0.0.10");
    lab.wait(&body["next_actions"][0]).await;

    let server = lab.server(body["server"]["id"].as_i64().unwrap()).await;
    assert_eq!(server["status"], "running");
    assert_eq!(server["locked"], false);
    assert_eq!(server["location"]["name"], "nbg1");
    assert_eq!(server["labels"], json!({"app": "wiki"}));
    let machine = lab.fleet.machine("web-1").unwrap();
    assert_eq!(machine.power, Power::Running);
    assert_eq!(machine.spec.hoster, "hetzner");
    assert_eq!(machine.spec.image, "debian-13");
    assert_eq!(machine.spec.user_data, "#cloud-config\n");
    assert_eq!(machine.spec.authorized_keys, [public_key(1)]);
    assert_eq!(key["ssh_key"]["fingerprint"].as_str().unwrap().len(), 47);
}

#[tokio::test]
async fn an_order_without_start_stays_off() {
    let lab = Lab::start().await;
    let id = lab
        .order_with("cold", json!({"start_after_create": false}))
        .await;
    assert_eq!(lab.server(id).await["status"], "off");
    assert_eq!(lab.fleet.machine("cold").unwrap().power, Power::Off);
}

#[tokio::test]
async fn a_root_password_is_given_and_set_only_where_nothing_else_lets_one_in() {
    let lab = Lab::start().await;
    let (_, bare) = lab
        .ask("POST", "/servers", order_body("bare", json!({})))
        .await;
    let password = bare["root_password"].as_str().unwrap();
    lab.wait(&bare["action"]).await;
    let user_data = lab.fleet.machine("bare").unwrap().spec.user_data;
    assert!(user_data.contains(password), "{user_data}");
    let more = json!({"user_data": "#cloud-config\n"});
    let (_, own) = lab.ask("POST", "/servers", order_body("own", more)).await;
    assert_eq!(own["root_password"], Value::Null);
}

#[tokio::test]
async fn a_full_subnet_is_a_refusal_that_leaves_nothing_behind() {
    let lab = Lab::start().await;
    lab.fleet.room.store(1, Ordering::SeqCst);
    lab.order("last").await;
    let (_, again) = lab
        .ask("POST", "/servers", order_body("last", json!({})))
        .await;
    assert_eq!(again["error"]["code"], "uniqueness_error");
    for lies in [false, true] {
        lab.fleet.lies_about_room.store(lies, Ordering::SeqCst);
        let (status, body) = lab
            .ask("POST", "/servers", order_body("more", json!({})))
            .await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (412, &json!("resource_unavailable"))
        );
        let servers = lab.get("/servers").await;
        assert_eq!(servers["servers"].as_array().unwrap().len(), 1, "{servers}");
        let types = lab.get("/server_types?name=cx23").await;
        let location = &types["server_types"][0]["locations"][0];
        assert_eq!(location["available"], lies, "{location}");
    }
}

#[tokio::test]
async fn an_order_that_fails_after_its_answer_says_so_in_its_action() {
    let lab = Lab::with(|config| config.address_within = Duration::from_millis(1)).await;
    lab.fleet.delay_ms.store(100, Ordering::SeqCst);
    lab.fleet.lies_about_room.store(true, Ordering::SeqCst);
    lab.fleet.room.store(0, Ordering::SeqCst);
    let (status, body) = lab
        .ask("POST", "/servers", order_body("late", json!({})))
        .await;
    assert_eq!(
        (status, &body["server"]["status"]),
        (201, &json!("initializing"))
    );
    assert_eq!(body["server"]["public_net"]["ipv4"], Value::Null);
    assert_eq!(body["server"]["locked"], true);
    for action in [&body["action"], &body["next_actions"][0]] {
        let end = lab.wait(action).await;
        assert_eq!(end["error"]["code"], "placement_error", "{end}");
        assert_ne!(end["progress"], 100);
    }
    assert_eq!(lab.get("/servers").await["servers"], json!([]));
}

#[tokio::test]
async fn a_machine_that_cannot_be_made_leaves_no_server() {
    let lab = Lab::start().await;
    lab.fleet.create_fails.store(true, Ordering::SeqCst);
    let (status, body) = lab
        .ask("POST", "/servers", order_body("web", json!({})))
        .await;
    assert_eq!(status, 201);
    let end = lab.wait(&body["action"]).await;
    assert_eq!(end["error"]["code"], "server_error");
    assert!(
        end["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no space left")
    );
    assert_eq!(lab.get("/servers").await["servers"], json!([]));
    lab.fleet.create_fails.store(false, Ordering::SeqCst);
    lab.order("web").await;
}

#[tokio::test]
async fn a_machine_keeps_its_name_and_never_takes_another_ones() {
    let lab = Lab::start().await;
    lab.fleet.add_foreign("backup");
    let first = lab.order("web").await;
    let (status, body) = lab
        .ask(
            "PUT",
            &format!("/servers/{first}"),
            json!({"name": "old", "labels": {"a": ""}}),
        )
        .await;
    assert_eq!((status, &body["server"]["name"]), (200, &json!("old")));
    assert_eq!(body["server"]["labels"], json!({"a": ""}));
    let second = lab.order("web").await;
    let third = lab.order("backup").await;
    let fourth = lab.order("db.example.com").await;
    let mut expected = vec!["backup".to_owned(), "web".to_owned()];
    expected.extend([second, third, fourth].map(|id| format!("server-{id}")));
    expected.sort();
    assert_eq!(lab.fleet.names(), expected);
    lab.ask("DELETE", &format!("/servers/{third}"), Value::Null)
        .await;
    assert!(lab.fleet.machine("backup").is_some());
}
