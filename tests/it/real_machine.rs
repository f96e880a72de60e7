//! Whole lives of machines over SSH. They ask for fresh Debian 13 machines that may be
//! spoiled: `HOLDFAST_TEST_MACHINE` and `HOLDFAST_TEST_BACKUP_MACHINE`, each
//! `address,port,keyfile,hostkeyfile`. Without them there is nothing to ask, and the
//! tests say so and pass.

use crate::sample;
use holdfast::decide::changes::changes;
use holdfast::decide::manifest;
use holdfast::decide::repositories::Way;
use holdfast::model::gap::GapKind;
use holdfast::model::ids::{Epoch, MachineName, StackId};
use holdfast::model::machine::{Change, Stage};
use holdfast::model::secret::Secret;
use holdfast::world::machine::ssh::SshTransport;
use holdfast::world::machine::verbs::{self, FactsRequest};
use holdfast::world::machine::{Contact, MachineError};
use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

struct Target {
    contact: Contact,
    key: String,
}

fn target(variable: &str) -> Option<Target> {
    let Ok(words) = std::env::var(variable) else {
        eprintln!("{variable} is not set: nothing to try");
        return None;
    };
    let [address, port, key, host_key] = words.split(',').collect::<Vec<_>>()[..] else {
        panic!("{variable}=address,port,keyfile,hostkeyfile");
    };
    let host_key = fs::read_to_string(host_key).unwrap();
    Some(Target {
        contact: Contact {
            machine: MachineName::new("acme-e1"),
            address: address.parse().unwrap(),
            port: port.parse().unwrap(),
            host_key: host_key
                .split(' ')
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
                .trim()
                .into(),
        },
        key: key.into(),
    })
}

impl Target {
    /// A command of the test's own, past the transport.
    fn sh(&self, command: &str) -> String {
        let out = Command::new("ssh")
            .args(["-F", "none", "-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"])
            .args(["-i", &self.key, "-p", &self.contact.port.to_string()])
            .arg(format!("root@{}", self.contact.address))
            .arg(command)
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn users_get_in(&self) -> bool {
        let address = (self.contact.address, 80).into();
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    }
}

fn code<T: std::fmt::Debug>(answer: Result<T, MachineError>) -> String {
    match answer {
        Err(MachineError::Refused { code, .. }) => code,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_machine_lives_from_blank_to_closed() {
    let Some(target) = target("HOLDFAST_TEST_MACHINE") else {
        return;
    };
    let contact = &target.contact;
    let key = Secret::new(fs::read(&target.key).unwrap());
    let transport = SshTransport::new(&key).unwrap();
    let manifest = sample::site();
    let everything = FactsRequest::of(Some(&manifest));
    let mut clock = Instant::now();
    let mut lap = |what: &str| {
        eprintln!("{what}: {:.1} s", clock.elapsed().as_secs_f64());
        clock = Instant::now();
    };

    // Another key than ours: nothing is run.
    let mut foreign = contact.clone();
    foreign.host_key = holdfast::decide::derive::client_key(&sample::key()).public;
    let gap = verbs::facts(&transport, &foreign, &FactsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(gap.kind, GapKind::ForeignHostKey, "{gap}");
    let mut silent = contact.clone();
    silent.port = 9;
    let gap = verbs::facts(&transport, &silent, &FactsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(gap.kind, GapKind::Unreachable, "{gap}");
    let other = holdfast::decide::derive::client_key(&sample::key()).private_openssh;
    let denied = SshTransport::new(&other).unwrap();
    let gap = verbs::facts(&denied, contact, &FactsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(gap.kind, GapKind::Denied, "{gap}");

    let facts = verbs::facts(&transport, contact, &everything)
        .await
        .unwrap();
    assert_eq!((facts.stage, facts.open), (Stage::Blank, false));
    assert_eq!(facts.image.as_str(), "debian-13");
    assert_eq!(
        code(verbs::install(&transport, contact, &manifest).await),
        "not-prepared"
    );
    lap("first look");

    verbs::prepare(&transport, contact, &manifest)
        .await
        .unwrap();
    lap("prepare");
    assert_eq!(target.sh("/usr/local/lib/holdfast/gate status"), "closed");
    assert_eq!(
        code(verbs::start(&transport, contact, &manifest).await),
        "not-loaded"
    );
    verbs::install(&transport, contact, &manifest)
        .await
        .unwrap();
    lap("install");
    let nginx = "systemctl is-active nginx || true";
    assert_eq!(target.sh(nginx), "inactive");
    assert_eq!(
        target.sh("ls /usr/sbin/policy-rc.d 2>/dev/null || true"),
        ""
    );
    assert_eq!(
        target.sh("runuser -u postgres -- psql -Atc 'show data_checksums'"),
        "on"
    );
    let epoch = Epoch(1);
    assert_eq!(
        code(verbs::gate_open(&transport, contact, epoch).await),
        "not-proven"
    );

    verbs::initialise(&transport, contact, &manifest)
        .await
        .unwrap();
    lap("initialise");
    verbs::initialise(&transport, contact, &manifest)
        .await
        .unwrap();
    verbs::start(&transport, contact, &manifest).await.unwrap();
    lap("start");
    let results = verbs::check(&transport, contact, &manifest.services)
        .await
        .unwrap();
    lap("check");
    for result in &results {
        assert!(result.passed, "{result:?}");
    }
    assert!(!target.users_get_in(), "checked while closed");
    verbs::mark_proven(&transport, contact).await.unwrap();
    assert_eq!(
        code(verbs::initialise(&transport, contact, &manifest).await),
        "not-blank"
    );
    assert_eq!(
        code(verbs::gate_open(&transport, contact, Epoch(2)).await),
        "other-epoch"
    );
    verbs::gate_open(&transport, contact, epoch).await.unwrap();
    assert!(target.users_get_in());
    lap("open");

    let facts = verbs::facts(&transport, contact, &everything)
        .await
        .unwrap();
    assert_eq!((facts.stage, facts.open), (Stage::Opened, true));
    assert_eq!(facts.epoch, Some(epoch));
    assert_eq!(changes(&manifest, &facts), []);
    assert_eq!(
        code(verbs::prepare(&transport, contact, &manifest).await),
        "not-blank"
    );

    // 150 items and more, in one round trip.
    let mut many = everything.clone();
    many.files.extend(
        target
            .sh("find /usr/share/doc /etc -type f | head -n 120")
            .lines()
            .map(str::to_owned),
    );
    many.packages.extend(
        target
            .sh("dpkg-query -W -f '${Package}\\n' | head -n 30")
            .lines()
            .map(str::to_owned),
    );
    let mut quickest = u64::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let facts = verbs::facts(&transport, contact, &many).await.unwrap();
        let items =
            facts.files.len() + facts.directories.len() + facts.packages.len() + facts.units.len();
        let (there, all) = (facts.took_ms, began.elapsed().as_millis());
        eprintln!("facts: {items} items, {there} ms there, {all} ms in all");
        assert!(items >= 150);
        quickest = quickest.min(facts.took_ms);
    }
    assert!(quickest < 300, "the quickest of five took {quickest} ms");
    lap("facts");

    // Drift is seen and mended, and only that.
    target.sh("echo >>/etc/nginx/sites-enabled/site; chmod 777 /etc/page/site.conf; systemctl stop nginx; DEBIAN_FRONTEND=noninteractive apt-get -qy remove jq >/dev/null");
    let facts = verbs::facts(&transport, contact, &everything)
        .await
        .unwrap();
    let drift = changes(&manifest, &facts);
    assert_eq!(drift.len(), 4, "{drift:?}");
    assert!(drift.contains(&Change::InstallPackage {
        package: "jq".into()
    }));
    verbs::converge(&transport, contact, &manifest, &drift)
        .await
        .unwrap();
    let facts = verbs::facts(&transport, contact, &everything)
        .await
        .unwrap();
    assert_eq!(changes(&manifest, &facts), []);
    lap("drift");

    // A failing check is a result with words, not an error.
    target.sh("rm /srv/site/index.html");
    let results = verbs::check(&transport, contact, &manifest.services)
        .await
        .unwrap();
    assert!(!results[0].passed && results[1].passed, "{results:?}");
    assert_eq!(results[0].detail, "status 403 instead of 200");
    lap("failing check");

    // The line goes dead while a script runs: noticed soon, and not taken for an answer.
    target.sh(
        "echo 'table inet cut { chain i { type filter hook input priority 0; tcp dport 22 drop; }; }' >/root/cut
        at() { systemd-run -q --timer-property=AccuracySec=50ms --on-active=\"$@\"; }
        at 1 nft -f /root/cut
        at 30 nft delete table inet cut",
    );
    let began = Instant::now();
    let answer = verbs::check(&transport, contact, &manifest.services).await;
    assert!(
        matches!(answer, Err(MachineError::Lost { .. })),
        "{answer:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(17),
        "{:?}",
        began.elapsed()
    );
    let gap = verbs::facts(&transport, contact, &FactsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(gap.kind, GapKind::Unreachable, "{gap}");
    lap("dead line");
    tokio::time::sleep(Duration::from_secs(31).saturating_sub(began.elapsed())).await;
    verbs::facts(&transport, contact, &FactsRequest::default())
        .await
        .unwrap();
    lap("line again");

    verbs::gate_close(&transport, contact).await.unwrap();
    assert!(!target.users_get_in());
    assert_eq!(target.sh(nginx), "inactive");
    assert_eq!(target.sh("systemctl is-active postgresql"), "active");
    lap("close");
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_backup_machine_takes_points_and_forgets_none() {
    let Some(target) = target("HOLDFAST_TEST_BACKUP_MACHINE") else {
        return;
    };
    let contact = &target.contact;
    let key = Secret::new(fs::read(&target.key).unwrap());
    let transport = SshTransport::new(&key).unwrap();
    let machine = MachineName::new("backup-netcup");
    let manifest = manifest::backup(
        &sample::estate(),
        &machine,
        Epoch(1),
        [&StackId::new("acme"), &StackId::new("other")].map(|stack| (stack, Way::Production)),
        &sample::key(),
        contact.address,
        manifest::hashed,
    )
    .unwrap();
    verbs::prepare(&transport, contact, &manifest)
        .await
        .unwrap();
    verbs::install(&transport, contact, &manifest)
        .await
        .unwrap();
    verbs::start(&transport, contact, &manifest).await.unwrap();
    verbs::mark_opened(&transport, contact).await.unwrap();
    let request = FactsRequest::of(Some(&manifest));
    let facts = verbs::facts(&transport, contact, &request).await.unwrap();
    assert_eq!(changes(&manifest, &facts), []);
    assert_eq!((facts.stage, facts.open), (Stage::Opened, false));
    let own = "systemctl is-enabled restic-rest-server.service || true";
    assert!(target.sh(own).starts_with("masked"), "{}", target.sh(own));

    let password = sample::access().password;
    let password = password.expose_text().unwrap();
    let url = format!(
        "rest:https://acme:{password}@{}:8000/acme/",
        contact.address
    );
    let restic = |arguments: &str| {
        target.sh(&format!(
            "export RESTIC_REPOSITORY={url} RESTIC_PASSWORD=x HOME=/root; timeout 60 restic --cacert /etc/holdfast/tls.crt {arguments} 2>&1; echo \"exit $?\""
        ))
    };
    let said = restic("init");
    assert!(said.ends_with("exit 0"), "{said}");
    let said = restic("backup /etc/hostname --tag epoch=1");
    assert!(said.ends_with("exit 0"), "{said}");
    let said = restic("forget --tag epoch=1 --unsafe-allow-remove-all --prune");
    assert!(!said.ends_with("exit 0"), "a point was forgotten: {said}");
    let said = restic("snapshots --json");
    assert!(said.contains("epoch=1"), "{said}");
    // Another stack's repository is not this user's.
    let status = target.sh(&format!(
        "curl -sS -o /dev/null -w '%{http_code}' --cacert /etc/holdfast/tls.crt -u acme:{password} https://{}:8000/other/config",
        contact.address,
        http_code = "{http_code}",
    ));
    assert_eq!(status, "401");
}
