"""Clients that mean no good, and one that measures what a good one feels of it.

    hostile.py KIND COUNT HUB_URL [TOKEN]     one of KINDS; says "ready" when it
                                              holds COUNT connections, or has made
                                              ten times as many because each is
                                              ended; goes on until stdin ends
    hostile.py measure SECONDS HUB_URL TOKEN  prints a line of JSON: how many
                                              requests were answered, latencies in
                                              ms, what was refused or lost

An https URL is trusted by what $SSL_CERT_FILE says.

The good client does what clients do: health on a connection of its own, a new
one each, a batch of one event, a pull.
"""
import gzip
import http.client
import json
import os
import random
import resource
import select
import socket
import ssl
import struct
import sys
import time
from urllib.parse import urlsplit

TICK = 0.01  # seconds between two rounds of whoever trickles


class Wire:
    """A connection that does not block: sends what is queued, drops what comes."""

    def __init__(self, attack, first=b""):
        self.attack, self.out, self.got = attack, first, 0
        self.sock = socket.socket()
        self.sock.setblocking(False)
        if attack.deaf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            self.sock.connect((attack.host, attack.port))
        except BlockingIOError:
            pass

    def fileno(self):
        return self.sock.fileno()

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Attack:
    """COUNT connections; whichever the hub ends is made anew."""

    again = True

    deaf = False     # never reads
    reads = True     # wants what comes
    per_tick = 200   # connections that trickle in a round

    def __init__(self, count, url, token):
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port
        self.token, self.dice = token or "", random.Random(1)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
        self.count = min(count, most[1] - 64) if most[1] > 0 else count
        self.poll, self.wires, self.turn, self.made = select.epoll(), {}, 0, 0

    def head(self, method, path, *fields):
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: x"]
        if self.token:
            lines.append("Authorization: Bearer " + self.token)
        return ("\r\n".join(lines + list(fields)) + "\r\n").encode()

    def first(self):
        """What a connection begins with."""
        return b""

    def more(self, wire):
        """What it sends when its turn comes, for ever."""
        return b""

    def answered(self, wire, data):
        """Something came."""

    def open(self):
        wire = Wire(self, self.first())
        self.made += 1
        self.wires[wire.fileno()] = wire
        self.poll.register(wire, select.EPOLLOUT | (select.EPOLLIN if self.reads else 0))

    def end(self, wire, reset=False):
        del self.wires[wire.fileno()]
        self.poll.unregister(wire)
        wire.close(reset)

    def flush(self, wire):
        if wire.out:
            wire.out = wire.out[wire.sock.send(wire.out):]
        wants = select.EPOLLOUT if wire.out else 0
        self.poll.modify(wire, wants | (select.EPOLLIN if self.reads else 0))

    def handle(self, wire, events):
        try:
            if events & select.EPOLLIN:
                data = wire.sock.recv(65536)
                if not data:
                    self.end(wire)
                    return
                wire.got += len(data)
                self.answered(wire, data)
            if events & (select.EPOLLERR | select.EPOLLHUP):
                self.end(wire)
            elif wire.fileno() in self.wires:
                self.flush(wire)
        except BlockingIOError:
            pass
        except OSError:
            if wire.fileno() in self.wires:
                self.end(wire)

    def trickle(self):
        turn = list(self.wires.values())
        if not turn:
            return
        for i in range(min(self.per_tick, len(turn))):
            self.turn += 1
            wire = turn[self.turn % len(turn)]
            more = self.more(wire) if len(wire.out) < 65536 else b""
            if more:
                wire.out += more
                self.handle(wire, 0)

    def go(self):
        stdin, said, next_turn = sys.stdin.fileno(), False, 0
        self.poll.register(stdin, select.EPOLLIN)
        while True:
            for _ in range(min(100, self.count - len(self.wires)) if self.again or not said else 0):
                self.open()
            for fd, events in self.poll.poll(TICK):
                if fd == stdin:
                    return
                if fd in self.wires:
                    self.handle(self.wires[fd], events)
            now = time.monotonic()
            if now >= next_turn:
                self.trickle()
                next_turn = now + TICK
            if not said and (len(self.wires) >= self.count or self.made >= 10 * self.count):
                said = True
                print("ready %d" % self.count, flush=True)


class Heads(Attack):
    """Heads that never become whole."""

    def first(self):
        return b"GET /api/health HTTP/1.1\r\nHost: x\r\nX-"

    def more(self, wire):
        return b"a"


class Silent(Attack):
    """Connections on which nothing ever comes."""


class Holders(Heads):
    """Heads that never become whole, of clients that do not come again."""

    again = False


class Bodies(Attack):
    """Bodies that never become whole, of people who need no account."""

    def first(self):
        return (b"POST /api/v1/token/ HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n"
                + b"x" * 12000)

    def more(self, wire):
        return b"x"


class Floods(Attack):
    """As many fields as a head may have, and no end."""

    def first(self):
        return b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(
            b"X-%d: %s\r\n" % (i, b"y" * 330) for i in range(95))


class Overflows(Attack):
    """More than a head may have, again and again."""

    def first(self):
        return b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 101 + b"\r\n"


class Pipelines(Attack):
    """Requests without waiting for answers."""

    per_tick = 20

    def more(self, wire):
        return b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n" * 100


class Tiny(Attack):
    """One small request after the other, on each connection."""

    def first(self):
        return b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"

    def answered(self, wire, data):
        wire.out += self.first()


class Unread(Attack):
    """Pulls of as much as there is, of which nothing is read."""

    deaf, reads = True, False

    def first(self):
        return self.head("GET", "/api/v1/events/?limit=1000") + b"\r\n"

    def more(self, wire):
        return self.first()


class Deaf(Attack):
    """Requests without an account, as many as are taken; no answer is read."""

    deaf, reads = True, False

    def first(self):
        return b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n" * 1000

    def more(self, wire):
        return self.first()


class Snapshots(Unread):
    """The same with the whole state."""

    def first(self):
        return self.head("GET", "/api/v1/snapshot/") + b"\r\n"


class Held(Attack):
    """Large bodies, of somebody with an account, that stop before their end."""

    def first(self):
        return self.head("POST", "/api/v1/events/batch/",
                         "Content-Length: 8000000") + b"\r\n" + b" " * 4000000

    def more(self, wire):
        return b" "


class Chunks(Attack):
    """Chunks of one byte, each with a tail that says nothing."""

    per_tick = 50

    def first(self):
        return self.head("POST", "/api/v1/events/batch/", "Transfer-Encoding: chunked") + b"\r\n"

    def more(self, wire):
        return (b"1;" + b"e" * self.dice.choice((0, 1, 200)) + b"\r\n \r\n") * 50


class Bombs(Attack):
    """Small bodies that are large when they are unpacked, one after the other."""

    per_tick = 8

    def __init__(self, *args):
        super().__init__(*args)
        zeros = gzip.compress(b" " * (40 << 20))
        members = gzip.compress(b" " * 65536) * 600
        exact = gzip.compress(b'{"events":[]}' + b" " * ((32 << 20) - 13))
        over = gzip.compress(b'{"events":[]}' + b" " * ((32 << 20) - 12))
        tail = gzip.compress(b'{"events":[]}') + b"garbage"
        values = gzip.compress(b'{"events":[' + b"0," * 8000000 + b"0]}", 1)
        self.bodies = [zeros, members, exact, over, tail, values]

    def first(self):
        body = self.dice.choice(self.bodies)
        return self.head("POST", "/api/v1/events/batch/", "Content-Encoding: gzip",
                         "Content-Length: %d" % len(body)) + b"\r\n" + body

    def answered(self, wire, data):
        if not wire.out:
            wire.out = self.first()


class Churn(Attack):
    """Connections that are reset as soon as they are there."""

    def first(self):
        return b"GET /api/health HTTP/1.1\r\n"

    def trickle(self):
        for wire in list(self.wires.values())[:100]:
            self.end(wire, reset=True)


class Odd(Attack):
    """Requests that were whole until some of their bytes were changed."""

    per_tick = 20

    def first(self):
        body = b'{"events":[{"event_id":"01890000-0000-7000-8000-000000000001"}]}'
        kinds = (self.head("GET", "/api/v1/events/?after=0&epoch=%61", "Accept-Encoding: gzip") + b"\r\n",
                 self.head("POST", "/api/v1/events/batch/", "Content-Length: %d" % len(body))
                 + b"\r\n" + body,
                 self.head("POST", "/api/v1/token/", "Transfer-Encoding: chunked")
                 + b"\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n")
        out = bytearray(b"".join(self.dice.choice(kinds) for _ in range(3)))
        for _ in range(self.dice.randrange(4)):
            at = self.dice.randrange(len(out))
            out[at:at + self.dice.randrange(3)] = self.dice.randbytes(self.dice.randrange(4))
        return bytes(out)

    def more(self, wire):
        return self.first()


anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def greeting():
    """What a TLS client says first."""
    sends = ssl.MemoryBIO()
    try:
        anyone.wrap_bio(ssl.MemoryBIO(), sends, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sends.read()


class Hellos(Attack):
    """Greetings of TLS that never become whole."""

    def first(self):
        return greeting()[:5]

    def more(self, wire):
        return b"\0"


class Handshakes(Attack):
    """Handshakes that stop when the other side has done its part."""

    def first(self):
        return greeting()


class Greeters(Handshakes):
    """The same, one after the other."""

    def answered(self, wire, data):
        self.end(wire, reset=True)


class Records(Attack):
    """Records of TLS that mean nothing, behind a greeting."""

    per_tick = 20

    def first(self):
        return greeting()

    def answered(self, wire, data):
        kind = self.dice.choice((20, 21, 22, 23))
        body = self.dice.randbytes(self.dice.randrange(600))
        wire.out += struct.pack(">BHH", kind, 0x303, len(body)) + body


KINDS = {c.__name__.lower(): c for c in (
    Heads, Silent, Bodies, Floods, Overflows, Pipelines, Tiny, Unread, Snapshots, Held, Chunks,
    Bombs, Churn, Odd, Deaf, Hellos, Handshakes, Greeters, Records,
    Holders)}


# ---- the good client

class Good:
    def __init__(self, url, token):
        self.at, self.trust = urlsplit(url).netloc, None
        if urlsplit(url).scheme == "https":
            self.trust = ssl.create_default_context()
        self.auth = {"Authorization": "Bearer " + token}
        self.kept = None
        self.prefix, self.n = os.urandom(4).hex(), 0
        self.ms, self.failed = [], []

    def ask(self, wire, method, path, body=None):
        wire.request(method, path, body, self.auth)
        answer = wire.getresponse()
        answer.read()
        if answer.status != 200:
            self.failed.append("%s %s: %d" % (method, path, answer.status))

    def connect(self):
        if self.trust:
            return http.client.HTTPSConnection(self.at, timeout=20, context=self.trust)
        return http.client.HTTPConnection(self.at, timeout=20)

    def event(self):
        self.n += 1
        return json.dumps({"events": [{
            "event_id": "%s-0000-7000-8000-%012x" % (self.prefix, self.n),
            "event_type": "todo_added", "aggregate_type": "todo",
            "aggregate_id": "good-%s-%d" % (self.prefix, self.n), "lamport_clock": self.n,
            "node_id": "good", "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
            "payload": {"content": "good"}}]})

    def step(self, i):
        if i % 4 == 0:
            # A hub may end one that is idle: then there is another.
            try:
                self.kept = self.kept or self.connect()
                self.ask(self.kept, "GET", "/api/health")
                return
            except (http.client.HTTPException, OSError):
                self.kept = None
        wire = self.connect()
        try:
            if i % 4 == 2:
                self.ask(wire, "POST", "/api/v1/events/batch/", self.event())
            elif i % 4 == 3:
                self.ask(wire, "GET", "/api/v1/events/?limit=1")
            else:
                self.ask(wire, "GET", "/api/health")
        finally:
            wire.close()

    def measure(self, seconds):
        end, i = time.monotonic() + seconds, 0
        while i < 8 or time.monotonic() < end:
            start = time.monotonic()
            try:
                self.step(i)
            except (http.client.HTTPException, OSError) as error:
                self.failed.append("step %d: %r" % (i % 4, error))
            self.ms.append((time.monotonic() - start) * 1000)
            i += 1
        self.ms.sort()
        n = len(self.ms)
        print(json.dumps({"n": n, "p50": round(self.ms[n // 2], 1),
                          "p99": round(self.ms[n * 99 // 100], 1), "max": round(self.ms[-1], 1),
                          "failed": len(self.failed), "first": self.failed[:3]}), flush=True)


def main():
    kind, number, url = sys.argv[1], sys.argv[2], sys.argv[3]
    token = sys.argv[4] if len(sys.argv) > 4 else ""
    if kind == "measure":
        Good(url, token).measure(float(number))
    else:
        KINDS[kind](int(number), url, token).go()


main()
