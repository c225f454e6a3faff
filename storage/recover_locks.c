/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The locks that stand, where the walk begins behind a sealed segment and so does not read them. */
#include "storage/recover.h"

#include <errno.h>

#include "capture/core/cleanup.h"

struct want {
	struct store *s;
	uint32_t index;
	struct format_seal seal;
};

static int check_seal(void *ctx, const void *block)
{
	struct want *w = ctx;
	const struct format_checkpoint_segment *e = &w->s->table[w->index];
	int err = format_seal_decode(block, &w->s->super, w->index, &w->seal);

	return err                                                            ? err
	       : w->seal.sequence == e->sequence && w->seal.nonce == e->nonce ? 0
									      : -EBADMSG;
}

static int read_small(struct store *s, uint32_t index)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);
	struct want w = {.s = s, .index = index};

	if (!block)
		return -ENOMEM;
	int err = storage_read_checked(s->io, block, DISK_BLOCK,
				       format_segment_offset(&s->super, index) +
					       s->super.segment_bytes - DISK_BLOCK,
				       check_seal, &w);

	return err ? err : recover_take_small(s, &w.seal);
}

/* The newest sealed segment older than `sequence`. */
static uint32_t newest_before(const struct store *s, uint64_t sequence)
{
	uint32_t best = DISK_NO_SEGMENT;

	for (uint32_t i = 0; i < s->super.segments; i++)
		if (s->table[i].state == FORMAT_SEALED && s->table[i].sequence < sequence &&
		    (best == DISK_NO_SEGMENT || s->table[i].sequence > s->table[best].sequence))
			best = i;
	return best;
}

int recover_read_locks(struct store *s, uint32_t head)
{
	/* Every segment begins with them: where the head is damaged, the one before has what stood
	 * then. */
	for (uint32_t i = head; i != DISK_NO_SEGMENT; i = newest_before(s, s->table[i].sequence)) {
		int err = read_small(s, i);

		if (!err || err == -ENOMEM)
			return err;
	}
	return 0;
}
