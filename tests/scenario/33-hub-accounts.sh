#!/usr/bin/env bash
# Goal: accounts change while the hub serves, and the change counts at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "users and teams while the hub serves"
hub() { clowder hub "$@" --data "$hub_data"; }
user ann
serve

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
exits "nobody by that name" 1 hub user disable nobody
exits "nor to give a password" 1 hub user passwd nobody

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
