/* One conversation against a scripted hub: every kind of answer, by a table of
 * stories. */
#include "sync.h"

#include <stdio.h>
#include <stdlib.h>

#include "scripted.h"

/* --- stories ----------------------------------------------------------------------- */

struct story {
	const char *name;
	/* The replica's events, by number in order:  'u' unacknowledged, 'o' the
	 * same of others, 'a' acknowledged (seqs from 1); ' ' none. */
	const char *mine;
	const char *epoch; /* the replica's; NULL = "" */
	uint64_t pulled;
	bool adopts;
	const char *fails;
	unsigned edits;
	/* The hub's log: event numbers as letters from 'A' (0). */
	const char *hub;
	const char *hub_epoch; /* NULL = "e1" */
	unsigned events_max, poison;
	uint64_t clock;
	struct rule rule[4];
	struct twist twist[8];
	struct sync_options opt;
	enum err refresh; /* what a refresh gives */
	/* Expected. */
	enum err err;     /* ERR_OK: done */
	const char *says; /* the error holds it */
	uint64_t pushed, batches, pulled_new, refused, waiting, clashed;
	unsigned requests, waits, refreshes, restamps, renewals, resyncs;
	uint64_t wait_ms_min;
	enum err waiting_code;
	const char *hub_after; /* NULL: not looked at */
	uint64_t left;         /* unacknowledged at the end */
};

#define PARENT_RULE(ev, n) \
	{ \
		ev, ERR_PARENT, true, n \
	}

static const struct story stories[] = {
	{ .name = "nothing to do: one request",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .requests = 1 },
	{ .name = "first contact of an empty replica",
	    .mine = "",
	    .hub = "ABC",
	    .requests = 1,
	    .pulled_new = 3 },
	{ .name = "push alone: a pull and a batch",
	    .mine = "uuu",
	    .hub = "",
	    .requests = 2,
	    .pushed = 3,
	    .batches = 1,
	    .hub_after = "ABC" },
	{ .name = "others wrote before",
	    .mine = "uu",
	    .hub = "FG",
	    .requests = 2,
	    .pushed = 2,
	    .batches = 1,
	    .pulled_new = 2,
	    .hub_after = "FGAB" },
	{ .name = "pages",
	    .mine = "",
	    .hub = "ABCDEFG",
	    .opt = { .pull_events = 3 },
	    .requests = 3,
	    .pulled_new = 7 },
	{ .name = "batches",
	    .mine = "uuuuuuu",
	    .hub = "",
	    .opt = { .batch_events = 3 },
	    .requests = 4,
	    .pushed = 7,
	    .batches = 3,
	    .hub_after = "ABCDEFG" },
	{ .name = "batches by bytes",
	    .mine = "uuuu",
	    .hub = "",
	    .opt = { .batch_bytes = 900 },
	    .requests = 3,
	    .pushed = 4,
	    .batches = 2 },
	{ .name = "what was pushed before without an answer comes by the pull",
	    .mine = "uu",
	    .hub = "AB",
	    .requests = 1 },
	{ .name = "a hub put back from an older copy, that has grown since",
	    .mine = "aaa",
	    .epoch = "e1",
	    .pulled = 3,
	    .hub = "AFGH",
	    .requests = 3,
	    .resyncs = 1,
	    .pulled_new = 3,
	    .pushed = 2,
	    .batches = 1,
	    .hub_after = "AFGHBC" },
	{ .name = "a hub put back that lacks the last event alone",
	    .mine = "aaa",
	    .epoch = "e1",
	    .pulled = 3,
	    .hub = "AB",
	    .requests = 3,
	    .resyncs = 1,
	    .pushed = 1,
	    .batches = 1,
	    .hub_after = "ABC" },
	{ .name = "a hub put back that lacks what it acknowledged above the "
	          "position",
	    .mine = "aaa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "ABFG",
	    .requests = 3,
	    .resyncs = 1,
	    .pulled_new = 2,
	    .pushed = 1,
	    .batches = 1,
	    .hub_after = "ABFGC" },
	{ .name = "what is known is compared and fails",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .fails = "stands",
	    .err = ERR_NO_SPACE,
	    .requests = 1 },
	{ .name = "dry run",
	    .mine = "uuu",
	    .hub = "AB",
	    .opt = { .dry_run = true },
	    .requests = 0,
	    .left = 3 },

	/* Answers that do not come. */
	{ .name = "an answer to a batch is lost: sent again, a duplicate",
	    .mine = "uu",
	    .hub = "",
	    .twist = { { 2, ANSWER_LOST, ERR_TIMEOUT, 0, 0, 0 } },
	    .requests = 3,
	    .waits = 1,
	    .pushed = 2,
	    .batches = 1,
	    .hub_after = "AB" },
	{ .name = "a request is lost on the way",
	    .mine = "uu",
	    .hub = "",
	    .twist = { { 2, LOST, ERR_UNREACHABLE, 0, 0, 0 } },
	    .requests = 3,
	    .waits = 1,
	    .pushed = 2,
	    .batches = 1 },
	{ .name = "a hub that is not there is said at once",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, LOST, ERR_UNREACHABLE, 0, 0, 0 } },
	    .err = ERR_UNREACHABLE,
	    .requests = 1,
	    .left = 1 },
	{ .name = "a hub that does not answer is tried a few times",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, LOST, ERR_TIMEOUT, 0, 0, 0 },
	        { 2, LOST, ERR_TIMEOUT, 0, 0, 0 },
	        { 3, LOST, ERR_TIMEOUT, 0, 0, 0 } },
	    .opt = { .tries = 3 },
	    .err = ERR_TIMEOUT,
	    .requests = 3,
	    .waits = 2,
	    .left = 1 },
	{ .name = "TLS that fails is not tried again",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, LOST, ERR_TLS, 0, 0, 0 } },
	    .err = ERR_TLS,
	    .requests = 1,
	    .left = 1 },
	{ .name = "a daemon never gives up",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, LOST, ERR_UNREACHABLE, 0, 0, 0 },
	        { 2, LOST, ERR_TLS, 0, 0, 0 },
	        { 3, LOST, ERR_TIMEOUT, 0, 0, 0 },
	        { 4, SAYS, 0, 503, "", 100000 },
	        { 5, LOST, ERR_TIMEOUT, 0, 0, 0 },
	        { 6, LOST, ERR_TIMEOUT, 0, 0, 0 },
	        { 7, LOST, ERR_TIMEOUT, 0, 0, 0 } },
	    .opt = { .forever = true },
	    .requests = 9,
	    .waits = 7,
	    .pushed = 1,
	    .batches = 1,
	    .wait_ms_min = 3600 * 1000 },
	{ .name = "a daemon that is told to stop stops",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, LOST, ERR_INTERRUPTED, 0, 0, 0 } },
	    .opt = { .forever = true },
	    .err = ERR_INTERRUPTED,
	    .requests = 1,
	    .left = 1 },

	/* Answers of a hub that cannot now. */
	{ .name = "503 with Retry-After",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 503, "{\"error\":\"unavailable\"}", 3 } },
	    .requests = 3,
	    .waits = 1,
	    .wait_ms_min = 3000,
	    .pushed = 1,
	    .batches = 1 },
	{ .name = "429 with a long Retry-After is not waited for by a command",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 429, "", 600 } },
	    .err = ERR_THROTTLED,
	    .says = "429",
	    .requests = 2,
	    .left = 1 },
	{ .name = "500 again and again",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 500, "", -1 }, { 2, SAYS, 0, 502, "", -1 },
	        { 3, SAYS, 0, 504, "", -1 },
	        { 4, SAYS, 0, 503,
	            "{\"error\":\"no_space\",\"message\":\"disk is full\"}",
	            -1 } },
	    .err = ERR_UNAVAILABLE,
	    .says = "disk is full",
	    .requests = 4,
	    .waits = 3,
	    .left = 1 },

	/* Who is asking. */
	{ .name = "401: refreshed once",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 401, "", -1 } },
	    .requests = 3,
	    .refreshes = 1,
	    .pushed = 1,
	    .batches = 1 },
	{ .name = "401 twice",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 401, "", -1 },
	        { 2, SAYS, 0, 401, "", -1 } },
	    .err = ERR_UNAUTHORIZED,
	    .requests = 2,
	    .refreshes = 1,
	    .left = 1 },
	{ .name = "401 again after a good answer",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 401, "", -1 },
	        { 3, SAYS, 0, 401, "", -1 } },
	    .requests = 4,
	    .refreshes = 2,
	    .pushed = 1,
	    .batches = 1 },
	{ .name = "401 and no refresh",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 401, "", -1 } },
	    .refresh = ERR_SESSION,
	    .err = ERR_SESSION,
	    .requests = 1,
	    .refreshes = 1,
	    .left = 1 },
	{ .name = "403",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 403,
	        "{\"error\":\"forbidden\",\"message\":\"not your team\"}",
	        -1 } },
	    .err = ERR_FORBIDDEN,
	    .says = "not your team",
	    .requests = 1,
	    .left = 1 },

	/* Answers that are none. */
	{ .name = "a status that means nothing here",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 302, "", -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "302",
	    .requests = 1,
	    .left = 1 },
	{ .name = "404",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 404, "", -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "404",
	    .requests = 2,
	    .left = 1 },
	{ .name = "a pull that is no JSON",
	    .mine = "",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 200, "<html>", -1 } },
	    .err = ERR_PROTOCOL,
	    .requests = 1 },
	{ .name = "a batch that is no JSON",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 200, "", -1 } },
	    .err = ERR_PROTOCOL,
	    .requests = 2,
	    .left = 1 },
	{ .name = "fewer results than events",
	    .mine = "uu",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 200,
	        "{\"results\":[],\"epoch\":\"e1\",\"head\":0}", -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "0 results",
	    .requests = 2,
	    .left = 2 },
	{ .name = "a result of another event",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 200,
	        "{\"results\":[{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000001\","
	        "\"status\":\"success\",\"seq\":1}],\"epoch\":\"e1\","
	        "\"head\":1}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "another event",
	    .requests = 2,
	    .left = 1 },
	{ .name = "an unknown status of an event",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 200,
	        "{\"results\":[{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000000\","
	        "\"status\":\"maybe\",\"seq\":1}],\"epoch\":\"e1\","
	        "\"head\":1}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "maybe",
	    .requests = 2,
	    .left = 1 },
	{ .name = "a place beyond the head",
	    .mine = "uu",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 200,
	        "{\"results\":[{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000000\","
	        "\"status\":\"success\",\"seq\":1},{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000001\","
	        "\"status\":\"duplicate\",\"seq\":9}],\"epoch\":\"e1\","
	        "\"head\":2}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "head",
	    .requests = 2,
	    .left = 2 },
	{ .name = "one place for two",
	    .mine = "uu",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 200,
	        "{\"results\":[{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000000\","
	        "\"status\":\"success\",\"seq\":2},{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000001\","
	        "\"status\":\"duplicate\",\"seq\":2}],\"epoch\":\"e1\","
	        "\"head\":2}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "have the seq 2",
	    .requests = 2,
	    .left = 2 },
	{ .name = "a head below what was pulled",
	    .mine = "aau",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .rule = { { 2, ERR_SCHEMA, false, 0 } },
	    .twist = { { 2, SAYS, 0, 200,
	        "{\"results\":[{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000002\","
	        "\"status\":\"rejected\",\"code\":\"quota\"}],"
	        "\"epoch\":\"e1\",\"head\":1}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "pulled",
	    .requests = 2,
	    .left = 1 },
	{ .name = "a head below its events",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 200,
	        "{\"results\":[{\"event_id\":"
	        "\"01890000-0000-7000-8000-000000000000\","
	        "\"status\":\"success\",\"seq\":1}],\"epoch\":\"e1\","
	        "\"head\":0}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "head",
	    .requests = 2,
	    .left = 1 },
	{ .name = "a position that goes backwards",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .twist = { { 1, SAYS, 0, 200,
	        "{\"epoch\":\"e1\",\"events\":[],"
	        "\"next\":0,\"head\":2}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "goes to 0",
	    .requests = 1 },
	{ .name = "a position that leaps",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .twist = { { 1, SAYS, 0, 200,
	        "{\"epoch\":\"e1\",\"events\":[],"
	        "\"next\":9,\"head\":9}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "goes to 9",
	    .requests = 1 },
	{ .name = "an empty page below the head would never end",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .twist = { { 1, SAYS, 0, 200,
	        "{\"epoch\":\"e1\",\"events\":[],"
	        "\"next\":1,\"head\":9}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "head is 9",
	    .requests = 1 },
	{ .name = "a pull of another epoch without saying so",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .twist = { { 1, SAYS, 0, 200,
	        "{\"epoch\":\"e2\",\"events\":[],"
	        "\"next\":2,\"head\":2}",
	        -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "another epoch",
	    .requests = 1 },
	{ .name = "409 that is no resync",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .twist = { { 1, SAYS, 0, 409, "{\"error\":\"conflict\"}", -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "409",
	    .requests = 1 },
	{ .name = "a resync without an epoch",
	    .mine = "aa",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "AB",
	    .twist = { { 1, SAYS, 0, 409, "{\"error\":\"resync\"}", -1 } },
	    .err = ERR_PROTOCOL,
	    .requests = 1 },

	/* Another epoch. */
	{ .name = "a restored hub is refilled",
	    .mine = "aaou",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "A",
	    .hub_epoch = "e2",
	    .requests = 3,
	    .resyncs = 1,
	    .pushed = 3,
	    .batches = 1,
	    .hub_after = "ABCD" },
	{ .name = "a restored hub that is found out by a push",
	    .mine = "aau",
	    .epoch = "e1",
	    .pulled = 2,
	    .hub = "A",
	    .hub_epoch = "e2",
	    .twist = { { 1, SAYS, 0, 200,
	        "{\"epoch\":\"e1\",\"events\":["
	        "{\"seq\":2,\"user\":\"ann\","
	        "\"received_at\":\"2026-01-02T03:04:05Z\",\"event\":{"
	        "\"event_id\":\"01890000-0000-7000-8000-000000000001\","
	        "\"event_type\":\"x\",\"aggregate_id\":\"a\","
	        "\"aggregate_type\":\"todo\",\"lamport_clock\":2,"
	        "\"node_id\":\"n\",\"payload\":{},"
	        "\"timestamp\":\"2026-01-02T03:04:05Z\"}}],"
	        "\"next\":2,\"head\":2}",
	        -1 } },
	    .requests = 4,
	    .resyncs = 1,
	    .pushed = 1,
	    .batches = 1,
	    .hub_after = "ACB" },
	{ .name = "a hub that is behind its own epoch",
	    .mine = "aaa",
	    .epoch = "e1",
	    .pulled = 3,
	    .hub = "A",
	    .requests = 3,
	    .resyncs = 1,
	    .pushed = 2,
	    .batches = 1,
	    .hub_after = "ABC" },
	{ .name = "a hub that changes its epoch all the time",
	    .mine = "a",
	    .epoch = "e0",
	    .pulled = 1,
	    .hub = "A",
	    .twist = { { 1, SAYS, 0, 409,
	                   "{\"error\":\"resync\","
	                   "\"epoch\":\"x\"}",
	                   -1 },
	        { 2, SAYS, 0, 409,
	            "{\"error\":\"resync\","
	            "\"epoch\":\"x\"}",
	            -1 },
	        { 3, SAYS, 0, 409,
	            "{\"error\":\"resync\","
	            "\"epoch\":\"x\"}",
	            -1 },
	        { 4, SAYS, 0, 409,
	            "{\"error\":\"resync\","
	            "\"epoch\":\"x\"}",
	            -1 },
	        { 5, SAYS, 0, 409,
	            "{\"error\":\"resync\","
	            "\"epoch\":\"x\"}",
	            -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "epoch",
	    .requests = 5,
	    .resyncs = 4,
	    .left = 1 },

	/* Refusals. */
	{ .name = "one is refused, the others pass",
	    .mine = "uuuuu",
	    .hub = "",
	    .rule = { { 2, ERR_SCHEMA, false, 0 } },
	    .requests = 2,
	    .pushed = 4,
	    .batches = 1,
	    .refused = 1,
	    .hub_after = "ABDE" },
	{ .name = "a refusal with a code that we do not know",
	    .mine = "u",
	    .hub = "",
	    .rule = { { 0, ERR_TLS, false, 0 } },
	    .requests = 2,
	    .batches = 1,
	    .refused = 1 },
	{ .name = "a code that we do not know, but to be tried again",
	    .mine = "uu",
	    .hub = "",
	    .rule = { { 0, ERR_TLS, true, 1 } },
	    .requests = 3,
	    .batches = 2,
	    .pushed = 2 },
	{ .name = "what names a refused one goes in a later pass",
	    .mine = "uuu",
	    .hub = "",
	    .rule = { { 0, ERR_SCHEMA, false, 0 }, PARENT_RULE(1, 1) },
	    .requests = 3,
	    .pushed = 2,
	    .batches = 2,
	    .refused = 1,
	    .hub_after = "CB" },
	{ .name = "a chain of waiting ones",
	    .mine = "uuuu",
	    .hub = "",
	    .rule = { PARENT_RULE(0, 3), PARENT_RULE(1, 2), PARENT_RULE(2, 1) },
	    .requests = 5,
	    .pushed = 4,
	    .batches = 4,
	    .hub_after = "DCBA" },
	{ .name = "one waits for ever: said, and nobody else waits",
	    .mine = "uuu",
	    .hub = "",
	    .rule = { PARENT_RULE(1, 0) },
	    .requests = 3,
	    .pushed = 2,
	    .batches = 2,
	    .waiting = 1,
	    .waiting_code = ERR_PARENT,
	    .left = 1,
	    .hub_after = "AC" },
	{ .name = "one waits for what others just wrote",
	    .mine = "u",
	    .epoch = "e1",
	    .hub = "F",
	    .rule = { PARENT_RULE(0, 1) },
	    .twist = { { 1, SAYS, 0, 200,
	        "{\"epoch\":\"e1\",\"events\":[],"
	        "\"next\":0,\"head\":0}",
	        -1 } },
	    .requests = 4,
	    .pushed = 1,
	    .batches = 2,
	    .pulled_new = 1,
	    .hub_after = "FA" },

	/* Clocks and nodes. */
	{ .name = "clock_ahead: pull, stamp anew, push",
	    .mine = "uu",
	    .hub = "FG",
	    .clock = 70,
	    .rule = { { 0, ERR_CLOCK_AHEAD, false, 1 },
	        { 1, ERR_CLOCK_AHEAD, false, 1 } },
	    .requests = 4,
	    .pulled_new = 2,
	    .pushed = 2,
	    .batches = 2,
	    .restamps = 1,
	    .hub_after = "FGAB" },
	{ .name = "clock_behind",
	    .mine = "uu",
	    .hub = "",
	    .rule = { { 1, ERR_CLOCK_BEHIND, true, 1 } },
	    .requests = 4,
	    .pushed = 2,
	    .batches = 2,
	    .restamps = 1,
	    .hub_after = "AB" },
	{ .name = "clock_ahead for ever: the others pass",
	    .mine = "uu",
	    .hub = "",
	    .rule = { { 0, ERR_CLOCK_AHEAD, false, 0 } },
	    .requests = 10,
	    .pushed = 1,
	    .batches = 5,
	    .restamps = 4,
	    .waiting = 1,
	    .waiting_code = ERR_CLOCK_AHEAD,
	    .left = 1,
	    .hub_after = "B" },
	{ .name = "clock_ahead of another's event waits",
	    .mine = "ou",
	    .hub = "",
	    .rule = { { 0, ERR_CLOCK_AHEAD, false, 0 } },
	    .requests = 3,
	    .pushed = 1,
	    .batches = 2,
	    .waiting = 1,
	    .waiting_code = ERR_CLOCK_AHEAD,
	    .left = 1 },
	{ .name = "replica_fork: a new node, pushed again",
	    .mine = "uuu",
	    .hub = "",
	    .rule = { { 1, ERR_FORK, false, 1 }, { 2, ERR_FORK, false, 1 } },
	    .requests = 3,
	    .pushed = 3,
	    .batches = 2,
	    .renewals = 1,
	    .hub_after = "ABC" },
	{ .name = "replica_fork for ever is refused in the end",
	    .mine = "u",
	    .hub = "",
	    .rule = { { 0, ERR_FORK, false, 0 } },
	    .requests = 6,
	    .batches = 5,
	    .renewals = 4,
	    .refused = 1 },
	{ .name = "replica_fork of another's event",
	    .mine = "o",
	    .hub = "",
	    .rule = { { 0, ERR_FORK, false, 0 } },
	    .requests = 2,
	    .batches = 1,
	    .refused = 1 },

	/* Ids. */
	{ .name = "id_reused for an own event: the hub's copy is adopted",
	    .mine = "             uu",
	    .epoch = "e1",
	    .adopts = true,
	    .hub = "N",
	    .rule = { { 13, ERR_ID_REUSED, false, 0 } },
	    .twist = { { 1, SAYS, 0, 200,
	        "{\"epoch\":\"e1\",\"events\":[],"
	        "\"next\":0,\"head\":0}",
	        -1 } },
	    .requests = 3,
	    .pushed = 1,
	    .batches = 1,
	    .hub_after = "NO" },
	{ .name = "id_reused by somebody else is refused, and said",
	    .mine = "             uu",
	    .epoch = "e1",
	    .hub = "N",
	    .rule = { { 13, ERR_ID_REUSED, false, 0 } },
	    .requests = 4,
	    .pushed = 1,
	    .batches = 2,
	    .refused = 1,
	    .clashed = 1,
	    .hub_after = "NO" },

	{ .name = "edited while its answer was on the way: what the hub has "
	          "comes by a pull",
	    .mine = "uuu",
	    .edits = 2,
	    .hub = "",
	    .requests = 3,
	    .pushed = 2,
	    .batches = 1,
	    .hub_after = "ABC" },
	{ .name = "edited while its refusal was on the way: sent again",
	    .mine = "uuu",
	    .edits = 2,
	    .hub = "",
	    .rule = { { 1, ERR_SCHEMA, false, 1 } },
	    .requests = 4,
	    .pushed = 3,
	    .batches = 2,
	    .hub_after = "ACB" },
	{ .name = "edited while a 413 was on the way",
	    .mine = "u",
	    .edits = 1,
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 413, "", -1 } },
	    .requests = 4,
	    .pushed = 1,
	    .batches = 1,
	    .hub_after = "A" },

	/* Bodies that the hub does not take. */
	{ .name = "413: halved until it fits",
	    .mine = "uuuuuuu",
	    .hub = "",
	    .events_max = 3,
	    .requests = 5,
	    .pushed = 7,
	    .batches = 3,
	    .hub_after = "ABCDEFG" },
	{ .name = "413 of one alone",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 413, "<html>", -1 } },
	    .requests = 2,
	    .refused = 1 },
	{ .name = "400: the one bad event is found",
	    .mine = "uuuuuuuu",
	    .hub = "",
	    .poison = 5,
	    .requests = 8,
	    .pushed = 7,
	    .batches = 3,
	    .refused = 1,
	    .hub_after = "ABCDEGH" },
	{ .name = "400 of somebody who is no hub refuses nothing",
	    .mine = "uu",
	    .hub = "",
	    .twist = { { 2, SAYS, 0, 400, "<html>", -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "400",
	    .requests = 2,
	    .left = 2 },
	{ .name = "400 to a pull",
	    .mine = "",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 400, "{\"error\":\"bad_request\"}", -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "400",
	    .requests = 1 },
	{ .name = "413 to a pull",
	    .mine = "u",
	    .hub = "",
	    .twist = { { 1, SAYS, 0, 413, "<html>", -1 } },
	    .err = ERR_PROTOCOL,
	    .says = "413",
	    .requests = 1,
	    .left = 1 },

	/* The replica fails. */
	{ .name = "position",
	    .mine = "u",
	    .hub = "A",
	    .fails = "position",
	    .err = ERR_NO_SPACE,
	    .says = "position",
	    .left = 1 },
	{ .name = "unacked",
	    .mine = "u",
	    .hub = "",
	    .fails = "unacked",
	    .err = ERR_NO_SPACE,
	    .requests = 1,
	    .left = 1 },
	{ .name = "settle",
	    .mine = "u",
	    .hub = "",
	    .fails = "settle",
	    .err = ERR_NO_SPACE,
	    .requests = 2,
	    .batches = 1,
	    .left = 1 },
	{ .name = "settle, of one that the hub does not take",
	    .mine = "uu",
	    .hub = "",
	    .opt = { .batch_events = 1 },
	    .twist = { { 2, SAYS, 0, 413, "<html>", -1 } },
	    .fails = "settle",
	    .err = ERR_NO_SPACE,
	    .says = "settle",
	    .requests = 2,
	    .left = 2 },
	{ .name = "take",
	    .mine = "u",
	    .hub = "F",
	    .fails = "take",
	    .err = ERR_NO_SPACE,
	    .requests = 1,
	    .left = 1 },
	{ .name = "resync",
	    .mine = "a",
	    .epoch = "e0",
	    .pulled = 1,
	    .hub = "",
	    .fails = "resync",
	    .err = ERR_NO_SPACE,
	    .requests = 1 },
	{ .name = "restamp",
	    .mine = "u",
	    .hub = "",
	    .fails = "restamp",
	    .rule = { { 0, ERR_CLOCK_BEHIND, true, 1 } },
	    .err = ERR_NO_SPACE,
	    .requests = 3,
	    .batches = 1,
	    .restamps = 1,
	    .left = 1 },
	{ .name = "renew",
	    .mine = "u",
	    .hub = "",
	    .fails = "renew",
	    .rule = { { 0, ERR_FORK, false, 1 } },
	    .err = ERR_NO_SPACE,
	    .requests = 2,
	    .batches = 1,
	    .renewals = 1,
	    .left = 1 },
	{ .name = "contact",
	    .mine = "",
	    .hub = "",
	    .fails = "contact",
	    .err = ERR_NO_SPACE,
	    .requests = 1 },
};

struct seen {
	uint64_t fates[SYNC_FATE_CLASHED + 1];
	uint64_t push_done, pull_done;
};

static void
on_note(void *ctx, const struct sync_note *n)
{
	struct seen *seen = ctx;

	seen->fates[n->fate]++;
	CHECK(n->id.form != EID_NONE);
	if (n->fate != SYNC_FATE_WAITING)
		CHECK(n->raw.n > 0);
	if (n->fate == SYNC_FATE_REFUSED || n->fate == SYNC_FATE_WAITING)
		CHECK(n->code != ERR_OK);
}

static void
on_progress(void *ctx, bool push, uint64_t done, uint64_t all)
{
	struct seen *seen = ctx;

	(void)all;
	if (push)
		seen->push_done = done;
	else
		seen->pull_done = done;
}

static void
replica_make(struct replica *r, const struct story *st)
{
	uint64_t seq = 0;

	*r = (struct replica){ .pulled = st->pulled,
		.head = st->pulled,
		.adopts = st->adopts,
		.fails = st->fails,
		.edits = st->edits };
	if (st->epoch != NULL)
		(void)snprintf(r->epoch, sizeof r->epoch, "%s", st->epoch);
	for (unsigned i = 0; st->mine[i] != '\0'; i++) {
		r->ev[i].other = st->mine[i] == 'o';
		r->ev[i].fate = st->mine[i] == ' ' ? ABSENT :
		    st->mine[i] == 'a'             ? ACKED :
		                                     UNACKED;
		if (st->mine[i] == 'a')
			r->ev[i].seq = ++seq;
		made_event(&r->raw[i], i, "");
	}
}

static void
replica_fini(struct replica *r)
{
	for (unsigned i = 0; i < EVENTS; i++)
		buf_fini(&r->raw[i]);
}

static void
hub_make(struct hub *h, const struct story *st)
{
	*h = (struct hub){ .epoch = st->hub_epoch ? st->hub_epoch : "e1",
		.events_max = st->events_max,
		.poison = st->poison,
		.clock = st->clock,
		.twist = st->twist };
	memcpy(h->rule, st->rule, sizeof h->rule);
	for (; st->hub[h->n] != '\0'; h->n++)
		h->log[h->n] = (unsigned)(st->hub[h->n] - 'A');
}

struct tally {
	unsigned requests, waits, refreshes;
	uint64_t wait_ms_max;
	enum err err;
	char text[ERR_TEXT_MAX];
};

/* Drive a conversation to its end. */
static void
converse(struct sync *s, struct hub *h, enum err refresh, struct tally *t)
{
	struct sync_want want;
	struct sync_reply reply;
	struct err_info why = { .code = refresh, .text = "no session" };

	for (unsigned steps = 0; steps < 200; steps++) {
		sync_step(s, &want);
		switch (want.need) {
		case SYNC_SEND:
			t->requests++;
			hub_answer(h, &want, &reply);
			sync_answer(s, &reply);
			break;
		case SYNC_WAIT:
			t->waits++;
			if (want.wait_ms > t->wait_ms_max)
				t->wait_ms_max = want.wait_ms;
			break;
		case SYNC_REFRESH:
			t->refreshes++;
			sync_refreshed(s, refresh, &why);
			break;
		case SYNC_FAILED:
			t->err = want.error->code;
			(void)snprintf(t->text, sizeof t->text, "%s",
			    want.error->text);
			return;
		case SYNC_DONE:
			return;
		}
	}
	CHECK(false); /* it ends */
}

static void
check_report(const struct story *st, const struct sync_report *r,
    const struct seen *seen)
{
	CHECK_U(r->pushed, st->pushed);
	CHECK_U(r->batches, st->batches);
	CHECK_U(r->pulled, st->pulled_new);
	CHECK_U(r->refused, st->refused);
	CHECK_U(r->waiting, st->waiting);
	CHECK_U(r->clashed, st->clashed);
	CHECK_U(r->restamps, st->restamps);
	CHECK_U(r->renewals, st->renewals);
	CHECK_U(r->resyncs, st->resyncs);
	CHECK_ERR(r->waiting_code, st->waiting_code);
	CHECK((r->waiting > 0) == (r->waiting_why[0] != '\0'));
	CHECK_U(seen->fates[SYNC_FATE_PUSHED], r->pushed);
	CHECK_U(seen->fates[SYNC_FATE_PULLED], r->pulled);
	CHECK_U(seen->fates[SYNC_FATE_REFUSED], r->refused);
	CHECK_U(seen->fates[SYNC_FATE_WAITING], r->waiting);
	CHECK_U(seen->fates[SYNC_FATE_CLASHED], r->clashed);
}

static void
check_ends(const struct story *st, const struct replica *r, const struct hub *h)
{
	uint64_t left = 0;

	for (unsigned i = 0; i < EVENTS; i++) {
		left += r->ev[i].fate == UNACKED;
		/* What is acknowledged is in the hub at that place. */
		if (r->ev[i].fate == ACKED && st->err == ERR_OK)
			CHECK(r->ev[i].seq <= h->n &&
			    h->log[r->ev[i].seq - 1] == i);
	}
	CHECK_U(left, st->left);
	CHECK_U(r->contacts,
	    st->opt.dry_run ? 0 :
	                      st->err == ERR_OK ||
	            (st->fails && strcmp(st->fails, "contact") == 0));
	if (st->err == ERR_OK && !st->opt.dry_run) {
		CHECK_U(r->pulled, h->n);
		CHECK_U(r->head, h->n);
		CHECK_STR(str_of(r->epoch), h->epoch);
	}
	if (st->hub_after == NULL)
		return;
	CHECK_U(h->n, strlen(st->hub_after));
	for (unsigned i = 0; i < h->n && st->hub_after[i] != '\0'; i++)
		CHECK_U(h->log[i], st->hub_after[i] - 'A');
}

static void
tell(const struct story *st)
{
	struct sync_options opt = st->opt;
	struct sync_replica r = ops;
	struct replica replica;
	struct hub hub;
	struct seen seen = { 0 };
	struct tally t = { 0 };
	struct err_info e = { 0 };
	struct sync *s = NULL;

	t_note("%s", st->name);
	replica_make(&replica, st);
	hub_make(&hub, st);
	opt.note = on_note;
	opt.progress = on_progress;
	opt.ctx = &seen;
	r.ctx = &replica;
	CHECK_OK(sync_new(&s, &r, &opt, &e), &e);
	converse(s, &hub, st->refresh, &t);
	CHECK_ERR(t.err, st->err);
	CHECK(st->says == NULL || strstr(t.text, st->says) != NULL);
	CHECK_U(t.requests, st->requests);
	CHECK_U(t.waits, st->waits);
	CHECK_U(t.refreshes, st->refreshes);
	CHECK(t.wait_ms_max >= st->wait_ms_min);
	check_report(st, sync_report(s), &seen);
	CHECK_U(sync_report(s)->requests, t.requests);
	check_ends(st, &replica, &hub);
	if (st->restamps > 0 && st->clock > 0)
		CHECK_U(replica.above, st->clock);
	sync_free(s);
	replica_fini(&replica);
	buf_fini(&hub.out);
}

static void
every_story(void)
{
	for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++)
		tell(&stories[i]);
}

/* Where a story ended well, the same conversation again does nothing. */
static void
twice_is_once(void)
{
	for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
		const struct story *st = &stories[i];
		struct sync_options opt = st->opt;
		struct sync_replica r = ops;
		struct replica replica;
		struct hub hub;
		struct err_info e = { 0 };

		if (st->err != ERR_OK || st->waiting > 0 || opt.dry_run)
			continue;
		t_note("%s", st->name);
		replica_make(&replica, st);
		hub_make(&hub, st);
		r.ctx = &replica;
		for (int turn = 0; turn < 2; turn++) {
			struct tally t = { 0 };
			struct sync *s = NULL;

			CHECK_OK(sync_new(&s, &r, &opt, &e), &e);
			converse(s, &hub, st->refresh, &t);
			CHECK_ERR(t.err, ERR_OK);
			if (turn == 1) {
				CHECK_U(t.requests, 1);
				CHECK_U(sync_report(s)->pushed, 0);
				CHECK_U(sync_report(s)->pulled, 0);
			}
			sync_free(s);
			hub.twist = NULL;
		}
		replica_fini(&replica);
		buf_fini(&hub.out);
	}
}

/* A wire that loses every second request or answer still gets everything
 * across, once. */
static void
a_bad_wire(void)
{
	static const struct story st = { .mine = "uuuuuuuuuuuuuuuuuuuu",
		.hub = "XYZ",
		.opt = {
		    .batch_events = 3, .pull_events = 2, .forever = true } };

	for (uint64_t seed = 0; seed < 50; seed++) {
		struct t_rng rng = { seed };
		struct sync_replica r = ops;
		struct replica replica;
		struct hub hub;
		struct err_info e = { 0 };
		struct sync *s = NULL;
		struct sync_want want = { 0 };

		t_note("seed %llu", (unsigned long long)seed);
		replica_make(&replica, &st);
		hub_make(&hub, &st);
		hub.twist = NULL;
		r.ctx = &replica;
		CHECK_OK(sync_new(&s, &r, &st.opt, &e), &e);
		for (int step = 0; step < 500 && want.need != SYNC_DONE;
		     step++) {
			struct sync_reply lost = { .transport = ERR_TIMEOUT };
			struct sync_reply reply;

			sync_step(s, &want);
			if (want.need != SYNC_SEND)
				continue;
			if (t_below(&rng, 4) == 0) {
				sync_answer(s, &lost);
				continue;
			}
			hub_answer(&hub, &want, &reply);
			sync_answer(s, t_below(&rng, 4) == 0 ? &lost : &reply);
		}
		CHECK(want.need == SYNC_DONE);
		CHECK_U(hub.n, 23);
		for (unsigned i = 0; i < 20; i++)
			CHECK(replica.ev[i].fate == ACKED);
		CHECK_U(replica.pulled, 23);
		sync_free(s);
		replica_fini(&replica);
		buf_fini(&hub.out);
	}
}

/* An answer to a request that was given up changes nothing. */
static void
late_answers(void)
{
	static const struct story st = { .mine = "u", .hub = "" };
	struct sync_reply late = { .status = 200, .body = STR("{}") };
	struct sync_replica r = ops;
	struct replica replica;
	struct err_info e = { 0 };
	struct sync_want want;
	struct sync *s = NULL;

	t_note("late");
	replica_make(&replica, &st);
	r.ctx = &replica;
	CHECK_OK(sync_new(&s, &r, &st.opt, &e), &e);
	sync_answer(s, &late); /* before anything was asked */
	sync_refreshed(s, ERR_OK, NULL);
	sync_step(s, &want);
	CHECK(want.need == SYNC_SEND);
	sync_step(s, &want); /* asked twice: the same */
	CHECK(want.need == SYNC_SEND);
	CHECK_STR(want.target, "/api/v1/events/?after=0&limit=1000");
	sync_answer(s, &(struct sync_reply){ .transport = ERR_TLS });
	sync_step(s, &want);
	CHECK(want.need == SYNC_FAILED);
	sync_answer(s, &late);
	sync_step(s, &want);
	CHECK(want.need == SYNC_FAILED);
	CHECK_ERR(want.error->code, ERR_TLS);
	sync_free(s);
	sync_free(NULL);
	replica_fini(&replica);
}

/* One conversation whose n-th allocation behind so many answers fails (n < 0:
 * none).  How it ended, and whether one was left to fail. */
static enum sync_need
converse_failing(struct replica *replica, struct hub *hub, unsigned behind,
    int n, bool *hit)
{
	struct sync_options opt = { .batch_events = 3 };
	struct sync_replica r = ops;
	struct sync_reply reply;
	struct sync_want want = { 0 };
	struct sync *s = NULL;
	struct err_info e = { 0 };
	unsigned answers = 0;

	r.ctx = replica;
	*hit = false;
	/* Only the engine's own are failed. */
	fault_arm_fine(behind == 0 ? n : -1);
	if (sync_new(&s, &r, &opt, &e) != ERR_OK)
		want.need = SYNC_FAILED;
	while (want.need < SYNC_DONE) {
		sync_step(s, &want);
		if (want.need != SYNC_SEND)
			continue;
		*hit |= fault_hit();
		fault_arm(-1);
		hub_answer(hub, &want, &reply);
		fault_arm_fine(++answers == behind ? n : -1);
		sync_answer(s, &reply);
	}
	*hit |= fault_hit();
	fault_arm(-1);
	CHECK(want.need == SYNC_DONE || *hit);
	if (want.need == SYNC_FAILED && s != NULL)
		CHECK_ERR(want.error->code, ERR_NOMEM);
	sync_free(s);
	return want.need;
}

/* Each allocation fails once: the conversation fails by name or ends, nothing is
 * lost, and the next one ends. */
static void
every_allocation_may_fail(void)
{
	static const struct story st = { .mine = "uuouu",
		.hub = "XY",
		.rule = { { 0, ERR_SCHEMA, false, 0 }, PARENT_RULE(1, 1),
		    { 4, ERR_ID_REUSED, false, 1 } } };
	enum { ANSWERS = 4 }; /* a page, two spans, the pass begun over */
	unsigned failed = 0;

	for (unsigned behind = 0; behind <= ANSWERS; behind++) {
		bool hit = true, again;

		for (int n = 0; hit && n < 200; n++) {
			struct replica replica;
			struct hub hub;

			t_note("behind %u answers, allocation %d", behind, n);
			replica_make(&replica, &st);
			hub_make(&hub, &st);
			hub.twist = NULL;
			failed += converse_failing(&replica, &hub, behind, n,
			              &hit) == SYNC_FAILED;
			CHECK(converse_failing(&replica, &hub, 0, -1, &again) ==
			    SYNC_DONE);
			CHECK(replica.ev[0].fate == REFUSED);
			for (unsigned i = 1; i < 5; i++)
				CHECK(replica.ev[i].fate == ACKED);
			CHECK_U(hub.n, 6);
			replica_fini(&replica);
			buf_fini(&hub.out);
			CHECK(hit || n > 1);
		}
	}
	CHECK(failed > 40);
}

int
main(void)
{
	T_RUN(every_story);
	T_RUN(twice_is_once);
	T_RUN(a_bad_wire);
	T_RUN(late_answers);
	T_RUN(every_allocation_may_fail);
	return t_done();
}
