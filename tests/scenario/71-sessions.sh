#!/usr/bin/env bash
# Goal: agents say that they are at work, and everybody sees who works on what.
. "$(dirname "$0")/lib.sh"
goal "sessions see each other, also those of other machines"

unset CLOWDER_SESSION_ID CLAUDECODE CLAUDE_CODE_SESSION_ID CLAUDE_SESSION_ID
project() {
	mkdir -p "$HOME/$1" && cd "$HOME/$1" || exit 1
	[ -d .git ] || { git init -q && git remote add origin "https://example.org/ann/$1.git"; }
}
events() { # of sessions in the log
	clowder log --limit 0 --json --all | grep -c '"type":"session_'
}
one() { # ID EXPRESSION: of a session
	run clowder session show "$1" --json
	json "$2"
}
set_back() { # MINUTES: of the session's record, its file and what it says of the log
	local f
	for f in "$CLOWDER_HOME"/local/sessions/*; do
		python3 - "$f" "$1" <<-'PY'
		import json, os, sys, time
		path, back = sys.argv[1], int(sys.argv[2]) * 60
		d = json.load(open(path))
		d["logged_ms"] = int((time.time() - back) * 1000)
		open(path, "w").write(json.dumps(d))
		os.utime(path, (time.time() - back, time.time() - back))
		PY
	done
}

home a; project shop
export CLOWDER_AUTHOR=user:ann

# --- nothing yet ----------------------------------------------------------------------
run clowder session list
is "nobody" "$out" "No sessions"
run clowder session list --json
is "nobody for programs" "$(json 'd')" '{"active_sessions": [], "stale_sessions": []}'
is "and nothing was made" "$(ls -A "$CLOWDER_HOME" 2>/dev/null)" ''
exits "the end of one that is not known" 1 clowder session end --id nosuch
exits "a beat of one that is not known" 1 clowder session beat --id nosuch
like "with what helps" "$err" 'session list --all'
exits "show of one that is not known" 1 clowder session show nosuch
exits "a beat of nobody" 2 clowder session beat
exits "the end of nobody" 2 clowder session end

# --- start, twice -----------------------------------------------------------------------
run clowder session start --agent codex
is "start" "$code" 0
id=$out
like "prints the new id alone" "$id" '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
is "one event" "$(events)" 1
run clowder session start --agent codex --id "$id"
is "again: the same id" "$out" "$id"
is "and no event" "$(events)" 1
is "live, here" "$(one "${id:0:13}" '[d["state"], d["here"], d["agent"], d["active_todos"], d["pid"]]')" \
	'["live", true, "codex", 0, null]'
is "where it runs" "$(one "$id" 'd["cwd"].endswith("/shop")')" true
is "on which device" "$(one "$id" 'd["device"]')" "$(python3 -c 'import socket; print(socket.gethostname())')"

# --- what it does ------------------------------------------------------------------------
export CLOWDER_SESSION_ID=$id
clowder feature add 001-checkout >/dev/null
wp=$(clowder wp add "Cart page" | cat)
other=$(clowder wp add "Payment" | cat)
todo=$(clowder todo add "Ask about taxes" | cat)
is "nothing is in progress" "$(one "$id" 'd["active_items"]')" '[]'
clowder wp move "$wp" claimed >/dev/null
clowder wp move "$wp" doing >/dev/null
clowder todo start "$todo" >/dev/null
run clowder log --limit 1 --json
is "what is written names the session" "$(json 'd["session"]')" "$id"
is "what it put into progress is its own" \
	"$(one "$id" '[d["active_todos"], sorted(i["title"] for i in d["active_items"])]')" \
	'[1, ["Ask about taxes", "Cart page"]]'
run clowder session list
like "the list says so" "$out" "^$id +codex +.* \(here\) +live +just now +WP01, “Ask about taxes”\$"
unset CLOWDER_SESSION_ID
clowder session start --agent claude --id build-7 >/dev/null
clowder wp move "$other" claimed >/dev/null
is "what nobody says is nobody's" "$(one build-7 'd["active_items"]')" '[]'
clowder wp assign "$other" claude/build-7 >/dev/null
is "what is assigned to it is its own" "$(one build-7 'd["active_items"][0]["id"]')" "001-checkout/$other"
clowder wp assign "$wp" claude/build-7 >/dev/null
is "also what another moved" "$(one build-7 'len(d["active_items"])')" 2
clowder todo done "$todo" >/dev/null
is "what is done is over" "$(one "$id" 'd["active_todos"]')" 0

# --- beats -------------------------------------------------------------------------------
had=$(events)
check "a beat" clowder session beat --id build-7
is "stays here" "$(events)" "$had"
run clowder session beat --id build-7 --json
is "and says so" "$(json '[d["logged"], d["agent"]]')" '[false, "claude"]'
set_back 14
check "within a quarter of an hour" clowder session beat --id build-7
is "likewise" "$(events)" "$had"
is "but it is known here" "$(one build-7 'd["last_activity"]' | cut -c1-10)" "$(date -u +%F)"
set_back 16
check "after it" clowder session beat --id build-7
is "it is logged" "$(events)" $((had + 1))
check "once" clowder session beat --id build-7
is "and no more" "$(events)" $((had + 1))
before=$(clowder debug dump 2>/dev/null | sha256sum)
stat -c %Y.%y "$CLOWDER_HOME/doorbell" >"$T/bell"
clowder session beat --id build-7
isnt "a beat rings" "$(stat -c %Y.%y "$CLOWDER_HOME/doorbell")" "$(cat "$T/bell")"
is "and leaves the store alone" "$(clowder debug dump 2>/dev/null | sha256sum)" "$before"
set_back 3
CLOWDER_SESSION_ID=build-7 clowder todo add "a sign of life" >/dev/null
like "a command that writes is one, too" \
	"$(clowder session list | grep build-7)" 'just now'

# --- stale ----------------------------------------------------------------------------------
printf '[session]\nstale_after = "2h"\n' >"$CLOWDER_HOME/config.toml"
is "not yet stale" "$(one build-7 'd["state"]')" live
printf '[session]\nstale_after = "0s"\n' >"$CLOWDER_HOME/config.toml"
is "0 is never" "$(one build-7 'd["state"]')" live

# --- processes --------------------------------------------------------------------------------
exits "a process that is none" 1 clowder session start --id p1 --pid 4194305
exits "no number" 2 clowder session start --id p1 --pid x
mkfifo "$T/hold"
bash -c 'read -r _ <"$1"' _ "$T/hold" &
pid=$!
check "one that is" clowder session start --id p1 --agent codex --pid "$pid"
is "is live" "$(one p1 '[d["state"], d["pid"]]')" "[\"live\", $pid]"
echo >"$T/hold"
wait "$pid"
is "gone, it has ended" "$(one p1 '[d["state"], d["reason"]]')" '["ended", "its process is gone"]'
run clowder session list
unlike "and is not listed" "$out" '^p1'
run clowder session list --all
like "but among all" "$out" '^p1 .*ended'
had=$(events)
check "the next one that starts" clowder session start --id p2 --agent codex
is "says it to all" "$(events)" $((had + 2))
is "for good" "$(one p1 '[d["state"], d["reason"]]')" '["ended", "its process is gone"]'
is "its record went" "$(grep -l '"p1"' "$CLOWDER_HOME"/local/sessions/* | wc -l | tr -d ' ')" 0
lasting() { # a process until something is written to $T/hold; $pid
	bash -c 'read -r _ <"$1"' _ "$T/hold" &
	pid=$!
}
lasting
clowder session start --id p3 --agent codex --pid "$pid" >/dev/null
echo >"$T/hold"
wait "$pid"
lasting
check "gone, it begins anew as another process" clowder session start --id p3 --agent codex --pid "$pid"
is "which is known" "$(one p3 '[d["state"], d["pid"]]')" "[\"live\", $pid]"
clowder session end --id p3 >/dev/null
echo >"$T/hold"
wait "$pid"

# --- end --------------------------------------------------------------------------------------
had=$(events)
check "end" clowder session end --id p2 --reason "all green"
is "one event" "$(events)" $((had + 1))
is "with its reason" "$(one p2 '[d["state"], d["reason"]]')" '["ended", "all green"]'
check "again" clowder session end --id p2
like "says so" "$out" '^Had ended already'
is "and writes nothing" "$(events)" $((had + 1))
exits "a beat of one that ended" 4 clowder session beat --id p2
like "says how it begins again" "$err" 'session start --id p2'
check "which it does" clowder session start --id p2 --agent codex
is "live again, without the reason" "$(one p2 '[d["state"], d["reason"]]')" '["live", null]'
check "an end by the beginning of an id" clowder session end --id "${id:0:13}"
is "ended it" "$(one "$id" 'd["state"]')" ended

# --- two of one id -----------------------------------------------------------------------------
clowder session start --id main --agent codex >/dev/null
clowder session start --id main --agent claude >/dev/null
exits "a beat of either" 4 clowder session beat --id main
exits "an end of either" 4 clowder session end --id main
exits "show of either" 4 clowder session show main
run clowder session show main --agent claude --json
is "of the one that is named" "$(json 'd["agent"]')" claude
check "of one" clowder session beat --id main --agent codex
check "the end of one" clowder session end --id main --agent codex
check "leaves the other" clowder session beat --id main

exits "of another agent" 1 clowder session beat --id main --agent nosuch
like "it is named" "$err" 'no session main of nosuch'
had=$(events)
exits "an end of another agent's" 1 clowder session end --id main --agent codex-2
exits "by the beginning of its id" 1 clowder session end --id mai --agent codex-2
like "it is named as well" "$err" 'no session mai of codex-2'
is "ends none" "$(events)" "$had"
check "an agent decides between beginnings" clowder session start --id mail --agent codex
check "of one alone" clowder session end --id mai --agent claude
is "the right one" "$(one mail 'd["state"]')" live

# --- at once -----------------------------------------------------------------------------------
clowder session start --id many --agent codex >/dev/null
set_back 16
had=$(events)
beats=()
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	clowder session beat --id many --json >>"$T/beats" &
	beats+=("$!")
done
for pid in "${beats[@]}"; do wait "$pid" || result 1 "a beat of many"; done
is "of many beats that are due one is logged" "$(grep -c '"logged": true' "$T/beats")" 1
is "and no more" "$(events)" $((had + 1))

# --- no place for its record ---------------------------------------------------------------------
had=$(events)
mv "$CLOWDER_HOME/local/sessions" "$T/aside"
for kind in file pipe; do
	if [ "$kind" = pipe ]; then mkfifo "$CLOWDER_HOME/local/sessions"; else
		: >"$CLOWDER_HOME/local/sessions"
	fi
	exits "a $kind in the way of records" 4 clowder session start --id lost --agent codex
	is "$kind: then nothing has begun" "$(events)" "$had"
	rm "$CLOWDER_HOME/local/sessions"
done
mv "$T/aside" "$CLOWDER_HOME/local/sessions"
check "it begins where there is none" clowder session start --id lost --agent codex

# --- the agent that says it itself ---------------------------------------------------------------
CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=c-1 CLOWDER_AUTHOR='' run clowder session start
is "Claude Code names both" "$out $(one c-1 'd["agent"]')" "c-1 claude"
CLOWDER_AUTHOR=agent:aider/9 run clowder session start --id a-9
is "so does an author" "$(one a-9 'd["agent"]')" aider

# --- from elsewhere --------------------------------------------------------------------------------
clowder export >"$T/a.jsonl"
home b; project shop
CLOWDER_AUTHOR=user:bob clowder import "$T/a.jsonl" >/dev/null
run clowder session list --json
is "another machine sees it" \
	"$(json '[(s["here"], s["state"], s["active_todos"], len(s["active_items"])) for s in d["active_sessions"] if s["session_id"] == "build-7"]')" \
	'[[false, "live", 0, 2]]'
had=$(events)
exits "but a beat is for the machine where it is" 1 clowder session beat --id build-7
is "says so" "$err" "clowder: session build-7 is at work on $(python3 -c 'import socket; print(socket.gethostname())')"
is "and writes nothing" "$(events)" "$had"
is "nor is it here then" "$(one build-7 'd["here"]')" false
run clowder session start --id lost --agent codex --json
is "who goes on with it here" "$(json 'd["started"]')" true
is "begins it anew" "$(events) $(one lost 'd["here"]')" "$((had + 1)) true"
check "and beats" clowder session beat --id lost
check "and can end it" clowder session end --id build-7 --reason "left behind"
is "so it is" "$(one build-7 'd["state"]')" ended
printf '[session]\nstale_after = "1s"\n' >"$CLOWDER_HOME/config.toml"
wait_for "who is silent for long is stale" \
	eval 'clowder session list --json | grep -q "\"stale_sessions\": \[$"'
home a; project shop

# --- hostile words ------------------------------------------------------------------------------------
exits "two words" 2 clowder session start --id "a b"
exits "a control character" 2 clowder session start --id "$(printf 'a\033b')"
exits "too long" 4 clowder session start --id "$(printf 'x%.0s' $(seq 129))"
exits "an agent with a colon" 2 clowder session start --agent a:b
exits "an agent of nothing" 2 clowder session start --agent ''
CLOWDER_SESSION_ID='a b' exits "a variable of two words" 2 clowder todo add x
CLOWDER_SESSION_ID=$(printf 'x%.0s' $(seq 129)) exits "a long one" 2 clowder todo add x
printf 'no JSON' >"$CLOWDER_HOME/local/sessions/0123456789abcdef0123456789abcdef"
check "a record that is none is passed over" clowder session list
python3 - >"$T/odd.jsonl" <<PY
import json
head = json.loads(open("$T/a.jsonl").readline())
lines = [json.loads(x) for x in open("$T/a.jsonl")][1:]
s = next(x for x in lines if x["event_type"] == "session_started") if "event_type" in lines[0] else next(x for x in lines if x["type"] == "session_started")
print(json.dumps(head))
s = json.loads(json.dumps(s))
key = "event_id" if "event_id" in s else "id"
s[key] = s[key][:-4] + "beef"
s["aggregate_id"] = "odd\u001b[31m"
s["payload"] = {"session_id": "x", "host": "h\u0007", "cwd": 7, "state": [1], "last_heartbeat": {"a": 1}}
for m in ("node_seq", "replaces"):
    if m in s: s[m] = 999999 if m == "node_seq" else []
print(json.dumps(s))
PY
run clowder import "$T/odd.jsonl"
run clowder session list --all
is "odd ones do not harm" "$code" 0
is "nor reach the terminal" "$(printf '%s' "$out" | LC_ALL=C grep -c $'[\x01-\x08\x0b-\x1f\x7f]')" 0
done_testing
