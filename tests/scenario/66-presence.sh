#!/usr/bin/env bash
# Sessions of several machines see each other through the hub: who is at work, and
# when they were heard of last, also between what the log is told.
. "$(dirname "$0")/lib.sh"
goal "who is here"
lib=$(cd "$(dirname "$0")/../lib" && pwd)

serve
user ann
wire_up
for h in a b; do
	home "$h"
	sign_in ann || result 1 "$h signs in"
	[ "$h" = a ] || cp -r "$T/a/work/.clowder" .
	clowder init --slug demo >/dev/null
	daemon_up
	wait_for "$h is live" daemon_says 'Connected, live'
done

sees() { clowder session list --json | grep -q "\"session_id\": *\"$1\""; }
field() { # SESSION NAME
	run clowder session list --json --all
	json "[s['$2'] for k in d for s in d[k] if s['session_id'] == '$1'][0]"
}

home a
check "a begins" clowder session start --id s-1 --agent claude
home b
wait_for "b sees it" sees s-1
is "at work" "$(field s-1 state)" live
isnt "not here" "$(field s-1 here)" true
logged=$(clowder log --json -n 50 | grep -c session_)

# A beat goes past the log.
before=$(field s-1 last_activity)
home a
later() {
	home a
	clowder session beat --id s-1 >/dev/null
	home b
	[ "$(field s-1 last_activity)" != "$before" ]
}
WAIT_S=40 wait_for "a beat of a is seen by b" later
home b
is "and is not in the log" "$(clowder log --json -n 50 | grep -c session_)" "$logged"
is "who says so" "$(ls "$CLOWDER_HOME"/local/presence/*.json | wc -l)" 1
is "in a file of ours alone" "$(stat -c %a "$CLOWDER_HOME"/local/presence/*.json)" 600

# What it works on.
home a
check "a has something to do" clowder todo add "dig"
id=$(clowder todo list --json | sed -n 's/.*"id": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)
check "and starts it" env CLOWDER_SESSION_ID=s-1 clowder todo start "$id"
working() { [ "$(field s-1 active_todos)" = 1 ]; }
home b
wait_for "b sees what a is at" working

# The hub says who it is; a member of another team hears nothing.
like "with the hub's word for who it is" "$(cat "$CLOWDER_HOME"/local/presence/*.json)" '"user":"ann"'
user bob
home c
sign_in bob || result 1 "c signs in"
clowder init --slug other >/dev/null
daemon_up
wait_for "c is live" daemon_says 'Connected, live'
unlike "bob hears of nobody" "$(cat "$CLOWDER_HOME"/local/presence/*.json 2>/dev/null)" 's-1'

# The wire is cut: nobody is said to be here by a word of before.
home b
wire cut
gone() { ! ls "$CLOWDER_HOME"/local/presence/*.json >/dev/null 2>&1; }
wait_for "cut off: the hub's word is old" gone
check "the log still has it" sees s-1
wire open
back() { ls "$CLOWDER_HOME"/local/presence/*.json >/dev/null 2>&1; }
WAIT_S=40 wait_for "back: it is told again" back

home a
check "a ends" clowder session end --id s-1
home b
unseen() { ! sees s-1; }
wait_for "b sees that it has ended" unseen

# Ended and begun again at once, while the hub still says the first.
told() { grep -q "\"session_id\":\"$1\"" "$CLOWDER_HOME"/local/presence/*.json; }
home a
check "a begins another" clowder session start --id s-2 --agent claude
wait_for "the hub says so" told s-2
# It hears nothing, and what the hub says stays as it is.
daemon=$(sed -n 4p "$CLOWDER_HOME/sync-daemon")
kill -STOP "$daemon"
check "it ends" clowder session end --id s-2
check "the hub has not heard of it" told s-2
is "but it is not listed" "$(clowder session list)" "No sessions"
run clowder session start --id s-2 --agent claude --json
is "it begins again" "$(json 'd["started"]')" true
is "for the log as well" "$(clowder log --json -n 50 | grep session_ | grep -c s-2)" 3
check "and is seen" sees s-2
kill -CONT "$daemon"

# A teammate says of sessions what is not so.
user eve
for args in "add crew" "add-user crew ann" "add-user crew eve"; do
	# shellcheck disable=SC2086
	"$CLOWDER" hub team $args --data "$hub_data" >/dev/null
done
home d
sign_in ann || result 1 "d signs in"
clowder init --slug demo >/dev/null
daemon_up
wait_for "d is live" daemon_says 'Connected, live'
mkfifo "$T/say"
/usr/bin/python3 "$lib/presence_peer.py" "http://$hub_listen" eve crew "$(
	python3 - <<'P'
import json
print(json.dumps([{"session_id": "build-7", "agent": "evil:x/y", "device": "D" * 300,
                   "cwd": "/eve", "last_activity": "2099-01-01T00:00:00Z"},
                  {"session_id": "build-8", "agent": "claude"}]))
P
)" <"$T/say" >"$T/eve" 2>&1 &
pids+=("$!")
exec {say}>"$T/say"
wait_for "eve says that they are at work" grep -q ready "$T/eve"
wait_for "d hears of it" sees build-7
is "they are shown as hers" \
	"$(field build-7 user) $(field build-7 here) $(field build-7 project) $(field build-7 agent)" \
	'eve false null evil:x/y'
is "at work now, not in another age" "$(field build-7 last_activity | cut -c1-10)" "$(date -u +%F)"
is "in a sane width" "$(clowder session list | awk 'length > 160' | wc -l)" 0
export CLOWDER_AUTHOR=user:ann
run clowder session start --id build-7 --json
is "one of ann's begins for all that" "$(json '[d["started"], d["agent"]]')" '[true, "ann"]'
run clowder session start --id build-8 --agent claude --json
is "and one of the same agent" "$(json 'd["started"]')" true
is "the log has them" "$(clowder log --json -n 50 | grep -c session_started)" 2
unlike "none as eve's" "$(cat "$CLOWDER_HOME"/local/sessions/*)" evil
mine() { # ID: those of here
	run clowder session list --json
	json "[s['here'] for k in d for s in d[k] if s['session_id'] == '$1' and s['project']]"
}
is "a word hides none of the log" "$(run clowder session show build-8 --json; json 'd["here"]')" true
is "also by the beginning of an id" "$(run clowder session show build --json; json 'd["error"]')" ambiguous
unlike "of which only those of the log are named" "$(clowder session show build 2>&1)" DDD
is "they are here" "$(mine build-7) $(mine build-8)" '[true] [true]'
exits "a beat of what is only said" 1 clowder session beat --id build-7 --agent evil
check "the end of ann's" clowder session end --id build-7
run clowder session show build-7 --json
is "is shown in spite of hers" "$(json '[d["state"], d["agent"]]')" '["ended", "ann"]'
exec {say}>&-

for h in a b c d; do
	home "$h"
	check "$h stops" clowder daemon stop
done

done_testing
