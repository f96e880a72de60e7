# Packages, then the files that need them. Nothing is started but the database,
# whose first cluster is empty: what serves state starts after its state is there.
unsafe_io=yes
lock
read_input
case $(stage) in
building | loaded | proven) ;;
*) fail not-prepared "this machine is $(stage), not building" ;;
esac
[ ! -x "$lib/gate" ] || "$lib/gate" boot

progress packages "$(wc -l <"$work/package") packages"
# Asked by every package before it starts a service (Debian Policy §9.3.3).
policy=/usr/sbin/policy-rc.d
marker="# Holdfast: nothing starts while packages are installed"
if [ -e "$policy" ] && ! grep -qF "$marker" "$policy"; then
    mv "$policy" "$policy.before-holdfast"
fi
at_end() {
    rm -f "$policy"
    [ ! -e "$policy.before-holdfast" ] || mv "$policy.before-holdfast" "$policy"
}
printf '%s\n' '#!/bin/sh' "$marker" 'case $1 in postgresql*|mariadb*) exit 0 ;; esac' 'exit 101' >"$policy"
chmod 755 "$policy"
write_files early
install_packages package

progress files "$(wc -l <"$work/file") files"
make_directories directory
write_files file
systemctl daemon-reload
echo '{"installed":true}'
