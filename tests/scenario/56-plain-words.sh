#!/usr/bin/env bash
# Goal: what goes wrong is said so that somebody who is new here knows what to do.
. "$(dirname "$0")/lib.sh"
goal "words for what goes wrong"

home a
exits "a first todo" 0 clowder todo add x
like "says that the folder becomes a project" "$err" "^note: this folder is no repository; it is the project 'work'"
exits "a second" 0 clowder todo add y
is "is silent" "$err" ''

# Features.
check "words are a title" clowder feature add "Login page"
run clowder feature show login-page --json
is "and kept" "$(json 'd["title"]')" "Login page"
check "a word is none" clowder feature add checkout
run clowder feature show checkout --json
is "but a slug" "$(json 'd["title"]')" null
check "a number that is taken" clowder feature add 002-other
like "is said" "$err" '^note: 002-checkout has that number too'
exits "it names neither" 4 clowder show 002
like "both of which are offered" "$err" "'002' may be any of these features: 002-checkout, 002-other$"
clowder wp add One --feature login >/dev/null
run clowder show 001 --json
is "a number is a feature's" "$(json 'd["type"]')" feature
exits "letters of elsewhere make no slug" 2 clowder feature add "Überblick"
like "but a title" "$err" "feature add login --title 'Überblick'"
exits "a word that begins with a dash" 2 clowder wp add --dash
like "comes behind two" "$err" 'unknown option --dash \(words that begin with - come behind --\)'
exits "there it does" 0 clowder wp add --feature login -- --dash
exits "help tells that conflicts runs alone" 0 clowder help conflicts
like "too" "$out" '^Usage: clowder conflicts \[COMMAND ...\]$'
exits "and of an option it says" 2 clowder conflicts --nonsense

# What agents left.
mkdir -p lists
printf '[{"content":"Good","status":"pending"},{"status":"pending"},{"content":"Odd","status":"mañana"}]' >lists/todos.json
exits "a list with odd entries" 0 clowder consolidate lists/todos.json
like "says which file and why" "$err" 'lists/todos.json: 2 entries are no todos; the first: it has no text$'
like "how many" "$out" '^2 entries are no todos$'
like "one is one" "$out" '^Read 1 of 1 file: 1 todo, 1 of them new$'
printf '["x"]' >lists/other.json
printf '[{"content":"Better","status":"pending"},7]' >lists/todos.json
exits "again" 0 clowder consolidate lists/todos.json --json
is "for programs" "$(json '[[s["file"].split("/")[-1], s["entries"], s["why"]] for s in d["no_todos"]]')" \
	'[["todos.json", 1, "it is no object"]]'

# One is one.
home one
check "a project" clowder init
check "one event" clowder feature add x
check "a file of them" clowder export "$T/some.jsonl"
grep -e '"clowder":' -e '"feature_created"' "$T/some.jsonl" >"$T/one.jsonl"
home two
exits "one is taken in" 0 clowder import "$T/one.jsonl"
like "as one" "$out" "^Imported 1 event into "
exits "again" 0 clowder import "$T/one.jsonl"
like "it was there" "$out" ", 1 was there already$"
exits "it is read" 0 clowder verify
like "as one too" "$out" "^Read 1 event, 1 entry in 1 project$"
home a

# Signing in.
python3 - "$T/port" <<'P' &
import http.server, sys
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
open(sys.argv[1], "w").write(str(s.server_address[1]))
s.serve_forever()
P
pids+=("$!")
wait_for "another server" test -s "$T/port"
clowder sync server "http://127.0.0.1:$(cat "$T/port")" >/dev/null
run clowder auth login -u ann -p x
like "is not taken for a hub" "$err" 'is this a hub\?$'
like "and what would be" "$err" '^try: clowder sync server https://'
serve
user ann
clowder sync server "$hub_url" >/dev/null
exits "a wrong password" 3 clowder auth login -u ann -p x
like "says what may be done" "$err" '^try: clowder auth login -u ann$'
run clowder doctor --server --json
is "signed out is nothing critical" "$(json '[f["severity"] for f in d["findings"] if f["severity"] == "critical"]')" '[]'

# A store that is none.
home b
mkdir -p -m 700 "$CLOWDER_HOME"
head -c 9000 /dev/zero | tr '\0' x >"$CLOWDER_HOME/store.db"
chmod 600 "$CLOWDER_HOME/store.db"
exits "a store that is none" 1 clowder verify
like "may be set aside" "$err" "; what now: move $CLOWDER_HOME/store.db and its -wal and -shm elsewhere and keep them"
unlike "it is not looked at again" "$err" '^try: clowder verify'
exits "the doctor too" 1 clowder doctor
like "says so" "$out" 'D-006  the store cannot be opened: .*; move it and its -wal and -shm elsewhere'
done_testing
