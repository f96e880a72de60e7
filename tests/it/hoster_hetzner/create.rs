//! Making a machine: once, whatever happens on the way (S6, S7).

use super::*;

#[tokio::test]
async fn a_machine_is_made_with_its_label_and_its_first_contact() {
    let server = MockServer::start().await;
    get("/servers").respond_with(all(&[])).mount(&server).await;
    post("/servers")
        .and(body_partial_json(json!({
            "name": "acme-e1", "image": "debian-13", "server_type": "cx22", "location": "nbg1",
            "user_data": "#cloud-config\n", "start_after_create": true,
            "labels": {
                "holdfast.estate": "demo", "holdfast.stack": "acme", "holdfast.step": "s1",
                "holdfast.role": "production", "holdfast.epoch": "1", "holdfast.state": "active",
            },
        })))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({
            "server": ours(7, "acme-e1", "initializing"), "root_password": null,
            "action": action(1, "running"), "next_actions": [action(2, "running")],
        })))
        .expect(1)
        .mount(&server)
        .await;
    get("/actions")
        .and(query_param("id", "1"))
        .respond_with(in_turn(vec![
            ResponseTemplate::new(200)
                .set_body_json(json!({"actions": [action(1, "running"), action(2, "running")]})),
            error(502, "bad_gateway"),
            ResponseTemplate::new(200)
                .set_body_json(json!({"actions": [action(1, "success"), action(2, "success")]})),
        ]))
        .mount(&server)
        .await;
    get("/servers/7")
        .respond_with(in_turn(
            ["starting", "running"]
                .map(|s| {
                    ResponseTemplate::new(200)
                        .set_body_json(json!({"server": ours(7, "acme-e1", s)}))
                })
                .to_vec(),
        ))
        .mount(&server)
        .await;
    let receipt = done(perform(&server, &create()).await);
    assert_eq!(receipt.provider_id, "7");
    assert_eq!(receipt.address.unwrap().to_string(), "10.0.0.7");
    assert_eq!(receipt.port, Some(22));
}

/// A list that is empty until somebody has posted.
async fn empty_until_posted(server: &MockServer, then: Value) {
    let posted = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&posted);
    get("/servers")
        .respond_with(move |_: &Request| {
            if seen.load(std::sync::atomic::Ordering::SeqCst) {
                all(std::slice::from_ref(&then))
            } else {
                all(&[])
            }
        })
        .mount(server)
        .await;
    // Never answers itself: it only notes that the request came, then the next mock answers.
    Mock::given(move |request: &Request| {
        if request.method.as_str() == "POST" {
            posted.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        false
    })
    .respond_with(ResponseTemplate::new(500))
    .with_priority(1)
    .mount(server)
    .await;
}

#[tokio::test]
async fn s06_an_unclear_creation_is_found_by_name_and_not_done_twice() {
    let garbage = ResponseTemplate::new(201).set_body_string("{\"server\": \"?\"}");
    let hang = ResponseTemplate::new(201).set_delay(Duration::from_secs(30));
    for unclear in [
        hang,
        garbage,
        error(500, "server_error"),
        error(502, "bad_gateway"),
        error(409, "uniqueness_error"),
    ] {
        let server = MockServer::start().await;
        empty_until_posted(&server, ours(7, "acme-e1", "running")).await;
        post("/servers").respond_with(unclear).mount(&server).await;
        get("/servers/7")
            .respond_with(
                ResponseTemplate::new(200)
                    .set_body_json(json!({"server": ours(7, "acme-e1", "running")})),
            )
            .mount(&server)
            .await;
        assert_eq!(done(perform(&server, &create()).await).provider_id, "7");
        assert_eq!(asked(&server, "POST").await, 1);
    }
}

#[tokio::test]
async fn s06_an_unclear_creation_that_left_no_trace_is_unknown() {
    let server = MockServer::start().await;
    get("/servers").respond_with(all(&[])).mount(&server).await;
    post("/servers")
        .respond_with(error(500, "server_error"))
        .mount(&server)
        .await;
    let message = unknown(perform(&server, &create()).await);
    assert!(message.contains("no server of that name yet"), "{message}");
    assert_eq!(asked(&server, "POST").await, 1, "never a blind second try");
}

#[tokio::test]
async fn s06_after_a_crash_the_machine_is_adopted_by_name_and_label() {
    let server = MockServer::start().await;
    get("/servers")
        .and(query_param("name", "acme-e1"))
        .respond_with(all(&[ours(7, "acme-e1", "off")]))
        .mount(&server)
        .await;
    assert_eq!(done(perform(&server, &create()).await).provider_id, "7");
    assert_eq!(asked(&server, "POST").await, 0);
}

#[tokio::test]
async fn s07_a_server_of_that_name_that_is_not_the_wanted_one_is_left_alone() {
    let mut quarantined = ours(7, "acme-e1", "running");
    quarantined["labels"]["holdfast.state"] = json!("quarantined");
    let mut other_epoch = ours(7, "acme-e1", "running");
    other_epoch["labels"]["holdfast.epoch"] = json!("2");
    let mut other_estate = ours(7, "acme-e1", "running");
    other_estate["labels"]["holdfast.estate"] = json!("other");
    for there in [foreign("acme-e1"), quarantined, other_epoch, other_estate] {
        let server = MockServer::start().await;
        get("/servers")
            .respond_with(all(&[there]))
            .mount(&server)
            .await;
        let refusal = refused(perform(&server, &create()).await);
        assert_eq!(refusal.code, "name_taken");
        assert_eq!(refusal.class, FaultClass::NeedsHuman);
        assert_eq!(asked(&server, "POST").await, 0);
    }
}

#[tokio::test]
async fn a_refused_creation_says_whom_it_concerns() {
    let cases = [
        (422, "resource_unavailable", FaultClass::NoCapacity),
        (503, "resource_unavailable", FaultClass::NoCapacity),
        (422, "placement_error", FaultClass::NoCapacity),
        (403, "resource_limit_exceeded", FaultClass::NoCapacity),
        (403, "a code from tomorrow", FaultClass::NeedsHuman),
        (401, "unauthorized", FaultClass::NeedsHuman),
        (403, "forbidden", FaultClass::NeedsHuman),
        (422, "invalid_input", FaultClass::NeedsHuman),
        (429, "rate_limit_exceeded", FaultClass::Retry),
        (423, "locked", FaultClass::Retry),
        (400, "json_error", FaultClass::Bug),
    ];
    for (status, code, class) in cases {
        let server = MockServer::start().await;
        get("/servers").respond_with(all(&[])).mount(&server).await;
        post("/servers")
            .respond_with(error(status, code))
            .mount(&server)
            .await;
        let refusal = refused(perform(&server, &create()).await);
        assert_eq!((refusal.code.as_str(), refusal.class), (code, class));
        assert_eq!(asked(&server, "POST").await, 1, "{code}");
    }
}

#[tokio::test]
async fn a_refusal_that_passes_is_tried_again_by_the_wrapper() {
    let server = MockServer::start().await;
    get("/servers").respond_with(all(&[])).mount(&server).await;
    post("/servers")
        .respond_with(error(409, "conflict"))
        .mount(&server)
        .await;
    let wrapped = Wrapped::new(hetzner(&server), patience());
    let refusal = refused(wrapped.perform(&create(), &StepId::new("s1")).await);
    assert_eq!(refusal.code, "conflict");
    assert_eq!(asked(&server, "POST").await, 3);
}

#[tokio::test]
async fn a_creation_whose_action_fails_is_refused_only_when_the_server_is_gone() {
    for gone in [true, false] {
        let server = MockServer::start().await;
        get("/servers").respond_with(all(&[])).mount(&server).await;
        post("/servers")
            .respond_with(ResponseTemplate::new(201).set_body_json(json!({
                "server": ours(7, "acme-e1", "initializing"), "root_password": null,
                "action": action(1, "error"), "next_actions": [],
            })))
            .mount(&server)
            .await;
        if !gone {
            get("/servers/7")
                .respond_with(
                    ResponseTemplate::new(200)
                        .set_body_json(json!({"server": ours(7, "acme-e1", "off")})),
                )
                .mount(&server)
                .await;
        }
        let outcome = perform(&server, &create()).await;
        if gone {
            assert_eq!(refused(outcome).message, "the disk is gone");
        } else {
            assert!(unknown(outcome).contains("disk_gone: the disk is gone"));
        }
    }
}
