# What a machine is: everything asked about in one go. Input lines: file,
# directory, package, unit, each with a name. Reads only.
began=$(date +%s%3N)
cd "$work"
for list in files directories packages units identity; do
    : >"$list"
done
awk -F '\t' '
    $1 == "file" { print $2 > "files"; print $2 > "paths" }
    $1 == "directory" { print $2 > "directories"; print $2 > "paths" }
    $1 == "package" { print $2 > "packages" }
    $1 == "unit" { print $2 > "units" }
    END { printf "" > "paths" }'

# Each of these waits for something else, so side by side. What is not there is
# left out of their answers, and they complain of it.
xargs -r -d '\n' sha256sum -- <files >digests 2>/dev/null &
xargs -r dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Status}\n' <packages >versions 2>/dev/null &
# Blocks in the order asked for, an empty line between them.
xargs -r systemctl show -p LoadState -p ActiveState -p UnitFileState -- <units >states 2>/dev/null &
xargs -r -d '\n' stat -c "%a$tab%U$tab%G$tab%F$tab%n" -- <paths >stats 2>/dev/null || true
[ ! -e "$etc/identity" ] || cat "$etc/identity" >identity
{
    echo "stage$tab$(stage)"
    [ ! -s "$etc/restored-from" ] || echo "restored_from$tab$(cat "$etc/restored-from")"
    [ ! -x "$lib/gate" ] || echo "gate$tab$("$lib/gate" status)"
    echo "boot_id$tab$(cat /proc/sys/kernel/random/boot_id)"
    echo "clock$tab$(date +%s%3N)"
    echo "disk$tab$(df -B1 --output=avail,size / | tail -n 1)"
} >words
wait

took=$(($(date +%s%3N) - began))
awk -F '\t' -v took="$took" '
    function str(s) {
        gsub(/[\\"]/, "\\\\&", s)
        gsub(/[\001-\037]/, "?", s)
        return "\"" s "\""
    }
    function maybe(s) { return s == "" ? "null" : str(s) }
    function comma(list) { return list == "" ? "" : "," }
    function fact(path, digest) {
        return str(path) ":{\"digest\":" str(digest) ",\"mode\":\"" mode[path] "\",\"owner\":" \
            str(owner[path]) ",\"group\":" str(group[path]) "}"
    }
    # KEY=value, in quotes or not.
    function assignment(line, into,   at, value) {
        at = index(line, "=")
        value = substr(line, at + 1)
        gsub(/^[\047"]|[\047"]$/, "", value)
        into[substr(line, 1, at - 1)] = value
    }
    function block_ends() {
        if ("LoadState" in state) {
            name = unit[++blocks]
            if (state["LoadState"] != "not-found")
                units = units comma(units) str(name) \
                    ":{\"active\":" (state["ActiveState"] ~ /^(active|reloading)$/ ? "true" : "false") \
                    ",\"enabled\":" (state["UnitFileState"] ~ /^(enabled|enabled-runtime|static|alias|generated|indirect)$/ ? "true" : "false") "}"
        }
        split("", state)
    }
    kind == "stat" { mode[$5] = sprintf("%04d", $1); owner[$5] = $2; group[$5] = $3; type[$5] = $4 }
    kind == "digest" { digest[substr($0, 67)] = substr($0, 1, 64) }
    kind == "version" && $3 == "installed" {
        packages = packages comma(packages) str($1) ":" str($2)
    }
    kind == "unit" { unit[++asked] = $0 }
    kind == "state" && $0 == "" { block_ends() }
    kind == "state" && $0 != "" { assignment($0, state) }
    kind == "identity" { assignment($0, identity) }
    kind == "release" { assignment($0, release) }
    kind == "word" { word[$1] = $2 }
    kind == "file" && ($0 in mode) { files = files comma(files) fact($0, digest[$0]) }
    kind == "directory" && type[$0] == "directory" {
        directories = directories comma(directories) fact($0, "")
    }
    END {
        block_ends()
        split(word["disk"], disk, " ")
        printf "{\"image\":%s,\"boot_id\":%s,", str(release["ID"] "-" release["VERSION_ID"]), str(word["boot_id"])
        printf "\"stack\":%s,\"estate\":%s,", maybe(identity["STACK"]), maybe(identity["ESTATE"])
        printf "\"role\":%s,\"epoch\":%s,", maybe(identity["ROLE"]), (identity["EPOCH"] ~ /^[0-9]+$/ ? identity["EPOCH"] + 0 : "null")
        printf "\"stage\":%s,\"open\":%s,", str(word["stage"]), (word["gate"] == "open" ? "true" : "false")
        printf "\"restored_from\":%s,", maybe(word["restored_from"])
        printf "\"packages\":{%s},\"files\":{%s},\"directories\":{%s},\"units\":{%s},", packages, files, directories, units
        printf "\"clock_ms\":%s,", (word["clock"] ~ /^[0-9]+$/ ? word["clock"] : "null")
        printf "\"disk_free\":%s,\"disk_size\":%s,\"took_ms\":%d}\n", disk[1], disk[2], took
    }' kind=stat stats kind=digest digests kind=version versions kind=unit units kind=state states \
    kind=identity identity kind=release /etc/os-release kind=word words \
    kind=file files kind=directory directories
