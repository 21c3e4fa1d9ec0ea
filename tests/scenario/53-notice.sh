#!/usr/bin/env bash
# Goal: who wrote one side of a conflict is told once, by the next writing command.
. "$(dirname "$0")/lib.sh"
goal "a conflict is said once to who wrote one side"

project() { # the same project on both machines: by its remote
	mkdir -p "$HOME/shop" && cd "$HOME/shop" || exit 1
	[ -d .git ] || { git init -q && git remote add origin https://example.org/ann/shop.git; }
}
give() { clowder export >"$T/given.jsonl"; }
as() { # who is at work in this home
	export CLOWDER_AUTHOR=user:$1
}

home a; project; as ann
wp=$(clowder wp add "Cart page" --feature 001-checkout 2>/dev/null | cat)
[ -n "$wp" ] || { clowder feature add 001-checkout >/dev/null; wp=$(clowder wp add "Cart page" | cat); }
other=$(clowder wp add "Payment" | cat)
give
home b; project; as bob
check "b takes it in" clowder import "$T/given.jsonl"
check "b retitles the cart" clowder wp edit "$wp" --title "The cart"
unlike "nothing to say to b" "$err" "note:"
home a; project; as ann
check "a retitles it, too" clowder wp edit "$wp" --title "Cart with totals"
unlike "nothing to say yet" "$err" "note:"
home b; project; give
home a; project; as ann
check "a takes b's work in" clowder import "$T/given.jsonl"
run clowder board
unlike "a reading command says nothing" "$err" "note:"
check "the next writing command" clowder wp move "$other" claimed --actor ann
like "says who changed what" "$err" "^note: bob changed title of 001-checkout/$wp at the same time as you; see .clowder conflicts show [0-9a-f]{8}.\$"
id=$(sed -n 's/.*conflicts show \([0-9a-f]*\).*/\1/p' <<<"$err")
check "what it names is there" clowder conflicts show "$id"
check "the one after" clowder wp move "$other" in_progress
unlike "says nothing" "$err" "note:"

# Two at once, in more arrivals than are looked at one by one.
home b; project; as bob
check "b renames the other" clowder wp edit "$other" --title "Pay"
clowder wp edit "$wp" --priority low >/dev/null
for i in $(seq 1 130); do
	printf '%s\n' "wp edit $wp --description d$i" "wp edit $other --description d$i"
done | xargs -P 1 -L 1 clowder >/dev/null
give
home a; project; as ann
check "a renames it" clowder wp edit "$other" --title "Paying"
check "and ranks the cart" clowder wp edit "$wp" --priority high
check "takes b's work in" clowder import "$T/given.jsonl"
check "the next writing command counts" clowder todo add "tea"
like "how many there are" "$err" '^note: 2 conflicts involve what you wrote; see .clowder conflicts list.$'
check "once" clowder todo add "more tea"
unlike "and no more" "$err" "note:"

# What was settled meanwhile needs no word.
home b; project; as bob
clowder wp edit "$wp" --title "B again" >/dev/null
give
home a; project; as ann
clowder wp edit "$wp" --title "A again" >/dev/null
check "a takes another one in" clowder import "$T/given.jsonl"
give
home b; project; as bob
clowder import "$T/given.jsonl" >/dev/null
clowder wp edit "$wp" --title "Settled" >/dev/null 2>&1
give
home a; project; as ann
check "and what settles it" clowder import "$T/given.jsonl"
check "the next writing command" clowder todo add "settled tea"
unlike "has nothing to say" "$err" "note:"

# Of others' conflicts nothing is said.
home c; project; as cid
check "c takes all in" clowder import "$T/given.jsonl"
home a; project; give
home c; project; as cid
clowder todo add "mine" >/dev/null
check "and what a wrote" clowder import "$T/given.jsonl"
check "c writes" clowder todo add "milk"
unlike "it is none of c's" "$err" "note:"
done_testing
