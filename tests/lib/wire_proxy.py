"""A wire that does what it is told, in front of a hub; it knows bytes, not messages.

    wire_proxy.py HUB_URL FIFO      prints its own URL, serves until it is killed

Orders come as lines through the FIFO (which it makes); each is done before the next
is read, and "ok N" is appended to FIFO.done, N counting up from 1:

    open            everything passes (at first)
    cut             all connections are reset, new ones are refused
    after:N         each connection is reset when N more bytes of the hub have passed
    silent          nothing passes, nothing is closed
    delay:MS        everything passes, so much later
    block           requests that want a WebSocket are answered 403, others pass
"""
import asyncio
import os
import socket
import struct
import sys
from urllib.parse import urlsplit

HUB, FIFO = urlsplit(sys.argv[1]), sys.argv[2]
NO = (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Wire:
    def __init__(self):
        self.mode, self.number = "open", 0
        self.passes = asyncio.Event()
        self.passes.set()
        self.links = set()

    def order(self, line):
        mode, _, arg = line.partition(":")
        self.mode, self.number = mode, int(arg or 0)
        (self.passes.clear if mode == "silent" else self.passes.set)()
        for link in list(self.links):
            link.left = self.number if mode == "after" else None
            if mode == "cut":
                link.reset()


class Link:
    def __init__(self, writers):
        self.writers = writers
        self.left = WIRE.number if WIRE.mode == "after" else None

    def reset(self):
        for w in self.writers:
            sock = w.get_extra_info("socket")
            if sock is not None:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
                except OSError:
                    pass
            w.transport.abort()


async def pump(link, reader, writer, from_hub):
    try:
        while data := await reader.read(65536):
            await WIRE.passes.wait()
            if WIRE.mode == "delay":
                await asyncio.sleep(WIRE.number / 1000)
            if not from_hub and WIRE.mode == "block" and b"websocket" in data.lower():
                link.writers[0].write(NO)
                await link.writers[0].drain()
                break
            if from_hub and link.left is not None:
                data, link.left = data[:link.left], link.left - len(data)
                writer.write(data)
                if link.left <= 0:
                    await writer.drain()
                    link.reset()
                    return
                continue
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    await WIRE.passes.wait()
    for w in link.writers:
        w.close()


async def serve(reader, writer):
    if WIRE.mode == "cut":
        Link([writer]).reset()
        return
    try:
        up_reader, up_writer = await asyncio.open_connection(HUB.hostname, HUB.port)
    except OSError:
        Link([writer]).reset()
        return
    for w in (writer, up_writer):
        w.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP,
                                              socket.TCP_NODELAY, 1)
    link = Link([writer, up_writer])
    WIRE.links.add(link)
    await asyncio.gather(pump(link, reader, up_writer, False),
                         pump(link, up_reader, writer, True))
    WIRE.links.discard(link)


def orders(loop):
    done = 0
    while True:
        with open(FIFO) as f:
            for line in f:
                loop.call_soon_threadsafe(WIRE.order, line.strip())
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
                done += 1
                with open(FIFO + ".done", "a") as out:
                    out.write(f"ok {done}\n")


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, orders, loop)
    print(f"http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


os.mkfifo(FIFO)
WIRE = Wire()
asyncio.run(main())
