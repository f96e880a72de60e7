# Marks a machine of ours as set aside.
ours
: >/etc/holdfast/quarantined
sync /etc/holdfast/quarantined /etc/holdfast
printf '{"quarantined":true}\n'
