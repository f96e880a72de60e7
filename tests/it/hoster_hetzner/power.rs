//! Switching and setting aside: only ours, and believed only when seen (S2, S7).

use super::*;

async fn one_server(server: &MockServer, statuses: &[&str]) {
    get("/servers")
        .respond_with(all(&[ours(7, "acme-e1", statuses[0])]))
        .mount(server)
        .await;
    let answers = statuses[1..]
        .iter()
        .map(|status| {
            ResponseTemplate::new(200).set_body_json(json!({"server": ours(7, "acme-e1", status)}))
        })
        .collect();
    get("/servers/7")
        .respond_with(in_turn(answers))
        .mount(server)
        .await;
}

fn acting(status: &str) -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({"action": action(3, status)}))
}

#[tokio::test]
async fn s02_off_is_only_what_the_hoster_calls_off() {
    // The action claims success while the server still runs.
    let server = MockServer::start().await;
    one_server(&server, &["running", "running", "stopping", "off"]).await;
    post("/servers/7/actions/poweroff")
        .respond_with(acting("success"))
        .mount(&server)
        .await;
    assert_eq!(done(perform(&server, &power_off()).await).provider_id, "7");

    // It never goes off: nobody may believe it.
    let server = MockServer::start().await;
    one_server(&server, &["running", "running"]).await;
    post("/servers/7/actions/poweroff")
        .respond_with(acting("success"))
        .mount(&server)
        .await;
    assert_eq!(
        unknown(perform(&server, &power_off()).await),
        "the hoster says running"
    );

    // The answer is lost, and yet it goes off.
    let server = MockServer::start().await;
    one_server(&server, &["running", "off"]).await;
    post("/servers/7/actions/poweroff")
        .respond_with(error(504, "timeout"))
        .mount(&server)
        .await;
    done(perform(&server, &power_off()).await);
    assert_eq!(asked(&server, "POST").await, 1);
}

#[tokio::test]
async fn a_machine_that_will_not_start_is_refused_with_the_hosters_words() {
    let server = MockServer::start().await;
    one_server(&server, &["off", "off"]).await;
    post("/servers/7/actions/poweron")
        .respond_with(acting("running"))
        .mount(&server)
        .await;
    get("/actions")
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"actions": [action(3, "error")]})),
        )
        .mount(&server)
        .await;
    let on = Operation::PowerOn {
        machine: MachineName::new("acme-e1"),
    };
    let refusal = refused(perform(&server, &on).await);
    assert_eq!(refusal.code, ACTION_FAILED);
    assert_eq!(refusal.message, "disk_gone: the disk is gone");
    assert_eq!(refusal.class, FaultClass::NeedsHuman);
}

fn reset() -> Operation {
    Operation::Reset {
        machine: MachineName::new("acme-e1"),
    }
}

#[tokio::test]
async fn a_reset_is_believed_when_its_action_has_ended() {
    let server = MockServer::start().await;
    one_server(&server, &["running", "starting", "running"]).await;
    post("/servers/7/actions/reset")
        .respond_with(acting("success"))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(done(perform(&server, &reset()).await).provider_id, "7");
}

#[tokio::test]
async fn s01_a_reset_whose_end_nobody_saw_is_no_reset() {
    // It runs before and after: its status proves nothing.
    let server = MockServer::start().await;
    one_server(&server, &["running", "running"]).await;
    post("/servers/7/actions/reset")
        .respond_with(error(504, "timeout"))
        .mount(&server)
        .await;
    unknown(perform(&server, &reset()).await);
    assert_eq!(asked(&server, "POST").await, 1);
    // A server that is off is not reset.
    let server = MockServer::start().await;
    one_server(&server, &["off"]).await;
    assert_eq!(refused(perform(&server, &reset()).await).code, "off");
    assert_eq!(asked(&server, "POST").await, 0);
}

#[tokio::test]
async fn s07_a_server_without_our_label_is_never_switched_nor_labelled() {
    let server = MockServer::start().await;
    get("/servers")
        .respond_with(all(&[foreign("acme-e1")]))
        .mount(&server)
        .await;
    let machine = MachineName::new("acme-e1");
    for op in [
        power_off(),
        reset(),
        Operation::PowerOn {
            machine: machine.clone(),
        },
        Operation::Quarantine { machine },
    ] {
        let refusal = refused(perform(&server, &op).await);
        assert_eq!(refusal.code, "not_ours");
        assert_eq!(refusal.class, FaultClass::NeedsHuman);
    }
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|r| r.method.as_str() == "GET"));
}

#[tokio::test]
async fn quarantine_keeps_the_other_labels_and_protects_from_deletion() {
    let server = MockServer::start().await;
    get("/servers")
        .respond_with(all(&[ours(7, "acme-e1", "off")]))
        .mount(&server)
        .await;
    let mut aside = ours(7, "acme-e1", "off");
    aside["labels"]["holdfast.state"] = json!("quarantined");
    Mock::given(method("PUT"))
        .and(path("/v1/servers/7"))
        .and(body_partial_json(json!({"labels": aside["labels"]})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"server": aside})))
        .expect(1)
        .mount(&server)
        .await;
    get("/servers/7")
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"server": aside})))
        .mount(&server)
        .await;
    post("/servers/7/actions/change_protection")
        .and(body_partial_json(json!({"delete": true, "rebuild": true})))
        .respond_with(error(500, "server_error"))
        .expect(1)
        .mount(&server)
        .await;
    let op = Operation::Quarantine {
        machine: MachineName::new("acme-e1"),
    };
    // Protection is wanted, not needed.
    assert_eq!(done(perform(&server, &op).await).provider_id, "7");
}
