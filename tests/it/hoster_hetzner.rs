//! The Hetzner client against an interface that misbehaves on demand.

use crate::conformance::{Bench, done, refused};
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::ids::{EstateName, HosterId, ImageName, MachineName, SiteId, StepId};
use holdfast::model::observed::{Inventory, Power};
use holdfast::model::operation::{FaultClass, Operation, Outcome};
use holdfast::model::secret::Secret;
use holdfast::world::hoster::hetzner::{Hetzner, SetupError, Timing};
use holdfast::world::hoster::wrap::{Patience, Wrapped};
use holdfast::world::hoster::{ACTION_FAILED, Hoster};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TOKEN: &str = "hoster-token-of-the-test";

fn timing() -> Timing {
    Timing {
        call: Duration::from_millis(300),
        connect: Duration::from_millis(300),
        poll: Duration::from_millis(5),
        action: Duration::from_millis(600),
        appear: Duration::from_millis(100),
    }
}

fn patience() -> Patience {
    Patience {
        retries: 2,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(5),
        observe_within: Duration::from_secs(10),
        perform_within: Duration::from_secs(10),
    }
}

fn estate() -> EstateName {
    EstateName::new("demo")
}

fn at(endpoint: &str) -> Hetzner {
    Hetzner::new(
        HosterId::new("hetzner"),
        endpoint,
        &Secret::new(TOKEN),
        estate(),
        timing(),
        patience(),
    )
    .unwrap()
}

fn hetzner(server: &MockServer) -> Hetzner {
    at(&format!("{}/v1", server.uri()))
}

async fn observe(server: &MockServer) -> Result<Inventory, Gap> {
    hetzner(server).observe(&estate()).await
}

async fn perform(server: &MockServer, op: &Operation) -> Outcome {
    hetzner(server).perform(op, &StepId::new("s1")).await
}

fn create() -> Operation {
    let bench = Bench {
        estate: estate(),
        site: SiteId::new("nbg1"),
        machine_type: Some("cx22".to_owned()),
        image: ImageName::new("debian-13"),
        power: true,
        pool: false,
        user_data: Secret::new("#cloud-config\n"),
    };
    bench.create("acme-e1", 1, None)
}

fn power_off() -> Operation {
    Operation::PowerOff {
        machine: MachineName::new("acme-e1"),
    }
}

/// A server of ours; only what the client reads, and one word that nobody knows.
fn ours(id: i64, name: &str, status: &str) -> Value {
    json!({
        "id": id, "name": name, "status": status,
        "labels": {
            "holdfast.estate": "demo", "holdfast.stack": "acme", "holdfast.role": "production",
            "holdfast.epoch": "1", "holdfast.state": "active", "unrelated": "kept"
        },
        "public_net": {"ipv4": {"ip": "10.0.0.7"}, "ipv6": null, "news": 1},
        "location": {"name": "nbg1", "network_zone": "eu-central"},
        "image": {"name": "debian-13", "os_flavor": "a flavour from tomorrow"},
    })
}

fn foreign(name: &str) -> Value {
    let mut server = ours(9, name, "running");
    server["labels"] = json!({"team": "somebody else"});
    server
}

fn page(servers: &[Value], number: i64, next: Option<i64>, total: usize) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "servers": servers,
        "meta": {"pagination": {
            "page": number, "per_page": 50, "previous_page": null,
            "next_page": next, "last_page": null, "total_entries": total,
        }},
    }))
}

fn all(servers: &[Value]) -> ResponseTemplate {
    page(servers, 1, None, servers.len())
}

fn error(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("retry-after", "0")
        .insert_header("x-correlation-id", "c0ffee")
        .set_body_json(json!({"error": {"code": code, "message": "as documented", "details": {}}}))
}

fn action(id: i64, status: &str) -> Value {
    let failure = json!({"code": "disk_gone", "message": "the disk is gone"});
    json!({
        "id": id, "command": "some_command", "status": status, "progress": 50,
        "started": "2026-11-22T00:00:00+00:00", "finished": null,
        "resources": [{"id": 7, "type": "server"}],
        "error": if status == "error" { failure } else { Value::Null },
    })
}

fn get(what: &str) -> wiremock::MockBuilder {
    Mock::given(method("GET")).and(path(format!("/v1{what}")))
}

fn post(what: &str) -> wiremock::MockBuilder {
    Mock::given(method("POST")).and(path(format!("/v1{what}")))
}

/// Answers in turn; the last one for ever.
fn in_turn(answers: Vec<ResponseTemplate>) -> impl Fn(&Request) -> ResponseTemplate {
    let count = std::sync::atomic::AtomicUsize::new(0);
    move |_: &Request| {
        let turn = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        answers[turn.min(answers.len() - 1)].clone()
    }
}

async fn asked(server: &MockServer, how: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests.iter().filter(|r| r.method.as_str() == how).count()
}

fn unknown(outcome: Outcome) -> String {
    match outcome {
        Outcome::Unknown(fault) => fault.message,
        other => panic!("expected Unknown, got {other:?}"),
    }
}

// --- observing ---------------------------------------------------------------

#[tokio::test]
async fn all_pages_are_read_with_our_token_and_label() {
    let server = MockServer::start().await;
    let first: Vec<_> = (0..50)
        .map(|n| ours(n, &format!("m{n}"), "running"))
        .collect();
    get("/servers")
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .and(query_param("label_selector", "holdfast.estate=demo"))
        .and(query_param("per_page", "50"))
        .and(query_param("page", "1"))
        .respond_with(page(&first, 1, Some(2), 52))
        .mount(&server)
        .await;
    let second = [ours(50, "m50", "off"), ours(51, "m51", "hovering")];
    get("/servers")
        .and(query_param("page", "2"))
        .respond_with(page(&second, 2, None, 52))
        .mount(&server)
        .await;
    let seen = observe(&server).await.unwrap();
    assert_eq!(seen.gaps, []);
    assert_eq!(seen.machines.len(), 52);
    let machine = &seen.machines[50];
    assert_eq!(machine.power, Power::Off);
    assert_eq!(machine.address.to_string(), "10.0.0.7");
    assert_eq!(machine.site, Some(SiteId::new("nbg1")));
    assert_eq!(machine.image, Some(ImageName::new("debian-13")));
    // A word that we do not know is neither on nor off.
    assert_eq!(seen.machines[51].power, Power::Unknown);
}

#[tokio::test]
async fn s01_an_incomplete_list_is_a_gap_and_never_a_shorter_list() {
    let odd = ResponseTemplate::new(200).set_body_string("{\"servers\": [{\"id\": \"seven\"}]}");
    let no_meta = ResponseTemplate::new(200).set_body_json(json!({"servers": []}));
    let cases: [(&str, ResponseTemplate, GapKind); 6] = [
        ("undecodable", odd, GapKind::Unreadable),
        ("without paging", no_meta, GapKind::Unreadable),
        ("failing", error(500, "server_error"), GapKind::Unreachable),
        (
            "empty answer",
            ResponseTemplate::new(200),
            GapKind::Unreadable,
        ),
        (
            "fewer than announced",
            page(&[], 2, None, 2),
            GapKind::Unreadable,
        ),
        (
            "turning in circles",
            page(&[], 2, Some(1), 2),
            GapKind::Unreadable,
        ),
    ];
    for (case, second, kind) in cases {
        let server = MockServer::start().await;
        get("/servers")
            .and(query_param("page", "1"))
            .respond_with(page(&[ours(1, "m1", "running")], 1, Some(2), 2))
            .mount(&server)
            .await;
        get("/servers")
            .and(query_param("page", "2"))
            .respond_with(second)
            .mount(&server)
            .await;
        let gap = observe(&server).await.expect_err(case);
        assert_eq!(gap.kind, kind, "{case}: {gap}");
        assert_eq!(gap.subject, "hoster hetzner");
    }
}

#[tokio::test]
async fn s01_a_server_of_ours_that_cannot_be_read_is_a_gap_of_its_own() {
    let server = MockServer::start().await;
    let mut no_epoch = ours(2, "m2", "running");
    no_epoch["labels"]["holdfast.epoch"] = json!("second");
    let mut no_address = ours(3, "m3", "running");
    no_address["public_net"] = json!({"ipv4": null, "ipv6": null});
    let mut six = ours(4, "m4", "running");
    six["public_net"] = json!({"ipv4": null, "ipv6": {"ip": "2001:db8:1::/64"}});
    get("/servers")
        .respond_with(all(&[no_epoch, no_address, six, foreign("m9")]))
        .mount(&server)
        .await;
    let seen = observe(&server).await.unwrap();
    let names: Vec<_> = seen.machines.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["m4"], "what lacks our label is not ours");
    assert_eq!(seen.machines[0].address.to_string(), "2001:db8:1::1");
    let gaps: Vec<_> = seen.gaps.iter().map(ToString::to_string).collect();
    assert_eq!(
        gaps,
        [
            "machine m2 at hoster hetzner: label holdfast.epoch cannot be read",
            "machine m3 at hoster hetzner: no public address",
        ]
    );
}

#[tokio::test]
async fn s01_failures_are_told_apart_and_only_passing_ones_tried_again() {
    let cases = [
        (429, "rate_limit_exceeded", GapKind::RateLimited, 3),
        (409, "conflict", GapKind::Unreadable, 3),
        (502, "bad_gateway", GapKind::Unreachable, 3),
        (504, "timeout", GapKind::Unreachable, 3),
        (500, "server_error", GapKind::Unreachable, 1),
        (503, "unavailable", GapKind::Unreachable, 1),
        (401, "unauthorized", GapKind::Denied, 1),
        (403, "forbidden", GapKind::Denied, 1),
        (400, "invalid_input", GapKind::Unreadable, 1),
    ];
    for (status, code, kind, tries) in cases {
        let server = MockServer::start().await;
        get("/servers")
            .respond_with(error(status, code))
            .mount(&server)
            .await;
        let gap = observe(&server).await.unwrap_err();
        assert_eq!(gap.kind, kind, "{code}");
        assert!(gap.reason.contains("correlation id c0ffee"), "{gap}");
        assert!(!gap.to_string().contains(TOKEN));
        assert_eq!(asked(&server, "GET").await, tries, "{code}");
    }
}

#[tokio::test]
async fn a_rate_limit_that_passes_is_waited_for() {
    let server = MockServer::start().await;
    get("/servers")
        .respond_with(in_turn(vec![
            error(429, "rate_limit_exceeded").insert_header("ratelimit-remaining", "0"),
            all(&[ours(1, "m1", "running")]),
        ]))
        .mount(&server)
        .await;
    assert_eq!(observe(&server).await.unwrap().machines.len(), 1);
}

#[tokio::test]
async fn s01_a_hoster_that_hangs_or_is_away_is_a_gap() {
    let server = MockServer::start().await;
    let slow = all(&[]).set_delay(Duration::from_secs(30));
    get("/servers").respond_with(slow).mount(&server).await;
    let gap = observe(&server).await.unwrap_err();
    assert_eq!(gap.kind, GapKind::Unreachable);
    assert_eq!(gap.reason, "no answer: timed out");
    assert_eq!(
        asked(&server, "GET").await,
        3,
        "time-outs of reads are tried again"
    );

    let away = at("http://127.0.0.1:9/v1");
    let gap = away.observe(&estate()).await.unwrap_err();
    assert_eq!(gap.kind, GapKind::Unreachable);
    let refusal = refused(away.perform(&create(), &StepId::new("s1")).await);
    assert_eq!(refusal.class, FaultClass::Retry);
}

#[tokio::test]
async fn s01_the_deadline_around_a_hoster_makes_a_gap_and_an_unknown() {
    let server = MockServer::start().await;
    let slow = all(&[]).set_delay(Duration::from_secs(30));
    get("/servers").respond_with(slow).mount(&server).await;
    let mut short = patience();
    short.observe_within = Duration::from_millis(50);
    short.perform_within = Duration::from_millis(50);
    let wrapped = Wrapped::new(hetzner(&server), short);
    let gap = wrapped.observe(&estate()).await.unwrap_err();
    assert_eq!(gap.kind, GapKind::Unreachable);
    let message = unknown(wrapped.perform(&create(), &StepId::new("s1")).await);
    assert!(message.contains("did not end within"), "{message}");
}

// --- creating ----------------------------------------------------------------

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

// --- power and quarantine ----------------------------------------------------

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

// --- set up ------------------------------------------------------------------

#[test]
fn s13_the_token_does_not_show() {
    let shown = format!("{:?}", at("http://127.0.0.1:9/v1"));
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[test]
fn an_account_that_cannot_work_is_refused_at_once() {
    let new = |token: &str, estate: &str| {
        Hetzner::new(
            HosterId::new("hetzner"),
            "https://api.hetzner.cloud/v1",
            &Secret::new(token),
            EstateName::new(estate),
            timing(),
            patience(),
        )
        .map(|_| ())
    };
    assert!(matches!(new("", "demo"), Err(SetupError::Token { .. })));
    assert!(matches!(new("a\nb", "demo"), Err(SetupError::Token { .. })));
    assert!(matches!(
        new("token\n", "a,b"),
        Err(SetupError::EstateName { .. })
    ));
    new("token\n", "demo").unwrap();
}
