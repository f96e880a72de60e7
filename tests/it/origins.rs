//! `moved_from` hands a stack on only to whoever had the right to the old file.

use super::people::People;
use super::plan_world::{HETZNER, REPAIR, World, desired, desired_but, stack, stack_file};
use holdfast::decide::origins::{Unlawful, Why};
use holdfast::flow::entry::{self, Mode};
use holdfast::flow::estate;
use holdfast::model::desired::Desired;
use serde_json::Value;
use std::fs;

/// Anna owns the estate; bert may write some files of stacks, and nothing else.
struct Estate {
    people: People,
    acme: String,
}

impl Estate {
    fn new(bert_may: &str) -> Self {
        let people = People::founded();
        let key = people.new_key("bert");
        let list = people.read("trust.toml");
        let more = format!(
            "\n[[signer]]\nname = \"bert\"\nrole = \"admin\"\nkey = \"{key}\"\n\n[[role]]\nname = \"admin\"\nmay = []\nstacks = [{bert_may}]\n"
        );
        people.write("trust.toml", &(list + &more));
        people.commit("Let bert in", "anna");
        let acme = people.read("stacks/acme.toml");
        Self { people, acme }
    }

    /// Another customer's file.
    fn stack(&self, id: &str) -> String {
        let own = self.acme.replace("acme.example", &format!("{id}.example"));
        own.replace("id = \"acme\"", &format!("id = \"{id}\""))
            .replace("ACME GmbH", id)
    }

    /// The same, going on with what began as `origin`.
    fn moved(&self, id: &str, origin: &str) -> String {
        let line = format!("id = \"{id}\"");
        let more = format!("{line}\nmoved_from = \"{origin}\"");
        self.stack(id).replace(&line, &more)
    }

    fn put(&self, id: &str, text: &str, who: &str) -> String {
        self.people.write(&format!("stacks/{id}.toml"), text);
        self.people.commit("Put", who)
    }

    fn remove(&self, id: &str) {
        fs::remove_file(self.people.dir().join(format!("stacks/{id}.toml"))).unwrap();
    }

    /// By the right of the old file and of the new one.
    fn rename(&self, old: &str, new: &str, origin: &str, who: &str) -> String {
        let text = self.people.read(&format!("stacks/{old}.toml"));
        let lines = text.lines().filter(|line| !line.starts_with("moved_from"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let line = format!("id = \"{new}\"\nmoved_from = \"{origin}\"");
        self.remove(old);
        let text = text.replace(&format!("id = \"{old}\""), &line);
        self.put(new, &text, who)
    }

    /// What a live session wants: `id shown`, and what it holds.
    async fn live(&self) -> (Vec<String>, Vec<String>) {
        let config = self.people.config();
        let session = entry::open(&config, Mode::Read).await.unwrap();
        let wanted = session.desired.stacks.values();
        let held = session.desired.broken.keys().map(ToString::to_string);
        (
            wanted.map(|s| format!("{} {}", s.id, s.shown)).collect(),
            held.collect(),
        )
    }

    /// What the files say is wrong, as an accepted commit.
    fn said(&self) -> Vec<String> {
        let found = estate::read(&self.people.config()).unwrap().resolution;
        let errors = found.diagnostics.iter().filter(|found| found.is_error());
        errors
            .map(|found| format!("{} {} {}", found.place.file, found.code, found.message))
            .collect()
    }

    fn plan(&self, base: &str) -> (i32, Value) {
        let args = ["plan", "--base", base, "--format", "json"];
        let said = self.people.run("anna", &args);
        (said.code, said.json())
    }
}

#[tokio::test]
async fn s16_a_stack_of_its_own_takes_over_no_other_one() {
    let estate = Estate::new("\"bolt\"");
    estate.put("bolt", &estate.stack("bolt"), "anna");
    estate.remove("acme");
    let lost = estate.people.commit("Lose acme", "anna");
    estate.put("bolt", &estate.moved("bolt", "acme"), "bert");
    assert_eq!(estate.live().await, (vec![], vec!["bolt".to_owned()]));
    assert_eq!(
        estate.said(),
        [
            "stacks/bolt.toml HF0039 bolt was a stack of its own before, so it cannot go on with acme"
        ]
    );
    // A later head does not forget how it came.
    estate.people.write("note.md", "later\n");
    estate.people.commit("Later", "anna");
    assert_eq!(estate.live().await, (vec![], vec!["bolt".to_owned()]));
    let (code, plan) = estate.plan(&lost);
    assert_eq!((code, plan["steps"].as_array().unwrap().len()), (5, 0));
}

#[tokio::test]
async fn s16_what_was_lost_is_nobody_elses_though_the_file_is_new() {
    let estate = Estate::new("\"coal\"");
    estate.remove("acme");
    estate.people.commit("Lose acme", "anna");
    estate.put("coal", &estate.moved("coal", "acme"), "bert");
    assert_eq!(estate.live().await, (vec![], vec!["coal".to_owned()]));
    let said = estate.said();
    assert!(
        said[0].contains("there was no stack acme to go on with"),
        "{said:?}"
    );
    // Nor by renaming the file that claims it, or by going on from there.
    fs::remove_file(estate.people.dir().join("stacks/coal.toml")).unwrap();
    estate.put("dale", &estate.moved("dale", "acme"), "anna");
    assert_eq!(estate.live().await, (vec![], vec!["dale".to_owned()]));
    // Brought back and renamed in one commit, it is the same stack.
    estate.remove("dale");
    let acme = estate.acme.clone();
    estate.put("acme", &acme, "anna");
    estate.rename("acme", "acme2", "acme", "anna");
    assert_eq!(estate.live().await, (vec!["acme acme2".to_owned()], vec![]));
}

#[tokio::test]
async fn s16_who_has_the_beginning_keeps_it() {
    let estate = Estate::new("\"acme\", \"evil\", \"evil2\"");
    estate.rename("acme", "acme2", "acme", "anna");
    let own = (vec!["acme acme2".to_owned()], Vec::<String>::new());
    assert_eq!(estate.live().await, own);
    let goes_on = |held: &str| (own.0.clone(), vec![held.to_owned()]);
    let sound = estate.people.head();
    // Another file that names it, sound, broken, unreadable, or renamed since.
    let evil = estate.moved("evil", "acme");
    estate.put("evil", &evil, "bert");
    assert_eq!(estate.live().await, goes_on("evil"));
    let said = estate.said();
    assert!(
        said.iter()
            .all(|s| s.starts_with("stacks/evil.toml HF0039 acme goes on in")),
        "{said:?}"
    );
    let (_, plan) = estate.plan(&sound);
    assert!(plan["steps"].as_array().unwrap().is_empty());
    let held = plan["held"].as_array().unwrap();
    assert!(held.iter().all(|held| held["stack"] == "evil"), "{held:?}");
    estate.put("evil", &evil.replace("name = \"evil\"", "name = 7"), "bert");
    assert_eq!(estate.live().await, goes_on("evil"));
    estate.put("evil", &format!("{evil}\n[[["), "bert");
    assert_eq!(estate.live().await, goes_on("evil"));
    estate.remove("evil");
    estate.put("evil2", &estate.moved("evil2", "acme"), "bert");
    assert_eq!(estate.live().await, goes_on("evil2"));
    estate.remove("evil2");
    // A file with the old name, which bert may still write.
    estate.put("acme", &estate.stack("acme"), "bert");
    assert_eq!(estate.live().await, goes_on("acme.toml"));
    let said = estate.said();
    assert!(
        said[0].contains("what began as acme goes on in stacks/acme2.toml"),
        "{said:?}"
    );
    // Handing that on gives nothing; nor does what is too large to be read.
    estate.rename("acme", "evil", "acme", "bert");
    assert_eq!(estate.live().await, goes_on("evil"));
    estate.remove("evil");
    estate.put("acme", &"#".repeat(2 << 20), "bert");
    assert_eq!(estate.live().await, goes_on("acme.toml"));
}

#[tokio::test]
async fn s01_a_renamed_stack_whose_file_cannot_be_read_is_held_and_not_gone() {
    let estate = Estate::new("\"evil\"");
    estate.rename("acme", "acme2", "acme", "anna");
    estate.put("evil", &estate.moved("evil", "acme"), "bert");
    let large = "#".repeat(2 << 20);
    estate.put("evil", &large, "bert");
    let own = (vec!["acme acme2".to_owned()], vec!["evil".to_owned()]);
    assert_eq!(estate.live().await, own);
    estate.put("acme2", &large, "anna");
    let held = ["acme", "evil"].map(str::to_owned).to_vec();
    assert_eq!(estate.live().await, (vec![], held));
    let session = entry::open(&estate.people.config(), Mode::Read)
        .await
        .unwrap();
    for name in ["acme", "acme2"] {
        assert_eq!(session.desired.began(&stack(name)), Some(stack("acme")));
    }
}

#[tokio::test]
async fn s16_a_merge_with_an_old_ancestor_brings_no_old_right_back() {
    let estate = Estate::new("\"acme2\"");
    let first = estate.rename("acme", "acme2", "acme", "anna");
    estate.rename("acme2", "acme3", "acme", "anna");
    let text = estate
        .people
        .git(&["show", &format!("{first}:stacks/acme2.toml")]);
    let text = text.replace("acme.example", "evil.example");
    estate.put("acme2", &text, "bert");
    let tree = estate.people.git(&["rev-parse", "HEAD^{tree}"]);
    estate.people.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let args = [
        "commit-tree",
        "-S",
        "-p",
        "HEAD",
        "-p",
        &first,
        "-m",
        "Merge",
        &tree,
    ];
    let merge = estate.people.git_in(estate.people.dir(), "bert", &args);
    assert_eq!(merge.code, 0, "{merge:?}");
    estate
        .people
        .git(&["reset", "-q", "--hard", merge.out.trim()]);
    let own = (vec!["acme acme3".to_owned()], vec!["acme2".to_owned()]);
    assert_eq!(estate.live().await, own);
    // Nor one with a branch of bert's own that begins there.
    estate.people.git(&["checkout", "-q", "-b", "side", &first]);
    let side = estate.put("acme2", &text, "bert");
    let args = [
        "commit-tree",
        "-S",
        "-p",
        "main~1",
        "-p",
        &side,
        "-m",
        "Merge",
        &tree,
    ];
    let merge = estate.people.git_in(estate.people.dir(), "bert", &args);
    assert_eq!(merge.code, 0, "{merge:?}");
    estate.people.git(&["checkout", "-q", "main"]);
    estate
        .people
        .git(&["reset", "-q", "--hard", merge.out.trim()]);
    assert_eq!(estate.live().await, own);
}

#[tokio::test]
async fn s07_a_rename_is_followed_over_branches_and_renames() {
    let estate = Estate::new("\"bolt\"");
    let before = estate.people.head();
    estate.rename("acme", "acme2", "acme", "anna");
    let renamed = estate.people.head();
    estate
        .people
        .git(&["checkout", "-q", "-b", "other", &before]);
    estate.put("bolt", &estate.stack("bolt"), "bert");
    let merged = estate.people.git_in(
        estate.people.dir(),
        "anna",
        &["merge", "-q", "-S", "-m", "Merge", &renamed],
    );
    assert_eq!(merged.code, 0, "{merged:?}");
    estate.rename("acme2", "acme3", "acme", "anna");
    let both = vec!["acme acme3".to_owned(), "bolt bolt".to_owned()];
    assert_eq!(estate.live().await, (both, vec![]));
}

fn file(id: &str) -> String {
    stack_file(id, HETZNER, REPAIR)
}

fn thieves(unlawful: &Unlawful) -> Desired {
    let theirs = file("bolt").replace("id = \"bolt\"", "id = \"bolt\"\nmoved_from = \"acme\"");
    desired_but(&[("bolt", theirs)], unlawful)
}

fn held(world: &World) -> Vec<String> {
    let plan = world.plan();
    let held = plan.plan().held.iter();
    held.map(|held| held.wanted.clone()).collect()
}

#[test]
fn s16_the_planner_gives_nobody_what_a_lost_file_left() {
    let mut world = World::running(desired(&[("acme", file("acme")), ("bolt", file("bolt"))]));
    world.now_wants(thieves(&Unlawful::from([(stack("bolt"), Why::OwnStack)])));
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    assert_eq!(held(&world), ["changes to this stack", "stack acme"]);
    // With the right to it, bolt would go on with acme's machine, and its own be left behind.
    world.now_wants(thieves(&Unlawful::new()));
    assert!(!held(&world).contains(&"stack acme".to_owned()));
    assert!(held(&world).contains(&"stack bolt".to_owned()));
}
