# Undoes damage-database.sh.
set -eu
while IFS='	' read -r kind a; do
    case $kind in database) database=$a ;; esac
done
cd /
runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d "$database" -c "drop table damaged"
echo '{"mended":true}'
