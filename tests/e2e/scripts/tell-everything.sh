# Says all that a machine holds, in a way that two machines can be compared by.
cd /srv/ledger
echo '# files'
find . ! -type s ! -type p -printf '%P\0%y %m %u:%g %n %s %l %TY-%Tm-%TdT%TH:%TM:%TS\0' | sort -z | tr '\0\n' '\n~' | cat -v
echo '# content'
find . -type f -print0 | sort -z | xargs -0 sha256sum
echo '# access control lists'
getfacl -R -p . 2>/dev/null | cat -v
echo '# attributes'
getfattr -R -h -d -m - -e hex . 2>/dev/null | cat -v
echo '# hard links'
[ "$(stat -c %i plain/file)" = "$(stat -c %i plain/linked)" ] && [ "$(stat -c %i plain/file)" = "$(stat -c %i deep/er/linked)" ] && echo one
echo '# sparse'
[ "$(stat -c %b sparse)" -lt 20000 ] && echo yes
cd /
pg() { runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
echo '# roles'
pg -c "select rolname, rolcanlogin, rolconnlimit, rolsuper from pg_roles where rolname !~ '^pg_' order by 1"
pg -c "select r.rolname, m.rolname, admin_option from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member where r.rolname !~ '^pg_' order by 1, 2"
for database in ledger archive; do
    echo "# database $database"
    pg -d "$database" -c "select datdba::regrole, encoding, datcollate from pg_database where datname = current_database()"
    pg -d "$database" -c "select extname, extversion from pg_extension order by 1"
    pg -d "$database" -c "select relkind, oid::regclass, relowner::regrole, relacl from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('public', 'books')) order by 1, 2::text"
    pg -d "$database" -c "select schemaname, sequencename, last_value from pg_sequences order by 1, 2"
    pg -d "$database" -c "select oid, lomowner::regrole, encode(sha256(lo_get(oid)), 'hex') from pg_largeobject_metadata order by oid"
done
pg -d ledger -c "select md5(string_agg(e::text, '|' order by id)) from books.entry e" -c 'select * from books.sums' -c 'select count(*) from books.frozen' -c 'select books.twice(21)' -c 'select * from "Odd Name" order by 1'
pg -d archive -c "select md5(string_agg(o::text, '|' order by id)) from old o" -c 'select * from part order by 1'
