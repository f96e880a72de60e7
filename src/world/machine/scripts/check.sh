# Functional checks on the machine itself, so also while its gate is closed.
# Input: service, number, kind, name (base64), then for http: status, curl
# configuration (base64), text that the body must contain (base64).
# What has just been started may take some seconds: until the deadline a
# failing check is tried again.
deadline=$(($(date +%s) + 12))
export LC_ALL=C.UTF-8

once_http() {
    base64 -d <"$work/config64" >"$work/config"
    got=$(curl -q -sS -K "$work/config" -o "$work/body" -w '%{http_code}' --noproxy '*' \
        --connect-timeout 3 --max-time 20 2>"$work/detail" </dev/null) || {
        detail=$(tail_of "$work/detail")
        return 1
    }
    if [ "$got" != "$status" ]; then
        detail="status $got instead of $status"
        return 1
    fi
    [ "$contains" != - ] || return 0
    printf '%s' "$contains" | base64 -d >"$work/contains"
    grep -qF -f "$work/contains" "$work/body" || {
        detail="the answer does not contain \"$(cat "$work/contains")\""
        return 1
    }
}

once_script() {
    timeout 60 "$lib/services/$service/check-$number" "$etc/services/$service.env" \
        </dev/null >/dev/null 2>"$work/detail" || {
        detail="exit $?: $(tail_of "$work/detail")"
        return 1
    }
}

umask 077
cat >"$work/checks"
while IFS=$tab read -r service number kind name status config contains; do
    printf '%s\n' "$config" >"$work/config64"
    name=$(printf '%s' "$name" | base64 -d)
    began=$(date +%s%3N)
    passed=false
    while :; do
        detail=
        if "once_$kind"; then
            passed=true
            break
        fi
        [ "$(date +%s)" -lt "$deadline" ] || break
        sleep 0.3
    done
    printf '{"service":%s,"name":%s,"passed":%s,"detail":%s,"millis":%d}\n' \
        "$(json "$service")" "$(json "$name")" "$passed" "$(json "$detail")" \
        $(($(date +%s%3N) - began))
done <"$work/checks"
