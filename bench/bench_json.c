/* JSON: megabytes a second on text like a batch of events, beside a copy of the
 * same bytes.
 *
 *	bench_json [events [rounds]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "hash.h"
#include "json.h"
#include "lab.h"

static void
event(struct buf *b, unsigned i)
{
	struct json_writer w = { .out = b };

	json_obj(&w);
	json_key(&w, "event_id"), json_put_z(&w, "01JTZK5V9Q3M8R2X7C4B6N1DHF");
	json_key(&w, "event_type"), json_put_z(&w, "TodoStatusChanged");
	json_key(&w, "aggregate_type"), json_put_z(&w, "Todo");
	json_key(&w, "aggregate_id"),
	    json_put_z(&w, "3d1f0c5e-7b1a-5c2e-9a4f-0b8c6d7e5f12");
	json_key(&w, "lamport_clock"), json_put_u(&w, 100000 + i);
	json_key(&w, "node_id"),
	    json_put_z(&w, "9f86d081884c7d659a2feaa0c55ad015");
	json_key(&w, "timestamp"), json_put_z(&w, "2026-04-28T10:30:00.123Z");
	json_key(&w, "payload"), json_obj(&w);
	json_key(&w, "content"),
	    json_put_z(&w,
	        "Make the importer say which line it could not read");
	json_key(&w, "from"), json_put_z(&w, "pending");
	json_key(&w, "to"), json_put_z(&w, "in_progress");
	json_key(&w, "priority"), json_put_u(&w, i % 4);
	json_end(&w);
	json_end(&w);
}

static void
batch(struct buf *b, unsigned events)
{
	buf_reset(b);
	buf_adds(b, "{\"events\":[");
	for (unsigned i = 0; i < events; i++) {
		if (i > 0)
			buf_addc(b, ',');
		event(b, i);
	}
	buf_adds(b, "]}");
}

/* Parse and copy in turn: the median of some rounds each. */
static enum err
parse_row(struct json *j, const struct buf *text, struct err_info *e)
{
	enum { ROUNDS = 51 };
	double ours[ROUNDS], best[ROUNDS], t, mb = (double)text->len / 1e6;
	char *copy = mem_alloc(text->len);
	enum err rc = copy ? ERR_OK : err_set(e, ERR_NOMEM);

	for (int i = 0; i < ROUNDS && rc == ERR_OK; i++) {
		t = lab_now();
		rc = json_parse(j, buf_str(text), JSON_DEPTH_MAX, e);
		ours[i] = mb / (lab_now() - t);
		t = lab_now();
		memcpy(copy, text->data, text->len);
		__asm__ volatile("" : : "r"(copy) : "memory");
		best[i] = mb / (lab_now() - t);
	}
	free(copy);
	if (rc == ERR_OK)
		lab_row(&(struct lab_row){ .what = "JSON parse",
		    .ours = lab_median(ours, ROUNDS),
		    .best = lab_median(best, ROUNDS),
		    .unit = "MB/s",
		    .best_is = "memcpy of the same bytes" });
	return rc;
}

static void
report(const char *what, double seconds, size_t bytes, size_t events)
{
	printf("%-8s %8.0f MB/s %10.0f events/s\n", what,
	    (double)bytes / seconds / 1e6, (double)events / seconds);
}

int
main(int argc, char **argv)
{
	unsigned events = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 500;
	struct buf text = { 0 }, out = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };
	enum err rc = ERR_OK;
	uint8_t h[HASH_BYTES];
	double t;

	batch(&text, events);
	printf("%u events, %zu bytes each\n", events, text.len / events);
	rc = parse_row(&j, &text, &e);
	t = lab_now();
	for (unsigned i = 0; i < rounds && rc == ERR_OK; i++)
		rc = json_parse(&j, buf_str(&text), JSON_DEPTH_MAX, &e);
	report("parse", lab_now() - t, text.len * rounds,
	    (size_t)events * rounds);
	t = lab_now();
	for (unsigned i = 0; i < rounds && rc == ERR_OK; i++)
		rc = json_check(&j, 0, JSON_DEPTH_MAX, &e);
	report("check", lab_now() - t, text.len * rounds,
	    (size_t)events * rounds);
	t = lab_now();
	for (unsigned i = 0; i < rounds; i++)
		for (uint32_t at = json_get(&j, 0, "events") + 1; at < j.count;
		     at = json_next(&j, at)) {
			buf_reset(&out);
			json_canon(&j, at, &out);
		}
	report("canon", lab_now() - t, text.len * rounds,
	    (size_t)events * rounds);
	t = lab_now();
	for (unsigned i = 0; i < rounds * events; i++)
		hash_blake2b(buf_str(&out), h, sizeof h);
	report("blake2b", lab_now() - t, out.len * rounds * events,
	    (size_t)events * rounds);
	t = lab_now();
	for (unsigned i = 0; i < rounds; i++)
		batch(&text, events);
	report("write", lab_now() - t, text.len * rounds,
	    (size_t)events * rounds);
	json_fini(&j);
	buf_fini(&text);
	buf_fini(&out);
	if (rc != ERR_OK)
		fprintf(stderr, "%s\n", e.text);
	return rc != ERR_OK;
}
