#!/usr/bin/env bash
# Goal: a tab completes what can stand there - lanes, states, priorities, the ids
# of the project - in bash and in zsh, whichever way an option is written.
. "$(dirname "$0")/lib.sh"
tests=$(cd "$(dirname "$0")" && pwd)
goal "values complete as well"
home ann
clowder init --slug shop >/dev/null
clowder feature add sign-in >/dev/null
wp=$(clowder wp add "Store passwords hashed")
other=$(clowder wp add "Sign-in form")
cake=$(clowder todo add "Buy cake: a big one")
notes=$(clowder todo add "Write the notes")
# Ids are chance: of two that begin alike a tab gives what they share, and no list.
more=0
while [ "${notes:0:1}" = "${cake:0:1}" ]; do
	clowder todo rm "$notes" >/dev/null
	notes=$(clowder todo add "Write the notes $((more += 1))")
done
lanes="approved blocked canceled claimed done for_review in_progress planned "

# In the shell that runs this, as readline calls it: '=' is a word of its own.
eval "$(clowder completion bash)"
complete_line() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_clowder_complete 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' '
}
is "all lanes" "$(complete_line clowder wp move WP01 '')" "$lanes"
is "the one that begins so" "$(complete_line clowder wp move WP01 cl)" "claimed "
is "behind an option" "$(complete_line clowder wp list --lane '')" "$lanes"
is "behind its =" "$(complete_line clowder wp list --lane =)" "$lanes"
is "begun behind it" "$(complete_line clowder wp list --lane = f)" "for_review "
is "before other words" "$(complete_line clowder wp list --lane = f --all)" "--all-projects "
is "states of todos" "$(complete_line clowder todo list --status '')" "completed in_progress pending "
is "priorities" "$(complete_line clowder todo add x --priority '')" "high low medium none "
is "of lists the last part" "$(complete_line clowder wp add x --depends "$wp,WP02")" "$wp,$other "
is "todos by short ids" "$(complete_line clowder todo done '')" \
	"$(printf '%.8s\n' "$cake" "$notes" | sort | tr '\n' ' ')"
is "longer where more was typed" "$(complete_line clowder todo done "${cake:0:12}")" "${cake:0:12} "
clowder session start --id build-7 --agent codex >/dev/null
clowder session start --id built --agent codex >/dev/null
clowder session start --id bust --agent codex >/dev/null
clowder session end --id built >/dev/null
is "sessions that go on" "$(complete_line clowder session show bu)" "build-7 bust "
is "behind --id as well" "$(complete_line clowder session end --id = bui)" "build-7 "
is "of anything" "$(complete_line clowder show "${cake:0:3}")" "${cake:0:8} "
# A name that others gave is a word, whatever stands in it.
python3 - >"$T/gift" <<'P'
import json
print(json.dumps({"clowder": "export", "version": 1, "program": "t", "project": None,
                  "space": {"hub": "", "account": "", "team": "local"},
                  "exported_at": "2026-01-01T00:00:00.000Z"}))
u = "96720c97-dcb8-5831-8431-35cc40727365"
print(json.dumps({"event_id": "01890000-0000-7000-8000-000000000001", "event_type": "project_created",
                  "aggregate_type": "project", "aggregate_id": u, "project_uuid": u,
                  "lamport_clock": 1, "node_id": "n1", "node_seq": 1, "replaces": [],
                  "timestamp": "2026-04-28T10:30:00Z",
                  "payload": {"slug": "zz;touch $(pwned)`x`'#"}}))
P
check "a gift comes in" clowder import "$T/gift"
odd=$(complete_line clowder project use zz)
is "it is quoted" "$odd" "zz\\;touch\\ \\\$\\(pwned\\)\\\`x\\\`\\'# "
eval "words=($odd)"
is "and one word" "${#words[@]} ${words[0]}" "1 zz;touch \$(pwned)\`x\`'#"
COMP_TYPE=63
like "a list says what they are" "$(complete_line clowder todo done '')" \
	"${cake:0:8}  \\(Buy cake: a big one\\)"
is "what is inserted does not" "$(complete_line clowder todo done "${cake:0:8}")" "${cake:0:8} "
unset COMP_TYPE

# What a shell asks.
exits "the question of a shell" 0 clowder __complete wp list --lane=f
is "is answered by whole words" "${out%%$'\t'*}" "--lane=for_review"
exits "one about a value that may be anything" 0 clowder __complete wp add x --tag ''
is "has no answer" "$out" ""

# bash, at a terminal: a second tab lists.
like "the list that people see" "$(env -u NO_COLOR python3 "$tests/at_terminal.py" 100 \
	'' "PS1=REA''DY; eval \"\$(clowder completion bash)\""$'\n' \
	READY $'clowder todo done \t\t' 'Buy cake' -- bash --norc -i 2>&1)" \
	"${cake:0:8}  \\(Buy cake: a big one"

# zsh, at a terminal.  tab LINE REGEX: what stands there once REGEX does.
tab() {
	python3 "$tests/at_terminal.py" 100 '' "PS1=REA''DY; $how"$'\n' \
		READY "$1"$'\t' "$2" -- zsh -f -i 2>&1
}
if command -v zsh >/dev/null; then
	mkdir "$T/fpath"
	clowder completion zsh >"$T/fpath/_clowder"
	check "zsh reads it" zsh -n "$T/fpath/_clowder"
	for how in 'eval "$(clowder completion zsh)"' \
		"fpath=($T/fpath \$fpath); autoload -Uz compinit; compinit -i -D"; do
		like "by ${how%%[ =]*}: a lane" "$(tab 'clowder wp move WP01 cl' 'claimed')" claimed
		like "a value behind =" "$(tab 'clowder wp list --lane=f' 'for_review')" '--lane=for_review'
		like "todos with their text" "$(tab 'clowder todo done ' 'Buy cake')" \
			"${cake:0:8} +-- Buy cake: a big one"
	done
fi
done_testing
