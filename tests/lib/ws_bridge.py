"""A server made with Python's websockets, in front of a hub: WebSockets end here, and
are carried to the hub by the same library; all else passes as it is.

    ws_bridge.py HUB_URL PORT whole|pieces|flood     PORT 0: any

Prints its own URL, then what it sees of its clients, a word a line: "opened", "ponged"
(a ping of the library was answered), "refused STATUS".  pieces: messages go on in
several fragments, each way, with pings between them.  flood: clients get heartbeats
between their messages, as many as they take.
"""
import asyncio
import sys
from urllib.parse import urlsplit

import websockets
from websockets.legacy.server import WebSocketServerProtocol

HUB, PORT, HOW = urlsplit(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
PROTOCOL = "clowder.v1"
OPTIONS = {"max_size": 32 << 20, "ping_interval": 1, "ping_timeout": 20}


def say(word):
    print(word, flush=True)


async def ping(ws):
    """The connection ends where no answer comes."""
    try:
        await asyncio.wait_for(await ws.ping(), 20)
        if ws.is_client is False:
            say("ponged")
    except asyncio.TimeoutError:
        await ws.close(1011, "no pong")
    except websockets.ConnectionClosed:
        pass


async def pieces(ws, text):
    step = max(1, len(text) // 3)
    for at in range(0, len(text), step):
        yield text[at:at + step]
        asyncio.ensure_future(ping(ws))
        await asyncio.sleep(0)


async def carry(source, target):
    """What comes from the one goes to the other, in the end the code."""
    try:
        async for text in source:
            assert isinstance(text, str)
            await target.send(pieces(target, text) if HOW == "pieces" and text else text)
        await target.close(source.close_code, source.close_reason)
    except websockets.ConnectionClosed:
        code = target.close_code
        await source.close(code if code not in (None, 1005, 1006) else 1001)


class Bridge(WebSocketServerProtocol):
    """Nobody is let in whom the hub does not let in."""

    hub = None

    async def process_request(self, path, request_headers):
        headers = {k: request_headers[k] for k in ("Authorization", "Origin")
                   if k in request_headers}
        offered = request_headers.get("Sec-WebSocket-Protocol", "")
        try:
            self.hub = await websockets.connect(
                f"ws://{HUB.netloc}{path}", extra_headers=headers,
                subprotocols=[PROTOCOL] if PROTOCOL in offered else None, **OPTIONS)
        except websockets.InvalidStatusCode as e:
            say(f"refused {e.status_code}")
            return e.status_code, [], b""
        except OSError:
            say("refused 503")
            return 503, [], b""
        return None


async def flood(ws):
    try:
        while True:
            await ws.send('{"type":"ping","timestamp":"2026-04-28T10:30:00.000Z"}')
            await asyncio.sleep(0)  # the others have their turn too
    except websockets.ConnectionClosed:
        pass


async def serve(ws):
    say("opened")
    asyncio.ensure_future(ping(ws))
    if HOW == "flood":
        asyncio.ensure_future(flood(ws))
    await asyncio.gather(carry(ws, ws.hub), carry(ws.hub, ws))


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def main():
    inner = await websockets.serve(serve, "127.0.0.1", 0, create_protocol=Bridge,
                                   subprotocols=[PROTOCOL], **OPTIONS)
    inner_port = inner.sockets[0].getsockname()[1]

    async def accept(reader, writer):
        """By its head: to the library, or past it."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            port = inner_port if b"\r\nupgrade: websocket" in head.lower() else HUB.port
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except (OSError, EOFError):
            writer.close()
            return
        back.write(head)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", PORT)
    say(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


asyncio.run(main())
