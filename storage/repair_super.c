/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The superblock: from its other copy, or, when both are gone, from the size of the volume, which
 * with the size of a segment gives the layout, and any header of a segment, which proves it: it
 * must lie just where the layout has it.
 */
#include <errno.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/repair_impl.h"
#include "storage/volume.h"

/* Headers looked for under each size of segments. */
#define HEADERS_MAX 4096u

static const uint32_t super_at[2] = {DISK_SUPER_A, DISK_SUPER_B};

/* 0: `s` has a segment header where it should be; its store's UUID is taken. -EBADMSG: none. */
static int prove_layout(struct repair *p, struct format_super *s, uint8_t block[DISK_BLOCK])
{
	for (uint32_t i = 0; i < s->segments && i < HEADERS_MAX; i++) {
		struct format_segment h;
		int err = p->io->ops->read(p->io, block, DISK_BLOCK, format_segment_offset(s, i));

		if (err && !repair_is_damage(err))
			return err;
		if (err)
			continue;
		format_segment_store(block, s->store_uuid);
		if (!format_segment_decode(block, s, i, &h))
			return 0;
	}
	return -EBADMSG;
}

static int find_layout(struct repair *p, const char *path, uint8_t block[DISK_BLOCK],
		       struct format_super *out, struct errmsg *em)
{
	for (uint32_t bytes = DISK_SEGMENT_MIN; bytes <= DISK_SEGMENT_MAX; bytes *= 2) {
		struct format_super s;
		uint64_t need;

		if (format_layout(p->io->size, bytes, &s, &need))
			continue;
		int err = prove_layout(p, &s, block);

		if (err == -EBADMSG)
			continue;
		if (!err)
			err = volume_random(s.volume_uuid, sizeof(s.volume_uuid));
		if (!err)
			*out = s;
		return err;
	}
	return errmsg_set(em, -EBADMSG,
			  "%s: both superblocks are damaged, and no segment is left that says what "
			  "they held: it cannot be repaired",
			  path);
}

static int write_supers(struct repair *p, const uint8_t *block, bool first, bool second)
{
	const bool wanted[2] = {first, second};
	int err = 0;

	for (unsigned i = 0; !err && i < 2; i++) {
		const struct repair_step step = {REPAIR_SUPERBLOCK, i, 0, super_at[i]};

		if (wanted[i])
			err = repair_write(p, &step, block, DISK_BLOCK);
	}
	return err;
}

int repair_supers(struct repair *p, const char *path, struct errmsg *em)
{
	CLEANUP_FREE uint8_t *block = volume_alloc((size_t)2 * DISK_BLOCK);
	struct format_super s;
	bool whole[2], unknown = false;
	int err;

	if (!block)
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		err = p->io->ops->read(p->io, block + i * DISK_BLOCK, DISK_BLOCK, super_at[i]);
		if (!err)
			err = format_super_decode(block + i * DISK_BLOCK, &s, NULL);
		if (err && !repair_is_damage(err))
			return err;
		whole[i] = !err;
		unknown |= err == -EPROTO;
	}
	if (!whole[0] && !whole[1] && !unknown) {
		err = find_layout(p, path, block, &s, em);
		if (err)
			return err;
		format_super_encode(block, &s);
		err = write_supers(p, block, true, true);
		return err ? err : p->dry_run;
	}
	/* Refuses what this program does not know. */
	err = volume_read_super(p->io, path, &s, em);
	if (err || (whole[0] && whole[1] && !memcmp(block, block + DISK_BLOCK, DISK_BLOCK)))
		return err;
	/* The first that is whole is the one that everybody reads. */
	return write_supers(p, block + !whole[0] * DISK_BLOCK, !whole[0], whole[0]);
}
