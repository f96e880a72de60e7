//! Who may wake the loop: the forms in which forges sign, and each way not to be one of them.

use holdfast::decide::push::{FORGEJO, GITEA, GITHUB, GITLAB, PushKey, Unsigned};
use holdfast::model::secret::Secret;

/// GitHub's own example ("Validating webhook deliveries").
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const DIGEST: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn judged(headers: &[(&str, &str)], body: &[u8]) -> Result<(), Unsigned> {
    let key = PushKey::new(&Secret::new(SECRET)).unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    key.accepts(headers, body)
}

fn github() -> String {
    format!("sha256={DIGEST}")
}

#[test]
fn each_forge_is_understood_in_its_own_form() {
    for headers in [
        &[(GITHUB, github().as_str())][..],
        &[("X-Hub-Signature-256", &github())],
        &[(GITEA, DIGEST)],
        &[(FORGEJO, DIGEST)],
        &[(GITEA, &DIGEST.to_uppercase())],
        &[(GITLAB, SECRET)],
        // Forgejo sends them all.
        &[(FORGEJO, DIGEST), (GITEA, DIGEST), (GITHUB, &github())],
        &[("content-type", "application/json"), (GITEA, DIGEST)],
    ] {
        assert_eq!(judged(headers, BODY), Ok(()), "{headers:?}");
    }
}

#[test]
fn what_is_not_signed_with_the_secret_does_not_count() {
    let other = DIGEST.replace('7', "8");
    for (headers, why) in [
        (&[][..], Unsigned::Missing),
        (&[("x-hub-signature", "sha1=00")], Unsigned::Missing),
        (
            &[(GITHUB, &*format!("sha256={other}"))],
            Unsigned::Wrong(GITHUB),
        ),
        (&[(GITEA, &*other)], Unsigned::Wrong(GITEA)),
        (&[(FORGEJO, &*other)], Unsigned::Wrong(FORGEJO)),
        (&[(GITLAB, "It's a Secret")], Unsigned::Wrong(GITLAB)),
        (&[(GITLAB, "")], Unsigned::Wrong(GITLAB)),
        // The digest is no token, and the token no digest.
        (&[(GITLAB, DIGEST)], Unsigned::Wrong(GITLAB)),
        (&[(GITEA, SECRET)], Unsigned::Malformed(GITEA)),
        (&[(GITHUB, DIGEST)], Unsigned::Malformed(GITHUB)),
        (&[(GITEA, "")], Unsigned::Malformed(GITEA)),
        // A shorter one is not compared with the beginning.
        (&[(GITEA, &DIGEST[..32])], Unsigned::Malformed(GITEA)),
        // One that is right does not carry one that is wrong.
        (
            &[(FORGEJO, DIGEST), (GITEA, &*other)],
            Unsigned::Wrong(GITEA),
        ),
        (
            &[(GITEA, DIGEST), (GITEA, DIGEST)],
            Unsigned::Malformed(GITEA),
        ),
    ] {
        assert_eq!(judged(headers, BODY), Err(why), "{headers:?}");
    }
    let github = github();
    let headers = [(GITHUB, github.as_str())];
    assert_eq!(
        judged(&headers, b"Hello, World?"),
        Err(Unsigned::Wrong(GITHUB))
    );
}

#[test]
fn a_secret_that_can_be_guessed_is_none_and_is_never_shown() {
    for weak in ["", "password", "fifteen letters"] {
        assert!(PushKey::new(&Secret::new(weak)).is_err(), "{weak:?}");
    }
    let key = PushKey::new(&Secret::new(SECRET)).unwrap();
    assert_eq!(format!("{key:?}"), "PushKey(…)");
}
