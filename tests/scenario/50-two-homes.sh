#!/usr/bin/env bash
# Goal: two machines of one person work offline on the same things and converge
# through a hub: same digest, same board, same conflicts, nothing queued.
. "$(dirname "$0")/lib.sh"
goal "two homes work offline and converge"

"$CLOWDER" hub team add crew --data "$hub_data" >/dev/null
user ann --team crew
serve
project() { # the same project on both machines: by its remote
	mkdir -p "$HOME/shop" && cd "$HOME/shop" || exit 1
	[ -d .git ] || { git init -q && git remote add origin https://example.org/ann/shop.git; }
}
status_field() {
	run clowder sync status --json
	json "$1"
}

home a
project
check "a signs in" sign_in ann
check "a creates a feature" clowder feature add 001-checkout --title "Checkout"
wp=$(clowder wp add "Cart page" --feature 001-checkout | cat)
like "wp add prints the id alone" "$wp" '^WP01-[a-z0-9]{3}$'
check "a adds a todo" clowder todo add "Ask about taxes"
check "a syncs" clowder sync now
like "it says what it pushed" "$out" '^Pushed [0-9]+ events? \([0-9]+ batch'
is "and ends with the truth" "$(tail -n 1 <<<"$out")" "Sync complete"

home b
project
check "b signs in" sign_in ann
check "b syncs" clowder sync now
like "it pulled" "$out" '^Pulled [0-9]+ new events?$'
check "b sees the work package" clowder wp show "$wp"

stop_hub
home a; project
check "a retitles the work package" clowder wp edit "$wp" --title "Cart page, with totals"
check "a claims it" clowder wp move "$wp" claimed --actor ann
check "a starts it" clowder wp move "$wp" in_progress
check "a adds another" clowder wp add "Payment" --feature 001-checkout
check "a finishes the todo" clowder todo done "$(clowder todo list --json | python3 -c 'import json,sys; d=json.load(sys.stdin); d=d if isinstance(d,list) else d["todos"]; print(d[0]["id"])')"
exits "the hub is away" 5 clowder sync now
like "and that is said" "$err$out" "Cannot reach server"
isnt "everything is kept and counted" "$(status_field 'd["queued"]')" 0

home b; project
check "b retitles the same one" clowder wp edit "$wp" --title "The cart"
check "b blocks it" clowder wp move "$wp" blocked
check "b adds another as well" clowder wp add "Shipping" --feature 001-checkout

hub_pid=''
serve
home a; project
check "a syncs" clowder sync now
home b; project
check "b syncs" clowder sync now
home a; project
check "a syncs again" clowder sync now

# What is the same everywhere; "own" and the like are each machine's view.
rows='[[c[k] for k in ("id", "key", "field", "state", "shown")] for c in d["conflicts"]]'
home a; project
digest_a=$(status_field 'd["digest"]')
queued_a=$(status_field 'd["queued"]')
run clowder board --json; board_a=$out
run clowder conflicts list --json; conflicts_a=$(json "$rows")
home b; project
digest_b=$(status_field 'd["digest"]')
queued_b=$(status_field 'd["queued"]')
run clowder board --json; board_b=$out
run clowder conflicts list --json; conflicts_b=$(json "$rows")
is "the same digest" "$digest_a" "$digest_b"
like "of 64 digits" "$digest_a" '^[0-9a-f]{64}$'
is "nothing queued at a" "$queued_a" 0
is "nothing queued at b" "$queued_b" 0
is "the boards are equal" "$board_a" "$board_b"
is "the conflicts are the same" "$conflicts_a" "$conflicts_b"
like "the titles are one of them" "$conflicts_a" '"title"'
like "the lanes are another" "$conflicts_a" '"lane"'

check "once more" clowder sync now
like "pushes nothing" "$out" '^Pushed 0 events'
like "and pulls nothing" "$out" '^Pulled 0 new events'
check "the store verifies" clowder verify
check "and rebuilds to the same" clowder rebuild
is "the same digest" "$(status_field 'd["digest"]')" "$digest_a"
stop_hub
is "the hub ends in order" "$hub_code" 0
done_testing
