//! What a stack promises: against its schedule, against what the estate demands, and against what
//! was measured.

use super::estate_files::{STACK, estate};
use super::policies::{ACME, said, set, sound, under, with};
use holdfast::decide::promises::{self, Measured};
use holdfast::model::diagnostic::Severity;
use jiff::SignedDuration;
use std::collections::BTreeMap;

#[test]
fn a_daily_schedule_cannot_promise_an_hour() {
    let said = said(&with(estate(), ACME, "rpo = \"24h\"", "rpo = \"1h\""));
    for part in [
        "stacks/acme.toml:9:7: HF0032",
        "rpo = 1h cannot be kept",
        "daily 02:30 Europe/Berlin",
        "24h apart, 23h more than promised",
        "promise rpo = \"24h\"",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn the_estates_promises_bind_every_stack() {
    let weaker = said(&with(under("rto_at_most = \"4h\""), ACME, "", ""));
    assert!(
        weaker.contains("stacks/acme.toml:10:7: HF0034: rto = 6h is weaker than rto_at_most = 4h"),
        "{weaker}"
    );
    let silent = said(&with(
        under("rpo_at_most = \"24h\""),
        ACME,
        "rpo = \"24h\"\n",
        "",
    ));
    assert!(silent.contains("no rpo is promised"), "{silent}");
    let none = with(
        under("rpo_at_most = \"24h\""),
        ACME,
        "[objectives]\nrpo = \"24h\"\nrto = \"6h\"\n",
        "",
    );
    assert!(said(&none).contains("no rpo is promised"));
}

#[test]
fn promises_are_held_against_what_was_measured() {
    let mut files = estate();
    for id in ["bolt", "coal", "dusk"] {
        set(
            &mut files,
            &format!("stacks/{id}.toml"),
            STACK.replace("acme", id),
        );
    }
    let mut desired = sound(&files);
    let hours = |h| Some(SignedDuration::from_hours(h));
    let all = |rebuild| {
        let measured = Measured {
            loss: hours(20),
            loss_at_most: None,
            rebuild,
        };
        desired
            .stacks
            .keys()
            .map(|id| (id.clone(), measured))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(promises::check(&desired, &all(hours(5))), []);
    let found = promises::check(&desired, &all(hours(7)));
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].code, "HF0032");
    assert!(
        found[0].message.contains(
            "acme promises rto = 6h 00m, and a rebuild of 7h 00m was measured: 1h 00m too much"
        ),
        "{}",
        found[0].message
    );
    // Half measured is not measured; all of them make one warning.
    let found = promises::check(&desired, &all(None));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (found[0].code, found[0].severity),
        ("HF0033", Severity::Warning)
    );
    assert!(
        found[0].message.contains(
            "4 stacks were never measured: acme (rto), bolt (rto), coal (rto), and 1 more"
        ),
        "{}",
        found[0].message
    );
    desired.policy.measured_required = true;
    assert!(promises::check(&desired, &BTreeMap::new())[0].is_error());
    for stack in desired.stacks.values_mut() {
        (stack.objectives.rpo, stack.objectives.rto) = (None, None);
    }
    assert_eq!(
        promises::check(&desired, &BTreeMap::new()),
        [],
        "who promises nothing breaks nothing"
    );
}

#[test]
fn a_drill_shows_that_an_rpo_is_kept_and_never_that_it_is_broken() {
    let desired = sound(&estate());
    let found = |hours: i64| {
        let measured = Measured {
            loss: None,
            loss_at_most: Some(SignedDuration::from_hours(hours)),
            rebuild: Some(SignedDuration::from_hours(5)),
        };
        let id = desired.stacks.keys().next().unwrap().clone();
        promises::check(&desired, &BTreeMap::from([(id, measured)]))
    };
    assert_eq!(found(24), []);
    // It may have been done with an old point: then it shows nothing.
    let old = found(25);
    assert_eq!(
        (old[0].code, old[0].severity),
        ("HF0033", Severity::Warning)
    );
    assert_eq!(
        old[0].message,
        "promises of 1 stack were never measured: acme (rpo)"
    );
    assert!(old[0].help.as_ref().unwrap().contains("rpo by a rebuild"));
    let none = promises::check(&desired, &BTreeMap::new());
    assert!(none[0].message.ends_with("acme (rpo, rto)"));
}

#[test]
fn a_name_that_no_machine_can_have_is_warned_of() {
    let block = |machine: &str| {
        let block = format!("\n[[waiver]]\nmachine = \"{machine}\"\nreason = \"gone\"\n");
        let mut files = estate();
        let text = String::from_utf8(files[ACME].clone()).unwrap();
        set(&mut files, ACME, text + &block);
        said(&files)
    };
    for right in [
        "acme-e1",
        "acme-e12",
        "backup-netcup-vie",
        "backup-ionos-de-fra",
    ] {
        assert_eq!(block(right), "");
    }
    let said = block("backup-netcup-vi");
    assert!(
        said.contains(
            "HF0010: warning: no hoster of hosters.toml has a site that makes the name backup-netcup-vi"
        ) && said.contains("did you mean `backup-netcup-vie`?"),
        "{said}"
    );
    let said = block("acem-e1");
    assert!(
        said.contains("no machine of this stack is called acem-e1"),
        "{said}"
    );
}
