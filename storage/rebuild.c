/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mount without a checkpoint: every segment speaks for itself. */
#include "storage/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_sequence(const void *a, const void *b)
{
	const struct format_segment *x = a, *y = b;

	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static int read_heads(struct store *s, struct format_segment *heads, uint32_t *count)
{
	*count = 0;
	for (uint32_t i = 0; i < s->super.segments; i++) {
		int err = recover_read_head(s, i, &heads[*count]);

		if (err == -ENOMEM)
			return err;
		*count += !err;
	}
	qsort(heads, *count, sizeof(*heads), by_sequence);
	return 0;
}

/* Keeps only what is known of locks and bad segments. */
static void reset_table(struct store *s, bool locks)
{
	for (uint32_t i = 0; i < s->super.segments; i++) {
		struct format_checkpoint_segment *e = &s->table[i];

		*e = (struct format_checkpoint_segment){
			.sequence = locks ? e->sequence : 0,
			.locked = locks && e->locked,
			.state = locks && e->state == FORMAT_BAD ? FORMAT_BAD : FORMAT_FREE,
		};
	}
}

struct rebuild {
	struct tail tail;
	bool any;
	uint64_t *rejected; /* sequences not taken */
	uint32_t nrejected;
};

static bool is_rejected(const struct rebuild *r, uint64_t sequence)
{
	for (uint32_t i = 0; i < r->nrejected; i++)
		if (r->rejected[i] == sequence)
			return true;
	return false;
}

/* One more segment, of higher sequence than all before. */
static int consider(struct store *s, struct rebuild *r, const struct format_segment *h)
{
	bool linked = r->any && h->prev_sequence == r->tail.head.sequence &&
		      h->prev_nonce == r->tail.head.nonce;
	int err;

	if (linked ? !recover_continues(&r->tail, h) : is_rejected(r, h->prev_sequence)) {
		r->rejected[r->nrejected++] = h->sequence;
		return 0;
	}
	if (r->any) {
		err = linked ? recover_limit(s, &r->tail, h->prev_end) : 0;
		if (!err)
			err = recover_finish(s, &r->tail);
		if (err)
			return err;
	}
	r->any = true;
	return recover_take(s, h, &r->tail);
}

int recover_rebuild(struct store *s, bool locks)
{
	struct format_segment *heads = calloc(s->super.segments, sizeof(*heads));
	struct rebuild r = {.rejected = calloc(s->super.segments, sizeof(*r.rejected))};
	uint32_t count = 0;
	int err = -ENOMEM;

	if (!heads || !r.rejected)
		goto out;
	reset_table(s, locks);
	locktable_free(&s->locks);
	s->prev_sequence = s->prev_nonce = 0;
	s->prev_end = 0;
	s->next_index = 0;
	err = read_heads(s, heads, &count);
	for (uint32_t i = 0; !err && i < count; i++) {
		if (heads[i].sequence > s->last_sequence)
			s->last_sequence = heads[i].sequence;
		err = consider(s, &r, &heads[i]);
	}
	if (!err && r.any) {
		err = recover_finish(s, &r.tail);
		retain_give_up(s, s->next_index);
	}
	/* A new checkpoint outlives whatever is left of the old ones. */
	s->generation++;
out:
	if (r.tail.seg)
		segment_free(r.tail.seg);
	free(heads);
	free(r.rejected);
	return err;
}
