//! Names at a real Knot on loopback.

use base64::Engine as _;
use holdfast::model::desired::DnsAccount;
use holdfast::model::gap::GapKind;
use holdfast::model::given::Given;
use holdfast::model::ids::{Epoch, EstateName, HostName, MachineName, StackId};
use holdfast::model::observed::SeenName;
use holdfast::model::operation::{FaultClass, Outcome};
use holdfast::model::secret::Secret;
use holdfast::world::dns::{DnsSetupError, Names, UpdatableZone};
use jiff::SignedDuration;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Knot {
    process: Child,
    server: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn key() -> String {
    base64::engine::general_purpose::STANDARD.encode([7; 32])
}

/// `None`, with a word on standard error, where Knot is not installed.
fn knot() -> Option<Knot> {
    let program = ["/usr/sbin/knotd", "/usr/bin/knotd"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap_or(false));
    let Some(program) = program else {
        eprintln!("skipped: knotd is not installed (Debian package knot)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display();
    // Free a moment ago: nobody else on loopback is after exactly this port.
    let server = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let zone = "$ORIGIN example.test.\n\
        @ 3600 SOA ns admin 1 3600 600 86400 60\n\
        @ 3600 NS ns\n\
        ns 3600 A 127.0.0.1\n\
        wiki 300 A 10.9.9.9\n\
        wiki 300 AAAA fd00::9\n\
        www 300 CNAME wiki\n\
        text 300 TXT \"no address\"\n\
        sub 300 NS elsewhere.example.\n";
    fs::write(folder.path().join("example.test.zone"), zone).unwrap();
    let configuration = format!(
        "server:\n    rundir: {here}\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n\
         database:\n    storage: {here}\n\
         log:\n  - target: stderr\n    any: warning\n\
         key:\n  - id: holdfast\n    algorithm: hmac-sha256\n    secret: {secret}\n\
         acl:\n  - id: updates\n    key: holdfast\n    action: update\n\
         zone:\n  - domain: example.test\n    storage: {here}\n    file: example.test.zone\n    zonefile-load: difference\n    acl: updates\n",
        port = server.port(),
        secret = key(),
    );
    let path = folder.path().join("knot.conf");
    fs::write(&path, configuration).unwrap();
    let process = Command::new(program)
        .arg("--config")
        .arg(&path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let knot = Knot {
        process,
        server,
        _folder: folder,
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(server).is_err() {
        assert!(Instant::now() < deadline, "knotd does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(knot)
}

fn account(server: SocketAddr) -> DnsAccount {
    DnsAccount {
        server,
        zone: "example.test".to_owned(),
        key_name: "holdfast".to_owned(),
        algorithm: "hmac-sha256".to_owned(),
        key_secret: "tsig".to_owned(),
        ttl: SignedDuration::from_secs(60),
    }
}

fn zone(server: SocketAddr, key: &str) -> UpdatableZone {
    UpdatableZone::new(&account(server), &Secret::new(key)).unwrap()
}

fn name(text: &str) -> HostName {
    HostName::new(text)
}

fn ttl() -> SignedDuration {
    SignedDuration::from_secs(60)
}

/// Knot listens a moment before its zone is loaded.
async fn loaded(names: &UpdatableZone) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while names.lookup(&name("ns.example.test")).await.is_err() {
        assert!(Instant::now() < deadline, "the zone does not load");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_name_is_replaced_whole_and_read_back() {
    let Some(knot) = knot() else { return };
    let names = zone(knot.server, &key());
    loaded(&names).await;
    let wiki = name("wiki.example.test");
    let old: Vec<IpAddr> = vec!["10.9.9.9".parse().unwrap(), "fd00::9".parse().unwrap()];
    assert_eq!(names.lookup(&wiki).await.unwrap().addresses, old);
    for address in ["10.1.0.2", "fd00::2", "10.1.0.3"] {
        let address: IpAddr = address.parse().unwrap();
        // Twice: a step may be done again after a crash.
        for _ in 0..2 {
            let outcome = names.point(&wiki, address, ttl()).await;
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
            assert_eq!(names.lookup(&wiki).await.unwrap().addresses, [address]);
        }
    }
    let new = name("new.example.test");
    assert_eq!(names.lookup(&new).await.unwrap(), SeenName::default());
    let address: IpAddr = "10.1.0.4".parse().unwrap();
    let outcome = names.point(&new, address, ttl()).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(
        names.lookup(&new).await.unwrap(),
        SeenName {
            addresses: vec![address],
            ttl: Some(60),
            given: Vec::new(),
        }
    );
}

#[tokio::test]
async fn s01_only_an_authoritative_no_is_a_no() {
    let Some(knot) = knot() else { return };
    let names = zone(knot.server, &key());
    loaded(&names).await;
    for absent in ["none.example.test", "text.example.test"] {
        let found = names.lookup(&name(absent)).await.unwrap();
        assert_eq!(found, SeenName::default(), "{absent}");
    }
    for (unsure, kind) in [
        ("wiki.other.test", GapKind::Denied),
        ("www.example.test", GapKind::Unreadable),
        ("host.sub.example.test", GapKind::Unreadable),
    ] {
        let gap = names.lookup(&name(unsure)).await.unwrap_err();
        assert_eq!(gap.kind, kind, "{unsure}: {gap}");
    }
}

#[tokio::test]
async fn s01_a_name_server_that_is_away_is_a_gap() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let names = zone(closed, &key());
    let gap = names.lookup(&name("wiki.example.test")).await.unwrap_err();
    assert_eq!(gap.kind, GapKind::Unreachable);
    let address = "10.1.0.2".parse().unwrap();
    let outcome = names
        .point(&name("wiki.example.test"), address, ttl())
        .await;
    let Outcome::Refused(refusal) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (refusal.code.as_str(), refusal.class),
        ("unreachable", FaultClass::Retry)
    );
}

#[tokio::test]
async fn a_wrong_key_or_zone_changes_nothing_and_needs_a_person() {
    let Some(knot) = knot() else { return };
    let names = zone(knot.server, &key());
    loaded(&names).await;
    let wiki = name("wiki.example.test");
    let address: IpAddr = "10.1.0.2".parse().unwrap();
    let before = names.lookup(&wiki).await.unwrap();
    let other = base64::engine::general_purpose::STANDARD.encode([8; 32]);
    let outcome = zone(knot.server, &other).point(&wiki, address, ttl()).await;
    let Outcome::Unknown(fault) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(fault.class, FaultClass::NeedsHuman, "{fault}");
    assert!(fault.message.contains("TSIG key"), "{fault}");
    let outcome = names.point(&name("wiki.other.test"), address, ttl()).await;
    let Outcome::Refused(refusal) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(refusal.code, "not_zone");
    assert_eq!(names.lookup(&wiki).await.unwrap(), before);
}

#[test]
fn an_account_that_cannot_work_is_refused_at_once() {
    let server = "127.0.0.1:53".parse().unwrap();
    let error = UpdatableZone::new(&account(server), &Secret::new("not base64!")).unwrap_err();
    assert!(matches!(error, DnsSetupError::Key { .. }), "{error}");
    let mut weak = account(server);
    weak.algorithm = "hmac-md5".to_owned();
    let error = UpdatableZone::new(&weak, &Secret::new(key())).unwrap_err();
    assert!(matches!(error, DnsSetupError::Algorithm { .. }), "{error}");
}

#[tokio::test]
async fn s02_whom_a_name_was_given_to_is_written_beside_it_and_read_back() {
    let Some(knot) = knot() else { return };
    let names = zone(knot.server, &key());
    loaded(&names).await;
    let wiki = name("wiki.example.test");
    let before = names.lookup(&wiki).await.unwrap();
    assert!(before.given.is_empty());
    for epoch in [2, 3] {
        let given = Given {
            estate: EstateName::new("example"),
            stack: StackId::new("wiki"),
            epoch: Epoch(epoch),
            machine: MachineName::new(format!("wiki-e{epoch}")),
            seal: "x".repeat(32),
        };
        let outcome = names.give(&wiki, &given, ttl()).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        let now = names.lookup(&wiki).await.unwrap();
        assert_eq!(now.given, [given], "one, in place of the other");
        assert_eq!(now.addresses, before.addresses, "it leads where it led");
    }
}
