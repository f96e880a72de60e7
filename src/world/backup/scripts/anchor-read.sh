# The reconciler's anchor, as it was kept; null when there is none yet. What it
# says is judged by its signature, not here.
if [ -e /srv/holdfast/anchor.json ]; then
    head -c 65536 /srv/holdfast/anchor.json | jq -c '{anchor:.}' || fail anchor-damaged "/srv/holdfast/anchor.json is no JSON"
else
    jq -cn '{anchor:null}'
fi
