#!/usr/bin/env bash
# Goal: curl alone can do with a hub what the client does, and every answer is
# the one that docs/protocol.md names.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "the protocol, by curl"
user ann
serve

# --- without signing in
answers "health" 200 /api/health
is "says ok" "$(json 'd["status"]')" ok
is "and the protocol's version" "$(json 'd["protocol_version"]')" 1
like "and the epoch" "$(json 'd["epoch"]')" '^[0-9a-f]{32}$'
epoch=$(json 'd["epoch"]')
like "JSON" "$(field content-type)" '^application/json'
like "a request id" "$(field x-request-id)" '.'
answers "with a slash behind" 200 /api/health/
answers "with two in front" 200 //api/health
answers "with many" 200 ////api/health/
answers "HEAD" 200 --head /api/health
is "has no body" "$(tail -n 1 <<<"$body" | tr -d '\r')" ""
like "but its length" "$(field content-length)" '^[1-9]'
answers "metrics" 200 /metrics
like "are text" "$(field content-type)" '^text/plain'
like "with numbers" "$body" '^clowder_requests_total [1-9]'
refuses "no such route" 404 not_found /api/nothing
refuses "the root is none" 404 not_found /
refuses "nor is a route's beginning" 404 not_found /api/v1/
refuses "nor two slashes behind" 404 not_found /api/health//
refuses "nor a route in capitals" 404 not_found /API/health
refuses "wrong method" 405 method_not_allowed -X DELETE /api/health
is "says which are right" "$(field allow)" "get, head"
refuses "GET of a POST" 405 method_not_allowed /api/v1/events/batch/
is "says which is right" "$(field allow)" post
refuses "OPTIONS" 405 method_not_allowed -X OPTIONS /api/v1/me
refuses "a method that nobody knows" 501 unsupported -X BREW /api/health
for path in me events/ snapshot/ sync/health/; do
	refuses "$path wants sign-in" 401 unauthorized "/api/v1/$path"
done
is "and says how" "$(field www-authenticate)" bearer
refuses "so do contents" 401 unauthorized -d '{}' /api/dossier/push-content/
refuses "so does batch" 401 unauthorized -d '{"events":[]}' /api/v1/events/batch/
refuses "basic is not enough" 401 unauthorized -u ann:secret-ann /api/v1/me
as=(-L)
ask /api/v1/me
is "nothing is ever redirected" "$status" 401
as=()

# --- signing in
refuses "a wrong password" 401 invalid_credentials -d '{"username":"ann","password":"wrong"}' /api/v1/token/
wrong=$body
refuses "an unknown name" 401 invalid_credentials -d '{"username":"eve","password":"wrong"}' /api/v1/token/
is "reads the same" "$body" "$wrong"
refuses "no password" 400 bad_request -d '{"username":"ann"}' /api/v1/token/
refuses "a number for one" 400 bad_request -d '{"username":"ann","password":5}' /api/v1/token/
refuses "not JSON" 400 bad_json -d 'username=ann' /api/v1/token/
refuses "a key twice" 400 bad_json -d '{"username":"ann","username":"bob","password":"x"}' /api/v1/token/
refuses "a long one" 413 too_large -d "{\"username\":\"$(printf %20000d 1)\"}" /api/v1/token/
token ann
is "signed in" "$status" 200
is "with lifetimes" "$(json '[d["access_lifetime"], d["refresh_lifetime"]]')" '[3600, 604800]'
is "and the private team" "$(json 'd["team_slug"]')" ann
is "not to be kept by caches" "$(field cache-control)" no-store
is "without the slash, packed" "$(printf '{"username":"ann","password":"secret-ann"}' | gzip |
	curl -s -o /dev/null -w '%{http_code}' -H 'Content-Encoding: gzip' --data-binary @- "$hub_url/api/v1/token")" 200
with "$access"
answers "me" 200 /api/v1/me
is "says who" "$(json '[d["name"], d["session_id"], d["auth_flow"], [t["slug"] for t in d["teams"]]]')" \
	"[\"ann\", \"$session\", \"password\", [\"ann\"]]"
for member in user_id email authenticated_at access_token_expires_at refresh_token_expires_at; do
	like "and $member" "$(json "\"$member\" in d")" true
done
answers "with a slash" 200 /api/v1/me/
answers "the scheme in another case" 200 -H "Authorization: bEARER $access" /api/v1/me
answers "health of sync" 200 /api/v1/sync/health/
is "says ok as well" "$(json 'd["status"]')" ok

# --- batches
answers "an empty batch" 200 -d '{"events":[]}' /api/v1/events/batch/
is "has results, epoch, head" "$(json '[d["results"], d["epoch"], d["head"]]')" "[[], \"$epoch\", 0]"
answers "one without a body" 200 -X POST /api/v1/events/batch/
is "is as empty" "$(json 'd["results"]')" '[]'
answers "one that is packed" 200 -H 'Content-Encoding: gzip' \
	--data-binary "@"<(printf '{"events":[]}' | gzip) /api/v1/events/batch
answers "a packed one without a body" 200 -X POST -H 'Content-Encoding: gzip' /api/v1/events/batch
push 1 3
is "three events" "$status $(statuses)" "200 success 3"
is "in order, numbered" "$(json '[(r["event_id"][-1:], r["seq"]) for r in d["results"]]')" \
	'[["1", 1], ["2", 2], ["3", 3]]'
is "the head" "$(json 'd["head"]')" 3
push 1 4
is "again, and one more" "$(statuses)" "success 1 duplicate 3"
is "with the numbers they had" "$(json '[r["seq"] for r in d["results"]]')" '[1, 2, 3, 4]'
events 5 1000 | gzip >"$T/batch.gz"
answers "a thousand, packed" 200 -H 'Content-Encoding: GZIP' --data-binary "@$T/batch.gz" /api/v1/events/batch/
is "are all taken" "$(statuses) $(json 'd["head"]')" "success 1000 1004"
answers "again, as x-gzip, the answer packed" 200 --compressed -H 'Content-Encoding: x-gzip' \
	--data-binary "@$T/batch.gz" /api/v1/events/batch/
is "are all known" "$(statuses)" "duplicate 1000"
is "the answer came packed" "$(field content-encoding)" gzip
events 5 1001 >"$T/batch"
refuses "1,001" 400 bad_request --data-binary "@$T/batch" /api/v1/events/batch/
like "says so in details" "$(json 'd["details"]')" '1001'

# --- contents of artifacts
content() { # PATH TEXT [HASH]
	printf '{"project_uuid":"p-1","feature_slug":"001-a","artifact_path":"%s","content_hash":"%s","content_body":"%s","of_later":1}' \
		"$1" "${3-$(printf %s "$2" | sha256sum | cut -d' ' -f1)}" "$2" >"$T/content"
}
pushing=(--data-binary "@$T/content" /api/dossier/push-content/)
content spec.md "some text"
answers "a content is stored" 201 "${pushing[@]}"
is "says where, and what" "$(json '[d["status"], d["artifact_path"], d["content_hash"][:8]]')" \
	"[\"stored\", \"spec.md\", \"$(printf 'some text' | sha256sum | cut -c1-8)\"]"
answers "again" 200 "${pushing[@]}"
is "it is there" "$(json 'd["status"]')" already_exists
content plan.md "some text"
gzip -c "$T/content" >"$T/content.gz"
answers "at another place, packed" 201 -H 'Content-Encoding: gzip' --data-binary "@$T/content.gz" "${pushing[2]}"
content spec.md "another text"
answers "another one at the first place" 201 "${pushing[@]}"
content spec.md "a text" "$(printf 'some text' | sha256sum | cut -d' ' -f1)"
refuses "a hash of another text" 400 bad_request "${pushing[@]}"
like "names the member" "$(json 'd["details"]')" content_hash
content "" "a text"
refuses "no path" 400 bad_request "${pushing[@]}"
refuses "not JSON" 400 bad_json -d 'x' "${pushing[2]}"
refuses "no body" 400 bad_json -X POST "${pushing[2]}"
content big.md "$(printf %524288d 7)"
answers "512 KiB" 201 "${pushing[@]}"
content big.md "$(printf %524289d 7)"
refuses "one byte more" 413 too_large "${pushing[@]}"
printf '{"content_body":"%5000000d"}' 7 >"$T/content"
refuses "5 MB" 413 too_large "${pushing[@]}"
content spec.md "of another team"
refuses "another team's" 403 forbidden -H 'X-Team-Slug: of-others' "${pushing[@]}"
check "verify reads them as well" clowder hub verify --data "$hub_data"

# --- refusals of one event, in words that older clients sort by
refused() { # DESCRIPTION CODE RETRY WORDS-REGEX MEMBER=JSON...
	local what=$1 code=$2 retry=$3 words=$4
	shift 4
	push 2000 1 "$@"
	is "$what" "$status $(json '[d["results"][0][k] for k in ("status", "code", "retry")]')" \
		"200 [\"rejected\", \"$code\", $retry]"
	like "$what: its words" "$(json 'd["results"][0]["error"]')" "$words"
	is "$what: twice" "$(json 'd["results"][0]["error"]')" "$(json 'd["results"][0]["error_message"]')"
	case $code in
	schema_mismatch) ;;
	*) unlike "$what: no word of a schema" "$(json 'd["results"][0]["error"]')" 'invalid|field|type|token' ;;
	esac
}
schema='invalid|missing field'
refused "no clock" schema_mismatch false "$schema" 'lamport_clock="-"'
refused "a clock that is none" schema_mismatch false "$schema" 'lamport_clock="5"'
refused "a clock beyond 2^53" schema_mismatch false "$schema" 'lamport_clock=9007199254740992'
refused "an id that is none" schema_mismatch false "$schema" 'event_id="x"'
refused "no payload" schema_mismatch false "$schema" 'payload="-"'
refused "a payload that does not fit" schema_mismatch false "$schema" 'payload={"content":5}'
refused "an empty kind" schema_mismatch false "$schema" 'event_type=""'
refused "a time that is none" schema_mismatch false "$schema" 'timestamp="yesterday"'
refused "a clock far ahead" clock_ahead false . 'lamport_clock=9007199254740991'
refused "a parent that is not there" missing_parent true 'ffffffffffff' \
	'replaces=["01890000-0000-7000-8000-ffffffffffff"]'
refused "a stamp below what it names" clock_behind true '000000000003' \
	'lamport_clock=2' 'replaces=["01890000-0000-7000-8000-000000000003"]'
refused "an id with other content" id_reused false . 'event_id="01890000-0000-7000-8000-000000000001"'
python3 -c 'import sys; print(sys.stdin.read().replace("number 2000", "7" * 600000))' \
	< <(events 2000 1) >"$T/batch"
answers "an event above 512 KiB" 200 --data-binary "@$T/batch" /api/v1/events/batch/
is "is refused by name" "$(json '[d["results"][0][k] for k in ("code", "retry")]')" '["too_large", false]'
unlike "with no word of a schema" "$(json 'd["results"][0]["error"]')" 'invalid|field|type|token'
push 3000 1 'node_seq=1' 'node_id="forked"'
is "a first event of a node" "$(statuses)" "success 1"
refused "another with its number" replica_fork false . 'node_seq=1' 'node_id="forked"'
answers "an event that is a number" 200 -d '{"events":[5,null,"x",[],{}]}' /api/v1/events/batch/
is "and its neighbours are refused" "$(statuses)" "rejected 5"
is "one by one, without ids" "$(json '[r["event_id"] for r in d["results"]]')" '[null, null, null, null, null]'
ask -d "$(events 4000 3 | sed 's/number 4001"}/number 4001","content":"twice"}/')" /api/v1/events/batch/
is "a doubled key refuses its event alone" "$(json '[r["status"] for r in d["results"]]')" \
	'["success", "rejected", "success"]'
push 4100 1 'event_id="0189000000007000800000000000100a"'
is "an id echoed as it came" "$(json 'd["results"][0]["event_id"]')" 0189000000007000800000000000100a
push 4100 1 'event_id="01890000-0000-7000-8000-00000000100A"'
is "in another spelling it is the same id" "$(json 'd["results"][0]["code"]')" id_reused
push 4101 1 'event_id="01arz3ndektsv4rrffq69g5fav"'
is "a ULID" "$(statuses)" "success 1"
events 4102 1 'event_type="from_the_future"' 'extra={"kept": [1.5, "\u00fc"]}' | sed 's/1\.5,/1.50,/' >"$T/batch"
ask --data-binary "@$T/batch" /api/v1/events/batch/
is "an unknown kind is kept" "$(statuses)" "success 1"
head_now=$(json 'd["head"]')

# --- pulls
answers "from the start" 200 '/api/v1/events/?limit=2'
is "two rows, one by one" "$(json '[d["epoch"], [e["seq"] for e in d["events"]], d["next"], d["head"]]')" \
	"[\"$epoch\", [1, 2], 2, $head_now]"
is "with who and when beside the event" "$(json 'sorted(d["events"][0])')" '["event", "received_at", "seq", "user"]'
is "by whom" "$(json 'd["events"][0]["user"]')" ann
answers "from a place on" 200 "/api/v1/events/?epoch=$epoch&after=$((head_now - 1))"
is "the last one, as it came" "$(json '[d["events"][0]["event"][k] for k in ("event_type", "extra")]')" \
	'["from_the_future", {"kept": [1.5, "\u00fc"]}]'
like "to the byte" "$body" '"kept": \[1\.50, "\\u00fc"\]'
answers "at the head" 200 "/api/v1/events/?epoch=$epoch&after=$head_now"
is "there is nothing" "$(json '[d["events"], d["next"], d["head"]]')" "[[], $head_now, $head_now]"
refuses "beyond it" 409 resync "/api/v1/events/?epoch=$epoch&after=$((head_now + 1))"
is "tells the epoch" "$(json 'd["epoch"]')" "$epoch"
refuses "of another epoch" 409 resync "/api/v1/events/?epoch=0000&after=1"
refuses "a place that is none" 400 bad_request '/api/v1/events/?after=-1'
refuses "a limit that is none" 400 bad_request '/api/v1/events/?limit=x'
answers "a great limit is cut" 200 '/api/v1/events/?limit=100000'
is "to a thousand" "$(json 'len(d["events"])')" 1000
answers "packed where asked for" 200 --compressed /api/v1/events/
is "it is" "$(field content-encoding)" gzip
answers "not where refused" 200 -H 'Accept-Encoding: gzip;q=0' /api/v1/events/
is "it is not" "$(field content-encoding)" ""

# --- snapshot
answers "a snapshot" 200 /api/v1/snapshot/
is "has a position" "$(json '[d["epoch"], d["seq"], d["more"]]')" "[\"$epoch\", $head_now, false]"
like "a digest" "$(json 'd["state_hash"]')" '^[0-9a-f]{64}$'
like "and the rules' version" "$(json 'd["fold_version"]')" '^[0-9]+$'
is "every todo once" "$(json 'len(d["todos"]) - len(set(t["id"] for t in d["todos"]))')" 0
is "with its fields" "$(json '[t["content"] for t in d["todos"] if t["id"] == "todo-7"]')" '["number 7"]'
refuses "of a project that is not there" 404 not_found '/api/v1/snapshot/?project=none'
p=00000000-0000-4000-8000-0000000000AA
push 5000 1 "project_uuid=\"$p\""
answers "of one project, in any spelling" 200 "/api/v1/snapshot/?project=${p//-/}"
is "has that alone" "$(json '[t["id"] for t in d["todos"]]')" '["todo-5000"]'

# --- several requests on one connection
connect
{
	printf 'GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n'
	printf 'POST /api/v1/events/batch/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 13\r\n\r\n{"events":[]}' "$access"
	printf 'GET /api/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n' "$access"
} >&7
got=$(timeout 20 cat <&7)
hang_up
is "three at once are answered" "$(grep -ao 'HTTP/1.1 200' <<<"$got" | wc -l)" 3
is "in order" "$(grep -aoE '"status"|"results"|"user_id"' <<<"$got" | tr '\n' ' ')" '"status" "results" "user_id" '

# --- the log has a line for each, and no secret
like "a line for each request, with its id" "$(cat "$T/hub.log")" \
	'id=[0-9a-f-]+ peer=127\.0\.0\.1:[0-9]+ method=POST path=/api/v1/events/batch/ status=200'
unlike "no token and no password" "$(cat "$T/hub.log")" "$access|$refresh|secret-ann"
stop_hub
is "it stops in order" "$hub_code" 0
done_testing
