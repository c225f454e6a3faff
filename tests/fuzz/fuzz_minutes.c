/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Minute maps from hostile bytes: the input is the payload of a record of minute maps in an
 * otherwise whole store, with its checksums put right, so that every number in it is believed to
 * be a writer's. Reading it must end, stay inside it and hide no motion record that it does not
 * itself claim to cover.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "storage/format_minutes.h"
#include "storage/reader_impl.h"
#include "storage/reader_minutes.h"
#include "tests/unit/storage/image.h"

#define PAYLOAD_MAX 8192u

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Checksums of the tables and of every group that lies in the payload. */
static void put_right(uint8_t *p, uint32_t bytes, struct format_minutes_ref *ref)
{
	struct format_minutes m;

	memcpy(p, "MLMINUTE", 8);
	bytes_put_le32(p + 8, bytes_le32(p + 8) % 8);
	bytes_put_le32(p + 12, bytes_le32(p + 12) % 18);
	bytes_put_le32(p + 16, bytes_le32(p + 16) % 8);
	ref->bytes = bytes;
	ref->tables_bytes =
		format_minutes_tables(bytes_le32(p + 8), bytes_le32(p + 12), bytes_le32(p + 16));
	bytes_put_le32(p + 20, ref->tables_bytes);
	if (format_minutes_decode(p, ref, &m))
		return;
	for (uint32_t i = 0; i < m.groups; i++) {
		uint8_t *at = p + format_minutes_groups_at(&m) + (size_t)i * DISK_MINUTES_GROUP;
		struct format_minutes_group g;

		if (!format_minutes_group_decode(at, &m, bytes, &g))
			bytes_put_le32(at + 20, format_crc32c(0, p + g.offset, g.bytes));
	}
	format_minutes_encode(p, &m);
}

/* The store, made once: the record's payload lies at `payload` of the disk's image; readers take it
 * from there, by what the seal says, and not from the copy in the seal. */
static struct store {
	struct image *im;
	struct simdisk *disk;
	uint8_t *payload, *seal;
	uint64_t position;
} store;

static void make(void)
{
	static const uint8_t zeros[PAYLOAD_MAX];
	struct image *im = image_new();
	uint32_t at = 0;

	for (uint32_t i = 0; i < 5; i++) {
		image_segment(im, i, i + 1, 1);
		image_camera(im, 1, "gate-01");
		image_motion(im, 1, (int64_t)i * 100 * NSEC_PER_SEC);
		if (i == 3) {
			image_add(im, (struct format_record){.kind = DISK_RECORD_MINUTES}, zeros,
				  PAYLOAD_MAX);
			at = im->record[im->records - 1].rec.payload_offset;
			store.position = format_position(&im->super, im->header.sequence, at);
		}
		image_chunk(im, false);
		if (i < 4)
			image_seal(im);
	}
	image_checkpoint(im, false);
	store.im = im;
	store.disk = image_disk(im);
	uint8_t *segment = simdisk_image(store.disk) + format_segment_offset(&im->super, 3);

	store.payload = segment + at;
	store.seal = segment + im->super.segment_bytes - DISK_BLOCK;
}

/* The seal names the record. */
static void name_it(const struct format_minutes_ref *ref)
{
	struct format_seal f;

	must(!format_seal_decode(store.seal, &store.im->super, 3, &f));
	f.minutes = *ref;
	format_seal_encode(store.seal, &store.im->super, &f);
}

static void read_it(struct simdisk *disk)
{
	const struct reader_query q = {.camera_id = RECORD_ANY_CAMERA,
				       .kinds = RECORD_MASK(RECORD_MOTION),
				       .to_utc_ns = INT64_MAX};
	struct reader_minutes_cost cost;
	struct reader_minutes *m;
	struct reader_minute minute;
	struct reader_cursor *c;
	struct reader *r;
	struct record rec;
	struct errmsg em;
	uint64_t n = 0;

	must(!reader_open_io(&r, "fuzz", &simdisk_io, disk, &em));
	must(!reader_minutes_open(&m, r, &q, &em));
	while (reader_minutes_next(m, &minute) > 0) {
		must(++n < PAYLOAD_MAX);
		uint32_t sum = 0; /* whatever is there can be read */

		for (uint32_t i = 0; i < minute.bit_bytes; i++)
			sum += minute.bits[i];
		must(sum <= 255 * minute.bit_bytes);
		if (minute.moved % 2)
			reader_minutes_want(m);
	}
	must(!reader_cursor_open(&c, r, &q, &em));
	reader_cursor_narrow(c, m);
	for (n = 0; reader_cursor_next(c, &rec) > 0;)
		n++;
	reader_minutes_cost(m, &cost);
	must(n + cost.covered >= 5 && cost.wanted <= cost.covered);
	reader_cursor_close(c);
	reader_minutes_close(m);
	reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct format_minutes_ref ref = {0};
	uint32_t bytes = size < DISK_MINUTES_HEAD ? DISK_MINUTES_HEAD
			 : size > PAYLOAD_MAX     ? PAYLOAD_MAX
						  : (uint32_t)size;

	if (!store.disk)
		make();
	memset(store.payload, 0, bytes);
	memcpy(store.payload, data, size < bytes ? size : bytes);
	put_right(store.payload, bytes, &ref);
	ref.position = store.position;
	name_it(&ref);
	read_it(store.disk);
	return 0;
}
