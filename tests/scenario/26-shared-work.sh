#!/usr/bin/env bash
# Goal: a project goes to a team with its history; two people move one thing at
# once, both see the same conflict, who wrote one side is told, and settling it
# settles it everywhere.  Where several teams have a project one is chosen.
. "$(dirname "$0")/lib.sh"
goal "shared work"
here=$(cd "$(dirname "$0")" && pwd)
"$CLOWDER" hub team add crew --data "$hub_data" >/dev/null
user ann --team crew
user bob --team crew
"$CLOWDER" hub team add rivals --data "$hub_data" >/dev/null
user ina --team rivals
user eve --team rivals
serve
project() { # the same project for everybody: by its remote
	mkdir -p "$HOME/shop" && cd "$HOME/shop" || exit 1
	[ -d .git ] || { git init -q && git remote add origin https://example.org/ann/shop.git; }
}
digest() { clowder sync status --json | sed -n 's/^  "digest": "\(.*\)",$/\1/p'; }

home a; project
check "ann signs in" sign_in ann
exits "nothing to share yet" 1 clowder project share . crew
check "a feature" clowder feature add checkout
wp=$(clowder wp add "Cart" --tag a,b | cat)
other=$(clowder wp add "Payment" | cat)
check "a todo" clowder todo add "Ask about taxes"
exits "no such team" 1 clowder project share . nobody
like "which there are" "$err" "'nobody' is no team of yours; your teams: .*crew"
exits "no such project" 1 clowder project share nothing crew
exits "another team has nothing of it" 4 clowder project use . crew
like "so it is shared first" "$err" "has nothing of shop: share it first"
exits "where it is" 4 clowder project share . ann
exits "shared" 0 clowder project share shop crew --json
is "with its whole log" "$(json '[d["slug"], d["team"], d["events"]]')" '["shop", "crew", 6]'
exits "twice" 4 clowder project share . crew
exits "it is in the team now" 0 clowder project list --json
is "here" "$(json '[(p["slug"], p["team"], p["here"]) for p in d["projects"]]')" '[["shop", "crew", true]]'
exits "its work is" 0 clowder wp list --json
is "as before" "$(json '[w["title"] for w in d["work_packages"]]')" '["Cart", "Payment"]'
check "sent" clowder sync now

home b; project
check "bob signs in" sign_in bob
check "and syncs" clowder sync now
exits "bob sees the board" 0 clowder board --json
is "of the team" "$(json '[len(d["features"][0]["lanes"]["planned"]), d["features"][0]["packages"], len(d["todos"])]')" '[2, 2, 1]'
check "bob takes the cart" clowder wp move "$wp" claimed --actor bob
check "and retitles it" clowder wp edit "$wp" --title "The cart" --add-tag c --remove-tag a
home a; project
check "ann cancels it meanwhile" clowder wp move "$wp" canceled
check "and retitles it" clowder wp edit "$wp" --title "Cart page" --add-tag d --remove-tag b
check "and syncs" clowder sync now
home b; project
check "bob syncs" clowder sync now
exits "his next move" 0 clowder wp move "$other" claimed
like "tells him" "$err" "^note: 2 conflicts involve what you wrote; see .clowder conflicts list.\$"
exits "the one after" 0 clowder wp move "$other" in_progress
is "does not" "$err" ""
check "bob syncs" clowder sync now
home a; project
check "ann syncs" clowder sync now
exits "both conflicts" 0 clowder conflicts list --json
is "have their sides" "$(json 'sorted((c["field"], c["state"], sorted(s["who"] for s in c["sides"]),
	sum(s["shown"] for s in c["sides"])) for c in d["conflicts"])')" \
	'[["lane", "open", ["ann", "bob"], 1], ["title", "open", ["ann", "bob"], 1]]'
title=$(json '[c["id"] for c in d["conflicts"] if c["field"] == "title"][0]')
shown=$(json '[s["value"] for c in d["conflicts"] if c["field"] == "title" for s in c["sides"] if s["shown"]][0]')
exits "in a table" 0 clowder conflicts list
like "the side that is shown comes first" "$out" "[Tt]itle +[^|]*\\* $shown +\\|"
exits "the one of the title" 0 clowder conflicts show "${title:0:8}"
like "says what is shown" "$out" "^  Shown now  $shown\$"
like "and by which rule" "$out" '^  Rule       the latest write is shown, by stamps and not by clocks$'
exits "which the list shows as well" 0 clowder wp list --json
is "it" "$(json '[w["title"] for w in d["work_packages"]][0]')" "$shown"
exits "no such conflict" 1 clowder conflicts show "${title:0:8}x"
exits "tags go together" 0 clowder wp show "$wp" --json
is "without a conflict" "$(json 'd["tags"]')" '["c", "d"]'
exits "ann settles it" 0 clowder wp edit "$wp" --title "Cart page"
check "and the lane" clowder wp move "$wp" canceled --force --reason "not now"
exits "nothing is open" 0 clowder conflicts list --json
is "any more" "$(json 'd["conflicts"]')" '[]'
exits "what was settled is kept" 0 clowder conflicts list --all --json
is "as resolved" "$(json 'sorted(set(c["state"] for c in d["conflicts"]))')" '["resolved"]'
check "ann syncs" clowder sync now
one=$(digest)
home b; project
check "bob syncs" clowder sync now
is "and sees the same" "$(digest)" "$one"
exits "for him too" 0 clowder conflicts list --json
is "nothing is open" "$(json 'd["conflicts"]')" '[]'
check "done" clowder wp move "$other" for_review
check "at last" clowder wp move "$other" done
exits "the board" 0 clowder board --json
is "counts what is done, and not what is canceled" "$(json '[d["features"][0]["packages"], d["features"][0]["done"]]')" '[1, 1]'
exits "the log, one line" 0 clowder log -n 1
is "and its heading" "$(grep -c '' <<<"$out")" 2
exits "three" 0 clowder log -n 3 --json
is "lines" "$(wc -l <"$T/.out")" 3
check "bob syncs" clowder sync now

# Somebody worked on a clone before the team had it.
home c; project
check "work of one's own" clowder todo add "Mine, before"
check "bob signs in there" sign_in bob
check "and syncs" clowder sync now
exits "two teams have it" 0 clowder todo list --json
like "which is said" "$err" "^note: this project is in several teams; 'bob' is used until .clowder project use. chooses\$"
is "the private one is used" "$(json '[t["content"] for t in d["todos"]]')" '["Mine, before"]'
exits "one is chosen" 0 clowder project use . crew
is "and named" "$out" "From now on this machine works on shop in the team crew"
exits "from now on" 0 clowder todo list --json
is "nothing is to be said" "$err" ""
is "and the team's work is shown" "$(json '[t["content"] for t in d["todos"]]')" '["Ask about taxes"]'
check "back" clowder project use . bob
exits "is back" 0 clowder todo list --json
is "too" "$(json '[t["content"] for t in d["todos"]]')" '["Mine, before"]'
exits "and shared after all" 0 clowder project share . crew
exits "both are there" 0 clowder todo list --json
is "in one place" "$(json 'sorted(t["content"] for t in d["todos"])')" '["Ask about taxes", "Mine, before"]'
is "without a question" "$err" ""

# A name of its own.
exits "another name" 0 clowder init --slug store
exits "is told" 0 clowder project list --json
is "to others" "$(json '[p["slug"] for p in d["projects"]]')" '["store"]'
exits "the file says it now" 4 clowder init --slug other
exits "again" 0 clowder init
like "is nothing new" "$out" '^Already a project: store in '
check "the store is whole" clowder verify

# A conflict of two others is theirs.
home d; project
wp=$(clowder feature add mine >/dev/null && clowder wp add "Mine" | cat)
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 - "$T/theirs.jsonl" "$wp" \
	"$(clowder project list --json | sed -n 's/.*"uuid": "\(.*\)",/\1/p')" <<'P'
import sys
from events import *
def wp(kind, node, **payload):
    return event(kind, "work_package", "001-mine/WP09", dict({"wp_id": "WP09", "feature_slug": "001-mine"},
                 **payload), node=node * 32, project=sys.argv[3])
export(sys.argv[1], [wp("wp_created", "a", title="T"), wp("wp_updated", "b", title="U"), wp("wp_updated", "c", title="V")])
P
check "two others disagree" clowder import "$T/theirs.jsonl"
exits "here it is a conflict" 0 clowder conflicts list --json
is "of theirs" "$(json 'len(d["conflicts"])')" 1
exits "my next move" 0 clowder wp move "$wp" claimed
is "has nothing to be told" "$err" ""

# A file from somebody says that a private project was shared.  That is not the
# word of its owner, on none of her machines.
diary() {
	mkdir -p "$HOME/diary" && cd "$HOME/diary" || exit 1
	[ -d .git ] || { git init -q && git remote add origin https://example.org/ina/diary.git; }
}
gift() { # FILE FIRST UUID: shares it, and what belongs to no project
	PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 - "$@" <<'P'
import sys
from events import *
n, to = int(sys.argv[2]), {"team": "rivals"}
export(sys.argv[1], [
    event("project_shared", "project", sys.argv[3], to, clock=1000 + n, project=sys.argv[3], n=n, author="user:ina"),
    event("project_shared", "project", "unplaced", to, clock=1001 + n, n=n + 1, author="user:ina"),
    event("todo_added", "todo", "%032x" % n, {"content": "Of no project"}, clock=1002 + n, n=n + 2)])
P
}
stays() { # nothing was carried, the project is ina's
	unlike "nothing is carried over" "$out" Carried
	exits "the project" 0 clowder project list --json
	is "is where it was" "$(json '[p["team"] for p in d["projects"] if p["here"]]')" "[\"$1\"]"
}
home e; diary
check "ina writes, not signed in" clowder todo add "A secret"
uuid=$(clowder project list --json | sed -n 's/.*"uuid": "\(.*\)",/\1/p')
gift "$T/gift.jsonl" 100 "$uuid"
check "and takes in a gift" clowder import "$T/gift.jsonl"
check "she signs in" sign_in ina
check "and syncs" clowder sync now
stays ina
gift "$T/gift.jsonl" 200 "$uuid"
check "another gift" clowder import "$T/gift.jsonl"
check "she writes on" clowder todo add "Another secret"
check "and syncs" clowder sync now
stays ina
home f; diary
check "on her second machine" sign_in ina
check "she syncs" clowder sync now
stays ina
check "and once more" clowder sync now
stays ina
home g; diary
check "eve signs in" sign_in eve
exits "and syncs" 0 clowder sync now --json
is "nothing is there for her" "$(json 'd["pulled"]')" 0
exits "no project" 0 clowder project list --json
is "at all" "$(json 'd["projects"]')" '[]'

# Her own word counts, on the machine where she gave it and on the other.
home f; diary
exits "ina shares it" 0 clowder project share . rivals
check "and syncs" clowder sync now
stays rivals
home e; diary
check "her first machine has not heard of it" clowder todo add "Late"
exits "it does now" 0 clowder sync now
like "what came late follows" "$out" '^Carried 1 event of shared projects over$'
exits "it works on" 0 clowder project list --json
is "in the team" "$(json '[p["team"] for p in d["projects"] if p["here"]]')" '["rivals"]'
home g; diary
check "eve syncs" clowder sync now
exits "and has" 0 clowder todo list --json
is "all of it" "$(json 'sorted(t["content"] for t in d["todos"])')" '["A secret", "Another secret", "Late"]'
unlike "but for what belongs to no project" "$(clowder export - 2>&1)" 'Of no project'
done_testing
