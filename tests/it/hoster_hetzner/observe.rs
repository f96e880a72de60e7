//! Looking: nothing is ever left out in silence (S1).

use super::*;

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
        .respond_with(page(&first, 1, Some(2), 54))
        .mount(&server)
        .await;
    let second = [
        ours(50, "m50", "off"),
        ours(51, "m51", "hovering"),
        ours(52, "m52", "migrating"),
        ours(53, "m53", "rebuilding"),
    ];
    get("/servers")
        .and(query_param("page", "2"))
        .respond_with(page(&second, 2, None, 54))
        .mount(&server)
        .await;
    let seen = observe(&server).await.unwrap();
    assert_eq!(seen.unseen, []);
    assert_eq!(seen.machines.len(), 54);
    let machine = &seen.machines[50];
    assert_eq!(machine.power, Power::Off);
    assert_eq!(machine.address.to_string(), "10.0.0.7");
    assert_eq!(machine.site, Some(SiteId::new("nbg1")));
    assert_eq!(machine.image, Some(ImageName::new("debian-13")));
    // A word that we do not know is neither on nor off; nor is one whose disk is being copied.
    for machine in &seen.machines[51..] {
        assert_eq!(machine.power, Power::Unknown, "{}", machine.name);
    }
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
    let said = |id: &str| seen.unseen(id).map(ToString::to_string);
    assert_eq!(
        said("2").as_deref(),
        Some("machine m2 at hoster hetzner: label holdfast.epoch cannot be read")
    );
    assert_eq!(
        said("3").as_deref(),
        Some("machine m3 at hoster hetzner: no public address")
    );
    assert_eq!(seen.unseen.len(), 2);
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
