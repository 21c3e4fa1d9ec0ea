#!/usr/bin/env bash
# Goal: at the edge of every limit, and for every odd form of numbers, ids, paths and
# lengths, a hub says one known thing: tests/scenario/edges.expected.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "edges"
here=$(cd "$(dirname "$0")" && pwd)
user ann
serve
token ann
check "all of it is asked" python3 "$here/edges.py" "$hub_url" "$access"
cp "$T/.out" "$T/got"
while IFS= read -r want && IFS= read -ru 3 got; do
	is "${want%: *}" "$got" "$want"
done <"$here/edges.expected" 3<"$T/got"
is "and no more" "$(grep -c '' "$T/got")" "$(grep -c '' "$here/edges.expected")"

with "$access"
answers "what was taken can be pulled" 200 "/api/v1/events/?limit=1"
home reader
check "and is taken in elsewhere" sign_in ann
check "whole" clowder sync now
check "and verifies" clowder verify
run clowder sync status --json
here_is=$(json 'd["spaces"][0]["digest"]')
ask /api/v1/snapshot/
is "with the same state" "$here_is" "$(json 'd["state_hash"]')"
stop_hub
is "the hub stops in order" "$hub_code" 0
unlike "nothing went wrong inside" "$(grep -v ' info ' "$T/hub.log")" .
done_testing
