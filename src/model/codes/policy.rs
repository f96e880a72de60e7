//! `HF0030` to `HF0059`: files that are sound, and an estate that must not be so all the same.

use super::entry::{Entry, Example};

/// A policy of the estate that would loosen a built-in rule.
pub const LOOSER: &str = "HF0030";
/// A stack without a place for a rebuild, where the estate demands one.
pub const NO_FALLBACK: &str = "HF0031";
/// A promise that the backup schedule cannot keep, or that what was measured does not bear out.
pub const PROMISE: &str = "HF0032";
/// Promises that nobody has measured.
pub const UNMEASURED: &str = "HF0033";
/// A promise that is missing, or weaker than the estate demands.
pub const WEAK_PROMISE: &str = "HF0034";
/// Recipients of secrets that do not outlive the reconciler.
pub const RECIPIENTS: &str = "HF0035";
/// More machines than an account may have.
pub const QUOTA: &str = "HF0036";
/// A stack that is gone without having been retired, or too early.
pub const GONE: &str = "HF0037";
/// A stack under another id, without `moved_from`.
pub const RENAMED: &str = "HF0038";
/// A `moved_from` that cannot be meant.
pub const MOVED_FROM: &str = "HF0039";
/// State of a blueprint that nothing saves, restores or checks.
pub const COVERAGE: &str = "HF0040";
/// A host name that another stack already has.
pub const NAME_TAKEN: &str = "HF0041";
/// A repository is signed away that the stack uses.
pub const DISCARD_IN_USE: &str = "HF0042";
/// A freeze or an approval that is over and still stands.
pub const OVER: &str = "HF0050";
/// A freeze or an approval that ends when nobody remembers it.
pub const FAR_AWAY: &str = "HF0051";

const STACK: &str = "stacks/acme.toml";

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: LOOSER,
        title: "a policy would loosen a built-in rule",
        explanation: "The built-in rules hold for every estate: 50 km between production and its \
backup, one escrow recipient, one machine kept free for a rebuild. `[policy]` in estate.toml may \
ask for more of them, never for less, so that nobody can sign a danger away in one line.\n\n\
Write the built-in value or more, or remove the line.",
        example: Example::Lines {
            file: "estate.toml",
            wrong: "distance = \"10 km\"",
            right: "distance = \"100 km\"",
        },
    },
    Entry {
        id: NO_FALLBACK,
        title: "the estate demands a fallback",
        explanation: "`fallback = \"required\"` in `[policy]` says that every stack names a second \
place for its production. A rebuild goes there when the first hoster has no room or is lost, \
without anybody having to look for one at night.\n\n\
Add a fallback whose hoster, network and site are independent of the backup.",
        example: Example::Lines {
            file: STACK,
            wrong: "fallback = []",
            right: "fallback = [{ hoster = \"ionos\", site = \"de/fra\" }]",
        },
    },
    Entry {
        id: PROMISE,
        title: "a promise that cannot be kept",
        explanation: "`rpo` says how much data may be lost, `rto` how long a rebuild may take. With \
one recovery point a day up to a day of data is lost, so a smaller rpo would be a lie. The same is \
said when a drill or a real rebuild took longer, or lost more, than was promised.\n\n\
Promise what can be kept, or change what keeps it.",
        example: Example::Lines {
            file: STACK,
            wrong: "rpo = \"1h\"",
            right: "rpo = \"24h\"",
        },
    },
    Entry {
        id: UNMEASURED,
        title: "promises that nobody has measured",
        explanation: "A promise counts once a drill or a rebuild has shown that it is kept; until \
then it is a hope. A rebuild shows both; a drill shows rto, and rpo if its point was young enough \
when it began. All stacks that hope are told in one warning, each with what is missing. With `measured = \"required\"` \
in `[policy]` it is an error.\n\n\
Run a drill, or promise nothing yet.",
        example: Example::Commands {
            wrong: "holdfast check --worktree || true   # acme promises rpo and rto",
            right: "sed -i '/^rpo/d; /^rto/d' stacks/acme.toml && git commit -qam 'Promise nothing yet'",
        },
    },
    Entry {
        id: WEAK_PROMISE,
        title: "a promise weaker than the estate asks for",
        explanation: "`rpo_at_most` and `rto_at_most` in `[policy]` are what every customer of the \
estate is promised at least. A stack may promise more, and must say what it promises.\n\n\
Write a value that is no longer than the estate's.",
        example: Example::Lines {
            file: STACK,
            wrong: "rto = \"12h\"",
            right: "rto = \"6h\"",
        },
    },
    Entry {
        id: RECIPIENTS,
        title: "the secrets would be lost with the reconciler",
        explanation: "Every secret is sealed for the reconciler and for escrow keys that no server \
of the estate holds. An escrow key that is the reconciler's own, or that stands twice, only looks \
like a second one; `escrow` in `[policy]` says how many there must be.\n\n\
Make each escrow key with `age-keygen` on a computer of its own, and seal the secrets again.",
        example: Example::Lines {
            file: "trust.toml",
            wrong: "escrow = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]",
            right: "escrow = [\"age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa\"]",
        },
    },
    Entry {
        id: QUOTA,
        title: "more machines than the account may have",
        explanation: "`quota` in hosters.toml is the hoster's limit for the account. The machines \
that stacks want there, for production and for backups, and one that is kept free for a rebuild \
(`capacity_spare`) must fit into it: a limit is better met today than in the night of a rebuild.\n\n\
Have the limit raised and write the new one, or place stacks elsewhere. An account without `quota` \
is not judged.",
        example: Example::Lines {
            file: "hosters.toml",
            wrong: "quota = { machines = 1 }",
            right: "quota = { machines = 10 }",
        },
    },
    Entry {
        id: GONE,
        title: "a stack's file is gone",
        explanation: "A file that just disappears may be a slip, and a customer hangs on it: nothing \
is destroyed, and the stack is held. A stack ends in two steps: `retired = \"YYYY-MM-DD\"` in \
`[stack]` closes it and takes a last recovery point on that day; the file may go in a later commit, \
when that point need not be kept any more (`within` of the retention).\n\n\
Bring the file back, and retire the stack if it shall end.",
        example: Example::Commands {
            wrong: "git rm -q stacks/acme.toml",
            right: "sed -i '/^rpo/d; /^rto/d; s/^language/retired = \"2030-01-31\"\\n&/' stacks/acme.toml && git commit -qam 'End acme'",
        },
    },
    Entry {
        id: RENAMED,
        title: "a stack came back under another id",
        explanation: "Machines, recovery points and secrets carry the id under which a stack began. \
Under another id they would not be found: the old customer would be destroyed and an empty one \
created. `moved_from` in `[stack]` says that the new file goes on with the old stack.\n\n\
Add moved_from with the first id, and leave it there for good.",
        example: Example::Commands {
            wrong: "git mv stacks/acme.toml stacks/acme2.toml && sed -i 's/^id = \"acme\"/id = \"acme2\"/; /^rpo/d; /^rto/d' stacks/acme2.toml",
            right: "git mv stacks/acme.toml stacks/acme2.toml && sed -i 's/^id = \"acme\"/id = \"acme2\"\\nmoved_from = \"acme\"/; /^rpo/d; /^rto/d' stacks/acme2.toml && git commit -qam 'Rename acme'",
        },
    },
    Entry {
        id: MOVED_FROM,
        title: "moved_from names a stack that cannot be meant",
        explanation: "`moved_from` hands the machines, recovery points and secrets of a stack to \
this file. That can be meant only if the stack's own file is gone, was there just before, and no \
other file claims it; it is always the id with which the stack began.\n\n\
Correct the id, or remove the line.",
        example: Example::Lines {
            file: STACK,
            wrong: "name = \"ACME GmbH\"\nmoved_from = \"acme\"",
            right: "name = \"ACME GmbH\"",
        },
    },
    Entry {
        id: COVERAGE,
        title: "state that nothing saves, restores or checks",
        explanation: "What a blueprint declares as `[[files]]` and `[[database]]` is in every \
recovery point and comes back with it. What its first installation makes must therefore be \
declared, a database must be asked by a check, and a secret must be used by something; otherwise a \
restore could look well and be empty.\n\n\
Declare the state, and add a `[[check]]` that looks at it.",
        example: Example::Lines {
            file: "blueprints/notes/blueprint.toml",
            wrong: "[[check]]\nname = \"the start page\"\npath = \"/\"\nstatus = 200",
            right: "[[check]]\nname = \"the table answers\"\nscript = \"checks/table.sh\"",
        },
    },
    Entry {
        id: NAME_TAKEN,
        title: "the name belongs to another stack",
        explanation: "A host name leads to one stack. Who had it before keeps it, and only the stack \
that asks for it now is held: one customer's definition cannot stop another's.\n\n\
Choose another name. If it really changes hands, remove it from the first stack in an earlier \
commit.",
        example: Example::Commands {
            wrong: "sed 's/^id = \"acme\"/id = \"bolt\"/; /^rpo/d; /^rto/d' stacks/acme.toml > stacks/bolt.toml",
            right: "sed -i '/^rpo/d; /^rto/d' stacks/acme.toml && sed 's/acme/bolt/g' stacks/acme.toml > stacks/bolt.toml && git add . && git commit -qam 'Add bolt'",
        },
    },
    Entry {
        id: DISCARD_IN_USE,
        title: "the repository in use is to be discarded",
        explanation: "`[[discard]]` says by name that a repository may be deleted which the stack \
no longer uses: its points were copied elsewhere, and newer ones are proven further. The one that \
`[backup]` names is where they come to, and it is never deleted.\n\n\
Name the machine of the old repository, as `holdfast plan` tells it, or remove the block.",
        example: Example::Lines {
            file: STACK,
            wrong: "[repair]\nautomatic = [\"restart\", \"reinstall\", \"rebuild\"]\n\n[[discard]]\nmachine = \"backup-netcup-vie\"\nreason = \"copied to ionos, kept a month\"",
            right: "[repair]\nautomatic = [\"restart\", \"reinstall\", \"rebuild\"]",
        },
    },
    Entry {
        id: OVER,
        title: "a freeze or an approval that is over",
        explanation: "`[[freeze]]` and `[[approve]]` end by themselves: from `until` on they say \
nothing any more, and what they held or allowed is as if they were not there. The block that still \
stands looks as if it counted, so that somebody may count on it.\n\n\
Remove the block (`holdfast unfreeze` does), or sign a new one if it is still meant.",
        example: Example::Commands {
            wrong: "sed -i '/^rpo/d; /^rto/d' stacks/acme.toml && printf '\\n[[freeze]]\\nuntil = \"2020-01-06T07:00:00Z\"\\nreason = \"nobody is there\"\\n' >> stacks/acme.toml && git commit -qam 'Freeze acme'",
            right: "sed -i '/^rpo/d; /^rto/d' stacks/acme.toml && git commit -qam 'Promise nothing yet'",
        },
    },
    Entry {
        id: FAR_AWAY,
        title: "a freeze or an approval that ends far away",
        explanation: "A freeze holds repairs as well, unless it allows them, and an approval lets a \
machine be replaced that may be a year older by then. Both are for as long as somebody remembers \
why: more than 30 days are more than that. It counts all the same.\n\n\
Let it end sooner, and sign it again if it is still meant then.",
        example: Example::Commands {
            wrong: "sed -i '/^rpo/d; /^rto/d' stacks/acme.toml && printf '\\n[[freeze]]\\nuntil = \"2099-01-06T07:00:00Z\"\\nreason = \"nobody is there\"\\n' >> stacks/acme.toml && git commit -qam 'Freeze acme'",
            right: "sed -i '/^rpo/d; /^rto/d' stacks/acme.toml && git commit -qam 'Promise nothing yet'",
        },
    },
];
