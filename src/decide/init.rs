//! What a new estate consists of: the texts of its first commit.

use std::collections::BTreeMap;

/// What the texts need to know.
#[derive(Debug, Clone)]
pub struct NewEstate<'n> {
    /// The estate's id.
    pub name: &'n str,
    /// The owner's public signing key, OpenSSH format.
    pub signer: &'n str,
    /// The reconciler's age recipient.
    pub reconciler: &'n str,
    /// The escrow's age recipient.
    pub escrow: &'n str,
    /// Instead of the example's `hosters.toml`.
    pub hosters: Option<&'n str>,
    /// A `[dns]` table for `estate.toml`, header included.
    pub dns: Option<&'n str>,
    /// Instead of the example stack: files of `stacks/`, by id.
    pub stacks: &'n BTreeMap<String, String>,
}

/// The plain files of the first commit, by path.
pub fn files(new: &NewEstate<'_>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::from([
        ("README.md".to_owned(), README.to_owned()),
        (
            ".gitattributes".to_owned(),
            "*.age binary\n*.toml text eol=lf\n".to_owned(),
        ),
        ("trust.toml".to_owned(), trust(new)),
        ("estate.toml".to_owned(), estate(new)),
        (
            "hosters.toml".to_owned(),
            new.hosters.unwrap_or(HOSTERS).to_owned(),
        ),
    ]);
    for (id, text) in new.stacks {
        files.insert(format!("stacks/{id}.toml"), text.clone());
    }
    if new.stacks.is_empty() {
        files.insert("stacks/acme.toml".to_owned(), STACK.to_owned());
    }
    files
}

/// The line of an `allowed_signers` file, for `git verify-commit`.
pub fn allowed_signers(new: &NewEstate<'_>) -> String {
    format!(
        "owner@{} namespaces=\"git\" {}\n",
        new.name,
        key_only(new.signer)
    )
}

/// `config.toml` of this computer, never committed.
pub fn config(root: &str) -> String {
    format!(
        "# Holdfast on this computer; this file and keys/ are never committed.\n\
         root = \"{root}\"                  # the first commit that is trusted\n\
         identity = \"keys/reconciler.age-key\" # opens the estate's secrets\n\
         state = \"state.sqlite\"               # the journal\n"
    )
}

/// Type and key, without the comment.
fn key_only(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn estate(new: &NewEstate<'_>) -> String {
    let dns = new
        .dns
        .map_or_else(|| DNS_EXAMPLE.to_owned(), str::to_owned);
    format!(
        "schema = 1\n\n[estate]\nname = \"{}\"\nlanguage = \"en\"\n\n{dns}",
        new.name
    )
}

fn trust(new: &NewEstate<'_>) -> String {
    format!(
        "schema = 1\n\n\
         # Who may sign the next commit. A commit is judged by the list of its\n\
         # parents, never by its own: to add a key, a known one signs the commit.\n\
         [[signer]]\n\
         name = \"owner\"\n\
         role = \"owner\"\n\
         key = \"{}\"\n\n\
         # Every secret is sealed for all of these; the key for escrow is kept where no\n\
         # server of the estate can reach.\n\
         [recipients]\n\
         reconciler = \"{}\"\n\
         escrow = [\"{}\"]\n",
        key_only(new.signer),
        new.reconciler,
        new.escrow
    )
}

const DNS_EXAMPLE: &str = "\
# Where names are changed (RFC 2136 with TSIG). Without it a person does it.
# [dns]
# server = \"192.0.2.53:53\"
# zone = \"acme.example\"
# key_name = \"holdfast\"
# algorithm = \"hmac-sha256\"
# key_secret = \"dns-key\"      # secrets/dns-key.age, base64 as the name server has it
# ttl = \"60s\"
";

const HOSTERS: &str = "\
schema = 1

[[hoster]]
id = \"hetzner\"
descriptor = \"hetzner\"
token_secret = \"hetzner-token\" # secrets/hetzner-token.age

# Machines are ordered by a person and listed here with the host key that was
# read on the machine itself.
[[hoster]]
id = \"netcup\"
descriptor = \"netcup\"

# [[hoster.machine]]
# name = \"v2202611\"
# address = \"192.0.2.10\"
# port = 22
# host_key = \"ssh-ed25519 AAAA…\"
# site = \"vie\"
# image = \"debian-13\"

[[hoster]]
id = \"ionos\"
descriptor = \"ionos\"
";

/// The example is a file of the catalogue, so that there is one and not two.
const STACK: &str = include_str!("../../stacks/examples/acme.toml");

const README: &str = "\
# An estate of Holdfast

What stands here, signed, is what runs. A change is a signed commit:

    $EDITOR stacks/acme.toml
    holdfast check --worktree   # what is wrong, before it is signed
    holdfast explain HF0003     # what a code means
    git commit -a               # signs by itself in this clone
    holdfast plan

| file | holds |
| --- | --- |
| `estate.toml` | name, language, name server |
| `trust.toml` | whose signatures count, who can read the secrets |
| `hosters.toml` | accounts and ordered machines |
| `stacks/<id>.toml` | one customer each |
| `secrets/<id>.age` | sealed; `holdfast secret ID < FILE` writes one |
| `.schemas/`, `.taplo.toml` | for editors; `holdfast schema --out .schemas` renews them |

`holdfast new stack ID` writes the file of another customer.

Keys never stand here. They are in `.git/holdfast/keys/` of the clone in which
the estate was made; move the escrow key away from there.
";
