#!/usr/bin/env bash
# Goal: a work package moves as the table says and in no other way, by whom and
# why is kept, and words that name nothing or too much are told apart.
. "$(dirname "$0")/lib.sh"
goal "lanes and ids"
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 CLOWDER_AUTHOR=user:ann

home a
check "a project" clowder init --slug shop
# One work package for each pair of lanes, brought to the first by another program.
python3 - "$T/lanes.jsonl" .clowder/project.toml <<'P'
import sys
from events import *
project = project_of(sys.argv[2])
lanes = "planned claimed in_progress for_review approved done blocked canceled".split()
events = [event("feature_created", "feature", "001-all", {"feature_slug": "001-all", "feature_number": "1"},
                project=project)]
for i, (a, b) in enumerate([(a, b) for a in lanes for b in lanes]):
    wp = {"wp_id": "WP%02d" % (i + 1), "feature_slug": "001-all"}
    events.append(event("wp_created", "work_package", "001-all/" + wp["wp_id"],
                        dict(wp, title=a + " to " + b), project=project))
    if a != "planned":
        events.append(event("wp_status_changed", "work_package", "001-all/" + wp["wp_id"],
                            dict(wp, from_lane="planned", to_lane=a), project=project,
                            replaces=[events[-1]["event_id"]]))
export(sys.argv[1], events)
P
check "64 work packages" clowder import "$T/lanes.jsonl"
got='' n=0
for from in planned claimed in_progress for_review approved done blocked canceled; do
	for to in planned claimed in_progress for_review approved done blocked canceled; do
		n=$((n + 1))
		clowder wp move "$(printf 'WP%02d' $n)" $to --actor ann --reason because --review-ref r1 >/dev/null 2>&1
		got="$got $?"
	done
	got="$got
"
done
# to: planned claimed in_progress for_review approved done blocked canceled
is "each goes where the table lets it" "$got" " 4 0 4 4 4 4 0 0
 4 4 0 4 4 4 0 0
 0 4 4 0 0 4 0 0
 0 4 0 4 0 0 0 0
 0 4 0 4 4 0 0 0
 4 4 4 4 4 4 4 4
 4 4 0 4 4 4 0 0
 4 4 4 4 4 4 4 4
"
run clowder wp list --json
is "and is there" "$(json '[w["lane"] for w in d["work_packages"] if w["title"] in
	("planned to claimed", "for_review to done", "done to blocked", "blocked to canceled")]')" \
	'["claimed", "done", "done", "canceled"]'

# What a move asks for.
wp=$(clowder wp add "One more" | cat)
unset CLOWDER_AUTHOR
exits "who claims is known" 0 clowder wp move "$wp" Claimed
is "by the system's name at least" "$out" "001-all/$wp planned → claimed"
exits "the other name of a lane, in any case" 0 clowder wp move "${wp,,}" DOING
exits "back to the plan wants a reason" 4 clowder wp move "$wp" planned
like "which is named" "$err" '\-\-reason'
exits "a reason of blanks" 2 clowder wp move "$wp" planned --reason ' '
exits "is none" 0 clowder wp move "$wp" planned --reason "too early"
check "again" clowder wp move "$wp" claimed --actor bob
exits "twice" 4 clowder wp move "$wp" claimed --actor carl
like "says who was first" "$err" "$wp is claimed already, by bob"
check "on" clowder wp move "$wp" in_progress
check "and on" clowder wp move "$wp" for_review
exits "back from the review wants its name" 4 clowder wp move "$wp" in_progress
like "which is named" "$err" '\-\-review-ref'
exits "so does the plan" 4 clowder wp move "$wp" planned --reason x
check "with it" clowder wp move "$wp" in_progress --review-ref PR-7
exits "force wants a reason" 4 clowder wp move "$wp" done --force
like "which is named" "$err" '\-\-reason'
exits "with one" 0 clowder wp move "$wp" done --force --reason "shipped as it is" --actor ann --json
is "it goes" "$(json '[d["from"], d["to"], d["actor"]]')" '["in_progress", "done", "ann"]'
exits "and is forced" 0 clowder log "$wp"
like "for all to see" "$out" 'in_progress → done by force \(shipped as it is\)'
exits "not to where it is" 4 clowder wp move "$wp" done --force --reason again
for lane in nowhere '' ' ' 'done ' plan planned.; do
	exits "no lane: '$lane'" 2 clowder wp move "$wp" "$lane"
	like "and which there are" "$err" 'lanes are planned, claimed, in_progress'
done
exits "no lane in a list" 2 clowder wp list --lane nowhere
exits "a list of one" 0 clowder wp list --lane doing --json
is "has it" "$(json 'sorted(set(w["lane"] for w in d["work_packages"]))')" '["in_progress"]'

# Words that name nothing, or too much.
check "another feature" clowder feature add "Second one"
check "with a work package" clowder wp add "Its first" --feature 002
for words in 'wp show WP99' 'wp show 001-all/WP99' 'wp show 009/WP01' 'wp move WP99 done' 'wp rm WP9' \
	'feature show 003' 'feature rm x' 'todo done ffff' 'todo show zz' 'conflicts show 00' 'item show x' \
	'show nothing' 'log nothing' 'wp add x --feature 009' 'wp add x --depends WP99' 'project share x y'; do
	# shellcheck disable=SC2086 # words
	run clowder $words
	case $code in
	1 | 4) like "$words" "$err" "^clowder: (there is no|'.*' (may be|is)|'WP')" ;;
	*) result 1 "$words" || show "exit $code" "$err" ;;
	esac
done
exits "an empty word" 2 clowder wp show ''
exits "and of a todo" 2 clowder todo done ''
exits "a beginning of many" 4 clowder wp show WP0 --feature 001
like "lists some, and says how many" "$err" "'WP0' may be any of these work packages: WP01 \(planned to planned\), .* and 4 more$"
exits "a number is whole" 0 clowder wp show WP06 --feature 001 --json
is "and no beginning of another" "$(json 'd["id"]')" WP06
exits "in the other feature" 0 clowder wp show 002/WP01 --json
like "it is another" "$(json 'd["id"]')" '^WP01-[a-z2-7]{3}$'
exits "a feature by its number" 0 clowder feature show 2 --json
is "or its words" "$(json 'd["id"]')" 002-second-one
exits "words" 0 clowder feature show SECOND
exits "a slug that is there" 4 clowder feature add "second one"
like "is named" "$err" 'there is 002-second-one already'
like "with what shows it" "$err" '^try: clowder feature show 002-second-one$'
exits "by its number and all" 4 clowder feature add 002-second-one
exits "one feature with one work package" 0 clowder show 002-second-one --json
is "is itself, not what is in it" "$(json 'd["type"]')" feature
exits "it is not removed" 4 clowder feature rm 002
exits "with what is in it" 0 clowder feature rm 002 --with-packages
exits "it is gone" 1 clowder wp show 002/WP01
exits "its number is not used again" 0 clowder feature add third
is "but the next" "$out" 003-third
exits "what was removed is shown by its whole name" 0 clowder show 002-second-one
like "as removed" "$out" 'removed'

# Texts at their limits.
long() { printf "%${1}s" '' | tr ' ' "${2:-x}"; }
exits "a title of nothing" 2 clowder wp add ''
exits "of blanks" 2 clowder wp add $' \t\n '
exits "of the greatest length" 0 clowder wp add "$(long 1024)" --feature 003
exits "of one more" 4 clowder wp add "$(long 1025)" --feature 003
exits "of 100 KB" 4 clowder wp add "$(long 100000)" --feature 003
like "which is said" "$err" 'the title has 100000 bytes, at most 1024 will do'
exits "a todo of 8 KB" 0 clowder todo add "$(long 8192 y)"
exits "of more" 4 clowder todo add "$(long 8193 y)"
exits "a note of 120 KB" 0 clowder wp note "$wp" "$(long 120000 n)" --feature 001
exits "a description in lines" 0 clowder wp edit "$wp" --description $'one\r\n\ttwo\e[31m\n' --feature 001
exits "stays as it was typed" 0 clowder wp show "$wp" --json --feature 001
is "to the byte" "$(json 'd["description"].encode().hex()')" 6f6e650d0a0974776f1b5b33316d0a
exits "a title that is not UTF-8" 2 clowder wp add $'x\xff'
exits "that holds an escape" 2 clowder wp add $'x\e[0m'
like "which is named" "$err" 'control character \\x1b'
exits "of many blanks" 0 clowder todo add $'  a\t\tb\u00a0c  ' --json
is "has one each" "$(json 'd["title"]')" "a b c"
exits "the same words" 0 clowder todo add "a  b c"
like "are another todo, which is said" "$err" '^note: [0-9a-f]{8} has the same text and is open too$'
exits "nothing to change" 2 clowder wp edit "$wp" --feature 001
exits "the same again" 0 clowder wp edit "$wp" --title "One more" --feature 001
like "is no change" "$out" '^Nothing to change in '
exits "of another feature" 4 clowder wp add x --feature 003 --depends 001/WP01
exits "on itself" 4 clowder wp edit "$wp" --add-depends "$wp" --feature 001
check "the store is whole" clowder verify
done_testing
