#!/usr/bin/env bash
# Goal: one event in a thousand that the hub refuses does not hold up the others:
# 999 are acked, the one is shown with its reason, and the next sync goes on.
. "$(dirname "$0")/lib.sh"
goal "one refused event among a thousand"

user ann
serve
home a
check "a signs in" sign_in ann
check "a has a project" clowder init --slug shop

# A thousand events of another program; one is refused by every hub: its payload
# does not fit.
python3 - >"$T/events.jsonl" <<'P'
import json
for i in range(1000):
    payload = {"content": "todo %d" % i}
    if i == 500:
        payload = {"content": 7}
    print(json.dumps({
        "event_id": "00000000-0000-7000-8000-%012x" % i,
        "event_type": "todo_added", "aggregate_type": "todo",
        "aggregate_id": "%032x" % i, "lamport_clock": i + 1,
        "node_id": "other", "node_seq": i + 1, "replaces": [],
        "timestamp": "2026-01-02T03:04:05Z", "payload": payload}))
P
run clowder export
head=$(head -n 1 <<<"$out")
{ printf '%s\n' "$head"; cat "$T/events.jsonl"; } >"$T/import.jsonl"
check "they are imported" clowder import "$T/import.jsonl"
exits "sync says that one was refused" 1 clowder sync now
like "in its last line" "$(tail -n 1 <<<"$out")" '^Partial sync: [0-9]+ pushed, 1 refused \(see sync diagnose\)$'
exits "diagnose" 0 clowder sync diagnose
like "shows the one" "$out" '00000000-0000-7000-8000-0000000001f4|schema_mismatch'
like "with its reason" "$out" 'content'
run clowder sync status --json
is "nothing else waits" "$(json 'd["queued"] if "queued" in d else d["unacked"]')" 0
check "new work goes through" clowder todo add "Later"
run clowder sync now
like "and is pushed" "$out" '^Pushed 1 event'
done_testing
