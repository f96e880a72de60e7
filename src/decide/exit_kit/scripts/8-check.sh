#!/bin/sh
# Asks every service what its users would ask, on this machine itself.
. "$(dirname "$0")/kit.sh"
is_opened
failed=0
once() {
    case $kind in
        http)
            # A path may hold a token: it goes to curl in a file.
            printf 'url = "http://127.0.0.1%s"\nheader = "Host: %s"\n' "$(printf %s "$path" | sed 's/[\\"]/\\&/g')" "$host" >"$scratch/curl"
            got=$(curl -q -sS -K "$scratch/curl" -o "$scratch/body" -w '%{http_code}' --noproxy '*' --max-time 20 2>"$scratch/why") || return 1
            [ "$got" = "$status" ] || { echo "status $got instead of $status" >"$scratch/why"; return 1; }
            [ "$contains" = - ] || grep -qF -- "$contains" "$scratch/body" || { echo "the answer does not contain \"$contains\"" >"$scratch/why"; return 1; }
            ;;
        script)
            timeout 60 "/usr/local/lib/holdfast/services/$service/check-$number" "/etc/holdfast/services/$service.env" \
                </dev/null >/dev/null 2>"$scratch/why"
            ;;
    esac
}
while IFS=$tab read -r service number kind host status name path contains; do
    tries=0
    until once; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || break
        sleep 1
    done
    if [ "$tries" -lt 20 ]; then
        progress passed "$service: $name"
    else
        progress FAILED "$service: $name: $(tail -n 2 "$scratch/why" | tr '\n' ' ')"
        failed=1
    fi
done <"$(from checks)"
[ "$failed" -eq 0 ] || fail checks "not every check passed"
