#!/usr/bin/env bash
# Goal: a hub that has got another address is the same hub: what was waiting for it
# is sent there. What waits for quite another one is said, and kept.
scenario=$(cd "$(dirname "$0")" && pwd)/x
. "$(dirname "$0")/lib.sh"
goal "a hub with a new address"

user ann
serve
field() {
	run clowder sync status --json
	json "d[\"$1\"]"
}

home a
check "a signs in" sign_in ann
check "a has a project" clowder init --slug shop
check "a syncs" clowder sync now
stop_hub
check "offline, a adds a todo" clowder todo add "Made while the hub moved"
old=$hub_url
hub_listen=127.0.0.1:0
serve
isnt "it serves elsewhere now" "$hub_url" "$old"
check "a signs in there" sign_in ann
run clowder sync now
like "what waited is sent" "$out" '^Pushed [1-9][0-9]* events?'
is "nothing waits" "$(field queued)" 0
is "nor elsewhere" "$(field queued_elsewhere)" 0
is "there is one private space" "$(field spaces | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" 1
run clowder todo list
like "the todo is there" "$out" 'Made while the hub moved'
check "a works on" clowder todo add "And after"
first=$hub_url

# Quite another hub: nothing of the first goes there, and that is said.
stop_hub
hub_data=$T/hub2 hub_listen=127.0.0.1:0
user ann
serve
check "a signs in at another hub" sign_in ann
run clowder sync now
like "it says what is not sent, and for whom" "$out" "^1 event not sent: meant for ann at $first"
is "it is counted" "$(field queued_elsewhere)" 1
run clowder doctor
like "doctor says so" "$out" '1 event waits for ann at'

# One that claims to be the first at a new address, and cannot prove it.
epoch=$(python3 -c '
import json, sys
print(json.loads(sys.argv[1])[0]["epoch"])' "$(field spaces)")
isnt "the epoch is known" "$epoch" ""
mkdir -p "$T/odd"
printf '{"answer":{"/api/health":"{\\"status\\":\\"ok\\",\\"version\\":\\"1\\",\\"protocol_version\\":1,\\"epoch\\":\\"%s\\"}"},"teams":["ann"]}' \
	"$epoch" >"$T/odd/rules.json"
PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$scenario")/odd_hub.py" "$T/odd" >"$T/odd/port" 2>"$T/odd/log" &
pids+=($!)
wait_for "another hub" test -s "$T/odd/port"
check "its address" clowder sync server "http://127.0.0.1:$(cat "$T/odd/port")"
check "a signs in there" clowder auth login -u ann -p pw
clowder sync now >/dev/null 2>&1
is "it was asked who it is" "$(grep -c '/api/health' "$T/odd/requests")" 1
is "nothing of the first hub went there" "$(field queued_elsewhere)" 1

# Back at the first one.
stop_hub
hub_data=$T/hub hub_listen=${first#*://}
serve
check "a signs in at the first again" sign_in ann
check "and syncs" clowder sync now
is "nothing waits elsewhere" "$(field queued_elsewhere)" 0
home b
check "another machine" sign_in ann
check "syncs" clowder sync now
run clowder todo list --all-projects
like "it has the one" "$out" 'Made while the hub moved'
like "and the other" "$out" 'And after'
done_testing
