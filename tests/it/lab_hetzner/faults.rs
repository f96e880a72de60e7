//! Budgets and faults on demand.

use super::{Lab, TOKEN, order_body};
use holdfast::lab::hetzner::Fault;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn header(response: &reqwest::Response, name: &str) -> i64 {
    response.headers()[name].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_budget_runs_out_and_the_headers_say_when_it_is_full() {
    let lab = Lab::with(|config| config.requests_per_hour = 3).await;
    for remaining in [2, 1, 0] {
        let response = lab.send(TOKEN, "GET", "/locations", Value::Null).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "ratelimit-limit"), 3);
        assert_eq!(header(&response, "ratelimit-remaining"), remaining);
    }
    let response = lab.send(TOKEN, "GET", "/locations", Value::Null).await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "ratelimit-remaining"), 0);
    let full_in = header(&response, "ratelimit-reset") - jiff::Timestamp::now().as_second();
    assert!((3590..=3601).contains(&full_in), "{full_in}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    // Strangers have a budget of their own and cannot use up the project's.
    let stranger = lab.send("wrong", "GET", "/locations", Value::Null).await;
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
async fn faults_answer_as_the_hoster_would_and_do_nothing() {
    let fault: Arc<Mutex<Option<Fault>>> = Arc::default();
    let asked = fault.clone();
    let lab = Lab::with(|config| {
        config.faults = Arc::new(move || *asked.lock().unwrap());
    })
    .await;
    for (on_demand, status, code) in [
        (Fault::Unavailable503, 503, "unavailable"),
        (Fault::Internal500, 500, "server_error"),
        (Fault::RateLimited429, 429, "rate_limit_exceeded"),
    ] {
        *fault.lock().unwrap() = Some(on_demand);
        let body = order_body("web", json!({}));
        let response = lab.send(TOKEN, "POST", "/servers", body).await;
        assert_eq!(response.status(), status);
        assert!(response.headers().contains_key("x-correlation-id"));
        if status == 429 {
            assert_eq!(header(&response, "ratelimit-remaining"), 0);
        }
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["error"]["code"], code);
    }
    *fault.lock().unwrap() = Some(Fault::Hang);
    let hanging = reqwest::Client::new()
        .post(format!("{}/servers", lab.endpoint))
        .bearer_auth(TOKEN)
        .json(&order_body("web", json!({})))
        .timeout(Duration::from_millis(200))
        .send()
        .await;
    assert!(hanging.unwrap_err().is_timeout());
    *fault.lock().unwrap() = None;
    assert_eq!(lab.get("/servers").await["servers"], json!([]));
    assert_eq!(lab.fleet.names(), Vec::<String>::new());

    *fault.lock().unwrap() = Some(Fault::Slow(Duration::from_millis(150)));
    let begin = Instant::now();
    lab.get("/servers").await;
    assert!(begin.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_hoster_that_is_full_takes_no_order_and_answers_all_else() {
    let lab = Lab::with(|config| config.faults = Arc::new(|| Some(Fault::Full))).await;
    let body = order_body("web", json!({}));
    let response = lab.send(TOKEN, "POST", "/servers", body.clone()).await;
    assert_eq!(response.status(), 412);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["error"]["code"], "resource_unavailable");
    assert_eq!(lab.fleet.names(), Vec::<String>::new());
    // Who has no business here learns nothing about it.
    let stranger = lab.send("wrong", "POST", "/servers", body).await;
    assert_eq!(stranger.status(), 401);
    let list = lab.send(TOKEN, "GET", "/servers", Value::Null).await;
    assert_eq!(list.status(), 200);
}
