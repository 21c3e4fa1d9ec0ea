#!/usr/bin/env bash
# Goal: a program of others - Python's websockets - has live connections with the
# hub: what the team writes comes at once, in order, nothing twice, nothing left out.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "live connections of a program of others"
here=$(cd "$(dirname "$0")" && pwd)
# Debian's package is Debian's python's.
python=/usr/bin/python3

user ann
user bob
serve --origin https://board.example --origin http://localhost:3000
token bob
bob=$access bob_refresh=$refresh
token ann
while IFS= read -r line; do
	[[ $line = "ok "* ]]
	result $? "${line#*ok }"
done < <("$python" "$here/../lib/live_peer.py" "$hub_url" "$access" "$bob" \
	<<<"$bob_refresh" 2>"$T/.peer.err")
is "nothing went wrong beside" "$(cat "$T/.peer.err")" ''
alive
grep -q "$access" "$T"/*.log 2>/dev/null
is "no token stands in a log" $? 1
done_testing
