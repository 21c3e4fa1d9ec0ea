#!/usr/bin/env bash
# Goal: whoever knows nothing finds the way by help alone; whoever mistypes is
# told what was meant; nothing is made or sent meanwhile.
. "$(dirname "$0")/lib.sh"
repository=$(cd "$(dirname "$0")/../.." && pwd)
goal "help that teaches, errors that help"
home ann

exits "the version" 0 clowder --version
like "is one line" "$out" '^clowder [0-9]+\.[0-9]+\.[0-9]+$'
exits "without a word it is a question" 2 clowder
like "answered with the commands" "$out" '^  sync '
exits "help" 0 clowder --help
like "names the way on" "$out" 'clowder help COMMAND'
exits "help of a command" 0 clowder help sync now
like "says what it is for" "$out" 'send what is queued'
like "how it is called" "$out" '^Usage: clowder sync now '
like "what its options do" "$out" '^  -n, --dry-run +say what would be sent'
like "by examples" "$out" '^  clowder sync now$'
like "and its exit codes" "$out" '^  5 +the server cannot be reached'
first=$out
exits "the same behind the command" 0 clowder sync now --help
is "word by word" "$out" "$first"

# Every command that is listed has help with a usage line, and no line of it
# is wider than a terminal but examples and options.
clowder commands >"$T/commands"
bad=
while read -r -a words; do
	path=()
	for w in "${words[@]}"; do
		clowder help "${path[@]}" "$w" >/dev/null 2>&1 || break
		path+=("$w")
	done
	clowder "${path[@]}" --help >"$T/help" 2>&1 &&
		grep -q "^Usage: clowder ${path[*]}" "$T/help" || bad="$bad ${path[*]};"
	! grep -q '^  *$' "$T/help" || bad="$bad ${path[*]}: blanks;"
done <"$T/commands"
is "every command explains itself" "$bad" ""
exits "as JSON" 0 clowder commands --json
is "it is JSON" "$(json 'len(d["commands"]) > 5')" true

exits "of one command" 0 clowder sync now --help --json
is "what its help says" "$(json 'd["name"], d["examples"][0]')" '["now", "sync now"]'
first=$out
exits "by the other way" 0 clowder help sync now --json
is "the same" "$out" "$first"
exits "of all" 0 clowder --help --json
is "as the list of commands" "$(json 'len(d["commands"]) > 5')" true
for c in man 'completion bash' version; do
	# shellcheck disable=SC2086 # words
	exits "$c as JSON" 0 clowder $c --json
	is "is one document" "$(json 'type(d).__name__')" dict
done

exits "a mistyped command" 2 clowder snyc now
like "is told" "$err" "did you mean 'sync'"
exits "a mistyped sub-command" 2 clowder sync nwo
like "is told" "$err" "did you mean 'sync now'"
exits "a mistyped option" 2 clowder sync now --verbos
like "is told" "$err" 'did you mean --verbose'
like "with the usage" "$err" '^usage: clowder sync now '
like "and where help is" "$err" '^try: clowder help sync now$'
exits "a missing word" 2 clowder sync retry
like "is named" "$err" 'EVENT is missing'
exits "a word too many" 2 clowder sync now please
like "is named" "$err" "'please' is one word too many"
exits "an error as JSON" 2 clowder sync now --bogus --json
is "has its code" "$(json 'd["error"]')" usage
is "and what helps" "$(json 'd["hint"]')" 'clowder help sync now'
like "and the text beside it" "$err" 'unknown option --bogus'
exits "output that is lost" 1 bash -c 'clowder help >/dev/full'
like "is an error" "$err" 'output'
exits "a reader that has enough is none" 0 bash -c 'clowder help | head -1 >/dev/null; exit ${PIPESTATUS[1]}'

# The other name.
exits "under the other name" 0 spec-kitty --version
like "it says so" "$out" '^spec-kitty '
exits "also in help" 0 spec-kitty help sync status
like "everywhere" "$out" '^Usage: spec-kitty sync status'
unlike "and nowhere else" "$out" 'clowder'

# The manual page is from the same table, and roff has nothing to say to it.
if command -v groff >/dev/null; then
	clowder man >"$T/clowder.1"
	exits "the manual page" 0 groff -man -Tutf8 -ww "$T/clowder.1"
	is "is clean" "$err" ""
	like "and has the commands" "$out" 'sync now'
	like "the files" "$out" 'sync-daemon\.log'
	for key in '[server] url' '[server] ca_file' '[sync] enabled' '[sync] daemon' \
		'[sync] interval_s' '[session] stale_after' '[projects]'; do
		check "and the setting $key" grep -qF -- ".B $key" "$T/clowder.1"
	done
fi

# Completion, in the shell that runs this.
eval "$(clowder completion bash)"
complete_line() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_clowder_complete 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}
is "commands are completed" "$(complete_line clowder sync dia)" "diagnose "
is "options too" "$(complete_line clowder sync now --d)" "--dry-run "
is "and values" "$(complete_line clowder completion '')" "bash zsh "
exits "for zsh" 0 clowder completion zsh
like "it is a script of its kind" "$out" '^#compdef clowder'

# The command of the repository: a question starts nothing.
for verb in up down check; do
	exits "./dev $verb --help" 0 "$repository/dev" "$verb" --help
	like "says what it does" "$out" "^  $verb "
	is "and does nothing" "$(wc -l <<<"$out")" 2
done

[ ! -e "$CLOWDER_HOME" ]
result $? "nothing was made by all this"
done_testing
