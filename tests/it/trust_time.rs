//! Expiry and revocation: judged by first sight and by who built on what, never
//! by the date that a commit gives itself.

use crate::estate_fixture::{Key, Lab, chain, content, id, list, now};
use git2::Oid;
use holdfast::flow::estate;
use holdfast::world::git::{Known, Question, TrustError, VerifiedCommit};
use jiff::{SignedDuration, Timestamp};

const OWNER: &str = "role = \"owner\"";
/// Two hours after the commits' usual date, most of a day before [`now`].
const SOON: &str = "role = \"owner\"\nuntil = \"2026-09-21T16:00:00Z\"";
const REVOKED: &str =
    "role = \"owner\"\nrevoked = { at = \"2026-09-22T00:00:00Z\", reason = \"laptop stolen\" }";

fn judge(
    lab: &Lab,
    root: Oid,
    head: Oid,
    known: &Known,
    now: Timestamp,
) -> Result<VerifiedCommit, TrustError> {
    estate::verify(&Question {
        repository: lab.path(),
        root: &id(root),
        head: &head.to_string(),
        known,
        now,
    })
}

fn code(verdict: Result<VerifiedCommit, TrustError>) -> &'static str {
    match verdict {
        Ok(_) => "",
        Err(error) => {
            assert!(chain(&error).contains("SHA256:"), "{error}");
            error.code()
        }
    }
}

struct Place {
    lab: Lab,
    anna: Key,
    ben: Key,
}

/// Anna always counts; Ben as the lines say.
fn place() -> Place {
    let lab = Lab::new();
    let (anna, ben) = (lab.ed25519("anna"), lab.ed25519("ben"));
    Place { lab, anna, ben }
}

impl Place {
    fn list(&self, ben: &str) -> Vec<u8> {
        list(&[("anna", &self.anna, OWNER), ("ben", &self.ben, ben)], "")
    }

    fn commit(&self, parents: &[Oid], list: &[u8], text: &str, key: &Key) -> Oid {
        self.lab
            .signed(&content(parents, list, &[("note.md", text)]), key)
    }
}

fn before() -> Timestamp {
    now() - SignedDuration::from_hours(23)
}

#[test]
fn the_dates_of_these_tests_are_as_they_say() {
    assert_eq!(now().to_string(), "2026-09-22T14:13:20Z");
}

#[test]
fn an_expired_key_cannot_backdate_its_way_in() {
    let at = place();
    let trust = at.list(SOON);
    let root = at.commit(&[], &trust, "root", &at.anna);
    let backdated = at.commit(&[root], &trust, "one", &at.ben);
    let none = Known::none();
    assert_eq!(
        code(judge(&at.lab, root, backdated, &none, now())),
        "HF0224"
    );
    assert_eq!(code(judge(&at.lab, root, backdated, &none, before())), "");
    // Without a ledger somebody valid who built upon it vouches for it.
    let over = at.commit(&[backdated], &trust, "two", &at.anna);
    assert_eq!(code(judge(&at.lab, root, over, &none, now())), "");
    // With a ledger the first sight alone counts.
    let ledger = judge(&at.lab, root, root, &none, before())
        .expect("the root")
        .seen()
        .clone();
    assert_eq!(code(judge(&at.lab, root, over, &ledger, now())), "HF0224");
    let seen = judge(&at.lab, root, backdated, &ledger, before())
        .expect("in time")
        .seen()
        .clone();
    assert_eq!(code(judge(&at.lab, root, over, &seen, now())), "");
    assert_eq!(seen.first_seen(&id(backdated)), Some(before()));
}

#[test]
fn a_date_outside_the_keys_time_is_refused_even_below_a_valid_head() {
    let at = place();
    let trust = at.list(SOON);
    let root = at.commit(&[], &trust, "root", &at.anna);
    let mut late = content(&[root], &trust, &[("note.md", "late")]);
    late.dated = Some(now().as_second() - 60);
    let late = at.lab.signed(&late, &at.ben);
    let over = at.commit(&[late], &trust, "two", &at.anna);
    assert_eq!(
        code(judge(&at.lab, root, over, &Known::none(), now())),
        "HF0225"
    );
}

#[test]
fn a_key_of_tomorrow_does_not_count_today() {
    let at = place();
    let trust = at.list("role = \"owner\"\nfrom = \"2026-09-23T00:00:00Z\"");
    let root = at.commit(&[], &trust, "root", &at.anna);
    let mut early = content(&[root], &trust, &[("note.md", "early")]);
    early.dated = Some(now().as_second() + 86_400);
    let early = at.lab.signed(&early, &at.ben);
    let over = at.commit(&[early], &trust, "two", &at.anna);
    for head in [early, over] {
        assert_eq!(
            code(judge(&at.lab, root, head, &Known::none(), now())),
            "HF0223"
        );
    }
}

#[test]
fn a_revoked_key_signs_nothing_more() {
    let at = place();
    let root = at.commit(&[], &at.list(OWNER), "root", &at.anna);
    let revoked = at.list(REVOKED);
    let less = at.commit(&[root], &revoked, "revoke", &at.anna);
    let after = at.commit(&[less], &revoked, "late", &at.ben);
    assert_eq!(
        code(judge(&at.lab, root, after, &Known::none(), now())),
        "HF0221"
    );
}

#[test]
fn a_revoked_keys_older_work_behind_the_revocation_stays() {
    let at = place();
    let trust = at.list(OWNER);
    let root = at.commit(&[], &trust, "root", &at.anna);
    let old = at.commit(&[root], &trust, "old", &at.ben);
    let revoke = at.commit(&[old], &at.list(REVOKED), "revoke", &at.anna);
    let head = at.commit(&[revoke], &at.list(REVOKED), "more", &at.anna);
    assert_eq!(code(judge(&at.lab, root, head, &Known::none(), now())), "");
}

#[test]
fn a_revoked_key_cannot_come_back_by_a_branch_from_before() {
    let at = place();
    let (trust, revoked) = (at.list(OWNER), at.list(REVOKED));
    let root = at.commit(&[], &trust, "root", &at.anna);
    let revoke = at.commit(&[root], &revoked, "root", &at.anna);
    let aside = at.commit(&[root], &trust, "stolen", &at.ben);
    let merge = at.commit(&[revoke, aside], &revoked, "stolen", &at.anna);
    let none = Known::none();
    assert_eq!(code(judge(&at.lab, root, merge, &none, now())), "HF0222");
    // Seen and accepted here before the revocation came.
    let seen = judge(&at.lab, root, aside, &none, now())
        .expect("not revoked yet")
        .seen()
        .clone();
    assert_eq!(code(judge(&at.lab, root, merge, &seen, now())), "");
    // Merged in first, revoked then.
    let join = at.commit(&[root, aside], &trust, "stolen", &at.anna);
    let then = at.commit(&[join], &revoked, "stolen", &at.anna);
    assert_eq!(code(judge(&at.lab, root, then, &none, now())), "");
}

#[test]
fn an_approval_by_a_key_revoked_since_counts_behind_the_revocation_only() {
    let at = place();
    let carla = at.lab.ed25519("carla");
    let two = "[thresholds]\ntrust = { signers = 2, roles = [\"owner\"] }";
    let trust = |ben: &str, carla_role: &str| {
        list(
            &[
                ("anna", &at.anna, OWNER),
                ("ben", &at.ben, ben),
                ("carla", &carla, carla_role),
            ],
            two,
        )
    };
    let root = at.commit(&[], &trust(OWNER, OWNER), "root", &at.anna);
    let change = at.commit(
        &[root],
        &trust(OWNER, "role = \"owner\"\nperson = \"Carla C\""),
        "root",
        &at.anna,
    );
    at.lab.approve(change, &at.ben);
    let revoked = trust(REVOKED, "role = \"owner\"\nperson = \"Carla C\"");
    // Behind.
    let revoke = at.commit(&[change], &revoked, "root", &at.anna);
    at.lab.approve(revoke, &carla);
    assert_eq!(
        code(judge(&at.lab, root, revoke, &Known::none(), now())),
        ""
    );
    // Beside.
    let beside = at.commit(&[root], &trust(REVOKED, OWNER), "root", &at.anna);
    at.lab.approve(beside, &carla);
    let merge = at.commit(&[beside, change], &revoked, "root", &at.anna);
    at.lab.approve(merge, &carla);
    assert_eq!(
        code(judge(&at.lab, root, merge, &Known::none(), now())),
        "HF0222"
    );
    // Where another approval is enough the revoked one does no harm.
    at.lab.approve(change, &carla);
    assert_eq!(code(judge(&at.lab, root, merge, &Known::none(), now())), "");
}
