# For scenarios that speak with a hub as any program does: curl, bash's sockets.
# Source it behind lib.sh.

# ask [CURL-OPTION...] PATH: $status, $body, $head (lower case, no CR).  Options
# that all calls share stand in the array `as`.
as=()
ask() {
	local path=${*: -1}
	status=$(curl -sS -m 60 -o "$T/.body" -D "$T/.head" -w '%{http_code}' \
		"${as[@]}" "${@:1:$#-1}" "$hub_url$path" 2>"$T/.err")
	err=$(cat "$T/.err")
	body=$(cat "$T/.body" 2>/dev/null)
	head=$(tr -d '\r' <"$T/.head" | tr '[:upper:]' '[:lower:]')
	out=$body
}

# answers DESCRIPTION STATUS [CURL-OPTION...] PATH
answers() {
	local what=$1 want=$2
	shift 2
	ask "$@"
	[ "$status" = "$want" ]
	result $? "$what" || show "status $status, want $want" "$head" "${body:0:600}" "$err"
}

# refuses DESCRIPTION STATUS CODE [CURL-OPTION...] PATH: with our error body
refuses() {
	local what=$1 want=$2 code=$3 got
	shift 3
	ask "$@"
	got=$(json 'd["error"] if d.get("message") else "no message"' 2>/dev/null)
	[ "$status $got" = "$want $code" ]
	result $? "$what" || show "$status $got, want $want $code" "${body:0:600}" "$err"
}

# field NAME: of the last answer
field() { sed -n "s/^$1: *//p" <<<"$head"; }

# token NAME: sign in; $access, $refresh, $session
token() {
	ask -d "{\"username\":\"$1\",\"password\":\"secret-$1\"}" /api/v1/token/
	access=$(json 'd["access"]') refresh=$(json 'd["refresh"]')
	session=$(json 'd["session_id"]')
}

# with ACCESS [TEAM]: sign the calls from here on
with() {
	as=(-H "Authorization: Bearer $1")
	[ -z "${2-}" ] || as+=(-H "X-Team-Slug: $2")
}

# events FIRST COUNT [MEMBER=JSON...]: a batch with ids numbered from FIRST
events() {
	python3 -SE - "$@" <<'P'
import json, sys
first, count = int(sys.argv[1]), int(sys.argv[2])
more = dict((k, json.loads(v)) for k, v in (a.split("=", 1) for a in sys.argv[3:]))
def event(i):
    e = {"event_id": "01890000-0000-7000-8000-%012x" % i,
         "event_type": "todo_added", "aggregate_type": "todo",
         "aggregate_id": "todo-%d" % i, "lamport_clock": i, "node_id": "n1",
         "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
         "payload": {"content": "number %d" % i}}
    e.update(more)
    return {k: v for k, v in e.items() if v != "-"}
print(json.dumps({"events": [event(first + i) for i in range(count)]}))
P
}

# push FIRST COUNT [MEMBER=JSON...]
push() {
	events "$@" >"$T/.batch"
	ask -H 'Content-Type: application/json' --data-binary "@$T/.batch" /api/v1/events/batch/
}

# statuses: of the last batch, such as "success 3 rejected 1"
statuses() {
	json '" ".join("%s %d" % (s, [r["status"] for r in d["results"]].count(s))
		for s in ("success", "duplicate", "rejected")
		if s in [r["status"] for r in d["results"]])'
}

# alive: it still answers
alive() {
	answers "${1:-the hub is alive}" 200 /api/health
}

# connect: a socket to the hub as descriptor 7, plain
connect() {
	local to=${hub_url#*://}
	exec 7<>"/dev/tcp/${to%:*}/${to##*:}"
}
hang_up() { exec 7<&- 7>&-; }
