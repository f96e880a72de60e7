//! Another size: off first, the disk kept, and believed only when the server itself says so.

use super::*;
use crate::lab_hetzner::{Lab, TOKEN as LAB_TOKEN};
use holdfast::model::desired::Size;
use holdfast::model::observed::Hardware;
use holdfast::model::units::Bytes;

fn resize(to: &str) -> Operation {
    Operation::Resize {
        machine: MachineName::new("acme-e1"),
        machine_type: to.to_owned(),
    }
}

fn shut_down() -> Operation {
    Operation::ShutDown {
        machine: MachineName::new("acme-e1"),
    }
}

fn of_type(kind: &str, status: &str) -> Value {
    let mut server = ours(7, "acme-e1", status);
    server["server_type"] = json!({"name": kind, "cores": 2, "memory": 4, "cpu_type": "news"});
    server["primary_disk_size"] = json!(40);
    server
}

/// First as it is listed, then as it is looked at.
async fn one_server(server: &MockServer, listed: Value, then: &[Value]) {
    get("/servers")
        .respond_with(all(&[listed]))
        .mount(server)
        .await;
    let answers = then
        .iter()
        .map(|now| ResponseTemplate::new(200).set_body_json(json!({"server": now})));
    get("/servers/7")
        .respond_with(in_turn(answers.collect()))
        .mount(server)
        .await;
}

fn acting(status: &str) -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({"action": action(3, status)}))
}

#[tokio::test]
async fn what_a_machine_has_is_seen_or_nobody_says() {
    let server = MockServer::start().await;
    let mut half = of_type("cx23", "running");
    half["name"] = json!("half-e1");
    half["server_type"]["memory"] = Value::Null;
    get("/servers")
        .respond_with(all(&[of_type("cx23", "running"), half]))
        .mount(&server)
        .await;
    let seen = observe(&server).await.unwrap();
    let size = Size {
        cpus: 2,
        memory: Bytes(4 << 30),
        disk: Bytes(40_000_000_000),
    };
    let is = Hardware {
        machine_type: "cx23".to_owned(),
        size,
    };
    assert_eq!(seen.machines[0].hardware, Some(is));
    assert_eq!(
        (seen.machines[1].hardware.clone(), seen.unseen.len()),
        (None, 0)
    );
}

#[tokio::test]
async fn the_disk_is_kept_and_the_servers_own_type_counts() {
    let server = MockServer::start().await;
    let (before, after) = (of_type("cx23", "off"), of_type("cx33", "starting"));
    one_server(&server, before.clone(), &[before, after]).await;
    post("/servers/7/actions/change_type")
        .and(body_partial_json(
            json!({"server_type": "cx33", "upgrade_disk": false}),
        ))
        .respond_with(acting("success"))
        .mount(&server)
        .await;
    done(perform(&server, &resize("cx33")).await);
}

#[tokio::test]
async fn s06_a_machine_that_is_of_the_type_already_is_left_alone() {
    let server = MockServer::start().await;
    one_server(&server, of_type("cx33", "running"), &[]).await;
    done(perform(&server, &resize("cx33")).await);
    assert_eq!(asked(&server, "POST").await, 0);
}

#[tokio::test]
async fn a_type_that_it_does_not_get_is_refused_with_the_hosters_words() {
    for (answer, class) in [
        (error(422, "invalid_server_type"), FaultClass::NeedsHuman),
        (error(412, "resource_unavailable"), FaultClass::NoCapacity),
        (error(412, "server_not_stopped"), FaultClass::Retry),
        (acting("error"), FaultClass::Retry),
    ] {
        let server = MockServer::start().await;
        let before = of_type("cx23", "off");
        one_server(&server, before.clone(), &[before]).await;
        post("/servers/7/actions/change_type")
            .respond_with(answer)
            .mount(&server)
            .await;
        let refusal = refused(perform(&server, &resize("cx33")).await);
        assert_eq!(refusal.class, class, "{refusal}");
    }
}

#[tokio::test]
async fn an_unclear_answer_is_looked_up_and_never_sent_again() {
    let server = MockServer::start().await;
    let (before, after) = (of_type("cx23", "off"), of_type("cx33", "off"));
    one_server(&server, before.clone(), &[before.clone(), after]).await;
    post("/servers/7/actions/change_type")
        .respond_with(error(504, "timeout"))
        .mount(&server)
        .await;
    done(perform(&server, &resize("cx33")).await);
    assert_eq!(asked(&server, "POST").await, 1);
    // It stays what it was: nobody knows.
    let server = MockServer::start().await;
    one_server(&server, before.clone(), &[before]).await;
    post("/servers/7/actions/change_type")
        .respond_with(error(504, "timeout"))
        .mount(&server)
        .await;
    let why = unknown(perform(&server, &resize("cx33")).await);
    assert_eq!(why, "the hoster says that it is cx23");
}

#[tokio::test]
async fn one_that_does_not_go_down_by_itself_has_its_power_cut() {
    let server = MockServer::start().await;
    let running = of_type("cx23", "running");
    one_server(&server, running.clone(), &[running, of_type("cx23", "off")]).await;
    post("/servers/7/actions/shutdown")
        .respond_with(acting("success"))
        .mount(&server)
        .await;
    done(perform(&server, &shut_down()).await);
    assert_eq!(asked(&server, "POST").await, 1);
    // It runs for as long as it is only asked.
    let server = MockServer::start().await;
    let running = of_type("cx23", "running");
    one_server(&server, running.clone(), &[running]).await;
    post("/servers/7/actions/shutdown")
        .respond_with(acting("success"))
        .mount(&server)
        .await;
    post("/servers/7/actions/poweroff")
        .respond_with(acting("success"))
        .mount(&server)
        .await;
    unknown(perform(&server, &shut_down()).await);
    assert_eq!(asked(&server, "POST").await, 2);
}

#[tokio::test]
async fn the_lab_resizes_and_keeps_the_disk() {
    let lab = Lab::start().await;
    let mut timing = timing();
    (timing.call, timing.action, timing.shutdown) = (
        Duration::from_secs(10),
        Duration::from_secs(10),
        Duration::from_secs(10),
    );
    let hoster = Hetzner::new(
        HosterId::new("hetzner"),
        &lab.endpoint,
        &Secret::new(LAB_TOKEN),
        estate(),
        timing,
        patience(),
    )
    .unwrap();
    let step = StepId::new("s1");
    let bench = Bench {
        estate: estate(),
        site: SiteId::new("nbg1"),
        machine_type: Some("cx23".to_owned()),
        image: ImageName::new("debian-13"),
        power: true,
        pool: false,
        user_data: Secret::new("#cloud-config\n"),
    };
    done(
        hoster
            .perform(&bench.create("acme-e1", 1, None), &step)
            .await,
    );
    let refusal = refused(hoster.perform(&resize("cx33"), &step).await);
    assert_eq!(refusal.code, "server_not_stopped");
    for op in [shut_down(), shut_down(), resize("cx33"), resize("cx33")] {
        done(hoster.perform(&op, &step).await);
    }
    let seen = hoster.observe(&estate()).await.unwrap();
    let is = seen.machines[0].hardware.clone().unwrap();
    assert_eq!((is.machine_type.as_str(), is.size.cpus), ("cx33", 4));
    assert_eq!(
        (is.size.memory, is.size.disk),
        (Bytes(8 << 30), Bytes(40_000_000_000))
    );
    done(hoster.perform(&shut_down(), &step).await);
    let refusal = refused(hoster.perform(&resize("cpx31"), &step).await);
    assert_eq!(refusal.class, FaultClass::NeedsHuman, "{refusal}");
}
