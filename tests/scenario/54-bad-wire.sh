#!/usr/bin/env bash
# Goal: whatever the wire does to a sync, nothing is lost and nothing doubled; what
# is said is clear, the exit code is right, and the next sync heals it.
. "$(dirname "$0")/lib.sh"
goal "syncs through a bad wire"
here=$(cd "$(dirname "$0")" && pwd)

user ann
serve
real_hub=$hub_url
plan=$T/plan
python3 "$here/../lib/fault_proxy.py" "$hub_url" "$plan" >"$T/proxy.out" &
pids+=("$!")
wait_for "the proxy serves" grep -q http "$T/proxy.out"
hub_url=$(cat "$T/proxy.out")

project() {
	mkdir -p "$HOME/shop" && cd "$HOME/shop" || exit 1
	[ -d .git ] || { git init -q && git remote add origin https://example.org/ann/shop.git; }
}
state() { # digest, queue, refused of this home
	run clowder sync status --json
	json '[d["digest"], d["queued"], d["refused"]]'
}
todos() {
	run clowder todo list --json
	json 'len(d if isinstance(d, list) else d["todos"])'
}

home b; project
check "b signs in" sign_in ann
home a; project
check "a signs in" sign_in ann
check "a syncs over a good wire" clowder sync now

made=0
# through "FAULT PATH" ... : one sync with each planned fault
through() {
	local what=$1 code_wanted=$2
	shift 2
	for i in 1 2 3; do clowder todo add "todo $((++made))" >/dev/null; done
	printf '%s\n' "$@" >"$plan"
	rm -f "$plan.done"
	run clowder sync now
	like "$what: exit $code_wanted" "$code" "^($code_wanted)\$"
	is "$what: it was done" "$(wc -l <"$plan.done")" "$#"
	[ "$code" = 0 ] || like "$what: says so" "$(grep -v '^try: ' <<<"$err")" \
		'^clowder: .+ \([0-9]+ events? queued\)$'
	: >"$plan"
	check "$what: the next sync is good" clowder sync now
	is "$what: nothing waits" "$(state | sed 's/^\["[0-9a-f]*", //')" '0, 0]'
}

push=/api/v1/events/batch/ pull=/api/v1/events/?
for to in "$push" "$pull"; do
	at="${to#/api/v1/}"
	through "reset, $at" '0|5' "reset $to"
	through "answer lost, $at" '0|5' "lost $to"
	through "request cut, $at" '0|5' "cut:200 $to"
	through "answer cut in its head, $at" '0|5' "truncate:40 $to"
	through "answer cut in its body, $at" '0|5' "truncate:260 $to"
	through "answer broken off, $at" '0|5' "break:260 $to"
	through "delayed, $at" 0 "delay:700 $to"
	through "stalled, $at" 0 "stall:700 $to"
	through "trickling, $at" 0 "trickle:1 $to"
	through "heard twice, $at" 0 "double $to"
	through "answered twice, $at" '0|5' "twice $to"
	through "no HTTP, $at" 1 "garbage $to" "garbage $to" "garbage $to" "garbage $to"
	through "another server's page, $at" '0|5' "page $to"
done
through "the request arrives after its repetition" '0|5' "late:600 $push"
printf '%s\n' "lost $push" "double $push" "truncate:260 $pull" "reset $pull" >"$plan"
for i in 1 2 3 4 5; do
	clowder todo add "todo $((++made))" >/dev/null
	run clowder sync now
done
check "one after the other: in the end all is well" clowder sync now
is "all of it was done" "$(cat "$plan")" ""

is "a has all of its todos" "$(todos)" "$made"
a=$(state)
home b; project
hub_url=$real_hub
check "b syncs over a good wire" clowder sync now
is "b has each once" "$(todos)" "$made"
is "and the same state" "$(state)" "$a"
check "b's store verifies" clowder verify
home a; project
check "a's store verifies" clowder verify
done_testing
