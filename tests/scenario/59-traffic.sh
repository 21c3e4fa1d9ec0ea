#!/usr/bin/env bash
# Goal: batches, pulls, snapshots, sign-ins, health, a backup and new users all at
# once: each gets its answer. Under the thread sanitizer, too: no race.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "everything at once"
here=$(cd "$(dirname "$0")" && pwd)
seed=${CLOWDER_SEED:-$((RANDOM + 1))}
echo "# seed $seed"
user ann
serve
python3 "$here/traffic.py" "$hub_url" ann secret-ann "$seed" >"$T/found" 2>"$T/said" &
traffic=$!
for i in 1 2 3; do
	check "a user while it serves" user "new$i"
	check "a backup while it serves" clowder hub backup "$T/backup$i" --data "$hub_data"
	check "verify while it serves" clowder hub verify --data "$hub_data"
done
wait "$traffic"
sed 's/^/# /' "$T/said"
is "each call got its answer" "$(cat "$T/found")" "wrong 0, lost 0, more 0"
stop_hub
is "it stops in order" "$hub_code" 0
unlike "without a race" "$(cat "$T/hub.log")" 'ThreadSanitizer'
done_testing
