"""Faults that are planted one at a time: each has to be found.

A mutant is a small change to the product's source: in `path` the text `was`,
which stands there exactly once, becomes `now`. `by` names what has to find it:
"sim" (within so many seeds), "oracle" (tests/merge) or a test program of the build.
"""
from collections import namedtuple

Mutant = namedtuple("Mutant", "name by path was now")

MUTANTS = [
    # --- found by the simulator -------------------------------------------------
    Mutant("acked before the answer says so", "sim", "src/sync/sync_push.c",
           "\tif (r->retry)\n\t\treturn wait_for(s, r, e);\n\trefuse(g, ev, r);",
           "\taccept(g, ev, r);"),
    Mutant("acknowledged before its commit, which fails at times", "sim",
           "src/store/store.c",
           "\tif (rc == ERR_OK)\n\t\trc = s->ops->commit(s, e);\n",
           "\tif (rc == ERR_OK && s->opt.hub && s->meta.version % 20 == 19) {\n"
           "\t\tstore_rollback(s);\n\t\treturn ERR_OK;\n\t}\n"
           "\tif (rc == ERR_OK)\n\t\trc = s->ops->commit(s, e);\n"),
    Mutant("a position advanced before its events are applied", "sim",
           "src/client/replica.c",
           "\tconst struct take *t = arg;\n\n\tfor (size_t i = 0; i < t->p->n; i++) {",
           "\tconst struct take *t = arg;\n\n"
           "\tif (store_pulled(r->store, r->space, t->p->epoch, t->p->next,\n"
           "\t        t->p->head, e) != ERR_OK ||\n"
           "\t    store_commit(r->store, e) != ERR_OK ||\n"
           "\t    store_begin(r->store, e) != ERR_OK)\n\t\treturn e->code;\n"
           "\tfor (size_t i = 0; i < t->p->n; i++) {"),
    Mutant("a late event is not folded again", "sim", "src/store/store_cache.c",
           "\tif (entity_cmp_last(slot->en, ev) <= 0) {\n\t\tslot->stale = true;\n"
           "\t\treturn ERR_OK;\n\t}\n",
           ""),
    Mutant("a late event is applied as if it were the last", "sim",
           "src/store/store_cache.c",
           "\tif (rc == ERR_OK && applied == APPLY_NEEDS_HISTORY)\n"
           "\t\tslot->stale = true;\n",
           ""),
    Mutant("equal clocks told apart by whoever came first", "sim", "src/model/id.c",
           "\tc = str_cmp(a->node, b->node);\n\treturn c ? c : eid_cmp(&a->id, &b->id);",
           "\tc = 0;\n\treturn c;"),
    Mutant("a stamp instead of an id tells events apart", "sim",
           "src/store/store_write.c",
           "\tr->id = ev->id;\n\tr->clock = ev->clock;",
           "\tr->id = ev->id;\n"
           "\tmemset(r->id.b, (int)(ev->clock % 251), sizeof r->id.b);\n"
           "\tr->clock = ev->clock;"),
    Mutant("a refused event stays in the fold", "sim", "src/store/store_sync.c",
           "\t\tif (rc == ERR_OK)\n\t\t\trc = row_entity_stale(s, &r, true, e);\n",
           ""),
    Mutant("stamped again out of order", "sim", "src/store/store_stamp.c",
           "\t\t\tto = clock = (named > clock ? named : clock) + 1;",
           "\t\t\tto = clock + w.n - i;"),
    Mutant("stamped again below what the team has", "sim", "src/client/replica.c",
           "\treturn store_restamp(r->store, r->space, *(uint64_t *)arg, e);",
           "\treturn store_restamp(r->store, r->space, *(uint64_t *)arg / 2, e);"),
    Mutant("another epoch of the hub ignored", "sim", "src/sync/sync_push.c",
           "\tif (!str_is(a.epoch, s->at.epoch))\n"
           "\t\treturn sync_other_epoch(s, a.epoch, e);\n",
           ""),
    Mutant("after another epoch only the new events are sent", "sim",
           "src/store/store_space.c",
           "\treturn s->opt.hub ? ERR_OK : all_unacked(s, slot, e);",
           "\treturn ERR_OK;"),
    Mutant("admission forgets the team", "sim", "src/hub/admission.c",
           "\t*ret = map_get(&ad->teams, str_n(&id, sizeof id));",
           "\tstatic const int any;\n\n\tid = any + 1;\n"
           "\t*ret = map_get(&ad->teams, str_n(&id, sizeof id));"),
    Mutant("half a batch stored", "sim", "src/hub/admission.c",
           "\tfor (size_t i = 0; i < b->n; i++)\n"
           "\t\tif (admission_event(ad, from, &b->item[i], a, &ret->result[i],",
           "\tfor (size_t i = 0; i < b->n; i++)\n"
           "\t\tif (i > b->n / 2 && i > 1)\n"
           "\t\t\tret->result[i] = (struct batch_result){ .id = b->item[i].id,\n"
           "\t\t\t\t.eid = b->item[i].ev.id, .status = BATCH_DUPLICATE, .seq = 1 };\n"
           "\t\telse if (admission_event(ad, from, &b->item[i], a, &ret->result[i],"),
    Mutant("what an event names is not asked for", "sim", "src/hub/admission.c",
           "\tif (d->r->code == ERR_OK && check_named(d, e) != ERR_OK)\n"
           "\t\treturn e->code;\n",
           ""),
    Mutant("a cloned replica is not noticed", "sim", "src/hub/admission.c",
           "\tif (d->r->code == ERR_OK && check_fork(d, e) != ERR_OK)\n"
           "\t\treturn e->code;\n",
           ""),
    Mutant("the clock does not hear what was received", "sim",
           "src/store/store_write.c",
           "\tuint64_t now = space->row.clock > clock ? space->row.clock : clock;\n",
           "\tuint64_t now = space->row.clock;\n\n\t(void)clock;\n"),
    Mutant("a pull leaves out the last event of a page", "sim", "src/hub/feed.c",
           "\tpull_answer_end(p.last, ", "\tpull_answer_end(p.last + (p.n > 7), "),

    # --- found by tests of their own --------------------------------------------
    Mutant("the id left out of a stamp", "tests/unit/model/test_id", "src/model/id.c",
           "\treturn c ? c : eid_cmp(&a->id, &b->id);", "\treturn c;"),
    Mutant("a row's id depends on the order of its heads", "oracle", "src/merge/ledger.c",
           "\tqsort(head, n, sizeof *head, eid_cmp_void);\n", ""),
    Mutant("who closed a row first decides what it is", "oracle",
           "src/merge/ledger.c",
           "\tif (r->state != ROW_RESOLVED)\n", "\tif (r->n_closers == 0)\n"),
    Mutant("a todo that is done goes back by itself",
           "tests/unit/merge/test_merge_fold", "src/merge/apply.c",
           "\treturn !st->w.observation && is_finished(st->en, from) &&",
           "\treturn is_finished(st->en, from) &&"),
    Mutant("blocking takes back what was finished",
           "tests/unit/merge/test_merge_fold", "src/merge/apply.c",
           "\t    st->rank < from && !str_is(w->value, \"\\\"blocked\\\"\") &&",
           "\t    st->rank < from &&"),
    Mutant("nothing holds writers apart", "tests/suite/store_file",
           "src/store/store_sqlite.c",
           "\trc = os_lock_take(&s->lock, s->lock_path, s->base.opt.lock_wait_ms, e);\n"
           "\tif (rc != ERR_OK)\n\t\treturn rc;",
           "\trc = ERR_OK;"),
    Mutant("a full disk is written to", "tests/suite/store_suite",
           "src/store/store_sqlite.c",
           "\tif (rc == ERR_OK && room < min)\n", "\tif (rc == ERR_OK && room < min && min == 1)\n"),
    Mutant("a replaced database goes unnoticed", "tests/suite/store_file",
           "src/store/store_sqlite.c",
           "\t    moved)\n", "\t    moved > 1)\n"),
    Mutant("a newer database is written to while it is open",
           "tests/suite/store_file", "src/store/store_sqlite.c",
           "\tif (rc == ERR_OK && version != migrate_newest())\n",
           "\tif (rc == ERR_OK && version == 0)\n"),
    Mutant("any database is taken for a store", "tests/suite/store_file",
           "src/store/store_migrate.c",
           "\tif (app != SQLITE_APPLICATION_ID || user <= 0)\n",
           "\tif (user < 0)\n"),
    Mutant("the log grows without end", "tests/suite/store_file",
           "src/store/store_sqlite.c",
           "\tif (!base->opt.tidy_later && wal_is_long(s))\n",
           "\tif (false)\n"),
    Mutant("a migration stops half-way and is kept", "tests/unit/store/test_migrate",
           "src/store/store_migrate.c",
           "\t\t(void)sqlite3_exec(s->db, \"ROLLBACK\", NULL, NULL, NULL);",
           "\t\t(void)sqlite3_exec(s->db, \"COMMIT\", NULL, NULL, NULL);"),
    Mutant("a decayed event is believed", "tests/suite/store_file",
           "src/store/store_fold.c",
           "\tuint32_t sum;\n\n\t(void)crypto_shorthash",
           "\tuint32_t sum;\n\n\tif (raw.n > 0)\n\t\treturn 7;\n\t(void)crypto_shorthash"),
    Mutant("a transaction goes on after it failed", "tests/suite/store_suite",
           "src/store/store.c",
           "\tif (s->spoilt)\n\t\treturn err_setf(e, ERR_FAILED,\n"
           "\t\t    \"the transaction has failed before\");\n",
           ""),
    Mutant("what was rolled back stays in memory", "tests/suite/store_suite",
           "src/store/store.c",
           "\tif (s->changed || s->spoilt || s->n_dirty > 0)\n\t\tcache_drop(s);\n",
           ""),
    Mutant("others' commits are not seen", "tests/suite/store_file",
           "src/store/store.c",
           "\tif (!s->meta_known || m.version != s->meta.version ||",
           "\tif (!s->meta_known ||"),
    Mutant("nobody is told of a commit", "tests/suite/store_suite",
           "src/store/store.c",
           "\tdoorbell_ring(s);\n", ""),
    Mutant("rebuilding applies what was refused", "tests/suite/store_suite",
           "src/store/store_check.c",
           "\t\tp->ev.folds = false; /* listed, not applied */\n", "\t\t;\n"),
    Mutant("rebuilding adds to the old sums", "tests/suite/store_suite",
           "src/store/store_check.c",
           "\t\tmemset(slot->row.digest, 0, HASH_BYTES);\n", ""),
    Mutant("other content of an id counts as the same", "tests/suite/store_suite",
           "src/store/store_write.c",
           "\t\t*same = memcmp(ours, theirs, sizeof ours) == 0;",
           "\t\t*same = true;"),
    Mutant("a discarded event still counts as refused", "tests/suite/store_suite",
           "src/store/store_sync.c",
           "\t\tr.flags |= FLAG_DISCARDED;\n\t\tspace->row.refused--;",
           "\t\tr.flags |= FLAG_DISCARDED;"),
    Mutant("a page of what waits forgets its bound", "tests/suite/store_suite",
           "src/store/store_sync.c",
           "\t\tif (bytes > 0 && bytes + r.raw.n > max_bytes)\n\t\t\treturn ERR_OK;\n",
           ""),
    Mutant("an edited refusal may change what others have",
           "tests/suite/store_suite", "src/store/store_sync.c",
           "\tif (fixed && payload.n > 0)\n", "\tif (fixed && payload.n > SIZE_MAX / 2)\n"),
    Mutant("another log is taken for the one known", "tests/unit/sync/test_sync",
           "src/sync/sync_pull.c",
           "\tif (!same)\n\t\treturn sync_other_epoch(s, p.epoch, e);\n", ""),
    Mutant("results may be of other events", "tests/unit/sync/test_sync",
           "src/sync/sync_push.c",
           "\t\tif (!eid_eq(&r->eid, &ev->send.id))\n", "\t\tif (false && !eid_eq(&r->eid, &ev->send.id))\n"),
]
