/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile bytes for everything that reads a store. The first byte of an input chooses:
 *
 *   0..9  one decoder: the rest is the structure, zeros behind it, its checksum made right
 *   10..  the reader and the verifier over a whole image: the rest is a list of patches,
 *         (place, offset, length, bytes), with checksums made right or not
 *
 * Checksums are made right because a fuzzer cannot guess them, and whoever forges a store can.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "capture/core/cleanup.h"
#include "storage/verify_impl.h"
#include "tests/unit/storage/image.h"

#define MODE_IMAGE  10u
#define PATCHES_MAX 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* --- decoders ------------------------------------------------------------------------------ */

static const struct image *sample(void)
{
	static struct image *im;

	if (!im) {
		im = image_sample();
		image_checkpoint(im, true);
	}
	return im;
}

static void end_block(uint8_t *b)
{
	bytes_put_le32(b + DISK_BLOCK - 4, format_crc32c(0, b, DISK_BLOCK - 4));
}

/* What decodes must encode to something that decodes, and to the same again. */
#define TWICE(type, n, encode, decode)                                      \
	do {                                                                \
		struct type one, two;                                       \
		static uint8_t e1[n], e2[n];                                \
		const uint8_t *in = b;                                      \
                                                                            \
		if (decode(in, one))                                        \
			break;                                              \
		encode(e1, one);                                            \
		in = e1;                                                    \
		must(!decode(in, two), "what was encoded does not decode"); \
		encode(e2, two);                                            \
		must(!memcmp(e1, e2, sizeof(e1)), "encodings differ");      \
	} while (0)

static void decode_blocks(unsigned mode, uint8_t *b)
{
	const struct format_super *s = &sample()->super;
	uint32_t index = b[12] % s->segments;

	end_block(b);
	switch (mode) {
#define ENC(e, v) format_super_encode(e, &(v))
#define DEC(e, v) format_super_decode(e, &(v), NULL)
	case 0: TWICE(format_super, DISK_BLOCK, ENC, DEC); break;
#undef ENC
#undef DEC
#define ENC(e, v) format_segment_encode(e, s, &(v))
#define DEC(e, v) format_segment_decode(e, s, index, &(v))
	case 1: TWICE(format_segment, DISK_BLOCK, ENC, DEC); break;
#undef ENC
#undef DEC
#define ENC(e, v) format_seal_encode(e, s, &(v))
#define DEC(e, v) format_seal_decode(e, s, index, &(v))
	case 2: TWICE(format_seal, DISK_BLOCK, ENC, DEC); break;
#undef ENC
#undef DEC
	case 3: {
		struct format_checkpoint c;

		if (!format_checkpoint_decode(b, s, &c))
			must(c.bytes <= s->area_bytes && c.segments == s->segments,
			     "a checkpoint larger than its area");
		break;
	}
	default: break;
	}
}

static void decode_entries(unsigned mode, const uint8_t *b)
{
	const struct format_super *s = &sample()->super;

	switch (mode) {
#define ENC(e, v) format_checkpoint_segment_encode(e, &(v))
#define DEC(e, v) format_checkpoint_segment_decode(e, s, &(v))
	case 4: TWICE(format_checkpoint_segment, DISK_CHECKPOINT_SEGMENT, ENC, DEC); break;
#undef ENC
#undef DEC
#define ENC(e, v) format_checkpoint_camera_encode(e, &(v))
#define DEC(e, v) format_checkpoint_camera_decode(e, &(v))
	case 5: TWICE(format_checkpoint_camera, DISK_CHECKPOINT_CAMERA, ENC, DEC); break;
#undef ENC
#undef DEC
#define ENC(e, v) format_checkpoint_boot_encode(e, &(v))
#define DEC(e, v) format_checkpoint_boot_decode(e, &(v))
	case 6: TWICE(format_checkpoint_boot, DISK_CHECKPOINT_BOOT, ENC, DEC); break;
#undef ENC
#undef DEC
#define ENC(e, v) format_seal_camera_encode(e, &(v))
#define DEC(e, v) format_seal_camera_decode(e, &(v))
	case 7: TWICE(format_seal_camera, DISK_SEAL_CAMERA, ENC, DEC); break;
#undef ENC
#undef DEC
	default: break;
	}
}

/* Record headers one after another, in memory of their exact size. */
static void decode_records(const uint8_t *data, size_t size)
{
	CLEANUP_FREE uint8_t *p = malloc(size ? size : 1);
	size_t at = 0, used;
	struct format_record rec;

	must(p != NULL, "memory");
	memcpy(p, data, size);
	while (!format_record_decode(p + at, size - at, DISK_BLOCK, IMAGE_SEGMENT_BYTES, &rec,
				     &used)) {
		struct record shown;

		must(used >= DISK_RECORD_HEAD && used <= size - at,
		     "a header longer than it can be");
		must(rec.payload_offset >= DISK_BLOCK &&
			     rec.payload_bytes <= IMAGE_SEGMENT_BYTES - rec.payload_offset,
		     "a payload out of bounds");
		format_record_show(&rec, &shown);
		at += used;
	}
}

static void decode_chunk(uint8_t *b)
{
	const struct format_super *s = &sample()->super;
	struct format_segment h = {.nonce = bytes_le64(b + 8), .sequence = bytes_le64(b + 16)};
	struct format_chunk c;
	uint32_t end = bytes_le32(b + 24) + bytes_le32(b + 4);

	if (!format_chunk_decode(b, s, &h, end, &c))
		must(c.start >= DISK_BLOCK && c.bytes <= IMAGE_SEGMENT_BYTES &&
			     c.start + c.bytes <= IMAGE_SEGMENT_BYTES - DISK_BLOCK &&
			     c.heads_bytes <= c.bytes - DISK_CHUNK_TRAILER,
		     "a chunk out of bounds");
}

/* --- reader and verifier over an image ----------------------------------------------------- */

enum place_kind { PLACE_BLOCK, PLACE_CHUNKS, PLACE_SECTIONS, PLACE_TABLES };
struct place {
	enum place_kind kind;
	uint64_t offset;
	uint32_t len;
	uint64_t block; /* of the block that holds its checksum */
};

struct ram {
	struct storage_io io;
	uint8_t *bytes, *pristine;
	struct place place[40];
	unsigned places;
};

static int ram_read(struct storage_io *io, void *buf, size_t len, uint64_t offset)
{
	struct ram *ram = container_of(io, struct ram, io);

	if (offset > io->size || len > io->size - offset)
		return -ENODATA;
	memcpy(buf, ram->bytes + offset, len);
	return 0;
}

static int ram_open(void *ctx, const char *path, unsigned flags, struct reactor *r,
		    struct storage_io **out, struct errmsg *em)
{
	(void)path;
	(void)flags;
	(void)r;
	(void)em;
	*out = &((struct ram *)ctx)->io;
	return 0;
}

static void ram_close(struct storage_io *io)
{
	(void)io;
}

static pid_t ram_holder(struct storage_io *io)
{
	(void)io;
	return 0;
}

static const struct storage_io_ops ram_ops = {
	.open = ram_open, .close = ram_close, .read = ram_read, .holder = ram_holder};

static void add_place(struct ram *ram, enum place_kind kind, uint64_t offset, uint32_t len,
		      uint64_t block)
{
	ram->place[ram->places++] =
		(struct place){.kind = kind, .offset = offset, .len = len, .block = block};
}

static struct ram *make_ram(void)
{
	static struct ram ram;
	const struct image *im = sample();

	if (ram.bytes)
		return &ram;
	ram.io = (struct storage_io){
		.ops = &ram_ops, .size = im->super.volume_bytes, .align = 1, .direct = false};
	ram.pristine = im->bytes;
	ram.bytes = malloc(im->super.volume_bytes);
	must(ram.bytes != NULL, "memory");
	memcpy(ram.bytes, im->bytes, im->super.volume_bytes);
	add_place(&ram, PLACE_BLOCK, DISK_SUPER_A, DISK_BLOCK, DISK_SUPER_A);
	add_place(&ram, PLACE_BLOCK, DISK_SUPER_B, DISK_BLOCK, DISK_SUPER_B);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = im->super.area_offset[i];

		add_place(&ram, PLACE_BLOCK, at, DISK_BLOCK, at);
		add_place(&ram, PLACE_TABLES, at + DISK_BLOCK,
			  (uint32_t)bytes_le64(im->bytes + at + 56) - DISK_BLOCK, at);
	}
	for (uint32_t i = 0; i < 6; i++) {
		uint64_t at = format_segment_offset(&im->super, i);
		uint32_t last = IMAGE_SEGMENT_BYTES - DISK_BLOCK;
		uint32_t end = im->table[i].end ? im->table[i].end : 2 * DISK_BLOCK;
		uint32_t start =
			im->table[i].seal_start ? im->table[i].seal_start : last - DISK_BLOCK;

		add_place(&ram, PLACE_BLOCK, at, DISK_BLOCK, at);
		add_place(&ram, PLACE_CHUNKS, at + DISK_BLOCK, end - DISK_BLOCK, 0);
		add_place(&ram, PLACE_SECTIONS, at + start, last - start, at + last);
		add_place(&ram, PLACE_BLOCK, at + last, DISK_BLOCK, at + last);
	}
	return &ram;
}

/* Every trailer in the place gets the checksum of what stands before it. */
static void fix_chunks(struct ram *ram, const struct place *p)
{
	for (uint32_t at = DISK_BLOCK; at <= p->len; at += DISK_BLOCK) {
		uint8_t *t = ram->bytes + p->offset + at - DISK_CHUNK_TRAILER;
		uint32_t heads = bytes_le32(t + 28);

		if (bytes_le32(t) != UINT32_C(0x4b434c4d) || heads > at - DISK_CHUNK_TRAILER)
			continue;
		uint32_t crc = format_crc32c(0, t - heads, heads);

		bytes_put_le32(t + 60, format_crc32c(crc, t, 60));
	}
}

static void fix_sections(struct ram *ram, const struct place *p)
{
	uint8_t *b = ram->bytes + p->block;
	uint64_t segment = p->block + DISK_BLOCK - IMAGE_SEGMENT_BYTES;

	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		uint8_t *e = b + 152 + (size_t)i * 16;
		uint32_t offset = bytes_le32(e), bytes = bytes_le32(e + 4);

		if (offset < IMAGE_SEGMENT_BYTES && bytes < IMAGE_SEGMENT_BYTES - offset)
			bytes_put_le32(e + 12,
				       format_crc32c(0, ram->bytes + segment + offset, bytes));
	}
	end_block(b);
}

static void fix_tables(struct ram *ram, const struct place *p)
{
	uint8_t *b = ram->bytes + p->block;
	uint64_t bytes = bytes_le64(b + 56);

	if (bytes >= DISK_BLOCK && bytes <= sample()->super.area_bytes)
		bytes_put_le32(b + 84, format_crc32c(0, b + DISK_BLOCK, bytes - DISK_BLOCK));
	end_block(b);
}

static void fix(struct ram *ram, const struct place *p)
{
	switch (p->kind) {
	case PLACE_BLOCK: end_block(ram->bytes + p->block); break;
	case PLACE_CHUNKS: fix_chunks(ram, p); break;
	case PLACE_SECTIONS: fix_sections(ram, p); break;
	case PLACE_TABLES: fix_tables(ram, p); break;
	}
}

static void read_all(struct ram *ram)
{
	const struct reader_query q = {.camera_id = RECORD_ANY_CAMERA,
				       .kinds = RECORD_MASK_ALL,
				       .from_utc_ns = 1,
				       .to_utc_ns = INT64_MAX};
	struct reader_cursor *c = NULL;
	struct reader *r = NULL;
	struct reader_info info;
	struct errmsg em;
	struct record rec;
	uint64_t position = 0, n = 0;

	if (reader_open_io(&r, "fuzz", &ram_ops, ram, &em))
		return;
	reader_info(r, &info);
	for (size_t i = 0; i < reader_camera_count(r); i++)
		must(reader_camera_at(r, i).name[0] != 0, "a camera without a name");
	must(!reader_cursor_open(&c, r, &q, &em), "a cursor");
	while (reader_cursor_next(c, &rec) == 1) {
		must(rec.position > position, "records out of order");
		position = rec.position;
		must(++n < 100000, "more records than fit");
		if (!reader_cursor_load(c, &rec) && rec.payload_bytes)
			must(format_crc32c(0, rec.payload, rec.payload_bytes) != 1, "readable");
	}
	if (reader_refresh(r) == 0)
		must(reader_cursor_next(c, &rec) >= -4095, "an errno");
	reader_cursor_close(c);
	reader_close(r);
}

static void run_image(const uint8_t *p, size_t left)
{
	struct ram *ram = make_ram();
	const struct place *touched[PATCHES_MAX];
	unsigned n = 0;
	struct verify_result res;
	struct errmsg em;

	while (left >= 5 && n < PATCHES_MAX) {
		const struct place *at = &ram->place[(p[0] & 0x7f) % ram->places];
		bool right = p[0] & 0x80;
		uint32_t offset = bytes_le32(p + 1) & 0xffffff, len = p[4];

		p += 5;
		left -= 5;
		if (len > left)
			len = (uint32_t)left;
		offset %= at->len;
		uint32_t take = len < at->len - offset ? len : at->len - offset;

		memcpy(ram->bytes + at->offset + offset, p, take);
		p += len;
		left -= len;
		touched[n++] = at;
		if (right)
			fix(ram, at);
	}
	read_all(ram);
	int err = verify_store_io("fuzz", &ram_ops, ram, NULL, &res, &em);

	must(err <= 0, "an errno");
	for (unsigned i = 0; i < n; i++) {
		memcpy(ram->bytes + touched[i]->offset, ram->pristine + touched[i]->offset,
		       touched[i]->len);
		memcpy(ram->bytes + touched[i]->block, ram->pristine + touched[i]->block,
		       DISK_BLOCK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t block[DISK_BLOCK];

	if (!size)
		return 0;
	unsigned mode = data[0];

	data++;
	size--;
	if (mode >= MODE_IMAGE) {
		run_image(data, size);
		return 0;
	}
	memset(block, 0, sizeof(block));
	memcpy(block, data, size < sizeof(block) ? size : sizeof(block));
	if (mode < 4)
		decode_blocks(mode, block);
	else if (mode < 8)
		decode_entries(mode, block);
	else if (mode == 8)
		decode_records(data, size);
	else
		decode_chunk(block);
	return 0;
}
