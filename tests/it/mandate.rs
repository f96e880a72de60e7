//! Whose word stands behind what a stack asks: after merges, new names, and when people leave.

use crate::people::People;
use crate::sample;
use holdfast::decide::history::History;
use holdfast::decide::mandate::{Freeze, Mandate};
use holdfast::decide::only::only;
use holdfast::flow::estate;
use holdfast::flow::standing::Standing;
use holdfast::model::forecast::Forecast;
use holdfast::model::gap::Gap;
use holdfast::model::ids::{CommitId, MachineName, StackId, StepId};
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::model::machine::{Change, Digest};
use holdfast::model::plan::{Action, Cause, Drift, Effect, FenceBy, Held, Hold, Plan, Step, Why};
use jiff::Timestamp;
use std::fs;

/// The destructive step of a plan that people ask for.
fn fence(stack: &str) -> Plan {
    let step = Step {
        id: StepId::new(format!("{stack}.fence.{stack}-e1")),
        stack: Some(StackId::new(stack)),
        action: Action::Fence {
            machine: MachineName::new(format!("{stack}-e1")),
            by: FenceBy::PowerOff,
        },
        effect: Effect::Destructive,
        why: Why {
            reason: "moved".into(),
            place: None,
            line: None,
            cause: Cause::Intent,
        },
        after: Vec::new(),
        forecast: Forecast::default(),
    };
    sample::plan(CommitId::new("c"), vec![step])
}

fn mandate(people: &People, plan: &Plan, past: &History) -> Mandate {
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let standing = Standing::new(&config, &estate.commit);
    let want = estate.resolution.desired.as_ref().unwrap();
    let (mandate, unknown) = standing.mandate(plan, want, past, Timestamp::now());
    assert_eq!(unknown, []);
    mandate
}

/// How many people are counted for what acme asks now; `None` when they are enough.
fn counted(people: &People) -> Option<u8> {
    let plan = fence("acme");
    let mandate = mandate(people, &plan, &History::default());
    mandate.shortfall(&plan.steps[0]).map(|short| short.have)
}

#[test]
fn s05_a_second_person_is_needed_for_what_one_asked_for() {
    let people = People::together();
    assert_eq!(counted(&people), None, "the root asks for it");
    let commit = people.rename("Acme & Sons", "bela");
    assert_eq!(counted(&people), Some(1));
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    assert_eq!(counted(&people), None);
}

#[test]
fn s05_an_approval_of_a_later_commit_is_none_for_what_was_asked_before() {
    let people = People::together();
    let asked = people.rename("Acme & Sons", "bela");
    people.write("README.md", "hello\n");
    let later = people.commit("Say hello", "anna");
    // Who signed or approved the later commit has looked at that one.
    assert_eq!(people.run("olga", &["approve", &later]).code, 0);
    assert_eq!(counted(&people), Some(1));
    assert_eq!(people.run("olga", &["approve", &asked]).code, 0);
    assert_eq!(counted(&people), None);
}

#[test]
fn s05_an_approval_does_not_count_for_what_is_changed_after_it() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "bela");
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    people.rename("Acme & Daughters", "bela");
    assert_eq!(counted(&people), Some(1));
    // Nor for going back to what was approved once: that is asked for anew.
    people.rename("Acme & Sons", "bela");
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s05_what_all_stacks_share_is_asked_for_by_who_changes_it() {
    let people = People::together();
    let text = people.read("hosters.toml");
    people.write("hosters.toml", &format!("{text}\n# more\n"));
    people.commit("Change what all share", "bela");
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s05_a_signature_whose_key_was_revoked_since_no_longer_counts() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "bela");
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    assert_eq!(counted(&people), None);
    let args = ["trust", "revoke", "bela", "--reason", "laptop stolen"];
    assert_eq!(people.run("anna", &args).code, 0);
    let revoked = people.commit("Revoke bela", "anna");
    assert_eq!(people.run("olga", &["approve", &revoked]).code, 0);
    assert_eq!(counted(&people), Some(1), "olga alone is left");
}

/// Anna and olga change bela's entry on the list and let carl sign; three must sign from now on.
/// Nothing of acme changes; olga approves what acme asks as well.
fn change_bela(people: &People, asked: &str, edit: impl FnOnce(&str) -> String) {
    assert_eq!(people.run("olga", &["approve", asked]).code, 0);
    let text = people.read("trust.toml");
    let from = text.find("\n[[signer]]\nname = \"bela\"").unwrap();
    let to = from + 1 + text[from + 1..].find("\n[[signer]]").unwrap();
    let key = people.new_key("carl");
    let carl = format!("\n[[signer]]\nname = \"carl\"\nrole = \"operator\"\nkey = \"{key}\"\n");
    let text = text[..from].to_owned() + &edit(&text[from..to]) + &carl + &text[to..];
    let text = text.replace(
        "destructive = { signers = 2 }",
        "destructive = { signers = 3 }",
    );
    people.write("trust.toml", &text);
    let changed = people.commit("Change what bela may", "anna");
    assert_eq!(people.run("olga", &["approve", &changed]).code, 0);
}

#[test]
fn s05_who_was_taken_off_the_list_approves_nothing_afterwards() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "anna");
    change_bela(&people, &commit, |_| String::new());
    assert_eq!(counted(&people), Some(2), "anna and olga");
    // The list of the commit's parent still names bela.
    people.approve_by_hand("bela", &commit);
    assert_eq!(counted(&people), Some(2));
}

#[test]
fn s05_whose_time_was_ended_approves_nothing_afterwards() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "anna");
    people.approve_by_hand("bela", &commit);
    change_bela(&people, &commit, |entry| {
        entry.to_owned() + "until = \"2001-01-01T00:00:00Z\"\n"
    });
    assert_eq!(counted(&people), Some(2), "anna and olga");
}

#[test]
fn s05_who_has_another_role_counts_in_that_one() {
    let demote = |entry: &str| entry.replace("\"operator\"", "\"reconciler\"");
    let approved = People::together();
    let commit = approved.rename("Acme & Sons", "anna");
    approved.approve_by_hand("bela", &commit);
    change_bela(&approved, &commit, demote);
    assert_eq!(counted(&approved), Some(2), "anna and olga");
    let signed = People::together();
    let commit = signed.rename("Acme & Sons", "bela");
    change_bela(&signed, &commit, demote);
    assert_eq!(counted(&signed), Some(1), "olga");
    let kept = People::together();
    let commit = kept.rename("Acme & Sons", "bela");
    change_bela(&kept, &commit, str::to_owned);
    assert_eq!(counted(&kept), Some(2), "bela and olga");
}

/// Calls the stack acme2 from now on; gives the commit.
fn call_acme2(people: &People, who: &str) -> String {
    people.git(&["mv", "stacks/acme.toml", "stacks/acme2.toml"]);
    let text = people.read("stacks/acme2.toml");
    let text = text.replacen("id = \"acme\"", "id = \"acme2\"\nmoved_from = \"acme\"", 1);
    people.write("stacks/acme2.toml", &text);
    people.commit("Call it acme2", who)
}

#[test]
fn s05_a_renamed_stack_is_asked_for_by_the_file_that_it_has_now() {
    let people = People::together();
    let renamed = call_acme2(&people, "bela");
    assert_eq!(counted(&people), Some(1));
    assert_eq!(people.run("olga", &["approve", &renamed]).code, 0);
    assert_eq!(counted(&people), None);
    let text = people.read("stacks/acme2.toml");
    people.write("stacks/acme2.toml", &format!("{text}\n# more\n"));
    let changed = people.commit("Change acme2", "bela");
    assert_eq!(
        counted(&people),
        Some(1),
        "what was approved was the new name"
    );
    assert_eq!(people.run("olga", &["approve", &changed]).code, 0);
    assert_eq!(counted(&people), None);
}

#[test]
fn s05_who_may_change_the_file_that_a_stack_has_now_may_approve_it() {
    let people = People::together();
    for (name, stack) in [("old-admin", "acme"), ("new-admin", "acme2")] {
        let key = people.new_key(name);
        let text = people.read("trust.toml");
        let more = format!(
            "\n[[role]]\nname = \"{name}\"\nstacks = [\"{stack}\"]\n\n[[signer]]\nname = \"{name}\"\nrole = \"{name}\"\nkey = \"{key}\"\n"
        );
        people.write("trust.toml", &(text + &more));
    }
    let list = people.commit("Let others look after acme", "anna");
    assert_eq!(people.run("olga", &["approve", &list]).code, 0);
    let renamed = call_acme2(&people, "bela");
    assert_eq!(people.run("old-admin", &["approve", &renamed]).code, 0);
    assert_eq!(counted(&people), Some(1));
    assert_eq!(people.run("new-admin", &["approve", &renamed]).code, 0);
    assert_eq!(counted(&people), None);
}

#[test]
fn s05_what_cannot_be_looked_up_is_a_gap_and_signed_by_nobody() {
    let people = People::together();
    people.rename("Acme & Sons", "bela");
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let mut standing = Standing::new(&config, &estate.commit);
    standing.repository = people.beside("nowhere");
    let plan = fence("acme");
    let want = estate.resolution.desired.as_ref().unwrap();
    let past = History::default();
    let (mandate, unknown) = standing.mandate(&plan, want, &past, Timestamp::now());
    assert!(unknown[0].subject.contains("who signed"));
    assert_eq!(mandate.shortfall(&plan.steps[0]).unwrap().have, 0);
    let mut repair = plan;
    repair.steps[0].why.cause = Cause::Reality;
    assert_eq!(mandate.shortfall(&repair.steps[0]), None);
}

/// Somebody merges these two and decides that the result is this tree.
fn merge(people: &People, who: &str, first: &str, second: &str, tree: &str) -> String {
    let args = [
        "commit-tree",
        "-S",
        "-p",
        first,
        "-p",
        second,
        "-m",
        "Merge",
        tree,
    ];
    let made = people.git_in(people.dir(), who, &args);
    assert_eq!(made.code, 0, "{made:?}");
    people.git(&["reset", "-q", "--hard", made.out.trim()]);
    people.head()
}

/// Both asked for by two people: first these sons, then these daughters.
fn sons_and_daughters(people: &People) -> (String, String) {
    let sons = people.rename("Acme & Sons", "anna");
    assert_eq!(people.run("olga", &["approve", &sons]).code, 0);
    let daughters = people.rename("Acme & Daughters", "anna");
    assert_eq!(people.run("olga", &["approve", &daughters]).code, 0);
    assert_eq!(counted(people), None);
    (sons, daughters)
}

#[test]
fn s05_a_merge_with_an_approved_ancestor_does_not_bring_its_approval_back() {
    let people = People::together();
    let (sons, daughters) = sons_and_daughters(&people);
    let tree = format!("{sons}^{{tree}}");
    for (first, second) in [(&daughters, &sons), (&sons, &daughters)] {
        merge(&people, "bela", first, second, &tree);
        assert_eq!(counted(&people), Some(1), "bela alone wants the sons again");
    }
    // What was undone by one is not approved for all that by merging what was approved.
    people.git(&["reset", "-q", "--hard", &daughters]);
    let again = people.rename("Acme & Sons", "bela");
    merge(&people, "bela", &again, &sons, &tree);
    assert_eq!(counted(&people), Some(1));
    // Nor after a branch that seems not to have touched it, for it ends where it began.
    people.git(&["reset", "-q", "--hard", &daughters]);
    let undone = people.rename("Acme & Sons", "bela");
    people.rename("Acme & Daughters", "bela");
    let redone = people.head();
    merge(&people, "bela", &redone, &undone, &tree);
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s05_a_merge_with_the_root_is_not_the_root() {
    let people = People::together();
    let (_, daughters) = sons_and_daughters(&people);
    let root = people.made.root.to_string();
    people.git(&["checkout", "-q", &root, "--", "stacks/acme.toml"]);
    let tree = people.git(&["write-tree"]);
    // The root's list names anna alone.
    merge(&people, "anna", &daughters, &root, &tree);
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s05_a_merge_that_only_brings_what_was_approved_needs_no_approval_of_its_own() {
    let people = People::together();
    people.git(&["checkout", "-q", "-b", "feature"]);
    let sons = people.rename("Acme & Sons", "anna");
    assert_eq!(people.run("olga", &["approve", &sons]).code, 0);
    people.git(&["checkout", "-q", "main"]);
    people.write("README.md", "hello\n");
    people.commit("Say hello", "bela");
    let git_merge = |branch: &str| {
        let args = ["merge", "-q", "-S", "--no-ff", "-m", "Merge", branch];
        let made = people.git_in(people.dir(), "bela", &args);
        assert_eq!(made.code, 0, "{made:?}");
    };
    git_merge("feature");
    assert_eq!(counted(&people), None);
    // A branch that took main in meanwhile, and comes back.
    people.git(&["checkout", "-q", "-b", "later", "main~1"]);
    people.write("more.md", "more\n");
    people.commit("Say more", "bela");
    git_merge("main");
    people.git(&["checkout", "-q", "main"]);
    people.write("README.md", "hello again\n");
    people.commit("Say hello again", "bela");
    git_merge("later");
    assert_eq!(counted(&people), None);
    people.rename("Acme & Daughters", "bela");
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s05_two_branches_that_both_changed_a_stack_are_signed_for_by_who_merges_them() {
    let people = People::together();
    let start = people.head();
    let sons = people.rename("Acme & Sons", "anna");
    assert_eq!(people.run("olga", &["approve", &sons]).code, 0);
    people.git(&["checkout", "-q", "-b", "other", &start]);
    let daughters = people.rename("Acme & Daughters", "anna");
    people.git(&["checkout", "-q", "main"]);
    let merged = merge(
        &people,
        "bela",
        &daughters,
        &sons,
        &format!("{sons}^{{tree}}"),
    );
    assert_eq!(counted(&people), Some(1));
    assert_eq!(people.run("olga", &["approve", &merged]).code, 0);
    assert_eq!(counted(&people), None);
}

#[test]
fn s05_the_estate_key_is_asked_for_by_who_changes_it() {
    let people = People::together();
    let path = people.dir().join("secrets/estate-key.age");
    let sealed = fs::read(&path).unwrap();
    fs::write(&path, [sealed.as_slice(), b"\n"].concat()).unwrap();
    people.commit("Change the estate key", "bela");
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s16_what_hinders_one_stacks_lookup_leaves_the_others_their_signatures() {
    let people = People::together();
    let acmes = people.rename("Acme & Sons", "bela");
    people.write("README.md", "hello\n");
    people.commit("Say hello", "anna");
    let text = people.read("stacks/acme.toml");
    let bolt = text.replacen("id = \"acme\"", "id = \"bolt\"", 1);
    let bolt = bolt.replace("wiki.acme", "wiki.bolt");
    people.write("stacks/bolt.toml", &bolt);
    people.commit("Add bolt", "bela");
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let standing = Standing::new(&config, &estate.commit);
    let tree = people.git(&["rev-parse", &format!("{acmes}^{{tree}}")]);
    let object = people.dir().join(".git/objects").join(&tree[..2]);
    fs::remove_file(object.join(&tree[2..])).unwrap();
    let mut plan = fence("acme");
    plan.steps.extend(fence("bolt").steps);
    let want = estate.resolution.desired.as_ref().unwrap();
    let (mandate, gaps) = standing.mandate(&plan, want, &History::default(), Timestamp::now());
    let subjects: Vec<_> = gaps.iter().map(|gap| gap.subject.as_str()).collect();
    assert_eq!(subjects, ["who signed for what acme asks"]);
    let have = |at: usize| mandate.shortfall(&plan.steps[at]).map(|short| short.have);
    assert_eq!((have(0), have(1)), (Some(0), Some(1)));
}

#[test]
fn s05_drift_is_told_from_a_change_by_the_head_under_which_it_was_brought_in_line() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "bela");
    let acme = StackId::new("acme");
    let event = |seq, event| Entry {
        seq,
        at: Timestamp::UNIX_EPOCH,
        stack: Some(acme.clone()),
        event,
    };
    let past = |head: &str| {
        let accepted = Event::Accepted {
            commit: CommitId::new(head),
        };
        let converged = Event::Ended {
            step: StepId::new("acme.converge.acme-e1"),
            result: StepResult::Done,
            millis: 1,
        };
        History::from_entries(&[event(1, accepted), event(2, converged)])
    };
    let mut plan = fence("acme");
    plan.steps[0].why.cause = Cause::Difference;
    let asked = |past: &History| mandate(&people, &plan, past).is_asked(&plan.steps[0]);
    assert!(!asked(&past(&commit)), "in line with what is asked now");
    assert!(asked(&past(people.made.root.as_str())), "changed since");
    assert!(asked(&History::default()), "nobody knows");
    // The same tells what is shown as drift.
    plan.drift.push(Drift {
        stack: Some(acme.clone()),
        machine: MachineName::new("acme-e1"),
        change: Change::InstallPackage {
            package: "nginx".into(),
        },
    });
    people.write("note.md", "Of no machine's concern.\n");
    people.commit("Note", "anna");
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let standing = Standing::new(&config, &estate.commit);
    let want = estate.resolution.desired.as_ref().unwrap();
    let drift = |past: &History| standing.tell_drift(plan.clone(), want, past).drift.len();
    assert_eq!(drift(&past(&people.head())), 1, "in line with the head");
    assert_eq!(
        drift(&past(&commit)),
        1,
        "and with the same inputs before it"
    );
    assert_eq!(drift(&past(people.made.root.as_str())), 0);
    assert_eq!(drift(&History::default()), 0);
    let mut lost = standing.clone();
    lost.repository = people.beside("nowhere");
    let told = lost.tell_drift(plan.clone(), want, &past(&commit));
    assert_eq!((told.drift.len(), told.gaps.len()), (0, 1));
}

#[test]
fn s09_what_concerns_every_stack_stays_in_the_plan_of_one() {
    let people = People::together();
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let mut standing = Standing::new(&config, &estate.commit);
    standing = standing.instead_of(CommitId::new("f".repeat(40)), "not signed".into(), "sign");
    standing.freezes.push(Freeze {
        rule: "freshness",
        reason: "nothing could be fetched".into(),
        remedy: "find out why".into(),
    });
    let fetched = Gap::unasked("new commits on main of origin");
    standing.gaps.push(fetched.clone());
    let mut plan = sample::plan(CommitId::new("c"), Vec::new());
    let held = |wanted: &str| Held {
        stack: None,
        wanted: wanted.into(),
        hold: Hold::Forbidden {
            rule: "approvals".into(),
            reason: "too few".into(),
        },
        remedy: "approve".into(),
    };
    plan.held = vec![held("converge backup-here"), held("converge backup-there")];
    let who = |whose: &str| Gap::unasked(format!("who signed for what {whose}"));
    plan.gaps = vec![who("acme asks"), who("bolt asks"), who("the stacks share")];
    let alarms = standing.alarms();
    let parts = [("machine backup-here".to_owned(), Digest(String::new()))].into();
    let told = alarms.tell(only(alarms.tell(plan), vec![StackId::new("acme")], &parts));
    let wanted: Vec<&str> = told.held.iter().map(|held| held.wanted.as_str()).collect();
    assert_eq!(
        wanted,
        [
            "converge backup-here",
            "what commit ffffffffffff asks for",
            "anything destructive"
        ]
    );
    assert_eq!(
        told.gaps,
        [who("acme asks"), who("the stacks share"), fetched]
    );
}
