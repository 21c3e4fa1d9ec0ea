#!/usr/bin/env bash
# Goal: whatever the wire does to a sync, a renewal or a sign-in, nothing is lost and
# nothing doubled; what is said is clear, the exit code is right, and the next sync
# heals it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
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
# Somebody else of the same account, without a proxy, whose events have to come.
token ann
with "$access"
theirs=0
others() {
	local proxied=$hub_url
	hub_url=$real_hub
	events $((++theirs)) 1 >"$T/.batch"
	ask --data-binary "@$T/.batch" /api/v1/events/batch/
	hub_url=$proxied
}
# as_the_hub DESCRIPTION: the digest here is the hub's
as_the_hub() {
	local here proxied=$hub_url
	here=$(json 'd["spaces"][0]["digest"]')
	hub_url=$real_hub
	ask /api/v1/snapshot/
	hub_url=$proxied
	is "$1" "$here" "$(json 'd["state_hash"]')"
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
	others
	printf '%s\n' "$@" >"$plan"
	rm -f "$plan.done"
	run clowder sync now
	like "$what: exit $code_wanted" "$code" "^($code_wanted)\$"
	# Where it gave up, not all of it came to be.
	[ "$code" != 0 ] || is "$what: it was done" "$(wc -l <"$plan.done")" "$#"
	check "$what: some of it" test -s "$plan.done"
	[ "$code" = 0 ] || like "$what: says so" "$(grep -v '^try: ' <<<"$err")" \
		'^clowder: .+ \([0-9]+ events? queued\)$'
	: >"$plan"
	check "$what: the next sync is good" clowder sync now
	run clowder sync status --json
	is "$what: nothing waits" "$(json '[d["queued"], d["refused"]]')" '[0, 0]'
	as_the_hub "$what: all is here and there"
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
	through "request cut in its body, $at" '0|5' "cut:50% $to"
	through "request held up, $at" 0 "hold:300 $to"
	through "request dripping, $at" 0 "drip:1 $to"
	through "half of the answer's body, $at" '0|5' "truncate:50% $to"
	through "and a reset, $at" '0|5' "break:50% $to"
	through "done but not answered, $at" '0|5' "hang:300 $to"
	through "delayed, $at" 0 "delay:700 $to"
	through "answered late, $at" 0 "slow:700 $to"
	through "stalled, $at" 0 "stall:700 $to"
	through "trickling, $at" 0 "trickle:1 $to"
	through "heard twice, $at" 0 "double $to"
	through "answered twice, $at" '0|5' "twice $to"
	through "no HTTP, $at" 1 "garbage $to" "garbage $to" "garbage $to" "garbage $to"
	through "another server's page, $at" '0|5' "page $to"
	through "no room, $at" 0 "says:503 $to"
	through "too much at once, $at" 0 "says:429 $to"
	through "not signed in any more, $at" 0 "says:401 $to"
done
through "both lost" 0 "lost $push" "lost $pull"
through "one heard twice, the other cut" '0|5' "truncate:50% $pull" "double $push"
through "late after a renewal" 0 "says:401 $push" "slow:300 $push" "stall:300 $pull"

# A renewal of the session, which the hub asks for in the middle of a sync: whatever
# becomes of it, nobody has to sign in again.
refresh=/api/v1/token/refresh/
renewal() {
	through "renewal: $1" "$2" "says:401 $pull" "${@:3}"
}
renewal "reset" '0|5' "reset $refresh"
renewal "answer lost" '0|5' "lost $refresh"
renewal "request cut" '0|5' "cut:50% $refresh"
renewal "answer cut" '0|5' "truncate:50% $refresh"
renewal "answer broken off" '0|5' "break:50% $refresh"
renewal "done but not answered" '0|5' "hang:300 $refresh"
renewal "held up" 0 "hold:300 $refresh"
renewal "answered late" 0 "slow:700 $refresh"
renewal "stalled" 0 "stall:300 $refresh"
renewal "heard twice" 0 "double $refresh"
renewal "answered twice" '0|5' "twice $refresh"
renewal "no HTTP" 1 "garbage $refresh"
renewal "another server's page" '1|5' "page $refresh"
renewal "no room" '0|5' "says:503 $refresh"

# A sign-in: it is done or not, and can be done again.
# signing DESCRIPTION CODE "FAULT PATH"
printf 'secret-ann\n' >"$T/password"
log_in() { clowder auth login -u ann --password-stdin <"$T/password"; }
signing() {
	clowder auth logout >/dev/null
	printf '%s\n' "$3" >"$plan"
	rm -f "$plan.done"
	log_in >"$T/.out" 2>"$T/.err"
	code=$? err=$(cat "$T/.err") out=$(cat "$T/.out")
	like "sign-in, $1: exit $2" "$code" "^($2)\$"
	is "sign-in, $1: it was done" "$(wc -l <"$plan.done")" 1
	[ "$code" = 0 ] || like "sign-in, $1: says so" "$(head -n 1 <<<"$err")" '^clowder: .'
	: >"$plan"
	[ "$code" = 0 ] || log_in >/dev/null
	check "sign-in, $1: one is signed in" clowder sync now
}
for to in "/api/v1/token/" "/api/v1/me"; do
	# What only asks is asked again where a kept connection turns out dead.
	[ $to = /api/v1/me ] && lost='0|5' || lost=5
	signing "reset, $to" "$lost" "reset $to"
	signing "answer lost, $to" "$lost" "lost $to"
	signing "request cut, $to" "$lost" "cut:30 $to"
	signing "answer cut, $to" 5 "truncate:50% $to"
	signing "late, $to" 0 "slow:300 $to"
	signing "heard twice, $to" 0 "double $to"
	signing "no HTTP, $to" 1 "garbage $to"
	signing "another server's page, $to" '1|5' "page $to"
	signing "no room, $to" 5 "says:503 $to"
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
is "those of others too" "$(clowder log --all --limit 0 --json | grep -c '"number [0-9]*"')" "$theirs"
is "and the same state" "$(state)" "$a"
check "b's store verifies" clowder verify
home a; project
check "a's store verifies" clowder verify
done_testing
