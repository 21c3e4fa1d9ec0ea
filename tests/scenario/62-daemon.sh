#!/usr/bin/env bash
# The daemon's life: never more than one, found again whatever was left behind,
# nobody else's process touched; its local API.
. "$(dirname "$0")/lib.sh"
goal "one daemon for each home, whatever happens"

home a
check "a project" clowder init --slug demo
run clowder daemon status
is "none runs: exit 1" "$code" 1
like "and that is said" "$out" "Not running"
check "stopping none is fine" clowder daemon stop
like "and said" "$out" "Not running"

# --- one at a time ------------------------------------------------------------------
daemon_up
like "started" "$out" "Started \(pid $daemon_pid, port $daemon_port\)"
first=$daemon_pid
is "the state file is private" "$(stat -c %a "$CLOWDER_HOME/sync-daemon")" 600
is "four lines" "$(wc -l <"$CLOWDER_HOME/sync-daemon")" 4
check "again" clowder daemon start
like "the same one" "$out" "Runs already \(pid $first"
exits "in the foreground: there is one" 4 timeout 20 clowder daemon run
like "which is named" "$err" "runs already \(pid $first\)"
check "its folder is /" test "$(readlink "/proc/$first/cwd")" = /
check "status" clowder daemon status --json
is "running, of this version" "$(json '[d["status"], d["pid"], d["state"]]')" \
	"[\"running\", $first, \"active\"]"
wait_for "nothing is to be kept in step" daemon_says Offline
check "restart" clowder daemon restart
isnt "another process" "$(sed -n 4p "$CLOWDER_HOME/sync-daemon")" "$first"
pids+=("$(sed -n 4p "$CLOWDER_HOME/sync-daemon")")
check "stop" clowder daemon stop
check "its state file is gone" test ! -e "$CLOWDER_HOME/sync-daemon"

# --- twenty at once -------------------------------------------------------------------
for i in $(seq 20); do
	clowder daemon start >"$T/start.$i" 2>&1 &
done
wait $(jobs -p) 2>/dev/null
is "twenty starts say one pid" \
	"$(cat "$T"/start.* | grep -o 'pid [0-9]*' | sort -u | wc -l)" 1
is "and it is the one that runs" "$(clowder daemon status --json | grep -c '"running"')" 1
pid=$(sed -n 4p "$CLOWDER_HOME/sync-daemon")
pids+=("$pid")
processes() {
	grep -lz "$CLOWDER_HOME" /proc/[0-9]*/environ 2>/dev/null |
		while read -r f; do
			{ tr '\0' ' ' <"${f%environ}cmdline"; } 2>/dev/null
			echo
		done | grep -c 'daemon run'
}
one_process() { [ "$(processes)" = 1 ]; }
wait_for "one process is left of them" one_process

# --- killed, and what it left behind -------------------------------------------------------
kill -9 "$pid"
wait_for "it is gone" test ! -e "/proc/$pid/fd/0"
run clowder daemon status
is "killed: it does not run, whatever its file says" "$code" 1
daemon_up
isnt "another one runs" "$daemon_pid" "$pid"

# A state file that names somebody else: his process and his port stay.
check "stop" clowder daemon stop
other_port() { grep -o 'port [0-9]*' "$T/other.out" | cut -d' ' -f2; }
python3 -u -m http.server --bind 127.0.0.1 0 >"$T/other.out" 2>&1 &
other=$!
pids+=("$other")
wait_for "somebody else serves" grep -q 'port [0-9]' "$T/other.out"
token=$(printf '%064d' 0)
printf 'http://127.0.0.1:%s\n%s\n%s\n%s\n' "$(other_port)" "$(other_port)" \
	"$token" "$other" >"$CLOWDER_HOME/sync-daemon"
chmod 600 "$CLOWDER_HOME/sync-daemon"
run clowder daemon status
is "somebody else's port is no daemon" "$code" 1
check "stop touches nobody" clowder daemon stop
check "he lives" kill -0 "$other"
daemon_up
is "ours has the file again" "$(sed -n 4p "$CLOWDER_HOME/sync-daemon")" "$daemon_pid"
unlike "nobody asked him" "$(cat "$T/other.out")" 'POST|shutdown'

# Killed, and its pid is somebody else's by now: the state file names him, and so does
# the record of the lock, which nobody holds.
kill -9 "$daemon_pid"
wait_for "it is gone" test ! -e "/proc/$daemon_pid/fd/0"
sleep 600 &
asleep=$!
pids+=("$asleep")
reused() {
	sed "4s/.*/$asleep/" "$CLOWDER_HOME/sync-daemon" >"$T/state"
	cat "$T/state" >"$CLOWDER_HOME/sync-daemon"
}
reused
printf '{"pid":%s}' "$asleep" >"$CLOWDER_HOME/sync-daemon.lock"
run clowder daemon status
is "a pid that is another's by now is no daemon" "$code" 1
check "stop touches nobody" clowder daemon stop
like "and says so" "$out" "Not running"
daemon_up
isnt "a new one runs" "$daemon_pid" "$asleep"
reused
check "also where the file names him while one runs: stop" clowder daemon stop
wait_for "it is gone" test ! -e "/proc/$daemon_pid/fd/0"
check "he sleeps on" kill -0 "$asleep"
check "restart" clowder daemon restart
check "and on" kill -0 "$asleep"
daemon_up

# A damaged one: it is found by its lock.
for junk in '' 'x' "$(head -c 5000 /dev/zero | tr '\0' 'x')"; do
	printf '%s' "$junk" >"$CLOWDER_HOME/sync-daemon"
	run clowder daemon status
	isnt "a damaged state file is no success" "$code" 0
done
check "and stop finds it by its lock" clowder daemon stop
wait_for "it is gone" test ! -e "/proc/$daemon_pid/fd/0"
rm -f "$CLOWDER_HOME/sync-daemon"

# --- ports ------------------------------------------------------------------------------------
run env CLOWDER_PORTS=nonsense clowder daemon run
is "a bad range of ports is named" "$code" 2
like "by its variable" "$err" 'CLOWDER_PORTS'
CLOWDER_PORTS=$(other_port)-$(other_port) run clowder daemon run
isnt "no free port" "$code" 0
like "is said" "$err" "no free port of $(other_port)-$(other_port)"

run env CLOWDER_PORTS="$(other_port)-$(other_port)" clowder daemon start
isnt "nor from afar" "$code" 0
like "where it is said as well" "$err" "does not start: clowder: no free port of $(other_port)-$(other_port)"

# --- the API ---------------------------------------------------------------------------------------
daemon_up
bare() { curl -s -o "$T/.out" -w '%{http_code}' --noproxy '*' --max-time 20 "$@"; }
is "health needs no token" "$(bare "$daemon_url/api/health")" 200
out=$(cat "$T/.out")
is "and says who it is" "$(json '[d["status"], d["protocol_version"], d["pid"],
	d["daemon_family"], d["state"], len(d["home_id"])]')" \
	"[\"ok\", 1, $daemon_pid, \"sync\", \"active\", 32]"
unlike "with no token in it" "$out" "$(sed -n 3p "$CLOWDER_HOME/sync-daemon")"
for path in /api/shutdown /api/sync/trigger /api/sync/publish; do
	is "no token: $path" "$(bare -X POST "$daemon_url$path")" 403
	is "a wrong token: $path" "$(bare -X POST -H "Authorization: Bearer $token" \
		"$daemon_url$path")" 403
done
is "no token: events" "$(bare "$daemon_url/api/events/")" 403
is "a foreign Host" "$(bare -H 'Host: evil.example' "$daemon_url/api/health")" 403
is "a foreign Origin" "$(bare -H 'Origin: https://evil.example' \
	"$daemon_url/api/health")" 403
is "our own Origin" "$(bare -H "Origin: http://localhost:$daemon_port" \
	"$daemon_url/api/health")" 200
api /api/nonsense
is "an unknown route" "$code" 404
api /api/shutdown
is "another method" "$code" 405
for body in '{' '[]' '{"event":1}' '{"event":{}}' \
	'{"event":{"event_type":"todo_added","aggregate_id":"t","aggregate_type":"todo","payload":[]}}' \
	'{"event":{"event_id":"x","event_type":"todo_added","aggregate_id":"t","aggregate_type":"todo","payload":{}}}'; do
	api /api/sync/publish -d "$body"
	is "no event: $body" "$code" 400
done
api /api/sync/trigger -d '{"wait":1}'
is "a wait that is none" "$code" 400
uuid=$(sed -n 's/^uuid *= *"\(.*\)"/\1/p' .clowder/project.toml)
api /api/sync/publish -d '{"event":{"event_type":"todo_added","aggregate_id":"'"$(printf '%032d' 7)"'",
	"aggregate_type":"todo","project_uuid":"'"$uuid"'","payload":{"content":"by the API"}}}'
is "an event is taken" "$code" 202
like "and is there" "$(clowder todo list)" "by the API"
id=$(json 'd["event_id"]')
check "under the id that was said" clowder show "$id"

api /api/sync/publish -d '{"event":{"event_type":"todo_added","aggregate_id":"'"$(printf '%032d' 8)"'",
	"aggregate_type":"todo","payload":{"content":"of no project"}}}'
is "an event of no project" "$code" 202
check "the log goes into a file" clowder export "$T/log"
check "and it is there" grep -q "of no project" "$T/log"

# --- following ------------------------------------------------------------------------------------
curl -sN --noproxy '*' --max-time 60 -H \
	"Authorization: Bearer $(sed -n 3p "$CLOWDER_HOME/sync-daemon")" \
	"$daemon_url/api/events/" >"$T/events" &
pids+=("$!")
curl -sN --noproxy '*' --max-time 60 -D "$T/events.head" -H \
	"Authorization: Bearer $(sed -n 3p "$CLOWDER_HOME/sync-daemon")" \
	"$daemon_url/api/events/?after=0" >"$T/all" &
pids+=("$!")
wait_for "what was there" grep -q 'by the API' "$T/all"
check "a command" clowder todo add "by a command"
wait_for "is seen at once" grep -q 'by a command' "$T/all"
wait_for "also by who began later" grep -q 'by a command' "$T/events"
unlike "who sees nothing from before" "$(cat "$T/events")" 'by the API'
like "server-sent events" "$(cat "$T/events.head")" 'text/event-stream'
last=$(grep '^id:' "$T/all" | tail -n 1 | cut -d' ' -f2)
check "another" clowder todo add "after the break"
curl -sN --noproxy '*' --max-time 2 -H "Last-Event-ID: $last" -H \
	"Authorization: Bearer $(sed -n 3p "$CLOWDER_HOME/sync-daemon")" \
	"$daemon_url/api/events/" >"$T/rest"
is "the id goes on where it was" "$(grep -c '^data:' "$T/rest")" 1
like "with what is new" "$(cat "$T/rest")" 'after the break'
api '/api/events/?after=nonsense'
is "a position that is none" "$code" 400
for after in 'after=1%00:2' 'after=1:2-x' 'after=1:2-ABCDEF01' 'after=0:1' 'since=1'; do
	api "/api/events/?$after"
	is "nor is $after" "$code" 400
done

# A place that this replica has not reached: said, and on from now.
place() { grep '^id:' "$1" | tail -n 1 | cut -d' ' -f2; }
ahead() { # NAME CURL-OPTION...: of a place beyond the end, in a space that is not there
	local name=$1
	shift
	curl -sN --noproxy '*' --max-time 60 -H \
		"Authorization: Bearer $(sed -n 3p "$CLOWDER_HOME/sync-daemon")" "$@" >"$T/$name" &
	pids+=("$!")
	wait_for "$name: a place not reached is said" grep -q '^event: reset' "$T/$name"
	is "$name: where it goes on" "$(place "$T/$name")" "$(place "$T/rest")"
}
ahead plain "$daemon_url/api/events/?after=1000000"
ahead beyond -H "Last-Event-ID: ${last%:*}:1000000" "$daemon_url/api/events/"
ahead nowhere -H "Last-Event-ID: $last,4711:0" "$daemon_url/api/events/"
check "one more" clowder todo add "behind a reset"
for name in plain beyond nowhere; do
	wait_for "$name: what comes is told" grep -q 'behind a reset' "$T/$name"
	is "$name: and nothing else" "$(grep -c '^event: event' "$T/$name")" 1
done

# A store that was put in the place of ours: nothing is written where nobody looks.
check "stop" clowder daemon stop
cp "$CLOWDER_HOME/store.db" "$T/store.copy"
replace() {
	cp "$T/store.copy" "$T/store.next"
	rm -f "$CLOWDER_HOME"/store.db-*
	mv "$T/store.next" "$CLOWDER_HOME/store.db"
}
daemon_up
replace
api /api/sync/publish -d '{"event":{"event_type":"todo_added","aggregate_id":"'"$(printf '%032d' 9)"'",
	"aggregate_type":"todo","payload":{"content":"into the void"}}}'
is "another store: refused" "$code" 503
like "with the reason" "$out" "the store was replaced"
wait_for "and the daemon ends" test ! -e "$CLOWDER_HOME/sync-daemon"
for call in /api/sync/trigger /api/events/; do
	daemon_up
	replace
	api "$call" -X "$([ "$call" = /api/events/ ] && echo GET || echo POST)"
	is "another store: $call" "$code" 503
	wait_for "and it ends" test ! -e "$CLOWDER_HOME/sync-daemon"
done
# An older one that was put back, and has come on since: what stands at that place is
# another event.
daemon_up
curl -sN --noproxy '*' --max-time 60 -H \
	"Authorization: Bearer $(sed -n 3p "$CLOWDER_HOME/sync-daemon")" \
	"$daemon_url/api/events/?after=0" >"$T/older" &
pids+=("$!")
check "an event that is lost" clowder todo add "of the lost"
wait_for "is told" grep -q "of the lost" "$T/older"
check "stop" clowder daemon stop
replace
check "others" clowder todo add "other one"
check "in their place" clowder todo add "other two"
daemon_up
curl -sN --noproxy '*' --max-time 60 -H "Last-Event-ID: $(place "$T/older")" -H \
	"Authorization: Bearer $(sed -n 3p "$CLOWDER_HOME/sync-daemon")" \
	"$daemon_url/api/events/" >"$T/newer" &
pids+=("$!")
wait_for "another event at that place is said" grep -q '^event: reset' "$T/newer"
check "stop" clowder daemon stop

daemon_up
replace
check "a command writes into the new one" clowder todo add "in the new store"
wait_for "the daemon hears of it and ends" test ! -e "$CLOWDER_HOME/sync-daemon"
daemon_up

# --- the end ---------------------------------------------------------------------------------------
api /api/shutdown -X POST
is "asked to end" "$code" 200
is "it says so" "$out" '{"status":"stopping"}'
wait_for "and ends" test ! -e "$CLOWDER_HOME/sync-daemon"
like "its log says what it did" "$(cat "$CLOWDER_HOME/sync-daemon.log")" "started: port=$daemon_port"
unlike "and no secret" "$(cat "$CLOWDER_HOME/sync-daemon.log")" 'Bearer|token='
is "which nobody else reads" "$(stat -c %a "$CLOWDER_HOME/sync-daemon.log")" 600

done_testing
