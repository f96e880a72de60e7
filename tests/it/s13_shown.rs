//! S13: wherever somebody puts a secret into an estate, no command shows it: neither the line
//! nor the neighbour's, neither to people nor to programs.

use crate::new_estate::Estate;
use std::process::{Command, Output};

const TOKEN: &str = "tokSECRETx9F3kLmQ7abcdEFGH1234567890abcdefghijXYZ";
/// Nothing but its place says that it is one.
const WORD: &str = "correct horse battery";
/// A password in an address.
const SHORT: &str = "Sup3r";
const AGE: &str = "AGE-SECRET-KEY-1QQPTZXMTQZ7SJ7Q0DJ0JV9V3ZL4ULGNVMX7ZSNJ3K8GMW7R3M3SQZ8SU5K";
const PRIVATE: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUSECRETAAAA\\n-----END OPENSSH PRIVATE KEY-----";
/// Beginnings, for a message may cut what it quotes.
const TRACES: &[&str] = &[
    "tokSECRETx9",
    "correct horse",
    "Sup3r",
    "AGE-SECRET-KEY-1QQ",
    "b3BlbnNza",
    "BG5vbmUSECRET",
];

/// A new estate, to which every case is applied alone.
impl Estate {
    fn rooted(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .current_dir(&self.dir)
            .env("HOLDFAST_ROOT", &self.root)
            .output()
            .unwrap()
    }

    fn back(&self) {
        self.git(&["reset", "-q", "--hard", &self.root]);
        self.git(&["clean", "-qfdx"]);
    }
}

fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr)
}

const COMMANDS: &[&[&str]] = &[
    &["check", "--worktree"],
    &["check", "--worktree", "--format", "json"],
    &["check", "--worktree", "--format", "sarif"],
    &["fmt", "--check"],
    &["fmt", "--check", "--format", "json"],
    &["check"],
    &["plan", "--base", "HEAD~1"],
    &["plan", "--base", "HEAD~1", "--format", "markdown"],
    &["plan", "--base", "HEAD~1", "--format", "json"],
    &["trust", "check"],
    &["trust", "show"],
];

/// File, what is replaced in it (nothing: the whole file), and what by.
fn places() -> Vec<(&'static str, &'static str, String)> {
    let hoster = "token_secret = \"hetzner-token\"";
    let estate = "language = \"en\"";
    let netcup = "descriptor = \"netcup\"";
    let service = "host = \"wiki.acme.example\"";
    let mut places = vec![
        (
            "hosters.toml",
            hoster,
            format!("{hoster}\nendpoint = \"https://user:{SHORT}@api.example\""),
        ),
        (
            "hosters.toml",
            hoster,
            format!("{hoster}\nendpoint = \"https://user:{TOKEN}@api.example\""),
        ),
        (
            "hosters.toml",
            hoster,
            format!("{hoster}\nendpoint = \"https://api.example/?key={TOKEN}\""),
        ),
        (
            "hosters.toml",
            netcup,
            format!(
                "{netcup}\n[[hoster.machine]]\nname=\"a\"\naddress=\"192.0.2.1\"\nhost_key = \"{PRIVATE}\"\nsite=\"vie\"\nimage=\"debian-13\""
            ),
        ),
        (
            "hosters.toml",
            "id = \"netcup\"",
            format!("id = \"netcup\"\n# {TOKEN}\nbogus = 1\n# password: {WORD}"),
        ),
        (
            "trust.toml",
            "reconciler = \"age1",
            format!("reconciler = \"{AGE}\"\nx = \"age1"),
        ),
        (
            "trust.toml",
            "escrow = [\"",
            format!("escrow = [\"{AGE}\", \""),
        ),
        (
            "trust.toml",
            "role = \"owner\"",
            format!("role = \"owner\"\nperson = \"{AGE}\""),
        ),
        (
            "trust.toml",
            "key = \"",
            format!("key = \"{PRIVATE}\"\nx=\""),
        ),
        (
            "stacks/acme.toml",
            "contacts = [\"",
            format!("contacts = [\"{TOKEN}\", \""),
        ),
        (
            "stacks/acme.toml",
            service,
            format!("{service}\nsettings = {{ title = \"{TOKEN}\" }}"),
        ),
        (
            "stacks/acme.toml",
            "schedule = \"daily 02:30 Europe/Berlin\"",
            format!("schedule = \"{TOKEN}\""),
        ),
        (
            "stacks/acme.toml",
            "version = 1",
            format!("version = \"{TOKEN}\""),
        ),
        (
            "stacks/acme.toml",
            "name = \"wiki\"",
            format!("name = \"{TOKEN}\""),
        ),
        ("stacks/acme.toml", service, format!("host = \"{TOKEN}\"")),
        (
            "hosters.toml",
            "descriptor = \"hetzner\"",
            format!("descriptor = \"{TOKEN}\""),
        ),
        (
            "estate.toml",
            estate,
            format!(
                "{estate}\n[dns]\nserver=\"192.0.2.53:53\"\nzone=\"example\"\nkey_name=\"{TOKEN}\"\nalgorithm=\"hmac-sha256\"\nkey_secret=\"{WORD}\"\nttl=\"60s\""
            ),
        ),
        ("estate.toml", estate, format!("language = \"{TOKEN}\"")),
        ("estate.toml", "schema = 1", format!("schema = \"{TOKEN}\"")),
        ("estate.toml", "schema = 1", TOKEN.to_owned()),
        ("secrets/hetzner-token.age", "", format!("{WORD}\n")),
        (
            "secrets/hetzner-token.age",
            "",
            format!("age-encryption.org/v1\n{WORD}"),
        ),
        ("secrets/estate-key.age", "", AGE.to_owned()),
        ("secrets/x.txt", "", WORD.to_owned()),
        ("secrets/x.toml", "", format!("a = \"{WORD}\"")),
        ("secrets/x", "", WORD.to_owned()),
        ("hetzner-token.toml", "", format!("a = \"{WORD}\"")),
        ("hetzner-token.age", "", WORD.to_owned()),
        (
            "blueprints/x/blueprint.toml",
            "",
            format!("schema = 1\npassword = \"{WORD}\"\n{TOKEN}"),
        ),
    ];
    for secret in [TOKEN, WORD] {
        places.extend([
            (
                "hosters.toml",
                hoster,
                format!("token_secret = \"{secret}\"\nbogus = 1"),
            ),
            (
                "hosters.toml",
                hoster,
                format!("token = \"{secret}\"\nbogus = 1"),
            ),
            (
                "estate.toml",
                estate,
                format!("{estate}\npassword = \"{secret}\""),
            ),
            (
                "stacks/acme.toml",
                service,
                format!("{service}\nsettings = {{ password = \"{secret}\" }}\nbogus = 1"),
            ),
            (
                "stacks/acme.toml",
                service,
                format!(
                    "{service}\nbogus = 1\nsettings = {{ db_pass = \"{secret}\", admin = \"x\" }}"
                ),
            ),
            (
                "stacks/acme.toml",
                service,
                format!("{service}\nsettings.password.x = \"{secret}\"\nbogus = 1"),
            ),
            (
                "stacks/acme.toml",
                service,
                format!("{service}\nsettings = {{ \"password\" = [\n\"{secret}\"\n] }}\nbogus = 1"),
            ),
            (
                "stacks/acme.toml",
                service,
                format!("{service}\npassword = \"{secret}"),
            ),
            (
                "stacks/acme.toml",
                service,
                format!("{service}\npassword = {secret}"),
            ),
            (
                "stacks/acme.toml",
                service,
                format!("{service}\npassword = \"\"\"\n{secret}\n\"\"\"\nbogus = 2"),
            ),
            (
                "stacks/acme.toml",
                service,
                format!("{service}\nbogus = 2\n[service.password]\nbogus = 1\nx = '{secret}'"),
            ),
        ]);
    }
    places
}

#[test]
fn s13_no_command_shows_a_secret_wherever_it_stands() {
    let estate = Estate::new();
    let mut shown = Vec::new();
    let mut silent = Vec::new();
    for (file, old, new) in places() {
        if old.is_empty() {
            estate.write(file, &new);
        } else {
            let text = estate.read(file);
            assert!(text.contains(old), "{file} has no {old}");
            estate.write(file, &text.replacen(old, &new, 1));
        }
        estate.git(&["add", "-A"]);
        estate.git(&["commit", "-qm", "Change"]);
        for (number, command) in COMMANDS.iter().enumerate() {
            let said = said(&estate.rooted(command));
            for trace in TRACES.iter().filter(|trace| said.contains(**trace)) {
                shown.push(format!(
                    "{command:?} shows {trace} of {file}: {new}\n{said}"
                ));
            }
            if number == 0 && !said.contains("HF0") {
                silent.push(format!("{file}: {new}"));
            }
        }
        estate.back();
    }
    assert!(shown.is_empty(), "{}", shown.join("\n\n"));
    // The table would prove nothing if nothing were found in what it makes.
    assert!(silent.len() <= 3, "{silent:#?}");
}

#[test]
fn s13_a_changed_secret_is_a_change_whose_lines_are_not_told() {
    let estate = Estate::new();
    let text = estate.read("stacks/acme.toml");
    let title = text.lines().find(|line| line.contains("title")).unwrap();
    let new = format!("settings = {{ title = \"{TOKEN}\" }}");
    estate.write("stacks/acme.toml", &text.replace(title, &new));
    estate.git(&["add", "-A"]);
    estate.git(&["commit", "-qm", "Change"]);
    for format in ["human", "json", "markdown"] {
        let ran = estate.rooted(&["plan", "--base", "HEAD~1", "--format", format]);
        let said = said(&ran);
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert!(!said.contains("tokSECRET"), "{said}");
    }
}

#[test]
fn s13_what_is_no_secret_is_shown() {
    let estate = Estate::new();
    let text = estate.read("hosters.toml");
    let new = "bogus = 1\ntoken_secret = \"hetzner-token\"";
    estate.write(
        "hosters.toml",
        &text.replacen("token_secret = \"hetzner-token\"", new, 1),
    );
    let said = said(&estate.rooted(&["check", "--worktree"]));
    assert!(said.contains("token_secret = \"hetzner-token\""), "{said}");
    estate.back();
    let list = estate.read("trust.toml");
    estate.write(
        "trust.toml",
        &list.replacen("role = \"owner\"", "role = \"owner\"\nbogus = 1", 1),
    );
    let said = self::said(&estate.rooted(&["check", "--worktree"]));
    assert!(
        said.contains("ssh-ed25519 AAAA"),
        "a public key is public: {said}"
    );
}

#[test]
fn s13_masking_keeps_every_position_and_ends_soon() {
    use holdfast::model::secrecy::masked;
    let cases = [
        ("password = \"ä€\"\nb = 1", "password = *******\nb = 1"),
        ("a = { pass = 'x', b = 1 }", "a = { pass = ***, b = 1 }"),
        ("secret = \"the-name\"", "secret = \"the-name\""),
        ("secret = \"The Secret\"", "secret = ************"),
        ("token = [\n \"a\" ] # b", "token = *\n**********"),
    ];
    for (text, expected) in cases {
        assert_eq!(masked(text), expected);
        assert_eq!(masked(text).len(), text.len());
    }
    let began = std::time::Instant::now();
    for part in [
        "://",
        "secret.",
        "password = [\n",
        "[password]\na = {\n",
        "AGE-SECRET-KEY-",
        "-----BEGIN ",
        "token ",
        "'''",
        "password = \"",
        "[token]\n",
    ] {
        let text = part.repeat(1_000_000 / part.len());
        assert_eq!(masked(&text).len(), text.len());
    }
    assert!(began.elapsed().as_secs() < 180, "{:?}", began.elapsed());
}
