"""Requests at the edge of every limit: edges.py HUB_URL TOKEN prints a line for
each, "NAME: what the hub made of it"."""
import gzip
import http.client
import json
import random
import socket
import sys
from urllib.parse import urlsplit

AT, TOKEN = urlsplit(sys.argv[1]), sys.argv[2]
AUTH = {"Authorization": "Bearer " + TOKEN}
BATCH = "/api/v1/events/batch/"
made = 0


def ask(method, path, body=None, **fields):
    wire = http.client.HTTPConnection(AT.netloc, timeout=60)
    try:
        wire.request(method, path, body,
                     dict(AUTH, **{k.replace("_", "-"): v for k, v in fields.items()}))
    except OSError:
        pass  # refused before all of it was sent
    answer = wire.getresponse()
    data = answer.read()
    wire.close()
    return answer.status, json.loads(data) if data else {}


def say(name, status, answer):
    if status != 200:
        print("%s: %d %s" % (name, status, answer.get("error")))
    else:
        said = [r["status"] if r["status"] != "rejected" else r["code"]
                for r in answer.get("results", [])]
        print("%s: %s" % (name, " ".join(sorted(set(said))) if said else "200"))


def event(**more):
    global made
    made += 1
    e = {"event_id": "02000000-0000-7000-8000-%012x" % made, "event_type": "todo_added",
         "aggregate_type": "todo", "aggregate_id": "edge-%d" % made, "lamport_clock": 1000,
         "node_id": "edge", "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
         "payload": {"content": "c"}}
    e.update(more)
    return e


def text(e):
    return json.dumps(e, ensure_ascii=False)


def one(name, e):
    raw(name, '{"events":[%s]}' % (e if isinstance(e, str) else text(e)))


def raw(name, body, **fields):
    say(name, *ask("POST", BATCH, body.encode() if isinstance(body, str) else body, **fields))


def instead(member, value):
    """An event whose member is this JSON text."""
    return text(event(**{member: "@"})).replace('"@"', value)


def sizes():
    for n in (1000, 1001):
        raw("%d events" % n, json.dumps({"events": [event() for _ in range(n)]}))
    for more in (0, 1):
        e = event(payload={"content": ""})
        e["payload"]["content"] = "x" * ((512 << 10) + more - len(text(e)))
        one("an event of 512 KiB + %d" % more, e)
    random.seed(1)
    noise = bytes(random.choice(b"abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(1 << 16))
    blank = gzip.compress(b'{"events":[]}' + b" " * (1 << 20), 9)
    raw("blanks, packed 1,000 times", blank, Content_Encoding="gzip")
    for more in (0, 1):
        body = b'{"events":[],"pad":"' + noise[:4096] * 8192
        body = body[:(32 << 20) + more - 2] + b'"}'
        raw("32 MiB + %d plain" % more, body)
        raw("32 MiB + %d unpacked" % more, gzip.compress(body, 1), Content_Encoding="gzip")
        raw("32 MiB + %d in members" % more, gzip.compress(body[:1 << 20], 1) +
            gzip.compress(b"", 1) * 100 + gzip.compress(body[1 << 20:], 1), Content_Encoding="gzip")
    body = b'{"events":[],"pad":"' + noise * 127
    for more in (0, 1):
        n = (8 << 20) + more
        pad = n - len(gzip.compress(body + b'"}', 0))
        packed = gzip.compress(body + b"x" * pad + b'"}', 0)
        while len(packed) != n:  # a block more has a head more
            pad += n - len(packed)
            packed = gzip.compress(body + b"x" * pad + b'"}', 0)
        raw("8 MiB + %d packed" % more, packed, Content_Encoding="gzip")
    for depth in (32, 33):
        one("an event %d deep" % depth,
            instead("payload", '{"content":"c","a":' + "[" * (depth - 2) + "]" * (depth - 2) + "}"))
    for depth in (64, 65):
        raw("a body %d deep" % depth, '{"events":[],"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}")


def strings():
    for member, most in (("event_type", 64), ("aggregate_id", 256), ("node_id", 64),
                         ("aggregate_type", 64)):
        # Of a kind that nobody knows: nothing else is asked of it.
        def with_it(value):
            return event(**{"event_type": "of_tomorrow", member: value})

        for n in (0, 1, most, most + 1):
            one("%s of %d" % (member, n), with_it("x" * n))
        for n in (most // 2, most // 2 + 1):
            one("%s of %d wide" % (member, n), with_it("\u00e9" * n))
        one("%s a number" % member, with_it(1))
        one("%s null" % member, with_it(None))
    for name, value in (("NUL", "a\0b"), ("escape", "\x1b[2J"), ("override", "\u202e"),
                        ("a character beyond", "\U0001f600"), ("a noncharacter", "\uffff")):
        one("aggregate_id with " + name, event(aggregate_id=value + str(made)))
        one("content with " + name, event(payload={"content": value}))
    for name, value in (("a high surrogate", r'"\ud800"'), ("a low one", r'"\udc00x"'),
                        ("two high ones", r'"\ud800\ud800"'), ("a broken escape", r'"\u00g0"'),
                        ("an escape of none", r'"\x41"'), ("a raw tab", '"\t"')):
        one("content with " + name, instead("payload", '{"content":%s}' % value))
    raw("overlong NUL", b'{"events":["\xc0\x80"]}')
    raw("beyond Unicode", b'{"events":["\xf4\x90\x80\x80"]}')
    raw("half a character", b'{"events":["\xe2\x82"]}')
    raw("a byte order mark", b'\xef\xbb\xbf{"events":[]}')
    raw("UTF-16", '{"events":[]}'.encode("utf-16"))
    one("a key twice", text(event())[:-1] + ',"node_id":"edge"}')
    one("a key twice, escaped", text(event())[:-1] + r',"node\u005fid":"edge"}')
    one("an unknown key twice, escaped", text(event())[:-1] + r',"ab":1,"\u0061b":1}')
    one("a key twice inside", instead("payload", r'{"content":"c","content":"c"}'))


def numbers():
    for value in ("0", "9007199254740991", "9007199254740992", "-1", "-0", "0.0", "1.0", "1e3",
                  "1E3", "10e-1", "01", "+1", ".5", "0x1", "9" * 400, "1" + "0" * 400, '"5"', "null",
                  "true", "[]"):
        one("clock %s" % (value if len(value) < 20 else "of %d digits" % len(value)),
            instead("lamport_clock", value))
    head = ask("POST", BATCH, b'{"events":[]}')[1]["clock"]
    one("clock one too far ahead", event(lamport_clock=head + (1 << 32) + 1))
    one("clock as far ahead as may be", event(lamport_clock=head + (1 << 32)))
    now = ask("POST", BATCH, b'{"events":[]}')[1]["clock"]
    print("clock of the team: %s" % ("as far" if now == head + (1 << 32) else now - head))
    for value in ("9" * 400, "1e400", "-1e-400", "0." + "1" * 400):
        one("a payload with %s" % (value[:8]), instead("payload", '{"content":"c","n":%s}' % value))


def ids():
    ulid = "01ARZ3NDEKTSV4RRFFQ69G5FA"
    uuid = "02000000-0000-7000-8000-0000000%05x"
    for name, value in (
            ("in braces", "{%s}" % (uuid % 1)), ("urn", "urn:uuid:" + uuid % 2),
            ("mixed case", (uuid % 0xabcde).replace("abcde", "aBcDe")),
            ("31 digits", ("%032x" % 5)[1:]), ("32 digits", "0200%028x" % 5), ("33 digits", "%033x" % 5),
            ("hyphens elsewhere", "0200000-00000-7000-8000-000000000003"),
            ("a ULID", ulid + "V"), ("its small letters", ulid.lower() + "w"),
            ("a ULID with I", ulid + "I"), ("a ULID with L", ulid + "L"), ("a ULID with O", ulid + "O"),
            ("a ULID with U", ulid + "U"), ("the last ULID", "7" + "Z" * 25),
            ("a ULID too large", "8" + "0" * 25), ("25 letters", ulid), ("27 letters", ulid + "VV"),
            ("digits of Arabic", "\u0660" * 32), ("wide digits", "\uff10" * 32),
            ("a blank behind", uuid % 9 + " "), ("a line end behind", uuid % 9 + "\n"),
            ("a NUL behind", uuid % 9 + "\0"), ("nothing", ""), ("all zero", "0" * 32),
            ("a path", "../../etc/passwd")):
        one("id " + name, event(event_id=value))
    one("id escaped", instead("event_id", r'"\u0030200000000007000800000000000000a"'))
    one("id a number", event(event_id=5))
    one("replaces an id of none", event(replaces=["x"]))
    one("replaces a number", event(replaces=[1]))
    one("replaces no list", event(replaces="x"))
    one("replaces 1000 times the same", event(replaces=["0" * 32] * 1000))


def target(name, request_line, *fields):
    """What stands in the status line of the answer, and its code."""
    wire = socket.create_connection((AT.hostname, AT.port), timeout=20)
    lines = [request_line, "Host: x", "Connection: close", "Authorization: Bearer " + TOKEN]
    wire.sendall(("\r\n".join(lines + list(fields)) + "\r\n\r\n").encode("latin-1"))
    answer = http.client.HTTPResponse(wire)
    answer.begin()
    data = answer.read()
    wire.close()
    error = json.loads(data).get("error") if answer.status != 200 and data else None
    print("%s: %d%s" % (name, answer.status, " " + error if error else ""))


def paths():
    for path in ("//api/health", "///api/health/", "/api//health", "/api/health//", "/api/./health",
                 "/api/../api/health", "/%61pi/health", "/api%2Fhealth", "/api/%2e%2e/api/health",
                 "/api/health%00", "/api/health%", "/API/health", "/api/health.", "/api/health;x=1",
                 "/api/health?", "/api/health?%", "/api/health\\", "/", "//", "", "api/health",
                 "http://x/api/health", "http://other/api/health", "http://x//api/health",
                 "https://x/api/health", "http://", "http:///api/health", "http://u@x/api/health",
                 "*", "/api/health#x", "/api/h\xe9alth"):
        target("GET " + path.encode("latin-1").decode("latin-1"), "GET %s HTTP/1.1" % path)
    target("OPTIONS *", "OPTIONS * HTTP/1.1")
    target("CONNECT", "CONNECT x:80 HTTP/1.1")
    target("TRACE", "TRACE /api/health HTTP/1.1")
    target("a small method", "get /api/health HTTP/1.1")
    target("DELETE", "DELETE /api/health HTTP/1.1")
    for n in (8192, 8193):
        line = "GET /api/health?%s HTTP/1.1"
        target("a line of %d" % n, line % ("x" * (n - len(line) + 2)))
    for query in ("limit=0", "limit=-1", "limit=1e3", "limit=%31", "limit=1&limit=2", "limit=",
                  "limit=99999999999999999999", "limit=1001", "after=1", "epoch=%00", "epoch=%zz",
                  "epoch=nobody", "a=b", "&&&", "=", "limit=1;after=9", "LIMIT=0", "limit=%C3%A9"):
        target("?" + query, "GET /api/v1/events/?%s HTTP/1.1" % query)
    for team in ("nobody", "..", "a/b", "\x1b[2J", "x" * 1000, "ann\x00"):
        target("team " + team[:8].encode("unicode_escape").decode(), "GET /api/v1/events/ HTTP/1.1",
               "X-Team-Slug: " + team)


def smuggling():
    """Two requests in one, seen by a hub that must not see two."""
    hidden = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    body = "0\r\n\r\n" + hidden
    for name, fields in (
            ("length and chunks", ["Content-Length: %d" % len(body), "Transfer-Encoding: chunked"]),
            ("chunks and length", ["Transfer-Encoding: chunked", "Content-Length: 4"]),
            ("two lengths", ["Content-Length: 0", "Content-Length: %d" % len(body)]),
            ("two equal lengths", ["Content-Length: 5", "Content-Length: 5"]),
            ("a list of lengths", ["Content-Length: 5, 5"]), ("length +5", ["Content-Length: +5"]),
            ("length 0x5", ["Content-Length: 0x5"]), ("length 5 5", ["Content-Length: 5 5"]),
            ("length -1", ["Content-Length: -1"]), ("length of 30 digits", ["Content-Length: " + "1" * 30]),
            ("no length", ["Content-Length:"]), ("length _ 5", ["Content-Length : 5"]),
            ("xchunked", ["Transfer-Encoding: xchunked"]),
            ("chunked twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]),
            ("chunked, chunked", ["Transfer-Encoding: chunked, chunked"]),
            ("chunked, identity", ["Transfer-Encoding: chunked, identity"]),
            ("gzip, chunked", ["Transfer-Encoding: gzip, chunked"]),
            ("chunked in quotes", ['Transfer-Encoding: "chunked"']),
            ("a vertical tab", ["Transfer-Encoding: \x0bchunked"]),
            ("a folded coding", ["Transfer-Encoding:", " chunked"]),
            ("a name with a blank", ["Transfer Encoding: chunked"]),
            ("a field of none", [": x"]), ("two hosts", ["Host: y"]), ("a host of two", ["X: y", "Host: a b"]),
            ("a bare CR", ["X: a\rTransfer-Encoding: chunked"]),
            ("a bare LF", ["X: a\nTransfer-Encoding: chunked"]),
            ("a NUL", ["X: a\0b"]), ("an expectation", ["Expect: 200-ok"])):
        wire = socket.create_connection((AT.hostname, AT.port), timeout=20)
        wire.sendall(("\r\n".join(["POST /api/v1/token/ HTTP/1.1", "Host: x"] + fields)
                      + "\r\n\r\n" + body).encode("latin-1"))
        wire.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while True:
                piece = wire.recv(65536)
                if not piece:
                    break
                data += piece
        except ConnectionResetError:
            pass
        wire.close()
        print("%s: %s%s" % (name, data[9:12].decode(), "" if data.count(b"HTTP/1.1 ") == 1 else
                            " and %d more" % (data.count(b"HTTP/1.1 ") - 1)))


for part in (sizes, strings, numbers, ids, paths, smuggling):
    print("# " + part.__name__)
    part()
