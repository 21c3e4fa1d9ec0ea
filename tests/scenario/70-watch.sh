#!/usr/bin/env bash
# Goal: `watch` shows what happens as it happens, whoever writes it, and changes
# nothing itself.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
goal "what is written in one terminal is seen in another at once"

project() { # NAME: a folder that is a project by its remote, the same on each machine
	mkdir -p "$HOME/$1" && cd "$HOME/$1" || exit 1
	[ -d .git ] || { git init -q && git remote add origin "https://example.org/ann/$1.git"; }
}

# watch NAME [OPTION...]: one in the background, in this folder, into $T/NAME
watch() {
	local name=$1
	shift
	# What a shell starts in the background is deaf to INT.
	env --default-signal=INT clowder watch "$@" >"$T/$name" 2>"$T/$name.err" </dev/null &
	watch_pid=$!
	pids+=("$watch_pid")
}
# ends SIGNAL: it does, with this code in $code
ends() {
	kill "-$1" "$watch_pid"
	wait "$watch_pid"
	code=$?
}
has() { grep -qE -- "$2" "$T/$1"; } # has NAME REGEX
lines() { wc -l <"$T/$1" | tr -d ' '; }

home a; project shop
export CLOWDER_AUTHOR=user:ann

# --- before there is anything -----------------------------------------------------
home empty; project shop
watch first --all-projects
wait_for "it waits for a store" eval "ls -l /proc/$watch_pid/fd | grep -q inotify"
is "no home is made" "$(ls -A "$HOME")" "$(printf 'shop\nwork')"
clowder todo add "the first thing" >/dev/null
wait_for "the first event of a new machine" has first 'ann.* shop .*added “the first thing”'
ends INT
is "a signal ends it with 130" "$code" 130
is "and no word" "$(cat "$T/first.err")" ''

# --- one line each ------------------------------------------------------------------
home a; project shop
clowder feature add 001-checkout --title Checkout >/dev/null
wp=$(clowder wp add "Cart page" | cat)
watch lines -n 1
wait_for "it begins with what was last" has lines "added WP01: Cart page"
clowder wp move WP01 claimed >/dev/null
clowder wp move WP01 in_progress >/dev/null
wait_for "a move is seen" has lines 'ann .*moved WP01 claimed → in_progress$'
is "each event is one line" "$(lines lines)" 3
like "with id, time, who and what" "$(sed -n 2p "$T/lines")" \
	'^[0-9a-f]{8}-[0-9a-f]{4}  [0-9]{4}-[0-9-]+T[0-9:.]+Z  ann  moved WP01 planned → claimed$'
clowder wp edit WP01 --title 'The cart' >/dev/null
clowder todo add 'Ask about taxes' >/dev/null
wait_for "a todo is seen" has lines 'added “Ask about taxes”'

# --- of other projects ----------------------------------------------------------------
watch every --all-projects --json -n 1
wait_for "all projects, for programs" has every 'Ask about taxes'
watch other --project shop -n 1
wait_for "a project by its name" has other 'Ask about taxes'
project other
clowder todo add 'Elsewhere' >/dev/null
wait_for "another project is seen by who asked for all" has every 'Elsewhere'
project shop
clowder todo add 'Here again' >/dev/null
wait_for "this one goes on" has lines 'Here again'
is "and has nothing of the other" "$(grep -c Elsewhere "$T/lines")" 0
wait_for "by name too" has other 'Here again'
is "likewise" "$(grep -c Elsewhere "$T/other")" 0
out=$(tail -n 1 "$T/every")
is "one document a line" "$(json '[d["what"], d["who"], d["type"]]')" \
	'["added \u201cHere again\u201d", "ann", "todo_added"]'
run clowder log --limit 1 --json
is "the very one of log" "$out" "$(tail -n 1 "$T/every")"

# --- texts of others -----------------------------------------------------------------
clowder todo add "$(printf 'red \302\233 end')" >/dev/null 2>&1
clowder wp note WP01 "$(printf 'a\nb\033[31mc\007')" >/dev/null
wait_for "a note is seen" has lines 'noted on WP01'
is "nothing in it reaches the terminal" "$(LC_ALL=C grep -c $'[\x01-\x08\x0b-\x1f\x7f]' "$T/lines")" 0
is "a note of two lines is one" "$(grep -c 'noted on WP01: a b' "$T/lines")" 1

# --- many at once, in order -------------------------------------------------------------
had=$(lines lines)
for i in $(seq 1 40); do echo "todo add number-$i"; done | xargs -P 4 -L 1 clowder >/dev/null
wait_for "forty of four writers" eval "[ \"\$(grep -c number- '$T/lines')\" = 40 ]"
is "none twice" "$(grep -o 'number-[0-9]*' "$T/lines" | sort -u | wc -l | tr -d ' ')" 40
run clowder log --limit 40 --json
is "in the order of the log" \
	"$(tail -n +$((had + 1)) "$T/lines" | grep -o 'number-[0-9]*')" \
	"$(printf '%s\n' "$out" | grep -o '"what":"added “number-[0-9]*' | grep -o 'number-.*' | tac)"

# --- what a sync or an import brings -------------------------------------------------------
home b; project shop
CLOWDER_AUTHOR=user:bob clowder todo add "from bob" >/dev/null
clowder export >"$T/bob.jsonl"
home a; project shop
clowder import "$T/bob.jsonl" >/dev/null
wait_for "what others did is seen when it comes" has lines 'bob  added “from bob”'

# --- it changes nothing ----------------------------------------------------------------------
before=$(cd "$CLOWDER_HOME" && find . -type f ! -name '*-shm' -exec sha256sum {} + | sort)
watch quiet -n 5
wait_for "one more" has quiet 'from bob'
ends TERM
is "TERM ends it as well" "$code" 130
is "and nothing was changed" \
	"$(cd "$CLOWDER_HOME" && find . -type f ! -name '*-shm' -exec sha256sum {} + | sort)" "$before"

# --- nobody reads -----------------------------------------------------------------------------
mkfifo "$T/pipe"
clowder watch -n 1 >"$T/pipe" 2>"$T/pipe.err" &
watch_pid=$!
pids+=("$watch_pid")
head -n 1 <"$T/pipe" >/dev/null
wait "$watch_pid"
is "it ends when its reader does, with nothing to say" "$?" 0
is "quietly" "$(cat "$T/pipe.err")" ''

# One that is there and does not read keeps nobody from ending it.
PYTHONPATH=$here python3 -c '
from events import *
import sys
export(sys.argv[1], (event("todo_added", "todo", "%032d" % i, {"content": "x" * 100})
                     for i in range(2000)))' "$T/many"
check "many events" clowder import "$T/many"
mkfifo "$T/unread" "$T/go"
python3 -c '
import array, fcntl, sys, termios, time
pipe, n = open(sys.argv[1], "rb", buffering=0), array.array("i", [0])
while n[0] < 65536:
    fcntl.ioctl(pipe, termios.FIONREAD, n)
    time.sleep(0.01)
print("full", flush=True)
sys.stdin.read()' "$T/unread" <"$T/go" >"$T/unread.said" &
pids+=("$!")
exec 8>"$T/go"
clowder watch --all-projects -n 2000 >"$T/unread" 2>"$T/unread.err" &
watch_pid=$!
pids+=("$watch_pid")
wait_for "its pipe is full" grep -q full "$T/unread.said"
kill -TERM "$watch_pid"
ended() { ! kill -0 "$watch_pid" || grep -q 'State:.Z' "/proc/$watch_pid/status"; }
WAIT_S=5 wait_for "a signal ends it" ended
kill -KILL "$watch_pid" 2>/dev/null
wait "$watch_pid" 2>/dev/null
is "as it usually is" "$?" 130
exec 8>&-

# --- another store -----------------------------------------------------------------------------
for f in store.db store.db-wal store.db-shm; do
	[ ! -f "$CLOWDER_HOME/$f" ] || cp "$CLOWDER_HOME/$f" "$T/$f"
done
clowder todo add "will be lost" >/dev/null
wait_for "seen before it is lost" has lines 'will be lost'
for f in store.db store.db-wal store.db-shm; do
	rm -f "$CLOWDER_HOME/$f"
	[ ! -f "$T/$f" ] || mv "$T/$f" "$CLOWDER_HOME/$f"
done
clowder todo add "after the restore" >/dev/null
wait_for "a store that was put back is said" grep -q 'not the one that was followed' "$T/lines.err"
clowder todo add "and goes on" >/dev/null
wait_for "what is new in it is seen" has lines 'and goes on'

# --- words that make no sense --------------------------------------------------------------------
for words in "-n x" "-n -1" "-n 10001" "--project shop --all-projects" "more" "--limit"; do
	# shellcheck disable=SC2086 # several words
	exits "watch $words" 2 clowder watch $words
done
exits "an unknown project" 1 clowder watch --project nosuch
run clowder watch -n 0 --json --all-projects --project shop
is "an error is one document, too" "$(json 'd["error"]')" usage
mkdir -p "$T/broken" && head -c 8192 /dev/urandom >"$T/broken/store.db"
touch -d "1 hour ago" "$T/broken/store.db"
CLOWDER_HOME=$T/broken run clowder watch
is "a store that is none ends it" "$code" 1
done_testing
