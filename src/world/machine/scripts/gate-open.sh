# Lets users in. Input: the epoch that the reconciler opens.
read -r epoch
[ -x "$lib/gate" ] || fail no-gate "this machine has no gate"
! grep -q "^ROLE='drill'" "$etc/identity" || fail drill "this machine is of a drill: nobody is ever let in"
own=$(sed -n "s/^EPOCH='\(.*\)'$/\1/p" "$etc/identity")
[ "$own" = "$epoch" ] || fail other-epoch "this machine is of epoch $own, not $epoch"
case $(stage) in
proven | opened) ;;
retired) fail retired "another machine has taken over" ;;
*) fail not-proven "this machine is $(stage): its checks have not passed" ;;
esac
"$lib/gate" open 2>"$work/log" || fail gate "$(tail_of "$work/log")"
[ "$("$lib/gate" status)" = open ] || fail gate "the gate is still closed"
echo '{"open":true}'
