/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader over whole images made with the encoders alone: what is asked for is shown, byte for
 * byte, in order and dated, at no more cost than that takes; the rest is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/reader_impl.h"
#include "tests/unit/storage/image.h"
#include "tests/unit/storage/shown.h"

#define KIND(k) RECORD_MASK(RECORD_##k)

static void shows_everything_in_order(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);

	(void)state;
	shown_check_query(sd, &shown_everything, im, 0, im->records);
	simdisk_free(sd);
	image_free(im);
}

static void filters_by_camera_and_kind(void **state)
{
	static const unsigned kinds[] = {KIND(FRAME),
					 KIND(LOSS),
					 KIND(MOTION),
					 KIND(NOTE) | KIND(CLOCK),
					 KIND(FRAME) | KIND(LOSS),
					 KIND(CAMERA) | KIND(MOTION),
					 KIND(EVENT)};
	static const uint32_t cameras[] = {RECORD_ANY_CAMERA, 1, 2, 3, RECORD_NO_CAMERA};
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);

	(void)state;
	for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (unsigned i = 0; i < ARRAY_SIZE(cameras); i++) {
			struct reader_query q = shown_everything;

			q.kinds = kinds[k];
			q.camera_id = cameras[i];
			shown_check_query(sd, &q, im, 0, im->records);
		}
	}
	simdisk_free(sd);
	image_free(im);
}

static int64_t true_utc(const struct image_record *w, uint32_t boot)
{
	return IMAGE_EPOCH_NS + (boot - 1) * 500000 * NSEC_PER_SEC + w->rec.mono_ns;
}

/* All spans between records: exactly those inside are given, and dated right. */
static void filters_by_time(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);

	(void)state;
	for (size_t a = 0; a < im->records; a += 3) {
		struct reader_query q = shown_everything;
		size_t n = 0;

		q.from_utc_ns = true_utc(&im->record[a], im->record[a].segment < 2 ? 1 : 2);
		q.to_utc_ns = q.from_utc_ns + (int64_t)(a % 5) * 90 * NSEC_PER_SEC + 1;
		struct reader_cursor *c = shown_cursor(r, &q);

		for (size_t i = 0; i < im->records; i++) {
			struct image_record *w = &im->record[i];
			int64_t utc = true_utc(w, w->segment < 2 ? 1 : 2);
			struct record rec;

			if (utc < q.from_utc_ns || utc >= q.to_utc_ns)
				continue;
			assert_int_equal(reader_cursor_next(c, &rec), 1);
			shown_check_record(c, &rec, w);
			assert_true(rec.utc_ns == utc);
			assert_int_equal(rec.clock, RECORD_CLOCK_SYNCED);
			n++;
		}
		assert_true(n > 0);
		shown_check_end(c, 0, 0);
		reader_cursor_close(c);
	}
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

/* Segments out of range and kinds not asked for cost nothing to speak of. */
static void reads_only_what_it_needs(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_query q = shown_everything;
	struct reader_cost cost;
	struct record rec;

	(void)state;
	q.kinds = KIND(MOTION);
	struct reader_cursor *c = shown_cursor(r, &q);

	while (reader_cursor_next(c, &rec) == 1)
		assert_int_equal(reader_cursor_load(c, &rec), 0);
	reader_cursor_cost(c, &cost);
	/* A seal block and its small sections a segment; frames and chunks are not touched. */
	assert_in_range(cost.index_bytes, 3 * 2 * DISK_BLOCK, 3 * 3 * DISK_BLOCK);
	reader_cursor_close(c);
	q.from_utc_ns = IMAGE_EPOCH_NS - 1000 * NSEC_PER_SEC;
	q.to_utc_ns = IMAGE_EPOCH_NS - 500 * NSEC_PER_SEC;
	c = shown_cursor(r, &q);
	assert_int_equal(reader_cursor_next(c, &rec), 0);
	reader_cursor_cost(c, &cost);
	assert_int_equal(cost.index_bytes, 0);
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

static void knows_cameras_and_figures(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_info info;

	(void)state;
	assert_int_equal(reader_camera_count(r), 2);
	assert_string_equal(reader_camera_at(r, 0).name, "gate-01");
	assert_int_equal(reader_camera_id(r, "yard.02"), 2);
	assert_int_equal(reader_camera_id(r, "yard"), RECORD_NO_CAMERA);
	assert_string_equal(reader_camera_name(r, 1), "gate-01");
	assert_string_equal(reader_camera_name(r, 7), "");
	reader_info(r, &info);
	assert_int_equal(info.segments_used, 4);
	assert_int_equal(info.segment_bytes, IMAGE_SEGMENT_BYTES);
	assert_memory_equal(info.uuid, im->super.store_uuid, 16);
	assert_false(info.being_written);
	assert_in_range(info.oldest_utc_ns, IMAGE_EPOCH_NS, IMAGE_EPOCH_NS + 10 * NSEC_PER_SEC);
	assert_true(info.newest_utc_ns >= IMAGE_EPOCH_NS + INT64_C(500120) * NSEC_PER_SEC);
	assert_true(info.newest_utc_ns < IMAGE_EPOCH_NS + INT64_C(500125) * NSEC_PER_SEC);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

/* A writer at work: chunks, seals, segments and checkpoints appear between refreshes. */
static void follows_the_writer(void **state)
{
	struct image *im = image_new();
	size_t shown = 0;

	(void)state;
	image_checkpoint(im, false);
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_cursor *c = shown_cursor(r, &shown_everything);

	shown_check_end(c, 0, 0);
	for (uint32_t step = 0; step < 40; step++) {
		uint32_t segment = step / 8;

		if (step % 8 == 0 && step)
			image_seal(im);
		if (step % 8 == 0)
			image_segment(im, segment, segment + 1, 1);
		if (step == 21)
			image_checkpoint(im, false);
		image_frame(im, 1, step, step * NSEC_PER_SEC + 2, 500 + step);
		image_motion(im, 1, step * NSEC_PER_SEC + 2);
		image_chunk(im, false);
		if (step % 3 == 1)
			continue; /* some steps are taken in together */
		memcpy(simdisk_image(sd), im->bytes, simdisk_size(sd));
		assert_int_equal(reader_refresh(r), 0);
		shown_check_cursor(c, &shown_everything, im, shown, im->records);
		shown_check_end(c, 0, 0);
		shown = im->records;
	}
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

/* The box had no battery clock: 1970 until the network told the time. */
static void late_clock_dates_what_was_before(void **state)
{
	struct image *im = image_new();
	struct reader_query q = shown_everything;
	struct record rec;

	(void)state;
	image_checkpoint(im, false);
	image_segment(im, 0, 1, 1);
	im->header.clock.utc_ns = 5 * NSEC_PER_SEC;
	im->header.clock.synchronised = false;
	im->clock = im->header.clock;
	format_segment_encode(image_at(im, 0, 0), &im->super, &im->header);
	image_frame(im, 1, 0, 2 * NSEC_PER_SEC, 500);
	image_chunk(im, false);
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_cursor *c = shown_cursor(r, &q);

	assert_int_equal(reader_cursor_next(c, &rec), 1);
	assert_int_equal(rec.clock, RECORD_CLOCK_FREE);
	assert_true(rec.utc_ns == 6 * NSEC_PER_SEC);
	reader_cursor_close(c);
	image_seal(im);
	image_segment(im, 1, 2, 1);
	im->clock = (struct format_clock){0};
	image_clock(im, 60 * NSEC_PER_SEC, IMAGE_EPOCH_NS + 60 * NSEC_PER_SEC, true);
	image_chunk(im, false);
	memcpy(simdisk_image(sd), im->bytes, simdisk_size(sd));
	assert_int_equal(reader_refresh(r), 0);
	q.kinds = KIND(FRAME);
	q.from_utc_ns = IMAGE_EPOCH_NS;
	q.to_utc_ns = IMAGE_EPOCH_NS + 10 * NSEC_PER_SEC;
	c = shown_cursor(r, &q);
	assert_int_equal(reader_cursor_next(c, &rec), 1);
	assert_int_equal(rec.clock, RECORD_CLOCK_SYNCED);
	assert_true(rec.utc_ns == IMAGE_EPOCH_NS + 2 * NSEC_PER_SEC);
	reader_cursor_close(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

static void refuses_what_it_cannot_read(void **state)
{
	struct image *im = image_sample();
	struct reader *r = NULL;
	struct errmsg em = {0};
	struct format_super s = im->super;

	(void)state;
	struct simdisk *none = simdisk_create(1);

	assert_int_equal(reader_open_io(&r, "box", &simdisk_io, none, &em), -ENOENT);
	assert_non_null(strstr(em.text, "matlang store create"));
	simdisk_free(none);

	s.incompat = 8;
	format_super_encode(im->bytes, &s);
	struct simdisk *sd = image_disk(im);

	assert_int_equal(reader_open_io(&r, "box", &simdisk_io, sd, &em), -EPROTO);
	assert_non_null(strstr(em.text, "0x8"));
	memset(simdisk_image(sd), 0, DISK_BLOCK); /* the second copy serves */
	assert_int_equal(reader_open_io(&r, "box", &simdisk_io, sd, &em), 0);
	reader_close(r);
	r = NULL;
	memset(simdisk_image(sd) + DISK_SUPER_B, 7, DISK_BLOCK);
	assert_int_equal(reader_open_io(&r, "box", &simdisk_io, sd, &em), -EBADMSG);
	assert_null(r);
	simdisk_free(sd);
	image_free(im);
}

/* Opening reads the checkpoint and the head, however many segments there are. */
static void many_segments_cost_one_checkpoint(void **state)
{
	char dir[] = "./test-reader-XXXXXX", path[64];
	const uint32_t segments = 10000;
	struct format_super s;
	struct reader *r = NULL;
	struct reader_info info;
	struct errmsg em = {0};
	uint64_t need;

	(void)state;
	assert_int_equal(format_layout((segments + 64ull) << 20, DISK_SEGMENT_MIN, &s, &need), 0);
	assert_true(s.segments >= segments);
	memset(s.store_uuid, 7, 16);
	struct format_checkpoint c = {.generation = 5,
				      .head = segments - 1,
				      .next = segments,
				      .last_sequence = segments,
				      .segments = s.segments,
				      .clean = 1};
	uint8_t block[DISK_BLOCK];

	c.bytes = format_checkpoint_bytes(&c);
	uint8_t *buf = calloc(1, c.bytes);

	assert_non_null(buf);
	for (uint32_t i = 0; i < segments; i++) {
		const struct format_checkpoint_segment e = {.sequence = i + 1,
							    .nonce = i + 99,
							    .state = FORMAT_SEALED,
							    .boot = 1,
							    .records = 10,
							    .end = 8192,
							    .seal_start = 65536,
							    .first_mono_ns = i,
							    .last_mono_ns = i + 1,
							    .first_utc_ns = IMAGE_EPOCH_NS + i,
							    .last_utc_ns = IMAGE_EPOCH_NS + i + 1};

		format_checkpoint_segment_encode(
			buf + DISK_BLOCK + (size_t)i * DISK_CHECKPOINT_SEGMENT, &e);
	}
	format_checkpoint_encode(buf, &s, &c);
	format_super_encode(block, &s);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/" DISK_VOLUME_FILE, dir);
	FILE *f = fopen(path, "wbe");

	assert_non_null(f);
	assert_int_equal(fwrite(block, 1, DISK_BLOCK, f), DISK_BLOCK);
	assert_int_equal(fseeko(f, (off_t)s.area_offset[0], SEEK_SET), 0);
	assert_int_equal(fwrite(buf, 1, c.bytes, f), c.bytes);
	assert_int_equal(ftruncate(fileno(f), (off_t)s.volume_bytes), 0);
	assert_int_equal(fclose(f), 0);
	free(buf);

	int err = reader_open(&r, dir, &em);

	unlink(path);
	rmdir(dir);
	if (err)
		print_error("%s\n", em.text);
	assert_int_equal(err, 0);
	reader_info(r, &info);
	assert_int_equal(info.segments_used, segments);
	assert_true(info.oldest_utc_ns == IMAGE_EPOCH_NS);
	/* The head alone is looked at, and is empty here whatever the table says. */
	assert_true(info.newest_utc_ns == IMAGE_EPOCH_NS + segments - 1);
	/* Two looks at each area, the checkpoint, and what surrounds the head. */
	assert_true(r->index_bytes < c.bytes + (4u << 20));
	reader_close(r);
}

static void bad_queries_are_refused(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);
	struct reader *r = shown_open(sd);
	struct reader_query q = shown_everything;
	struct reader_cursor *c = NULL;
	struct errmsg em = {0};

	(void)state;
	q.kinds = 0;
	assert_int_equal(reader_cursor_open(&c, r, &q, &em), -EINVAL);
	q = shown_everything;
	q.from_utc_ns = 5;
	q.to_utc_ns = 4;
	assert_int_equal(reader_cursor_open(&c, r, &q, &em), -EINVAL);
	assert_null(c);
	reader_close(r);
	simdisk_free(sd);
	image_free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_everything_in_order),
		cmocka_unit_test(filters_by_camera_and_kind),
		cmocka_unit_test(filters_by_time),
		cmocka_unit_test(reads_only_what_it_needs),
		cmocka_unit_test(knows_cameras_and_figures),
		cmocka_unit_test(follows_the_writer),
		cmocka_unit_test(late_clock_dates_what_was_before),
		cmocka_unit_test(refuses_what_it_cannot_read),
		cmocka_unit_test(many_segments_cost_one_checkpoint),
		cmocka_unit_test(bad_queries_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
