#!/usr/bin/env bash
# Two machines with a daemon each stay in step by themselves: live while the wire is
# there, and again as soon as it is back, whatever became of it.
. "$(dirname "$0")/lib.sh"
goal "nobody has to do anything"

serve
user ann
wire_up
for h in a b; do
	home "$h"
	check "$h signs in" sign_in ann
	[ "$h" = a ] || cp -r "$T/a/work/.clowder" .
	check "$h has the project" clowder init --slug demo
	daemon_up
	wait_for "$h is live" daemon_says 'Connected, live'
done
home a

todos() { clowder todo list --json | grep -o '"content": *"[^"]*"' | sort; }
sees() { home "$1" && todos | grep -q "\"$2\""; }
digest() { clowder sync status --json | grep -m 1 -o '"digest": *"[0-9a-f]*"'; }
same() {
	home a
	local here
	here=$(digest)
	home b
	[ "$here" = "$(digest)" ]
}

# --- live -------------------------------------------------------------------------
check "a writes" clowder todo add "one"
wait_for "b sees it" sees b one
home b
check "b writes" clowder todo add "two"
wait_for "a sees it" sees a two
wait_for "both are the same" same

# --- the wire is cut, both change ------------------------------------------------------
wire cut
home a
check "a goes on" clowder todo add "while a was alone"
wait_for "a knows that it is alone" daemon_says 'Reconnecting|Offline'
waits() { clowder daemon status | grep -qE 'Queue +1 event'; }
wait_for "and says what waits" waits
home b
check "b goes on" clowder todo add "while b was alone"
wire open
wait_for "the wire is back: a has b's" sees a "while b was alone"
wait_for "and b has a's" sees b "while a was alone"
wait_for "the same again" same
for h in a b; do
	home "$h"
	wait_for "$h is live again" daemon_says 'Connected, live'
	like "nothing waits" "$(clowder daemon status)" 'Queue +0 events'
done

# --- in the middle of frames ---------------------------------------------------------------
for n in 1 2 7 60 130 200 333 512; do
	wire "after:$n"
	home a
	clowder todo add "a $n" >/dev/null
	home b
	clowder todo add "b $n" >/dev/null
done
wire open
wait_for "cut in the middle: a has all of b" sees a "b 512"
wait_for "and b all of a" sees b "a 512"
wait_for "nothing doubled, nothing lost" same
home a
is "each once" "$(todos | uniq -d | wc -l)" 0
is "all of them" "$(todos | wc -l)" 20

# --- slow ------------------------------------------------------------------------------------
wire delay:700
home a
check "over a slow wire" clowder todo add "slow"
wait_for "it comes, later" sees b slow
wire open

# --- nothing live gets through ------------------------------------------------------------------
wire block
asked() { grep -c 'http id' "$T/hub.log"; }
before=$(asked)
home a
clowder daemon restart >/dev/null
pids+=("$(sed -n 4p "$CLOWDER_HOME/sync-daemon")")
is_batch() { daemon_says 'Connected *$'; }
wait_for "no WebSocket: it goes on without" is_batch
check "a writes" clowder todo add "by batch"
home b
wait_for "and b sees it" sees b "by batch"
check "without asking all the time" test $(($(asked) - before)) -lt 120
wire open

# --- the hub goes and comes back ----------------------------------------------------------------------
home a
clowder daemon restart >/dev/null
pids+=("$(sed -n 4p "$CLOWDER_HOME/sync-daemon")")
wait_for "live again" daemon_says 'Connected, live'
stop_hub KILL
check "a writes while there is no hub" clowder todo add "no hub"
hub_url_wire=$hub_url
serve
hub_url=$hub_url_wire
wait_for "the hub is back, and b sees it" sees b "no hub"
wait_for "the same" same

# --- commands ask the daemon ---------------------------------------------------------------------------
home a
check "sync now" clowder sync now
like "says what a conversation of its own would" "$out" 'Sync complete'
check "as JSON" clowder sync now --json
is "the same report" "$(json '[d["result"], d["teams"][0]["team"], d["notes"]]')" \
	'["complete", "ann", []]'
wait_for "live again after it" daemon_says 'Connected, live'

# --- the session -----------------------------------------------------------------------------------------
check "a signs out" clowder auth logout
wait_for "the daemon knows" daemon_says OfflineBatchMode
like "and says it" "$(clowder daemon status)" 'not signed in'
check "a writes" clowder todo add "signed out"
check "and signs in" sign_in ann
wait_for "the daemon goes on" daemon_says 'Connected, live'
wait_for "with what had waited" sees b "signed out"

# --- started by whoever wants it --------------------------------------------------------------------------
home a
check "a stops it" clowder daemon stop
export CLOWDER_DAEMON=auto
check "a look starts nothing" clowder todo list
is "nobody runs" "$(clowder daemon status --json | grep -c '"stopped"')" 1
for i in 1 2 3 4 5 6; do
	clowder todo add "at once $i" >/dev/null &
	last=$!
done
wait "$last"
wait_for "a command that writes starts it" daemon_says 'Connected, live'
pids+=("$(sed -n 4p "$CLOWDER_HOME/sync-daemon")")
wait_for "and what it wrote is sent" sees b "at once 6"

# One that begins while somebody wants an exchange makes it for him.
for i in 1 2 3 4 5 6; do
	home "new$i"
	clowder sync server "$hub_url" >/dev/null
	[ "$i" != 1 ] || clowder todo add "from before" >/dev/null 2>&1
	printf 'secret-ann\n' | clowder auth login -u ann --password-stdin >"$T/login" 2>&1
	check "signed in, and an exchange at once ($i)" timeout 8 clowder sync now
	[ "$i" != 1 ] || like "who sends what was there is said" "$(cat "$T/login")" \
		'2 events from before wait to be sent, which the daemon does$'
	like "which is whole" "$out" 'Sync complete'
	wait_for "by a daemon" daemon_says 'Connected, live'
	pids+=("$(sed -n 4p "$CLOWDER_HOME/sync-daemon")")
	check "which stops" clowder daemon stop
done
export CLOWDER_DAEMON=manual

# --- out of one team ---------------------------------------------------------------------------------------
check "a team" "$CLOWDER" hub team add crew --data "$hub_data"
user eve --team crew
home eve
check "eve signs in" sign_in eve
daemon_up
wait_for "eve is live" daemon_says 'Connected, live'
check "eve leaves the team" "$CLOWDER" hub team remove-user crew eve --data "$hub_data"
check "and her daemon begins anew" clowder daemon restart
pids+=("$(sed -n 4p "$CLOWDER_HOME/sync-daemon")")
shut_out() { clowder daemon status | grep -q 'team crew: not a member'; }
wait_for "which is said" shut_out
wait_for "what is hers is in step as before" daemon_says 'Connected, live'
check "eve writes" clowder todo add "her own"
sent() { clowder daemon status | grep -q 'Queue  *0 events'; }
wait_for "and it goes" sent
check "eve stops" clowder daemon stop

# --- switched off -------------------------------------------------------------------------------------------
home a
printf '[sync]\nenabled = false\n' >>"$CLOWDER_HOME/config.toml"
wait_for "switched off" daemon_says 'Offline$'
like "and that is said" "$(clowder daemon status)" 'sync is switched off'
sed -i 's/^enabled = false/enabled = true/' "$CLOWDER_HOME/config.toml"
wait_for "and on" daemon_says 'Connected, live'

for h in a b; do
	home "$h"
	check "verify $h" clowder verify
	check "$h stops" clowder daemon stop
done
clowder watch >"$T/alone.out" 2>"$T/alone" &
pids+=("$!")
wait_for "who watches is told that nobody listens" grep -q 'no daemon runs' "$T/alone"
check "something waits" clowder todo add "without a daemon"
like "and status says for what" "$(clowder sync status)" 'Daemon +Not running \(clowder sync now'

done_testing
