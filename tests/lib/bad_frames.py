"""What no WebSocket client may send, to a hub, each on a connection of its own, while a
good member of the same team listens: it gets every event, in order, on one connection.

    bad_frames.py HUB-URL ACCESS     prints "ok WHAT" or "not ok WHAT: WHY"
"""
import asyncio
import base64
import json
import os
import struct
import sys
import urllib.request
from urllib.parse import urlsplit

HUB, ACCESS = urlsplit(sys.argv[1]), sys.argv[2]
WAIT = 30  # seconds, for what has to come
MANY = 100000
MESSAGE_MAX = 1 << 20  # of one who is known; who is not has 4,096
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(op, payload=b"", fin=True, bits=0, mask=b"\1\2\3\4", length=None):
    """One frame; mask None: not masked, length: what it says, in its shortest form."""
    n = len(payload) if length is None else length
    lead = 0x80 if mask is not None else 0
    if n < 126:
        head = bytes([lead | n])
    elif n < 65536:
        head = struct.pack(">BH", lead | 126, n)
    else:
        head = struct.pack(">BQ", lead | 127, n)
    if mask is not None:
        head += mask
        whole = int.from_bytes(payload, "big")
        key = int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
        payload = (whole ^ key).to_bytes(len(payload), "big")
    return bytes([(0x80 if fin else 0) | bits << 4 | op]) + head + payload


def long_form(n, wide):
    """Its length in more bytes than it needs."""
    return (b"\x81\xfe" + struct.pack(">H", n) if not wide
            else b"\x81\xff" + struct.pack(">Q", n)) + b"\0\0\0\0" + b"x" * min(n, 70000)


def closing(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


def call(path, body=None):
    request = urllib.request.Request(HUB.geturl() + path, data=json.dumps(body or {}).encode())
    request.add_header("Authorization", "Bearer " + ACCESS)
    with urllib.request.urlopen(request, timeout=WAIT) as answer:
        return json.load(answer)


class Member:
    """A connection, frame by frame."""

    async def open(self, token=None, query=None):
        self.reader, self.writer = await asyncio.open_connection(HUB.hostname, HUB.port,
                                                                 limit=32 << 20)
        lines = [f"GET /ws/v1/events/{query or ''} HTTP/1.1", f"Host: {HUB.netloc}",
                 "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Protocol: clowder.v1",
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        if token:
            lines.append("Authorization: Bearer " + token)
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WAIT)
        self.status = int(head.split()[1])
        self.come, self.at = b"", 0
        return self

    def send(self, data):
        self.writer.write(data)

    def say(self, message):
        self.send(frame(TEXT, json.dumps(message).encode()))

    def take(self):
        """(op, payload) of the next frame that is here, or None."""
        at, n = self.at + 2, self.come[self.at + 1] if len(self.come) > self.at + 1 else 0
        assert n < 128, "the hub masks"
        if n > 125:
            at, n = at + (2 if n == 126 else 8), int.from_bytes(
                self.come[at:at + (2 if n == 126 else 8)], "big")
        if len(self.come) < at + n:
            return None
        op, self.at = self.come[self.at] & 15, at + n
        return op, self.come[at:at + n]

    async def frame(self):
        """The next one."""
        while (one := self.take()) is None:
            more = await asyncio.wait_for(self.reader.read(1 << 20), WAIT)
            if not more:
                raise EOFError("the hub has closed it without a word")
            self.come, self.at = self.come[self.at:] + more, 0
        return one

    async def message(self):
        """The next one that is not a heartbeat."""
        while True:
            op, payload = await self.frame()
            assert op != CLOSE, f"closed: {payload!r}"
            if op != TEXT:
                continue
            m = json.loads(payload)
            if m["type"] != "ping":
                return m
            self.say({"type": "pong"})

    async def closed(self):
        """Its code, behind which nothing comes; None: it just ended."""
        try:
            while True:
                op, payload = await self.frame()
                if op == CLOSE:
                    assert self.at == len(self.come)
                    assert await asyncio.wait_for(self.reader.read(), WAIT) == b""
                    return int.from_bytes(payload[:2], "big")
        except (EOFError, ConnectionError):
            return None

    async def end(self):
        self.writer.close()


async def member(known=True):
    m = await Member().open(call("/api/v1/ws-token/")["ws_token"] if known else None)
    assert m.status == 101, m.status
    return m


# --- the good one -----------------------------------------------------------------------

class Good:
    """Listens all the time, and knows what it has to hear."""

    def __init__(self):
        self.n, self.heard, self.come = 0, [], asyncio.Event()

    async def begin(self):
        self.m = await member()
        self.m.say({"type": "hello"})
        self.task = asyncio.ensure_future(self.listen())

    async def listen(self):
        while True:
            m = await self.m.message()
            if m["type"] == "event":
                self.heard.append((m["seq"], m["event"]["aggregate_id"]))
                self.come.set()

    async def write(self):
        self.n += 1
        one = {"event_id": f"01890000-0000-7000-8000-{self.n:012x}", "event_type": "todo_added",
               "aggregate_type": "todo", "aggregate_id": f"todo-{self.n}",
               "lamport_clock": self.n, "node_id": "n1", "timestamp": "2026-04-28T10:30:00Z",
               "replaces": [], "payload": {"content": "x"}}
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(None, call, "/api/v1/events/batch/",
                                            {"events": [one]})
        assert answer["results"][0]["status"] == "success", answer

    async def has_all(self):
        while len(self.heard) < self.n:
            self.come.clear()
            if self.task.done():
                self.task.result()
            await asyncio.wait_for(self.come.wait(), WAIT)
        assert self.heard == [(i, f"todo-{i}") for i in range(1, self.n + 1)], self.heard[-5:]


# --- what is sent, and the code that it is closed with ------------------------------------

def rows():
    yield "a text that is not masked", frame(TEXT, b"{}", mask=None), 1002
    yield "a ping that is not masked", frame(PING, mask=None), 1002
    for bits in range(1, 8):
        yield f"reserved bits {bits}", frame(TEXT, b"{}", bits=bits), 1002
    for op in (*range(3, 8), *range(11, 16)):
        yield f"opcode {op}", frame(op), 1002
    for op, name in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
        yield f"a {name} too long", frame(op, b"\x03\xe8" + b"x" * 124), 1002
        yield f"a {name} in pieces", frame(op, b"\x03\xe8", fin=False), 1002
    yield "a continuation of nothing", frame(0, b"x"), 1002
    yield "a message within another", frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002
    yield "5 in two bytes", long_form(5, False), 1002
    yield "65535 in eight bytes", long_form(65535, True), 1002
    yield "2^63 bytes", b"\x81\xff\x80" + b"\0" * 11, 1002
    yield "2^63 - 1 bytes", b"\x81\xff\x7f" + b"\xff" * 11, 1009
    yield "a message too long", frame(TEXT, length=MESSAGE_MAX + 1), 1009
    half = frame(TEXT, b"x" * (MESSAGE_MAX // 2), fin=False)
    yield "too long in pieces", half + frame(0, length=MESSAGE_MAX // 2 + 1), 1009
    yield "binary", frame(BINARY, b"{}"), 1003
    for bad, name in ((b"\xc3(", "no UTF-8"), (b"\xed\xa0\x80", "a surrogate"),
                      (b"\xc0\x80", "overlong"), (b"\xf4\x90\x80\x80", "beyond Unicode"),
                      (b"\xff", "no byte of UTF-8"), (b"\xc3", "half a character")):
        yield name, frame(TEXT, bad), 1007
        yield name + ", a byte a piece", frame(TEXT, b"{", fin=False) + b"".join(
            frame(0, bytes([b]), fin=False) for b in bad) + frame(0, b"}"), 1007
        yield name + ", as a reason", closing(1000, bad), 1007
    for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535):
        yield f"closing code {code}", closing(code), 1002
    yield "half a closing code", frame(CLOSE, b"\x03"), 1002
    for code in (1000, 1001, 1011, 3000, 4999):
        yield f"closing code {code} is answered", closing(code, "gr\u00fc\u00df".encode()), code
    yield f"{MANY} pieces of one message", frame(TEXT, fin=False) + frame(
        0, fin=False) * MANY, 1009


async def breaches(good):
    for name, data, want in rows():
        for said_hello in (False, True):
            m = await member()
            if said_hello:
                m.say({"type": "hello"})
            m.send(data)
            got = await m.closed()
            assert got == want, f"{name}: {got} and not {want}"
            await m.end()
        await good.write()


async def before_a_token(_):
    hello = frame(TEXT, b'{"type":"hello"}')
    for data, want in ((hello, 1008), (frame(TEXT, b"{"), 1008), (frame(TEXT), 1008),
                       (frame(BINARY, b"x"), 1003), (frame(TEXT, length=4097), 1009),
                       (frame(TEXT, b'{"type":"auth"}'), 1008),
                       (frame(TEXT, b'{"type":"auth","token":7}'), 1008),
                       (frame(TEXT, b'{"type":"auth","token":"x"}') + hello, 1008)):
        m = await member(known=False)
        m.send(data)
        got = await m.closed()
        assert got == want, f"{data[:60]!r}: {got} and not {want}"
        await m.end()


async def a_token_that_was_used(_):
    token = call("/api/v1/ws-token/")["ws_token"]
    m = await Member().open(token)
    assert m.status == 101, m.status
    await m.end()
    for again in (await Member().open(token), await Member().open(query="?token=" + token)):
        assert again.status == 401, again.status
        await again.end()
    m = await member(known=False)
    m.say({"type": "auth", "token": token})
    assert await m.closed() == 1008
    await m.end()


async def control_frames_in_between(_):
    m = await member()
    m.say({"type": "hello"})
    text = '{"type":"ping","x":"gr\u00fc\u00df \U0001f408"}'.encode()
    for i, byte in enumerate(text):
        m.send(frame(TEXT if i == 0 else 0, bytes([byte]), fin=i == len(text) - 1))
        m.send(frame(PING, b"p%d" % i) + frame(PONG))
    pongs, answer = [], None
    last = b"p%d" % (len(text) - 1)
    while answer is None or last not in pongs:
        op, payload = await m.frame()
        if op == PONG:
            pongs.append(payload)
        elif op == TEXT and json.loads(payload)["type"] == "pong":
            answer = payload
    # Where much is on its way, the last ping alone may be answered.
    assert pongs == sorted(set(pongs), key=lambda p: int(p[1:])), pongs[:3]
    await m.end()


async def tiny_messages(good):
    """They mean nothing: each is answered, or passed over, and nobody else waits."""
    for data, count in ((frame(TEXT, b"x"), MANY),
                        (frame(PING), MANY), (frame(PONG), MANY),
                        (frame(TEXT, b"{}"), MANY // 50)):  # the last: no event, to be refused
        m = await member()
        m.say({"type": "hello"})
        m.send(data * count + closing(1000))
        end = asyncio.ensure_future(m.closed())
        while not end.done():
            await good.write()
            await good.has_all()
        assert end.result() == 1000, f"{data[:9]!r}: {end.result()}"
        await m.end()


async def main():
    good = Good()
    await good.begin()
    for look in (breaches, before_a_token, a_token_that_was_used, control_frames_in_between,
                 tiny_messages):
        name = look.__name__.replace("_", " ")
        try:
            await good.write()
            await look(good)
            await good.has_all()
            print("ok", name, flush=True)
        except Exception as e:  # pylint: disable=broad-except
            print(f"not ok {name}: {type(e).__name__} {e}".replace("\n", " ")[:500], flush=True)
    print(f"ok {good.n} events, one after the other" if len(good.heard) == good.n > 50
          else f"not ok {len(good.heard)} of {good.n} events", flush=True)
    good.task.cancel()
    await good.m.end()


asyncio.run(main())
