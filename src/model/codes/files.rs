//! `HF0001` to `HF0029`: what can be wrong with a file by itself, or with its names and parts.

use super::entry::{Entry, Example};

/// Not UTF-8.
pub const NOT_TEXT: &str = "HF0001";
/// Not TOML.
pub const SYNTAX: &str = "HF0002";
/// A key that nobody reads: in signed intent a misspelled key is dangerous.
pub const UNKNOWN_KEY: &str = "HF0003";
/// A key that must be there.
pub const MISSING_KEY: &str = "HF0004";
/// A text where a number is needed, and the like.
pub const WRONG_TYPE: &str = "HF0005";
/// A `schema` that this version does not read.
pub const SCHEMA: &str = "HF0006";
/// An amount without unit, or no amount at all.
pub const UNIT: &str = "HF0007";
/// Characters or a form that a name, path, address or mode may not have.
pub const MALFORMED: &str = "HF0008";
/// The file name and the id in it differ.
pub const FILE_NAME: &str = "HF0009";
/// A name that nothing has: hoster, site, blueprint, setting, descriptor.
pub const UNKNOWN_NAME: &str = "HF0010";
/// A file that must be there.
pub const MISSING_FILE: &str = "HF0011";
/// A file that nobody reads.
pub const STRAY_FILE: &str = "HF0012";
/// The same id, host, name or address twice.
pub const DUPLICATE: &str = "HF0013";
/// Production and backup depend on the same thing (S14).
pub const NOT_INDEPENDENT: &str = "HF0014";
/// Parts that do not fit: an image the blueprint does not know, no machine type large enough.
pub const UNFIT: &str = "HF0015";
/// A secret that is missing or that only one identity can read.
pub const SECRET: &str = "HF0016";
/// A secret in plain text; the view masks its line (S13).
pub const PLAIN_SECRET: &str = "HF0017";
/// A template that cannot be rendered.
pub const TEMPLATE: &str = "HF0018";
/// A signing key that may not be used.
pub const KEY: &str = "HF0019";
/// Names of people that look like one another: thresholds count people.
pub const LOOKALIKE: &str = "HF0020";
/// As many owners as must sign, and none to stand in.
pub const LAST_OWNERS: &str = "HF0021";

const STACK: &str = "stacks/acme.toml";

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: NOT_TEXT,
        title: "the file is not UTF-8 text",
        explanation: "Some bytes of the file are not UTF-8, so nobody can say which characters they \
are. Editors on old systems save umlauts in Latin-1; a file may also have been damaged on its way.\n\n\
Nothing in the file is read. Save it as UTF-8.",
        example: Example::Commands {
            wrong: "printf '# M\\374ller GmbH\\n' >> stacks/acme.toml       # Latin-1",
            right: "printf '# M\\303\\274ller GmbH\\n' >> stacks/acme.toml   # UTF-8",
        },
    },
    Entry {
        id: SYNTAX,
        title: "the file is not TOML",
        explanation: "The line cannot be read as TOML: a quote is not closed, a bracket is \
missing, a key stands twice. The rest of the file is read as far as possible, so that one run shows \
everything; keys that the broken place may have swallowed are not reported as missing.\n\n\
Texts stand in quotes, tables have a `[header]`, lists of tables a `[[header]]`.",
        example: Example::Lines {
            file: STACK,
            wrong: "name = \"ACME GmbH",
            right: "name = \"ACME GmbH\"",
        },
    },
    Entry {
        id: UNKNOWN_KEY,
        title: "nothing reads this key",
        explanation: "A key that nobody reads does nothing. In most tools that is silent; in signed \
intent it would be a promise that is not kept: `retenton = …` would be no retention at all.\n\n\
Mostly it is a misspelling, and the nearest key is named. Keys also belong to their table: `site` \
stands in `[production]`, not at the top. Notes belong into comments, behind `#`.",
        example: Example::Lines {
            file: STACK,
            wrong: "langauge = \"de\"",
            right: "language = \"de\"",
        },
    },
    Entry {
        id: MISSING_KEY,
        title: "a key is missing",
        explanation: "Without this key nobody can say what is wanted, and Holdfast does not guess \
where a guess could cost data or money. The remedy shows a line with a typical value.",
        example: Example::Lines {
            file: STACK,
            wrong: "id = \"acme\"\nlanguage = \"de\"",
            right: "id = \"acme\"\nname = \"ACME GmbH\"\nlanguage = \"de\"",
        },
    },
    Entry {
        id: WRONG_TYPE,
        title: "the value is of another kind",
        explanation: "A number stands where a text is needed, a text where a list is needed, or a \
number is outside its range. Amounts with a unit are texts: a bare `6` says neither hours nor days.",
        example: Example::Lines {
            file: STACK,
            wrong: "rto = 6",
            right: "rto = \"6h\"",
        },
    },
    Entry {
        id: SCHEMA,
        title: "this version does not read this schema",
        explanation: "Every file says which edition of the format it is written in. A newer edition \
may give a key another meaning, so a file of an edition that this version does not know is not read at \
all.\n\nWrite `schema = 1`, or update Holdfast if the file was written for a newer one.",
        example: Example::Lines {
            file: STACK,
            wrong: "schema = 2",
            right: "schema = 1",
        },
    },
    Entry {
        id: UNIT,
        title: "an amount without its unit",
        explanation: "Sizes and durations are written with their unit, in quotes. Sizes: B, kB, MB, \
GB, TB (thousands) and KiB, MiB, GiB, TiB (1024). Durations: s, m, h, d, w, above zero. A schedule is \
`daily HH:MM Zone`, with a zone of the IANA time zone database.\n\n\
A number alone would mean gigabytes to one reader and gibibytes to the next.",
        example: Example::Lines {
            file: STACK,
            wrong: "memory = \"8\"",
            right: "memory = \"8 GiB\"",
        },
    },
    Entry {
        id: MALFORMED,
        title: "characters or a form that may not be",
        explanation: "Names, paths, addresses and modes reach machines, name servers and interfaces. \
What is allowed in them is narrow on purpose: it never needs quoting, so it can never be taken for \
something else. The remedy names the rule.\n\n\
Free texts (names of companies, titles) may hold anything that fits on one line.",
        example: Example::Lines {
            file: STACK,
            wrong: "host = \"Wiki.acme.example.\"",
            right: "host = \"wiki.acme.example\"",
        },
    },
    Entry {
        id: FILE_NAME,
        title: "the file's name and the id in it differ",
        explanation: "The id of a stack, a blueprint or a descriptor never changes: machines, backups \
and the journal carry it. It stands in the file and is the file's name, so that a copied file that \
kept its old id is noticed before two files claim one customer.",
        example: Example::Lines {
            file: STACK,
            wrong: "id = \"acme-gmbh\"",
            right: "id = \"acme\"",
        },
    },
    Entry {
        id: UNKNOWN_NAME,
        title: "nothing has this name",
        explanation: "The value names something that does not exist: a hoster that hosters.toml does \
not list, a site that the hoster does not have, a blueprint that is neither built in nor under \
blueprints/, an image, a role, a kind of repair. The nearest name is suggested; where none is near, \
all are listed.",
        example: Example::Lines {
            file: STACK,
            wrong: "blueprint = \"mediwiki\"",
            right: "blueprint = \"mediawiki\"",
        },
    },
    Entry {
        id: MISSING_FILE,
        title: "a file is missing",
        explanation: "Every estate has estate.toml, trust.toml and hosters.toml, and every folder \
under blueprints/ a blueprint.toml. While one of the three is missing nothing at all is planned: a \
file that is gone is never read as an empty one, for an empty estate would mean that nobody's server \
is wanted any more (S1).",
        example: Example::Commands {
            wrong: "git rm -q hosters.toml",
            right: "git rm -q README.md",
        },
    },
    Entry {
        id: STRAY_FILE,
        title: "nothing reads this file",
        explanation: "A definition under a name or in a folder where nobody looks would be passed \
over in silence, and its author would believe in it. Stacks are stacks/<id>.toml, blueprints \
blueprints/<id>/ with every file named in blueprint.toml, secrets secrets/<id>.age.\n\n\
Pages ending in .md and names beginning with a dot are nobody's definition and may lie anywhere.",
        example: Example::Commands {
            wrong: "sed s/acme/bolt/g stacks/acme.toml > bolt.toml",
            right: "sed s/acme/bolt/g stacks/acme.toml > stacks/bolt.toml",
        },
    },
    Entry {
        id: DUPLICATE,
        title: "this stands twice",
        explanation: "Two things claim what only one can have: an id, a host name, a machine's \
address, a key. Where two stacks claim one host name, both are held, because nobody can say from the \
files alone whose it is.",
        example: Example::Lines {
            file: STACK,
            wrong: "host = \"wiki.acme.example\"\nsettings = { title = \"ACME Documents\" }",
            right: "host = \"docs.acme.example\"\nsettings = { title = \"ACME Documents\" }",
        },
    },
    Entry {
        id: NOT_INDEPENDENT,
        title: "production and backup can be lost together",
        explanation: "A copy that falls together with the original is no copy (S14). Production and \
every place that a rebuild may go to are compared with the backup: company and group, network \
(autonomous system), account and token, and distance (50 km at least). The facts come from the \
hosters' descriptors, and those that clash are named.\n\n\
Put the backup at a company, in a network and at a place that have nothing to do with production; or \
leave out the fallback that would bring production to where the backup is.",
        example: Example::Lines {
            file: STACK,
            wrong: "[backup]\nhoster = \"hetzner\"\nsite = \"hel1\"",
            right: "[backup]\nhoster = \"netcup\"\nsite = \"vie\"",
        },
    },
    Entry {
        id: UNFIT,
        title: "these parts do not fit together",
        explanation: "Each part is right by itself, but not together: a version that the blueprint \
does not have, an image it does not run on, a machine larger than any the hoster rents, a host name \
outside the zone of estate.toml, a second service where a machine can have one. The message says what \
would fit.",
        example: Example::Lines {
            file: STACK,
            wrong: "version = 9",
            right: "version = 1",
        },
    },
    Entry {
        id: SECRET,
        title: "a secret is missing, or too few can read it",
        explanation: "Secrets stand as secrets/<id>.age, sealed for the reconciler and for every \
escrow key in trust.toml. A secret that only the reconciler could read would be lost with it; a \
secret that is named and not there would be missed at three in the morning.\n\n\
`holdfast secret ID < FILE` seals one for all of them. After a change of the recipients each is \
sealed again.",
        example: Example::Commands {
            wrong: "git rm -q secrets/hetzner-token.age",
            right: "echo 64-characters-of-token | holdfast secret hetzner-token",
        },
    },
    Entry {
        id: PLAIN_SECRET,
        title: "a secret in plain text",
        explanation: "A password, token or private key stands readable in the file, or under a key \
that looks like one. Git never forgets: whoever gets any old copy of the repository has it (S13). The \
line is masked in what is printed.\n\n\
Change the secret where it is valid, seal the new one with `holdfast secret ID < FILE`, and name it \
here by its id.",
        example: Example::Lines {
            file: "hosters.toml",
            wrong: "token = \"an API token as the hoster shows it\"",
            right: "token_secret = \"hetzner-token\"",
        },
    },
    Entry {
        id: TEMPLATE,
        title: "the template cannot be rendered",
        explanation: "A text of a blueprint is a template that is broken or uses a name that does \
not exist. Templates know stack.id, stack.name, stack.language, service.name, service.host, and what \
the blueprint declares: settings.…, secrets.…, image.…\n\n\
They are tried when they are read, so that a typo is found in a commit and not on a machine.",
        example: Example::Lines {
            file: "blueprints/notes/blueprint.toml",
            wrong: "contains = \"{{ settings.titel }}\"",
            right: "contains = \"{{ settings.title }}\"",
        },
    },
    Entry {
        id: KEY,
        title: "this key cannot be used",
        explanation: "Signing keys are OpenSSH public keys: Ed25519, ECDSA, both also on hardware \
(sk-), or RSA from 3072 bits. Recipients of secrets are age public keys, age1…. Host keys are those \
that the machine itself shows.\n\n\
Write the whole line of the .pub file, not its name; `ssh-keygen -t ed25519` makes a new one.",
        example: Example::Lines {
            file: "trust.toml",
            wrong: "key = \"~/.ssh/id_ed25519.pub\"",
            right: "key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti\"",
        },
    },
    Entry {
        id: LOOKALIKE,
        title: "two people cannot be told apart",
        explanation: "Thresholds count people, and people are known by their names in trust.toml. \
Names that differ only in upper and lower case, in blanks, or in letters of another script that look \
the same, would let one person count as two, unseen by those who sign the list. So does a key's name \
that is the name of somebody else's.\n\n\
Several keys of one person have one `person`, written the same in each. Two people have names that \
differ to the eye.",
        example: Example::Commands {
            wrong: "ssh-keygen -q -t ed25519 -N '' -f .git/second\n\
printf '\\n[[signer]]\\nname = \"Owner\"\\nrole = \"operator\"\\nkey = \"%s\"\\n' \"$(cut -d' ' -f1,2 .git/second.pub)\" >> trust.toml",
            right: "ssh-keygen -q -t ed25519 -N '' -f .git/second\n\
holdfast trust add-key owner-laptop --person owner --role operator --key .git/second.pub",
        },
    },
    Entry {
        id: LAST_OWNERS,
        title: "losing one owner would lock the list",
        explanation: "As many owners are listed as must sign a change of trust.toml. When one of them \
loses their key, or it is stolen, the others are too few to revoke it or to list another: nobody could \
change who counts any more, and whoever has the stolen key keeps its word.\n\n\
List one owner more than must sign, or a second key of each person, kept elsewhere. The way out of a \
locked list is a new root, agreed upon over another way: see the operator's guide.",
        example: Example::Commands {
            wrong: "ssh-keygen -q -t ed25519 -N '' -f .git/second\n\
holdfast trust add-key boris --role owner --key .git/second.pub\n\
printf '\\n[thresholds]\\ntrust = { signers = 2 }\\n' >> trust.toml",
            right: "for name in boris dora; do\n  \
ssh-keygen -q -t ed25519 -N '' -f .git/$name\n  \
holdfast trust add-key $name --role owner --key .git/$name.pub\n\
done\n\
printf '\\n[thresholds]\\ntrust = { signers = 2 }\\n' >> trust.toml",
        },
    },
];
