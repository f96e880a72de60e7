# In a hoster's rescue system: finds the disk of our machine, opens it for reading only, and lets the
# host key on it sign a text. Nothing is written to any disk: the device is set to reading only
# first, and no journal of a file system is replayed.
# Input lines: machine, text (base64).
machine=
text=
while IFS="$tab" read -r kind word; do
    case $kind in
    machine) machine=$word ;;
    text) text=$word ;;
    esac
done
place=/run/holdfast-rescue
disk=$place/disk
mkdir -p "$disk"
chmod 0700 "$place"

# open_disk DEVICE: mounts it for reading only.
open_disk() {
    kind=$(blkid -p -o value -s TYPE "$1") || return 1
    case $kind in
    ext2 | ext3 | ext4) options=ro,noload ;;
    xfs) options=ro,norecovery,nouuid ;;
    btrfs) options=ro,rescue=nologreplay ;;
    *) return 1 ;;
    esac
    blockdev --setro "$1" || return 1
    mount -t "$kind" -o "$options,nodev,nosuid" "$1" "$disk"
}

is_ours() {
    grep -qxF "MACHINE='$machine'" "$disk/etc/holdfast/identity"
}

progress disk "looking for the disk of $machine"
if ! mountpoint -q "$disk"; then
    for device in /dev/sd* /dev/vd* /dev/xvd* /dev/nvme*n*; do
        [ -b "$device" ] || continue
        open_disk "$device" || continue
        if is_ours; then break; fi
        umount "$disk"
    done
fi
mountpoint -q "$disk" && is_ours || fail no-disk "no disk of $machine can be read here"
key=$disk/etc/ssh/ssh_host_ed25519_key
[ -r "$key" ] || fail no-key "the disk of $machine has no host key"
printf %s "$text" | base64 -d >"$work/text"
ssh-keygen -Y sign -q -n rescue@holdfast -f "$key" <"$work/text" >"$work/signature" || fail no-key "its host key does not sign: $(tail_of "$work/stderr")"
printf '{"signature":%s}\n' "$(json "$(cat "$work/signature")")"
