# A machine that was just made: ours from now on, closed before anything can
# listen, with the tools of the base layer.
unsafe_io=yes # nothing here is worth keeping until the first data comes
find /run -maxdepth 1 -name 'holdfast.??????' -type d -mmin +120 -exec rm -rf {} +

progress wait "the machine's own first start"
# Only where it is at work; its own "status --wait" takes a second of Python.
if [ -e /run/cloud-init/enabled ] && ! [ -e /etc/cloud/cloud-init.disabled ]; then
    tries=0
    until [ -e /run/cloud-init/result.json ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 1500 ] || fail cloud-init "cloud-init has not ended after 5 minutes"
        sleep 0.2
    done
fi
lock
read_input
number=$(cat "$work/identity")
base64 -d "$work/content/$number" >"$work/identity.wanted"
# It got its identity when it was made or taken. Without one it was given back: what comes now was
# held up on its way.
[ -s "$etc/identity" ] || fail nobodys "this machine is nobody's: it has no identity"
case $(stage) in
blank) ;;
opened | retired) fail not-blank "this machine is $(stage): nothing is prepared on it" ;;
*)
    cmp -s "$work/identity.wanted" "$etc/identity" ||
        fail foreign "this machine is already another: $(tr '\n' ' ' <"$etc/identity")"
    ;;
esac
if [ "$(stage)" = blank ] && [ -s "$etc/identity" ] && ! cmp -s "$work/identity.wanted" "$etc/identity"; then
    fail foreign "this machine is already another: $(tr '\n' ' ' <"$etc/identity")"
fi

progress gate "closed"
write_files early
case $(stage) in
blank) set_stage building ;;
esac

progress tools "apt"
if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -60 2>/dev/null | head -n 1)" ]; then
    for pause in 0 3 10 30; do
        sleep "$pause"
        if apt update; then break; fi
    done
fi
install_packages tool
if [ -x "$lib/gate" ]; then
    printf 'closed\n' >"$etc/gate"
    "$lib/gate" boot
    systemctl daemon-reload
    systemctl enable -q --now holdfast-gate.service
fi
echo '{"prepared":true}'
