# A table whose only page is damaged on the disk: reading it fails, so a dump fails.
# Undone by mend-database.sh.
set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /
while IFS='	' read -r kind a; do
    case $kind in database) database=$a ;; esac
done
sql() { runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d "$database" -c "$1"; }
sql "drop table if exists damaged"
sql "create table damaged as select generate_series(1, 50) as n"
sql "checkpoint"
file=$(sql "select current_setting('data_directory') || '/' || pg_relation_filepath('damaged')")
systemctl stop postgresql
dd if=/dev/urandom of="$file" bs=8192 count=1 conv=notrunc 2>/dev/null
systemctl start postgresql
for again in $(seq 100); do
    if sql "select 1" >/dev/null 2>&1; then break; fi
    sleep 0.2
done
echo '{"damaged":true}'
