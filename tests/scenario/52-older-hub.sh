#!/usr/bin/env bash
# Goal: a hub whose folder was put back from an older copy keeps its epoch, and
# grows on.  Nothing that it had acknowledged is lost, and both homes agree.
. "$(dirname "$0")/lib.sh"
goal "a hub that forgot, and nobody noticed"

# todos NAME COUNT: what an agent left in this home
todos() {
	local id=01234567-89ab-4cde-8f01-$(printf %012x "$count")
	mkdir -p "$HOME/.claude/todos"
	python3 - "$HOME/.claude/todos/$id-agent-$id.json" "$1" "$2" <<'P'
import json, sys
with open(sys.argv[1], "w") as f:
    json.dump([{"content": "%s %d" % (sys.argv[2], i), "status": "pending",
        "activeForm": "x"} for i in range(int(sys.argv[3]))], f)
P
	clowder consolidate >/dev/null
}
digest() {
	run clowder sync status --json
	json 'd["digest"]'
}

user ann
serve
home a
check "a signs in" sign_in ann
home b
check "b signs in" sign_in ann
home a
check "a has work" todos first 3
check "a syncs" clowder sync now
home b
check "b syncs" clowder sync now
stop_hub
cp -a "$hub_data" "$T/copy"
serve
home a
check "a works on" todos second 4
check "and syncs" clowder sync now
stop_hub
rm -rf "$hub_data"
mv "$T/copy" "$hub_data"
serve
home b
check "b makes more than was lost" todos third 9
check "and syncs" clowder sync now
home a
run clowder sync now
is "a syncs" "$code" 0
like "and pushes what the hub forgot" "$out" '^Pushed 4 events'
like "and has what b made" "$out" '^Pulled 9 new events'
one=$(digest)
home b
run clowder sync now
like "b gets it too" "$out" '^Pulled 4 new events'
is "both see the same" "$(digest)" "$one"
run clowder sync now
like "and that is all" "$out" '^Pulled 0 new events'
done_testing
