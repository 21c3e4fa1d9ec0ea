#include "body.h"

#include "proto.h"

void
error_body_encode(enum err code, struct str message, struct str epoch,
    struct str details, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "error");
	json_put_z(&w, err_wire(code));
	json_key(&w, "message");
	json_put_str(&w, message);
	if (epoch.n > 0) {
		json_key(&w, "epoch");
		json_put_str(&w, epoch);
	}
	if (details.n > 0) {
		json_key(&w, "details");
		json_put_raw(&w, details);
	}
	json_end(&w);
}

/* A string member as a copy in a, "" where it is not there. */
static struct str
copy(const struct json *j, const char *key, size_t max, struct arena *a)
{
	struct str s;

	if (!json_str(j, json_get(j, 0, key), a, &s))
		return STR("");
	if (s.n > max)
		s.n = max;
	s = arena_str(a, s);
	return s.p != NULL ? s : STR("");
}

bool
error_body_decode(struct error_body *ret, struct str body, struct arena *a)
{
	struct err_info e = { 0 };
	struct json j = { 0 };
	bool ok = false;

	*ret = (struct error_body){ 0 };
	if (body.n > PROTO_BODY_PLAIN_MAX ||
	    json_parse(&j, body, JSON_DEPTH_MAX, &e) != ERR_OK ||
	    json_kind(&j, 0) != JSON_OBJECT)
		goto done;
	ret->wire = copy(&j, "error", 64, a);
	if (ret->wire.n == 0)
		goto done;
	ret->code = err_from_wire(ret->wire.p, ret->wire.n);
	ret->message = copy(&j, "message", PROTO_WHY_MAX, a);
	ret->epoch = copy(&j, "epoch", PROTO_EPOCH_MAX + 1, a);
	if (!json_u53(&j, json_get(&j, 0, "retry_after"), &ret->retry_after))
		ret->retry_after = 0;
	ok = true;
done:
	json_fini(&j);
	return ok;
}

void
health_encode(const struct health_body *h, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "status");
	json_put_z(&w, "ok");
	json_key(&w, "version");
	json_put_str(&w, h->version);
	json_key(&w, "protocol_version");
	json_put_u(&w, h->protocol);
	json_key(&w, "epoch");
	json_put_str(&w, h->epoch);
	json_end(&w);
}

enum err
health_decode(struct health_body *ret, struct str body, struct arena *a,
    struct err_info *e)
{
	struct json j = { 0 };
	enum err rc = ERR_OK;

	*ret = (struct health_body){ 0 };
	if (json_parse(&j, body, JSON_DEPTH_MAX, e) != ERR_OK) {
		if (e->code != ERR_NOMEM)
			e->code = ERR_PROTOCOL;
		rc = err_wrap(e, "the answer to health is wrong");
		goto done;
	}
	if (json_kind(&j, 0) != JSON_OBJECT) {
		rc = err_setf(e, ERR_PROTOCOL,
		    "the answer to health is not an object");
		goto done;
	}
	ret->version = copy(&j, "version", 64, a);
	ret->epoch = copy(&j, "epoch", PROTO_EPOCH_MAX, a);
	if (!json_u53(&j, json_get(&j, 0, "protocol_version"), &ret->protocol))
		rc = err_setf(e, ERR_PROTOCOL,
		    "the answer to health has no protocol_version");
done:
	json_fini(&j);
	return rc;
}
