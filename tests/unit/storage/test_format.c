/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every structure comes back as it was put, every flipped bit of a checksummed block is found, and
 * a hostile number behind a right checksum is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "capture/core/frame.h"
#include "storage/disk_format.h"

static struct format_super make_super(void)
{
	struct format_super s;
	uint64_t need;

	assert_int_equal(format_layout(UINT64_C(64) << 20, 1 << 20, &s, &need), 0);
	memset(s.store_uuid, 0x11, 16);
	memset(s.volume_uuid, 0x22, 16);
	s.created_utc_ns = 1234567890;
	return s;
}

static void test_crc(void **state)
{
	static const uint8_t zeros[32];

	assert_int_equal(format_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(format_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(format_crc32c(format_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	assert_int_equal(format_crc32c(0, zeros, 0), 0);
}

static void reseal(uint8_t *b)
{
	bytes_put_le32(b + DISK_BLOCK - 4, format_crc32c(0, b, DISK_BLOCK - 4));
}

enum block { SUPER, SEGMENT, SEAL, CHECKPOINT };

static int decode(enum block kind, const uint8_t *b, const struct format_super *s)
{
	struct format_super super;
	struct format_segment h;
	struct format_seal f;
	struct format_checkpoint c;

	switch (kind) {
	case SUPER: return format_super_decode(b, &super, NULL);
	case SEGMENT: return format_segment_decode(b, s, 3, &h);
	case SEAL: return format_seal_decode(b, s, 3, &f);
	default: return format_checkpoint_decode(b, s, &c);
	}
}

static void encode(enum block kind, uint8_t *b, const struct format_super *s)
{
	const struct format_segment h = {.sequence = 7,
					 .nonce = 99,
					 .index = 3,
					 .next = 4,
					 .boot = 1,
					 .clock = {.mono_ns = 5, .utc_ns = 6, .error_us = 7},
					 .prev_sequence = 6,
					 .prev_nonce = 98,
					 .prev_end = 8192};
	struct format_seal f = {.sequence = 7,
				.nonce = 99,
				.index = 3,
				.next = 4,
				.boot = 1,
				.end = 8192,
				.seal_start = 1040384,
				.records = 3,
				.chunks = 1};
	struct format_checkpoint c = {.generation = 3,
				      .head = 2,
				      .next = 3,
				      .last_sequence = 9,
				      .segments = s->segments,
				      .cameras = 2,
				      .boots = 1};
	const uint32_t bytes[] = {128, 64, 128}, count[] = {1, 1, 2};
	uint32_t at = f.seal_start;

	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		f.section[i].offset = at;
		f.section[i].bytes = bytes[i];
		f.section[i].count = count[i];
		at += bytes[i];
	}
	c.bytes = format_checkpoint_bytes(&c);
	uint8_t *whole = calloc(1, c.bytes);

	assert_non_null(whole);
	switch (kind) {
	case SUPER: format_super_encode(b, s); break;
	case SEGMENT: format_segment_encode(b, s, &h); break;
	case SEAL: format_seal_encode(b, s, &f); break;
	case CHECKPOINT:
		format_checkpoint_encode(whole, s, &c);
		memcpy(b, whole, DISK_BLOCK);
		break;
	}
	free(whole);
}

static void test_every_bit_counts(void **state)
{
	const struct format_super s = make_super();
	uint8_t b[DISK_BLOCK];

	for (enum block kind = SUPER; kind <= CHECKPOINT; kind++) {
		encode(kind, b, &s);
		assert_int_equal(decode(kind, b, &s), 0);
		for (size_t bit = 0; bit < 8 * DISK_BLOCK; bit++) {
			b[bit / 8] ^= 1u << (bit % 8);
			assert_int_equal(decode(kind, b, &s), -EBADMSG);
			b[bit / 8] ^= 1u << (bit % 8);
		}
	}
}

struct hostile {
	enum block kind;
	unsigned at, bytes;
	uint64_t value;
};

static void test_hostile_fields(void **state)
{
	static const struct hostile cases[] = {
		{SUPER, 12, 4, 512}, /* block size */
		{SUPER, 72, 4, 1},   /* volume index at the count */
		{SUPER, 76, 4, 0},   /* no volume */
		{SUPER, 76, 4, 257},
		{SUPER, 80, 4, 1}, /* all parity */
		{SUPER, 84, 4, 0}, /* segment size */
		{SUPER, 84, 4, 3 << 20},
		{SUPER, 84, 4, UINT32_C(1) << 31},
		{SUPER, 88, 4, 3}, /* segments */
		{SUPER, 88, 4, 1 << 21},
		{SUPER, 88, 4, 64}, /* more than fit */
		{SUPER, 92, 4, 0},  /* cameras */
		{SUPER, 92, 4, 65536},
		{SUPER, 96, 8, 1 << 20}, /* volume shorter than its segments */
		{SUPER, 96, 8, UINT64_MAX},
		{SUPER, 104, 8, 4097}, /* segments: not on a block */
		{SUPER, 104, 8, UINT64_MAX - 4095},
		{SUPER, 112, 8, 0},       /* areas: over the superblock */
		{SUPER, 120, 8, 1 << 20}, /* over one another */
		{SUPER, 128, 8, 4096},    /* too small */
		{SUPER, 128, 8, UINT64_MAX - 4095},
		{SEGMENT, 12, 4, 4}, /* of another place */
		{SEGMENT, 16, 1, 0}, /* of another store */
		{SEGMENT, 32, 8, 0}, /* sequence */
		{SEGMENT, 32, 8, UINT64_MAX},
		{SEGMENT, 32, 8, 6}, /* not behind the one before */
		{SEGMENT, 40, 8, 0}, /* nonce */
		{SEGMENT, 48, 4, 3}, /* next is itself */
		{SEGMENT, 48, 4, 5000},
		{SEGMENT, 52, 4, 0},  /* boot */
		{SEGMENT, 96, 8, 0},  /* an end without a segment before */
		{SEGMENT, 112, 4, 0}, /* ends */
		{SEGMENT, 112, 4, 8193},
		{SEGMENT, 112, 4, 1 << 20},
		{SEGMENT, 116, 4, 2 << 20}, /* segment size */
		{SEAL, 12, 4, 2},
		{SEAL, 32, 8, 0},
		{SEAL, 40, 8, 0},
		{SEAL, 48, 4, 3},
		{SEAL, 52, 4, 0},
		{SEAL, 72, 4, 0}, /* end */
		{SEAL, 72, 4, 100},
		{SEAL, 72, 4, 1044480}, /* behind the seal's start */
		{SEAL, 76, 4, 4096},    /* seal over the log */
		{SEAL, 76, 4, UINT32_MAX - 4095},
		{SEAL, 80, 4, 4},     /* records that are not there */
		{SEAL, 84, 4, 3},     /* more chunks than blocks */
		{SEAL, 152, 4, 4096}, /* sections: before the seal, not aligned, too long */
		{SEAL, 168, 4, 1040385},
		{SEAL, 172, 4, UINT32_MAX - 7},
		{SEAL, 184, 4, 1040384},
		{SEAL, 160, 4, 2}, /* cameras that do not fill their section */
		{SEAL, 192, 4, UINT32_MAX},
		{CHECKPOINT, 12, 4, 5000}, /* head */
		{CHECKPOINT, 56, 8, 4096}, /* length */
		{CHECKPOINT, 56, 8, UINT64_MAX},
		{CHECKPOINT, 64, 4, 5000}, /* next */
		{CHECKPOINT, 68, 4, 1},    /* tables */
		{CHECKPOINT, 68, 4, UINT32_MAX},
		{CHECKPOINT, 72, 4, UINT32_MAX},
		{CHECKPOINT, 76, 4, 4097},
		{CHECKPOINT, 80, 4, 2},
		{CHECKPOINT, 40, 8, UINT64_MAX},
	};
	const struct format_super s = make_super();
	uint8_t b[DISK_BLOCK];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		encode(cases[i].kind, b, &s);
		for (unsigned k = 0; k < cases[i].bytes; k++)
			b[cases[i].at + k] = (uint8_t)(cases[i].value >> (8 * k));
		reseal(b);
		if (decode(cases[i].kind, b, &s) != -EBADMSG)
			fail_msg("case %zu (block %u, offset %u) passed", i, cases[i].kind,
				 cases[i].at);
	}
	for (enum block kind = SUPER; kind <= CHECKPOINT; kind++) {
		encode(kind, b, &s);
		b[8] = 2;
		reseal(b);
		assert_int_equal(decode(kind, b, &s), -EPROTO);
	}
}

static struct format_record make_record(uint8_t kind)
{
	struct format_record r;

	memset(&r, 0, sizeof(r));
	r.kind = kind;
	r.camera_id = 5;
	r.mono_ns = -77;
	r.payload_offset = 4096;
	r.payload_bytes = 64;
	r.payload_crc = 0xdeadbeef;
	switch (kind) {
	case RECORD_FRAME:
		r.frame.sequence = 1;
		r.frame.flags = FRAME_KEY;
		r.frame.fourcc = PIXFMT_NM12;
		r.frame.width = 1920;
		r.frame.height = 1080;
		r.frame.nplanes = 2;
		r.frame.plane[0].bytes = 40;
		r.frame.plane[0].stride = 8;
		r.frame.plane[1].offset = 40;
		r.frame.plane[1].bytes = 24;
		break;
	case RECORD_LOSS:
		r.payload_bytes = 0;
		r.loss = (struct loss){.camera_id = 5,
				       .cause = LOSS_NO_SLOT,
				       .count = UINT64_MAX,
				       .first_mono_ns = -9,
				       .last_mono_ns = 9,
				       .estimated = true};
		break;
	case RECORD_MOTION:
		r.motion = (struct record_motion){
			.cols = 32, .rows = 16, .cell_px = 8, .moved = 9, .level = 1000};
		break;
	case RECORD_EVENT:
		r.event = (struct record_event){.phase = RECORD_EVENT_END,
						.what = RECORD_EVENT_BLINDED,
						.number = 12,
						.cols = 32,
						.rows = 16};
		break;
	case RECORD_CLOCK:
		r.payload_bytes = 0;
		r.clock_sample.utc_ns = INT64_MAX;
		r.clock_sample.synchronised = true;
		break;
	default: break;
	}
	return r;
}

static void test_records_come_back(void **state)
{
	for (unsigned kind = RECORD_FRAME; kind <= RECORD_CAMERA; kind++) {
		const struct format_record r = make_record((uint8_t)kind);
		struct format_record back;
		uint8_t a[DISK_RECORD_HEAD_MAX], b[DISK_RECORD_HEAD_MAX];
		size_t used, n = format_record_encode(a, &r);

		assert_int_equal(n, format_record_bytes(&r));
		assert_int_equal(format_record_decode(a, n, 4096, 8192, &back, &used), 0);
		assert_int_equal(used, n);
		assert_int_equal(back.mono_ns, r.mono_ns);
		assert_int_equal(format_record_encode(b, &back), n);
		assert_memory_equal(a, b, n);
		/* Never reads past what is there. */
		for (size_t len = 0; len < n; len++)
			assert_int_equal(format_record_decode(a, len, 4096, 8192, &back, &used),
					 -EBADMSG);
		/* The payload must lie where payloads are. */
		assert_int_equal(format_record_decode(a, n, 4104, 8192, &back, &used), -EBADMSG);
		if (r.payload_bytes)
			assert_int_equal(format_record_decode(a, n, 4096, 4159, &back, &used),
					 -EBADMSG);
	}
}

static void refused(uint8_t kind, unsigned at, unsigned bytes, uint64_t value)
{
	const struct format_record r = make_record(kind);
	struct format_record back;
	uint8_t a[DISK_RECORD_HEAD_MAX];
	size_t used, n = format_record_encode(a, &r);

	for (unsigned k = 0; k < bytes; k++)
		a[at + k] = (uint8_t)(value >> (8 * k));
	if (format_record_decode(a, n, 4096, 8192, &back, &used) != -EBADMSG)
		fail_msg("kind %u, offset %u: passed", kind, at);
}

static void test_hostile_records(void **state)
{
	for (unsigned kind = RECORD_FRAME; kind <= RECORD_CAMERA; kind++) {
		refused((uint8_t)kind, 0, 2, 0);
		refused((uint8_t)kind, 0, 2, 36);
		refused((uint8_t)kind, 0, 2, 65528);
		refused((uint8_t)kind, 4, 4, 65536);
		refused((uint8_t)kind, 16, 4, 4097);
		refused((uint8_t)kind, 16, 4, 4088);
		refused((uint8_t)kind, 16, 4, UINT32_MAX - 7);
		refused((uint8_t)kind, 20, 4, UINT32_MAX);
	}
	refused(RECORD_NOTE, 2, 1, 0);
	refused(RECORD_FRAME, 4, 4, 0);  /* no camera */
	refused(RECORD_FRAME, 48, 4, 0); /* planes */
	refused(RECORD_FRAME, 48, 4, 5);
	refused(RECORD_FRAME, 48, 4, 4); /* more than the header holds */
	refused(RECORD_FRAME, 52, 4, 65);
	refused(RECORD_FRAME, 56, 4, UINT32_MAX);
	refused(RECORD_LOSS, 20, 4, 8);
	refused(RECORD_LOSS, 32, 4, 0);
	refused(RECORD_LOSS, 32, 4, 256);
	refused(RECORD_MOTION, 36, 2, 65535);
	refused(RECORD_MOTION, 38, 2, 17);
	refused(RECORD_EVENT, 32, 4, 3);
	refused(RECORD_EVENT, 88, 2, 0);
	refused(RECORD_CLOCK, 20, 4, 8);
	refused(RECORD_CAMERA, 4, 4, 0);
	refused(RECORD_CAMERA, 20, 4, 0);
	refused(RECORD_CAMERA, 20, 4, 65);
}

static void test_chunk(void **state)
{
	const struct format_super s = make_super();
	const struct format_segment h = {.sequence = 7, .nonce = 99, .index = 3};
	const struct format_record r = make_record(RECORD_FRAME);
	uint8_t tail[DISK_RECORD_HEAD_MAX + DISK_CHUNK_TRAILER];
	size_t heads = format_record_encode(tail, &r);
	const struct format_chunk c = {.nonce = 99,
				       .sequence = 7,
				       .start = 8192,
				       .bytes = 12288,
				       .heads_bytes = (uint32_t)heads,
				       .records = 1,
				       .flags = FORMAT_CHUNK_DIRECT};
	struct format_chunk back;
	uint8_t *t = tail + heads;

	format_chunk_encode(t, &c, tail);
	assert_int_equal(format_chunk_decode(t, &s, &h, 20480, &back), 0);
	assert_int_equal(format_chunk_check(&back, tail), 0);
	assert_int_equal(format_chunk_decode(t, &s, &h, 16384, &back), -EBADMSG);
	for (size_t bit = 0; bit < 8 * (heads + DISK_CHUNK_TRAILER); bit++) {
		tail[bit / 8] ^= 1u << (bit % 8);
		/* With the right length at hand the checksum finds what the first look lets by. */
		assert_true(format_chunk_decode(t, &s, &h, 20480, &back) ||
			    back.heads_bytes != heads || format_chunk_check(&back, tail));
		tail[bit / 8] ^= 1u << (bit % 8);
	}
	const struct format_segment other = {.sequence = 7, .nonce = 98, .index = 3};

	assert_int_equal(format_chunk_decode(t, &s, &other, 20480, &back), -EBADMSG);
}

static void test_layouts(void **state)
{
	uint8_t b[DISK_BLOCK];

	for (unsigned shift = 20; shift < 50; shift++) {
		struct format_super s, back;
		uint64_t need = 0, bytes = (UINT64_C(1) << shift) + 4096 * 7;
		int err = format_layout(bytes, 0, &s, &need);

		if (err) {
			assert_int_equal(err, -ENOSPC);
			assert_true(need > bytes);
			assert_int_equal(format_layout(need, 0, &s, &need), 0);
		}
		format_super_encode(b, &s);
		assert_int_equal(format_super_decode(b, &back, NULL), 0);
		assert_int_equal(back.segments, s.segments);
	}
	struct format_super s;
	uint64_t need;

	assert_int_equal(format_layout(1 << 30, 12345, &s, &need), -EINVAL);
	assert_int_equal(format_layout(1 << 30, 1 << 19, &s, &need), -EINVAL);
	assert_int_equal(format_layout(UINT64_MAX, 1 << 20, &s, &need), -EINVAL);
}

static void test_names(void **state)
{
	char long_name[66];

	memset(long_name, 'a', 65);
	assert_true(format_camera_name_ok("gate-01", 7));
	assert_true(format_camera_name_ok(long_name, 64));
	assert_false(format_camera_name_ok(long_name, 65));
	assert_false(format_camera_name_ok("", 0));
	assert_false(format_camera_name_ok(".a", 2));
	assert_false(format_camera_name_ok("a/b", 3));
	assert_false(format_camera_name_ok("a\0b", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_hostile_fields),
		cmocka_unit_test(test_records_come_back),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_chunk),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
