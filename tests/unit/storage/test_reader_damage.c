/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader over images that are half-written, cut off, overwritten or damaged: what is not whole
 * is not shown, damage is named, and all the rest is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage/reader_impl.h"
#include "tests/unit/storage/image.h"
#include "tests/unit/storage/shown.h"

#define KIND(k) RECORD_MASK(RECORD_##k)

/* In the head, what is not whole yet is not there: a missing block, a flipped bit anywhere. */
static void shows_nothing_half_written(void **state)
{
	struct image *im = image_sample();
	size_t before;
	uint32_t start;

	(void)state;
	before = im->records;
	start = im->end;
	image_frame(im, 1, 500, 130 * NSEC_PER_SEC, 30000);
	image_chunk(im, true);
	image_frame(im, 1, 501, 131 * NSEC_PER_SEC, 3000);
	image_chunk(im, true);
	for (uint32_t at = start; at < start + 32768; at += 509) {
		struct simdisk *sd = image_disk(im);
		uint64_t offset = format_segment_offset(&im->super, 3) + at;

		simdisk_image(sd)[offset] ^= 0x10;
		shown_check_query(sd, &shown_everything, im, 0, before);
		simdisk_image(sd)[offset] ^= 0x10;
		shown_check_query(sd, &shown_everything, im, 0, im->records);
		simdisk_free(sd);
	}
	image_free(im);
}

static void cut_log_ends_at_the_cut(void **state)
{
	struct image *im = image_sample();
	uint32_t cut = im->end;
	size_t kept = im->records;

	(void)state;
	image_frame(im, 1, 900, 140 * NSEC_PER_SEC, 5000);
	image_chunk(im, true);
	size_t dropped = im->records;

	im->end = cut; /* its flush failed: the log goes on elsewhere */
	image_segment(im, 4, 5, 2);
	image_frame(im, 1, 901, 141 * NSEC_PER_SEC, 5000);
	image_chunk(im, true);
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_cursor *c = shown_cursor(r, &shown_everything);

	shown_check_cursor(c, &shown_everything, im, 0, kept);
	shown_check_cursor(c, &shown_everything, im, dropped, im->records);
	shown_check_end(c, 0, 0);
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

/* The next segment says the log left this one later than what can be read: it is not taken. */
static void hole_ends_the_log(void **state)
{
	struct image *im = image_sample();
	size_t kept = im->records;
	uint32_t hole = im->end;

	(void)state;
	image_frame(im, 1, 900, 140 * NSEC_PER_SEC, 5000);
	image_chunk(im, true);
	image_segment(im, 4, 5, 2);
	image_frame(im, 1, 901, 141 * NSEC_PER_SEC, 5000);
	image_chunk(im, true);
	memset(image_at(im, 3, hole), 0, 8192);
	struct simdisk *sd = image_disk(im);

	shown_check_query(sd, &shown_everything, im, 0, kept);
	simdisk_free(sd);
	image_free(im);
}

static void given_up_segment_is_gone(void **state)
{
	struct image *im = image_sample();

	(void)state;
	image_seal(im);
	image_segment(im, 4, 0, 2); /* gives up segment 0 */
	image_frame(im, 1, 900, 140 * NSEC_PER_SEC, 5000);
	image_chunk(im, true);
	size_t first = 0;

	while (im->record[first].segment == 0)
		first++;
	struct simdisk *sd = image_disk(im);

	shown_check_query(sd, &shown_everything, im, first, im->records);
	simdisk_free(sd);
	image_free(im);
}

/* Overwritten after the cursor saw it: stale, never damage, never other bytes. */
static void recycled_underfoot_is_stale(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_query q = shown_everything;
	struct reader_damage d;
	struct record rec;
	size_t n = 0;

	(void)state;
	q.kinds = KIND(FRAME);
	struct reader_cursor *c = shown_cursor(r, &q);

	assert_int_equal(reader_cursor_next(c, &rec), 1);
	image_seal(im);
	image_segment(im, 4, 0, 2);
	image_frame(im, 1, 900, 140 * NSEC_PER_SEC, 5000);
	image_chunk(im, true);
	image_segment(im, 0, 1, 2);
	image_frame(im, 1, 901, 141 * NSEC_PER_SEC, 500000);
	image_chunk(im, true);
	memcpy(simdisk_image(sd), im->bytes, simdisk_size(sd));
	assert_int_equal(reader_cursor_load(c, &rec), -ESTALE);
	reader_cursor_damage(c, &d);
	assert_int_equal(d.stale, 1);
	assert_int_equal(d.records + d.segments, 0);
	assert_int_equal(reader_refresh(r), 0);
	while (reader_cursor_next(c, &rec) == 1) {
		int err = reader_cursor_load(c, &rec);

		assert_true(err == 0 || err == -ESTALE);
		n += !err;
	}
	assert_true(n >= 8 + 2); /* segments 2 and 3 sealed, then 4 and the new 0 */
	reader_cursor_damage(c, &d);
	assert_int_equal(d.records + d.segments, 0);
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

static void damaged_payload_is_named_and_passed(void **state)
{
	struct image *im = image_sample();
	struct image_record *w = &im->record[6];
	struct reader_damage d;
	struct record rec;
	char want[64];

	(void)state;
	assert_int_equal(w->rec.kind, RECORD_FRAME);
	image_at(im, w->segment, w->rec.payload_offset)[100] ^= 1;
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_cursor *c = shown_cursor(r, &shown_everything);

	shown_check_cursor(c, &shown_everything, im, 0, 6);
	assert_int_equal(reader_cursor_next(c, &rec), 1);
	assert_int_equal(reader_cursor_load(c, &rec), -EBADMSG);
	shown_check_cursor(c, &shown_everything, im, 7, im->records);
	reader_cursor_damage(c, &d);
	assert_int_equal(d.records, 1);
	snprintf(want, sizeof(want), "offset %u:", w->rec.payload_offset);
	assert_non_null(strstr(d.first, want));
	assert_non_null(strstr(d.first, "segment 0 (sequence 1)"));
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

/* A seal that is damaged costs nothing but time: the chunks say the same. */
static void damaged_seal_falls_back_to_chunks(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct image *im = image_sample();
		uint32_t seal = IMAGE_SEGMENT_BYTES - DISK_BLOCK, start = im->table[1].seal_start;
		const uint32_t where[4] = {seal + 50, seal + 4092, start + 40, start + 700};

		image_at(im, 1, where[i])[0] ^= 0x40;
		struct simdisk *sd = image_disk(im);
		struct reader *r = shown_open(sd);
		struct reader_cursor *c = shown_cursor(r, &shown_everything);

		shown_check_cursor(c, &shown_everything, im, 0, im->records);
		shown_check_end(c, 0, 1);
		reader_cursor_close(c);
		reader_close(r);
		simdisk_free(sd);
		image_free(im);
	}
}

static void unreadable_blocks_cost_only_themselves(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_cursor *c = shown_cursor(r, &shown_everything);
	struct record rec;
	size_t loaded = 0, n = 0;

	(void)state;
	simdisk_set_unreadable(sd, format_segment_offset(&im->super, 1) + DISK_BLOCK, 4096);
	while (reader_cursor_next(c, &rec) == 1) {
		int err = reader_cursor_load(c, &rec);

		assert_true(err == 0 || err == -EBADMSG);
		loaded += !err;
		n++;
	}
	assert_int_equal(n, im->records);
	assert_in_range(loaded, im->records - 8, im->records - 1);
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

static void rebuilds_without_checkpoints(void **state)
{
	struct image *im = image_sample();
	struct reader_info info;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		im->bytes[im->super.area_offset[i] + 40] ^= 1;
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_cursor *c = shown_cursor(r, &shown_everything);

	shown_check_cursor(c, &shown_everything, im, 0, im->records);
	shown_check_end(c, 0, 1); /* named */
	assert_int_equal(reader_camera_count(r), 2);
	reader_info(r, &info);
	assert_int_equal(info.segments_used, 4);
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_nothing_half_written),
		cmocka_unit_test(cut_log_ends_at_the_cut),
		cmocka_unit_test(hole_ends_the_log),
		cmocka_unit_test(given_up_segment_is_gone),
		cmocka_unit_test(recycled_underfoot_is_stale),
		cmocka_unit_test(damaged_payload_is_named_and_passed),
		cmocka_unit_test(damaged_seal_falls_back_to_chunks),
		cmocka_unit_test(unreadable_blocks_cost_only_themselves),
		cmocka_unit_test(rebuilds_without_checkpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
