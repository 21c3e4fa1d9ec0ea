#!/usr/bin/env bash
# Goal: what a newcomer types does what it says: a short id never means another
# feature in silence, what is removed holds nothing up and comes back, a conflict
# is settled by saying what is to stand, and who did it and why is shown.
. "$(dirname "$0")/lib.sh"
goal "the first hour"
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1

home a
check "a project" clowder init --slug shop
check "a feature" clowder feature add aa
check "another" clowder feature add bb
a1=$(clowder wp add "Of the first" --feature 001)
b1=$(clowder wp add "Of the second" --feature 002)

# A feature that nobody named decides nothing.
check "the first is used" clowder wp note "001/$a1" x
is "and named in full" "$out" "Noted on 001-aa/$a1"
for verb in 'edit WP01 --title T' 'rm WP01' 'move WP01 claimed' 'note WP01 y' 'assign WP01 bob' 'show WP01'; do
	# shellcheck disable=SC2086 # words
	exits "wp $verb may mean two" 4 clowder wp $verb
	like "which are named" "$err" "'WP01' may be any of these work packages: 001-aa/$a1 .*, 002-bb/$b1 "
done
check "with a feature one is meant" clowder wp move WP01 claimed --feature 002
is "and named in full" "$out" "002-bb/$b1 planned → claimed"
run clowder wp edit 002/WP01 --title "Other words"
is "so it is when it is changed" "$out" "Changed 002-bb/$b1"
run clowder wp assign 002/WP01 bob
is "and given away" "$out" "002-bb/$b1 is given to bob"
run clowder wp assign 002/WP01 bob --json
is "for programs too" "$(json 'd["key"]')" "002-bb/$b1"
run clowder wp add "Where does it go"
like "a new one says where it went" "$err" "^note: WP02-... is in 002-bb, the feature used last here"
check "an id of one feature only" clowder wp note WP02 x
is "is meant" "$out" "Noted on 002-bb/WP02-${b1#*-}"
check "it goes" clowder wp rm WP02
check "a feature is put away" clowder feature edit 001 --archive
check "and asks for nothing" clowder wp note WP01 x
check "it is back" clowder feature edit 001 --unarchive
git init -q . && git checkout -q -b 001-aa
check "a branch names its feature" clowder wp note WP01 x --feature 001
git checkout -q -b 002-bb 2>/dev/null
check "the other does too" clowder wp note WP01 z
is "and decides" "$out" "Noted on 002-bb/$b1"
git checkout -q -b main 2>/dev/null
run clowder help wp
like "current is told" "$out" 'current'
run clowder help feature
like "in both" "$out" 'current'

# What was removed holds nothing up, is found, and comes back.
w1=$(clowder wp add "First" --feature 001) w2=$(clowder wp add "Second" --feature 001 --depends "$w1")
exits "no such dependency" 1 clowder wp edit "001/$w2" --remove-depends WP77
like "is said" "$err" "$w2 does not depend on 'WP77'"
exits "nor one that is another's" 1 clowder wp edit "001/$w2" --remove-depends WP01
run clowder wp list --feature 001 --json
is "it waits" "$(json '[w["waits_for"] for w in d["work_packages"]][-1]')" "[\"${w1%-*}\"]"
check "the first is removed" clowder wp rm "001/$w1" --reason "was a double"
like "and who depended on it" "$err" "^note: ${w2%-*} depended on it; what is removed holds nothing up$"
is "it is named in full" "$out" "Removed 001-aa/$w1"
run clowder wp list --feature 001 --json
is "nothing is waited for" "$(json '[w["waits_for"] for w in d["work_packages"]][-1]')" "[]"
check "work begins" clowder wp move "001/$w2" claimed
unlike "without a note" "$err" 'waits'
check "it is not depended on any more" clowder wp edit "001/$w2" --remove-depends "$w1"
is "by its whole id" "$out" "Changed 001-aa/$w2"
for what in show log; do
	check "$what of its id" clowder $what "001-aa/${w1%-*}"
	like "says how it comes back" "$out" "to bring it back: clowder wp edit 001-aa/$w1"
done
exits "other verbs" 1 clowder wp note "001-aa/$w1" x
like "say that it was removed" "$err" "^clowder: 001-aa/$w1 was removed;"
like "and how it comes back" "$err" "^try: clowder wp edit 001-aa/$w1$"
exits "less than its id" 1 clowder wp edit "001-aa/${w1%-*}" --title x
like "is not enough to bring it back" "$err" "was removed"
check "its id is" clowder wp edit "001-aa/$w1"
is "which is said" "$out" "Brought back 001-aa/$w1"
run clowder wp show "001/$w1" --json
is "it is there" "$(json '[d["present"], d["title"]]')" '[true, "First"]'
t=$(clowder todo add "Small thing")
check "a todo is removed" clowder todo rm "$t"
check "and found" clowder show "${t:0:8}"
like "with the way back" "$out" "to bring it back: clowder todo reopen $t"
exits "it is not done" 1 clowder todo done "$t"
like "by accident" "$err" "^try: clowder todo reopen $t$"
check "it comes back" clowder todo reopen "${t:0:8}"
run clowder todo list --json
is "as it was" "$(json '[t["content"] for t in d["todos"]]')" '["Small thing"]'
check "other words for it" clowder todo edit "$t" "Smaller thing"
run clowder todo show "$t" --json
is "need no option" "$(json 'd["content"]')" "Smaller thing"
check "a feature goes" clowder feature add cc
check "away" clowder feature rm 003
check "and is shown" clowder feature show 003-cc
check "and comes back" clowder feature edit 003-cc
is "as said" "$out" "Brought back 003-cc"

# Who and why.
check "for somebody" clowder wp move "001/$w1" claimed --actor ann
run clowder log "001-aa/$w1" --json -n 1
is "the log says who" "$(printf '%s\n' "$out" | head -1 | python3 -c 'import json,sys; print(json.loads(sys.stdin.readline())["who"])')" ann
run clowder wp show "001/$w1"
like "so does what is shown" "$out" '^  lane +claimed  ann, '
check "blocked, and why" clowder wp move "001/$w1" blocked --reason "no key for the bank"
run clowder wp show "001/$w1"
like "which is shown" "$out" '^  lane +blocked  .*: no key for the bank$'
check "a reason is added" clowder wp move "001/$w1" blocked --reason "they sent the wrong key"
run clowder wp show "001/$w1"
like "and shown" "$out" '^  lane +blocked  .*: they sent the wrong key$'
exits "without one it is blocked already" 4 clowder wp move "001/$w1" blocked

# Force: one rule.
exits "force wants a reason" 4 clowder wp move "001/$w1" done --force
like "and says so" "$err" '\-\-force wants --reason'
exits "what it would do" 4 clowder wp move "001/$w1" approved
like "is said the same way" "$err" '\(--force with --reason allows it\)$'
check "it goes" clowder wp move "001/$w1" done --force --reason shipped
exits "force moves nowhere" 4 clowder wp move "001/$w1" done --force --reason again
like "as nothing would change" "$err" "001-aa/$w1 is done already"

# A conflict is settled by saying what is to stand.
python3 - "$T/two.jsonl" .clowder/project.toml <<'P'
import sys
from events import *
p = project_of(sys.argv[2])
out = [event("feature_created", "feature", "009-two", {"feature_slug": "009-two", "feature_number": "9"}, project=p)]
for i in range(1, 5):
    wp = {"wp_id": "WP%02d" % i, "feature_slug": "009-two"}
    key = "009-two/" + wp["wp_id"]
    made = event("wp_created", "work_package", key, dict(wp, title="Before"), project=p)
    claimed = event("wp_status_changed", "work_package", key, dict(wp, from_lane="planned", to_lane="claimed"),
                    project=p, replaces=[made["event_id"]])
    out += [made, claimed]
    for node, lane in (("e" * 32, "blocked"), ("d" * 32, "canceled")):
        out.append(event("wp_status_changed", "work_package", key,
                         dict(wp, from_lane="claimed", to_lane=lane, actor="eve"), node=node, project=p,
                         replaces=[claimed["event_id"]]))
    out.append(event("wp_updated", "work_package", key, dict(wp, title="One", description="one\ntwo\n"), node="e" * 32,
                     project=p, replaces=[made["event_id"]]))
    out.append(event("wp_updated", "work_package", key, dict(wp, title="Two", description="two\nthree\n"), node="d" * 32,
                     project=p, replaces=[made["event_id"]]))
out.append(event("wp_deleted", "work_package", key, wp, node="c" * 32, project=p, replaces=[made["event_id"]]))
export(sys.argv[1], out)
P
check "two machines" clowder import "$T/two.jsonl"
run clowder conflicts
like "conflicts alone lists them" "$out" 'lane +eve on machine (e{8}|d{8})'
like "each side by its machine" "$out" 'eve on machine e{8}.*eve on machine d{8}|eve on machine d{8}.*eve on machine e{8}'
like "and what shows more" "$out" '^clowder conflicts show ID '
run clowder conflicts --json
lane=$(json '[c["id"] for c in d["conflicts"] if c["field"] == "lane" and c["key"] == "009-two/WP01"][0]')
text=$(json '[c["id"] for c in d["conflicts"] if c["field"] == "description" and c["key"] == "009-two/WP01"][0]')
title=$(json '[c["id"] for c in d["conflicts"] if c["field"] == "title" and c["key"] == "009-two/WP01"][0]')
run clowder conflicts show "$lane"
like "a lane is moved" "$out" 'clowder wp move 009-two/WP01 LANE$'
run clowder conflicts show "$title"
like "a title is written" "$out" 'clowder wp edit 009-two/WP01 --title TITLE$'
run clowder conflicts show "$text"
like "a text too" "$out" 'clowder wp edit 009-two/WP01 --description TEXT$'
like "of which no lines are merged yet" "$out" 'no lines are merged yet'
n=1
for lane in canceled blocked in_progress; do
	check "$lane is chosen" clowder wp move "009/WP0$n" $lane
	like "which settles it" "$out" ", which settles the conflict$"
	run clowder conflicts --json
	is "it is settled" "$(json "[c['field'] for c in d['conflicts'] if c['key'] == '009-two/WP0$n' and c['field'] == 'lane']")" '[]'
	run clowder wp show "009/WP0$n" --json
	is "as chosen" "$(json 'd["lane"]')" $lane
	n=$((n + 1))
done
run clowder conflicts --json
gone=$(json '[c["id"] for c in d["conflicts"] if c["field"] == "present"][0]')
run clowder conflicts show "$gone"
like "who removed it" "$out" '^    removed$'
like "and who edited it is said so" "$out" '^    edited$'
unlike "in words" "$out" 'present|true|false'
like "with what keeps it" "$out" '^To keep it: clowder wp edit 009-two/WP04$'
exits "what no side allows" 4 clowder wp move 009/WP04 done
check "it stays" clowder wp edit 009-two/WP04
run clowder conflicts --json
is "that is settled too" "$(json '[c["field"] for c in d["conflicts"] if c["field"] == "present"]')" '[]'
check "a title settles" clowder wp edit 009/WP01 --title Two
run clowder conflicts --json
is "titles" "$(json '[c["field"] for c in d["conflicts"] if c["key"] == "009-two/WP01"]')" '["description"]'
check "the store is whole" clowder verify
done_testing
