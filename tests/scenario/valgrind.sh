#!/usr/bin/env bash
# Goal: under valgrind no command reads what was never written or gives back less
# than it took: each of the table once or more, well and badly used. Not a scenario
# of the suite, whose program has sanitizers: `./dev check` runs it with a plain
# one, and `./dev valgrind` runs the other scenarios under valgrind as well.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "every command under valgrind"
BAD=99 # exit status of what valgrind found
under=(valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect,possible
	--error-exitcode=$BAD --child-silent-after-fork=yes --log-file="$T/valgrind.%p")
: >"$T/did"

# $CLOWDER_VALGRIND=short: one of each kind, the others plainly; for ./dev check.
short=${CLOWDER_VALGRIND:-whole}
kinds=' '

# v CODE COMMAND...: exits with CODE, and valgrind has nothing to say
v() {
	local want=$1 said with=("${under[@]}")
	shift
	echo "$*" >>"$T/did"
	[ "$short" != short ] || [[ $kinds != *" $1 "* ]] || with=()
	kinds+="$1 "
	run "${with[@]}" "$CLOWDER" "$@"
	said=$(cat "$T"/valgrind.* 2>/dev/null)
	rm -f "$T"/valgrind.*
	[ "$code" = "$want" ] && [ -z "$said" ]
	result $? "$*" || show "exit $code, want $want" "$out" "$err" "$said"
}

hub=(--data "$hub_data")
printf 'secret-ann\n' >"$T/password"
v_in() { # FILE CODE COMMAND...: with this as its input
	local file=$1
	shift
	run_in=$file
	v "$@"
	run_in=
}
run_in=
run() {
	"$@" >"$T/.out" 2>"$T/.err" <"${run_in:-/dev/null}"
	code=$?
	out=$(cat "$T/.out") err=$(cat "$T/.err")
}

# --- a hub's folder
v 0 hub team add crew "${hub[@]}"
v 4 hub team add crew "${hub[@]}"
v_in "$T/password" 0 hub user add ann --team crew --password-stdin "${hub[@]}"
v_in "$T/password" 4 hub user add ann --password-stdin "${hub[@]}"
v 0 hub team list "${hub[@]}"
v 0 hub user list --json "${hub[@]}"
user bob
v_in "$T/password" 0 hub user passwd bob --password-stdin "${hub[@]}"
v 0 hub user disable bob "${hub[@]}"
v 0 hub user enable bob "${hub[@]}"
v 0 hub team add-user crew bob "${hub[@]}"
v 0 hub team remove-user crew bob "${hub[@]}"
v 0 hub key rotate "${hub[@]}"
v 2 hub serve --listen nonsense "${hub[@]}"

# --- a project and its work
home a
git init -q "$HOME/work/shop" && cd "$HOME/work/shop" || exit 1
v 0 init --slug shop
v 0 feature add shop
v 0 feature edit 001 --title "The shop"
v 0 feature list
v 0 feature show 001 --json
run clowder wp add "Cart"
wp=$out
v 0 wp add "Payment"
v 0 wp edit "$wp" --title "The cart"
v 0 wp assign "$wp" ann
v 0 wp note "$wp" "half done"
v 0 wp move "$wp" claimed --actor ann
v 4 wp move "$wp" claimed --actor bob
v 2 wp move "$wp" nowhere
v 0 wp list --json
v 0 wp show "$wp"
run clowder todo add "Ask"
todo=$out
v 0 todo add "Two" --json
v 0 todo start "$todo"
v 0 todo "done" "$todo"
v 0 todo reopen "$todo"
v 0 todo edit "$todo" "Ask them"
v 0 todo list --json
v 0 todo show "$todo"
v 0 todo history "$todo"
v 0 todo rm "$todo"
v 1 todo show ffffffff
mkdir -p ~/.claude/todos
printf '[{"content":"one","status":"pending","activeForm":"One"}]' \
	>~/.claude/todos/5b1f1f0e-0000-4000-8000-000000000001-agent-5b1f1f0e-0000-4000-8000-000000000001.json
v 0 consolidate
v 0 item list
v 1 item show nothing
v 0 board
v 0 board --json
v 0 log --limit 0
v 0 show "$wp"
v 0 conflicts list
v 1 conflicts show 00
v 0 wp rm "$wp"
v 4 feature rm 001
v 0 feature rm 001 --with-packages
v 0 project list

# --- who is at work, and what they do
v 0 session start --id s-1 --agent claude
v 0 session beat --id s-1
v 0 session list --json
v 0 session show s-1
v 0 session end --id s-1
v 1 session show nobody
v 2 watch -n nonsense

# --- with others
serve
v 0 sync status
v 1 sync now
v 0 sync server "$hub_url"
v_in "$T/password" 0 auth login -u ann --password-stdin
v 0 auth status --json
v 0 auth whoami
v 0 auth doctor
v 1 auth import "$T/nothing"
v 0 sync now
v 0 sync now --json
v 0 sync status --json
v 0 sync diagnose
v 1 sync retry ffff
v 1 sync edit ffff --set content=x
v 1 sync discard ffff

# --- by a daemon, all its life
v 1 daemon status
# (What the loader of libraries keeps in a thread counts as lost: AddressSanitizer
# looks at what is ours.)
valgrind -q --error-exitcode=$BAD "$CLOWDER" daemon run >"$T/daemon.out" 2>"$T/daemon.err" </dev/null &
daemon=$!
pids+=("$daemon")
WAIT_S=60 wait_for "a daemon is live" daemon_says 'Connected, live'
v 0 daemon start
clowder todo add "by the daemon" >/dev/null
v 0 sync now
v 0 daemon stop
wait "$daemon"
code=$?
echo "daemon run" >>"$T/did"
is "daemon run" "$code" 0 || show "$(cat "$T/daemon.err")"
CLOWDER_PORTS=nonsense v 1 daemon restart

v 0 project share . crew
v 0 project use . crew
v 0 hub backup "$T/backup" "${hub[@]}"
v 0 hub verify "${hub[@]}"
stop_hub
v 5 sync now
v 0 hub restore "$T/backup" "${hub[@]}"
v 0 auth logout

# --- this machine
v 0 export "$T/log.jsonl"
v 0 import "$T/log.jsonl"
v 4 import "$T/password"
sed 1d "$T/log.jsonl" >"$T/events.jsonl"
v 0 debug fold "$T/events.jsonl"
v 4 debug fold "$T/log.jsonl"
v 0 verify
v 0 rebuild
v 0 doctor
v 0 help wp move
v 0 completion bash
v 0 man
v 0 commands --json
v 0 version
v 2 nonsense
v 2 wp move

# --- was it all?
clowder commands --json | python3 -c '
import json, sys
def names(commands, before=""):
    for c in commands:
        name = before + c["name"]
        below = c.get("commands") or c.get("subcommands") or []
        if below:
            yield from names(below, name + " ")
        else:
            yield name
did = [line.rstrip("\n") for line in open(sys.argv[1])]
for name in names(json.load(sys.stdin)["commands"]):
    if not any(d == name or d.startswith(name + " ") for d in did):
        print(name)' "$T/did" >"$T/missing"
is "every command was run" "$(cat "$T/missing")" ""
done_testing
