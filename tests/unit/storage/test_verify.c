/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verifier names whatever is changed in a store, and nothing in a whole one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/verify_impl.h"
#include "tests/unit/storage/image.h"

struct told {
	unsigned lines;
	char first[ERRMSG_MAX];
};

static void hear(void *ctx, const char *what)
{
	struct told *t = ctx;

	if (!t->lines++)
		snprintf(t->first, sizeof(t->first), "%s", what);
}

static struct verify_result verify(struct simdisk *sd, struct told *t)
{
	const struct verify_callbacks cb = {.damage = hear, .ctx = t};
	struct verify_result res = {0};
	struct errmsg em = {0};
	int err;

	*t = (struct told){0};
	err = verify_store_io("box", &simdisk_io, sd, &cb, &res, &em);
	if (err)
		print_error("%s\n", em.text);
	assert_int_equal(err, 0);
	assert_int_equal(res.damaged, t->lines);
	return res;
}

static struct image *closed_sample(void)
{
	struct image *im = image_sample();

	image_checkpoint(im, true);
	return im;
}

static void whole_store_is_whole(void **state)
{
	struct image *im = closed_sample();
	struct simdisk *sd = image_disk(im);
	struct verify_result res;
	struct told t;

	(void)state;
	res = verify(sd, &t);
	if (t.lines)
		print_error("%s\n", t.first);
	assert_int_equal(res.damaged, 0);
	assert_int_equal(res.segments, 4);
	assert_int_equal(res.records, im->records);
	assert_int_equal(res.frames, 4 * 8);
	assert_int_equal(res.chunks, 4 * 4);
	assert_int_equal(res.recycled, 0);
	simdisk_free(sd);
	image_free(im);
}

static void open_store_is_whole(void **state)
{
	struct image *im = image_sample();
	struct simdisk *sd = image_disk(im);
	struct told t;

	(void)state;
	assert_int_equal(verify(sd, &t).damaged, 0);
	simdisk_free(sd);
	image_free(im);
}

struct span {
	const char *name;
	uint64_t offset, len;
};

/* Every structure of the sample, end to end. */
static unsigned list_spans(struct image *im, struct span *out)
{
	unsigned n = 0;

	out[n++] = (struct span){"superblock", DISK_SUPER_A, DISK_BLOCK};
	out[n++] = (struct span){"superblock", DISK_SUPER_B, DISK_BLOCK};
	for (unsigned i = 0; i < 2; i++) {
		struct format_checkpoint c;

		assert_int_equal(format_checkpoint_decode(im->bytes + im->super.area_offset[i],
							  &im->super, &c),
				 0);
		out[n++] = (struct span){"checkpoint", im->super.area_offset[i], c.bytes};
	}
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t start = format_segment_offset(&im->super, i);

		out[n++] = (struct span){"header", start, DISK_BLOCK};
		out[n++] =
			(struct span){"offset", start + DISK_BLOCK, im->table[i].end - DISK_BLOCK};
		if (i < 3)
			out[n++] = (struct span){"seal", start + im->table[i].seal_start,
						 IMAGE_SEGMENT_BYTES - im->table[i].seal_start};
	}
	return n;
}

static void check_flip(struct simdisk *sd, const struct span *s, uint64_t at, unsigned bit)
{
	uint8_t *p = simdisk_image(sd) + s->offset + at;
	struct told t;

	*p ^= (uint8_t)(1u << bit);
	struct verify_result res = verify(sd, &t);

	if (!res.damaged || !strstr(t.first, s->name))
		print_error("bit %u of byte %llu in a %s: %s\n", bit, (unsigned long long)at,
			    s->name, res.damaged ? t.first : "not noticed");
	assert_true(res.damaged > 0);
	assert_non_null(strstr(t.first, s->name));
	*p ^= (uint8_t)(1u << bit);
}

/* A seeded sample over every structure: the first and last bytes of each, and some between. */
static void every_flipped_bit_is_named(void **state)
{
	struct image *im = closed_sample();
	struct simdisk *sd = image_disk(im);
	struct span span[32];
	unsigned n = list_spans(im, span);
	uint64_t random = 20261122;
	struct told t;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < 24; k++) {
			uint64_t at = k < 4   ? k
				      : k < 8 ? span[i].len - 1 - (k - 4)
					      : simdisk_random(&random) % span[i].len;

			check_flip(sd, &span[i], at, (unsigned)(simdisk_random(&random) % 8));
		}
	}
	assert_int_equal(verify(sd, &t).damaged, 0);
	simdisk_free(sd);
	image_free(im);
}

/* Whole sectors gone, overwritten with zeros or with those of another place. */
static void lost_sectors_are_named(void **state)
{
	struct image *im = closed_sample();
	struct simdisk *sd = image_disk(im);
	struct span span[32];
	unsigned n = list_spans(im, span);
	uint64_t random = 7;
	struct told t;

	(void)state;
	for (unsigned i = 0; i < 150; i++) {
		const struct span *s = &span[simdisk_random(&random) % n];
		uint64_t at = s->offset +
			      simdisk_random(&random) % s->len / SIMDISK_SECTOR * SIMDISK_SECTOR;
		uint8_t *p = simdisk_image(sd) + at, saved[SIMDISK_SECTOR];
		uint64_t other = simdisk_random(&random) % (simdisk_size(sd) / SIMDISK_SECTOR);
		bool changed;

		memcpy(saved, p, sizeof(saved));
		if (i % 2)
			memset(p, 0, sizeof(saved));
		else
			memmove(p, simdisk_image(sd) + other * SIMDISK_SECTOR, sizeof(saved));
		changed = memcmp(saved, p, sizeof(saved)) != 0;
		assert_int_equal(verify(sd, &t).damaged > 0, changed);
		memcpy(p, saved, sizeof(saved));
	}
	simdisk_free(sd);
	image_free(im);
}

static void says_where(void **state)
{
	struct image *im = closed_sample();
	struct simdisk *sd = image_disk(im);
	struct image_record *w = &im->record[im->records / 2];
	struct told t;
	char want[96];

	(void)state;
	while (w->rec.kind != RECORD_FRAME)
		w++;
	simdisk_image(
		sd)[format_segment_offset(&im->super, w->segment) + w->rec.payload_offset + 9] ^= 4;
	assert_int_equal(verify(sd, &t).damaged, 1);
	snprintf(want, sizeof(want), "segment %u (sequence %u), offset %u: a payload", w->segment,
		 w->segment + 1, w->rec.payload_offset);
	assert_non_null(strstr(t.first, want));
	simdisk_free(sd);
	image_free(im);
}

static void unreadable_block_is_named(void **state)
{
	struct image *im = closed_sample();
	struct simdisk *sd = image_disk(im);
	struct told t;

	(void)state;
	simdisk_set_unreadable(sd, format_segment_offset(&im->super, 1) + 2 * DISK_BLOCK, 512);
	assert_true(verify(sd, &t).damaged > 0);
	assert_non_null(strstr(t.first, "segment 1"));
	simdisk_free(sd);
	image_free(im);
}

struct recycler {
	struct image *im;
	struct simdisk *sd;
	unsigned calls;
	struct told told;
};

static void recycler_hear(void *ctx, const char *what)
{
	hear(&((struct recycler *)ctx)->told, what);
}

/* While the first segments are read the writer goes on over them. */
static int recycle(void *ctx, uint64_t done, uint64_t total)
{
	struct recycler *rc = ctx;

	(void)done;
	(void)total;
	if (rc->calls++ != 1)
		return 0;
	image_seal(rc->im);
	image_segment(rc->im, 4, 1, 2);
	image_frame(rc->im, 1, 900, 140 * NSEC_PER_SEC, 5000);
	image_chunk(rc->im, true);
	image_segment(rc->im, 1, 2, 2);
	image_frame(rc->im, 1, 901, 141 * NSEC_PER_SEC, 50000);
	image_chunk(rc->im, true);
	memcpy(simdisk_image(rc->sd), rc->im->bytes, simdisk_size(rc->sd));
	return 0;
}

static void recycled_is_not_damage(void **state)
{
	struct image *im = image_sample();
	struct recycler rc = {.im = im, .sd = image_disk(im)};
	const struct verify_callbacks cb = {
		.damage = recycler_hear, .progress = recycle, .ctx = &rc};
	struct verify_result res = {0};
	struct errmsg em = {0};

	(void)state;
	assert_int_equal(verify_store_io("box", &simdisk_io, rc.sd, &cb, &res, &em), 0);
	if (rc.told.lines)
		print_error("%s\n", rc.told.first);
	assert_int_equal(res.damaged, 0);
	assert_true(res.recycled >= 1);
	simdisk_free(rc.sd);
	image_free(im);
}

static int stop_at_once(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	return 1;
}

static void can_be_stopped(void **state)
{
	struct image *im = closed_sample();
	struct simdisk *sd = image_disk(im);
	const struct verify_callbacks cb = {.progress = stop_at_once};
	struct verify_result res = {.segments = 77};
	struct errmsg em = {0};

	(void)state;
	assert_int_equal(verify_store_io("box", &simdisk_io, sd, &cb, &res, &em), -ECANCELED);
	assert_int_equal(res.segments, 77);
	simdisk_free(sd);
	image_free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_store_is_whole),
		cmocka_unit_test(open_store_is_whole),
		cmocka_unit_test(every_flipped_bit_is_named),
		cmocka_unit_test(lost_sectors_are_named),
		cmocka_unit_test(says_where),
		cmocka_unit_test(unreadable_block_is_named),
		cmocka_unit_test(recycled_is_not_damage),
		cmocka_unit_test(can_be_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
