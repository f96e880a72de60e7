//! What is refused, and that it is refused with the documented status and code.

use super::{Lab, READ_ONLY, TOKEN, order_body, public_key};
use serde_json::{Value, json};

/// Method, path, body; status, code, fields named.
type Refusal<'a> = (&'a str, &'a str, Value, u16, &'a str, &'a [&'a str]);

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_the_documented_code() {
    let lab = Lab::with(|config| config.server_limit = 1).await;
    let id = lab.order("taken").await;
    let key = json!({"name": "me", "public_key": public_key(1)});
    lab.ask("POST", "/ssh_keys", key).await;
    let order = |more| order_body("new", more);
    let long = "x".repeat(32 * 1024 + 1);
    let one = format!("/servers/{id}");
    let rescue = format!("/servers/{id}/actions/enable_rescue");
    let console = format!("/servers/{id}/actions/request_console");
    let protect = format!("/servers/{id}/actions/change_protection");
    let rebuild = format!("/servers/{id}/actions/rebuild");
    let none = Value::Null;
    #[rustfmt::skip] // a table: a case a line
    let cases: Vec<Refusal> = vec![
        ("POST", "/servers", json!({}), 422, "invalid_input", &["name", "server_type", "image"]),
        ("POST", "/servers", json!([]), 400, "json_error", &[]),
        ("POST", "/servers", order_body("a_b", json!({})), 422, "invalid_input", &["name"]),
        ("POST", "/servers", order(json!({"server_type": "cx99"})), 422, "invalid_input", &["server_type"]),
        ("POST", "/servers", order(json!({"image": "debian-11"})), 422, "invalid_input", &["image"]),
        ("POST", "/servers", order(json!({"image": 7})), 422, "invalid_input", &["image"]),
        ("POST", "/servers", order(json!({"location": "mars"})), 422, "invalid_input", &["location"]),
        ("POST", "/servers", order(json!({"location": "sin"})), 422, "invalid_input", &["location"]),
        ("POST", "/servers", order(json!({"user_data": long})), 422, "invalid_input", &["user_data"]),
        ("POST", "/servers", order(json!({"labels": {"-a": "b"}})), 422, "invalid_input", &["labels"]),
        ("POST", "/servers", order(json!({"labels": {"a": "b c"}})), 422, "invalid_input", &["labels"]),
        ("POST", "/servers", order(json!({"labels": {"hetzner.cloud/a": "b"}})), 422, "invalid_input", &["labels"]),
        ("POST", "/servers", order(json!({"labels": ["a"]})), 422, "invalid_input", &["labels"]),
        ("POST", "/servers", order_body("", json!({})), 422, "invalid_input", &["name"]),
        ("POST", "/servers", order(json!({"image": "", "server_type": null})), 422, "invalid_input", &["server_type", "image"]),
        ("POST", "/servers", order(json!({"labels": {"a": "b c", "-": ""}})), 422, "invalid_input", &["labels"]),
        ("POST", "/ssh_keys", json!({"name": "", "public_key": ""}), 422, "invalid_input", &["name", "public_key"]),
        ("POST", "/servers", order(json!({"ssh_keys": "me"})), 422, "invalid_input", &["ssh_keys"]),
        ("POST", "/servers", order(json!({"start_after_create": "no"})), 422, "invalid_input", &["start_after_create"]),
        ("POST", "/servers", order(json!({"volumes": [1]})), 422, "unsupported_error", &[]),
        ("POST", "/servers", order(json!({"placement_group": 1})), 422, "unsupported_error", &[]),
        ("POST", "/servers", order(json!({"public_net": {"enable_ipv4": false}})), 422, "unsupported_error", &[]),
        ("POST", "/servers", order_body("taken", json!({})), 409, "uniqueness_error", &["name"]),
        ("POST", "/servers", order(json!({})), 403, "resource_limit_exceeded", &[]),
        ("PUT", &one, json!({"name": "a b"}), 422, "invalid_input", &["name"]),
        ("GET", "/servers/4711", none.clone(), 404, "not_found", &[]),
        ("GET", "/servers/x", none.clone(), 404, "not_found", &[]),
        ("DELETE", "/servers/4711", none.clone(), 404, "not_found", &[]),
        ("PATCH", "/servers", none.clone(), 405, "method_not_allowed", &[]),
        ("GET", "/volumes", none.clone(), 404, "not_found", &[]),
        ("GET", "/servers?label_selector=a%20of", none.clone(), 422, "invalid_input", &["label_selector"]),
        ("GET", "/servers?sort=colour", none.clone(), 422, "invalid_input", &["sort"]),
        ("GET", "/servers?page=0", none.clone(), 422, "invalid_input", &["page"]),
        ("GET", "/servers?per_page=many", none.clone(), 422, "invalid_input", &["per_page"]),
        ("GET", "/actions", none.clone(), 422, "invalid_input", &["id"]),
        ("GET", "/actions/4711", none.clone(), 404, "not_found", &[]),
        ("GET", "/images/4711", none.clone(), 404, "not_found", &[]),
        ("POST", &console, none.clone(), 422, "unsupported_error", &[]),
        ("POST", &rescue, json!({"type": "freebsd64"}), 422, "invalid_input", &["type"]),
        ("POST", &rescue, json!({"ssh_keys": "me"}), 422, "invalid_input", &["ssh_keys"]),
        ("POST", &rescue, json!({"ssh_keys": [4711]}), 404, "not_found", &[]),
        ("POST", &protect, json!({"delete": true}), 422, "invalid_input", &["rebuild"]),
        ("POST", &rebuild, json!({"image": "debian-1"}), 422, "invalid_input", &["image"]),
        ("POST", &rebuild, json!({}), 422, "invalid_input", &["image"]),
        ("POST", "/ssh_keys", json!({"name": "b", "public_key": "rsa"}), 422, "invalid_input", &["public_key"]),
        ("POST", "/ssh_keys", json!({"name": "b", "public_key": public_key(1)}), 409, "uniqueness_error", &["public_key"]),
        ("POST", "/ssh_keys", json!({"name": "me", "public_key": public_key(2)}), 409, "uniqueness_error", &["name"]),
        ("DELETE", "/ssh_keys/4711", none.clone(), 404, "not_found", &[]),
    ];
    for (method, path, body, status, code, fields) in cases {
        let shown = format!("{method} {path} {:.120}", body.to_string());
        let (found, answer) = lab.ask(method, path, body).await;
        let error = &answer["error"];
        assert_eq!(
            (found, &error["code"]),
            (status, &json!(code)),
            "{shown}: {answer}"
        );
        assert!(!error["message"].as_str().unwrap().is_empty(), "{shown}");
        let named = error["details"]["fields"].as_array().into_iter().flatten();
        let named: Vec<&str> = named.map(|f| f["name"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{shown}: {answer}");
    }
    assert_eq!(lab.fleet.names(), ["taken"], "a refusal made a machine");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_a_json_error() {
    let lab = Lab::start().await;
    let response = reqwest::Client::new()
        .post(format!("{}/servers", lab.endpoint))
        .bearer_auth(TOKEN)
        .body("{\"name\":")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "json_error");
}

#[tokio::test]
async fn an_unknown_ssh_key_is_named_in_the_refusal() {
    let lab = Lab::start().await;
    let body = order_body("new", json!({"ssh_keys": ["who"]}));
    let (status, answer) = lab.ask("POST", "/servers", body).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (422, &json!("invalid_input"))
    );
    assert_eq!(lab.get("/servers").await["servers"], json!([]));
}

#[tokio::test]
async fn a_token_is_needed_and_a_read_only_one_cannot_write() {
    let lab = Lab::start().await;
    let body = order_body("web", json!({}));
    for (token, method, body, status, code) in [
        ("", "GET", Value::Null, 401, "unauthorized"),
        ("wrong", "GET", Value::Null, 401, "unauthorized"),
        ("wrong", "POST", body.clone(), 401, "unauthorized"),
        (READ_ONLY, "POST", body, 401, "token_readonly"),
        (READ_ONLY, "GET", Value::Null, 200, ""),
    ] {
        let response = lab.send(token, method, "/servers", body).await;
        assert_eq!(response.status(), status, "{token:?} {method}");
        let correlation = response.headers()["x-correlation-id"].clone();
        assert_eq!(correlation.len(), 16);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["error"]["code"].as_str().unwrap_or(""), code);
    }
    assert_eq!(lab.fleet.names(), Vec::<String>::new());
}
