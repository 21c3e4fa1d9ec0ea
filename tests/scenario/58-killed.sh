#!/usr/bin/env bash
# Goal: kill -9 of a hub while it takes batches, and of commands while they write:
# every acknowledged event is there once, the store verifies, and the next one goes
# on. $CLOWDER_KILLS times each (`./dev kill` does it a hundred times).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "killed at any moment"
here=$(cd "$(dirname "$0")" && pwd)
times=${CLOWDER_KILLS:-5}
seed=${CLOWDER_SEED:-$((RANDOM + 1))}
echo "# seed $seed, $times times each"
verified=$(((times + 9) / 10))
said() { sed 's/^/# /' "$T/said"; }

# --- the hub
user ann
serve
token ann
stop_hub
python3 "$here/killed.py" hub "$times" "$seed" "$hub_data" "$hub_listen" "$access" >"$T/found" 2>"$T/said"
said
is "a hub that is killed loses nothing that it acknowledged" "$(cat "$T/found")" \
	"killed $times, verified $verified, lost 0, doubled or missing numbers 0, wrong 0, ended 0, whole True"

# --- commands, one of them an exchange with the hub
serve
home a
check "a project" clowder init
check "a feature" clowder feature add shop
check "signed in" sign_in ann
python3 "$here/killed.py" commands "$times" "$seed" "$T" >"$T/found" 2>"$T/said"
said
is "neither does a command" "$(cat "$T/found")" \
	"killed $times, verified $verified, lost 0, doubled 0, whole True"
check "what is there goes to the hub" clowder sync now
digest() { clowder sync status --json | sed -n 's/^  "digest": "\(.*\)",$/\1/p'; }
events() { clowder sync status --json | sed -n '0,/^  "events": /s/^  "events": \(.*\),$/\1/p'; }
is "all of it" "$(clowder sync status --json | sed -n 's/^  "queued": \(.*\),$/\1/p')" 0
first="$(digest) $(events)"
home b
check "another home" sign_in ann
check "takes it" clowder sync now
cp -r "$T/a/work/.clowder" .
is "and has the same" "$(digest) $(events)" "$first"
check "whole" clowder verify
stop_hub
is "the hub stops in order" "$hub_code" 0
check "and is whole" clowder hub verify --data "$hub_data"
done_testing
