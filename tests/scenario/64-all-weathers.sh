#!/usr/bin/env bash
# Five machines write all the time, while the hub is killed, put back from an older
# copy, their daemons are killed, and the wire does everything that wires do.  CLOWDER_ROUNDS: how often.
. "$(dirname "$0")/lib.sh"
goal "all converge, nothing is doubled, nothing is lost"
rounds=${CLOWDER_ROUNDS:-2}
homes='a b c d e'
WAIT_S=60 # who was cut off often comes back within half a minute

serve
user ann
wire_up
through=$hub_url
for h in $homes; do
	home "$h"
	sign_in ann || result 1 "$h signs in"
	[ "$h" = a ] || cp -r "$T/a/work/.clowder" .
	clowder init --slug demo >/dev/null
	daemon_up
done

# writes NAME: todos until it is told to stop
writes() {
	local n=0
	home "$1"
	until [ -e "$T/stop" ]; do
		n=$((n + 1))
		clowder todo add "$1 $n" >/dev/null || echo "$1 $n" >>"$T/failed"
		echo "$1 $n" >>"$T/written.$1"
		read -rt 0.2 <> <(:) || true
	done
}
written() { cat "$T/written.$1" 2>/dev/null | wc -l; }
all_wrote() {
	local h
	for h in $homes; do
		[ "$(written "$h")" -ge "$1" ] || return 1
	done
}
# Each has written so many more.
more() {
	local most=0 n h
	for h in $homes; do
		n=$(written "$h")
		[ "$n" -le "$most" ] || most=$n
	done
	wait_for "$1: all go on writing" all_wrote $((most + $2))
}
writers=()
for h in $homes; do
	writes "$h" &
	writers+=("$!")
done
again() { # the hub, at its old address; homes stay behind the wire
	serve
	hub_url=$through
}

more "at first" 2
for round in $(seq "$rounds"); do
	stop_hub KILL
	again
	wire "after:$((round * 97 % 1500 + 1))"
	more "round $round, cut in the middle" 1
	wire silent
	more "round $round, nothing moves" 1
	wire delay:1500
	more "round $round, slow" 1
	wire cut
	more "round $round, cut" 1
	wire open
	set -- $homes # one after the other
	shift $((round % $#))
	home "$1"
	kill -9 "$(sed -n 4p "$CLOWDER_HOME/sync-daemon")"
	daemon_up
	more "round $round, open, another daemon of $1" 1
	[ "$round" != $((rounds / 2)) ] ||
		check "a copy of the hub" clowder hub backup "$T/copy" --data "$hub_data"
done

# The copy takes the place of the hub, while all are online.
stop_hub TERM
check "the hub is put back from the copy" clowder hub restore "$T/copy" --data "$hub_data"
again
more "an older hub" 2
: >"$T/stop"
wait "${writers[@]}"

is "no command failed" "$(cat "$T/failed" 2>/dev/null)" ''
cat "$T"/written.? | sort >"$T/all"
todos() { clowder todo list --json | sed -n 's/.*"content": *"\([a-e] [0-9]*\)".*/\1/p' | sort; }
has_all() {
	home "$1"
	[ "$(todos)" = "$(cat "$T/all")" ]
}
for h in $homes; do
	wait_for "$h has what all wrote, each once" has_all "$h"
done
digest() { clowder sync status --json | grep -m 1 -o '"digest": *"[0-9a-f]*"'; }
all_same() {
	local h
	for h in $homes; do
		home "$h"
		digest
	done | sort -u | wc -l | grep -qx 1
}
wait_for "all are the same" all_same
for h in $homes; do
	home "$h"
	wait_for "$h is live" daemon_says 'Connected, live'
	check "$h: every page is in order" clowder verify
	run clowder sync status --json
	is "$h: nothing was refused, nothing waits" "$(json '[d["refused"], d["queued"]]')" "[0, 0]"
	check "$h stops" clowder daemon stop
done
stop_hub TERM
check "so is the hub" clowder hub verify --data "$hub_data"
echo "# $(wc -l <"$T/all") todos of five machines, $rounds rounds"

done_testing
