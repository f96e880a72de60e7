//! What the estate demands: each rule from data, each finding with its place, facts and remedy.

use super::estate_files::{CATALOGUE, Files, STACK, estate, lines, read_with};
use super::estate_fixture::{ESCROW, RECIPIENT};
use holdfast::decide::origins::Unlawful;
use holdfast::decide::resolve::{Holders, Resolution, resolve_after};
use holdfast::model::desired::Desired;
use holdfast::model::ids::{CommitId, HostName, StackId};
use jiff::SignedDuration;

pub const ACME: &str = "stacks/acme.toml";
const FILE: &str = "blueprints/notes/blueprint.toml";

fn read(files: &Files) -> Resolution {
    read_with(files, &CATALOGUE)
}

pub fn set(files: &mut Files, path: &str, text: impl Into<String>) {
    files.insert(path.to_owned(), text.into().into_bytes());
}

/// The sound estate with these lines in `[policy]`.
pub fn under(policy: &str) -> Files {
    let mut files = estate();
    let text = format!("schema = 1\n[estate]\nname = \"example\"\n[policy]\n{policy}\n");
    set(&mut files, "estate.toml", text);
    files
}

pub fn with(mut files: Files, path: &str, from: &str, to: &str) -> Files {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert!(text.contains(from), "{path} has no {from:?}");
    set(&mut files, path, text.replacen(from, to, 1));
    files
}

pub fn said(files: &Files) -> String {
    lines(&read(files).diagnostics)
}

pub fn sound(files: &Files) -> Desired {
    let resolution = read(files);
    assert_eq!(lines(&resolution.diagnostics), "");
    resolution.desired.unwrap()
}

#[test]
fn an_estate_may_tighten_every_rule() {
    let policy = "distance = \"300 km\"\nfallback = \"required\"\nescrow = 1\nrpo_at_most = \"24h\"\nrto_at_most = \"8h\"\nmeasured = \"required\"\ncapacity_spare = 2";
    let policy = sound(&under(policy)).policy;
    assert_eq!(
        (policy.distance_km, policy.escrow, policy.capacity_spare),
        (300, 1, 2)
    );
    assert!(policy.fallback_required && policy.measured_required);
    assert_eq!(policy.rto_at_most, Some(SignedDuration::from_hours(8)));
}

#[test]
fn an_estate_may_loosen_none() {
    let cases = [
        ("distance = \"10 km\"", "HF0030"),
        ("escrow = 0", "HF0030"),
        ("capacity_spare = 0", "HF0030"),
        ("fallback = \"none\"", "HF0030"),
        ("measured = \"never\"", "HF0030"),
        ("distance = \"50\"", "HF0007"),
        ("distance = \"99999 km\"", "HF0008"),
        ("escrow = 99999", "HF0008"),
        ("rpo_at_most = \"0h\"", "HF0007"),
        ("distanz = \"60 km\"", "HF0003"),
    ];
    for (line, code) in cases {
        let resolution = read(&under(line));
        let found = resolution.diagnostics.first().unwrap();
        assert_eq!(found.code, code, "{line}");
        assert_eq!(
            (found.place.file.as_str(), found.place.line),
            ("estate.toml", 5)
        );
        assert!(found.help.is_some() || code == "HF0007", "{line}");
        if code == "HF0030" {
            assert!(found.message.contains("never loosen"), "{}", found.message);
        }
    }
}

#[test]
fn s14_the_estate_may_ask_for_more_distance() {
    assert_eq!(said(&under("distance = \"400 km\"")), "");
    let said = said(&under("distance = \"450 km\""));
    assert!(said.contains("Nuremberg and Vienna are"), "{said}");
    assert!(said.contains("450 km is the least"), "{said}");
}

#[test]
fn s14_two_accounts_with_one_token_are_one_account() {
    // A catalogue in which the backup's company rents by interface as well.
    let mut world = CATALOGUE.clone();
    let netcup = world.descriptors.get_mut("netcup").unwrap();
    netcup.interface = holdfast::model::desired::InterfaceFamily::HetznerCloud;
    let account = |token: &str, endpoint: &str| {
        format!(
            "[[hoster]]\nid = \"netcup\"\ndescriptor = \"netcup\"\ntoken_secret = \"{token}\"\n{endpoint}"
        )
    };
    let clash = |token: &str, endpoint: &str, sealed: &str| {
        let mut files = estate();
        let text = format!(
            "schema = 1\n[[hoster]]\nid = \"hetzner\"\ndescriptor = \"hetzner\"\ntoken_secret = \"hetzner-token\"\n{}\n[[hoster]]\nid = \"ionos\"\ndescriptor = \"ionos\"\n",
            account(token, endpoint)
        );
        set(&mut files, "hosters.toml", text);
        set(&mut files, &format!("secrets/{token}.age"), sealed);
        lines(&read_with(&files, &world).diagnostics)
    };
    let sealed = |word: &str| {
        format!("age-encryption.org/v1\n-> X25519 {word}\nbbbb\n-> X25519 cccc\ndddd\n--- mac\n")
    };
    assert_eq!(clash("netcup-token", "", &sealed("eeee")), "");
    let copied = clash("netcup-token", "", &sealed("aaaa"));
    assert!(
        copied.contains("secrets/hetzner-token.age and secrets/netcup-token.age are the same file"),
        "{copied}"
    );
    let same = clash("hetzner-token", "", &sealed("aaaa"));
    assert!(same.contains("the same token hetzner-token"), "{same}");
    let endpoint = "endpoint = \"https://api.hetzner.cloud/v1/\"";
    let interface = clash("netcup-token", endpoint, &sealed("eeee"));
    assert!(
        interface.contains("the same interface https://api.hetzner.cloud/v1"),
        "{interface}"
    );
}

#[test]
fn s14_one_address_is_one_machine_also_as_a_fallback() {
    let key = |number: u8| {
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&[number; 32]);
        ssh_key::PublicKey::from(pair.public).to_openssh().unwrap()
    };
    let machine = |name: &str, port: u16, site: &str, number: u8| {
        format!(
            "[[hoster.machine]]\nname = \"{name}\"\naddress = \"192.0.2.7\"\nport = {port}\nhost_key = \"{}\"\nsite = \"{site}\"\nimage = \"debian-13\"\n",
            key(number)
        )
    };
    let mut files = estate();
    let text = format!(
        "schema = 1\n[[hoster]]\nid = \"hetzner\"\ndescriptor = \"hetzner\"\ntoken_secret = \"hetzner-token\"\n[[hoster]]\nid = \"netcup\"\ndescriptor = \"netcup\"\n{}[[hoster]]\nid = \"ionos\"\ndescriptor = \"ionos\"\n{}",
        machine("v1", 22, "vie", 1),
        machine("v2", 2222, "de/fra", 2),
    );
    set(&mut files, "hosters.toml", text);
    let said = said(&files);
    assert!(said.contains("the fallback at ionos de/fra"), "{said}");
    assert!(said.contains("the same address 192.0.2.7"), "{said}");
    assert_eq!(
        said.lines().count(),
        1,
        "production at hetzner is independent: {said}"
    );
}

#[test]
fn a_fallback_can_be_demanded() {
    let files = with(
        under("fallback = \"required\""),
        ACME,
        "fallback = [{ hoster = \"ionos\", site = \"de/fra\" }]\n",
        "",
    );
    let resolution = read(&files);
    let said = lines(&resolution.diagnostics);
    assert!(said.starts_with("stacks/acme.toml:12:1: HF0031"), "{said}");
    assert!(said.contains("add fallback = "), "{said}");
    let desired = resolution.desired.expect("the others go on (S16)");
    assert!(desired.broken.contains_key(&StackId::new("acme")));
}

#[test]
fn escrow_keys_must_outlive_the_reconciler() {
    let lost = said(&with(estate(), "trust.toml", ESCROW, RECIPIENT));
    assert!(
        lost.starts_with("trust.toml:") && lost.contains(":12: HF0035"),
        "{lost}"
    );
    assert!(lost.contains("the reconciler's own"), "{lost}");
    let list = format!("\"{ESCROW}\"");
    let twice = with(estate(), "trust.toml", &list, &format!("{list}, {list}"));
    assert!(
        said(&twice).contains("this escrow key stands twice"),
        "{}",
        said(&twice)
    );
    let few = said(&under("escrow = 2"));
    assert!(
        few.contains("1 escrow recipients, and `escrow = 2`"),
        "{few}"
    );
    assert!(
        few.contains("can be read by 2 identities"),
        "every secret is sealed anew: {few}"
    );
}

#[test]
fn s16_a_quota_counts_production_backups_and_one_rebuild_and_holds_nobody() {
    let mut files = estate();
    for id in ["bolt", "coal"] {
        set(
            &mut files,
            &format!("stacks/{id}.toml"),
            STACK.replace("acme", id),
        );
    }
    let quota = |account: &str, machines: u32| {
        let line = format!("descriptor = \"{account}\"");
        let with_quota = format!("{line}\nquota = {{ machines = {machines} }}");
        with(files.clone(), "hosters.toml", &line, &with_quota)
    };
    assert_eq!(said(&files), "", "an unknown quota is not judged");
    assert_eq!(said(&quota("hetzner", 4)), "");
    let resolution = read(&quota("hetzner", 3));
    let said_of = lines(&resolution.diagnostics);
    assert!(
        said_of.contains("hetzner allows 3 machines and 4 are wanted: 3 for production (acme, bolt, coal), 1 kept free for a rebuild"),
        "{said_of}"
    );
    assert!(said_of.starts_with("hosters.toml:6:9: HF0036"), "{said_of}");
    assert_eq!(
        resolution.desired.unwrap().stacks.len(),
        3,
        "what fits goes on"
    );
    // One backup machine for all three; nothing is ever rebuilt there.
    assert_eq!(said(&quota("netcup", 1)), "");
    assert!(said(&quota("netcup", 0)).contains("1 for backups (backup-netcup-vie)"));
    // Only a rebuild can come here.
    assert_eq!(said(&quota("ionos", 1)), "");
    assert!(said(&quota("ionos", 0)).contains("1 are wanted: 1 kept free for a rebuild"));
}

#[test]
fn a_quota_that_no_number_follows_is_told() {
    let line = "descriptor = \"hetzner\"";
    let wrong = with(
        estate(),
        "hosters.toml",
        line,
        &format!("{line}\nquota = 10"),
    );
    assert!(said(&wrong).contains("HF0005"), "{}", said(&wrong));
}

#[test]
fn s16_who_had_a_name_keeps_it_and_only_the_newcomer_is_held() {
    let mut files = estate();
    set(
        &mut files,
        "stacks/bolt.toml",
        STACK.replace("\"acme\"", "\"bolt\""),
    );
    let unknown = read(&files);
    let host = HostName::new("wiki.acme.example");
    let (acme, bolt) = (StackId::new("acme"), StackId::new("bolt"));
    let ids: Vec<_> = unknown.contested[&host].iter().map(|one| &one.id).collect();
    assert_eq!(ids, [&acme, &bolt]);
    assert_eq!(
        unknown.desired.unwrap().broken.len(),
        2,
        "without a base both are held"
    );
    for (holder, other) in [(&acme, &bolt), (&bolt, &acme)] {
        let holders = Holders::from([(host.clone(), holder.clone())]);
        let known = resolve_after(
            &files,
            &CommitId::new("c0ffee"),
            &CATALOGUE,
            &holders,
            &Unlawful::new(),
        );
        let desired = known.desired.unwrap();
        assert!(desired.stacks.contains_key(holder));
        assert!(desired.broken.contains_key(other));
        let said = lines(&known.diagnostics);
        assert!(
            said.contains(&format!("stacks/{other}.toml:26:1: HF0041")),
            "{said}"
        );
        assert!(
            said.contains(&format!("belongs to stacks/{holder}.toml:26")),
            "{said}"
        );
    }
    let nobody = Holders::from([(host, StackId::new("coal"))]);
    let known = resolve_after(
        &files,
        &CommitId::new("c0ffee"),
        &CATALOGUE,
        &nobody,
        &Unlawful::new(),
    );
    assert_eq!(
        known.desired.unwrap().broken.len(),
        2,
        "a holder that no longer asks for it"
    );
}

#[test]
fn moved_from_keeps_the_id_with_which_a_stack_began() {
    let mut files = estate();
    let text = String::from_utf8(files.remove(ACME).unwrap()).unwrap();
    let new = text.replace("id = \"acme\"", "id = \"acme2\"\nmoved_from = \"acme\"");
    set(&mut files, "stacks/acme2.toml", &*new);
    let desired = sound(&files);
    let stack = &desired.stacks[&StackId::new("acme")];
    assert_eq!((stack.id.as_str(), stack.shown.as_str()), ("acme", "acme2"));
    assert_eq!(stack.place.line, 4);
    // The old file is still there.
    let mut both = files.clone();
    set(&mut both, ACME, text.replace("wiki.acme", "old.acme"));
    let resolution = read(&both);
    let found = lines(&resolution.diagnostics);
    assert!(
        found.contains("stacks/acme2.toml:5:14: HF0039: stacks/acme.toml still exists"),
        "{found}"
    );
    let desired = resolution.desired.unwrap();
    assert!(
        desired.stacks.contains_key(&StackId::new("acme")),
        "S16: it is not held for it"
    );
    assert!(desired.broken.contains_key(&StackId::new("acme2")));
    // Two say so.
    let third = new
        .replace("\"acme2\"", "\"acme3\"")
        .replace("wiki.acme", "w3.acme");
    set(&mut files, "stacks/acme3.toml", third);
    let resolution = read(&files);
    let found = lines(&resolution.diagnostics);
    assert!(
        found.contains("acme2 and acme3 both say moved_from = \"acme\""),
        "{found}"
    );
    assert!(resolution.desired.unwrap().stacks.is_empty());
}

#[test]
fn the_last_day_is_a_day() {
    let line = "name = \"ACME GmbH\"";
    let on = |day: &str| {
        with(
            estate(),
            ACME,
            line,
            &format!("{line}\nretired = \"{day}\""),
        )
    };
    let desired = sound(&on("2026-12-31"));
    let end = desired.stacks[&StackId::new("acme")]
        .retired
        .clone()
        .unwrap();
    assert_eq!(end.begins().to_string(), "2026-12-31T00:00:00Z");
    assert_eq!((end.place.line, end.place.column), (6, 11));
    for day in [
        "2026-02-30",
        "31.12.2026",
        "2026-12-31T10:00",
        "soon",
        "20261231",
        "",
    ] {
        let said = said(&on(day));
        assert!(
            said.contains("HF0008") && said.contains("is not a day"),
            "{day}: {said}"
        );
    }
}

#[test]
fn state_that_nothing_checks_is_not_covered() {
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let notes = base.join("fixtures/estates/notes/blueprints/notes");
    let mut sound_files = estate();
    for name in [
        "blueprint.toml",
        "nginx.conf.j2",
        "hooks/init.sh",
        "hooks/after-restore.sh",
        "checks/table.sh",
    ] {
        let bytes = std::fs::read(notes.join(name)).unwrap();
        sound_files.insert(format!("blueprints/notes/{name}"), bytes);
    }
    assert_eq!(said(&sound_files), "");
    let text = String::from_utf8(sound_files[FILE].clone()).unwrap();
    let without = |from: &str, to: &str| {
        let cut = with(sound_files.clone(), FILE, from, to);
        said(&cut)
    };
    let script = "\n[[check]]\nname = \"the table answers\"\nscript = \"checks/table.sh\"\n";
    assert!(without(script, "").contains("HF0040: no [[check]] asks the database notes"));
    let checks = &text[text.find("[[check]]").unwrap()..];
    assert!(
        without(checks, "")
            .contains("no [[check]]: a restore could not be told from an empty service")
    );
    let more = "[[secret]]\nname = \"pepper\"\n\n[[secret]]";
    assert!(without("[[secret]]", more).contains("nothing uses the secret pepper"));
    let state = &text[text.find("[[database]]").unwrap()..text.find("[hooks]").unwrap()];
    assert!(without(state, "").contains("no [[files]] or [[database]] declares it"));
}
