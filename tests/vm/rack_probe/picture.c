/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proves from a picture alone what it is: its stamp and its checksum. */
#include <isa-l/crc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "capture/rack/rack_stamp.h"
#include "tests/vm/rack_probe/probe.h"

#define STAMP_SIZE 56u

/* As kmod/rack_stamp.c defines it. */
static uint64_t checksum(const struct source_format *f, const struct slab_slot *slot,
			 unsigned luma_step)
{
	uint64_t index = 0, sum = 0;

	for (unsigned p = 0; p < f->nplanes; p++) {
		size_t words = f->plane_size[p] / 8;

		for (size_t i = 0; i < words; i++, index++)
			if (p || i >= STAMP_SIZE * luma_step / 8)
				sum += bytes_le64(slot->plane[p] + 8 * i) * (2 * index + 1);
	}
	return sum;
}

/* Takes the whole stamp out of a copy of a compressed picture; false: it is not there. */
static bool cut_stamp(const struct pixfmt *pf, uint8_t *picture, size_t len,
		      uint8_t stamp[STAMP_SIZE])
{
	uint8_t *at;

	if (pf->codec == PIXFMT_CODEC_MJPEG) {
		if (len < 66)
			return false;
		memcpy(stamp, picture + 6, RACK_STAMP_SIZE);
		memcpy(stamp + RACK_STAMP_SIZE, picture + 50, STAMP_SIZE - RACK_STAMP_SIZE);
		memset(picture + 6, 0, RACK_STAMP_SIZE);
		memset(picture + 50, 0, STAMP_SIZE - RACK_STAMP_SIZE);
		return true;
	}
	at = memmem(picture, len, RACK_STAMP_UUID, 16);
	if (!at || (size_t)(picture + len - at) < 16 + 2 * STAMP_SIZE)
		return false;
	for (unsigned i = 0; i < STAMP_SIZE; i++) {
		char two[3] = {(char)at[16 + 2 * i], (char)at[17 + 2 * i], 0};

		stamp[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	memset(at + 16, 0, 2 * STAMP_SIZE);
	return true;
}

static const char *compressed_wrong(const struct pixfmt *pf, const uint8_t *data, size_t len)
{
	uint8_t *copy = calloc(1, len + 8), stamp[STAMP_SIZE];
	const char *why = NULL;
	uint64_t sum = 0;

	memcpy(copy, data, len);
	if (!cut_stamp(pf, copy, len, stamp) ||
	    bytes_le32(stamp + 52) != crc32_iscsi(stamp, 52, ~0u))
		why = "a damaged stamp";
	for (size_t i = 0; i < (len + 7) / 8; i++)
		sum += bytes_le64(copy + 8 * i) * (2 * i + 1);
	if (!why && sum != bytes_le64(stamp + 40))
		why = "not the picture that was loaded";
	free(copy);
	return why;
}

static int read_stamp(const struct pixfmt *pf, const struct source_format *f,
		      const struct source_buffer *b, const uint8_t *plane, struct rack_stamp *s)
{
	switch (pf->codec) {
	case PIXFMT_CODEC_MJPEG: return rack_stamp_read_jpeg(plane, b->plane[0].bytesused, s);
	case PIXFMT_CODEC_H264: return rack_stamp_read_h264(plane, b->plane[0].bytesused, s);
	default: return rack_stamp_read_raw(pf, plane, f->plane_size[0], f->stride[0], f->width, s);
	}
}

const char *probe_picture_wrong(const char *name, const struct source_format *f,
				const struct source_buffer *b, const struct slab_slot *slot)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);
	uint8_t stamp[STAMP_SIZE];
	struct rack_stamp s;
	int64_t off;

	if (read_stamp(pf, f, b, slot->plane[0], &s))
		return "no stamp";
	if (s.camera != rack_stamp_camera(name))
		return "another camera's picture";
	if (s.sequence != b->sequence)
		return "another frame's picture";
	off = s.mono_ns - b->mono_ns;
	/* A time that is seconds off, or that old, is replaced by the source. */
	if (off && llabs(s.mono_ns - monotime_now()) < NSEC_PER_SEC)
		return "another time";
	if (pf->codec != PIXFMT_RAW)
		return compressed_wrong(pf, slot->plane[0], b->plane[0].bytesused);
	for (unsigned i = 0; i < STAMP_SIZE; i++)
		stamp[i] = slot->plane[0][pf->luma_offset + i * pf->luma_step];
	if (bytes_le32(stamp + 52) != crc32_iscsi(stamp, 52, ~0u))
		return "a damaged stamp";
	if (bytes_le64(stamp + 40) != checksum(f, slot, pf->luma_step))
		return "not the picture that was drawn";
	return NULL;
}
