//! The lab's parts that need neither root nor machines.

use holdfast::lab::cgroup::is_first;
use holdfast::lab::dns::knot_conf;
use holdfast::lab::faults::{Faults, Mode, Outage, hits};
use holdfast::lab::image::{Count, Recipe};
use holdfast::lab::machine::next_host;
use holdfast::lab::mirror::Mirrors;
use holdfast::lab::names::LabName;
use holdfast::lab::network::{free_ten, rules, tables_of_labs, taken_tens, usable_resolvers};
use holdfast::lab::preflight::missing_tools;
use holdfast::lab::seed::HostKey;
use holdfast::lab::state::{LabRecord, known_hosters};
use holdfast::lab::{Lab, LabError, pool};
use std::collections::BTreeSet;
use std::path::Path;

fn name(text: &str) -> LabName {
    LabName::new(text).unwrap()
}

fn mirrors(main: &str) -> Mirrors {
    Mirrors {
        main: main.to_owned(),
        security: None,
    }
}

fn record() -> LabRecord {
    LabRecord {
        name: name("some-lab"),
        network: 99,
        hosters: known_hosters().to_vec(),
        pool_size: 2,
        mirrors: mirrors("http://mirror.example/debian"),
        endpoint: "127.0.0.1:4711".parse().unwrap(),
        token: "t".to_owned(),
        dns_port: 5353,
        zone: "example.".to_owned(),
        tsig_secret: "c2VjcmV0".to_owned(),
        authorized_keys: Vec::new(),
    }
}

#[test]
fn a_lab_name_is_a_short_label() {
    for good in ["default", "a", "x-1", "0"] {
        assert!(LabName::new(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "-a",
        "a-",
        "A",
        "a_b",
        "a/b",
        "..",
        "a b",
        "abcdefghijklmnopqrstuvwxyz",
    ] {
        assert!(
            matches!(LabName::new(bad), Err(LabError::BadName { .. })),
            "{bad}"
        );
    }
}

#[test]
fn names_of_links_fit_the_kernel_and_labs_do_not_share_them() {
    let (short, long) = (name("a"), name("a-b"));
    for lab in [&short, &long] {
        assert!(lab.bridge(3).len() <= 15);
        assert!(lab.cable(3, 250).len() <= 15);
        assert!(lab.cable(3, 250).starts_with(&lab.link_prefix()));
        assert!(lab.bridge(3).starts_with(&lab.link_prefix()));
    }
    // Lab "a" with machine "b-c" beside lab "a-b" with machine "c".
    assert_ne!(short.namespace("b-c"), long.namespace("c"));
    assert!(!long.namespace("c").starts_with(&short.namespace_prefix()));
    assert_ne!(short.table(), long.table());
}

#[test]
fn a_network_is_chosen_that_nothing_here_knows() {
    let known = "default via 192.0.2.1 dev eth0\n10.70.0.0/16 dev br0\n10.0.0.0/8 via 1.2.3.4\nnameserver 10.255.0.1\n";
    let taken = taken_tens(known);
    assert_eq!(taken, BTreeSet::from([70, 255]));
    let chosen = free_ten(&name("x"), &taken).unwrap();
    assert!((64..=250).contains(&chosen) && chosen != 70);
    let all_but_one: BTreeSet<u8> = (0..=255).filter(|&ten| ten != 70).collect();
    assert_eq!(free_ten(&name("x"), &all_but_one), Some(70));
    assert_eq!(free_ten(&name("x"), &(0..=255).collect()), None);
}

#[test]
fn an_address_let_go_comes_back_late() {
    assert_eq!(next_host(&BTreeSet::new(), None), Some(10));
    assert_eq!(next_host(&BTreeSet::from([10]), Some(11)), Some(12));
    assert_eq!(next_host(&BTreeSet::from([10, 250]), Some(250)), Some(11));
    assert_eq!(next_host(&(10..=250).collect(), Some(30)), None);
}

#[test]
fn the_rules_touch_only_the_labs_own_table_and_network() {
    let rules = rules(&record());
    assert!(rules.starts_with("table ip holdfast_lab_some_lab {"));
    assert!(rules.contains("ip saddr 10.99.0.0/16 ip daddr != 10.99.0.0/16 masquerade"));
    let listed = "table ip filter\ntable ip holdfast_lab_a\ntable inet holdfast_lab_b\n";
    assert_eq!(tables_of_labs(listed), ["holdfast_lab_a"]);
}

#[test]
fn machines_do_not_get_a_name_server_on_the_loopback() {
    let text =
        "# stub\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.53\noptions edns0\n";
    assert_eq!(
        usable_resolvers(text),
        ["192.0.2.53".parse::<std::net::Ipv4Addr>().unwrap()]
    );
}

#[test]
fn the_name_server_listens_on_the_loopback_and_each_gateway() {
    let conf = knot_conf("/lab/dns", &record());
    assert!(
        conf.contains("listen: [127.0.0.1@5353, 10.99.1.1@5353, 10.99.2.1@5353, 10.99.3.1@5353]"),
        "{conf}"
    );
    assert!(conf.contains("algorithm: hmac-sha256") && conf.contains("secret: c2VjcmV0"));
}

#[test]
fn what_is_missing_names_the_command_that_installs_it() {
    let missing = missing_tools(Vec::new(), |tool| {
        !tool.starts_with("knot") && tool != "nft"
    });
    assert_eq!(missing.tools, ["nft", "knotd", "knotc"]);
    assert_eq!(
        missing.command().as_deref(),
        Some("apt-get install --yes --no-install-recommends knot nftables")
    );
    assert!(missing_tools(Vec::new(), |_| true).is_empty());
}

#[test]
fn an_image_changes_its_place_with_its_recipe() {
    let cache = Path::new("/cache");
    let archive = mirrors("http://mirror.example/debian");
    let trixie = Recipe::of("debian-13", &archive).unwrap();
    assert_eq!(
        trixie.path(cache),
        Recipe::of("debian-13", &archive).unwrap().path(cache)
    );
    assert_ne!(
        trixie.digest(),
        Recipe::of("debian-13", &mirrors("http://other.example/debian"))
            .unwrap()
            .digest()
    );
    assert_ne!(
        trixie.digest(),
        Recipe::of("debian-12", &archive).unwrap().digest()
    );
    assert!(matches!(
        Recipe::of("windows-11", &archive),
        Err(LabError::UnknownImage { .. })
    ));
}

#[test]
fn a_build_counts_packages_and_never_passes_its_total() {
    let mut count = Count::default();
    assert_eq!(
        count.hear("Get:1 http://m.example trixie InRelease [140 kB]"),
        None
    );
    assert_eq!(
        count.hear("0 upgraded, 300 newly installed, 0 to remove and 0 not upgraded."),
        None
    );
    assert_eq!(count.total(), 900);
    let fetched =
        count.hear("Get:1 http://m.example trixie/main amd64 libc6 amd64 2.41 [2,835 kB]");
    assert_eq!(fetched.as_deref(), Some("fetching libc6"));
    assert_eq!(
        count.hear("Setting up libc6:amd64 (2.41) ...").as_deref(),
        Some("setting up libc6:amd64")
    );
    for _ in 0..2_000 {
        count.hear("Unpacking x (1) ...");
    }
    assert_eq!(count.total(), 2_002);
}

#[test]
fn a_share_of_requests_is_hit_evenly() {
    let hit: Vec<bool> = (0..8).map(|count| hits(0.25, count)).collect();
    assert_eq!(hit.iter().filter(|&&hit| hit).count(), 2);
    assert!((0..8).all(|count| hits(1.0, count)));
    assert!((0..8).all(|count| !hits(0.0, count)));
}

#[test]
fn an_outage_stands_in_the_file_until_it_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::at(dir.path().join("faults.json"));
    assert_eq!(faults.strike("hetzner"), None);
    faults
        .set("hetzner", Some(Outage::of(Mode::TooMany)))
        .unwrap();
    // Another process reads the same file.
    let elsewhere = Faults::at(faults.path());
    assert_eq!(
        elsewhere.strike("hetzner").map(|outage| outage.mode),
        Some(Mode::TooMany)
    );
    assert_eq!(elsewhere.strike("netcup"), None);
    faults.set("hetzner", None).unwrap();
    assert_eq!(elsewhere.strike("hetzner"), None);
    std::fs::write(faults.path(), r#"{"hetzner": {"mode": "slow"}}"#).unwrap();
    assert_eq!(elsewhere.standing("hetzner"), Some(Outage::of(Mode::Slow)));
}

#[test]
fn a_host_key_is_told_to_cloud_init_in_both_halves() {
    let key = HostKey::make("netcup-1").unwrap();
    let data = key.user_data();
    let yaml = data.strip_prefix("#cloud-config\n").unwrap();
    let config: serde_json::Value = serde_json::from_str(yaml).unwrap();
    assert_eq!(config["ssh_keys"]["ed25519_public"], key.public.as_str());
    let private = config["ssh_keys"]["ed25519_private"].as_str().unwrap();
    let private = ssh_key::PrivateKey::from_openssh(private).unwrap();
    let public = ssh_key::PublicKey::from_openssh(&key.public).unwrap();
    assert_eq!(private.public_key().key_data(), public.key_data());
}

#[test]
fn only_the_first_process_of_an_inner_namespace_is_a_machine() {
    assert!(is_first("Name:\tsystemd\nNSpid:\t4711\t1\n"));
    assert!(!is_first("Name:\tsshd\nNSpid:\t4712\t88\n"));
    assert!(!is_first("Name:\tinit\nNSpid:\t1\n"));
}

#[test]
fn a_file_without_keys_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    for text in ["", "# nothing\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n"] {
        std::fs::write(&path, text).unwrap();
        assert!(
            matches!(pool::keys_in(&path), Err(LabError::BadKeys { .. })),
            "{text:?}"
        );
    }
    let key = HostKey::make("me").unwrap().public;
    std::fs::write(&path, format!("# mine\n{key}\n\n")).unwrap();
    assert_eq!(pool::keys_in(&path).unwrap(), [key]);
}

#[tokio::test]
async fn a_lab_that_was_never_up_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::new("ghost", dir.path()).unwrap();
    let error = lab.status().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no lab named \"ghost\"; start it with `holdfast lab up --name ghost`"
    );
    assert!(matches!(
        lab.cut("netcup").await,
        Err(LabError::NoSuchLab { .. })
    ));
}

#[test]
fn the_archives_are_those_of_this_computers_apt() {
    let found = Mirrors::among(
        "http://mirror.example/debian-security/\nhttp://tools.example/apt\nhttp://mirror.example/debian/\n",
    );
    let expected = Mirrors {
        main: "http://mirror.example/debian".to_owned(),
        security: Some("http://mirror.example/debian-security".to_owned()),
    };
    assert_eq!(found, Some(expected));
    assert_eq!(Mirrors::among("http://tools.example/apt\n"), None);
}
