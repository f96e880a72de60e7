//! Plans by comparing commits: no network, no secrets, no configuration.

mod succession;

use super::plan_world::{HETZNER, stack_file};
use holdfast::flow::estate::commit_signed;
use holdfast::flow::init::{InitOptions, init};
use holdfast::flow::offline::{Offline, OfflineError, Question, plan_between};
use holdfast::model::ids::{CommitId, StackId};
use holdfast::model::plan::{Action, Effect, Hold, Plan};
use holdfast::show::views::markdown::markdown;
use holdfast::show::views::plan::human;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const HOSTERS: &str = r#"schema = 1

[[hoster]]
id = "hetzner"
descriptor = "hetzner"
token_secret = "hetzner-token"

[[hoster]]
id = "netcup"
descriptor = "netcup"

[[hoster]]
id = "ionos"
descriptor = "ionos"
"#;

/// An estate whose base is its first commit.
struct Estate {
    _folder: tempfile::TempDir,
    dir: PathBuf,
    root: CommitId,
}

impl Estate {
    fn with(stacks: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("estate");
        let stacks = stacks
            .iter()
            .map(|id| ((*id).to_owned(), stack_file(id, HETZNER, REPAIR)))
            .collect();
        let options = InitOptions {
            hosters: Some(HOSTERS.to_owned()),
            stacks,
            ..InitOptions::default()
        };
        let made = init(&dir, &options).unwrap();
        // Nothing of this computer's is needed.
        std::fs::remove_file(&made.config).unwrap();
        Self {
            _folder: folder,
            dir,
            root: made.root,
        }
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.join(path)).unwrap()
    }

    fn commit(&self, changes: &[(&str, Option<String>)]) -> CommitId {
        let changes: BTreeMap<String, Option<Vec<u8>>> = changes
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.clone().map(String::into_bytes)))
            .collect();
        commit_signed(&self.dir, "Change", &changes).unwrap()
    }

    fn replace(&self, path: &str, old: &str, new: &str) -> CommitId {
        let text = self.text(path);
        assert!(text.contains(old), "{path} has no {old}");
        self.commit(&[(path, Some(text.replace(old, new)))])
    }

    fn ask(&self, base: &str, stacks: &[&str]) -> Result<Offline, OfflineError> {
        let stacks: Vec<StackId> = stacks.iter().map(|id| StackId::new(*id)).collect();
        plan_between(&Question {
            repository: &self.dir,
            root: &self.root,
            head: "HEAD",
            base,
            stacks: &stacks,
            now: "2026-03-02T12:00:00Z".parse().unwrap(),
        })
    }

    fn plan(&self) -> Plan {
        let base = self.root.as_str();
        self.ask(base, &[]).unwrap().plan.plan().clone()
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        let done = git
            .arg("-C")
            .arg(&self.dir)
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// The program itself, with the root as its only knowledge.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .arg("--estate")
            .arg(&self.dir)
            .env_clear()
            .env("HOLDFAST_ROOT", self.root.as_str())
            .output()
            .unwrap()
    }

    fn exit(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }
}

const REPAIR: &str = "\n[repair]\nautomatic = [\"restart\", \"reinstall\", \"rebuild\"]\n";
const ACME: &str = "stacks/acme.toml";
const MOVED: (&str, &str) = ("site = \"nbg1\"", "site = \"fsn1\"");

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn the_same_commit_on_both_sides_is_nothing_to_do() {
    let estate = Estate::with(&["acme", "beta"]);
    let plan = estate.plan();
    assert!(plan.steps.is_empty() && plan.held.is_empty(), "{plan:#?}");
    assert_eq!(plan.basis.observed, None);
    assert!(plan.not_observed.contains(&"drift".to_owned()));
}

#[test]
fn a_changed_setting_is_one_step_that_points_at_its_line() {
    let estate = Estate::with(&["acme", "beta"]);
    estate.replace(ACME, "title = \"Documents\"", "title = \"Papers\"");
    let plan = estate.plan();
    assert_eq!(ids(&plan), ["acme.converge.acme-e1"]);
    let why = &plan.steps[0].why;
    let place = why.place.as_ref().unwrap();
    let line = why.line.as_ref().unwrap();
    let text = estate.text(ACME);
    let there = text
        .lines()
        .nth(usize::try_from(place.line).unwrap() - 1)
        .unwrap();
    assert_eq!(place.file, ACME);
    assert_eq!(Some(there), line.after.as_deref());
    assert_eq!(
        line.before.as_deref(),
        Some("settings = { title = \"Documents\" }")
    );
    assert!(
        plan.drift.is_empty(),
        "of drift nothing is known: {:?}",
        plan.drift
    );
}

#[test]
fn a_change_of_words_that_no_machine_knows_is_nothing_to_do() {
    let estate = Estate::with(&["acme"]);
    estate.replace(ACME, "schema = 1\n", "schema = 1\n# for the auditors\n");
    assert!(estate.plan().steps.is_empty());
}

#[test]
fn a_move_is_planned_whole_with_its_price_and_what_its_data_rest_on() {
    let estate = Estate::with(&["acme", "beta"]);
    estate.replace(ACME, MOVED.0, MOVED.1);
    let plan = estate.plan();
    assert!(
        plan.steps
            .iter()
            .all(|s| s.stack == Some(StackId::new("acme")))
    );
    assert!(plan.steps.iter().any(|s| s.effect == Effect::Destructive));
    assert_eq!(plan.monthly_cost.cents, 399);
    assert_eq!(plan.monthly_cost.after_retirement_cents, -399);
    assert_eq!(plan.estimate, None, "nothing was measured here");
    for (name, text) in [
        ("plan_offline_move", human(&plan)),
        ("plan_offline_move_markdown", markdown(&plan)),
    ] {
        let shown = text
            .replace(&plan.basis.commit.as_str()[..12], "<head>")
            .replace(&estate.root.as_str()[..12], "<base>");
        insta::with_settings!({ snapshot_path => "../../golden", omit_expression => true }, {
            insta::assert_snapshot!(name, shown);
        });
    }
}

#[test]
fn a_new_stack_uses_the_backup_machine_that_unread_stacks_have() {
    let estate = Estate::with(&["acme", "beta"]);
    estate.commit(&[(
        "stacks/gamma.toml",
        Some(stack_file("gamma", HETZNER, REPAIR)),
    )]);
    let plan = estate.plan();
    let ids = ids(&plan);
    assert!(ids.contains(&"gamma.create.gamma-e1"), "{ids:?}");
    assert!(ids.contains(&"gamma.initialise.gamma-e1"), "{ids:?}");
    assert!(
        ids.contains(&"estate.converge.backup-netcup-vie"),
        "{ids:?}"
    );
    assert!(
        !ids.iter().any(|id| id.starts_with("estate.create")),
        "{ids:?}"
    );
}

#[test]
fn a_new_backup_site_is_a_new_machine_of_which_nobody_knows_which() {
    let estate = Estate::with(&["acme", "beta"]);
    let ordered = "\n[[hoster.machine]]\nname = \"netcup-7\"\naddress = \"192.0.2.7\"\nsite = \"ams\"\n\
                   image = \"debian-13\"\nhost_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ\"\n";
    let hosters = estate.text("hosters.toml");
    let with = hosters.replace(
        "descriptor = \"netcup\"\n",
        &format!("descriptor = \"netcup\"\n{ordered}"),
    );
    let base = estate.commit(&[("hosters.toml", Some(with))]);
    let file = stack_file("gamma", HETZNER, REPAIR).replace("\"vie\"", "\"ams\"");
    estate.commit(&[("stacks/gamma.toml", Some(file))]);
    let plan = estate.ask(base.as_str(), &[]).unwrap().plan.plan().clone();
    let create = plan
        .steps
        .iter()
        .find(|s| s.id.as_str() == "estate.create.backup-netcup-ams");
    let create = create.unwrap_or_else(|| panic!("{:?} {:?}", ids(&plan), plan.held));
    assert!(
        matches!(&create.action, Action::Create { take: None, .. }),
        "{create:?}"
    );
    assert!(
        human(&plan).contains("take a machine at netcup ams"),
        "{}",
        human(&plan)
    );
}

#[test]
fn s16_a_name_claimed_twice_is_found_in_files_that_did_not_change() {
    let estate = Estate::with(&["acme", "beta", "gamma"]);
    estate.replace(ACME, "docs.acme.example", "docs.beta.example");
    let plan = estate.plan();
    assert!(plan.steps.is_empty(), "{:?}", ids(&plan));
    let held: Vec<&str> = plan
        .held
        .iter()
        .map(|h| h.stack.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(held, ["acme"], "beta had it, and keeps it (S16)");
}

#[test]
fn a_name_hidden_behind_an_escape_is_found_too() {
    let estate = Estate::with(&["acme", "beta"]);
    estate.replace(
        "stacks/beta.toml",
        "docs.beta.example",
        "docs.\\u0062eta.example",
    );
    let base = estate.plan().basis.commit;
    estate.replace(ACME, "docs.acme.example", "docs.beta.example");
    let plan = estate.ask(base.as_str(), &[]).unwrap().plan.plan().clone();
    assert_eq!(plan.held.len(), 1, "{:?}", plan.held);
    assert_eq!(plan.held[0].stack, Some(StackId::new("acme")));
}

#[test]
fn reading_everything_gives_the_same_plan_as_reading_what_changed() {
    let estate = Estate::with(&["acme", "beta", "gamma", "delta"]);
    estate.replace(ACME, MOVED.0, MOVED.1);
    estate.replace("stacks/beta.toml", "Documents", "Papers");
    estate.commit(&[
        ("stacks/gamma.toml", None),
        ("stacks/new.toml", Some(stack_file("new", HETZNER, REPAIR))),
    ]);
    let part = estate.plan();
    // A comment in what all share makes every file count.
    let shared = estate.text("estate.toml");
    estate.commit(&[("estate.toml", Some(format!("# all\n{shared}")))]);
    let whole = estate.plan();
    assert_eq!(part.steps, whole.steps);
    assert_eq!(part.held, whole.held);
    assert!(part.steps.len() > 10);
}

#[test]
fn s01_a_file_that_just_disappears_deletes_nothing() {
    let estate = Estate::with(&["acme", "beta"]);
    estate.commit(&[("stacks/beta.toml", None)]);
    let plan = estate.plan();
    assert!(
        plan.steps.iter().all(|step| step.stack.is_none()),
        "{:?}",
        ids(&plan)
    );
    let held = plan
        .held
        .iter()
        .find(|h| h.stack == Some(StackId::new("beta")));
    assert!(
        matches!(held.unwrap().hold, Hold::Forbidden { .. }),
        "{held:?}"
    );
}

#[test]
fn s16_a_broken_stack_is_held_and_the_others_go_on() {
    let estate = Estate::with(&["acme", "beta"]);
    let broken = estate.text(ACME).replace("dokuwiki", "dokuwki");
    let changed = estate
        .text("stacks/beta.toml")
        .replace("Documents", "Papers");
    estate.commit(&[(ACME, Some(broken)), ("stacks/beta.toml", Some(changed))]);
    let offline = estate.ask(estate.root.as_str(), &[]).unwrap();
    let plan = offline.plan.plan();
    assert_eq!(ids(plan), ["beta.converge.beta-e1"]);
    assert!(matches!(plan.held[0].hold, Hold::Broken { findings: 1 }));
    assert_eq!(offline.findings.len(), 1);
}

#[test]
fn s01_a_stack_that_was_broken_at_the_base_is_unknown_not_new() {
    let estate = Estate::with(&["acme", "beta"]);
    let base = estate.replace(ACME, "dokuwiki", "dokuwki");
    estate.replace(ACME, "dokuwki", "dokuwiki");
    let plan = estate.ask(base.as_str(), &[]).unwrap().plan.plan().clone();
    assert!(
        plan.steps.is_empty(),
        "nothing is created: {:?}",
        ids(&plan)
    );
    assert!(matches!(plan.held[0].hold, Hold::NotObserved { .. }));
}

#[test]
fn a_base_that_has_moved_on_is_said_and_not_compared() {
    let estate = Estate::with(&["acme", "beta"]);
    estate.git(&["branch", "pr"]);
    estate.replace("stacks/beta.toml", "Documents", "Papers");
    estate.git(&["branch", "-f", "trunk", "HEAD"]);
    estate.git(&["checkout", "-q", "pr"]);
    estate.replace(ACME, "Documents", "Sheets");
    let plan = estate.ask("trunk", &[]).unwrap().plan.plan().clone();
    assert_eq!(ids(&plan), ["acme.converge.acme-e1"]);
    let compared = plan.basis.compared.as_ref().unwrap();
    assert_eq!((compared.moved_on, &compared.merge_base), (1, &estate.root));
    assert!(
        human(&plan).contains("trunk has moved on by 1 commit since"),
        "{}",
        human(&plan)
    );
}

#[test]
fn only_the_stacks_asked_for_are_planned() {
    let estate = Estate::with(&["acme", "beta"]);
    estate.replace(ACME, "Documents", "Sheets");
    estate.replace("stacks/beta.toml", "Documents", "Papers");
    let ask = |stacks: &[&str]| estate.ask(estate.root.as_str(), stacks);
    assert_eq!(
        ids(ask(&["beta"]).unwrap().plan.plan()),
        ["beta.converge.beta-e1"]
    );
    let error = ask(&["acne"]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the estate has no stack \"acne\"; did you mean `acme`?"
    );
}

#[test]
fn s13_a_line_that_may_hold_a_secret_is_not_shown() {
    let estate = Estate::with(&["acme"]);
    estate.replace(
        ACME,
        "title = \"Documents\"",
        "title = \"password: hunter2\"",
    );
    let plan = estate.plan();
    let shown = serde_json::to_string(&plan).unwrap() + &human(&plan) + &markdown(&plan);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn every_exit_code_of_an_offline_plan() {
    let estate = Estate::with(&["acme", "beta"]);
    let root = estate.root.as_str().to_owned();
    let plan = ["plan", "--base", root.as_str()];
    assert_eq!(estate.exit(&plan), 0);
    assert_eq!(estate.exit(&["plan", "nobody", "--base", &root]), 1);
    assert_eq!(estate.exit(&["plan", "--base", "no-such-ref"]), 1);
    estate.replace(ACME, "Documents", "Sheets");
    assert_eq!(estate.exit(&plan), 2);
    let human = estate.run(&plan);
    let words = String::from_utf8(human.stdout).unwrap();
    assert!(
        words.contains("it is assumed that all the base asks for is in place"),
        "{words}"
    );
    assert!(
        words.contains("not looked at, so unknown: drift"),
        "{words}"
    );
    estate.replace(ACME, MOVED.0, MOVED.1);
    assert_eq!(estate.exit(&plan), 3);
    estate.git(&[
        "-c",
        "commit.gpgsign=false",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "Nobody's",
    ]);
    assert_eq!(estate.exit(&plan), 4);
    estate.git(&["reset", "-q", "--hard", &root]);
    estate.replace(ACME, "dokuwiki", "dokuwki");
    assert_eq!(estate.exit(&plan), 5);
    estate.git(&["reset", "-q", "--hard", &root]);
    estate.commit(&[("estate.toml", Some("schema = 1\nestat = 1\n".into()))]);
    assert_eq!(estate.exit(&plan), 1);
}

#[test]
fn s05_a_plan_that_looked_at_nothing_is_written_for_reading_only() {
    let estate = Estate::with(&["acme"]);
    estate.replace(ACME, "Documents", "Sheets");
    let out = estate.dir.join("../plan.json");
    let root = estate.root.as_str();
    let out = out.to_str().unwrap();
    assert_eq!(
        estate.exit(&["plan", "--base", root, "--out", out, "--format", "markdown"]),
        2
    );
    let plan = holdfast::flow::plan_file::read(Path::new(out)).unwrap();
    assert_eq!(plan.steps.len(), 1);
    let applied = estate.run(&["apply", out]);
    let said = String::from_utf8(applied.stderr).unwrap();
    assert_eq!(applied.status.code(), Some(4), "{said}");
    assert!(said.contains("made without looking at the world"), "{said}");
    std::fs::write(out, "{}").unwrap();
    assert_eq!(estate.exit(&["apply", out]), 1);
    super::plan_file::fits_the_schema(&plan);
}

#[test]
fn a_shallow_clone_is_refused_with_the_remedy() {
    let estate = Estate::with(&["acme"]);
    estate.replace(ACME, "Documents", "Sheets");
    let from = format!("file://{}", estate.dir.display());
    let clone = estate.dir.join("../shallow");
    estate.git(&[
        "clone",
        "-q",
        "--depth",
        "1",
        &from,
        clone.to_str().unwrap(),
    ]);
    let output = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args([
            "plan",
            "--base",
            "HEAD",
            "--root",
            estate.root.as_str(),
            "--estate",
        ])
        .arg(&clone)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("git fetch --unshallow"), "{said}");
}
