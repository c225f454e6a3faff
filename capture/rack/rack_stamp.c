/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_stamp.h"

#include <errno.h>
#include <isa-l/crc.h>
#include <string.h>

#include "capture/core/bytes.h"

static const char magic[8] = {'R', 'A', 'C', 'K', 'S', 'T', 'M', 'P'};
/* SOI, COM, the segment's length with its own two bytes. */
static const uint8_t head[6] = {0xff, 0xd8, 0xff, 0xfe, 0, 2 + RACK_STAMP_SIZE};

/* FNV-1a over the name, then the 64-bit finaliser of MurmurHash3: names that differ in their last
 * digit must differ in all bits, for cameras' phases are spread by them. */
uint64_t rack_stamp_camera(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static uint32_t checksum(const uint8_t *b)
{
	/* The library takes a non-const pointer but only reads. */
	return crc32_iscsi((unsigned char *)b, RACK_STAMP_SIZE - 4, ~0u);
}

static void encode(uint8_t b[static RACK_STAMP_SIZE], const struct rack_stamp *s)
{
	memcpy(b, magic, sizeof(magic));
	bytes_put_le64(b + 8, s->camera);
	bytes_put_le64(b + 16, (uint64_t)s->mono_ns);
	bytes_put_le64(b + 24, s->frame);
	bytes_put_le32(b + 32, s->sequence);
	bytes_put_le32(b + 36, checksum(b));
}

static int decode(const uint8_t b[static RACK_STAMP_SIZE], struct rack_stamp *out)
{
	if (memcmp(b, magic, sizeof(magic)))
		return -ENODATA;
	if (bytes_le32(b + 36) != checksum(b))
		return -EBADMSG;
	out->camera = bytes_le64(b + 8);
	out->mono_ns = (int64_t)bytes_le64(b + 16);
	out->frame = bytes_le64(b + 24);
	out->sequence = bytes_le32(b + 32);
	return 0;
}

int rack_stamp_read_jpeg(const uint8_t *jpeg, size_t len, struct rack_stamp *out)
{
	if (len < sizeof(head) + RACK_STAMP_SIZE || memcmp(jpeg, head, sizeof(head)))
		return -ENODATA;
	return decode(jpeg + sizeof(head), out);
}

/* 0-15, or more when it is no digit. */
static unsigned digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

int rack_stamp_read_h264(const uint8_t *au, size_t len, struct rack_stamp *out)
{
	const size_t uuid = sizeof(RACK_STAMP_UUID) - 1;
	const uint8_t *at = memmem(au, len, RACK_STAMP_UUID, uuid);
	uint8_t b[RACK_STAMP_SIZE];

	if (!at || len - (size_t)(at - au) < uuid + 2 * RACK_STAMP_SIZE)
		return -ENODATA;
	at += uuid;
	for (size_t i = 0; i < RACK_STAMP_SIZE; i++) {
		unsigned high = digit(at[2 * i]), low = digit(at[2 * i + 1]);

		if (high > 15 || low > 15)
			return -EBADMSG;
		b[i] = (uint8_t)(high << 4 | low);
	}
	return decode(b, out);
}

void rack_stamp_write_jpeg(uint8_t *jpeg, const struct rack_stamp *stamp)
{
	memcpy(jpeg, head, sizeof(head));
	encode(jpeg + sizeof(head), stamp);
}

static size_t luma_at(const struct pixfmt *pf, uint32_t stride, uint32_t width, size_t i)
{
	return i / width * stride + pf->luma_offset + i % width * pf->luma_step;
}

int rack_stamp_read_raw(const struct pixfmt *pf, const uint8_t *luma, size_t len, uint32_t stride,
			uint32_t width, struct rack_stamp *out)
{
	uint8_t b[RACK_STAMP_SIZE];

	if (pf->codec != PIXFMT_RAW || !width ||
	    luma_at(pf, stride, width, RACK_STAMP_SIZE - 1) >= len)
		return -ENODATA;
	for (size_t i = 0; i < RACK_STAMP_SIZE; i++)
		b[i] = luma[luma_at(pf, stride, width, i)];
	return decode(b, out);
}

void rack_stamp_write_raw(const struct pixfmt *pf, uint8_t *luma, uint32_t stride, uint32_t width,
			  uint32_t height, const struct rack_stamp *stamp)
{
	uint8_t b[RACK_STAMP_SIZE];

	if ((uint64_t)width * height < RACK_STAMP_SIZE)
		return;
	encode(b, stamp);
	for (size_t i = 0; i < RACK_STAMP_SIZE; i++)
		luma[luma_at(pf, stride, width, i)] = b[i];
}

int rack_stamp_read(const struct frame *f, struct rack_stamp *out)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);

	if (!pf || !f->nplanes)
		return -ENODATA;
	if (pf->codec == PIXFMT_CODEC_MJPEG)
		return rack_stamp_read_jpeg(f->plane[0].data, f->plane[0].bytesused, out);
	if (pf->codec == PIXFMT_CODEC_H264)
		return rack_stamp_read_h264(f->plane[0].data, f->plane[0].bytesused, out);
	/* In planar formats of one memory plane bytesused covers chroma too, so a tiny picture's
	 * chroma could be read as luma: no harm, its magic would not be there. */
	return rack_stamp_read_raw(pf, f->plane[0].data, f->plane[0].bytesused, f->plane[0].stride,
				   f->width, out);
}
