# Keeps users out and stops the services that write; the database stays for the last backup.
[ -x "$lib/gate" ] || fail no-gate "this machine has no gate"
"$lib/gate" close 2>"$work/log" || fail gate "$(tail_of "$work/log")"
[ "$("$lib/gate" status)" = closed ] || fail gate "the gate is still open"
running=$(xargs -r systemctl is-active <"$etc/units" | grep -cxE 'active|reloading' || true)
[ "$running" -eq 0 ] || fail units "$running services still run"
echo '{"open":false}'
