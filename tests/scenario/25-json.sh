#!/usr/bin/env bash
# Goal: with --json every command prints one document on stdout, also where it
# fails, and also where it fails half-way: what was begun is never left standing.
. "$(dirname "$0")/lib.sh"
goal "one document"
home a
# What each command printed lies in $T/outs, named after exit code and words; all
# are looked at in the end.
mkdir "$T/outs"
tries=0
# one CODE WORDS...: with --json it ends so, and prints one document
one() {
	local want=$1
	shift
	run clowder "$@" --json
	tries=$((tries + 1))
	cp "$T/.out" "$T/outs/$want $code $tries ${*//\//_}"
	[ "$want" = 0 ] || cp "$T/.err" "$T/outs/err $tries"
}
# lines CODE WORDS...: the same of a command that prints one a line
lines() {
	one "$@"
	mv "$T/outs/$1 $code $tries ${*:2}" "$T/outs/$1 $code $tries lines ${*:2}"
}
wrong() {
	python3 - "$T/outs" <<'P'
import json, os, sys
folder = sys.argv[1]
for name in sorted(os.listdir(folder)):
    want, code, *words = name.split(" ")
    if want == "err":
        continue
    text = open(os.path.join(folder, name)).read().strip()
    try:
        docs = [json.loads(l) for l in text.split("\n")] if words[1] == "lines" else [json.loads(text)]
    except ValueError as e:
        print(name, "is not one document:", e, text[-300:])
        continue
    if want != code:
        print(name, "exits with", code, text[-300:])
    if want == "0":
        continue
    error = docs[-1]
    if not {"error", "message", "hint"} <= set(error):
        print(name, "names no error", text[-300:])
    elif not open(os.path.join(folder, "err " + words[0])).read().startswith("clowder: "):
        print(name, "says nothing on stderr")
P
}

# Where nothing is yet.
for words in 'project list' 'feature list' 'wp list' 'todo list' 'item list' board 'conflicts list' 'sync status' \
	doctor version help commands man 'completion bash' 'sync now --dry-run' 'sync diagnose' 'help wp add'; do
	# shellcheck disable=SC2086 # words
	one 0 $words
done
[ ! -e "$CLOWDER_HOME" ]
result $? "and nothing is made for it"
one 0 --version
one 2

# Every command there is, with nothing behind it, and with words that are wrong.
clowder commands --json >"$T/commands"
python3 - "$T/commands" >"$T/all" <<'P'
import json, sys
def walk(rows, path):
    for r in rows:
        if "commands" in r:
            print(*path, r["name"])
            walk(r["commands"], path + [r["name"]])
        else:
            print(*path, r["name"])
walk(json.load(open(sys.argv[1]))["commands"], [])
P
while read -r words; do
	# shellcheck disable=SC2086 # words
	one 2 $words --no-such-option
done <"$T/all"
[ "$tries" -gt 60 ]
result $? "an unknown option of each"
one 2 no-such-command
one 2 wp no-such-verb
one 2 todo list one-word-too-many
one 2 wp add
one 2 completion fish

# Verbs that write.
for words in 'init --slug shop' 'feature add one' 'feature edit 1 --title T' 'wp add first' 'wp add second --depends WP01' \
	'wp move WP01 claimed' 'wp assign WP01 ann' 'wp note WP01 text' 'wp edit WP01 --priority 2' 'wp edit WP01 --priority 2' \
	'wp show WP01' 'wp list' 'feature show' 'feature list' board 'show WP02' 'conflicts list --all' \
	'project list' rebuild verify "export $T/x.jsonl" "import $T/x.jsonl" 'wp rm WP02'; do
	# shellcheck disable=SC2086 # words
	one 0 $words
done
run clowder todo add text --json
id=$(json 'd["id"]')
for words in "todo start $id" "todo done $id $id" "todo reopen $id" "todo edit $id --text other" "todo show $id" 'todo list' \
	"todo history $id --no-color" "todo rm $id"; do
	# shellcheck disable=SC2086 # words
	case $words in
	*history*) lines 0 $words ;;
	*) one 0 $words ;;
	esac
done
one 1 wp show WP77
one 4 wp move WP01 approved
one 1 todo done ffff
one 1 conflicts show ffff
one 1 import "$T/none"
one 1 export "$T/none/x"
one 4 export "$T/x.jsonl"
one 3 project share . crew
one 3 auth status
one 3 auth whoami
one 1 sync now
one 1 sync server
one 1 sync retry ffff
one 2 sync edit ffff
one 1 sync discard ffff

# Half-way: the last of each list is spoilt.
check "a todo" clowder todo add last
clowder todo add one >/dev/null
cp -r "$CLOWDER_HOME" "$T/whole"
# spoil SQL: in a copy of the home
spoil() {
	rm -rf "$CLOWDER_HOME"
	cp -r "$T/whole" "$CLOWDER_HOME"
	python3 - "$CLOWDER_HOME/store.db" "$1" <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute(sys.argv[2])
db.commit()
P
}
spoil "update entity set state = x'00ff' where type in ('todo', 'work_package', 'feature', 'project')"
for words in 'todo list' 'wp list' 'wp list --all-projects' 'feature list' board 'project list' 'wp show WP01' \
	'conflicts list' 'wp move WP01 blocked'; do
	# shellcheck disable=SC2086 # words
	one 1 $words
done
spoil "update event set raw = substr(raw, 1, length(raw) - 5) where (at & 255) = 6"
one 1 wp show WP01
one 1 show WP01
one 1 rebuild
lines 1 log --limit 0
exits "verify finds it" 1 clowder verify
like "and says what" "$err" '^wrong: space 1, event 6: its bytes have changed$'
run clowder verify --json
is "in JSON too" "$code $(json '[d["ok"], len(d["findings"]) > 0]')" '1 [false, true]'
spoil "drop table note"
one 1 board
head -c 20000 /dev/urandom >"$CLOWDER_HOME/store.db"
for words in 'todo list' 'todo add x' board verify; do
	# shellcheck disable=SC2086 # words
	one 1 $words
done
run clowder doctor --json
is "the doctor finds it" "$code $(json '[f["id"] for f in d["findings"] if f["severity"] == "critical"]')" '1 ["D-006"]'
is "all of them print one document, and the errors of those that fail" "$(wrong)" ""
done_testing
