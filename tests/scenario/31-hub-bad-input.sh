#!/usr/bin/env bash
# Goal: whatever is sent to a hub is refused by name; nothing of it is stored,
# and the hub goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "bad input: a named error each, nothing stored, hub alive"
user ann
serve
token ann
with "$access"
push 1 1
is "one good event first" "$(statuses)" "success 1"
hwm() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$hub_pid/status"; }
before=$(hwm)

# --- bodies
to=/api/v1/events/batch/
bad() { refuses "$1" "$2" "$3" "${@:4}" "$to"; }
bad "not JSON" 400 bad_json -d 'nonsense'
bad "cut short" 400 bad_json -d '{"events":[{"event_id"'
bad "two values" 400 bad_json -d '{"events":[]}{}'
bad "a string" 400 bad_request -d '"events"'
bad "an array" 400 bad_request -d '[]'
bad "no events" 400 bad_request -d '{}'
bad "events that are an object" 400 bad_request -d '{"events":{}}'
bad "events twice" 400 bad_request -d '{"events":[],"events":[]}'
bad "a NUL" 400 bad_json --data-binary "@"<(printf '{"events":[\0]}')
bad "not UTF-8" 400 bad_json --data-binary "@"<(printf '{"events":["\xff\xfe"]}')
bad "UTF-8 too long" 400 bad_json --data-binary "@"<(printf '{"events":["\xc0\xaf"]}')
bad "a surrogate alone" 400 bad_json --data-binary "@"<(printf '{"events":["\xed\xa0\x80"]}')
bad "a byte order mark" 400 bad_json --data-binary "@"<(printf '\xef\xbb\xbf{"events":[]}')
bad "a number that is none" 400 bad_json -d '{"events":[0x10]}'
bad "NaN" 400 bad_json -d '{"events":[NaN]}'
python3 -c 'print("{\"events\":[" + "[" * 10000 + "]" * 10000 + "]}")' >"$T/deep"
bad "nested 10,000 deep" 400 bad_json --data-binary "@$T/deep"
python3 -c 'print("{\"events\":[" + "{\"a\":" * 10000 + "1" + "}" * 10000 + "]}")' >"$T/deep"
bad "objects as deep" 400 bad_json --data-binary "@$T/deep"
bad "packed, but not" 400 bad_request -H 'Content-Encoding: gzip' -d 'nonsense'
bad "packed and cut" 400 bad_request -H 'Content-Encoding: gzip' \
	--data-binary "@"<(events 5 9 | gzip | head -c 100)
bad "packed with something behind" 400 bad_request -H 'Content-Encoding: gzip' \
	--data-binary "@"<(events 5 9 | gzip; printf 'tail')
bad "packed with a wrong checksum" 400 bad_request -H 'Content-Encoding: gzip' --data-binary "@"<(python3 -c '
import gzip, sys
b = bytearray(gzip.compress(b"{\"events\":[]}")); b[-6] ^= 1; sys.stdout.buffer.write(b)')
for coding in br deflate compress zstd 'gzip, gzip' 'identity, gzip' gzipped; do
	bad "coding $coding" 415 unsupported_media_type -H "Content-Encoding: $coding" -d '{"events":[]}'
done
like "says what it takes" "$(field accept-encoding)" gzip
bad "a coding twice" 415 unsupported_media_type -H 'Content-Encoding: gzip' -H 'Content-Encoding: gzip' -d x

# --- sizes: bombs
python3 - "$T" <<'P'
import gzip, sys, zlib
def put(name, b):
    open(sys.argv[1] + "/" + name, "wb").write(b)
put("bomb", gzip.compress(b" " * (40 << 20)))
put("nested", gzip.compress(gzip.compress(b" " * (40 << 20))))
# Many members, each of them small.
put("members", gzip.compress(b" " * 65536) * 600)
# Just above 32 MiB of text that does not pack that well; and just as much.
import random
random.seed(1)
line = bytes(random.randrange(97, 123) for _ in range(4096))
put("above", gzip.compress(b'{"events":[],"pad":"' + line * 8192 + b'"}', 1))
put("exact", gzip.compress((b'{"events":[],"pad":"' + line * 8192)[:(32 << 20) - 2] + b'"}', 1))
put("lying", (lambda b: b[:-4] + b"\x10\0\0\0")(gzip.compress(b" " * (40 << 20))))
put("zeros", gzip.compress(b'{"events":[' + b"0," * 8000000 + b"0]}", 1))
put("many", b'{"events":[' + b"0," * 2000000 + b"0]}")
put("large", b'{"events":[],"pad":"' + b"x" * (33 << 20) + b'"}')
put("fits", b'{"events":[],"pad":"' + b"x" * (9 << 20) + b'"}')
put("packed", gzip.compress(bytes(random.randrange(256) for _ in range(1 << 16)) * 140, 0))
P
packed=(-H 'Content-Encoding: gzip')
bad "a bomb" 413 too_large "${packed[@]}" --data-binary "@$T/bomb"
bad "a bomb in a bomb" 400 bad_json "${packed[@]}" --data-binary "@$T/nested"
bad "a bomb of many members" 413 too_large "${packed[@]}" --data-binary "@$T/members"
bad "one that lies about its size" 413 too_large "${packed[@]}" --data-binary "@$T/lying"
bad "one byte above 32 MiB" 413 too_large "${packed[@]}" --data-binary "@$T/above"
answers "32 MiB exactly" 200 "${packed[@]}" --data-binary "@$T/exact" "$to"
bad "millions of values" 413 too_large "${packed[@]}" --data-binary "@$T/zeros"
bad "or plain" 413 too_large --data-binary "@$T/many"
bad "33 MiB plain" 413 too_large --data-binary "@$T/large"
answers "9 MiB plain" 200 --data-binary "@$T/fits" "$to"
bad "9 MiB packed" 413 too_large "${packed[@]}" --data-binary "@$T/packed"
bad "the same in chunks" 413 too_large "${packed[@]}" -H 'Transfer-Encoding: chunked' --data-binary "@$T/packed"
answers "an empty batch in chunks" 200 -H 'Transfer-Encoding: chunked' -d '{"events":[]}' "$to"
refuses "a sign-in that inflates above what it may be plain" 413 too_large "${packed[@]}" --data-binary "@"<(
	printf '{"username":"ann","password":"secret-ann","pad":"%20000d"}' 1 | gzip) /api/v1/token/
refuses "a body where none belongs" 413 too_large -X GET -d 'x' /api/v1/me
check "its memory stayed within 256 MiB" [ "$(($(hwm) - before))" -lt 262144 ]

# --- tokens: the header and the claims as they are, and as they must not be
forge() { # HEADER-EDIT CLAIMS-EDIT SIGN: python on dicts h and c; SIGN: keep, none, empty, or a key
	python3 - "$access" "$@" <<'P'
import base64, hashlib, hmac, json, sys
def dec(s): return base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
def enc(b): return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
h, c, s = sys.argv[1].split(".")
H, C = json.loads(dec(h)), json.loads(dec(c))
exec(sys.argv[2], {}, {"h": H, "c": C}); exec(sys.argv[3], {}, {"h": H, "c": C})
h2 = h if H == json.loads(dec(h)) else enc(json.dumps(H, separators=(",", ":")).encode())
c2 = c if C == json.loads(dec(c)) else enc(json.dumps(C, separators=(",", ":")).encode())
text = (h2 + "." + c2).encode()
how = sys.argv[4]
sig = {"keep": s, "empty": "", "none": None}.get(how, 0)
if sig == 0:
    sig = enc(hmac.new(bytes.fromhex(how), text, hashlib.sha256).digest())
print(text.decode() + ("" if sig is None else "." + sig))
P
}
key=$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT secret FROM jwt_key").fetchone()[0].hex())' "$hub_data/hub.db")
forged() { # DESCRIPTION TOKEN
	as=(-H "Authorization: Bearer $2")
	refuses "$1" 401 unauthorized /api/v1/me
}
forged "no token" ""
forged "one dot" "a.b"
forged "nonsense" "a.b.c"
forged "algorithm none" "$(forge 'h["alg"] = "none"' '' empty)"
forged "none, without its last dot" "$(forge 'h["alg"] = "none"' '' none)"
forged "an empty signature" "$(forge '' '' empty)"
forged "no signature" "$(forge '' '' none)"
forged "another algorithm" "$(forge 'h["alg"] = "HS512"' '' keep)"
forged "RS256" "$(forge 'h["alg"] = "RS256"' '' keep)"
forged "another type" "$(forge 'h["typ"] = "JWT"' '' keep)"
forged "a key of their own" "$(forge '' '' 00112233)"
forged "another key's id" "$(forge 'h["kid"] = "2"' '' keep)"
forged "a path for an id" "$(forge 'h["kid"] = "../../dev/null"' '' 00)"
forged "a later end" "$(forge '' 'c["exp"] += 1000' keep)"
forged "somebody else" "$(forge '' 'c["sub"] = "x"' keep)"
forged "a refresh token" "$refresh"
forged "a long one" "$(printf %7000d 1)"
forged "one more character" "${access}A"
# Signed right, with the hub's own key, but not what the hub would sign.
as=(-H "Authorization: Bearer $(forge '' '' "$key")")
answers "with the hub's own key it would do" 200 /api/v1/me
forged "expired" "$(forge '' 'c["exp"] = c["iat"] - 1' "$key")"
forged "from the future" "$(forge '' 'c["iat"] += 9000; c["exp"] += 9000' "$key")"
forged "for another audience" "$(forge '' 'c["aud"] = "clowder-ws"' "$key")"
forged "of another hub" "$(forge '' 'c["iss"] = "x"' "$key")"
forged "without an end" "$(forge '' 'del c["exp"]' "$key")"
forged "its type another, signed right" "$(forge 'h["typ"] = "ws+jwt"' '' "$key")"
with "$access"

# --- requests that are none
raw() { # DESCRIPTION STATUS TEXT...: printf formats, sent as they are
	local what=$1 want=$2 got
	shift 2
	connect
	printf "$@" >&7
	got=$(timeout 20 head -c 12 <&7 | tail -c 3)
	hang_up
	is "$what" "$got" "$want"
}
raw "no request line" 400 'nonsense\r\n\r\n'
raw "no host" 400 'GET /api/health HTTP/1.1\r\n\r\n'
raw "two lengths" 400 'POST /api/v1/token/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'
raw "a length and chunks" 400 'POST /api/v1/token/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'
raw "a length that is none" 400 'POST /api/v1/token/ HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n'
raw "a space before the colon" 400 'GET /api/health HTTP/1.1\r\nHost : x\r\n\r\n'
raw "a folded line" 400 'GET /api/health HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'
raw "bare line ends" 400 'GET /api/health HTTP/1.1\nHost: x\n\n'
raw "HTTP/2" 505 'GET /api/health HTTP/2.0\r\nHost: x\r\n\r\n'
raw "a long path" 414 'GET /%09000d HTTP/1.1\r\nHost: x\r\n\r\n' 1
raw "a long field" 431 'GET / HTTP/1.1\r\nHost: x\r\nA: %040000d\r\n\r\n' 1
raw "TLS to a plain port" 400 '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'
for path in /../etc/passwd /api/%2e%2e/health '/api/v1/me%00' '/api/v1/me;x' '/api/v1/me\' /api//health; do
	refuses "path $path" 404 not_found --path-as-is "$path"
done
connect
printf 'POST /api/v1/events/batch/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 500\r\n\r\n{"events":[' "$access" >&7
hang_up
alive "half a request, then gone"

# --- and all of that left nothing
answers "the log" 200 /api/v1/events/
is "has the one event" "$(json '[d["head"], len(d["events"])]')" '[1, 1]'
push 1 1
is "which is still known" "$(statuses)" "duplicate 1"
push 2 1
is "and goes on" "$(statuses) $(json 'd["head"]')" "success 1 2"
stop_hub
is "it stops in order" "$hub_code" 0
unlike "nothing went wrong inside" "$(grep -v ' info ' "$T/hub.log")" .
done_testing
