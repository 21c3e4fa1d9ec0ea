#!/usr/bin/env bash
# Goal: one event in a thousand that the hub refuses does not hold up the others:
# 999 are acked, the one is shown with its reason, and the next sync goes on.
. "$(dirname "$0")/lib.sh"
goal "one refused event among a thousand"
here=$(cd "$(dirname "$0")" && pwd)

user ann
serve
echo 'every spoil:todo_500 /api/v1/events/batch' >"$T/plan"
python3 "$here/../lib/fault_proxy.py" "$hub_url" "$T/plan" >"$T/proxy.out" &
pids+=("$!")
wait_for "the proxy serves" grep -q http "$T/proxy.out"
hub_url=$(cat "$T/proxy.out")

home a
check "a signs in" sign_in ann
check "a has a project" clowder init --slug shop

# A thousand events of another program.  The proxy spoils one on its way.
run clowder export
head -n 1 <<<"$out" >"$T/import.jsonl"
python3 - >>"$T/import.jsonl" <<'P'
import json
for i in range(1000):
    print(json.dumps({
        "event_id": "00000000-0000-7000-8000-%012x" % i,
        "event_type": "todo_added", "aggregate_type": "todo",
        "aggregate_id": "%032x" % i, "lamport_clock": i + 1,
        "node_id": "other", "node_seq": i + 1, "replaces": [],
        "timestamp": "2026-01-02T03:04:05Z",
        "payload": {"content": "todo %d" % i}}))
P
check "they are imported" clowder import "$T/import.jsonl"
exits "sync says that one was refused" 1 clowder sync now
like "in its last line" "$(tail -n 1 <<<"$out")" \
	'^Partial sync: [0-9]+ pushed, 1 refused \(see sync diagnose\)$'
run clowder sync status --json
is "nothing else waits" "$(json 'd["queued"]')" 0
is "one is counted as refused" "$(json 'd["refused"]')" 1
exits "diagnose says so too" 1 clowder sync diagnose
like "names the one" "$out" '1f4'
like "with its reason" "$out" 'content must be a string'
check "new work goes through" clowder todo add "Later"
run clowder sync now
like "and is pushed" "$out" '^Pushed [0-9]+ events?'
run clowder sync status --json
is "nothing waits" "$(json 'd["queued"]')" 0

# Whoever else pulls has the 999 and what came after.
home b
check "b signs in" sign_in ann
check "b syncs" clowder sync now
run clowder todo list --all-projects --json
is "b has what was accepted" "$(json 'len(d if isinstance(d, list) else d["todos"])')" 1000
done_testing
