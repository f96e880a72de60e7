# In a hoster's rescue system, after rescue-prove.sh has opened the machine's disk for reading: what
# follows runs on a view of the disk that takes its changes in memory. Nothing of the machine is
# started, and nothing reaches the disk.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
place=/run/holdfast-rescue
view=$place/view
enter_failed() {
    printf '{"error":{"code":"no-view","message":"%s"}}\n' "$1"
    exit 1
}
mountpoint -q "$place/disk" || enter_failed "the disk is not open"
if ! mountpoint -q "$view"; then
    mkdir -p "$place/memory" "$view"
    mount -t tmpfs -o size=75%,mode=0700 holdfast "$place/memory" || enter_failed "no memory to work in"
    mkdir "$place/memory/changes" "$place/memory/work"
    mount -t overlay -o "lowerdir=$place/disk,upperdir=$place/memory/changes,workdir=$place/memory/work" holdfast "$view" || enter_failed "the disk cannot be overlaid"
    mount --rbind /proc "$view/proc" && mount --rbind /dev "$view/dev" && mount -t tmpfs holdfast "$view/run" || enter_failed "the view of the disk lacks its system"
fi
cat >"$view/run/save" <<'END_OF_WHAT_RUNS_THERE'
