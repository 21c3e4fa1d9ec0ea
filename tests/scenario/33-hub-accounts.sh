#!/usr/bin/env bash
# Goal: accounts change while the hub serves, and the change counts at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "users and teams while the hub serves"
hub() { clowder hub "$@" --data "$hub_data"; }
user ann
serve

# --- another folder is not made by asking about it
for words in "team list" "user list" "user passwd ann" "user disable ann" "team add-user core ann"; do
	# shellcheck disable=SC2086 # words
	exits "hub $words, where no hub is" 1 clowder hub $words --data "$T/elsewhere"
	like "names the folder" "$err" "no hub is in $T/elsewhere"
done
check "which is not made" [ ! -e "$T/elsewhere" ]

# --- teams and users
exits "a team" 0 hub team add core --name "The Core"
exits "twice" 4 hub team add core
like "is said" "$err" core
exits "a slug that is none" 4 hub team add 'Not A Slug'
exits "the list" 0 hub team list --json
is "has both kinds" "$(json '[[t["slug"], t["private"]] for t in d]')" '[["ann", true], ["core", false]]'
exits "a user, its password made" 0 hub user add bob --team core --json
bob=$(json 'd["password"]')
like "is long enough" "$bob" '.{16,}'
exits "twice" 4 hub user add BOB
exits "of a team that is not there" 1 hub user add cem --team nowhere
exits "the users" 0 hub user list --json
is "are two" "$(json '[[u["name"], u["default_team"], u["disabled"]] for u in d]')" \
	'[["ann", "ann", false], ["bob", "core", false]]'
unlike "without passwords" "$out" 'password|argon'
ask -d "{\"username\":\"bob\",\"password\":\"$bob\"}" /api/v1/token/
is "bob signs in at once" "$status $(json 'd["team_slug"]')" "200 core"
bob_access=$(json 'd["access"]')
ask -d "{\"username\":\"BOB\",\"password\":\"$bob\"}" /api/v1/token/
is "in any case" "$status" 200
mode=$(stat -c %a "$hub_data/hub.db" "$hub_data/replica.db" "$hub_data" | tr '\n' ' ')
is "only the owner may read what it keeps" "$mode" "600 600 700 "

# --- refresh
token ann
first=$refresh
refuses "a refresh token that is none" 401 invalid_grant -d '{"refresh":"crt_x"}' /api/v1/token/refresh/
refuses "an access token for one" 401 invalid_grant -d "{\"refresh\":\"$access\"}" /api/v1/token/refresh/
answers "refresh" 200 -d "{\"refresh\":\"$first\"}" /api/v1/token/refresh/
second=$(json 'd["refresh"]')
isnt "gives another token" "$second" "$first"
is "of the same session" "$(json 'd["session_id"]')" "$session"
answers "the answer was lost: again" 200 -d "{\"refresh\":\"$first\"}" /api/v1/token/refresh
is "gives the same one" "$(json 'd["refresh"]')" "$second"
answers "the next" 200 -d "{\"refresh\":\"$second\"}" /api/v1/token/refresh/
third=$(json 'd["refresh"]') access=$(json 'd["access"]')
refuses "the first, a moment later" 409 refresh_replay_benign_retry -d "{\"refresh\":\"$first\"}" /api/v1/token/refresh/
like "says when" "$(field retry-after) $(json 'd["retry_after"]')" '^[0-5] [0-5]$'

# --- sign out: by refresh token, by access token, by form and by header
with "$access"
answers "ann is signed in" 200 /api/v1/me
as=()
answers "a token that is unknown needs no revoking" 200 -d token=crt_unknown /oauth/revoke
answers "revoke the refresh token" 200 --data-urlencode "token=$third" -d token_type_hint=refresh_token /oauth/revoke/
is "says so" "$body" '{"revoked":true}'
with "$access"
refuses "the session has ended" 401 session_invalid /api/v1/me
as=()
refuses "nor is there a refresh" 401 session_invalid -d "{\"refresh\":\"$third\"}" /api/v1/token/refresh/
answers "again is fine" 200 --data-urlencode "token=$third" /oauth/revoke
token ann
answers "revoke the access token" 200 --data-urlencode "token=$access" /oauth/revoke
with "$access"
refuses "that session has ended as well" 401 session_invalid /api/v1/me
as=()
token ann
with "$access"
answers "revoke with nothing but the header" 200 -X POST /oauth/revoke
answers "twice" 200 -X POST /oauth/revoke
as=()
refuses "with nothing at all" 401 unauthorized -X POST /oauth/revoke
token ann
with "$access"
answers "a new sign-in is good" 200 /api/v1/me

# --- passwd and disable, by another process
disabled() { ask /api/v1/me && [ "$status" = 401 ]; }
check "ann gets another password" hub user passwd ann --json
new=$(json 'd["password"]')
wait_for "her sessions end" disabled
is "as ended" "$(json 'd["error"]')" session_invalid
as=()
refuses "the old password" 401 invalid_credentials -d '{"username":"ann","password":"secret-ann"}' /api/v1/token/
answers "the new one" 200 -d "{\"username\":\"ann\",\"password\":\"$new\"}" /api/v1/token/
with "$bob_access"
push 1 1
is "bob writes" "$(statuses)" "success 1"
check "bob is disabled" hub user disable bob
wait_for "and out" disabled
push 2 1
is "he cannot write" "$status" 401
as=()
refuses "nor sign in" 401 invalid_credentials -d "{\"username\":\"bob\",\"password\":\"$bob\"}" /api/v1/token/
check "bob is enabled" hub user enable bob
answers "and signs in, with the same password" 200 -d "{\"username\":\"bob\",\"password\":\"$bob\"}" /api/v1/token/
with "$(json 'd["access"]')"
push 2 1
is "he writes again" "$(statuses)" "success 1"
with "$bob_access"
refuses "what had ended stays ended" 401 session_invalid /api/v1/me
as=()
exits "nobody by that name" 1 hub user disable nobody
exits "nobody to enable" 1 hub user enable nobody

# --- teams of a user, by another process
ask -d "{\"username\":\"bob\",\"password\":\"$bob\"}" /api/v1/token/
with "$(json 'd["access"]')"
teams() { ask /api/v1/me && [ "$(json '" ".join(t["slug"] for t in d["teams"])')" = "$1" ]; }
exits "another team" 0 hub team add night
check "bob joins it" hub team add-user night bob
wait_for "his session sees it" teams "core bob night"
as+=(-H 'X-Team-Slug: night')
push 3 1
is "and may write there" "$(statuses)" "success 1"
exits "twice" 4 hub team add-user night BOB
like "is said" "$err" 'in team night already'
check "bob leaves it" hub team remove-user night bob --json
is "as JSON" "$(json '[d["team"], d["user"]]')" '["night", "bob"]'
out_of_it() { push 4 1 && [ "$status" = 403 ]; }
wait_for "and is out" out_of_it
exits "twice" 1 hub team remove-user night bob
exits "a team that is not there" 1 hub team add-user nowhere bob
exits "a user who is not there" 1 hub team add-user night nobody
exits "a private team is nobody else's" 4 hub team add-user ann bob
like "is said" "$err" 'private team'
exits "nor can one leave it" 4 hub team remove-user bob bob
as=("${as[@]:0:2}")
check "bob leaves his default team" hub team remove-user core bob
wait_for "his own is left" teams "bob"
push 5 1
is "and is his default" "$(statuses) $(json 'd["head"]')" "success 1 1"
as=()
exits "nor to give a password" 1 hub user passwd nobody

# --- another key for access tokens
ask -d "{\"username\":\"bob\",\"password\":\"$bob\"}" /api/v1/token/
kid() { cut -d. -f1 <<<"$1" | python3 -c 'import base64, json, sys
print(json.loads(base64.urlsafe_b64decode(sys.stdin.read().strip() + "=="))["kid"])'; }
old=$(json 'd["access"]')
check "rotate" hub key rotate
stop_hub
is "it stops in order" "$hub_code" 0
serve
with "$old"
answers "a token of the key before is good" 200 /api/v1/me
as=()
ask -d "{\"username\":\"bob\",\"password\":\"$bob\"}" /api/v1/token/
new_access=$(json 'd["access"]')
isnt "new ones are signed by another" "$(kid "$new_access")" "$(kid "$old")"
check "rotate again" hub key rotate
stop_hub
serve
with "$old"
refuses "now the first key is forgotten" 401 unauthorized /api/v1/me
with "$new_access"
answers "the second is not" 200 /api/v1/me
as=()

# --- who is shut out while a body is on its way
as=()
printf 'secret-slow\n' | clowder hub user add slow --password-stdin --data "$hub_data" >/dev/null
ask -d '{"username":"slow","password":"secret-slow"}' /api/v1/token/
slow=$(json 'd["access"]')
is "the body of one who is disabled meanwhile" "$(python3 - "${hub_url#*://}" "$slow" "$CLOWDER" "$hub_data" <<'P'
import socket, subprocess, sys, urllib.error, urllib.request
where, token, program, data = sys.argv[1:]
host, port = where.split(":")
body = b'{"events":[]}'
with socket.create_connection((host, int(port)), timeout=20) as wire:
    wire.sendall(b"POST /api/v1/events/batch/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
                 + token.encode() + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                 % len(body) + body[:5])
    subprocess.run([program, "hub", "user", "disable", "slow", "--data", data], check=True,
                   stdout=subprocess.DEVNULL)
    try:  # until the hub has looked at its accounts again
        while True:
            urllib.request.urlopen(urllib.request.Request(
                "http://%s/api/v1/me" % where, headers={"Authorization": "Bearer " + token}))
    except urllib.error.HTTPError:
        pass
    wire.sendall(body[5:])
    print(wire.recv(4096).split(b" ")[1].decode())
P
)" 401

# --- too many attempts
for i in $(seq 40); do
	ask -d '{"username":"ann","password":"guess"}' /api/v1/token/
	[ "$status" = 401 ] || break
done
is "guessing is slowed down" "$status $(json 'd["error"]')" "429 throttled"
like "and says for how long" "$(field retry-after)" '^[1-9][0-9]*$'
is "in the body as well" "$(json 'd["retry_after"]')" "$(field retry-after)"
alive
stop_hub
is "it stops in order" "$hub_code" 0
unlike "no secret in its log" "$(cat "$T/hub.log")" "$bob|$new|$third|$access|secret-ann"
done_testing
