# A backup machine has no gate that could be opened: its stage alone says that it serves.
[ ! -x "$lib/gate" ] || fail has-gate "this machine opens by its gate"
case $(stage) in
building | loaded | proven | opened) set_stage opened ;;
*) fail not-prepared "this machine is $(stage)" ;;
esac
echo '{"stage":"opened"}'
