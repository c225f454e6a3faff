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

/* What a piece of a segment is checked against. */
struct want {
	struct reader *r;
	uint32_t index;
	struct format_segment *head;
	struct format_seal *seal;
	uint64_t sequence, nonce;
	enum format_section from, to;
	uint32_t skip, bytes, crc;
};

static int check_head(void *ctx, const void *block)
{
	struct want *w = ctx;

	return format_segment_decode(block, &w->r->super, w->index, w->head);
}

static int check_seal(void *ctx, const void *block)
{
	struct want *w = ctx;
	struct format_seal f;
	int err = format_seal_decode(block, &w->r->super, w->index, &f);

	if (err)
		return err;
	if (f.sequence != w->sequence || f.nonce != w->nonce)
		return -EBADMSG;
	*w->seal = f;
	return 0;
}

static int check_sections(void *ctx, const void *buf)
{
	const struct want *w = ctx;
	const uint8_t *p = (const uint8_t *)buf + w->skip;

	for (int i = w->from; i <= (int)w->to; i++)
		if (format_crc32c(
			    0, p + (w->seal->section[i].offset - w->seal->section[w->from].offset),
			    w->seal->section[i].bytes) != w->seal->section[i].crc)
			return -EBADMSG;
	return 0;
}

static int check_crc(void *ctx, const void *buf)
{
	const struct want *w = ctx;

	return format_crc32c(0, (const uint8_t *)buf + w->skip, w->bytes) == w->crc ? 0 : -EBADMSG;
}

static int read_checked(struct reader *r, uint32_t index, uint32_t offset, uint32_t len, void *buf,
			int (*check)(void *ctx, const void *buf), void *ctx)
{
	r->index_bytes += len;
	return storage_read_checked(r->io, buf, len,
				    format_segment_offset(&r->super, index) + offset, check, ctx);
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

int reader_read_crc(struct reader *r, uint32_t index, uint32_t offset, uint32_t len, uint32_t crc,
		    uint8_t **mem, const uint8_t **out)
{
	uint32_t first = offset & ~(DISK_BLOCK - 1);
	uint64_t last = ALIGN_UP((uint64_t)offset + len, (uint64_t)DISK_BLOCK);
	struct want w = {.skip = offset - first, .bytes = len, .crc = crc};

	if (last > r->super.segment_bytes)
		return -EBADMSG;
	CLEANUP_FREE uint8_t *buf = reader_alloc((size_t)(last - first));

	if (!buf)
		return -ENOMEM;
	int err = read_checked(r, index, first, (uint32_t)(last - first), buf, check_crc, &w);

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
	struct want w = {.r = r, .index = index, .head = out};

	return read_checked(r, index, 0, DISK_BLOCK, block, check_head, &w);
}

int reader_seal(struct reader *r, uint32_t index, uint64_t sequence, uint64_t nonce,
		struct format_seal *out)
{
	CLEANUP_FREE uint8_t *block = reader_alloc(DISK_BLOCK);

	if (!block)
		return -ENOMEM;
	struct want w = {.r = r, .index = index, .seal = out, .sequence = sequence, .nonce = nonce};

	return read_checked(r, index, r->super.segment_bytes - DISK_BLOCK, DISK_BLOCK, block,
			    check_seal, &w);
}

int reader_sections(struct reader *r, const struct format_seal *f, enum format_section from,
		    enum format_section to, uint8_t **mem, const uint8_t *start[FORMAT_SECTIONS])
{
	uint32_t first = f->section[from].offset;
	uint32_t last = f->section[to].offset + f->section[to].bytes;
	uint32_t at = first & ~(DISK_BLOCK - 1);
	uint64_t end = ALIGN_UP((uint64_t)last, (uint64_t)DISK_BLOCK);
	struct format_seal seal = *f;
	struct want w = {.r = r, .seal = &seal, .from = from, .to = to, .skip = first - at};
	CLEANUP_FREE uint8_t *buf = reader_alloc((size_t)(end - at));

	if (!buf)
		return -ENOMEM;
	int err = read_checked(r, f->index, at, (uint32_t)(end - at), buf, check_sections, &w);

	if (err)
		return err;
	for (int i = from; i <= (int)to; i++)
		start[i] = buf + (f->section[i].offset - at);
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
