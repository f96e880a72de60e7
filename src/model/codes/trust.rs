//! `HF0201` to `HF0299`: why a commit is not accepted, or an approval not counted.

use super::entry::{Entry, Example};

/// A stack's own file that leads out of the commit or is too large; verification has the same code.
pub const REFUSED_FILE: &str = "HF0233";

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "HF0201",
        title: "the estate's repository cannot be opened",
        explanation: "There is no Git repository in that folder, or it belongs to somebody else. Nothing was looked at, so nothing is known: this is never read as an empty estate (S1).",
        example: Example::Told {
            wrong: "`holdfast check --estate DIR` where DIR is no repository, or another user's",
            right: "name the folder of your clone, and let it belong to the user who runs Holdfast",
        },
    },
    Entry {
        id: "HF0202",
        title: "something in the repository cannot be read",
        explanation: "An object is damaged or was left out when the repository was cloned (`--filter`). What could not be read is never taken for absent.",
        example: Example::Told {
            wrong: "a clone made with `git clone --filter=blob:none`, or a disk that lost a file of .git/objects",
            right: "a whole clone; `git fsck` says whether it is",
        },
    },
    Entry {
        id: "HF0203",
        title: "the clone is shallow",
        explanation: "The history was cut off at fetching, so it does not reach back to the root, and what lies between cannot be verified. CI runners fetch one commit only unless they are told otherwise.",
        example: Example::Told {
            wrong: "git clone --depth 1 URL",
            right: "git fetch --unshallow, or fetch-depth: 0 in the CI's checkout",
        },
    },
    Entry {
        id: "HF0204",
        title: "the head names no commit",
        explanation: "The reference that shall be followed does not exist: nothing was committed yet, the branch has another name, or it was not fetched.",
        example: Example::Told {
            wrong: "holdfast check --head refs/remotes/origin/mian",
            right: "holdfast check --head refs/remotes/origin/main",
        },
    },
    Entry {
        id: "HF0205",
        title: "the root is no full commit id",
        explanation: "The root is the first commit that is trusted; everything else follows from it. A branch name could be moved by whoever can push, and a short id may come to mean another commit, so it is written out in full.",
        example: Example::Commands {
            wrong: "sed -i 's/^root = .*/root = \"HEAD\"/' .git/holdfast/config.toml",
            right: "sed -i \"s/^root = .*/root = \\\"$(git rev-parse HEAD)\\\"/\" .git/holdfast/config.toml",
        },
    },
    Entry {
        id: "HF0206",
        title: "this is no commit",
        explanation: "The id is that of another object: a tree, a file or a tag. What is followed, and what approvals are about, are commits.",
        example: Example::Told {
            wrong: "head = \"…\" with the id of a tree",
            right: "head = \"refs/heads/main\"",
        },
    },
    Entry {
        id: "HF0207",
        title: "the commit is malformed",
        explanation: "The commit object is not as Git writes it: headers are missing, out of order or twice. Two readers could understand it differently, one of them the one who checks, so it is refused. Somebody made it by hand, or a disk damaged it.",
        example: Example::Told {
            wrong: "a commit with two `author` lines",
            right: "the same change, committed with git itself",
        },
    },
    Entry {
        id: "HF0208",
        title: "the commit or the history is too large",
        explanation: "An estate is text that people read and sign. A commit object, or a history, beyond all measure would only serve to keep the reconciler busy.",
        example: Example::Told {
            wrong: "a disk image in the estate's history",
            right: "keep large content elsewhere, and name it by its digest",
        },
    },
    Entry {
        id: "HF0209",
        title: "the root is not an ancestor",
        explanation: "The head belongs to another history than the one that was trusted: somebody began anew, rewrote what was there, or pushed another repository. Nothing of it counts.\n\nFind out who did it and why. Changing the root to silence this would give up everything that was verified.",
        example: Example::Commands {
            wrong: "git checkout -q --orphan other && git commit -q -m 'Begin anew'",
            right: "git checkout -q -b other && git commit -q --allow-empty -m 'Go on'",
        },
    },
    Entry {
        id: "HF0210",
        title: "a merge brings in another history",
        explanation: "One of the merge's parents does not descend from the root. What stands there was never verified by anybody, so the merge is refused as a whole. Take the content over in a commit of its own.",
        example: Example::Commands {
            wrong: "elsewhere=$(git commit-tree -m Elsewhere 'HEAD^{tree}')\ngit merge -q --allow-unrelated-histories -m 'Bring it in' \"$elsewhere\"",
            right: "git checkout -q -b side && git commit -q --allow-empty -m 'On the side'\ngit checkout -q - && git merge -q --no-ff -m 'Bring it in' side",
        },
    },
    Entry {
        id: "HF0211",
        title: "the commit is not signed",
        explanation: "Every commit after the root carries a signature by somebody whom trust.toml of its parents lets change what it changes. An unsigned one is nobody's intent, whatever its author line says; and nothing that is built upon it counts either.\n\nIn a clone that `holdfast init` made, `git commit` signs by itself. Elsewhere: gpg.format ssh, user.signingkey, commit.gpgsign true.",
        example: Example::Commands {
            wrong: "git commit -q --no-gpg-sign --allow-empty -m 'Not signed'",
            right: "git commit -q -S --allow-empty -m 'Signed'",
        },
    },
    Entry {
        id: "HF0212",
        title: "more than one signature",
        explanation: "Which of two signatures counts would be a matter of taste, and programs differ in it. A commit carries exactly one, in the header of its own object format.",
        example: Example::Told {
            wrong: "a commit with two `gpgsig` headers",
            right: "the same change, committed and signed once",
        },
    },
    Entry {
        id: "HF0213",
        title: "signed with OpenPGP",
        explanation: "Signatures are SSH signatures: one format, keys that people have anyway, hardware keys included. An OpenPGP signature is refused clearly and not passed over.",
        example: Example::Told {
            wrong: "git -c gpg.format=openpgp commit -S",
            right: "git -c gpg.format=ssh commit -S",
        },
    },
    Entry {
        id: "HF0214",
        title: "the signature cannot be read",
        explanation: "What stands in the place of the signature is none, or was damaged on its way. What cannot be read convinces nobody.",
        example: Example::Told {
            wrong: "a signature with a line missing",
            right: "the same change, committed and signed again",
        },
    },
    Entry {
        id: "HF0215",
        title: "the signature was made for something else",
        explanation: "An SSH signature says what it is for. One that was made for a file or an e-mail must not become one for a commit, or anybody who got a signature from you could use it here. Commits have the namespace git, approvals holdfast-approval.",
        example: Example::Told {
            wrong: "ssh-keygen -Y sign -n file, set into a commit",
            right: "git commit -S, and `holdfast approve` for approvals",
        },
    },
    Entry {
        id: "HF0216",
        title: "this kind of key may not sign",
        explanation: "Ed25519 and ECDSA may sign, both also on hardware (sk-), and RSA from 3072 bits with SHA-2. What is broken or may soon be is refused, whoever's it is.",
        example: Example::Commands {
            wrong: "ssh-keygen -q -t rsa -b 2048 -N '' -f .git/weak\ngit -c user.signingkey=\"$PWD/.git/weak\" commit -q -S --allow-empty -m 'Weak'",
            right: "git commit -q -S --allow-empty -m 'Strong'",
        },
    },
    Entry {
        id: "HF0217",
        title: "the signature does not fit the content",
        explanation: "The commit was changed after it was signed: content, message, dates or parents. Tools that rewrite history do it, and so would somebody who wants to hide something. Find out which it was.",
        example: Example::Commands {
            wrong: "git commit -q -S --allow-empty -m 'Signed'\nother=$(git cat-file commit HEAD | sed 's/^Signed$/Changed/' | git hash-object -t commit -w --stdin)\ngit reset -q --soft \"$other\"",
            right: "git commit -q -S --allow-empty -m 'Signed'\ngit commit -q -S --amend --allow-empty -m 'Changed and signed again'",
        },
    },
    Entry {
        id: "HF0218",
        title: "the hardware key was not touched",
        explanation: "A key on hardware is only worth more than a file if a person has to be there. This one signed without being touched, so a program on the signer's computer could have done it.",
        example: Example::Told {
            wrong: "ssh-keygen -t ed25519-sk -O no-touch-required",
            right: "ssh-keygen -t ed25519-sk",
        },
    },
    Entry {
        id: "HF0220",
        title: "trust.toml of the parent does not list the key",
        explanation: "The signature is sound, but nobody said that this key counts. A commit is judged by the list of its parents, never by its own: to add a key, an owner signs the commit that lists it, and from then on it may sign.",
        example: Example::Commands {
            wrong: "ssh-keygen -q -t ed25519 -N '' -f .git/stranger\ngit -c user.signingkey=\"$PWD/.git/stranger\" commit -q -S --allow-empty -m 'By a stranger'",
            right: "git commit -q -S --allow-empty -m 'By the owner'",
        },
    },
    Entry {
        id: "HF0221",
        title: "the key is revoked",
        explanation: "The parent's list says that this key no longer counts. Whoever signed with it either did not know or should not have it.",
        example: Example::Told {
            wrong: "a commit by a key that the parent's trust.toml has under `revoked`",
            right: "the same change, signed by somebody whose key counts",
        },
    },
    Entry {
        id: "HF0222",
        title: "the key was revoked later, and nothing shows that the commit is older",
        explanation: "A date in a commit can be anything. A commit by a key that is revoked now counts only if it lies behind the revocation in the history, or if this reconciler accepted it before. This one does neither: whoever has the stolen key could have made it today.",
        example: Example::Told {
            wrong: "a branch, signed with the lost key, that is merged after the revocation",
            right: "the same change, signed by somebody whose key counts",
        },
    },
    Entry {
        id: "HF0223",
        title: "the key is not valid yet",
        explanation: "The list says from when on the key counts, and that time has not come. Keys are often listed some days before their holder begins.",
        example: Example::Told {
            wrong: "from = \"2030-01-01T00:00:00Z\", and a commit today",
            right: "wait, or let an owner move `from`",
        },
    },
    Entry {
        id: "HF0224",
        title: "the key has expired",
        explanation: "The commit was first seen after the key's end. The date in the commit does not help: with the key in hand anybody can write an earlier one.",
        example: Example::Told {
            wrong: "until = \"2026-01-01T00:00:00Z\", and a commit that was first seen in February",
            right: "an owner extends `until` in a commit, then the change is signed again",
        },
    },
    Entry {
        id: "HF0225",
        title: "the commit's date is outside the key's time",
        explanation: "The date that the commit itself carries lies before or behind the time in which its key is valid. Either the computer's clock is wrong, or the date was written by hand.",
        example: Example::Told {
            wrong: "GIT_COMMITTER_DATE=2020-01-01T00:00:00Z git commit -S",
            right: "git commit -S, with the right time on the computer",
        },
    },
    Entry {
        id: "HF0226",
        title: "the role may not change these files",
        explanation: "The signature is sound, the key counts, but its role does not cover everything that the commit changes. A customer's admin changes that customer's file; operators change everything but trust.toml and estate.toml.\n\nOne file outside is enough to refuse the whole commit; split it, or let somebody sign whose role covers all of it.",
        example: Example::Told {
            wrong: "a commit by a signer with stacks = [\"acme\"] that also changes stacks/bolt.toml",
            right: "two commits, each by somebody who may",
        },
    },
    Entry {
        id: "HF0227",
        title: "too few people stand behind it",
        explanation: "trust.toml says how many people a change of this kind needs. Who signed counts once; the others say yes by an approval, a signature over the commit's id. People count, not keys.",
        example: Example::Told {
            wrong: "thresholds.trust with signers = 2, and a changed trust.toml that one owner signed",
            right: "holdfast approve COMMIT, by another owner, then fetch the approvals",
        },
    },
    Entry {
        id: "HF0228",
        title: "an approval by who signed the commit",
        explanation: "Nobody is the second pair of eyes for themselves. Who signed the commit is counted once, by the commit.",
        example: Example::Told {
            wrong: "holdfast approve COMMIT by its own signer",
            right: "holdfast approve COMMIT by another person",
        },
    },
    Entry {
        id: "HF0229",
        title: "an approval by a person who has approved already",
        explanation: "Thresholds count people. Somebody with two keys is still one person, and whoever steals both is no second one.",
        example: Example::Told {
            wrong: "the same person approves with a key on the laptop and one on hardware",
            right: "another person approves",
        },
    },
    Entry {
        id: "HF0230",
        title: "an approval under another key's name",
        explanation: "An approval lies under a reference that names the key it was made with. This one names another; it could hide that key's own approval, so it does not count.",
        example: Example::Told {
            wrong: "git update-ref by hand, under another key's name",
            right: "holdfast approve COMMIT",
        },
    },
    Entry {
        id: "HF0231",
        title: "this is no approval",
        explanation: "What lies under the reference is no signature, or far too large for one. It is passed over and named, so that somebody can take it away.",
        example: Example::Told {
            wrong: "a file pushed to refs/holdfast/approvals/",
            right: "holdfast approve COMMIT",
        },
    },
    Entry {
        id: "HF0232",
        title: "the list that must judge cannot be used",
        explanation: "trust.toml of a commit that others build upon cannot be read, so nobody can say who may sign its children. `holdfast check --worktree` before signing shows such a thing with file, line and column.",
        example: Example::Commands {
            wrong: "sed -i 's/^role = .*/role = \"ownr\"/' trust.toml && git commit -q -a -m 'Misspell a role'",
            right: "holdfast check --worktree && git commit -q --allow-empty -m 'Checked before'",
        },
    },
    Entry {
        id: REFUSED_FILE,
        title: "a file that the estate may not hold",
        explanation: "Estates hold plain files of at most 1 MiB. A symbolic link, a submodule or a very large file leads out of what was signed, or only serves to keep the reconciler busy. In a stack's own file it holds that stack; elsewhere nothing of the commit counts.",
        example: Example::Told {
            wrong: "ln -s /etc/passwd stacks/acme.toml",
            right: "a plain file",
        },
    },
    Entry {
        id: "HF0234",
        title: "the head was moved back",
        explanation: "The journal of this computer says that a commit was accepted which is not in the head's history. Every commit of it may be signed soundly: it is an older state all the same, or another branch, and would undo what was accepted since. The accepted head only moves to its descendants (S9).",
        example: Example::Told {
            wrong: "git reset --hard HEAD~1 in the repository that the reconciler follows",
            right: "git revert HEAD, signed: the history grows and the change is undone",
        },
    },
];
