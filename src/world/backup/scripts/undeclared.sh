# What was written on this machine that neither installing it again nor its
# recovery points would bring back.
#
# A file is accounted for when it is declared (managed or state), came with the
# image, was made while packages were installed, is a package's own unchanged
# file, or lies in one of the places below. Whatever else changed is named.
: >"$scratch/own"
: >"$scratch/trees"
: >"$scratch/units"
: >"$scratch/databases"
while IFS=$tab read -r kind a b; do
    case $kind in
        own | state)
            decode "$a"
            absolute "$decoded"
            if [ "$kind" = own ]; then list=own; else list=trees; fi
            printf '%s\n' "$decoded" >>"$scratch/$list"
            ;;
        unit) printf '%s\n' "$a" >>"$scratch/units" ;;
        database)
            plain database "$b"
            printf '%s\t%s\n' "$a" "$b" >>"$scratch/databases"
            ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
[ -s /etc/holdfast/identity ] || fail not-prepared "this machine was never prepared"

# Places that are nobody's state; docs/what-a-point-holds.md says why of each.
cat >>"$scratch/trees" <<'END'
/proc
/sys
/dev
/run
/tmp
/var/tmp
/var/log
/var/cache
/var/backups
/lost+found
/etc/holdfast
/var/lib/holdfast
/var/lib/dpkg
/var/lib/apt
/var/lib/ucf
/var/lib/systemd
/var/lib/private/systemd
/var/lib/cloud
/var/lib/dbus
/var/lib/dhcp
/var/lib/chrony
/var/lib/ntpsec
/var/lib/logrotate
/var/lib/sudo
/var/lib/php/sessions
/var/lib/nginx
/var/lib/mysql
/var/lib/postgresql
/etc/alternatives
/etc/cloud
/etc/netplan
/etc/network/interfaces.d
/etc/rc0.d
/etc/rc1.d
/etc/rc2.d
/etc/rc3.d
/etc/rc4.d
/etc/rc5.d
/etc/rc6.d
/etc/rcS.d
/root/.cache
END
cat >>"$scratch/own" <<'END'
/etc/.pwd.lock
/etc/adjtime
/etc/fstab
/etc/hostname
/etc/hosts
/etc/ld.so.cache
/etc/machine-id
/etc/mtab
/etc/resolv.conf
/etc/systemd/system/holdfast-isolated.service
/etc/systemd/system/sysinit.target.wants/holdfast-isolated.service
/boot/grub/grubenv
/root/.bash_history
/root/.lesshst
/root/.ssh/authorized_keys
END

# Before Holdfast came, all was the image's; while dpkg ran, all was installation's.
# dpkg writes local time, to the second, and scripts of packages may end a little later.
born=$(stat -c %Y /etc/holdfast/identity)
for log in /var/log/dpkg.log*; do
    if [ -e "$log" ]; then zcat -f -- "$log"; fi
done | sort | env -u TZ awk '
    {
        split($1, d, "-"); split($2, t, ":")
        at = mktime(d[1] " " d[2] " " d[3] " " t[1] " " t[2] " " t[3])
        if (at < 0) next
        if (begun == "" || ($3 == "startup" && at > last + 10)) {
            if (begun != "") print begun - 1, last + 5
            begun = at
        }
        last = at
    }
    END { if (begun != "") print begun - 1, last + 5 }' >"$scratch/installing"

sort -u -o "$scratch/trees" "$scratch/trees"
set --
while read -r tree; do set -- "$@" -path "$tree" -o; done <<END
$(sed 's/[][*?\\]/\\&/g' "$scratch/trees")
END
# Other people's file systems are not this machine's.
find / \( "$@" -name __pycache__ -o -fstype proc -o -fstype sysfs -o -fstype tmpfs -o -fstype devtmpfs \
    -o -fstype nfs -o -fstype nfs4 -o -fstype cifs \) -prune -o \( -type f -o -type l \) -newerct "@$born" \
    -printf '%C@ %y %p\0' 2>"$scratch/find.err" |
    sed -z 's/\\/\\\\/g; s/\n/\\n/g; s/\t/\\t/g; s/\r/\\r/g' | tr '\0' '\n' >"$scratch/newer"

# /bin and its like are links into /usr; some packages still name them.
merged='s#^/(bin|sbin|lib|lib32|lib64|libx32)/#/usr/\1/#'
cat /var/lib/dpkg/info/*.list | sed -E "$merged" >"$scratch/packaged"
if [ -s /var/lib/dpkg/diversions ]; then sed -n '2~3p' /var/lib/dpkg/diversions | sed -E "$merged" >>"$scratch/packaged"; fi
{
    sed -E 's#^([0-9a-f]{32})  #\1 /#' /var/lib/dpkg/info/*.md5sums
    dpkg-query -W -f '${Conffiles}\n' | sed -nE 's#^ (/.*) ([0-9a-f]{32})( obsolete)?$#\2 \1#p'
} | sed -E "s#^([0-9a-f]{32}) /(bin|sbin|lib|lib32|lib64|libx32)/#\1 /usr/\2/#" >"$scratch/sums"

awk -v installing="$scratch/installing" -v own="$scratch/own" -v packaged="$scratch/packaged" -v units="$scratch/units" \
    -v suspects="$scratch/suspects" '
    BEGIN {
        while ((getline line < installing) > 0) { split(line, w, " "); from[++windows] = w[1]; to[windows] = w[2] }
        while ((getline line < own) > 0) declared[line] = 1
        while ((getline line < units) > 0) unit[line] = 1
        while ((getline line < packaged) > 0) package[line] = 1
        printf "" > suspects
    }
    {
        at = $1 + 0
        for (n = 1; n <= windows; n++) if (at >= from[n] && at <= to[n]) next
        path = $0; sub(/^[^ ]+ [^ ]+ /, "", path)
        if (path in declared) next
        # What enabling a unit makes.
        if (path ~ /^\/etc\/systemd\/system\/[^\/]+\.(wants|requires)\//) { name = path; sub(/.*\//, "", name); if (name in unit) next }
        # A host key is made anew by a machine that has none.
        if (path ~ /^\/etc\/ssh\/ssh_host_[a-z0-9]+_key(\.pub)?$/) next
        if (path in package) { if ($2 == "f") print path > suspects; next }
        print path
    }' "$scratch/newer" >"$scratch/found"

# Files of packages that changed since: what is in them?
awk 'NR == FNR { suspect[$0] = 1; next } { path = substr($0, 34) } path in suspect' "$scratch/suspects" "$scratch/sums" |
    while read -r sum path; do
        now=$(md5sum -- "$path" 2>/dev/null) || continue
        if [ "${now%% *}" != "$sum" ]; then printf '%s\n' "$path"; fi
    done >>"$scratch/found"

# A directory that nobody knows stands for all that is in it.
{
    # Debian's own, but made by a script and in no package's list.
    printf '%s\n' /opt /usr/local /usr/local/bin /usr/local/etc /usr/local/lib /usr/local/sbin /usr/local/share
    cat "$scratch/packaged"
    cat "$scratch/own" "$scratch/trees" | awk '{ while (sub(/\/[^\/]*$/, "") && $0 != "") print }'
} >"$scratch/known"
awk -v known="$scratch/known" '
    BEGIN { while ((getline line < known) > 0) here[line] = 1 }
    {
        top = $0; above = ""
        count = split($0, part, "/")
        for (n = 2; n < count; n++) { above = above "/" part[n]; if (!(above in here)) { top = above; break } }
        if (!(top in files)) only[top] = $0
        files[top]++
    }
    END { for (top in files) print (files[top] == 1 ? only[top] : top "/") }' "$scratch/found" | sort -u >"$scratch/paths"

for engine in postgresql mariadb; do
    "${engine}_others" "$scratch/databases" >>"$scratch/paths" || fail database-down "$engine cannot be asked: $(said "$scratch/rows.err")"
done
jq -cRn '[inputs] | {undeclared:.}' "$scratch/paths"
