/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Minute maps and the store: written behind a commit, found again after a restart. */
#include "storage/append.h"

#include <errno.h>
#include <stdlib.h>

#include "capture/core/cleanup.h"
#include "storage/minutes.h"

/* Seals looked at for the newest record. Those that recovery or a repair wrote name none. */
#define SEALS_MAX 8u

void minutes_write(struct store *s)
{
	CLEANUP_FREE uint8_t *payload = NULL;
	struct format_minutes_ref at = {0};
	uint64_t end;

	/* Whatever waits comes first; without memory the segments stay uncovered. */
	if (!minutes_due(s->minutes) || s->cutting || s->failed || !list_empty(&s->deferred) ||
	    minutes_build(s->minutes, &payload, &at))
		return;
	struct format_record rec = {
		.kind = DISK_RECORD_MINUTES,
		.mono_ns = monotime_now(),
		.payload_bytes = at.bytes,
	};

	if (append_now(s, &rec, payload, &end))
		return;
	at.position = end - ALIGN_UP((uint64_t)at.bytes, (uint64_t)DISK_RECORD_ALIGN);
	minutes_placed(s->minutes, &at);
}

/* The sealed segment of the highest sequence below `below`. */
static const struct format_checkpoint_segment *newest_seal(const struct store *s, uint64_t below,
							   uint32_t *index)
{
	const struct format_checkpoint_segment *best = NULL;

	for (uint32_t i = 0; i < s->super.segments; i++) {
		const struct format_checkpoint_segment *e = &s->table[i];

		if (e->state == FORMAT_SEALED && e->sequence < below &&
		    (!best || e->sequence > best->sequence)) {
			best = e;
			*index = i;
		}
	}
	return best;
}

static int read_part(struct store *s, uint32_t index, uint32_t offset, uint32_t len, uint8_t **mem,
		     const uint8_t **out)
{
	uint32_t first = offset & ~(DISK_BLOCK - 1);
	uint64_t end = ALIGN_UP((uint64_t)offset + len, (uint64_t)DISK_BLOCK);

	if (end > s->super.segment_bytes)
		return -EBADMSG;
	*mem = volume_alloc((size_t)(end - first));
	if (!*mem)
		return -ENOMEM;
	*out = *mem + (offset - first);
	return s->io->ops->read(s->io, *mem, (size_t)(end - first),
				format_segment_offset(&s->super, index) + first);
}

static int read_seal(struct store *s, uint32_t index, const struct format_checkpoint_segment *e,
		     struct format_seal *out)
{
	CLEANUP_FREE uint8_t *block = NULL;
	const uint8_t *p;
	int err = read_part(s, index, s->super.segment_bytes - DISK_BLOCK, DISK_BLOCK, &block, &p);

	if (!err)
		err = format_seal_decode(p, &s->super, index, out);
	return err ? err : out->sequence == e->sequence && out->nonce == e->nonce ? 0 : -EBADMSG;
}

/* The records that the record at `ref` names, oldest first, then itself. */
static int follow(struct store *s, const struct format_minutes_ref *ref)
{
	uint64_t sequence = ref->position / s->super.segment_bytes;
	uint32_t offset = (uint32_t)(ref->position % s->super.segment_bytes);
	CLEANUP_FREE uint8_t *mem = NULL;
	struct format_minutes m;
	const uint8_t *p;

	if (ref->tables_bytes < DISK_MINUTES_HEAD || ref->tables_bytes > ref->bytes)
		return -EBADMSG;
	for (uint32_t i = 0; i < s->super.segments; i++) {
		const struct format_checkpoint_segment *e = &s->table[i];

		if (e->state != FORMAT_SEALED || e->sequence != sequence)
			continue;
		int err = offset > e->end || ref->bytes > e->end - offset
				  ? -EBADMSG
				  : read_part(s, i, offset, ref->tables_bytes, &mem, &p);

		if (!err)
			err = format_minutes_decode(p, ref, &m);
		if (!err)
			err = format_minutes_check(p, &m);
		if (err)
			return err;
		for (uint32_t n = m.refs; n-- > 0;) {
			const struct format_minutes_ref older = format_minutes_ref_decode(
				p + format_minutes_refs_at(&m) + (size_t)n * DISK_MINUTES_REF);

			minutes_placed(s->minutes, &older);
		}
		minutes_placed(s->minutes, ref);
		return 0;
	}
	return -ESTALE;
}

void minutes_recover(struct store *s)
{
	const struct format_checkpoint_segment *e;
	uint64_t below = UINT64_MAX;
	struct format_seal f;
	uint32_t index = 0;

	/* Nothing found is no error: the chain begins anew, and what is older is not covered. */
	for (unsigned i = 0; i < SEALS_MAX && (e = newest_seal(s, below, &index)); i++) {
		below = e->sequence;
		if (!read_seal(s, index, e, &f) && f.minutes.position && !follow(s, &f.minutes))
			return;
	}
}
