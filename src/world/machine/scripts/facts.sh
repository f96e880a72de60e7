# What a machine is: everything asked about in one go. Input lines: file,
# directory, package, unit, each with a name. Reads only.
began=$(date +%s%3N)
for list in files directories packages units; do
    : >"$work/$list"
done
awk -F '\t' -v work="$work" '
    $1 == "file" { print $2 > (work "/files") }
    $1 == "directory" { print $2 > (work "/directories") }
    $1 == "package" { print $2 > (work "/packages") }
    $1 == "unit" { print $2 > (work "/units") }'

{
    cat "$work/files" "$work/directories" |
        xargs -r -d '\n' stat -c "s$tab%a$tab%U$tab%G$tab%F$tab%n" -- 2>/dev/null
    xargs -r -d '\n' sha256sum -- <"$work/files" 2>/dev/null | sed "s/^/d$tab/"
    xargs -r dpkg-query -W -f 'p\t${Package}\t${Version}\t${db:Status-Status}\n' \
        <"$work/packages" 2>/dev/null
    sed "s/^/n$tab/" "$work/units"
    # Blocks in the order asked for, an empty line between them.
    xargs -r systemctl show -p LoadState -p ActiveState -p UnitFileState -- \
        <"$work/units" 2>/dev/null | sed "s/^/u$tab/"
    echo "e$tab"
    sed "s/^/i$tab/" "$etc/identity" 2>/dev/null
    sed -n "s/^\(ID\|VERSION_ID\)=/o$tab\1$tab/p" /etc/os-release
    echo "w${tab}boot_id$tab$(cat /proc/sys/kernel/random/boot_id)"
    echo "w${tab}stage$tab$(stage)"
    echo "w${tab}restored_from$tab$(cat "$etc/restored-from" 2>/dev/null)"
    if [ -x "$lib/gate" ]; then echo "w${tab}gate$tab$("$lib/gate" status)"; fi
    df -B1 --output=avail,size / | sed -n "2s/^ *\([0-9]*\)  *\([0-9]*\).*/f$tab\1$tab\2/p"
} >"$work/seen" || true

sed "s/^/a${tab}file$tab/" "$work/files" >"$work/asked"
sed "s/^/a${tab}directory$tab/" "$work/directories" >>"$work/asked"

took=$(($(date +%s%3N) - began))
awk -F '\t' -v took="$took" '
    function str(s) {
        gsub(/[\\"]/, "\\\\&", s)
        gsub(/[\001-\037]/, "?", s)
        return "\"" s "\""
    }
    function maybe(s) { return s == "" ? "null" : str(s) }
    function fact(path, digest) {
        return str(path) ":{\"digest\":" str(digest) ",\"mode\":\"" mode[path] "\",\"owner\":" \
            str(owner[path]) ",\"group\":" str(group[path]) "}"
    }
    function block_ends() {
        if (load != "") {
            current++
            if (load != "not-found")
                units = units (units == "" ? "" : ",") str(unit[current]) \
                    ":{\"active\":" (active == "active" || active == "reloading" ? "true" : "false") \
                    ",\"enabled\":" (enablement ~ /^(enabled|enabled-runtime|static|alias|generated|indirect)$/ ? "true" : "false") "}"
        }
        load = active = enablement = ""
    }
    FNR == NR && $1 == "s" { mode[$6] = sprintf("%04d", $2); owner[$6] = $3; group[$6] = $4; type[$6] = $5 }
    FNR == NR && $1 == "d" { digest[substr($2, 67)] = substr($2, 1, 64) }
    FNR == NR && $1 == "p" && $4 == "installed" {
        packages = packages (packages == "" ? "" : ",") str($2) ":" str($3)
    }
    FNR == NR && $1 == "n" { unit[++asked] = $2 }
    FNR == NR && ($1 == "u" && $2 == "" || $1 == "e") { block_ends() }
    FNR == NR && $1 == "u" {
        split($2, pair, "=")
        if (pair[1] == "LoadState") load = pair[2]
        if (pair[1] == "ActiveState") active = pair[2]
        if (pair[1] == "UnitFileState") enablement = pair[2]
    }
    FNR == NR && $1 == "i" {
        at = index($2, "=")
        value = substr($2, at + 1)
        gsub(/^\047|\047$/, "", value)
        identity[substr($2, 1, at - 1)] = value
    }
    FNR == NR && $1 == "o" { gsub(/"/, "", $3); os[$2] = $3 }
    FNR == NR && $1 == "w" { word[$2] = $3 }
    FNR == NR && $1 == "f" { free = $2; size = $3 }
    FNR != NR && $2 == "file" && ($3 in mode) {
        files = files (files == "" ? "" : ",") fact($3, digest[$3])
    }
    FNR != NR && $2 == "directory" && type[$3] == "directory" {
        directories = directories (directories == "" ? "" : ",") fact($3, "")
    }
    END {
        printf "{\"image\":%s,\"boot_id\":%s,", str(os["ID"] "-" os["VERSION_ID"]), str(word["boot_id"])
        printf "\"stack\":%s,\"estate\":%s,", maybe(identity["STACK"]), maybe(identity["ESTATE"])
        printf "\"role\":%s,\"epoch\":%s,", maybe(identity["ROLE"]), (identity["EPOCH"] ~ /^[0-9]+$/ ? identity["EPOCH"] + 0 : "null")
        printf "\"stage\":%s,\"open\":%s,", str(word["stage"]), (word["gate"] == "open" ? "true" : "false")
        printf "\"restored_from\":%s,", maybe(word["restored_from"])
        printf "\"packages\":{%s},\"files\":{%s},\"directories\":{%s},\"units\":{%s},", packages, files, directories, units
        printf "\"disk_free\":%s,\"disk_size\":%s,\"took_ms\":%d}\n", free, size, took
    }' "$work/seen" "$work/asked"
