/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading parts of segments, whatever the disk's alignment. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/core/cleanup.h"
#include "storage/reader_impl.h"

void *reader_alloc(size_t len)
{
	void *p = NULL;

	return posix_memalign(&p, DISK_BLOCK, ALIGN_UP(len ? len : 1, (size_t)DISK_BLOCK)) ? NULL
											   : p;
}

static int read_blocks(struct reader *r, uint32_t index, uint32_t offset, uint32_t len, void *buf)
{
	r->index_bytes += len;
	return r->io->ops->read(r->io, buf, len, format_segment_offset(&r->super, index) + offset);
}

int reader_read(struct reader *r, uint32_t index, uint32_t offset, uint32_t len, uint8_t **mem,
		const uint8_t **out)
{
	uint32_t first = offset & ~(DISK_BLOCK - 1);
	uint64_t last = ALIGN_UP((uint64_t)offset + len, (uint64_t)DISK_BLOCK);

	if (last > r->super.segment_bytes)
		return -EBADMSG;
	CLEANUP_FREE uint8_t *buf = reader_alloc((size_t)(last - first));

	if (!buf)
		return -ENOMEM;
	int err = read_blocks(r, index, first, (uint32_t)(last - first), buf);

	if (err)
		return err;
	*out = buf + (offset - first);
	*mem = TAKE_PTR(buf);
	return 0;
}

int reader_header(struct reader *r, uint32_t index, struct format_segment *out)
{
	CLEANUP_FREE uint8_t *block = reader_alloc(DISK_BLOCK);

	if (!block)
		return -ENOMEM;
	int err = read_blocks(r, index, 0, DISK_BLOCK, block);

	return err ? err : format_segment_decode(block, &r->super, index, out);
}

int reader_seal(struct reader *r, uint32_t index, uint64_t sequence, uint64_t nonce,
		struct format_seal *out)
{
	CLEANUP_FREE uint8_t *block = reader_alloc(DISK_BLOCK);
	struct format_seal f;

	if (!block)
		return -ENOMEM;
	int err = read_blocks(r, index, r->super.segment_bytes - DISK_BLOCK, DISK_BLOCK, block);

	if (!err)
		err = format_seal_decode(block, &r->super, index, &f);
	if (err)
		return err;
	if (f.sequence != sequence || f.nonce != nonce)
		return -EBADMSG;
	*out = f;
	return 0;
}

int reader_sections(struct reader *r, const struct format_seal *f, enum format_section from,
		    enum format_section to, uint8_t **mem, const uint8_t *start[FORMAT_SECTIONS])
{
	uint32_t first = f->section[from].offset;
	uint32_t last = f->section[to].offset + f->section[to].bytes;
	CLEANUP_FREE uint8_t *buf = NULL;
	const uint8_t *p;
	int err = reader_read(r, f->index, first, last - first, &buf, &p);

	if (err)
		return err;
	for (int i = from; i <= (int)to; i++) {
		start[i] = p + (f->section[i].offset - first);
		if (format_crc32c(0, start[i], f->section[i].bytes) != f->section[i].crc)
			return -EBADMSG;
	}
	*mem = TAKE_PTR(buf);
	return 0;
}

void reader_finding(struct reader_findings *f, const char *fmt, ...)
{
	va_list ap;

	if (f->count++)
		return;
	va_start(ap, fmt);
	vsnprintf(f->first, sizeof(f->first), fmt, ap);
	va_end(ap);
}
