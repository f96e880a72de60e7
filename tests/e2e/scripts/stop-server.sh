# The backup machine's service away (stop) or back (start).
set -eu
while IFS='	' read -r kind a; do
    case $kind in service) systemctl "$a" holdfast-rest-server.service ;; esac
done
echo '{"done":true}'
