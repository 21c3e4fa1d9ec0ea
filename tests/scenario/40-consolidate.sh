#!/usr/bin/env bash
# Goal: what agents left in files becomes todos, each once, with its highest
# status; looking again changes nothing.
. "$(dirname "$0")/lib.sh"
goal "todos and tasks of agents, each once"
home ann

s1=00000000-0000-4000-8000-000000000001
s2=00000000-0000-4000-8000-000000000002
mkdir -p ~/.claude/todos ~/.claude/tasks/session-0a1b2c3d ~/.claude/projects/-home-ann-shop ~/shop
git -C ~/shop init -q
git -C ~/shop remote add origin git@example.org:ann/shop.git
cat >~/.claude/todos/$s1-agent-$s1.json <<'J'
[{"content":"Write the parser","status":"completed","activeForm":"Writing the parser"},
 {"content":"Test the parser","status":"in_progress","activeForm":"Testing"}]
J
cat >~/.claude/todos/$s2-agent-$s2.json <<'J'
[{"content":"Write the  parser","status":"pending","id":"1","priority":"high"}]
J
printf '{"type":"summary"}\n{"cwd":"%s","gitBranch":"main"}\n' "$HOME/shop" \
	>~/.claude/projects/-home-ann-shop/$s1.jsonl
printf '{"cwd":"%s"}\n' "$HOME/shop" >~/.claude/projects/-home-ann-shop/$s2.jsonl
echo '{"id":"1","subject":"Lay out the page","status":"pending","blocks":["2"],"blockedBy":[]}' \
	>~/.claude/tasks/session-0a1b2c3d/1.json
echo '{"id":"2","subject":"Style it","status":"pending","blocks":[],"blockedBy":["1"]}' \
	>~/.claude/tasks/session-0a1b2c3d/2.json
: >~/.claude/tasks/session-0a1b2c3d/.lock

exits "it works" 0 clowder consolidate --json
is "four files" "$(json 'd["files"]')" 4
is "four todos, each once" "$(json 'd["todos"]')" 4
is "five reports" "$(json 'd["events"]')" 5
is "the session's folder names the project" \
	"$(json '[p["todos"] for p in d["projects"] if p["project"] == "shop"]')" '[2]'
exits "again" 0 clowder consolidate --json
is "nothing changes" "$(json 'd["events"]')" 0
is "and nothing is read" "$(json 'd["unchanged"]')" 4

echo '[{"content":"Write the parser","status":"comp' >~/.claude/todos/$s1-agent-$s1.json
exits "a file that is being written is left" 0 clowder consolidate --json
is "and counted" "$(json 'd["left"]')" 1
like "and named" "$err" "left for the next time: .*$s1.*not JSON at byte"
exits "a path that is not there" 1 clowder consolidate /nonexistent/path
like "is named" "$err" "/nonexistent/path"

# A file reports under its path, however that is written.
mkdir -p ~/lists/sub
echo '[{"content":"Sweep","status":"completed"},{"content":"Mop","status":"pending"}]' >~/lists/t.json
ln -s lists ~/linked
cd ~/lists
exits "a list in a folder" 0 clowder consolidate --json .
is "is reported" "$(json 'd["events"]')" 2
for spelt in "$HOME/lists" ../lists ./sub/.. "$HOME/linked" t.json "$HOME/linked/t.json"; do
	exits "as $spelt" 0 clowder consolidate --json "$spelt"
	is "it is the same one" "$(json '[d["events"], d["unchanged"]]')" "[0, 1]"
done
cd - >/dev/null

mkdir -p ~/empty
exits "an empty folder is fine" 0 clowder consolidate ~/empty
like "and says so" "$out" "Nothing changed"
export CLAUDE_CONFIG_DIR=$HOME/elsewhere
exits "nowhere anything" 1 clowder consolidate
like "is said" "$err" "nothing found"

# One todo that no log can hold, and a list whose name is no name, hold up nobody.
home poisoned
unset CLAUDE_CONFIG_DIR
lists=$HOME/.claude/todos
tasks=$HOME/.claude/tasks
id=01234567-89ab-4cde-8f01-23456789abcd
mkdir -p "$lists" "$tasks"/$'two\nlines' "$tasks/zlast"
python3 - "$lists/$id-agent-$id.json" <<'P'
import json, sys
with open(sys.argv[1], "w") as f:
    json.dump([{"content": c, "status": "pending"}
        for c in ("before", "x" * 600000, "after")], f)
P
for name in $'two\nlines' zlast; do
	printf '{"id":"1","subject":"task of %s","status":"pending"}' \
		"${name%%$'\n'*}" >"$tasks/$name/1.json"
done
check "what can be taken in is" clowder consolidate
like "all of it" "$out" '^Consolidated: 3 events$'
like "what is too long is said" "$err" "left for the next time: .*$id.*bytes"
like "so is the name" "$err" 'left for the next time: .*two'
like "and why" "$err" 'reporter'
check "again" clowder consolidate
like "changes nothing" "$out" '^Nothing changed$'
like "and says again what is left" "$err" "left for the next time: .*$id.*bytes"
like "all of it" "$err" 'left for the next time: .*two'
done_testing
