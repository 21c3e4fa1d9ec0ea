#!/usr/bin/env bash
# Goal: eight processes write into one store while others read it: every one of
# them succeeds, nothing is lost or doubled.  Eight whose token has expired renew
# it once, and all of them stay signed in.
. "$(dirname "$0")/lib.sh"
goal "many at once"
here=$(cd "$(dirname "$0")" && pwd)

home a
check "a feature" clowder feature add shop
# writer N: todos and work packages, one after the other
writer() {
	local i
	for i in 1 2 3 4 5; do
		clowder todo add "todo $1.$i" >>"$T/todos" 2>>"$T/failures" || echo "todo $1.$i" >>"$T/failures"
		clowder wp add "wp $1.$i" >>"$T/wps" 2>>"$T/failures" || echo "wp $1.$i" >>"$T/failures"
	done
}
reader() {
	while [ ! -e "$T/written" ]; do
		clowder board >/dev/null 2>>"$T/failures" || echo board >>"$T/failures"
	done
}
: >"$T/failures"
others=()
for i in 1 2 3 4 5 6 7 8; do
	writer $i &
	others+=($!)
done
reader &
reading=$!
for p in "${others[@]}"; do wait "$p"; done
: >"$T/written"
wait "$reading"
is "none of them failed" "$(cat "$T/failures")" ""
is "each work package has an id of its own" "$(sort -u "$T/wps" | wc -l)" 40
is "each todo too" "$(sort -u "$T/todos" | wc -l)" 40
exits "what is there" 0 clowder board --json
is "is all that was written" "$(json '[len(set(w["title"] for f in d["features"] for l in f["lanes"].values() for w in l)),
	len(set(t["content"] for t in d["todos"]))]')" '[40, 40]'
exits "the log" 0 clowder log --limit 0 --json
is "has each once" "$(wc -l <"$T/.out")" 82
is "each in its place" "$(python3 - "$T/.out" <<'P'
import json, sys
clocks = [json.loads(l)["event"]["lamport_clock"] for l in open(sys.argv[1])]
seqs = [json.loads(l)["event"]["node_seq"] for l in open(sys.argv[1])]
print(sorted(clocks) == list(range(1, 83)), sorted(seqs) == list(range(1, 83)))
P
)" "True True"
check "the store is whole" clowder verify

# One winner: all claim the same work package.
wp=$(head -n 1 "$T/wps")
others=()
for i in 1 2 3 4 5 6 7 8; do
	clowder wp move "$wp" claimed --actor "agent$i" >"$T/claim.$i" 2>&1 &
	others+=($!)
done
won=0 told=0
for i in 1 2 3 4 5 6 7 8; do
	wait "${others[$((i - 1))]}"
	case $? in
	0) won=$((won + 1)) winner=agent$i ;;
	4) told=$((told + 1)) ;;
	esac
done
is "one wins, seven are told" "$won $told" "1 7"
is "who it was" "$(cat "$T"/claim.* | grep -c "$wp is claimed already, by $winner")" 7

# The first command of all, eight times at once: one home, one store.
export CLOWDER_HOME=$T/fresh
others=()
for i in 1 2 3 4 5 6 7 8; do
	clowder todo add "first $i" >"$T/first.$i" 2>&1 &
	others+=($!)
done
ended=0
for p in "${others[@]}"; do wait "$p" || ended=$((ended + 1)); done
is "all of them begin it" "$ended" 0 || show "$(cat "$T"/first.*)"
exits "and all is there" 0 clowder todo list --json
is "eight todos" "$(json 'len(d["todos"])')" 8
is "nobody took it for an emptied one" "$(cat "$T"/first.* | grep -c empty)" 0

# An expired token.
mkdir -p "$T/odd"
rules() { printf '%s\n' "$1" >"$T/odd/rules.json"; }
rules '{"access_s":1}'
python3 "$here/odd_hub.py" "$T/odd" >"$T/odd/port" 2>"$T/odd/log" &
pids+=($!)
wait_for "a hub" test -s "$T/odd/port"
check "its address" clowder sync server "http://127.0.0.1:$(cat "$T/odd/port")"
check "a token for a second" clowder auth login -u ann -p pw
rules '{"stall":{"/api/v1/token/refresh/":0.3}}'
others=()
for i in 1 2 3 4 5 6 7 8; do
	clowder sync now >"$T/sync.$i" 2>&1 &
	others+=($!)
done
ended=0
for p in "${others[@]}"; do wait "$p" || ended=$((ended + 1)); done
is "all eight exchange" "$ended" 0 || show "$(cat "$T"/sync.*)"
is "the hub was asked for a new token once" "$(grep -c 'token/refresh' "$T/odd/requests")" 1
exits "nobody was signed out" 0 clowder auth status
exits "nothing is left to send" 0 clowder sync status --json
is "at all" "$(json 'd["queued"]')" 0
done_testing
