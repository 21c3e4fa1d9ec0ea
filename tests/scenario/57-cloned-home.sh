#!/usr/bin/env bash
# Goal: a home that was copied with its machine works on in both places: nothing of
# either is lost, the one that comes second takes a new id, and both go on.
. "$(dirname "$0")/lib.sh"
goal "a copied home and its original both go on"

node() { # of the store of this home
	python3 -c 'import sqlite3, sys
print(sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute("SELECT node FROM meta").fetchone()[0])' \
		"$CLOWDER_HOME/store.db"
}
facts() { # of the space: digest, queued, refused
	run clowder sync status --json
	json '[d["digest"], d["queued"], d["refused"]]'
}
todos() {
	run clowder todo list --json
	json 'sorted(t["content"] for t in (d if isinstance(d, list) else d["todos"]))'
}
work() { cd "$HOME/work" || exit 1; }

user ann
serve
home a
git init -q . && git remote add origin https://example.org/ann/shop.git
check "a signs in" sign_in ann
check "a has work" clowder todo add "of before"
check "a syncs" clowder sync now
check "and works on, offline" clowder todo add "not yet synced"
first=$(node)

# The machine is copied, with what waits.
cp -a "$T/a" "$T/b"
home b
work
is "the copy has the same id" "$(node)" "$first"
check "b works" clowder todo add "by the copy"
check "b edits what both have" clowder todo edit "$(clowder todo list --json | python3 -c 'import json, sys
d = json.load(sys.stdin); d = d if isinstance(d, list) else d["todos"]
print([t["id"] for t in d if t["content"] == "of before"][0])')" --priority high
home a
work
for i in 1 2 3; do check "a works" clowder todo add "by the original $i"; done
check "a syncs" clowder sync now
is "nothing waits at a" "$(facts | python3 -c 'import json, sys; print(json.load(sys.stdin)[1:])')" "[0, 0]"
is "a keeps its id" "$(node)" "$first"
home b
work
check "b syncs" clowder sync now
like "it ends as every sync" "$(tail -n 1 <<<"$out")" '^Sync complete'
is "nothing waits at b, nothing is refused" "$(facts | python3 -c 'import json, sys; print(json.load(sys.stdin)[1:])')" "[0, 0]"
second=$(node)
isnt "b has a new id" "$second" "$first"
check "b works on" clowder todo add "by the copy, later"
check "b syncs again" clowder sync now
is "with the same id" "$(node)" "$second"
home a
work
check "a works on" clowder todo add "by the original, later"
check "a syncs" clowder sync now
is "a still has its id" "$(node)" "$first"
of_a=$(todos) digest=$(facts)
home b
work
check "b syncs" clowder sync now
is "both have everything, once" "$(todos)" "$of_a"
is "that is" "$of_a" '["by the copy", "by the copy, later", "by the original 1", "by the original 2", "by the original 3", "by the original, later", "not yet synced", "of before"]'
is "the same digest, nothing waits" "$(facts)" "$digest"
check "b's store verifies" clowder verify
home a
work
check "a's store verifies" clowder verify

# Copied while it had synced everything: the copy is first, the original has to
# take the new id.
cp -a "$T/a" "$T/c"
home c
work
check "c works" clowder todo add "by the second copy"
check "c syncs first" clowder sync now
is "and keeps the id" "$(node)" "$first"
home a
work
check "a works" clowder todo add "by the original, at last"
check "a syncs" clowder sync now
is "nothing waits at a" "$(facts | python3 -c 'import json, sys; print(json.load(sys.stdin)[1:])')" "[0, 0]"
isnt "a has a new id now" "$(node)" "$first"
home c
work
check "c syncs" clowder sync now
home b
work
check "b syncs" clowder sync now
of_b=$(todos) digest=$(facts)
for h in a c; do
	home $h
	work
	check "$h syncs" clowder sync now
	is "$h has what b has" "$(todos)" "$of_b"
	is "$h has b's digest" "$(facts)" "$digest"
done
like "all of it" "$of_b" 'by the original, at last.*by the second copy'
stop_hub
check "the hub reads well" clowder hub verify --data "$hub_data"
done_testing
