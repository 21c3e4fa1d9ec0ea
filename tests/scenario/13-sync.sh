#!/usr/bin/env bash
# Goal: an exchange says what it did, in the words of the documents; a hub that
# is away loses nothing.
. "$(dirname "$0")/lib.sh"
goal "sync now, sync status"
serve
check "a team" clowder hub team add crew --data "$hub_data"
user ann --team crew

# todos FILE CONTENT...: what an agent leaves, and takes it in
todos() {
	local file=$HOME/$1 list='' each
	shift
	for each; do
		list="$list,{\"content\":\"$each\",\"status\":\"pending\"}"
	done
	mkdir -p "$HOME/.claude/todos"
	printf '[%s]\n' "${list#,}" >"$HOME/.claude/todos/${file##*/}"
	clowder consolidate >/dev/null
}
one=00000000-0000-4000-8000-000000000001-agent-00000000-0000-4000-8000-000000000001.json
digest() { clowder sync status --json | sed -n 's/^  "digest": "\(.*\)",$/\1/p'; }

home a
todos $one first second
exits "before any server" 0 clowder sync status
like "what waits is counted" "$out" '^  Queue        2 events \(oldest (just now|.* ago)\)$'
like "and that nothing went yet" "$out" '^  Last Sync    never$'
exits "a dry run needs no server" 0 clowder sync now --dry-run
is "it says what would go" "$out" 'Would push 2 events
Dry run: nothing was sent'
exits "an exchange does" 1 clowder sync now
like "and says so" "$err" 'no server is configured \(2 events queued\)'
check "a server" clowder sync server "$hub_url"
exits "and a sign-in" 3 clowder sync now
is "says so" "$err" 'clowder: not signed in (2 events queued)
try: clowder auth login'
run bash -c 'echo secret-ann | clowder auth login -u ann --password-stdin'
like "what was made before is the account's" "$out" '^2 events from before wait to be sent: clowder sync now$'

exits "the first exchange" 0 clowder sync now
is "in the words of the documents" "$out" "Syncing with $hub_url...
Pushed 2 events (1 batch)
Pulled 0 new events
Sync complete"
exits "the second" 0 clowder sync now
is "has nothing to do" "$out" "Syncing with $hub_url...
Pushed 0 events (0 batches)
Pulled 0 new events
Sync complete"
exits "status" 0 clowder sync status
is "in the words of the documents" "$(sed 's/State .*/State/' <<<"$out")" "Clowder Sync Status
  Server URL   $hub_url
  Config File  $CLOWDER_HOME/config.toml
  Queue        0 events
  Last Sync    just now
  State
  Connection   Not checked (use --check to test)"
like "with the state" "$out" '^  State        [0-9a-f]{12}$'
exits "as JSON" 0 clowder sync status --json
is "whole" "$(json '[len(d["digest"]), d["queued"], d["refused"], d["state"], sorted(s["team"] for s in d["spaces"])]')" \
	'[64, 0, 0, "in_step", ["ann", "crew"]]'
exits "the other name" 0 spec-kitty sync status
like "has its own title" "$out" '^Spec Kitty Sync Status$'

home b
sign_in ann
exits "another machine" 0 clowder sync now
is "gets all of it" "$out" "Syncing with $hub_url...
Pushed 0 events (0 batches)
Pulled 2 new events
Sync complete"
b=$(digest)
home a
is "to the digit" "$(digest)" "$b"
isnt "and it is not nothing" "$b" "$(printf '%064d' 0)"

# Per event, and as a report.
todos $one first second third
exits "what would go, one by one" 0 clowder sync now -nv
like "is listed" "$out" '^  waiting  [0-9a-f-]{36}  todo_observed [0-9a-f]{32}$'
exits "and nothing went" 0 clowder sync status --json
is "is true" "$(json 'd["queued"]')" 1
exits "with --verbose" 0 clowder sync now --verbose --report "$T/report.json"
like "what went" "$out" '^  pushed   [0-9a-f-]{36}  todo_observed '
out=$(cat "$T/report.json")
is "the report tells the same" "$(json '[d["result"], d["pushed"], d["batches"], [n["fate"] for n in d["notes"]]]')" \
	'["complete", 1, 1, ["pushed"]]'
exits "as JSON" 0 clowder sync now --json
is "on stdout" "$(json '[d["result"], d["pushed"], d["status"]["queued"]]')" '["complete", 0, 0]'
exits "a report that cannot be written" 1 clowder sync now --report /nonexistent/report.json

# The hub goes away.
stop_hub
todos $one first second third fourth
exits "a hub that is away" 5 clowder sync now --report "$T/report.json"
like "a clear line" "$err" "^clowder: Cannot reach server $hub_url: .*refused \(1 event queued\)$"
is "and no other claim" "$out" "Syncing with $hub_url..."
out=$(cat "$T/report.json")
is "the report knows" "$(json '[d["result"], d["error"], d["status"]["queued"]]')" '["failed", "unreachable", 1]'
exits "is seen" 5 clowder sync status --check
like "as the documents say it" "$out" '^  Connection   Unreachable \(.*refused\)$'
like "nothing was lost" "$out" '^  Queue        1 event '
hub_listen=${hub_url#*://}
serve
exits "back again" 0 clowder sync now
like "it goes on" "$out" '^Pushed 1 event \(1 batch\)$'

# Something else answers.
python3 -c '
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"hi")
    do_POST = do_GET
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
s.serve_forever()' >"$T/port" &
pids+=($!)
wait_for "another program serves" test -s "$T/port"
check "it is taken for a hub" clowder sync server "http://127.0.0.1:$(cat "$T/port")"
exits "it is none" 1 clowder sync status --check
like "and that is said" "$out" '^  Connection   Error \('
exits "no password helps" 1 clowder auth login -u ann -p x
like "it is asked" "$err" 'is this a hub'

# Nothing goes where an exchange is under way already.
check "back to the hub" clowder sync server "$hub_url"
python3 - "$CLOWDER_HOME/sync.lock" <<'P' &
import fcntl, os, sys, time
f = open(sys.argv[1], "w")
fcntl.flock(f, fcntl.LOCK_EX)
f.write('{"pid":%d}' % os.getpid())
f.flush()
open(sys.argv[1] + ".held", "w").close()
time.sleep(60)
P
holder=$!
pids+=("$holder")
wait_for "another process talks with the hub" test -e "$CLOWDER_HOME/sync.lock.held"
exits "an exchange waits, then says for whom" 1 clowder sync now
like "by its pid" "$err" "$holder"
kill "$holder"
check "then it goes on" clowder sync now
done_testing
