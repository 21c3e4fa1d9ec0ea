#!/usr/bin/env bash
# Goal: one event that the hub refuses holds up nothing, is shown with its
# reason, and can be sent again, changed or given up - on purpose only.  A
# session that expires is renewed once for all processes.
. "$(dirname "$0")/lib.sh"
goal "refused events, expired tokens"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$T/odd"
rules() { printf '%s\n' "$1" >"$T/odd/rules.json"; }
requests() { grep -c "$1" "$T/odd/requests"; }
rules '{}'
python3 "$here/odd_hub.py" "$T/odd" >"$T/odd/port" 2>"$T/odd/log" &
pids+=($!)
wait_for "a hub of its own kind" test -s "$T/odd/port"

home a
check "its address" clowder sync server "http://127.0.0.1:$(cat "$T/odd/port")"
check "sign-in" clowder auth login -u ann -p pw

# agent N CONTENT...: todos of session N
agent() {
	local n=$1 list='' each
	shift
	for each; do list="$list,{\"content\":\"$each\",\"status\":\"pending\"}"; done
	mkdir -p ~/.claude/todos
	printf '[%s]\n' "${list#,}" >~/.claude/todos/0000000$n-0000-4000-8000-000000000001-agent-00000000-0000-4000-8000-000000000001.json
	clowder consolidate >/dev/null
}
contents=()
for i in $(seq 999); do contents+=("todo number $i"); done
agent 1 "${contents[@]}" "the bad one"

rules '{"refuse":{"the bad one":"schema_mismatch"}}'
exits "999 go, one is refused" 1 clowder sync now --report "$T/report.json"
is "the last line is the truth" "$(tail -n 1 <<<"$out")" \
	"Partial sync: 999 pushed, 1 refused (see sync diagnose)"
out=$(cat "$T/report.json")
is "the report names it" "$(json '[d["result"], d["refused_now"], [n["code"] for n in d["notes"]]]')" \
	'["partial", 1, ["schema_mismatch"]]'
exits "the next one is not held up" 0 clowder sync now
is "and does not hide it" "$(tail -n 2 <<<"$out")" \
	"1 event refused earlier (see sync diagnose)
Sync complete"
exits "status" 0 clowder sync status
like "counts it" "$out" '^  Refused      1 event \(see sync diagnose\)$'
like "apart from the queue" "$out" '^  Queue        0 events$'
exits "diagnose" 1 clowder sync diagnose
like "has the reason" "$out" '^  Reason    schema_mismatch: invalid: the bad one$'
exits "as JSON" 1 clowder sync diagnose --json
id=$(json 'd["refused"][0]["event_id"]')
token=$(json 'd["refused"][0]["confirm_token"]')
is "with the event" "$(json 'd["refused"][0]["event"]["payload"]["content"]')" "the bad one"
exits "the doctor knows" 0 clowder doctor
like "what helps" "$out" 'D-009  1 event was refused by the hub'

exits "sent again" 0 clowder sync retry "${id:0:20}"
exits "it is refused again" 1 clowder sync now
exits "giving up wants a token" 4 clowder sync discard "$id"
unlike "and is not led to" "$err" 'discard'
exits "its own" 4 clowder sync discard "$id" --confirm 00000000
exits "an event that is not refused" 1 clowder sync retry ffffffff
like "is named" "$err" "there is no refused event 'ffffffff'"
exits "a change" 0 clowder sync edit "$id" --set 'content=a better one'
exits "goes" 0 clowder sync now
like "it is in" "$out" '^Pushed 1 event '
exits "nothing is left" 0 clowder sync diagnose
like "that is said" "$out" '^No event was refused\.$'

# Given up, with the token of the event as it is.
rules '{"refuse":{"bad again":"quota"}}'
agent 2 "bad again"
exits "another is refused" 1 clowder sync now
exits "it has a token" 1 clowder sync diagnose --json
id=$(json 'd["refused"][0]["event_id"]')
isnt "of its own" "$(json 'd["refused"][0]["confirm_token"]')" "$token"
token=$(json 'd["refused"][0]["confirm_token"]')
exits "given up" 0 clowder sync discard "$id" --confirm "$token"
exits "it is not shown any more" 0 clowder sync diagnose
check "and the store is whole" clowder sync status

# What has to wait stays queued.
rules '{"wait":{"patience":"missing_parent"}}'
agent 3 "patience"
exits "what waits" 1 clowder sync now
like "is said so" "$out" '^Partial sync: 0 pushed, 1 waiting: '
rules '{}'
exits "and goes when it can" 0 clowder sync now
like "by itself" "$out" '^Pushed 1 event '

# A team more: a space of its own, from the next exchange on.
rules '{"teams":["ann","crew"]}'
check "one more team" clowder sync now
exits "has its space" 0 clowder sync status --json
is "at once" "$(json 'sorted(s["team"] for s in d["spaces"])')" '["ann", "crew"]'

# Tokens that last a second: eight processes, none of them signed out.  (Each waits
# ten seconds for the others, which valgrind makes longer.)
at_once=8
[ -z "${CLOWDER_VALGRIND:-}" ] || at_once=2
rules '{"access_s":1}'
check "a short token" clowder auth login --force -u ann -p pw
agent 4 "one more"
before=$(requests 'token/refresh')
others=()
for i in $(seq $at_once); do
	clowder sync now >"$T/sync.$i" 2>&1 &
	others+=($!)
done
ended=0
for p in "${others[@]}"; do wait "$p" || ended=$((ended + 1)); done
is "all of them end well" "$ended" 0
[ "$(requests 'token/refresh')" -gt "$before" ]
result $? "it was renewed"
exits "still signed in" 0 clowder auth status
rules '{}'
check "and a long one again" clowder auth login --force -u ann -p pw

# A hub that is busy is asked again, not for ever.
rules '{"status":{"/api/v1/events/batch/":[503,"unavailable",0],"/api/v1/events/":[503,"unavailable",0]}}'
agent 5 "when it is busy"
exits "a busy hub" 5 clowder sync now
like "is named" "$err" '\(1 event queued\)$'
rules '{"status":{"/api/v1/me":[403,"forbidden",null]}}'
exits "a closed door" 4 clowder sync now
# In the middle of an exchange.
rules '{"status":{"/api/v1/events/batch/":[401,"session_invalid",null],"/api/v1/token/refresh/":[401,"session_invalid",null]}}'
exits "the session ends within it" 3 clowder sync now
like "which is said alike" "$err" 'Authentication expired'
rules '{}'
check "a sign-in again" clowder auth login -u ann -p pw
rules '{"status":{"/api/v1/me":[401,"session_invalid",null],"/api/v1/token/refresh/":[401,"session_invalid",null]}}'
exits "a session that was ended" 3 clowder sync now
like "is said" "$err" 'Authentication expired'
exits "and is gone" 3 clowder auth status
rules '{}'
check "signed in again" clowder auth login -u ann -p pw
exits "everything was kept" 0 clowder sync now
like "and goes" "$out" '^Pushed 1 event '

# Interrupted: at once, and nothing is lost.
rules '{"stall":{"/api/v1/events/batch/":5}}'
agent 6 "when it hangs"
before=$(requests 'POST /api/v1/events/batch/')
clowder sync now >"$T/hang" 2>&1 &
hang=$!
pushes() { [ "$(requests 'POST /api/v1/events/batch/')" -gt "$before" ]; }
wait_for "the hub has the request" pushes
began=$SECONDS
kill -TERM "$hang"
wait "$hang"
is "it is interrupted" $? 130
[ $((SECONDS - began)) -le 3 ]
result $? "without waiting for the hub"
like "which is said" "$(cat "$T/hang")" 'interrupted'
rules '{}'
exits "then it goes on" 0 clowder sync now
exits "with nothing queued" 0 clowder sync status
like "at all" "$out" '^  Queue        0 events$'
done_testing
