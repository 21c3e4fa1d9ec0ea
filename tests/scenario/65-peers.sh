#!/usr/bin/env bash
# Two machines stay in step through servers made with other people's libraries:
# Python's websockets and npm's ws, which send messages whole and in pieces, and go.
. "$(dirname "$0")/lib.sh"
goal "our client and servers of others understand each other"
lib=$(cd "$(dirname "$0")/../lib" && pwd)

serve
user ann
behind=$hub_url port=0 bridge=''

# bridge LIBRARY whole|pieces|flood: in place of the one before, at the same address
bridge() {
	local library=$1 program=(/usr/bin/python3 "$lib/ws_bridge.py")
	[ "$library" = websockets ] ||
		program=(env NODE_PATH=/usr/share/nodejs node "$lib/ws_bridge.cjs")
	: >"$T/bridge.out"
	"${program[@]}" "$behind" "$port" "$2" >"$T/bridge.out" 2>>"$T/bridge.err" &
	bridge=$!
	pids+=("$bridge")
	wait_for "$library, $2: it serves" grep -q http "$T/bridge.out"
	hub_url=$(sed -n 1p "$T/bridge.out") port=${hub_url##*:}
}
cut() {
	kill -9 "$bridge"
	{ wait "$bridge"; } 2>/dev/null
}
todos() { clowder todo list --json | grep -o '"content": *"[^"]*"' | sort; }
sees() { home "$1" && todos | grep -q "\"$2\""; }
writes() { home "$1" && check "$1 writes" clowder todo add "$2"; }
live() { home "$1" && daemon_says 'Connected, live'; }
alone() { home "$1" && daemon_says 'Reconnecting|Offline'; }
digest() { clowder sync status --json | grep -m 1 -o '"digest": *"[0-9a-f]*"'; }
same() {
	local here
	home a
	here=$(digest)
	home b
	[ "$here" = "$(digest)" ]
}

bridge websockets whole
for h in a b; do
	home "$h"
	check "$h signs in" sign_in ann
	[ "$h" = a ] || cp -r "$T/a/work/.clowder" .
	check "$h has the project" clowder init --slug demo
	daemon_up
done

# In pieces it is cut within its characters, too.
long=$(printf 'ä€🐈%.0s' $(seq 800))
sees_long() { sees "$1" "$2 $long"; }
n=0
# The last: heartbeats without end, which keep nobody from anything.
for how in 'websockets whole' 'websockets pieces' 'ws whole' 'ws pieces' 'websockets flood'; do
	if [ $n -gt 0 ]; then
		cut
		writes a "$how, a alone"
		writes b "$how, b alone"
		wait_for "a is alone" alone a
		# shellcheck disable=SC2086 # two words
		bridge $how
	fi
	n=$((n + 1))
	for h in a b; do
		wait_for "$how: $h is live" live "$h"
	done
	[ $n = 1 ] || {
		wait_for "$how: a has what b wrote alone" sees a "$how, b alone"
		wait_for "$how: b has what a wrote alone" sees b "$how, a alone"
	}
	writes a "$how, a"
	wait_for "$how: b sees it" sees b "$how, a"
	writes b "$how, b $long"
	wait_for "$how: a sees it" sees_long a "$how, b"
	wait_for "$how: our pongs are what the library wants" grep -q ponged "$T/bridge.out"
	wait_for "$how: both are the same" same
	unlike "$how: nobody is turned away" "$(cat "$T/bridge.out")" refused
	is "$how: each came once, and stayed" "$(grep -c opened "$T/bridge.out")" 2
done

home a
is "each once" "$(todos | uniq -d | wc -l)" 0
is "all of them" "$(todos | wc -l)" 18
for h in a b; do
	home "$h"
	like "$h: nothing waits" "$(clowder daemon status)" 'Queue +0 events'
	check "$h stops" clowder daemon stop
done

# It ends in the middle of a connection's beginning, of which much has come already.
home a
ends_early() {
	local before
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		before=$(grep -c opened "$T/bridge.out")
		clowder daemon start || return 1
		while [ "$(grep -c opened "$T/bridge.out")" = "$before" ]; do
			read -rt 0.001 <> <(:) || true
		done
		clowder daemon stop || return 1
	done
}
check "a daemon ends while it connects" ends_early
is "nothing went wrong in the libraries" "$(cat "$T/bridge.err")" ''
done_testing
