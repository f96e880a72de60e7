# restic on the backup machine's own disk. The repository password comes on
# standard input and lives in memory for as long as the script runs; it is
# never stored here. restic runs as the user that rest-server runs as, the owner
# of the directory: what production wrote is never read with root's rights.
repositories=/srv/holdfast/restic
rungs=/srv/holdfast/rungs
# Which key file is whose, as repository.sh made them: {"production":id,…} per stack. Outside
# the repositories, so that only root can touch it.
key_ids=/srv/holdfast/keys
key_hint=
# What is being deleted, moved out of everybody's way first: a repository no more.
leaving=$repositories/.leaving-
# Whether this run keeps production out of the repository; sift.sh says how.
closed=
documents=/srv/holdfast/evidence

local_ready() {
    [ -d "$repositories" ] || fail repositories-missing \
        "$repositories is not there: this machine holds no repositories yet, or its disk is not mounted"
    keeper=$(stat -c %U "$repositories")
    [ "$keeper" != UNKNOWN ] || fail repositories-missing "$repositories belongs to nobody"
    command -v restic >/dev/null || fail tool-missing "restic is not installed"
    chmod 0711 "$scratch"
    mkdir -m 0700 "$scratch/keeper"
    chown "$keeper:" "$scratch/keeper"
}

# key_id ROLE: the id of the stack's key of that role; nothing when it was never made.
key_id() { jq -r --arg role "$1" '.[$role] // empty' "$key_ids/$stack.json" 2>/dev/null || true; }

# password BASE64: the maintenance key's, the only one that the vault side opens with.
password() {
    printf %s "$1" | base64 -d >"$scratch/keeper/password" || fail bad-input "not base64"
    chown "$keeper:" "$scratch/keeper/password"
    # Without it restic tries one key file after the other, at a second each; and what
    # production has put among them could keep it from ever coming to this one (S10).
    key_hint=$(key_id maintenance)
}

# vault REPOSITORY ARGUMENTS…: restic, output in $scratch/out and $scratch/err.
vault() {
    where=$1
    shift
    runuser -u "$keeper" ${closed:+-G "$closers"} -- env HOME="$scratch/keeper" restic --no-cache --repo "$where" \
        --password-file "$scratch/keeper/password" ${key_hint:+--key-hint "$key_hint"} "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
}

# lock_abandoned FILE: a restic that lives writes its lock anew every five minutes. One that has
# not come again for half an hour, by this machine's clock, belongs to nobody, whatever is in it.
lock_abandoned() { [ -n "$(find "$1" -maxdepth 0 -mmin +31 2>/dev/null)" ]; }

# reason: what restic said, for people.
reason() {
    jq -Rr '. as $line | (fromjson? | objects | .message // empty) // $line' "$scratch/err" |
        grep -vE '^$|^[[:space:]]|^(github\.com|golang\.org)/|^(runtime|main)\.' | tail -n 2 | tr '\n' ' ' | cut -c1-400
}

# vault_failed WHAT
vault_failed() {
    why=$(reason)
    case $why in
        *'wrong password'*) fail wrong-password "$1: the repository of $stack does not open with this password" ;;
        *'ciphertext verification failed'*) fail repository-damaged "$1: the repository holds a file that is not its own: $why" ;;
        *'no matching ID'* | *'failed to find snapshot'*) fail point-missing "$1: $why" ;;
        *'no space left'*) fail disk-full "$1: $why" ;;
        *) fail restic-failed "$1: $why" ;;
    esac
}
