#!/usr/bin/env bash
# Goal: programs of others - Python's websockets, npm's ws - have live connections with
# a hub: what the team writes comes at once, in order, nothing twice, nothing left out.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "live connections of programs of others"
lib=$(cd "$(dirname "$0")/../lib" && pwd)

# peer NAME COMMAND...: all that it looks at, against a hub of its own
peer() {
	local name=$1 looks=0
	shift
	hub_data=$T/hub.$name
	user ann
	user bob
	serve --origin https://board.example --origin http://localhost:3000
	token bob
	bob=$access bob_refresh=$refresh
	token ann
	while IFS= read -r line; do
		[[ $line = "ok "* ]]
		result $? "$name: ${line#*ok }"
		looks=$((looks + 1))
	done < <("$@" "$hub_url" "$access" "$bob" <<<"$bob_refresh" 2>"$T/.peer.err")
	is "$name: it looked at everything" $looks 17
	is "$name: nothing went wrong beside" "$(cat "$T/.peer.err")" ''
	alive
	stop_hub
	is "$name: the hub ends well" "$hub_code" 0
	grep -q "$access" "$T"/*.log 2>/dev/null
	is "$name: no token stands in a log" $? 1
}

# Debian's packages are Debian's python's, and in a folder of its own.
peer websockets /usr/bin/python3 "$lib/live_peer.py"
peer ws env NODE_PATH=/usr/share/nodejs node "$lib/live_peer.cjs"
done_testing
