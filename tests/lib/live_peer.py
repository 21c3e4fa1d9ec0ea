"""Live connections as another program has them: Python's websockets against a hub.

usage: live_peer.py HUB-URL ACCESS ACCESS-OF-ANOTHER-TEAM

Prints "ok WHAT" or "not ok WHAT: WHY" for each thing that it looks at.
"""
import asyncio
import json
import sys
import urllib.error
import urllib.request

import websockets

HUB, ANN, BOB = sys.argv[1:4]
WAIT = 20  # seconds, for what has to come
PROTOCOL = "clowder.v1"


def call(method, path, access, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(HUB + path, data=data, method=method)
    request.add_header("Authorization", "Bearer " + access)
    try:
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def token(access):
    return call("POST", "/api/v1/ws-token/", access)[1]["ws_token"]


def event(n, **more):
    return {"event_id": f"01890000-0000-7000-8000-{n:012x}", "event_type": "todo_added",
            "aggregate_type": "todo", "aggregate_id": f"todo-{n}", "lamport_clock": n,
            "node_id": "n1", "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
            "payload": {"content": f"number {n}"}, **more}


def push(first, count, access=ANN):
    status, answer = call("POST", "/api/v1/events/batch/", access,
                          {"events": [event(first + i) for i in range(count)]})
    assert status == 200 and all(r["status"] == "success" for r in answer["results"]), answer
    return answer


class Peer:
    """A connection; what came is asked for by type, heartbeats are answered."""

    def __init__(self, access=ANN, v1=True, bearer=True, headers=None):
        self.access, self.v1, self.bearer = access, v1, bearer
        self.headers = dict(headers or {})

    async def __aenter__(self):
        if self.bearer:
            self.headers["Authorization"] = "Bearer " + token(self.access)
        self.ws = await websockets.connect(
            HUB.replace("http", "ws", 1) + "/ws/v1/events/", extra_headers=self.headers,
            subprotocols=[PROTOCOL] if self.v1 else None, max_size=1 << 20)
        return self

    async def __aexit__(self, *_):
        await self.ws.close()

    async def say(self, message):
        await self.ws.send(message if isinstance(message, str) else json.dumps(message))

    async def next(self):
        while True:
            m = json.loads(await asyncio.wait_for(self.ws.recv(), WAIT))
            if m["type"] != "ping":
                return m
            await self.say({"type": "pong", "timestamp": m["timestamp"]})

    async def hello(self, after=0, epoch=None, batch=False):
        await self.say({"type": "hello", "epoch": epoch, "after": after, "batch": batch,
                        "protocol_version": 1})

    async def seqs(self, last):
        """Numbers of all events until `last` has come, and how many messages."""
        got, messages = [], 0
        while not got or got[-1] < last:
            m = await self.next()
            rows = m["events"] if m["type"] == "events" else [m]
            if m["type"] not in ("event", "events"):
                continue
            if m["type"] == "events":
                assert m["first"] == rows[0]["seq"] and m["epoch"], m
            got += [r["seq"] for r in rows]
            messages += 1
        return got, messages

    async def closed(self):
        """The code that it is closed with; what comes before is dropped."""
        try:
            while True:
                await asyncio.wait_for(self.ws.recv(), WAIT)
        except websockets.ConnectionClosed as e:
            return e.rcvd.code if e.rcvd else None


def same(got, want):
    assert got == want, f"{got!r} and not {want!r}"


# --- each looks at one thing; the log of ann's team grows from one to the next ------

async def a_token_is_good_once():
    status, answer = call("POST", "/api/v1/ws-token/", ANN)
    same(status, 200)
    same(sorted(answer), ["expires_in", "session_id", "ws_token", "ws_url"])
    same(answer["expires_in"], 300)
    same(answer["ws_url"], HUB.replace("http", "ws", 1) + "/ws/v1/events/")
    head = {"Authorization": "Bearer " + answer["ws_token"]}
    async with websockets.connect(answer["ws_url"], extra_headers=head):
        pass
    for bad in (head, {"Authorization": "Bearer nonsense"}, {"Authorization": "Bearer " + ANN}):
        try:
            await websockets.connect(answer["ws_url"], extra_headers=bad)
            raise AssertionError("it opened")
        except websockets.InvalidStatusCode as e:
            same(e.status_code, 401)
            assert int(e.headers["Content-Length"]) > 0


async def a_token_in_the_query():
    url = f"{HUB.replace('http', 'ws', 1)}/ws/v1/events/?token={token(ANN)}"
    async with websockets.connect(url) as ws:
        same(json.loads(await ws.recv())["type"], "snapshot")


async def a_team_that_one_is_not_in():
    same(call("POST", "/api/v1/ws-token/", ANN, {"team_id": "of-others"})[0], 403)
    same(call("POST", "/api/v1/ws-token/", "nonsense")[0], 401)


async def the_tail_from_the_start():
    push(1, 3)
    async with Peer() as p:
        same(p.ws.subprotocol, PROTOCOL)
        await p.hello()
        got, _ = await p.seqs(3)
        same(got, [1, 2, 3])
        push(4, 2)
        same((await p.seqs(5))[0], [4, 5])


async def the_tail_from_a_position():
    epoch = push(6, 1)["epoch"]
    async with Peer() as p:
        await p.hello(5, epoch)
        same((await p.seqs(6))[0], [6])


async def many_in_one_message():
    async with Peer() as p:
        await p.hello(batch=True)
        got, messages = await p.seqs(6)
        same(got, [1, 2, 3, 4, 5, 6])
        assert messages < 6, messages


async def a_position_of_another_log():
    async with Peer() as p:
        await p.hello(2, "another")
        m = await p.next()
        same(m["type"], "resync")
        await p.hello(99, m["epoch"])
        same((await p.next())["type"], "resync")
        await p.hello(4, m["epoch"])
        same((await p.seqs(6))[0], [5, 6])


async def a_snapshot_and_its_tail():
    async with Peer(v1=False) as p:
        m = await p.next()
        same(m["type"], "snapshot")
        same(m["seq"], 6)
        same(m["more"], False)
        same(len(m["todos"]), 6)
        push(7, 1)
        m = await p.next()
        same((m["type"], m["seq"], m["user"]), ("event", 7, "ann"))
        same(m["event"], event(7))


async def events_that_one_sends():
    async with Peer() as p, Peer(v1=False) as old:
        await old.next()
        epoch = call("GET", "/api/v1/events/?limit=1", ANN)[1]["epoch"]
        await p.hello(7, epoch)
        await old.say(event(8))
        kinds = {}
        for _ in range(2):
            m = await old.next()
            kinds[m["type"]] = m
        same(sorted(kinds), ["ack", "event"])
        same([r["status"] for r in kinds["ack"]["results"]], ["success"])
        same(kinds["ack"]["head"], 8)
        same((await p.seqs(8))[0], [8])
        await p.say({"type": "events", "events": [event(9), event(8), event(10, payload={})]})
        while (m := await p.next())["type"] != "ack":
            pass
        same([r["status"] for r in m["results"]], ["success", "duplicate", "rejected"])
        same((await old.seqs(9))[0], [9])


async def answers_keep_the_order():
    async with Peer() as p:
        for n in range(20):
            await p.say({"type": "event", "event": event(100 + n)})
        ids = []
        while len(ids) < 20:
            m = await p.next()
            if m["type"] == "ack":
                ids += [r["event_id"] for r in m["results"]]
        same(ids, [event(100 + n)["event_id"] for n in range(20)])


async def others_hear_nothing():
    async with Peer(BOB) as p:
        await p.hello()
        push(200, 1)
        await p.say({"type": "event", "event": event(201)})
        got, _ = await p.seqs(1)
        same(got, [1])
    same(call("GET", "/api/v1/events/", BOB)[1]["head"], 1)


async def who_is_here():
    session = {"session_id": "s1", "agent": "claude", "device": "laptop", "cwd": "/src",
               "git_branch": "main", "active": ["001-a/WP01"], "last_activity": None}
    async with Peer() as p, Peer(v1=False) as old, Peer(BOB, v1=False) as other:
        same((await old.next())["type"], "snapshot")
        same((await other.next())["type"], "snapshot")
        await p.hello(99999, call("GET", "/api/v1/events/?limit=1", ANN)[1]["epoch"])
        same((await p.next())["type"], "resync")
        await p.hello()
        await p.say({"type": "presence", "sessions": [{**session, "user": "eve"}]})
        m = await old.next()
        same((m["type"], m["sessions"]), ("presence", [{**session, "user": "ann"}]))
        await p.say({"type": "presence", "sessions": []})
        while (m := await old.next())["sessions"]:
            pass
        await other.say({"type": "ping"})
        same((await other.next())["type"], "pong")


async def thousands_to_catch_up():
    for first in range(1000, 4000, 500):
        head = push(first, 500)["head"]
    for batch in (False, True):
        async with Peer() as p:
            await p.hello(batch=batch)
            got, _ = await p.seqs(head)
            same(got, list(range(1, head + 1)))


async def what_is_no_message():
    async with Peer() as p:
        for bad, code in (("{", "bad_json"), ("[]", "bad_request"),
                          ('{"type":"hello","after":-1}', "bad_request")):
            await p.say(bad)
            m = await p.next()
            same((m["type"], m["code"]), ("error", code))
        await p.say({"type": "of_the_future"})
        await p.say({"type": "ping"})
        same((await p.next())["type"], "pong")


async def who_is_nobody_yet():
    for first, code in (('{"type":"hello"}', 1008), (event(300), 1008), ("{", 1008),
                        ("x" * 5000, 1009)):
        async with Peer(bearer=False) as p:
            await p.say(first)
            same(await p.closed(), code)
    async with Peer(bearer=False) as p:
        await p.say({"type": "auth", "token": token(ANN)})
        same((await p.next())["type"], "auth_success")
        head = call("GET", "/api/v1/events/", ANN)[1]["head"]
        epoch = call("GET", "/api/v1/events/", ANN)[1]["epoch"]
        await p.hello(head - 1, epoch)
        same((await p.seqs(head))[0], [head])
    async with Peer(bearer=False) as p:
        await p.say({"type": "auth", "token": "nonsense"})
        same(await p.closed(), 1008)


async def pages_of_others():
    for origin in (HUB, "https://board.example", "https://board.example:443",
                   "http://localhost:3000"):
        async with Peer(headers={"Origin": origin}):
            pass
    for origin in ("https://evil.example", HUB + ".evil.example", "null", "",
                   HUB.replace("http", "https", 1), "http://board.example",
                   "http://localhost", "https://board.example.evil.example"):
        try:
            async with Peer(headers={"Origin": origin}):
                raise AssertionError(origin)
        except websockets.InvalidStatusCode as e:
            same(e.status_code, 403)


async def a_session_that_ends():
    async with Peer(BOB) as p:
        await p.hello()
        refresh = sys.stdin.readline().strip()
        same(call("POST", "/oauth/revoke", BOB, {"token": refresh})[0], 200)
        await p.say({"type": "event", "event": event(400)})
        same(await p.closed(), 1008)


async def main():
    for look in (a_token_is_good_once, a_token_in_the_query, a_team_that_one_is_not_in,
                 the_tail_from_the_start, the_tail_from_a_position, many_in_one_message,
                 a_position_of_another_log, a_snapshot_and_its_tail, events_that_one_sends,
                 answers_keep_the_order, others_hear_nothing, who_is_here,
                 thousands_to_catch_up, what_is_no_message, who_is_nobody_yet,
                 pages_of_others, a_session_that_ends):
        name = look.__name__.replace("_", " ")
        try:
            await asyncio.wait_for(look(), 60)
            print("ok", name, flush=True)
        except Exception as e:  # pylint: disable=broad-except
            print("not ok", f"{name}: {type(e).__name__} {e}".replace("\n", " ")[:500],
                  flush=True)


asyncio.run(main())
