#!/usr/bin/env bash
# Goal: whatever others wrote - escapes, overrides, line breaks, half characters -
# reaches a terminal only as something to read, never starts a line of its own,
# and stays in the log as it was, to the byte.
. "$(dirname "$0")/lib.sh"
goal "hostile texts"
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1

# What each command printed lies in a file of $T/seen, named after it; what a
# terminal got ends in .pty.
mkdir "$T/seen"
# see WORDS...: run it, keep what it printed
see() {
	run clowder "$@"
	tries=$((tries + 1))
	[ -s "$T/.out" ] || [ -s "$T/.err" ] || silent="$silent $*"
	cat "$T/.out" "$T/.err" >"$T/seen/$tries ${*//[^a-z0-9 -]/?}"
}
tries=0 silent=''
# on_terminals: runs each line of stdin on a terminal of its own
on_terminals() {
	NO_COLOR='' TERM=xterm python3 -c '
import os, pty, shlex, sys
lines = sys.stdin.read().splitlines()
null = os.open("/dev/null", os.O_RDWR)
os.dup2(null, 0)
os.dup2(null, 1)
for line in lines:
    with open(os.path.join(sys.argv[1], line.replace("/", "?") + ".pty"), "wb") as f:
        def read(fd):
            data = os.read(fd, 65536)
            f.write(data)
            return data
        pty.spawn(shlex.split(line), read, lambda fd: b"")
' "$T/seen"
}
# found: which of them hold what may not be sent, or a line that is not ours
found() {
	python3 -c '
import os, re, sys
for name in sorted(os.listdir(sys.argv[1])):
    data = open(os.path.join(sys.argv[1], name), "rb").read()
    if name.endswith(".pty"):  # our own colours and line ends
        data = re.sub(rb"\x1b\[\d*m|\r\x1b\[K", b"", data).replace(b"\r\n", b"\n")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        print(name, "is not UTF-8")
        continue
    tab = "\t" if "complete" in name else ""  # parts words and what they are
    bad = [hex(ord(c)) for c in text if (ord(c) < 32 and c not in "\n" + tab)
           or 127 <= ord(c) < 160 or 0x2028 <= ord(c) <= 0x202e or 0x2060 <= ord(c) <= 0x206f
           or c in "\u200b\u200e\u200f\u00ad\ufeff\u061c\u3164" or 0xe0000 <= ord(c) <= 0xe0fff]
    bad += [line for line in text.split("\n") if line.startswith("EVIL")]
    if bad:
        print(name, bad[:5])
' "$T/seen"
}

home ann
check "a project" clowder init --slug shop
python3 - "$T/evil.jsonl" .clowder/project.toml <<'P'
import sys
from events import *
project = project_of(sys.argv[2])
evil = "x\u200b\u200e\U000e0041\x1b]0;o\x07\x1b[2J\x9b31m\u202eDLO\u2066\u2028\x7f\r\nEVIL\tline\nEVIL 2\0n"
def put(kind, aggregate, key, payload, **more):
    more = dict({"project": project, "project_slug": evil, "git_branch": evil,
                 "session_id": evil, "author": "user:" + evil}, **more)
    return event(kind, aggregate, key, payload, **more)
def wp(kind, **payload):
    who = payload.pop("node", "f" * 32)
    return put(kind, "work_package", "002-fine/WP01",
               dict({"wp_id": "WP01", "feature_slug": "002-fine"}, **payload), node=who)
todo = "0" * 31
events = [
    put("project_updated", "project", project, {"slug": evil, "title": evil, "remote_url": evil}),
    put("feature_created", "feature", "002-fine", {"feature_slug": "002-fine", "feature_number": "2",
        "title": evil, "description": evil, "target_branch": evil}),
    put("feature_created", "feature", "001-" + evil, {"feature_slug": "001-" + evil,
        "feature_number": evil, "title": evil}),
    put("wp_created", "work_package", "001-" + evil + "/WP07", {"wp_id": "WP07", "title": evil}),
    wp("wp_created", title=evil, description=evil, dependencies=[evil], tags=[evil], priority=evil),
    wp("wp_assigned", agent_id=evil, phase=evil),
    wp("history_added", entry_type=evil, entry_content=evil, author=evil),
    wp("error_logged", error_type=evil, error_message=evil),
    wp("dependency_resolved", dependency_wp_id=evil, resolution_type=evil),
    put("todo_added", "todo", todo + "1", {"content": evil, "priority": evil, "description": evil,
        "blocked_by": [evil]}),
    put("todo_observed", "todo", todo + "1", {"reporter": evil + ":" + evil, "content": evil,
        "status": evil, "active_form": evil, "owner": evil, "list": evil, "local_id": evil}),
    put("todo_status_changed", "todo", todo + "1", {"status": "in_progress", "reason": evil}),
    put("work_item_changed", "work_item", "plan-" + evil, {"id": evil, "title": evil, "type": evil,
        "schedule": evil, "body": evil, evil: evil, "metadata": {evil: evil}}),
    put("session_started", "session", "claude:" + evil, {"session_id": evil, "cwd": evil}),
    put(evil, evil, evil, {evil: evil}),
    wp("wp_status_changed", from_lane=evil, to_lane=evil, actor=evil, reason=evil, review_ref=evil),
    # Two nodes, one title: a conflict whose sides are all of theirs.
    wp("wp_updated", title=evil + "1", description=evil + "1"),
    wp("wp_updated", title=evil + "2", description=evil + "2", node="e" * 32),
]
export(sys.argv[1], events)
export(sys.argv[1] + ".twice", [dict(e, payload={"other": evil}) for e in events[:3]] + [evil])
P
exits "all of it is taken" 0 clowder import "$T/evil.jsonl"
check "the store is whole" clowder verify
check "and folds" clowder rebuild
exits "JSON for programs" 0 clowder log --limit 0 --json
cp "$T/.out" "$T/log"
is "has the bytes as they were" "$(python3 - "$T/evil.jsonl" "$T/log" <<'P'
import json, sys
def lines(path):
    return [json.loads(l) for l in open(path, newline="\n").read().split("\n") if l]
want = {e["event_id"]: e for e in lines(sys.argv[1])[1:]}
got = {e["event"]["event_id"]: e["event"] for e in lines(sys.argv[2])}
print(len(want), all(got.get(k) == e for k, e in want.items()))
P
)" "18 True"
check "an export" clowder export "$T/out.jsonl"
python3 - "$T/evil.jsonl" "$T/out.jsonl" <<'P'
import sys
a, b = (set(open(f, "rb").read().split(b"\n")[1:]) for f in sys.argv[1:])
sys.exit(not a <= b)
P
result $? "and has each line to the byte"

event=$(sed -n 's/^{"id":"\([^"]*\)".*wp_status_changed.*/\1/p' "$T/log" | head -n 1)
run clowder conflicts list --all --json
conflict=$(json 'd["conflicts"][0]["id"]')
commands=('project list' 'feature list' 'feature show 002-fine' 'wp list' 'wp list --all-projects'
	'wp show 002-fine/WP01' 'todo list' 'todo list --all-projects' "todo show 000" "todo history 000"
	'item list' 'item show plan' board 'log --limit 0' 'log --all' 'log 002-fine/WP01' 'show 002-fine'
	"show $event" 'conflicts list --all' "conflicts show $conflict" 'sync status' doctor '__complete wp show')
for words in "${commands[@]}"; do
	# shellcheck disable=SC2086 # words
	see $words
	[ "$code" = 0 ]
	result $? "$words" || show "exit $code" "$err"
done
{
	printf 'clowder %s\n' "${commands[@]}" export
	printf 'clowder %s --json\n' 'feature show 002-fine' 'wp show 002-fine/WP01' 'item show plan' \
		"show $event" board 'log --limit 0' 'conflicts list --all' 'todo list'
	printf 'env COLUMNS=40 clowder %s\n' board 'wp list' 'log --all'
} | on_terminals
is "nothing raw reaches a file or a terminal" "$(found)" ""
is "what a terminal gets is the same JSON" "$(python3 - "$T/seen/clowder feature show 002-fine --json.pty" <<'P'
import json, subprocess, sys
pty = json.loads(open(sys.argv[1]).read())
print(pty == json.loads(subprocess.run(["clowder", "feature", "show", "002-fine", "--json"],
                                       stdout=subprocess.PIPE).stdout))
P
)" True

# A name that holds a NUL is not the name before it: the digest sees its value.
for value in one two; do
	python3 -c '
import sys
from events import *
for e in (event("work_item_changed", "work_item", "p", {"id": "p", "a": "x"}),
          event("work_item_changed", "work_item", "p", {"id": "p", "a\0b": sys.argv[1]})):
    print(json.dumps(e))' $value | clowder debug fold >"$T/$value"
	out=$(cat "$T/$value")
	json 'sorted(d["digests"].values())' >"$T/$value.digest"
done
! cmp -s "$T/one.digest" "$T/two.digest"
result $? "two values have two digests"

# What is typed and named in errors.
evil=$'a\e]0;x\a\nEVIL\xc2\x9b31m\xff\u200b\u200e\ufeff'
mkdir -p "$T/$evil" && cp "$T/evil.jsonl.twice" "$T/$evil/$evil.jsonl"
printf '[{"content":"x","status":"pending"}' >"$T/$evil/$evil.json"
see "$evil"
see "--$evil"
for words in 'wp show' 'wp move WP01' 'wp add x --feature' 'feature show' 'todo done' show \
	log 'log --limit' 'log --project' 'item show' 'conflicts show' 'project share .' 'project use .' \
	import 'wp list --lane' 'todo list --status' 'sync retry' 'sync server' wp help \
	'wp add x --feature 002 --depends' consolidate 'auth import' 'sync edit x --set'; do
	# shellcheck disable=SC2086 # words
	see $words "$evil"
	[ "$code" != 0 ]
	result $? "$words with it fails" || show "$out" "$err"
done
see feature add "$evil"
see init --slug "$evil"
see wp move "$evil" done
see wp list "--$evil"
see project share "$evil" x
see import "$T/$evil/$evil.jsonl"
see export "$T/$evil/$evil/x"
see consolidate "$T/$evil"
see auth import "$T/$evil/$evil.jsonl"
see sync now --report "$T/$evil/$evil/x" --dry-run
see debug fold "$T/$evil/$evil.jsonl"
export CLOWDER_HOME=$T/$evil/home
see todo add "within"
see doctor
is "a home folder of that name" "$code" 0
chmod 644 "$CLOWDER_HOME/store.db"
see doctor
cd "$T/$evil" || exit 1
see init
is "and a project" "$code" 0
is "nobody was silent" "$silent" ""
is "everything is named and made safe" "$(found)" ""
done_testing
