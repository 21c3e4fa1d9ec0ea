#!/usr/bin/env bash
# Goal: what is shown fits the terminal that shows it: titles have the room,
# columns have names, texts break between words, colours mean something.
. "$(dirname "$0")/lib.sh"
tests=$(cd "$(dirname "$0")" && pwd)
goal "output that fits"
home ann

# at COLUMNS COMMAND...: $out, as a terminal of that width gets it
at() {
	local columns=$1
	shift
	exits "$* in $columns columns" 0 env -u NO_COLOR TERM=xterm \
		python3 "$tests/at_terminal.py" "$columns" -- "$@"
	coloured=$out
	out=$(sed 's/\x1b\[[0-9;]*[mK]//g; s/\r//g' <<<"$out")
	widest=$(wc -L <<<"$out")
}

clowder init --slug shop >/dev/null
clowder feature add sign-in --title "Sign in" >/dev/null
for title in "Store passwords hashed" "Form" "Reset" "Codes" "Captcha"; do
	clowder wp add "$title, and more words than a narrow column has room for" \
		--depends WP01 >/dev/null 2>&1 ||
		clowder wp add "$title with some more words than have room" >/dev/null
done
clowder board >"$T/plain"
unlike "nobody has anything: no column for it" "$(cat "$T/plain")" 'WHO'
like "what waits has a heading" "$(cat "$T/plain")" 'WP +WAITS FOR +TITLE'
move() { clowder wp move "$@" >/dev/null 2>&1; }
who=somebody-with-a-very-long-name
move WP02 claimed --actor $who
move WP03 claimed --actor ann
move WP03 doing
move WP03 for_review
move WP05 canceled
clowder wp note WP01 "It fails at night" --type error >/dev/null
clowder todo add "Write the notes" --priority high >/dev/null
clowder todo add "Buy cake" --priority low >/dev/null
clowder todo add "Sleep" >/dev/null

at 80 clowder wp list
like "the title has the room" "$out" 'Store passwords hashed wi'
like "others give way" "$out" ' somebo'
unlike "what is canceled waits for nothing" "$(grep WP05 <<<"$out")" 'WP01'
like "what is planned does" "$(grep WP04 <<<"$out")" 'WP01'
[ "$widest" -le 80 ]
result $? "no line is wider" || show "$out"
exits "for programs" 0 clowder wp list --json
is "the same" "$(json '[w["waits_for"] for w in d["work_packages"] if w["id"][:4] in ("WP04", "WP05")]')" '[["WP01"], []]'

at 80 clowder board
like "canceled ones are told" "$out" '5 work packages \(1 canceled\)'
like "texts of todos stand below each other" "$out" '  high  Write the notes'
like "whatever their priority" "$out" '  low   Buy cake'
like "or without one" "$out" '[0-9a-f]{8}        Sleep'
for lane in 'PLANNED 1' 'CLAIMED 34' 'FOR REVIEW 35' 'CANCELED 2'; do
	like "a colour of its own: $lane" "$coloured" $'\x1b'"\\[${lane##* }m${lane% *}"
done
high=$(grep -o $'\x1b\\[[0-9]*mhigh' <<<"$coloured") low=$(grep -o $'\x1b\\[[0-9]*mlow' <<<"$coloured")
isnt "high and low priority do not look the same" "${high%high}" "${low%low}"
[ "$widest" -le 80 ]
result $? "no line is wider" || show "$out"

at 40 clowder wp show WP01
[ "$widest" -le 40 ]
result $? "the page fits as well" || show "$out"
like "a heading breaks between words" "$out" '^WP01  Store passwords hashed with some$'
like "a note says that it is of an error" "$out" '- error: It fails'

run env TERM=xterm python3 "$tests/at_terminal.py" 60 -- clowder wp add
like "a usage line breaks between options" "$out" '^ +(\[--[^]]*\](\.\.\.)? ?)+$'
[ "$(wc -L <<<"$out")" -le 60 ]
result $? "and fits" || show "$out"
done_testing
