# Says all that a machine holds, in a way that two machines can be compared by.
cd /srv/ledger
rm -f paused-at
echo '# files'
find . ! -type s ! -type p ! -type d -printf '%P|%y %m %u:%g %n %s %l %TY-%Tm-%TdT%TH:%TM:%TS\0' -o -type d -printf '%P|%y %m %u:%g\0' | sort -z | tr '\0\n' '\n~' | cat -v
echo '# content'
find . -type f -print0 | sort -z | xargs -0 sha256sum
echo '# access control lists'
find . \( -type f -o -type d \) -print0 | sort -z >/run/told
xargs -0 getfacl -p -- </run/told | cat -v
echo '# attributes'
xargs -0 getfattr -h -d -m '^(user|security\.cap|trusted)' -e hex -- </run/told | cat -v
echo '# hard links'
[ "$(stat -c %i plain/file)" = "$(stat -c %i plain/linked)" ] && [ "$(stat -c %i plain/file)" = "$(stat -c %i deep/er/linked)" ] && echo one
echo '# sparse'
[ "$(stat -c %b sparse)" -lt 20000 ] && echo yes
cd /
pg() { runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
echo '# roles'
pg -c "select rolname, rolpassword is not null from pg_authid where rolname in ('clerk', 'ledger', 'archive') order by 1" -c "select rolpassword from pg_authid where rolname = 'clerk'"
pg -c "select datname, datacl from pg_database where datname in ('ledger', 'archive') order by 1" -c "select setdatabase::regclass::text <> '-', setrole::regrole, setconfig from pg_db_role_setting order by setrole <> 0, setconfig"
pg -c "select rolname, rolcanlogin, rolconnlimit, rolsuper from pg_roles where rolname !~ '^pg_' order by 1"
pg -c "select r.rolname, m.rolname, admin_option from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member where r.rolname !~ '^pg_' order by 1, 2"
for database in ledger archive; do
    echo "# database $database"
    pg -d "$database" -c "select datdba::regrole, encoding, datcollate from pg_database where datname = current_database()"
    pg -d "$database" -c "select extname, extversion from pg_extension order by 1"
    pg -d "$database" -c "select relkind, oid::regclass, relowner::regrole, relacl from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('public', 'books')) order by relkind, relname"
    pg -d "$database" -c "select schemaname, sequencename, last_value from pg_sequences order by 1, 2"
    pg -d "$database" -c "select oid, lomowner::regrole, encode(sha256(lo_get(oid)), 'hex') from pg_largeobject_metadata order by oid"
done
pg -d ledger -c "select md5(string_agg(e::text, '|' order by id)) from books.entry e" -c 'select * from books.sums' -c 'select count(*) from books.frozen' -c 'select books.twice(21)' -c 'select * from "Odd Name" order by 1'
pg -d archive -c "select md5(string_agg(o::text, '|' order by id)) from old o" -c 'select * from part order by 1'
