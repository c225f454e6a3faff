// SPDX-License-Identifier: GPL-2.0
/*
 * What is written into each picture so that a consumer can prove what it got: 40 bytes as rack:
 * cameras have it, then the checksum of the picture, 4 spare, and the CRC of all before.
 *
 * The checksum of a picture is the sum over its 64-bit little-endian words, plane after plane, of
 * word * (2 * index + 1), modulo 2^64; the stamp counts as zero, and so does what is missing in the
 * last word. It knows where each word belongs, and a change of a few words changes it by what those
 * words contribute.
 */
#include <linux/crc32c.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "compat.h"
#include "rack.h"

/* FNV-1a over the name, then the 64-bit finaliser of MurmurHash3, as rack: cameras do it. */
u64 rack_stamp_camera(const char *name)
{
	u64 h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (u8)*name) * 0x100000001b3ULL;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

static void encode(u8 b[RACK_STAMP_SIZE], const struct rack_stamp *stamp)
{
	memcpy(b, "RACKSTMP", 8);
	put_unaligned_le64(stamp->camera, b + 8);
	put_unaligned_le64(stamp->mono_ns, b + 16);
	put_unaligned_le64(stamp->frame, b + 24);
	put_unaligned_le32(stamp->sequence, b + 32);
	put_unaligned_le32(crc32c(~0, b, RACK_STAMP_SHARED - 4), b + RACK_STAMP_SHARED - 4);
	put_unaligned_le64(stamp->sum, b + RACK_STAMP_SHARED);
	put_unaligned_le32(0, b + RACK_STAMP_SHARED + 8);
	put_unaligned_le32(crc32c(~0, b, RACK_STAMP_SIZE - 4), b + RACK_STAMP_SIZE - 4);
}

void rack_stamp_write_raw(const struct rack_layout *l, u8 *luma, const struct rack_stamp *stamp)
{
	u8 b[RACK_STAMP_SIZE];
	u32 i;

	encode(b, stamp);
	for (i = 0; i < RACK_STAMP_SIZE; i++)
		luma[i * l->format->luma_step] = b[i];
}

/* The places are those of rack_uapi.h; rack_footage.c has seen to it that they are there. */
void rack_stamp_write_jpeg(u8 *area, const struct rack_stamp *stamp)
{
	u8 b[RACK_STAMP_SIZE];

	encode(b, stamp);
	memcpy(area + RACK_JPEG_FIRST, b, RACK_STAMP_SHARED);
	memcpy(area + RACK_JPEG_SECOND, b + RACK_STAMP_SHARED, RACK_STAMP_SIZE - RACK_STAMP_SHARED);
}

/* In digits: no byte of it can look like a start code. */
void rack_stamp_write_sei(u8 *area, const struct rack_stamp *stamp)
{
	u8 b[RACK_STAMP_SIZE];

	encode(b, stamp);
	bin2hex((char *)area + RACK_SEI_DIGITS, b, RACK_STAMP_SIZE);
}
