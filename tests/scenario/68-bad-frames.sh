#!/usr/bin/env bash
# Goal: whoever breaks the rules of WebSocket is closed with the right code, and nobody
# else on the hub notices.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "bad frames, while a good member listens"
lib=$(cd "$(dirname "$0")/../lib" && pwd)

user ann
serve
token ann
looks=0
while IFS= read -r line; do
	[[ $line = "ok "* ]]
	result $? "${line#*ok }"
	looks=$((looks + 1))
done < <(python3 "$lib/bad_frames.py" "$hub_url" "$access" 2>"$T/.peer.err")
is "it looked at everything" $looks 6
is "nothing went wrong beside" "$(cat "$T/.peer.err")" ''
alive
gone() { curl -s "$hub_url/metrics" | grep -q 'live_connections 0$'; }
wait_for "and all are gone" gone
done_testing
