// Live connections as another program has them: npm's ws against a hub.  The same
// looks as live_peer.py, one by one, with the same words.
//
// usage: NODE_PATH=/usr/share/nodejs node live_peer.cjs HUB-URL ACCESS ACCESS-OF-ANOTHER-TEAM
//
// Prints "ok WHAT" or "not ok WHAT: WHY" for each thing that it looks at.
"use strict";
const assert = require("assert");
const fs = require("fs");
const http = require("http");
const WebSocket = require("ws");

const [HUB, ANN, BOB] = process.argv.slice(2);
const LIVE = HUB.replace("http", "ws") + "/ws/v1/events/";
const WAIT = 20000; // ms, for what has to come
const PROTOCOL = "clowder.v1";
const same = assert.deepStrictEqual;

function within(ms, promise) {
	let timer;
	const late = new Promise((_, no) => {
		timer = setTimeout(() => no(new Error("it did not come")), ms);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function call(method, path, access, body) {
	return new Promise((yes, no) => {
		const request = http.request(HUB + path, {
			method, timeout: WAIT, headers: { Authorization: "Bearer " + access },
		}, (answer) => {
			const parts = [];
			answer.on("data", (part) => parts.push(part));
			answer.on("end", () => yes([answer.statusCode, JSON.parse(Buffer.concat(parts))]));
			answer.on("error", no);
		});
		request.on("error", no);
		request.end(body === undefined ? undefined : JSON.stringify(body));
	});
}

async function token(access) {
	return (await call("POST", "/api/v1/ws-token/", access))[1].ws_token;
}

function event(n, more) {
	return { event_id: "01890000-0000-7000-8000-" + n.toString(16).padStart(12, "0"),
		event_type: "todo_added", aggregate_type: "todo", aggregate_id: `todo-${n}`,
		lamport_clock: n, node_id: "n1", timestamp: "2026-04-28T10:30:00Z", replaces: [],
		payload: { content: `number ${n}` }, ...more };
}

async function push(first, count, access = ANN) {
	const events = Array.from({ length: count }, (_, i) => event(first + i));
	const [status, answer] = await call("POST", "/api/v1/events/batch/", access, { events });
	same(status, 200);
	same(new Set(answer.results.map((r) => r.status)), new Set(["success"]));
	return answer;
}

async function head_and_epoch() {
	const answer = (await call("GET", "/api/v1/events/?limit=1", ANN))[1];
	return [answer.head, answer.epoch];
}

// The connection is open, or the status that it was refused with.
function opened(url, protocols, headers) {
	const ws = new WebSocket(url, protocols, { headers, maxPayload: 1 << 20 });
	const peer = new Peer(ws);
	return within(WAIT, new Promise((yes, no) => {
		ws.on("open", () => yes(peer));
		ws.on("unexpected-response", (_, answer) => {
			answer.resume();
			ws.on("error", () => {}); // it says that we gave up
			ws.terminate();
			yes({ refused: answer.statusCode, length: Number(answer.headers["content-length"]) });
		});
		ws.on("error", no);
	}));
}

// A connection; what came is asked for by type, heartbeats are answered.
class Peer {
	constructor(ws) {
		this.ws = ws;
		this.come = [];
		this.waiter = null;
		this.code = null;
		ws.on("message", (data, binary) => this.tell([binary ? null : data.toString()]));
		ws.on("close", (code) => {
			this.code = code;
			this.tell(null);
		});
	}

	static async open({ access = ANN, v1 = true, bearer = true, headers = {} } = {}) {
		if (bearer)
			headers = { ...headers, Authorization: "Bearer " + await token(access) };
		const peer = await opened(LIVE, v1 ? [PROTOCOL] : [], headers);
		assert(peer instanceof Peer, `refused: ${peer.refused}`);
		return peer;
	}

	tell(one) {
		this.come.push(one);
		if (this.waiter !== null)
			this.waiter();
	}

	// The next one as [text], null behind the last.
	async take() {
		while (this.come.length === 0)
			await within(WAIT, new Promise((yes) => { this.waiter = yes; }));
		this.waiter = null;
		return this.come[0] === null ? null : this.come.shift();
	}

	say(message) {
		this.ws.send(typeof message === "string" ? message : JSON.stringify(message));
	}

	async next() {
		for (;;) {
			const one = await this.take();
			assert(one !== null, `closed: ${this.code}`);
			const m = JSON.parse(one[0]);
			if (m.type !== "ping")
				return m;
			this.say({ type: "pong", timestamp: m.timestamp });
		}
	}

	hello(after = 0, epoch = null, batch = false) {
		this.say({ type: "hello", epoch, after, batch, protocol_version: 1 });
	}

	// Numbers of all events until `last` has come, and how many messages.
	async seqs(last) {
		const got = [];
		let messages = 0;
		while (got.length === 0 || got[got.length - 1] < last) {
			const m = await this.next();
			if (m.type !== "event" && m.type !== "events")
				continue;
			const rows = m.type === "events" ? m.events : [m];
			if (m.type === "events")
				assert(m.first === rows[0].seq && m.epoch, JSON.stringify(m).slice(0, 200));
			got.push(...rows.map((r) => r.seq));
			messages++;
		}
		return [got, messages];
	}

	// The code that it is closed with; what comes before is dropped.
	async closed() {
		while (await this.take() !== null)
			;
		return this.code;
	}

	async close() {
		this.ws.close();
		await this.closed();
	}
}

// with([OPTIONS...], (PEER...) => ...): each is closed in the end
async function with_peers(options, use) {
	const peers = [];
	try {
		for (const o of options)
			peers.push(await Peer.open(o));
		await use(...peers);
	} finally {
		await Promise.all(peers.map((p) => p.close()));
	}
}

// --- each looks at one thing; the log of ann's team grows from one to the next ------

const looks = {
	async a_token_is_good_once() {
		const [status, answer] = await call("POST", "/api/v1/ws-token/", ANN);
		same(status, 200);
		same(Object.keys(answer).sort(), ["expires_in", "session_id", "ws_token", "ws_url"]);
		same(answer.expires_in, 300);
		same(answer.ws_url, LIVE);
		const head = { Authorization: "Bearer " + answer.ws_token };
		await (await opened(LIVE, [], head)).close();
		for (const bad of [head, { Authorization: "Bearer nonsense" },
			{ Authorization: "Bearer " + ANN }]) {
			const no = await opened(LIVE, [], bad);
			same(no.refused, 401);
			assert(no.length > 0);
		}
	},

	async a_token_in_the_query() {
		const p = await opened(`${LIVE}?token=${await token(ANN)}`, [], {});
		same((await p.next()).type, "snapshot");
		await p.close();
	},

	async a_team_that_one_is_not_in() {
		same((await call("POST", "/api/v1/ws-token/", ANN, { team_id: "of-others" }))[0], 403);
		same((await call("POST", "/api/v1/ws-token/", "nonsense"))[0], 401);
	},

	async the_tail_from_the_start() {
		await push(1, 3);
		await with_peers([{}], async (p) => {
			same(p.ws.protocol, PROTOCOL);
			p.hello();
			same((await p.seqs(3))[0], [1, 2, 3]);
			await push(4, 2);
			same((await p.seqs(5))[0], [4, 5]);
		});
	},

	async the_tail_from_a_position() {
		const { epoch } = await push(6, 1);
		await with_peers([{}], async (p) => {
			p.hello(5, epoch);
			same((await p.seqs(6))[0], [6]);
		});
	},

	async many_in_one_message() {
		await with_peers([{}], async (p) => {
			p.hello(0, null, true);
			const [got, messages] = await p.seqs(6);
			same(got, [1, 2, 3, 4, 5, 6]);
			assert(messages < 6, String(messages));
		});
	},

	async a_position_of_another_log() {
		await with_peers([{}], async (p) => {
			p.hello(2, "another");
			const m = await p.next();
			same(m.type, "resync");
			p.hello(99, m.epoch);
			same((await p.next()).type, "resync");
			p.hello(4, m.epoch);
			same((await p.seqs(6))[0], [5, 6]);
		});
	},

	async a_snapshot_and_its_tail() {
		await with_peers([{ v1: false }], async (p) => {
			let m = await p.next();
			same([m.type, m.seq, m.more, m.todos.length], ["snapshot", 6, false, 6]);
			await push(7, 1);
			m = await p.next();
			same([m.type, m.seq, m.user], ["event", 7, "ann"]);
			same(m.event, event(7));
		});
	},

	async events_that_one_sends() {
		await with_peers([{}, { v1: false }], async (p, old) => {
			await old.next();
			p.hello(7, (await head_and_epoch())[1]);
			old.say(event(8));
			const kinds = {};
			for (let i = 0; i < 2; i++) {
				const m = await old.next();
				kinds[m.type] = m;
			}
			same(Object.keys(kinds).sort(), ["ack", "event"]);
			same(kinds.ack.results.map((r) => r.status), ["success"]);
			same(kinds.ack.head, 8);
			same((await p.seqs(8))[0], [8]);
			p.say({ type: "events", events: [event(9), event(8), event(10, { payload: {} })] });
			let m;
			while ((m = await p.next()).type !== "ack")
				;
			same(m.results.map((r) => r.status), ["success", "duplicate", "rejected"]);
			same((await old.seqs(9))[0], [9]);
		});
	},

	async answers_keep_the_order() {
		await with_peers([{}], async (p) => {
			const want = [], ids = [];
			for (let n = 0; n < 20; n++) {
				p.say({ type: "event", event: event(100 + n) });
				want.push(event(100 + n).event_id);
			}
			while (ids.length < 20) {
				const m = await p.next();
				if (m.type === "ack")
					ids.push(...m.results.map((r) => r.event_id));
			}
			same(ids, want);
		});
	},

	async others_hear_nothing() {
		await with_peers([{ access: BOB }], async (p) => {
			p.hello();
			await push(200, 1);
			p.say({ type: "event", event: event(201) });
			same((await p.seqs(1))[0], [1]);
		});
		same((await call("GET", "/api/v1/events/", BOB))[1].head, 1);
	},

	async who_is_here() {
		const session = { session_id: "s1", agent: "claude", device: "laptop", cwd: "/src",
			git_branch: "main", active: ["001-a/WP01"], last_activity: null };
		await with_peers([{}, { v1: false }, { access: BOB, v1: false }], async (p, old, other) => {
			same((await old.next()).type, "snapshot");
			same((await other.next()).type, "snapshot");
			p.hello(99999, (await head_and_epoch())[1]);
			same((await p.next()).type, "resync");
			p.hello();
			p.say({ type: "presence", sessions: [{ ...session, user: "eve" }] });
			const m = await old.next();
			same([m.type, m.sessions], ["presence", [{ ...session, user: "ann" }]]);
			p.say({ type: "presence", sessions: [] });
			while ((await old.next()).sessions.length > 0)
				;
			other.say({ type: "ping" });
			same((await other.next()).type, "pong");
		});
	},

	async thousands_to_catch_up() {
		let head;
		for (let first = 1000; first < 4000; first += 500)
			({ head } = await push(first, 500));
		const all = Array.from({ length: head }, (_, i) => i + 1);
		for (const batch of [false, true])
			await with_peers([{}], async (p) => {
				p.hello(0, null, batch);
				same((await p.seqs(head))[0], all);
			});
	},

	async what_is_no_message() {
		await with_peers([{}], async (p) => {
			for (const [bad, code] of [["{", "bad_json"], ["[]", "bad_request"],
				['{"type":"hello","after":-1}', "bad_request"]]) {
				p.say(bad);
				const m = await p.next();
				same([m.type, m.code], ["error", code]);
			}
			p.say({ type: "of_the_future" });
			p.say({ type: "ping" });
			same((await p.next()).type, "pong");
		});
	},

	async who_is_nobody_yet() {
		for (const [first, code] of [['{"type":"hello"}', 1008], [event(300), 1008],
			["{", 1008], ["x".repeat(5000), 1009]])
			await with_peers([{ bearer: false }], async (p) => {
				p.say(first);
				same(await p.closed(), code);
			});
		await with_peers([{ bearer: false }], async (p) => {
			p.say({ type: "auth", token: await token(ANN) });
			same((await p.next()).type, "auth_success");
			const [head, epoch] = await head_and_epoch();
			p.hello(head - 1, epoch);
			same((await p.seqs(head))[0], [head]);
		});
		await with_peers([{ bearer: false }], async (p) => {
			p.say({ type: "auth", token: "nonsense" });
			same(await p.closed(), 1008);
		});
	},

	async pages_of_others() {
		const from = async (origin) => opened(LIVE, [PROTOCOL],
			{ Origin: origin, Authorization: "Bearer " + await token(ANN) });
		for (const origin of [HUB, "https://board.example", "https://board.example:443",
			"http://localhost:3000"])
			await (await from(origin)).close();
		for (const origin of ["https://evil.example", HUB + ".evil.example", "null", "",
			HUB.replace("http", "https"), "http://board.example", "http://localhost",
			"https://board.example.evil.example"])
			same((await from(origin)).refused, 403);
	},

	async a_session_that_ends() {
		await with_peers([{ access: BOB }], async (p) => {
			p.hello();
			const refresh = fs.readFileSync(0, "utf8").split("\n")[0];
			same((await call("POST", "/oauth/revoke", BOB, { token: refresh }))[0], 200);
			p.say({ type: "event", event: event(400) });
			same(await p.closed(), 1008);
		});
	},
};

(async () => {
	for (const [name, look] of Object.entries(looks)) {
		const said = name.replace(/_/g, " ");
		try {
			await within(60000, look());
			console.log("ok", said);
		} catch (e) {
			console.log(`not ok ${said}: ${e}`.replace(/\s+/g, " ").slice(0, 500));
		}
	}
	process.exit();
})();
