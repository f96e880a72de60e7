# A repository on another machine, over the network. Its address, which holds a
# password, its own password and the certificate come on standard input and live
# in memory for as long as the script runs.
from=

# input_another KIND BASE64
input_another() {
    case $1 in
        from-repository | from-password | from-ca) ;;
        *) fail bad-input "unknown line: $1" ;;
    esac
    mkdir -p "$scratch/another"
    printf %s "$2" | base64 -d >"$scratch/another/$1" || fail bad-input "not base64"
}

# another_for USER: only this user reads it.
another_for() {
    for part in from-repository from-password from-ca; do
        [ -s "$scratch/another/$part" ] || fail bad-input "no $part was given"
    done
    from=$(sed -e 's/^rest://' -e 's#://[^@/]*@#://#' "$scratch/another/from-repository")
    chown -R "$1:" "$scratch/another"
}

# another_answers: any HTTP status counts, 401 too.
another_answers() {
    curl -s -o /dev/null --noproxy '*' --connect-timeout 3 --max-time 5 --cacert "$scratch/another/from-ca" "$from"
}
