#!/usr/bin/env bash
# Goal: no way in or out brings an event of one team to another.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "teams never see each other's events"
for team in red blue; do
	exits "team $team" 0 clowder hub team add $team --data "$hub_data"
done
user ann --team red --team blue
user bob --team blue
user cem
serve
token ann && ann=$access
token bob && bob=$access
token cem && cem=$access

seen() { # ACCESS TEAM: ids of all that a pull and a snapshot give, sorted
	with "$1" "$2"
	ask /api/v1/events/
	json 'sorted(e["event"]["aggregate_id"] for e in d["events"])'
	ask /api/v1/snapshot/
	json 'sorted(t["id"] for t in d["todos"])'
}
both() { printf '%s\n%s' "$1" "$1"; }

# --- by header
with "$ann" red
push 1 2
is "ann writes two to red" "$(statuses)" "success 2"
with "$ann" blue
push 11 1
is "and one to blue" "$(statuses) $(json 'd["head"]')" "success 1 1"
with "$bob" blue
push 12 1
is "bob one to blue" "$(statuses) $(json 'd["head"]')" "success 1 2"
with "$cem"
push 21 1
is "cem one to nobody but himself" "$(statuses) $(json 'd["head"]')" "success 1 1"

is "red" "$(seen "$ann" red)" "$(both '["todo-1", "todo-2"]')"
is "blue, as ann" "$(seen "$ann" blue)" "$(both '["todo-11", "todo-12"]')"
is "blue, as bob" "$(seen "$bob" blue)" "$(both '["todo-11", "todo-12"]')"
is "ann's own" "$(seen "$ann" ann)" "$(both '[]')"
is "ann's default is the first team" "$(seen "$ann" '')" "$(both '["todo-1", "todo-2"]')"
is "cem's own" "$(seen "$cem" '')" "$(both '["todo-21"]')"

# --- a team that one is not in, whether it is there or not
for team in red ann cem nowhere "x'--" '../red'; do
	with "$bob" "$team"
	refuses "bob pulls from $team" 403 forbidden /api/v1/events/
	text=$body
	refuses "bob looks at $team" 403 forbidden /api/v1/snapshot/
	events 900 1 >"$T/batch"
	refuses "bob pushes to $team" 403 forbidden --data-binary "@$T/batch" /api/v1/events/batch/
	is "with one text" "$body" "$text"
done
is "nothing came of it" "$(seen "$ann" red)" "$(both '["todo-1", "todo-2"]')"
with "$bob" BLUE
refuses "slugs have one spelling" 403 forbidden /api/v1/events/
as=(-H "Authorization: Bearer $bob" -H 'X-Team-Slug: blue' -H 'X-Team-Slug: red')
ask /api/v1/events/
isnt "two headers do not give the second" "$(json '[e["event"]["aggregate_id"] for e in d["events"]][:1]' 2>/dev/null)" '["todo-1"]'

# --- by envelope, event by event, where the request names none
with "$bob"
push 31 1 'team_slug="blue"'
is "an event names a team of bob's" "$(statuses)" "success 1"
push 32 1 'team_slug="red"'
is "one that he is not in: it goes to his default" "$(statuses)" "success 1"
push 33 1 'team_slug="bob"'
push 34 1 'team_slug=null'
is "blue has it" "$(seen "$bob" blue)" "$(both '["todo-11", "todo-12", "todo-31", "todo-32", "todo-34"]')"
is "his own team has its one" "$(seen "$bob" bob)" "$(both '["todo-33"]')"
is "red has not" "$(seen "$ann" red)" "$(both '["todo-1", "todo-2"]')"
with "$bob" bob
push 35 1 'team_slug="blue"'
is "the header counts before the envelope" "$(seen "$bob" bob)" "$(both '["todo-33", "todo-35"]')"
events 41 1 'team_slug="red"' >"$T/red" && events 42 1 'team_slug="blue"' >"$T/blue"
python3 -c 'import json, sys
print(json.dumps({"events": sum((json.load(open(f))["events"] for f in sys.argv[1:]), [])}))' \
	"$T/red" "$T/blue" >"$T/mixed"
with "$ann"
answers "one batch for two teams" 200 --data-binary "@$T/mixed" /api/v1/events/batch/
is "is taken" "$(statuses)" "success 2"
is "numbered in each" "$(json '[r["seq"] for r in d["results"]]')" '[3, 6]'
is "red got one" "$(seen "$ann" red)" "$(both '["todo-1", "todo-2", "todo-41"]')"
is "blue the other" "$(seen "$ann" blue)" "$(both '["todo-11", "todo-12", "todo-31", "todo-32", "todo-34", "todo-42"]')"

# --- one id in two teams; names across teams
with "$ann" blue
push 1 1
is "an event of red is new to blue" "$(statuses)" "success 1"
push 1 1
is "and then known there" "$(statuses)" "duplicate 1"
with "$bob" blue
push 2 1 'payload={"content":"another"}'
is "an id of red says nothing in blue" "$(statuses)" "success 1"
push 51 1 'replaces=["01890000-0000-7000-8000-000000000029"]'
is "what only red has cannot be named" "$(json 'd["results"][0]["code"]')" missing_parent
with "$ann" red
push 52 1 'replaces=["01890000-0000-7000-8000-000000000029"]'
is "in red it can" "$(statuses)" "success 1"

# --- positions are the team's own
with "$bob" blue
ask "/api/v1/events/?limit=1" && epoch=$(json 'd["epoch"]') blue=$(json 'd["head"]')
with "$bob" bob
refuses "a place of blue is beyond bob's" 409 resync "/api/v1/events/?epoch=$epoch&after=$blue"
with "$cem"
answers "metrics tell no names" 200 /metrics
unlike "of teams or users" "$body" '\b(red|blue|ann|bob|cem)\b'
stop_hub
done_testing
