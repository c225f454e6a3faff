/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chunk as a whole. */
#include "storage/disk_format.h"

#include <errno.h>
#include <string.h>

static bool all_zero(const uint8_t *p, size_t n)
{
	return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

int format_chunk_whole(const struct format_chunk *c, const uint8_t *chunk)
{
	uint32_t hi = c->bytes - DISK_CHUNK_TRAILER - c->heads_bytes;
	const uint8_t *head = chunk + hi;
	size_t left = c->heads_bytes, used;
	uint32_t filled = 0; /* bytes of the payload part accounted for */
	uint32_t lo = c->start;
	int err = format_chunk_check(c, head);

	for (uint32_t i = 0; i < c->records && !err; i++, head += used, left -= used) {
		struct format_record rec;

		err = format_record_decode(head, left, lo, c->start + hi, &rec, &used);
		if (err)
			return err;
		uint32_t at = rec.payload_offset - c->start;

		if (!all_zero(chunk + filled, at - filled) ||
		    format_crc32c(0, chunk + at, rec.payload_bytes) != rec.payload_crc)
			return -EBADMSG;
		filled = at + rec.payload_bytes;
		/* No two at one place. */
		lo = rec.payload_offset +
		     (rec.payload_bytes ? rec.payload_bytes : DISK_RECORD_ALIGN);
	}
	if (!err && (left || !all_zero(chunk + filled, hi - filled)))
		err = -EBADMSG;
	return err;
}
