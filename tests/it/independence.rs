//! A backup stands where production's misfortune does not reach (S14).

use super::estate_files::{CATALOGUE, STACK, estate, lines, read_with};
use holdfast::decide::catalogue::Catalogue;
use holdfast::model::diagnostic::Diagnostic;
use holdfast::show::diagnostics::one_line;

/// What S14 says of a customer when the world of hosters is another.
fn clash(stack: &str, change: impl FnOnce(&mut Catalogue)) -> String {
    let mut world = CATALOGUE.clone();
    change(&mut world);
    let mut files = estate();
    files.insert("stacks/acme.toml".to_owned(), stack.to_owned().into_bytes());
    let resolution = read_with(&files, &world);
    let found: Vec<Diagnostic> = resolution
        .diagnostics
        .into_iter()
        .inspect(|f| assert_eq!(f.code, "HF0014", "{}", one_line(f)))
        .collect();
    lines(&found)
}

#[test]
fn s14_the_same_account_is_no_backup() {
    let stack = STACK.replace(
        "hoster = \"netcup\"\nsite = \"vie\"",
        "hoster = \"hetzner\"\nsite = \"hel1\"",
    );
    let said = clash(&stack, |_| {});
    for fact in [
        "the same account hetzner",
        "the same company Hetzner Online GmbH",
        "AS24940",
    ] {
        assert!(said.contains(fact), "{said}");
    }
    assert!(said.starts_with("stacks/acme.toml:20:10"), "{said}");
}

#[test]
fn s14_the_same_company_under_another_name_is_no_backup() {
    let said = clash(STACK, |world| {
        let other = world.descriptors.get_mut("netcup").expect("netcup");
        other.legal_entity = "hetzner  online gmbh".to_owned();
    });
    assert!(
        said.contains("the same company Hetzner Online GmbH"),
        "{said}"
    );
}

#[test]
fn s14_the_same_group_is_no_backup() {
    let said = clash(STACK, |world| {
        let other = world.descriptors.get_mut("netcup").expect("netcup");
        other.parent = "Hetzner Online GmbH".to_owned();
    });
    assert!(
        said.contains("the same group Hetzner Online GmbH"),
        "{said}"
    );
}

#[test]
fn s14_the_same_network_is_no_backup() {
    let said = clash(STACK, |world| {
        let other = world.descriptors.get_mut("netcup").expect("netcup");
        other.autonomous_systems.push(24940);
    });
    assert!(said.contains("the same network AS24940"), "{said}");
}

#[test]
fn s14_the_same_town_is_no_backup() {
    let said = clash(&STACK.replace("site = \"vie\"", "site = \"nbg\""), |_| {});
    assert!(
        said.contains("Nuremberg and Nuremberg are 0 km apart"),
        "{said}"
    );
}

#[test]
fn s14_a_fallback_may_not_bring_production_to_the_backup() {
    let stack = STACK.replace(
        "{ hoster = \"ionos\", site = \"de/fra\" }]",
        "{ hoster = \"ionos\", site = \"de/fra\" }, { hoster = \"netcup\", site = \"nbg\" }]",
    );
    let said = clash(&stack, |_| {});
    assert!(said.contains("the fallback at netcup nbg"), "{said}");
    assert!(said.contains("the same account netcup"), "{said}");
    assert_eq!(said.lines().count(), 1, "ionos is independent: {said}");
}

#[test]
fn s14_independent_hosters_pass() {
    assert_eq!(clash(STACK, |_| {}), "");
}
