// SPDX-License-Identifier: GPL-2.0
/*
 * Footage: pictures of MJPEG or H.264 that user space has loaded, which a camera shows again and
 * again. rack_uapi.h has what is written; all of it is checked here, once, so that a frame is a
 * copy and a stamp.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "rack.h"
#include "rack_uapi.h"

static const u8 jpeg_first[] = {0xff, 0xd8, 0xff, 0xfe, 0x00, 0x2a};
static const u8 jpeg_second[] = {0xff, 0xfe, 0x00, 0x12};
static const u8 sei_first[] = {0x00, 0x00, 0x00, 0x01, 0x06, 0x05, 0x80};

#define SEI_UUID_SIZE 16

static_assert(sizeof(jpeg_first) == RACK_JPEG_FIRST);
static_assert(RACK_JPEG_FIRST + RACK_STAMP_SHARED + sizeof(jpeg_second) == RACK_JPEG_SECOND);
static_assert(RACK_JPEG_SECOND + RACK_STAMP_SIZE - RACK_STAMP_SHARED == MATLANG_RACK_JPEG_AREA);
static_assert(sizeof(MATLANG_RACK_SEI_UUID) - 1 == SEI_UUID_SIZE);
static_assert(sizeof(sei_first) + SEI_UUID_SIZE == RACK_SEI_DIGITS);
static_assert(RACK_SEI_DIGITS + 2 * RACK_STAMP_SIZE + 1 == MATLANG_RACK_SEI_AREA);

static void footage_free(struct kref *ref)
{
	struct rack_footage *f = container_of(ref, struct rack_footage, ref);

	vfree(f->data);
	kvfree(f->picture);
	kfree(f);
}

struct rack_footage *rack_footage_get(struct rack_footage *f)
{
	if (f)
		kref_get(&f->ref);
	return f;
}

void rack_footage_put(struct rack_footage *f)
{
	if (f)
		kref_put(&f->ref, footage_free);
}

/* ---- loading ---- */

static bool jpeg_has_room(struct rack_picture *p)
{
	const u8 *area = p->data;

	if (p->stamp || p->size <= MATLANG_RACK_JPEG_AREA ||
	    memcmp(area, jpeg_first, sizeof(jpeg_first)) ||
	    memcmp(area + RACK_JPEG_FIRST + RACK_STAMP_SHARED, jpeg_second, sizeof(jpeg_second)))
		return false;
	memset(p->data + RACK_JPEG_FIRST, 0, RACK_STAMP_SHARED);
	memset(p->data + RACK_JPEG_SECOND, 0, RACK_STAMP_SIZE - RACK_STAMP_SHARED);
	return true;
}

static bool sei_has_room(struct rack_picture *p)
{
	u8 *area = p->data + p->stamp;

	if (p->size <= MATLANG_RACK_SEI_AREA || p->stamp > p->size - MATLANG_RACK_SEI_AREA ||
	    memcmp(area, sei_first, sizeof(sei_first)) ||
	    memcmp(area + sizeof(sei_first), MATLANG_RACK_SEI_UUID, SEI_UUID_SIZE) ||
	    area[MATLANG_RACK_SEI_AREA - 1] != 0x80)
		return false;
	memset(area + RACK_SEI_DIGITS, 0, 2 * RACK_STAMP_SIZE);
	return true;
}

static u64 checksum(const u8 *data, u32 size)
{
	u64 sum = 0, index;
	__le64 last = 0;

	for (index = 0; index < size / sizeof(u64); index++)
		sum += rack_stamp_weigh(get_unaligned_le64(data + index * sizeof(u64)), index);
	memcpy(&last, data + index * sizeof(u64), size % sizeof(u64));
	return sum + rack_stamp_weigh(le64_to_cpu(last), index);
}

/* The table of pictures behind the head, and that it covers all of @size bytes of them. */
static const char *read_table(struct rack_footage *f, const struct matlang_rack_picture *table,
			      u64 size)
{
	u64 at = 0;
	u32 i;

	for (i = 0; i < f->count; i++) {
		struct rack_picture *p = &f->picture[i];

		if (!table[i].size || table[i].size > size - at)
			return "the pictures are longer than the file";
		*p = (struct rack_picture){f->data + at, table[i].size, table[i].stamp, 0};
		at += table[i].size;
		if (f->format->fourcc == V4L2_PIX_FMT_MJPEG ? !jpeg_has_room(p) : !sei_has_room(p))
			return "a picture has no room for the stamp";
		p->sum = checksum(p->data, p->size);
		f->size_max = max(f->size_max, p->size);
		if (!(i & 63))
			cond_resched();
	}
	return at == size ? NULL : "there is something behind the last picture";
}

static const char *check_head(const struct matlang_rack_footage *h, size_t size)
{
	const struct rack_format *format;

	if (size < sizeof(*h) || memcmp(h->magic, MATLANG_RACK_FOOTAGE_MAGIC, sizeof(h->magic)))
		return "no footage";
	if (h->version != MATLANG_RACK_FOOTAGE_VERSION)
		return "unknown version";
	format = rack_format_find(h->fourcc);
	if (!format || !format->compressed)
		return "neither MJPEG nor H.264";
	if (h->width < MATLANG_RACK_SIDE_MIN || h->width > MATLANG_RACK_SIDE_MAX ||
	    h->height < MATLANG_RACK_SIDE_MIN || h->height > MATLANG_RACK_SIDE_MAX)
		return "width or height out of range";
	if (!h->count || h->count > MATLANG_RACK_PICTURES_MAX)
		return "no pictures, or too many";
	if (memchr_inv(h->reserved, 0, sizeof(h->reserved)))
		return "a reserved field is not zero";
	/* At most 65536 * 8: no overflow. */
	if (h->count * sizeof(struct matlang_rack_picture) > size - sizeof(*h))
		return "the table is longer than the file";
	return NULL;
}

struct rack_footage *rack_footage_load(const void *file, size_t size, const char **why)
{
	const struct matlang_rack_footage *h = file;
	const struct matlang_rack_picture *table = (const void *)(h + 1);
	struct rack_footage *f;
	u64 bytes;

	*why = check_head(h, size);
	if (*why)
		return NULL;
	bytes = size - sizeof(*h) - h->count * sizeof(*table);
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		goto no_memory;
	kref_init(&f->ref);
	f->format = rack_format_find(h->fourcc);
	f->width = h->width;
	f->height = h->height;
	f->count = h->count;
	f->picture = kvcalloc(f->count, sizeof(*f->picture), GFP_KERNEL);
	f->data = bytes ? vmalloc(bytes) : NULL;
	if (!f->picture || !f->data)
		goto no_memory;
	memcpy(f->data, table + h->count, bytes);
	*why = read_table(f, table, bytes);
	if (!*why)
		return f;
	rack_footage_put(f);
	return NULL;

no_memory:
	rack_footage_put(f);
	*why = "no memory";
	return NULL;
}

/* ---- a frame ---- */

u32 rack_footage_fill(const struct rack_footage *f, struct rack_buf *buf, u8 *to, u64 frame,
		      bool whole, struct rack_stamp *stamp)
{
	const struct rack_picture *p;
	u32 which;

	div_u64_rem(frame, f->count, &which);
	p = &f->picture[which];
	/* A loop shorter than the queue, or of its length, finds its pictures where they were. */
	buf->copied = whole || buf->step != which;
	if (buf->copied)
		memcpy(to, p->data, p->size);
	buf->step = which;
	stamp->sum = p->sum;
	if (f->format->fourcc == V4L2_PIX_FMT_MJPEG)
		rack_stamp_write_jpeg(to, stamp);
	else
		rack_stamp_write_sei(to + p->stamp, stamp);
	return p->size;
}
