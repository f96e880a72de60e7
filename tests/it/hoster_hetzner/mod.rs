//! The Hetzner client against an interface that misbehaves on demand.

mod create;
mod in_the_lab;
mod observe;
mod power;
mod size;

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
        shutdown: Duration::from_millis(200),
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
