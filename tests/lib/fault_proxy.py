"""The proxy of all tests: in front of a hub, the wire does what it is told.

    fault_proxy.py HUB_URL PLAN     prints its own URL, serves until it is killed

PLAN is a file of lines "FAULT[:ARG] PATH": the first line whose PATH begins the
path of a request is taken out and done to that request; others pass.  A line that
begins with "every " stays.  N is bytes of the message, or N% of its body.

    reset           the connection is reset before the hub hears anything
    lost            the hub does it; the connection is reset instead of an answer
    late:MS         the same at once, and the hub hears of it only after MS
    hang:MS         the hub does it; after MS without an answer comes the end
    cut:N           the hub gets N bytes of the request and then the end
    hold:MS         the hub gets half of the request, after MS the other half
    drip:MS         the request comes a byte at a time, one each MS
    delay:MS        everything comes, later
    slow:MS         the hub does it at once, its answer comes after MS
    truncate:N      N bytes of the answer come, then the end
    break:N         the same, and a reset
    stall:MS        half of the answer comes, after MS the other half
    trickle:MS      the answer comes a byte at a time, one each MS
    double          the hub hears it twice; the second answer comes
    twice           the answer comes twice
    garbage         what comes is no HTTP
    page            a page of some other server comes, with 502
    says:STATUS     the hub hears nothing, an error of this status comes
    spoil:WORD      wherever WORD (_ is a blank) is a string of the request, a number
                    takes its place, so that a hub refuses that event and no other

Each line that was done is appended to PLAN.done.
"""
import fcntl
import gzip
import os
import socket
import struct
import sys
import termios
import threading
import time
from urllib.parse import urlsplit

HUB, PLAN = urlsplit(sys.argv[1]), sys.argv[2]
LOCK = threading.Lock()
PAGE = (b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 21\r\n"
        b"\r\n<h1>Bad Gateway</h1>\n")


class End(Exception):
    """The other side has closed its connection."""


def take_fault(path):
    """Which fault is planned for this path, as (name, number)."""
    with LOCK:
        try:
            with open(PLAN) as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            return None, 0
        for i, line in enumerate(lines):
            stays, _, rest = line.partition("every ")
            fault, _, prefix = (rest or stays).partition(" ")
            if not fault or not path.startswith(prefix):
                continue
            if not rest:
                del lines[i]
                with open(PLAN, "w") as f:
                    f.write("".join(x + "\n" for x in lines))
            with open(PLAN + ".done", "a") as f:
                f.write(line + "\n")
            name, _, arg = fault.partition(":")
            return name, int(arg) if arg.isdecimal() else arg
    return None, 0


def part(message, n):
    """So many bytes of it, or of its head and that share of its body."""
    if isinstance(n, int):
        return message[:n]
    body = message.index(b"\r\n\r\n") + 4
    return message[:body + (len(message) - body) * int(n.rstrip("%")) // 100]


def spoil(request, word):
    """The request with a number for each string that is this word."""
    head, _, body = request.partition(b"\r\n\r\n")
    packed = b"content-encoding: gzip" in head.lower()
    plain = gzip.decompress(body) if packed else body
    plain = plain.replace(b'"%s"' % word.replace("_", " ").encode(), b"7")
    body = gzip.compress(plain) if packed else plain
    lines = [line for line in head.split(b"\r\n")
             if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join(lines) + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def read_message(wire, held):
    """One whole request or answer; what comes behind it stays in `held`."""
    def more():
        piece = wire.recv(65536)
        if not piece:
            raise End
        held.extend(piece)

    while b"\r\n\r\n" not in held:
        more()
    end = held.index(b"\r\n\r\n") + 4
    head = bytes(held[:end]).lower()
    if b"transfer-encoding: chunked" in head:
        while not bytes(held).endswith(b"0\r\n\r\n"):
            more()
        size = len(held)
    else:
        at = head.find(b"content-length:")
        size = end
        if at >= 0:
            size += int(head[at + 15:head.index(b"\r\n", at)])
        while len(held) < size:
            more()
    message = bytes(held[:size])
    del held[:size]
    return message


def connect():
    return socket.create_connection((HUB.hostname, HUB.port), timeout=30)


def by_bytes(wire, message, ms):
    for i in range(len(message)):
        wire.sendall(message[i:i + 1])
        time.sleep(ms / 1000)


def ask(request, half_ms=0, drip_ms=0):
    with connect() as hub:
        hub.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if half_ms:
            hub.sendall(part(request, "50%"))
            time.sleep(half_ms / 1000)
            request = request[len(part(request, "50%")):]
        if drip_ms:
            by_bytes(hub, request, drip_ms)
        else:
            hub.sendall(request)
        return read_message(hub, bytearray())


def error(status):
    codes = {401: b"unauthorized", 413: b"too_large", 429: b"throttled"}
    body = b'{"error":"%s","message":"planned"}' % codes.get(status, b"unavailable")
    return (b"HTTP/1.1 %d Planned\r\nContent-Type: application/json\r\nRetry-After: 0\r\n"
            b"Content-Length: %d\r\n\r\n" % (status, len(body))) + body


def reset(wire):
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise End


def arrived(wire):
    """Wait until the other side's system has all bytes: a reset overtakes them."""
    left = bytearray(4)
    while True:
        fcntl.ioctl(wire, termios.TIOCOUTQ, left)
        if not struct.unpack("i", left)[0]:
            return
        os.sched_yield()


def ask_later(request, ms):
    time.sleep(ms / 1000)
    try:
        ask(request)
    except (OSError, End):
        pass


def answer(wire, request, fault, n):
    """Do the fault to one request."""
    if fault == "reset":
        reset(wire)
    if fault == "late":
        threading.Thread(target=ask_later, args=(request, n), daemon=True).start()
        reset(wire)
    if fault == "cut":
        with connect() as hub:
            hub.sendall(part(request, n))
        reset(wire)
    if fault == "garbage":
        wire.sendall(b"\x16\x03\x01\x00\xff" * 20)
        raise End
    if fault == "page":
        wire.sendall(PAGE)
        return
    if fault == "says":
        wire.sendall(error(n))
        return
    if fault == "spoil":
        request = spoil(request, str(n))
    if fault == "double":
        ask(request)
    if fault == "delay":
        time.sleep(n / 1000)
    got = ask(request, n if fault == "hold" else 0, n if fault == "drip" else 0)
    if fault == "lost":
        reset(wire)
    if fault in ("slow", "hang"):
        time.sleep(n / 1000)
    if fault == "hang":
        raise End
    if fault in ("truncate", "break"):
        wire.sendall(part(got, n))
        if fault == "break":
            arrived(wire)
            reset(wire)
        raise End
    if fault == "stall":
        wire.sendall(got[:len(got) // 2])
        time.sleep(n / 1000)
        got = got[len(got) // 2:]
    if fault == "trickle":
        by_bytes(wire, got, n)
        return
    wire.sendall(got * (2 if fault == "twice" else 1))


def serve(wire):
    held = bytearray()
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while True:
            request = read_message(wire, held)
            path = request.split(b" ", 2)[1].decode()
            answer(wire, request, *take_fault(path))
    except (End, OSError):
        pass
    finally:
        wire.close()


server = socket.create_server(("127.0.0.1", 0), backlog=128)
print("http://127.0.0.1:%d" % server.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
