//! What others push is fetched, judged, and cannot stop the repair of what was accepted.

use crate::people::People;
use crate::sample;
use holdfast::flow::entry::{self, EntryError, Mode};
use holdfast::flow::session::Session;
use holdfast::model::journal::Event;
use holdfast::model::plan::{Hold, Plan};
use holdfast::show::exit::Exit;
use holdfast::world::store::read_entries;
use jiff::Timestamp;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

/// A remote, bela's clone of it, and this computer, which follows the remote.
struct Far {
    people: People,
    remote: PathBuf,
    bela: PathBuf,
}

impl Far {
    fn new() -> Self {
        let people = People::together();
        let remote = people.beside("remote.git");
        let bela = people.beside("bela-clone");
        let path = remote.to_str().unwrap();
        people.git(&["init", "-q", "--bare", "-b", "main", path]);
        people.git(&["remote", "add", "origin", path]);
        people.git(&["push", "-q", "origin", "main"]);
        people.git(&["clone", "-q", path, bela.to_str().unwrap()]);
        people.configure("[fetch]\n[patience]\nfetch = \"20s\"\n");
        Self {
            people,
            remote,
            bela,
        }
    }

    /// Git in bela's clone.
    fn bela(&self, args: &[&str]) -> String {
        let said = self.people.git_in(&self.bela, "bela", args);
        assert_eq!(said.code, 0, "git {args:?}: {said:?}");
        said.out.trim().to_owned()
    }

    /// Bela commits, signed or not, and pushes; gives the commit.
    fn pushes(&self, message: &str, signed: &str) -> String {
        fs::write(self.bela.join("stacks/note.md"), message).unwrap();
        self.bela(&["add", "-A"]);
        self.bela(&["commit", "-q", signed, "-m", message]);
        self.bela(&["push", "-q", "--force", "origin", "HEAD:main"]);
        self.bela(&["rev-parse", "HEAD"])
    }

    async fn open(&self, mode: Mode) -> Arc<Session> {
        entry::open_newest(&self.people.config(), mode)
            .await
            .unwrap_or_else(|error| panic!("{}", holdfast::model::causes::chain(&error)))
    }

    async fn events(&self) -> Vec<Event> {
        let entries = read_entries(&self.people.config().state).await.unwrap();
        entries.into_iter().map(|entry| entry.event).collect()
    }

    /// When something was last fetched, as this computer remembers it.
    fn last_fetch(&self) -> PathBuf {
        let mut name = self.people.config().state.into_os_string();
        name.push(".fetched");
        PathBuf::from(name)
    }
}

/// A plan without a step, with what the session tells beside it.
fn told(session: &Session) -> Plan {
    session
        .standing
        .alarms()
        .tell(sample::plan(session.desired.commit.clone(), Vec::new()))
}

#[tokio::test]
async fn a_pushed_commit_is_fetched_and_accepted() {
    let far = Far::new();
    let first = far.open(Mode::Write).await;
    assert_eq!(first.desired.commit.as_str(), far.people.head());
    drop(first);
    let pushed = far.pushes("Say hello", "-S");
    far.bela(&["tag", "v1"]);
    far.bela(&["push", "-q", "origin", "v1"]);
    let session = far.open(Mode::Write).await;
    assert_eq!(session.desired.commit.as_str(), pushed);
    assert_eq!(Exit::of(&told(&session)), Exit::Nothing);
    assert_eq!(far.people.git(&["tag"]), "", "tags were not asked for");
    let when: Timestamp = fs::read_to_string(far.last_fetch())
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(Timestamp::now().duration_since(when).as_secs() < 60);
}

#[tokio::test]
async fn approvals_are_fetched() {
    let far = Far::new();
    let commit = far.people.rename("Acme & Sons", "anna");
    far.people.git(&["push", "-q", "origin", "main"]);
    assert_eq!(
        far.people.run("bela", &["approve", &commit, "--push"]).code,
        0
    );
    let kept = far.people.approvals();
    far.people.git(&["update-ref", "-d", &kept[0]]);
    drop(far.open(Mode::Read).await);
    assert_eq!(far.people.approvals(), kept);
}

#[tokio::test]
async fn s01_a_failed_fetch_is_a_gap_and_never_an_empty_estate() {
    let far = Far::new();
    drop(far.open(Mode::Write).await);
    fs::rename(&far.remote, far.people.beside("gone.git")).unwrap();
    let session = far.open(Mode::Write).await;
    assert_eq!(session.desired.commit.as_str(), far.people.head());
    assert_eq!(session.desired.stacks.len(), 1);
    assert!(
        session.standing.freezes.is_empty(),
        "it was fresh a moment ago"
    );
    let plan = told(&session);
    assert_eq!(plan.gaps.len(), 1, "{:?}", plan.gaps);
    assert!(
        plan.gaps[0]
            .subject
            .contains("new commits on main of origin")
    );
    assert_eq!(Exit::of(&plan), Exit::Held);
}

#[tokio::test]
async fn s01_a_branch_that_is_gone_at_the_remote_is_a_failed_fetch() {
    let far = Far::new();
    drop(far.open(Mode::Write).await);
    far.bela(&["push", "-q", "origin", "HEAD:other"]);
    let remote = far.people.git_in(
        &far.remote,
        "anna",
        &["update-ref", "-d", "refs/heads/main"],
    );
    assert_eq!(remote.code, 0, "{remote:?}");
    let session = far.open(Mode::Write).await;
    assert_eq!(session.desired.commit.as_str(), far.people.head());
    assert_eq!(told(&session).gaps.len(), 1);
}

#[tokio::test]
async fn s09_nothing_fetched_for_too_long_is_an_alarm_and_holds_what_destroys() {
    let far = Far::new();
    drop(far.open(Mode::Write).await);
    fs::rename(&far.remote, far.people.beside("gone.git")).unwrap();
    let frozen = |session: &Session| {
        let plan = told(session);
        assert!(matches!(
            &plan.held[..],
            [held] if matches!(&held.hold, Hold::Forbidden { rule, .. } if rule == "freshness")
        ));
        session.standing.freezes[0].reason.clone()
    };
    fs::write(far.last_fetch(), "2026-01-01T00:00:00Z\n").unwrap();
    let reason = frozen(&*far.open(Mode::Read).await);
    assert!(
        reason.contains("for") && reason.contains("the limit is"),
        "{reason}"
    );
    // A clock that was set back is no proof of freshness.
    fs::write(far.last_fetch(), "2999-01-01T00:00:00Z\n").unwrap();
    assert!(frozen(&*far.open(Mode::Read).await).contains("to come"));
    fs::remove_file(far.last_fetch()).unwrap();
    assert!(frozen(&*far.open(Mode::Read).await).contains("ever fetched"));
}

#[tokio::test]
async fn a_refused_newest_commit_leaves_the_accepted_one_at_work() {
    let far = Far::new();
    drop(far.open(Mode::Write).await);
    let accepted = far.people.head();
    let unsigned = far.pushes("Nobody signed", "--no-gpg-sign");
    let session = far.open(Mode::Write).await;
    assert_eq!(session.desired.commit.as_str(), accepted);
    assert_eq!(session.desired.stacks.len(), 1);
    let plan = told(&session);
    let [held] = &plan.held[..] else {
        panic!("{:?}", plan.held)
    };
    let Hold::NotAccepted { commit, reason } = &held.hold else {
        panic!("{held:?}")
    };
    assert_eq!(commit.as_str(), unsigned);
    assert!(reason.contains("is not signed"), "{reason}");
    assert_eq!(Exit::of(&plan), Exit::Refused);
    drop(session);
    let events = far.events().await;
    assert_eq!(events.len(), 1, "no incident, nothing accepted: {events:?}");
    let check = far.people.run("anna", &["check"]);
    assert_eq!(check.code, 4, "the newest is what is checked: {check:?}");
}

#[tokio::test]
async fn s16_a_commit_that_breaks_what_all_share_leaves_the_sound_one_at_work() {
    let far = Far::new();
    drop(far.open(Mode::Write).await);
    let accepted = far.people.head();
    let breaks = |message: &str| {
        let path = far.bela.join("hosters.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{text}\n[[nonsense]]\nx = 1\n")).unwrap();
        far.pushes(message, "-S")
    };
    let first = breaks("Break the hosters");
    let second = breaks("Break them once more");
    for (broken, back) in [(&second, 0), (&first, 1)] {
        let to = format!("HEAD~{back}");
        far.bela(&["push", "-q", "--force", "origin", &format!("{to}:main")]);
        for mode in [Mode::Read, Mode::Write] {
            let session = far.open(mode).await;
            assert_eq!(session.desired.commit.as_str(), accepted);
            assert_eq!(session.desired.stacks.len(), 1, "its repair goes on");
            let plan = told(&session);
            let [held] = &plan.held[..] else {
                panic!("{:?}", plan.held)
            };
            let Hold::NotAccepted { commit, reason } = &held.hold else {
                panic!("{held:?}")
            };
            assert_eq!(commit.as_str(), *broken);
            assert!(reason.contains("what all stacks share has"), "{reason}");
            assert_eq!(Exit::of(&plan), Exit::Refused);
        }
    }
    let events = far.events().await;
    assert_eq!(events.len(), 1, "nothing broken was accepted: {events:?}");
    let check = far.people.run("anna", &["check"]);
    assert_eq!(check.code, 1, "check shows what is broken: {check:?}");
    // Mended on top of it, the history goes on.
    far.bela(&["revert", "--no-edit", "-S", "HEAD", "HEAD~1"]);
    let mended = far.pushes("Mend it", "-S");
    let session = far.open(Mode::Write).await;
    assert_eq!(session.desired.commit.as_str(), mended);
    assert!(told(&session).held.is_empty());
}

#[tokio::test]
async fn s01_a_broken_first_commit_is_no_empty_estate() {
    let far = Far::new();
    let path = far.bela.join("hosters.toml");
    fs::write(path, "schema = 1\nhostr = 1\n").unwrap();
    far.pushes("Break the hosters", "-S");
    let opened = entry::open_newest(&far.people.config(), Mode::Write).await;
    assert!(matches!(opened, Err(EntryError::Broken { .. })));
    assert!(!far.people.config().state.exists(), "nothing was made");
}

#[tokio::test]
async fn a_refused_first_commit_is_refused() {
    let far = Far::new();
    far.pushes("Nobody signed", "--no-gpg-sign");
    let opened = entry::open_newest(&far.people.config(), Mode::Write).await;
    assert!(opened.is_err(), "nothing was ever accepted");
    assert!(!far.people.config().state.exists(), "nothing was made");
}

#[tokio::test]
async fn s09_a_branch_moved_back_is_refused_and_recorded_once() {
    let far = Far::new();
    far.pushes("Say hello", "-S");
    drop(far.open(Mode::Write).await);
    let accepted = far.bela(&["rev-parse", "HEAD"]);
    let older = far.bela(&["rev-parse", "HEAD~1"]);
    far.bela(&["push", "-q", "--force", "origin", "HEAD~1:main"]);
    for _ in 0..2 {
        let session = far.open(Mode::Write).await;
        assert_eq!(session.desired.commit.as_str(), accepted);
        let plan = told(&session);
        assert!(
            matches!(&plan.held[0].hold, Hold::NotAccepted { commit, reason }
            if commit.as_str() == older && reason.contains("does not descend"))
        );
        assert_eq!(Exit::of(&plan), Exit::Refused);
    }
    let backs: Vec<Event> = far.events().await;
    let backs = backs
        .iter()
        .filter(|event| matches!(event, Event::SetBack { head } if head.as_str() == older));
    assert_eq!(backs.count(), 1);
}

#[tokio::test]
async fn s09_check_refuses_a_sound_head_that_was_moved_back() {
    let far = Far::new();
    let people = &far.people;
    people.rename("Acme & Sons", "anna");
    assert_eq!(
        people.run("anna", &["check"]).code,
        0,
        "there is no journal"
    );
    drop(far.open(Mode::Write).await);
    let accepted = people.git(&["rev-parse", "refs/remotes/origin/main"]);
    assert_eq!(people.run("anna", &["check"]).code, 0);
    people.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    assert_eq!(people.run("anna", &["check"]).code, 0, "it has grown");
    people.git(&["update-ref", "refs/remotes/origin/main", "HEAD~2"]);
    let human = people.run("anna", &["check"]);
    assert_eq!(human.code, 4, "{human:?}");
    assert!(
        human.err.contains("does not descend from") && human.err.contains(&accepted[..12]),
        "{human:?}"
    );
    let machine = people.run("anna", &["check", "--format", "json"]);
    assert_eq!(machine.code, 4);
    assert_eq!(machine.json()["findings"][0]["code"], "HF0234");
    // Who asks for an older one gets it.
    let older = people.run("anna", &["check", "--head", "HEAD~2"]);
    assert_eq!(older.code, 0, "{older:?}");
}

#[tokio::test]
async fn s09_another_history_under_the_same_root_is_refused_and_recorded() {
    let far = Far::new();
    far.pushes("Say hello", "-S");
    drop(far.open(Mode::Write).await);
    let accepted = far.bela(&["rev-parse", "HEAD"]);
    // Signed soundly by somebody who may: yet it is not what was accepted.
    far.bela(&["reset", "-q", "--hard", "HEAD~1"]);
    let other = far.pushes("Say something else", "-S");
    let session = far.open(Mode::Write).await;
    assert_eq!(session.desired.commit.as_str(), accepted);
    drop(session);
    let events = far.events().await;
    assert!(
        events
            .iter()
            .any(|e| matches!(e, Event::SetBack { head } if head.as_str() == other))
    );
    // Back on the road, everything is as before.
    far.bela(&["reset", "-q", "--hard", &accepted]);
    let next = far.pushes("Go on", "-S");
    let session = far.open(Mode::Write).await;
    assert_eq!(session.desired.commit.as_str(), next);
    assert!(told(&session).held.is_empty());
}

#[tokio::test]
async fn fetching_runs_none_of_the_repositorys_hooks() {
    let far = Far::new();
    let hooks = far.people.dir().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let trace = far.people.beside("hook-ran");
    let hook = hooks.join("reference-transaction");
    fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", trace.display())).unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    far.people.git(&["update-ref", "refs/heads/probe", "HEAD"]);
    assert!(trace.exists(), "git itself runs the hook");
    fs::remove_file(&trace).unwrap();
    far.pushes("Say hello", "-S");
    drop(far.open(Mode::Read).await);
    assert!(!trace.exists());
}

#[tokio::test]
async fn a_remote_that_never_answers_is_given_up() {
    let far = Far::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/estate", silent.local_addr().unwrap());
    far.people.git(&["remote", "set-url", "origin", &url]);
    let text = fs::read_to_string(&far.people.made.config).unwrap();
    fs::write(&far.people.made.config, text.replace("20s", "1s")).unwrap();
    let begun = std::time::Instant::now();
    let config = far.people.config();
    // The branch was pushed from here, so that it is known without a fetch.
    let session = entry::open_newest(&config, Mode::Read).await.unwrap();
    assert!(begun.elapsed().as_secs() < 120);
    let gaps = &session.standing.gaps;
    assert!(
        gaps[0].reason.contains("did not answer within 1 s"),
        "{gaps:?}"
    );
}

#[tokio::test]
async fn s13_a_password_in_the_remotes_address_is_in_no_gap() {
    let far = Far::new();
    for url in [
        "http://reader:hunter2@127.0.0.1:1/estate.git",
        "nosuch://reader:hunter2@127.0.0.1/estate.git",
        "ssh://reader:hunter2@127.0.0.1:1/estate.git",
    ] {
        far.people.git(&["remote", "set-url", "origin", url]);
        let session = far.open(Mode::Read).await;
        let said = format!("{:?}", session.standing.gaps);
        assert!(
            said.contains("new commits") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[test]
fn a_remote_or_branch_that_git_could_take_for_something_else_is_no_configuration() {
    for (key, value) in [
        ("remote", "--upload-pack=touch x"),
        ("remote", "https://example.org"),
        ("branch", "-x"),
        ("branch", "main:refs/heads/other"),
        ("branch", "a..b"),
        ("branch", "+main"),
        ("fresh_within", "soon"),
    ] {
        let people = People::founded();
        people.configure(&format!("[fetch]\n{key} = \"{value}\"\n"));
        let error = holdfast::flow::config::Config::load(people.dir(), None).unwrap_err();
        assert!(error.to_string().contains(key), "{value}: {error}");
    }
    let people = People::founded();
    people.configure("[fetch]\nremote = \"upstream\"\nbranch = \"estate/main\"\n");
    assert_eq!(people.config().head, "refs/remotes/upstream/estate/main");
}
