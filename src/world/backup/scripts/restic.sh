# restic against the backup machine, from production. The address with its
# password goes to restic in a file: neither arguments nor environment show it.

address=

restic_ready() {
    for file in /etc/holdfast/backup.env /etc/holdfast/repository-password; do
        [ -r "$file" ] || fail not-configured "$file is missing: this machine has no repository yet"
    done
    RESTIC_REPOSITORY= RESTIC_PASSWORD_FILE= RESTIC_CACERT=
    . /etc/holdfast/backup.env
    printf %s "$RESTIC_REPOSITORY" >"$scratch/repository"
    address=$(printf %s "$RESTIC_REPOSITORY" | sed -e 's/^rest://' -e 's#://[^@/]*@#://#')
    unset RESTIC_REPOSITORY
    RESTIC_REPOSITORY_FILE=$scratch/repository
    RESTIC_CACHE_DIR=/var/cache/holdfast/restic
    RESTIC_PROGRESS_FPS=0.5
    export RESTIC_REPOSITORY_FILE RESTIC_PASSWORD_FILE RESTIC_CACERT RESTIC_CACHE_DIR RESTIC_PROGRESS_FPS
    mkdir -p "$RESTIC_CACHE_DIR"
    if [ -s "$hint" ] && read -r of key <"$hint" && [ "$of" = "$address" ]; then
        export RESTIC_KEY_HINT="$key"
    fi
}

# restic tries a repository's keys one by one, half a second each, until one opens: this is the one that does.
# Where it is not any more, restic goes on to the others.
hint=/var/lib/holdfast/key-hint
# learn_key: asks once a day; no answer is no harm.
learn_key() {
    if [ -n "$(find "$hint" -mtime -1 2>/dev/null)" ] && [ -n "${RESTIC_KEY_HINT-}" ]; then return 0; fi
    key=$(timeout 20 restic key list --json --no-lock --cacert "$RESTIC_CACERT" 2>/dev/null </dev/null | jq -r '.[] | select(.current) | .id') || return 0
    case $key in '' | *[!0-9a-f]*) return 0 ;; esac
    printf '%s %s\n' "$address" "$key" | write_file "$hint"
}

# answers: any HTTP status counts, 401 too.
answers() {
    curl -s -o /dev/null --noproxy '*' --connect-timeout 3 --max-time 5 --cacert "$RESTIC_CACERT" "$address"
}

# certificate: whether it answers, with a certificate that this machine must not accept; why is in $why.
certificate_refused() {
    why=$(curl -sS -o /dev/null --noproxy '*' --connect-timeout 3 --max-time 5 --cacert "$RESTIC_CACERT" "$address" 2>&1) && return 1
    case $why in *certificate*) return 0 ;; *) return 1 ;; esac
}

# Before any work, so that a backup machine that is down is said in seconds.
restic_answers() {
    for again in 1 2 3; do
        if answers; then return 0; fi
        if certificate_refused; then
            fail certificate-refused "the backup machine at $address shows a certificate that this machine does not accept: $why; this machine's clock says $(date +%Y-%m-%dT%H:%M:%SZ)"
        fi
        sleep 1
    done
    fail backup-unreachable "the backup machine does not answer at $address"
}

# guarded OUT PHASE VERB ARGUMENTS…: runs restic, output in OUT and OUT.err, exit
# code in $restic_code. restic alone would try for a quarter of an hour when
# the backup machine is gone; here half a minute of silence ends it.
# note_progress may be set to a function that says how far it is.
note_progress=
guarded() {
    out=$1
    phase=$2
    verb=$3
    shift 3
    rm -f "$out.code" "$out.pid"
    # Held until restic has ended: waiting for it costs nothing and no time after the end.
    exec 8>"$out.lock"
    flock 8
    (
        set +e
        # Named here because restic 0.14 does not read it from the environment.
        restic "$verb" --cacert "$RESTIC_CACERT" "$@" >"$out" 2>"$out.err" </dev/null 8>&- &
        echo $! >"$out.pid"
        wait $!
        echo $? >"$out.code.new"
        mv "$out.code.new" "$out.code"
    ) 2>/dev/null &
    exec 8>&-
    until [ -s "$out.pid" ] || flock -n "$out.lock" true; do sleep 0.01; done
    restic_pid=$(cat "$out.pid")
    turn=0
    silent_since=
    while [ ! -e "$out.code" ]; do
        if flock -w 1 "$out.lock" true; then break; fi
        turn=$((turn + 1))
        if [ $((turn % 5)) -eq 0 ]; then
            if answers; then
                silent_since=
            else
                silent_since=${silent_since:-$(date +%s)}
            fi
            if [ -n "$silent_since" ] && [ $(($(date +%s) - silent_since)) -ge 30 ]; then
                kill "$restic_pid" 2>/dev/null || true
                restic_pid=
                fail backup-unreachable "the backup machine stopped answering at $address during $phase"
            fi
            # restic would try for a quarter of an hour to write where there is no room.
            if grep -qE '\(?507\)?.*Insufficient Storage' "$out.err" 2>/dev/null; then
                kill "$restic_pid" 2>/dev/null || true
                restic_pid=
                fail disk-full "$phase: no room is left on the backup machine's disk"
            fi
            if [ -n "$note_progress" ]; then "$note_progress"; fi
        fi
    done
    wait
    restic_pid=
    # Without a word only when it was killed.
    [ -e "$out.code" ] || printf '137\n' >"$out.code"
    restic_code=$(cat "$out.code")
}

# restic_failed OUT WHAT: says why, as far as restic says it.
restic_failed() {
    why=$(jq -Rr '. as $line | (fromjson? | objects | .message // .error.message? // empty) // $line' "$1.err" 2>/dev/null |
        sed -e 's#://[^@/]*@#://#g' | grep -v '^$' | tail -n 5 | tr '\n' ' ' | cut -c1-600)
    case $why in
        *'wrong password'*) fail wrong-password "$2: the repository does not open with this password" ;;
        *'no space left'* | *'No space left'* | *'Insufficient Storage'* | *'507'*) fail disk-full "$2: no room is left on the backup machine's disk: $why" ;;
        *'ciphertext verification failed'*) fail repository-damaged "$2: the repository holds a file that is not its own: $why" ;;
        *'x509:'* | *'certificate'*) fail certificate-refused "$2: $why" ;;
        *'already locked'* | *'remove stale locks'*) fail locked "$2: $why" ;;
        *'401'* | *'403'*) fail denied "$2: $why" ;;
        *'repository does not exist'* | *'Is there a repository'*) fail repository-missing "$2: $why" ;;
        *'no matching ID'* | *'failed to find snapshot'*) fail point-missing "$2: $why" ;;
        *'connection refused'* | *'no route to host'* | *'i/o timeout'* | *'unexpected EOF'* | *'connection reset'*)
            fail backup-unreachable "$2: $why" ;;
        *) fail restic-failed "$2: restic ended with $restic_code: $why" ;;
    esac
}
