//! `trust.toml`: who may sign the next commit, and who can read the secrets.
//!
//! The one reader, before a list is signed and when it judges. A list that
//! cannot be read would let no further commit in. Whether a commit is accepted
//! is decided elsewhere, by the list of its parents.

use super::namesakes::Namesakes;
use crate::decide::document::{Document, Found, Table, codes, suggest, words};
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::StackId;
use crate::model::trust::{
    FILE, OWNER, PathRule, Recipients, Revocation, Role, Signer, Threshold, Thresholds, Trust,
    acceptable,
};
use jiff::Timestamp;
use ssh_key::PublicKey;
use std::collections::{BTreeMap, BTreeSet};

/// The list, if nothing is wrong with it, and everything found.
pub fn read(path: &str, bytes: &[u8]) -> (Option<Trust>, Vec<Diagnostic>) {
    Document::read(path, bytes, |root| {
        root.schema();
        let roles = roles(root);
        let (signers, whole) = signers(root, &roles);
        // Of whom nothing is known nobody can say whether they are enough.
        let people = whole.then_some(signers.as_slice());
        let thresholds = thresholds(root, people, &roles);
        let table = root.table("recipients");
        let recipients = table.as_ref().and_then(recipients);
        Some(Trust {
            signers,
            roles,
            thresholds,
            recipients: recipients?,
        })
    })
}

/// Who signs, and whether everybody could be read.
fn signers(root: &Table<'_>, roles: &BTreeMap<String, Role>) -> (Vec<Signer>, bool) {
    let mut signers: Vec<Signer> = Vec::new();
    let tables = root.tables("signer");
    if tables.is_empty() {
        root.missing(
            "signer",
            "add a [[signer]]: without one no further commit can be accepted",
        );
        return (signers, false);
    }
    let count = tables.len();
    let mut namesakes = Namesakes::default();
    for table in tables {
        let read = signer(&table, roles, &signers, &mut namesakes);
        table.finish();
        signers.extend(read);
    }
    let owner = signers
        .iter()
        .any(|signer| signer.role == OWNER && signer.revoked.is_none());
    // A signer that could not be read may be the owner.
    let whole = signers.len() == count;
    if !owner && whole {
        root.report(
            codes::MISSING_KEY,
            root.span(),
            "no [[signer]] is an owner that is not revoked",
            Some("add one with role = \"owner\": only owners may change this list"),
        );
    }
    (signers, whole)
}

fn signer(
    table: &Table<'_>,
    roles: &BTreeMap<String, Role>,
    others: &[Signer],
    namesakes: &mut Namesakes,
) -> Option<Signer> {
    let name = words::NAME.check(table, table.text("name", "anna"));
    let person = words::NAME.check(table, table.text_if("person", "Anna Berg"));
    let role = table
        .text("role", OWNER)
        .filter(|role| known(table, roles, role));
    let key = table
        .text("key", "ssh-ed25519 AAAA…")
        .and_then(|found| key(table, &found));
    let from = time(table, table.text_if("from", "2026-01-01T00:00:00Z"));
    let until = time(table, table.text_if("until", "2027-01-01T00:00:00Z"));
    if let (Some(from), Some(until)) = (&from, &until)
        && from.value > until.value
    {
        let help = Some("write `from` before `until`");
        table.report(
            codes::UNFIT,
            &until.span,
            "the key would never be valid",
            help,
        );
    }
    let was_revoked = table.has("revoked");
    let revoked = table
        .table_if("revoked")
        .and_then(|table| revocation(&table));
    let (name, key, role) = (name?, key?, role?);
    if others
        .iter()
        .any(|known| known.key.key_data() == key.value.key_data())
    {
        table.report(codes::DUPLICATE, &key.span, "this key stands twice", None);
    }
    if others.iter().any(|known| known.name == name.value) {
        table.report(codes::DUPLICATE, &name.span, "this name stands twice", None);
    }
    namesakes.meet(table, &name, person.as_ref());
    if was_revoked && revoked.is_none() {
        return None;
    }
    Some(Signer {
        person: person.map_or_else(|| name.value.clone(), |person| person.value),
        name: name.value,
        role: role.value,
        key: key.value,
        from: from.map(|from| from.value),
        until: until.map(|until| until.value),
        revoked,
    })
}

fn revocation(table: &Table<'_>) -> Option<Revocation> {
    let at = time(table, table.text("at", "2026-05-01T00:00:00Z"));
    let reason = words::LINE.check(table, table.text("reason", "laptop stolen"));
    table.finish();
    Some(Revocation {
        at: at?.value,
        reason: reason?.value,
    })
}

/// A moment; without a zone nobody knows which.
fn time(table: &Table<'_>, found: Option<Found<String>>) -> Option<Found<Timestamp>> {
    let found = found?;
    let Ok(at) = found.value.parse::<Timestamp>() else {
        table.report(
            codes::MALFORMED,
            &found.span,
            &format!(
                "{:?} is not a time with a zone",
                words::shorten(&found.value)
            ),
            Some("write for example \"2026-01-01T00:00:00Z\" or \"2026-01-01T00:00:00+01:00\""),
        );
        return None;
    };
    Some(found.map(|_| at))
}

fn known(table: &Table<'_>, roles: &BTreeMap<String, Role>, role: &Found<String>) -> bool {
    if roles.contains_key(&role.value) {
        return true;
    }
    let help = suggest(&role.value, roles.keys().map(String::as_str));
    let message = format!("no role is called {:?}", words::shorten(&role.value));
    table.report(codes::UNKNOWN_NAME, &role.span, &message, help.as_deref());
    false
}

/// The built-in roles and the list's own.
fn roles(root: &Table<'_>) -> BTreeMap<String, Role> {
    let mut roles = Role::built_in();
    let built_in: Vec<String> = roles.keys().cloned().collect();
    for table in root.tables("role") {
        let name = words::ID.check(&table, table.text("name", "acme-admin"));
        let mut may = Vec::new();
        for found in table.texts("may", "blueprints/own/") {
            may.extend(path_rule(&table, &found));
        }
        for found in table.texts("stacks", "acme") {
            if words::ID.check(&table, Some(found.clone())).is_some() {
                may.push(PathRule::File(StackId::new(found.value).file()));
            }
        }
        if !table.has("may") && !table.has("stacks") {
            let help = "add stacks = [\"acme\"], or may = [\"blueprints/own/\"]";
            table.missing("may", help);
        }
        table.finish();
        let Some(name) = name else {
            continue;
        };
        if built_in.contains(&name.value) {
            let message = format!(
                "the role {:?} is built in and cannot be another",
                name.value
            );
            let help = Some("give your own role another name");
            table.report(codes::DUPLICATE, &name.span, &message, help);
            continue;
        }
        let role = Role {
            name: name.value.clone(),
            may,
        };
        if roles.insert(name.value, role).is_some() {
            table.report(codes::DUPLICATE, &name.span, "this role stands twice", None);
        }
    }
    roles
}

/// Folders that every estate has or may have.
const FOLDERS: [&str; 4] = ["blueprints", "records", "secrets", "stacks"];

/// A file or, with a final `/`, everything below a folder.
fn path_rule(table: &Table<'_>, found: &Found<String>) -> Option<PathRule> {
    let text = &found.value;
    let folder = text.strip_suffix('/');
    let sound = text.len() <= 255
        && folder.unwrap_or(text).split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && part
                    .chars()
                    .all(|c| !c.is_control() && !matches!(c, '*' | '?' | '[' | ']' | '\\'))
        });
    if !sound {
        let message = format!(
            "{:?} is no file or folder of the estate",
            words::shorten(text)
        );
        let help = Some(
            "write a file, \"stacks/acme.toml\", or a folder with / at its end, \"blueprints/own/\"; there are no wildcards",
        );
        table.report(codes::MALFORMED, &found.span, &message, help);
        return None;
    }
    if folder.is_none() && FOLDERS.contains(&text.as_str()) {
        let message = format!("{text:?} is a folder, and as a file it would allow nothing");
        let help = format!("write \"{text}/\" for everything below it");
        table.report(codes::MALFORMED, &found.span, &message, Some(&help));
        return None;
    }
    let rule = match folder {
        Some(_) => PathRule::Below(text.clone()),
        None => PathRule::File(text.clone()),
    };
    if rule.covers(FILE) {
        let help = Some("only owners change trust.toml: who could change it could become owner");
        table.report(
            codes::UNFIT,
            &found.span,
            "a role may not change trust.toml",
            help,
        );
        return None;
    }
    // `LICENSE` is a file; "blueprints/own" is most likely meant to be a folder.
    if folder.is_none() && text.contains('/') && !text.rsplit('/').any(|part| part.contains('.')) {
        let help = format!("if it is a folder, write \"{}/\"", words::shorten(text));
        table.document().warn(
            codes::MALFORMED,
            &found.span,
            "this is read as a file, and it has no ending",
            Some(&help),
        );
    }
    Some(rule)
}

fn thresholds(
    root: &Table<'_>,
    signers: Option<&[Signer]>,
    roles: &BTreeMap<String, Role>,
) -> Thresholds {
    let usual = Thresholds::default();
    let Some(table) = root.table_if("thresholds") else {
        return usual;
    };
    let read = |key: &'static str, usual: Threshold| {
        let Some(inner) = table.table_if(key) else {
            return usual;
        };
        threshold(&inner, key, signers, roles).unwrap_or(usual)
    };
    let thresholds = Thresholds {
        safe: read("safe", usual.safe),
        disruptive: read("disruptive", usual.disruptive),
        destructive: read("destructive", usual.destructive),
        trust: read("trust", usual.trust),
    };
    table.finish();
    thresholds
}

fn threshold(
    table: &Table<'_>,
    effect: &str,
    signers: Option<&[Signer]>,
    roles: &BTreeMap<String, Role>,
) -> Option<Threshold> {
    let count = table.number::<u8>("signers", "2");
    let mut named = Vec::new();
    for role in table.texts("roles", OWNER) {
        if !known(table, roles, &role) {
            continue;
        }
        if effect == "trust" && role.value != OWNER {
            let help = Some("write roles = [\"owner\"]: only owners change trust.toml");
            let message = format!("{:?} has no say about trust", role.value);
            table.report(codes::UNFIT, &role.span, &message, help);
            continue;
        }
        named.push(role.value);
    }
    table.finish();
    let count = count?;
    if effect == "trust" && named.is_empty() {
        named.push(OWNER.to_owned());
    }
    let threshold = Threshold {
        signers: count.value,
        roles: named,
    };
    let people = |signers: &[Signer]| {
        let able = signers
            .iter()
            .filter(|signer| signer.revoked.is_none() && threshold.counts(signer));
        let people: BTreeSet<&str> = able.map(|signer| signer.person.as_str()).collect();
        people.len()
    };
    let people = signers.map(people);
    let wrong = if count.value == 0 {
        Some(("nobody would have to sign".to_owned(), "write signers = 1"))
    } else if let Some(people) = people.filter(|people| *people < usize::from(count.value)) {
        Some((
            format!(
                "{} can never sign: the list has {} such",
                match count.value {
                    1 => "one person".to_owned(),
                    more => format!("{more} people"),
                },
                people
            ),
            "add signers of other people first, in a commit of their own; keys of one person count once",
        ))
    } else {
        None
    };
    if let Some((message, help)) = wrong {
        table.report(codes::UNFIT, &count.span, &message, Some(help));
        return None;
    }
    let kept = signers.into_iter().flatten();
    let last = threshold.irreplaceable(kept.filter(|signer| signer.revoked.is_none()));
    // Where one is enough nothing was asked for; `trust check` says so of an only owner.
    if effect == "trust" && count.value > 1 && !last.is_empty() {
        table.document().warn(
            codes::LAST_OWNERS,
            &count.span,
            &format!("{} would lock trust.toml for good", losing(&last)),
            Some("add one owner more than must sign, or lower the threshold; to revoke a stolen key, others must be enough"),
        );
    }
    Some(threshold)
}

/// "losing one of anna, boris".
fn losing(people: &[String]) -> String {
    match people {
        [one] => format!("losing {}", words::shorten(one)),
        more => {
            let more: Vec<String> = more.iter().map(|one| words::shorten(one)).collect();
            format!("losing one of {}", more.join(", "))
        }
    }
}

fn key(table: &Table<'_>, found: &Found<String>) -> Option<Found<PublicKey>> {
    let Ok(key) = PublicKey::from_openssh(&found.value) else {
        let help = Some("write the line of the .pub file, for example \"ssh-ed25519 AAAA…\"");
        let code = if found.value.contains("PRIVATE") {
            codes::PLAIN_SECRET
        } else {
            codes::KEY
        };
        table.report(code, &found.span, "not an OpenSSH public key", help);
        return None;
    };
    if let Err(refusal) = acceptable(key.key_data()) {
        let help = Some("use ssh-keygen -t ed25519, or a hardware key with -t ed25519-sk");
        table.report(codes::KEY, &found.span, &refusal.to_string(), help);
        return None;
    }
    Some(found.clone().map(|_| key))
}

fn recipients(table: &Table<'_>) -> Option<Recipients> {
    let reconciler = table
        .text("reconciler", "age1…")
        .and_then(|found| recipient(table, found));
    let found = table.texts("escrow", "age1…");
    let none = found.is_empty();
    let escrow: Vec<String> = found
        .into_iter()
        .filter_map(|f| recipient(table, f))
        .collect();
    if none {
        table.missing(
            "escrow",
            "add escrow = [\"age1…\"], a key that no server of the estate holds; otherwise the secrets die with the reconciler",
        );
    }
    table.finish();
    Some(Recipients {
        reconciler: reconciler?,
        escrow,
    })
}

fn recipient(table: &Table<'_>, found: Found<String>) -> Option<String> {
    if found.value.parse::<age::x25519::Recipient>().is_ok() {
        return Some(found.value);
    }
    // `AGE-SECRET-KEY-…` is what people paste by mistake.
    let code = if found.value.to_ascii_uppercase().contains("SECRET") {
        codes::PLAIN_SECRET
    } else {
        codes::KEY
    };
    let help = Some("write the public key, age1…, as `age-keygen -y` prints it");
    table.report(code, &found.span, "not an age recipient", help);
    None
}
