#!/usr/bin/env bash
# Sessions of several machines see each other through the hub: who is at work, and
# when they were heard of last, also between what the log is told.
. "$(dirname "$0")/lib.sh"
goal "who is here"

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

for h in a b c; do
	home "$h"
	check "$h stops" clowder daemon stop
done

done_testing
