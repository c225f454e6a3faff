/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a failed write held is still in memory: it is written again, in another place, as soon as
 * the log goes on. Of chunks whose own write had succeeded the small records come back from the
 * index of what was cut off (cut.c), in between, so that the log keeps its order; their frames have
 * left memory, and are all that can be lost behind a cut.
 */
#include "storage/append.h"

#include <errno.h>

void salvage_keep(struct store *s, struct write *w)
{
	struct list *at = &s->salvage;

	list_remove(&w->link);
	w->sequence = w->seg->head.sequence;
	w->seg = NULL;
	w->submitted = false;
	w->cut = s->cuts;
	/* What this cut takes was in the log before what still waits since an earlier one; within a
	 * cut by ticket, which is the log's order. */
	while (at->prev != &s->salvage) {
		const struct write *b = list_entry(at->prev, struct write, link);

		if (b->cut > w->cut || (b->cut == w->cut && b->ticket < w->ticket))
			break;
		at = at->prev;
	}
	list_append(at, &w->link);
}

bool salvage_has(const struct store *s, uint64_t sequence, uint32_t offset)
{
	const struct write *w;

	list_for_each (w, &s->salvage, link)
		if (w->sequence == sequence && offset >= w->start && offset - w->start < w->bytes)
			return true;
	return false;
}

static void salvage_step(struct write *w, size_t head_bytes)
{
	w->again++;
	w->heads_done += (uint32_t)head_bytes;
}

/* A segment names its cameras anew, and minute maps that are lost leave segments uncovered, no
 * more. */
static bool comes_again(uint8_t kind)
{
	return kind != RECORD_CAMERA && kind != DISK_RECORD_MINUTES;
}

/* The next record of the chunk that is to come again, before log position `limit`. 1: *rec is it;
 * 0: there is none before it; -ENODATA: none in the chunk. */
static int next_of(struct store *s, struct write *w, uint64_t limit, struct format_record *rec)
{
	while (w->again < w->records) {
		uint32_t end = w->start + (uint32_t)w->bytes;
		const uint8_t *heads = w->buf + w->bytes - DISK_CHUNK_TRAILER - w->heads_bytes;
		size_t used;

		/* It was encoded here, so that decoding it cannot fail. */
		if (format_record_decode(heads + w->heads_done, w->heads_bytes - w->heads_done,
					 w->start, end, rec, &used))
			break;
		if (format_position(&s->super, w->sequence, rec->payload_offset) >= limit)
			return 0;
		if (comes_again(rec->kind))
			return 1;
		salvage_step(w, used);
	}
	return -ENODATA;
}

bool salvage_replay(struct store *s, unsigned cut, uint64_t limit)
{
	while (!list_empty(&s->salvage)) {
		struct write *w = list_entry(s->salvage.next, struct write, link);
		struct format_record rec;

		if (w->cut < cut)
			return true;
		int got = next_of(s, w, w->cut > cut ? UINT64_MAX : limit, &rec);

		if (!got)
			return true;
		if (got < 0) {
			write_free(s, w);
			continue;
		}
		size_t used = format_record_bytes(&rec);

		int err = append_now(s, &rec, w->buf + (rec.payload_offset - w->start), NULL);

		/* Later: no segment yet, no memory, no space; or the store fails and drops it. */
		if (err && err != -EMSGSIZE)
			return false;
		if (err && rec.kind == RECORD_FRAME)
			cut_lost(s, &rec);
		salvage_step(w, used);
	}
	return true;
}

void salvage_drop(struct store *s, void (*drop)(void *ctx, const struct format_record *rec),
		  void *ctx)
{
	while (!list_empty(&s->salvage)) {
		struct write *w = list_entry(s->salvage.next, struct write, link);
		struct format_record rec;

		while (next_of(s, w, UINT64_MAX, &rec) == 1) {
			if (rec.kind == RECORD_FRAME)
				drop(ctx, &rec);
			salvage_step(w, format_record_bytes(&rec));
		}
		write_free(s, w);
	}
}
