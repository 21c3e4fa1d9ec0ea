# Harness of the scenarios: source it first.  TAP on stdout; each scenario has a
# folder, homes and ports of its own, waits for conditions, and ends what it
# started.  $CLOWDER is the program under test.
#
#	. "$(dirname "$0")/lib.sh"
#	goal "two homes see the same"
#	home a                      # CLOWDER_HOME, HOME and a work folder
#	run clowder init            # $code, $out, $err
#	is "it worked" "$code" 0
#	done_testing

set -u
: "${CLOWDER:?the program under test}"
T=$(mktemp -d "${TMPDIR:-/tmp}/clowder-scenario-XXXXXX")
export TMPDIR=$T LC_ALL=C.UTF-8 NO_COLOR=1 TERM=dumb
# No daemon but those that a scenario starts, and those in ports of its own.
export CLOWDER_DAEMON=manual
CLOWDER_PORTS=$((10000 + $$ % 400 * 50))
export CLOWDER_PORTS=$CLOWDER_PORTS-$((CLOWDER_PORTS + 49))
unset CLOWDER_HOME CLOWDER_HUB_DATA CLOWDER_TOKEN_FILE CLOWDER_AUTHOR \
	CLAUDE_CONFIG_DIR http_proxy https_proxy all_proxy no_proxy
count=0 failed=0 pids=()
code=0 out='' err=''
mkdir -p "$T/bin"
ln -s "$CLOWDER" "$T/bin/clowder"
ln -s "$CLOWDER" "$T/bin/spec-kitty"
# What stands for it may be a script that looks for the right one each time.
ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$T/bin/python3"
PATH=$T/bin:$PATH

cleanup() {
	local pid
	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null && { wait "$pid"; } 2>/dev/null
	done
	if [ "$failed" = 0 ] && [ "$count" != 0 ]; then
		rm -rf "$T"
	else
		echo "# kept: $T"
	fi
}
trap cleanup EXIT
trap 'exit 1' INT TERM

goal() { echo "# Goal: $*"; }

# result OK DESCRIPTION
result() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		failed=$((failed + 1))
		echo "not ok $count - $2"
	fi
	[ "$1" = 0 ]
}

show() { printf '%s\n' "$@" | sed 's/^/#   /'; }

# is DESCRIPTION GOT WANT
is() {
	[ "$2" = "$3" ]
	result $? "$1" || show "got:  $2" "want: $3" "stderr: $err"
}

isnt() {
	[ "$2" != "$3" ]
	result $? "$1" || show "got: $2"
}

# like DESCRIPTION TEXT REGEX (extended)
like() {
	printf '%s' "$2" | grep -qE -- "$3"
	result $? "$1" || show "got:  $2" "want: /$3/" "stderr: $err"
}

unlike() {
	! printf '%s' "$2" | grep -qE -- "$3"
	result $? "$1" || show "got:  $2" "must not match: /$3/"
}

# check DESCRIPTION COMMAND...: it succeeds
check() {
	local what=$1
	shift
	run "$@"
	result "$code" "$what" || show "exit $code" "$out" "$err"
}

# exits DESCRIPTION CODE COMMAND...
exits() {
	local what=$1 want=$2
	shift 2
	run "$@"
	[ "$code" = "$want" ]
	result $? "$what" || show "exit $code, want $want" "$out" "$err"
}

# run COMMAND...: $out, $err, $code
run() {
	"$@" >"$T/.out" 2>"$T/.err" </dev/null
	code=$?
	out=$(cat "$T/.out") err=$(cat "$T/.err")
}

# home NAME: from here on this is another machine or person
home() {
	export HOME=$T/$1 CLOWDER_HOME=$T/$1/.clowder
	mkdir -p "$HOME/work"
	cd "$HOME/work" || exit 1
}

# wait_for DESCRIPTION COMMAND...: until it succeeds, at most $WAIT_S (20) seconds
wait_for() {
	local what=$1 end=$((SECONDS + ${WAIT_S:-20}))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			result 1 "$what" || show "$* did not succeed within ${WAIT_S:-20} s"
			return 1
		fi
		read -rt 0.05 <> <(:) || true
	done
	result 0 "$what"
}

# serve [OPTION...]: start a hub; $hub_url, $hub_pid.  Its folder is $hub_data,
# its log $T/hub.log.  A hub that is started again serves at the same address.
hub_data=$T/hub hub_listen=127.0.0.1:0 hub_url='' hub_pid=''
serve() {
	: >"$T/hub.out"
	"$CLOWDER" hub serve --json --data "$hub_data" --listen "$hub_listen" \
		"$@" >"$T/hub.out" 2>>"$T/hub.log" </dev/null &
	hub_pid=$!
	pids+=("$hub_pid")
	wait_for "the hub serves" grep -q '"url"' "$T/hub.out" || return 1
	hub_url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$T/hub.out")
	hub_listen=${hub_url#*://}
}

# stop_hub [SIGNAL]
stop_hub() {
	kill "-${1:-TERM}" "$hub_pid"
	wait "$hub_pid" 2>/dev/null
	hub_code=$?
	hub_pid=''
}

# daemon_up: this home's daemon runs; $daemon_pid, $daemon_port, $daemon_url
daemon_up() {
	run clowder daemon start || true
	daemon_url=$(sed -n 1p "$CLOWDER_HOME/sync-daemon" 2>/dev/null)
	daemon_port=$(sed -n 2p "$CLOWDER_HOME/sync-daemon" 2>/dev/null)
	daemon_pid=$(sed -n 4p "$CLOWDER_HOME/sync-daemon" 2>/dev/null)
	[ -z "$daemon_pid" ] || pids+=("$daemon_pid")
	result "$code" "the daemon runs" || show "$out" "$err"
}

# wire_up: a wire in front of the hub; from here on homes use it ($hub_url).
# wire ORDER: see tests/lib/wire_proxy.py
wire_n=0
wire_up() {
	python3 "$(dirname "$0")/../lib/wire_proxy.py" "$hub_url" "$T/wire" >"$T/wire.out" &
	pids+=("$!")
	wait_for "the wire is there" grep -q http "$T/wire.out"
	hub_url=$(cat "$T/wire.out")
}
wire() {
	wire_n=$((wire_n + 1))
	echo "$1" >"$T/wire"
	until grep -q "ok $wire_n\$" "$T/wire.done" 2>/dev/null; do
		read -rt 0.01 <> <(:) || true
	done
}

# daemon_says WORD: its state of sync
daemon_says() { clowder daemon status | grep -qE "Sync  *($1)"; }

# api PATH [CURL-OPTION...]: with the daemon's token; $out, $code: the status
api() {
	local path=$1
	shift
	code=$(curl -s -o "$T/.out" -w '%{http_code}' --noproxy '*' --max-time 20 \
		-H "Authorization: Bearer $(sed -n 3p "$CLOWDER_HOME/sync-daemon")" \
		"$@" "$(sed -n 1p "$CLOWDER_HOME/sync-daemon")$path")
	out=$(cat "$T/.out")
}

# user NAME [OPTION...]: an account with the password "secret-NAME"
user() {
	local name=$1
	shift
	printf 'secret-%s\n' "$name" |
		"$CLOWDER" hub user add "$name" --password-stdin --data "$hub_data" "$@" >/dev/null
}

# sign_in NAME: this home uses the hub as NAME
sign_in() {
	clowder sync server "$hub_url" >/dev/null &&
		printf 'secret-%s\n' "$1" |
		clowder auth login -u "$1" --password-stdin >/dev/null
}

# json EXPRESSION: of $out, by python: json 'd["digest"]'
json() {
	printf '%s' "$out" | python3 -SE -c '
import json, sys
d = json.load(sys.stdin)
r = eval(sys.argv[1])
print(r if isinstance(r, str) else json.dumps(r, sort_keys=True))' "$1"
}

# What a sanitizer has to say of a program that ran by itself stands in its log.
check_logs() {
	local log
	for log in "$T"/*/.clowder/sync-daemon.log* "$T"/hub.log; do
		[ -e "$log" ] || continue
		grep -qE 'Sanitizer|runtime error' "$log" || continue
		result 1 "no sanitizer speaks in ${log#"$T"/}"
		show "$(grep -A 15 -m 1 -E 'Sanitizer|runtime error' "$log")"
	done
}

done_testing() {
	check_logs
	echo "1..$count"
	[ "$failed" = 0 ]
	exit
}
