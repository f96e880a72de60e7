//! A `trust.toml` that nobody can use. The commit that holds it is signed well; it is refused
//! as head, because nothing could ever follow it, and below another commit, because it judges.

use super::keys::ANNA;
use super::lab::{Lab, everybody};
use super::{Attack, Case, Ours};

/// Anna commits these bytes as trust.toml.
fn holds(lab: &mut Lab, bytes: impl AsRef<[u8]>) -> Attack {
    let root = lab.root();
    let draft = lab.on(&[&root]).put("trust.toml", bytes);
    let head = lab.commit(&draft, &ANNA);
    Attack::fresh(root, head)
}

/// Everybody's list with one text replaced.
fn edited(lab: &mut Lab, from: &str, to: &str) -> Attack {
    let list = everybody();
    assert!(list.contains(from), "{from}");
    holds(lab, list.replacen(from, to, 1))
}

const UNREAD: &str = "Git does not read the list";
const KEY: &str = "key = \"ssh-ed25519 ";

pub const CASES: &[Case] = &[
    Case {
        name: "bad base64",
        how: "a key with a character that base64 does not have",
        build: |lab| edited(lab, KEY, "key = \"ssh-ed25519 ?"),
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "options before the key",
        how: "`command=\"sh\" ssh-ed25519 …`, as in authorized_keys",
        build: |lab| edited(lab, KEY, "key = \"command=\\\"sh\\\" ssh-ed25519 "),
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a line of allowed_signers",
        how: "`anna@acme.example namespaces=\"git\" ssh-ed25519 …` where the key belongs",
        build: |lab| {
            let line = "key = \"anna@acme.example namespaces=\\\"git\\\" ssh-ed25519 ";
            edited(lab, KEY, line)
        },
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "two keys in one line",
        how: "a newline and a second key inside the text",
        build: |lab| {
            let more = format!("key = \"{}\\nssh-ed25519 ", super::keys::MALLORY.public);
            edited(lab, KEY, &more)
        },
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a tab for the space",
        how: "a tab between type and key",
        build: |lab| edited(lab, KEY, "key = \"ssh-ed25519\\t"),
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "the type of another key",
        how: "`ssh-rsa` before an Ed25519 key",
        build: |lab| edited(lab, KEY, "key = \"ssh-rsa "),
        ours: Ours::Refused("TrustList", "not an OpenSSH public key"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "the same key twice",
        how: "Anna's key under a second name",
        build: |lab| {
            let again = super::lab::signer("again", "operator", &ANNA, "");
            holds(lab, everybody() + &again)
        },
        ours: Ours::Refused("TrustList", "this key stands twice"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "the same name twice",
        how: "two entries called anna",
        build: |lab| edited(lab, "\"bert\"", "\"anna\""),
        ours: Ours::Refused("TrustList", "this name stands twice"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "an unknown key in an entry",
        how: "`revokd = …`, a misspelling that would leave a lost key valid",
        build: |lab| {
            edited(
                lab,
                "role = \"owner\"",
                "role = \"owner\"\nrevokd = \"2026-01-01\"",
            )
        },
        ours: Ours::Refused("TrustList", "unknown key `revokd`"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "an unknown role",
        how: "`role = \"onwer\"`",
        build: |lab| edited(lab, "\"owner\"", "\"onwer\""),
        ours: Ours::Refused("TrustList", "no role is called"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "no owner",
        how: "all owners become operators",
        build: |lab| holds(lab, everybody().replace("\"owner\"", "\"operator\"")),
        ours: Ours::Refused("TrustList", "owner that is not revoked"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "Windows line ends",
        how: "CRLF throughout",
        build: |lab| holds(lab, everybody().replace('\n', "\r\n")),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "bare carriage returns",
        how: "CR without LF",
        build: |lab| holds(lab, everybody().replace('\n', "\r")),
        ours: Ours::Refused("TrustList", "carriage return"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a byte order mark",
        how: "U+FEFF before the first line",
        build: |lab| holds(lab, format!("\u{feff}{}", everybody())),
        ours: Ours::Accepted,
        git: true,
        because: "",
    },
    Case {
        name: "text after the end",
        how: "`}` on a last line",
        build: |lab| holds(lab, everybody() + "}\n"),
        ours: Ours::Refused("TrustList", "invalid key-value pair"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a list that is not UTF-8",
        how: "a Latin-1 ä in a comment",
        build: |lab| holds(lab, [everybody().as_bytes(), b"# \xe4\n"].concat()),
        ours: Ours::Refused("TrustList", "not UTF-8"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "another schema",
        how: "`schema = 2`",
        build: |lab| edited(lab, "schema = 1", "schema = 2"),
        ours: Ours::Refused("TrustList", "schema 2 is not known"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "nested without end",
        how: "100,000 opening brackets",
        build: |lab| holds(lab, "[".repeat(100_000)),
        ours: Ours::Refused("TrustList", "16 deep"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "missing",
        how: "Anna deletes trust.toml",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).remove("trust.toml");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("TrustList", "there is no such file"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "missing in between",
        how: "Anna deletes trust.toml and puts it back",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).remove("trust.toml");
            let gone = lab.commit(&draft, &ANNA);
            let draft = lab.on(&[&gone]).list(&everybody());
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("TrustList", "there is no such file"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a symbolic link",
        how: "trust.toml is a link to another file",
        build: |lab| {
            let root = lab.root();
            let draft = lab
                .on(&[&root])
                .put("trust.toml", "note.md")
                .mode("trust.toml", 0o120_000);
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("TrustList", "there is no such file"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a submodule",
        how: "trust.toml is a commit of another repository",
        build: |lab| {
            let root = lab.root();
            let draft = lab.on(&[&root]).mode("trust.toml", 0o160_000);
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("TrustList", "there is no such file"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "a folder",
        how: "trust.toml is a folder",
        build: |lab| {
            let root = lab.root();
            let draft = lab
                .on(&[&root])
                .remove("trust.toml")
                .put("trust.toml/list", "");
            let head = lab.commit(&draft, &ANNA);
            Attack::fresh(root, head)
        },
        ours: Ours::Refused("TrustList", "there is no such file"),
        git: true,
        because: UNREAD,
    },
    Case {
        name: "2 MiB",
        how: "everybody's list and two mebibytes of comment",
        build: |lab| holds(lab, everybody() + &"# more\n".repeat(300_000)),
        ours: Ours::Refused("TrustList", "larger than 1 MiB"),
        git: true,
        because: UNREAD,
    },
];
