#!/usr/bin/env bash
# Pages of other people and programs of other users reach the daemon's port too: they
# learn nothing, change nothing, and keep nobody out.
. "$(dirname "$0")/lib.sh"
goal "the daemon's port is anybody's, the daemon is ours"
here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../lib

home a
check "a project" clowder init --slug demo
daemon_up
secret=$(sed -n 3p "$CLOWDER_HOME/sync-daemon")
bearer="Authorization: Bearer $secret"
# asks STATUS DESCRIPTION CURL-OPTION...
asks() {
	local want=$1 what=$2
	shift 2
	is "$what" "$(curl -s -o "$T/.said" -D "$T/.head" -w '%{http_code}' --noproxy '*' \
		--max-time 20 "$@")" "$want"
	unlike "$what: no page may read it" "$(cat "$T/.head")" '[Aa]ccess-[Cc]ontrol'
}

# --- a page in a browser ----------------------------------------------------------
health=$daemon_url/api/health
for host in evil.example "evil.example:$daemon_port" "127.0.0.1" "127.0.0.1:1" \
	"localhost.evil.example:$daemon_port" "127.0.0.1:$daemon_port.evil.example" \
	"127.0.0.1:$daemon_port@evil.example" "0.0.0.0:$daemon_port" "[::1]:$daemon_port"; do
	run curl -s -o "$T/.said" -w '%{http_code}' --noproxy '*' --max-time 20 \
		-H "Host: $host" -H "$bearer" "$health"
	like "a name that leads here: $host" "$out" '^40[03]$'
	unlike "is told nothing: $host" "$(cat "$T/.said")" 'home_id'
done
for origin in null '' http://evil.example "https://127.0.0.1:$daemon_port" \
	"http://127.0.0.1:1" "http://127.0.0.1:$daemon_port.evil.example" \
	"http://127.0.0.1:$daemon_port@evil.example" "http://127.0.0.1"; do
	asks 403 "a page of '$origin'" -H "Origin: ${origin:-x}" "$health"
	asks 403 "and with the token" -H "Origin: ${origin:-x}" -H "$bearer" -d '{}' \
		"$daemon_url/api/shutdown"
done
asks 403 "a preflight" -X OPTIONS -H 'Origin: http://evil.example' \
	-H 'Access-Control-Request-Method: POST' \
	-H 'Access-Control-Request-Headers: authorization' "$daemon_url/api/shutdown"
for kind in text/plain application/x-www-form-urlencoded multipart/form-data; do
	asks 403 "a form, $kind" -H "Content-Type: $kind" -d '{"event":{}}' \
		"$daemon_url/api/sync/publish"
	asks 403 "which ends nothing" -H "Content-Type: $kind" -d "token=$secret" \
		"$daemon_url/api/shutdown?token=$secret"
done
asks 431 "a head without end" -H "X: $(head -c 60000 /dev/zero | tr '\0' x)" "$health"
asks 403 "a long body is not waited for" -H 'Content-Length: 1000000' -X POST \
	"$daemon_url/api/sync/publish"
asks 413 "nor is one too long" -H "$bearer" -H 'Content-Length: 2000000' -X POST \
	"$daemon_url/api/sync/publish"
is "who shows no token has one answer" "$(curl -s --noproxy '*' --max-time 20 -D - \
	-o /dev/null "$health" | tr -d '\r' | grep -ci '^connection: close')" 1

# --- a thousand connections ----------------------------------------------------------
answered() {
	local i bad=0
	for i in 1 2 3 4 5; do
		clowder daemon status >"$T/.status" 2>&1 || bad=$((bad + 1))
	done
	[ $bad = 0 ] || cat "$T/.status"
	return $bad
}
for kind in deaf holders tiny; do
	mkfifo "$T/$kind"
	python3 "$lib/hostile.py" "$kind" 1000 "$daemon_url" <"$T/$kind" >"$T/$kind.out" &
	attacker=$!
	pids+=("$attacker")
	exec 8>"$T/$kind"
	wait_for "$kind: a thousand are there" grep -q ready "$T/$kind.out"
	check "and a command is answered as ever" answered
	exec 8>&-
	wait "$attacker"
done

# --- readers that do not read -----------------------------------------------------------
check "an event" clowder todo add "one"
followers=()
for i in $(seq 64); do
	curl -sN --noproxy '*' --max-time 60 -H "$bearer" -o "$T/stream.$i" \
		"$daemon_url/api/events/?after=0" &
	followers+=("$!")
done
pids+=("${followers[@]}")
all_follow() { [ "$(cat "$T"/stream.* 2>/dev/null | grep -c '"content":"one"')" = 64 ]; }
wait_for "64 follow" all_follow
asks 503 "one more does not" -H "$bearer" "$daemon_url/api/events/"
check "and a command is answered" answered
kill "${followers[@]}"
wait "${followers[@]}" 2>/dev/null
follows() { [ "$(curl -s --noproxy '*' --max-time 1 -o /dev/null -w '%{http_code}' \
	-H "$bearer" "$daemon_url/api/events/")" = 200 ]; }
wait_for "when they have gone there is room" follows

# Nothing is kept for them, and nobody waits: they are told what they missed when they
# read again.
events=${CLOWDER_EVENTS:-5000}
mkfifo "$T/deaf.in"
python3 "$lib/followers.py" 20 "$events" "$daemon_url" "$secret" <"$T/deaf.in" >"$T/deaf.said" 2>&1 &
pids+=("$!")
exec 8>"$T/deaf.in"
wait_for "20 follow and read nothing" grep -q ready "$T/deaf.said"
PYTHONPATH=$here python3 -c '
from events import *
import sys
n = int(sys.argv[2]) - 1
export(sys.argv[1], (event("todo_added", "todo", "%032d" % i, {"content": "x" * 100})
                     for i in range(n)))' "$T/many" "$events"
check "thousands of events are written" clowder import "$T/many"
check "a command is answered" answered
health_of() { curl -s --noproxy '*' --max-time 20 "$health"; }
like "and so is health" "$(health_of)" '"status":"ok"'
echo "# private memory: $(sed -n 's/^RssAnon:[[:space:]]*//p' "/proc/$daemon_pid/status")"
echo go >&8
WAIT_S=60 wait_for "then all of them read all of it, once and in order" \
	grep -q '^20 whole' "$T/deaf.said"
exec 8>&-
is "it is the same daemon" "$(sed -n 4p "$CLOWDER_HOME/sync-daemon")" "$daemon_pid"
check "stop" clowder daemon stop

# --- a log that is no file ------------------------------------------------------------------
rm "$CLOWDER_HOME/sync-daemon.log"
mkfifo "$CLOWDER_HOME/sync-daemon.log"
run timeout -s KILL 20 clowder daemon start
like "a pipe that nobody reads is named" "$err" 'sync-daemon|start'
isnt "and waits for nobody" "$code" 137
isnt "it is no success" "$code" 0
rm "$CLOWDER_HOME/sync-daemon.log"
done_testing
