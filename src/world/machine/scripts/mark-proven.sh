# Every functional check has passed on the state that is here.
case $(stage) in
loaded) set_stage proven ;;
proven | opened) ;;
*) fail not-loaded "this machine is $(stage): there is nothing to prove" ;;
esac
printf '{"stage":"%s"}\n' "$(stage)"
