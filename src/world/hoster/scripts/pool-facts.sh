# Whose is this ordered machine, and if it is nobody's, is anything on it? No input.
held=
if [ -e /etc/holdfast/identity ]; then
    identity="\"$(base64 -w0 </etc/holdfast/identity)\""
else
    identity=null
    holds
fi
if [ -e /etc/holdfast/quarantined ]; then quarantined=true; else quarantined=false; fi
id=$(tr -dc '0-9a-f' </etc/machine-id 2>/dev/null || :)
printf '{"identity":%s,"quarantined":%s,"machine_id":"%s","holds":"%s","boot_id":"%s","uptime":%d}\n' \
    "$identity" "$quarantined" "$id" "$held" "$(cat /proc/sys/kernel/random/boot_id)" "$(cut -d . -f 1 /proc/uptime)"
