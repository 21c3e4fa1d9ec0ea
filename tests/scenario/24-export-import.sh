#!/usr/bin/env bash
# Goal: what is exported comes back the same to the digit; a file that is wrong is
# named with its line and leaves nothing behind, whatever is wrong with it.
. "$(dirname "$0")/lib.sh"
goal "export and import"
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
state() { clowder sync status --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d["digest"], d["events"] if "events" in d else [s["events"] for s in d["spaces"]])'; }
project() {
	mkdir -p "$HOME/shop" && cd "$HOME/shop" || exit 1
	[ -d .git ] || { git init -q && git remote add origin https://example.org/ann/shop.git; }
}

home a
project
exits "nothing to export yet" 0 clowder export
is "is a first line alone" "$(wc -l <"$T/.out")" 1
check "a feature" clowder feature add Checkout --title "Kasse: ä, ß, 猫" --description $'one\ntwo\n'
wp=$(clowder wp add "Cart" --tag a,b --priority 3 | cat)
check "claimed" clowder wp move "$wp" claimed --actor ann
check "noted" clowder wp note "$wp" $'a note\nof two lines'
check "a second" clowder wp add "Payment" --depends "$wp"
id=$(clowder todo add "Ask about taxes" --priority high | cat)
check "done" clowder todo done "$id"
check "and gone" clowder todo rm "$id" --reason "asked"
was=$(state)
exits "to a file" 0 clowder export "$T/a.jsonl"
like "it says how many" "$out" '^Wrote 9 events to '
is "for its owner alone" "$(stat -c %a "$T/a.jsonl")" 600
exits "the file is there already" 4 clowder export "$T/a.jsonl"
cp "$T/a.jsonl" "$T/before"
exits "unless it is meant" 0 clowder export "$T/a.jsonl" --force --json
is "in JSON" "$(json '[d["events"], d["refused"]]')" '[9, 0]'
clowder export - >"$T/stdout.jsonl"
is "on stdout the same" "$(tail -n +2 "$T/stdout.jsonl" | cksum)" "$(tail -n +2 "$T/a.jsonl" | cksum)"
exits "where nothing can be written" 1 clowder export "$T/none/x.jsonl"
exits "one project" 0 clowder export "$T/p.jsonl" --project .
is "has the same lines" "$(tail -n +2 "$T/p.jsonl" | cksum)" "$(tail -n +2 "$T/a.jsonl" | cksum)"
exits "not to a folder" 1 clowder export "$T" --force
mkfifo "$T/tube"
tail -n +2 <"$T/tube" | cksum >"$T/piped" &
piped=$!
exits "into what is no file" 0 clowder export "$T/tube"
wait "$piped"
is "it is written as it is" "$(cat "$T/piped") $(stat -c %F "$T/tube")" \
	"$(tail -n +2 "$T/a.jsonl" | cksum) fifo"
is "nothing else lies there" "$(ls -A "$T" | grep -c part)" 0
exits "a limit on files is an error" 1 bash -c 'ulimit -f 8; clowder todo add "too much"'
like "that is said" "$err" "clowder: "
check "and no harm" clowder verify
is "nothing was added" "$(state)" "$was"

home b
project
exits "elsewhere" 0 clowder import "$T/a.jsonl"
is "how many" "$out" "Imported 9 events into 'local'"
is "it is the same, to the digit" "$(state)" "$was"
exits "twice" 0 clowder import "$T/a.jsonl" --json
is "is as good as once" "$(json '[d["read"], d["new"], d["known"]]')" '[9, 0, 9]'
is "nothing changed" "$(state)" "$was"
clowder export | tail -n +2 | cksum >"$T/sum"
is "and goes out again as it came" "$(cat "$T/sum")" "$(tail -n +2 "$T/a.jsonl" | cksum)"
home c
project
{ head -n 1 "$T/a.jsonl"; echo; tail -n +2 "$T/a.jsonl" | tac | sed 's/$/\r/'; } | head -c -2 >"$T/shuffled"
run bash -c "clowder import - <'$T/shuffled'"
is "from stdin, backwards, CRLF, the last line open" "$code" 0
is "the same" "$(state | cut -d' ' -f1)" "${was%% *}"
check "it is whole" clowder verify

# Files that are wrong.
python3 - "$T" "$T/a.jsonl" <<'P'
import copy, sys
from events import *
folder, good = sys.argv[1], open(sys.argv[2]).read().split("\n")[:-1]
head, first = good[0], json.loads(good[1])
def bad(name, *lines):
    with open("%s/bad-%s" % (folder, name), "wb") as f:
        f.write(b"".join((l if isinstance(l, bytes) else l.encode()) for l in lines))
def line(name, text):
    """A good line, then this one, which is the third, then a good one."""
    new = json.dumps(event("todo_added", "todo", "c" * 32, {"content": "left behind"}))
    text = text if isinstance(text, bytes) else text.encode()
    bad("line-" + name, head + "\n", new + "\n", text + b"\n", new.replace("c" * 32, "d" * 32).replace(
        json.loads(new)["event_id"], "01890000-0000-7000-9000-000000000001") + "\n")
def member(name, **members):
    e = event("todo_added", "todo", "e" * 32, {"content": "x"})
    e.update(members)
    line(name, json.dumps({k: v for k, v in e.items() if v != "-"}))
bad("empty")
bad("blank", "\n\n  \n")
bad("no-export", "hello\n")
bad("no-first-line", good[1] + "\n")
bad("half-first-line", head[: len(head) // 2])
bad("other-program", head.replace('"clowder":"export"', '"clowder":"import"') + "\n")
bad("no-space", '{"clowder":"export","version":1}\n')
bad("space-of-numbers", '{"clowder":"export","version":1,"space":{"hub":1,"account":[],"team":{}}}\n')
bad("newer", head.replace('"version":1', '"version":2') + "\n")
bad("long", head + "\n", b"x" * 700000)
bad("long-first-line", b"x" * 700000)
line("no-json", "hello")
line("truncated", good[1][: len(good[1]) // 2])
line("array", "[]")
line("number", "5")
line("two", good[1] + good[2])
line("utf8", good[1].replace("shop", "\udcff").encode("utf-8", "surrogateescape"))
line("nul", good[1].encode()[:40] + b"\0" + good[1].encode()[40:])
line("deep", '{"a":' * 5000)
line("deep-payload", json.dumps(event("todo_added", "todo", "f" * 32, {"content": "x"}))[:-2]
     + ',"deep":' + "[" * 100 + "]" * 100 + "}}")
line("twice-a-key", good[1][:-1] + ',"event_id":"01890000-0000-7000-8000-00000000ffff"}')
line("big", json.dumps(event("todo_added", "todo", "f" * 32, {"content": "y" * 530000})))
member("clock-text", lamport_clock="5")
member("clock-negative", lamport_clock=-1)
member("clock-broken", lamport_clock=1.5)
member("clock-missing", lamport_clock="-")
member("clock-last", lamport_clock=9007199254740991)
member("clock-beyond", lamport_clock=9007199254740992)
line("clock-huge", json.dumps(event("todo_added", "todo", "f" * 32, {"content": "x"}, clock=77)).replace(
    '"lamport_clock": 77', '"lamport_clock": 1e400'))
member("id-none", event_id="-")
member("id-text", event_id="me")
member("payload-null", payload=None)
member("payload-text", payload="{}")
member("replaces-text", replaces="all")
member("replaces-other", replaces=[5])
member("node-empty", node_id="")
member("type-number", event_type=5)
other = dict(first, payload=dict(first["payload"], slug="another"))
line("reused", json.dumps(other))
P
for file in "$T"/bad-*; do
	name=${file##*/bad-}
	run clowder import "$file"
	case $name:$code in
	newer:1) like "$name: says which" "$err" 'is of version 2, this program reads version 1' ;;
	line-*:4) like "$name: by its line" "$err" '^line 3: .+' ;;
	[a-z]*:[14]) like "$name: by its line" "$err" "(line [0-9]+: .*|not the first line of an export)" ;;
	*) result 1 "$name: is refused" || show "exit $code" "$out" "$err" ;;
	esac
done
is "nothing is left of any of them" "$(state | cut -d' ' -f1)" "${was%% *}"
exits "neither to be sent" 0 clowder log --limit 0 --json
is "nor in the log" "$(wc -l <"$T/.out")" 9
exits "as JSON" 4 clowder import "$T/bad-line-array" --json
is "it is one document" "$(json 'd["error"]')" schema_mismatch
exits "a file that is not there" 1 clowder import "$T/nothing"
exits "a folder" 1 clowder import "$T"
mkfifo "$T/pipe"
clowder todo list --json >"$T/pipe" &
exits "a pipe is read" 4 clowder import "$T/pipe"
is "and nothing is left of it all" "$(state | cut -d' ' -f1)" "${was%% *}"
check "it is whole still" clowder verify

# A store that a newer program made.
python3 - "$CLOWDER_HOME/store.db" <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
version, = db.execute("PRAGMA user_version").fetchone()
db.execute("PRAGMA user_version = %d" % (version + 1))
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.close()
P
sum=$(cksum <"$CLOWDER_HOME/store.db")
for words in 'todo list' 'todo add x' 'board' 'sync now' 'rebuild' 'verify' "import $T/a.jsonl" export 'consolidate .'; do
	# shellcheck disable=SC2086 # words
	exits "$words" 1 clowder $words --json
	is "says why" "$(json 'd["error"]')" newer_version
done
is "and leaves it alone" "$(cksum <"$CLOWDER_HOME/store.db")" "$sum"
done_testing
