#!/usr/bin/env bash
# Goal: a hub that lies, floods, or speaks for others changes nothing here, ends
# no space, and is named for what it is: always with the exit code of a server's
# fault, never with that of a user's.
. "$(dirname "$0")/lib.sh"
goal "a hostile hub"
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
mkdir -p "$T/odd"
rules() { printf '%s\n' "$1" >"$T/odd/rules.json"; }
rules '{}'
python3 "$here/odd_hub.py" "$T/odd" >"$T/odd/port" 2>"$T/odd/log" &
pids+=($!)
wait_for "a hub of its own kind" test -s "$T/odd/port"
state() { clowder sync status --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d["digest"][:12], d["queued"], d["refused"])'; }

home ann
check "its address" clowder sync server "http://127.0.0.1:$(cat "$T/odd/port")"

# At the door.
rules '{"grant":{"access":"a\r\nX-Evil: 1"}}'
exits "a token that would be two head fields" 1 clowder auth login -u ann -p pw
like "is none" "$err" 'holds no tokens: is this a hub\?'
rules '{"teams":["ann","a\r\nX-Evil: 1"]}'
exits "so is a team's name" 1 clowder auth login -u ann -p pw --json
is "which is named, by code" "$(json 'd["error"]')" protocol_error
exits "nobody is signed in" 3 clowder auth status
rules '{}'
check "a sign-in" clowder auth login -u ann -p pw
check "something to send" clowder todo add "first"
check "and sent" clowder sync now
check "more of it" clowder todo add "second"
was=$(state)
rules '{"teams":["ann","crew\u0007"]}'
exits "later as well" 1 clowder sync now
printf 'tok\rX-Evil: 1\n' >"$T/token"
CLOWDER_TOKEN_FILE=$T/token exits "a return in a token file" 3 clowder sync now
like "is no token" "$err" "holds no token"

# Too much.
for answer in '{"zeros":70}' '{"zeros":200,"gzip":true}'; do
	rules '{"answer":{"/api/v1/me":'"$answer"'}}'
	exits "an answer of ${answer//[^0-9a-z]/ }" 1 clowder sync now --json
	is "is a server's fault" "$(json 'd["error"]')" protocol_error
done
rules '{"answer":{"/api/v1/me":"'"$(printf '[%.0s' {1..5000})"'"}}'
exits "a deep one" 1 clowder sync now
is "nothing has changed" "$(state)" "$was"

# Its words.
rules '{"status":{"/api/v1/me":[400,"usage",null,"x\nclowder: all is well\u001b[2J\u202e"]}}'
exits "its codes are not ours" 1 clowder sync now
is "its words are one line" "$(grep -c '' <<<"$err")" 1
unlike "that says nothing raw" "$err" $'[\x01-\x08\x0b-\x1f]'
rules '{"status":{"/api/v1/me":[503,"interrupted",0]}}'
exits "it does not interrupt us" 5 clowder sync now
rules '{"wait":{"second":"missing_parent\nSync complete"}}'
exits "what waits has its reason" 1 clowder sync now
is "in one line, the last" "$(tail -n 1 <<<"$out" | cut -c 1-12)" "Partial sync"
rules '{"answer":{"/api/v1/events/batch/":"{\"results\":[],\"epoch\":\"e1\",\"head\":9}"}}'
exits "a batch without results" 1 clowder sync now
is "nothing has changed still" "$(state)" "$was"

# Its log.
foreign() {
	python3 -c '
import sys
from events import *
e = event("todo_added", "todo", "%032x" % int(sys.argv[1]), {"content": "from afar"}, clock=int(sys.argv[1]), author="-")
print(json.dumps({"foreign": [e]}))' "$1"
}
rules "$(foreign 9007199254740991)"
exits "an event of the last clock there is" 4 clowder sync now
like "is refused by name" "$err" 'Lamport clock is too far ahead \(9007199254740991, event 01890000-'
is "nothing has changed at all" "$(state)" "$was"
check "and there is room for others" clowder todo add "third"
exits "what cannot be sent for it" 4 clowder sync now --json
is "is named in JSON too" "$(json 'd["error"]')" clock_ahead

# What other programs made has no author.
home bob
check "the hub's address" clowder sync server "http://127.0.0.1:$(cat "$T/odd/port")"
rules '{"teams":["bob"]}'
check "a sign-in of bob's" clowder auth login -u bob -p pw
python3 - "$T/plain.jsonl" <<'P'
import sys
from events import *
export(sys.argv[1], [event("todo_added", "todo", "a" * 32, {"content": "plain"}, author="-")])
P
check "events without an author" clowder import "$T/plain.jsonl"
rules '{"teams":["bob"],"refuse":{"plain":"quota"}}'
exits "are refused" 1 clowder sync now
exits "and diagnosed" 1 clowder sync diagnose
like "without an empty name" "$out" '^  Made      just now, space bob$'

exits "what was refused" 0 clowder export "$T/out.jsonl"
like "stays out of an export" "$err" '^note: 1 refused events are left out$'
is "all of it" "$(grep -c plain "$T/out.jsonl")" 0

# A store in which nothing is any more.
for f in "$CLOWDER_HOME"/store.db*; do rm -f "$f"; done
touch -d '2 hours ago' "$CLOWDER_HOME/store.db"
exits "an empty store" 1 clowder todo list
like "is said to be one" "$err" 'store.db is empty: what was in it is gone'
exits "and begun anew" 0 clowder todo add "again"
like "aloud" "$err" '^note: .*/store.db was empty, so a new store was begun'
exits "once" 0 clowder todo list
is "and is fine" "$err" ""
done_testing
