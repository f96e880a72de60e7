# Mends what differs on a machine that is in use: packages, directories, files,
# units, and nothing else. Declared state is never among it.
lock
read_input
case $(stage) in
blank) fail not-prepared "this machine is not prepared" ;;
retired) fail retired "another machine has taken over" ;;
esac
write_files early
progress packages "$(wc -l <"$work/package") packages"
# A package that comes back brings its configuration with it, where that is gone too.
if [ -s "$work/package" ]; then
    apt -o Dpkg::Options::=--force-confmiss install $(missing package) || install_packages package
fi
make_directories directory
write_files file
systemctl daemon-reload
if [ -s "$work/restart" ]; then
    progress restart "$(paste -sd ' ' "$work/restart")"
    xargs systemctl try-reload-or-restart <"$work/restart" 2>"$work/systemctl.log" ||
        fail units "$(tail_of "$work/systemctl.log")"
fi
start_units
echo '{"converged":true}'
