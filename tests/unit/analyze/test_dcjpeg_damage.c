/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cables do to a JPEG: the DC decoder tells damage, and shows what was there before it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <turbojpeg.h>

#include "capture/core/compiler.h"
#include "tests/unit/analyze/jpegs.h"

static void good_part(const struct jpegs_decoded *o, const uint8_t *want, const char *what)
{
	assert_true(o->job.good <= o->info.rows);
	if (memcmp(o->job.dst, want, (size_t)o->job.good * o->info.cols))
		fail_msg("%s: the first %u rows are not what they were", what, o->job.good);
}

/* Cut at every byte: a verdict, and what was there before the cut. */
static void test_truncated(void **state)
{
	static const int subs[] = {TJSAMP_420, TJSAMP_GRAY, TJSAMP_411};

	for (int round = 0; round < 6; round++) {
		struct jpegs_shape s = {.w = 150,
					.h = 90,
					.subsampling = subs[round % 3],
					.quality = 85,
					.restart = round / 3 * 5};
		struct jpegs_file j = jpegs_make(&s);
		size_t head = jpegs_find_marker(&j, 0xda) + 8;
		int w, h;
		uint8_t *want = jpegs_reference(&j, &w, &h);
		uint32_t good = 0;

		for (size_t cut = head + 6; cut < j.size; cut++) {
			struct jpegs_file c = jpegs_copy(j.data, cut);
			struct jpegs_decoded o;

			assert_int_equal(jpegs_decode(&o, &c), 0);
			good_part(&o, want, "cut");
			assert_true(o.job.good >= good);
			good = o.job.good;
			/* Some of the last bytes may be padding. */
			assert_true(o.job.damaged || cut >= j.size - 3);
			for (uint32_t i = 0; o.job.damaged && i < o.info.cols * o.info.rows; i++)
				assert_true(o.job.dst[i] == want[i] || o.job.dst[i] == 128);
			jpegs_close(&o);
			free(c.data);
		}
		assert_int_equal(good, h);
		free(want);
		free(j.data);
	}
}

static void test_bytes_changed(void **state)
{
	unsigned verdicts = 0;

	for (int i = 0; i < 3000; i++) {
		struct jpegs_shape s = jpegs_any_shape();
		struct jpegs_file j;
		struct jpegs_decoded o[3];
		struct dcjpeg_job jobs[3];
		size_t n = 0;

		s.w = s.w % 100 + 1;
		s.h = s.h % 100 + 1;
		j = jpegs_make(&s);
		for (uint32_t k = 1 + jpegs_random(8); k; k--)
			j.data[2 + jpegs_random((uint32_t)j.size - 2)] = (uint8_t)jpegs_random(256);
		/* Twice the same, side by side, and once alone. */
		for (int k = 0; k < 3; k++) {
			int err = jpegs_open(&o[k], &j);

			assert_true(err == 0 || err == -EBADMSG || err == -EOPNOTSUPP);
			if (!err && o[k].info.cols * o[k].info.rows < 1 << 20)
				jobs[n++] = o[k].job;
		}
		if (n == 3) {
			size_t bytes = (size_t)o[0].info.cols * o[0].info.rows;

			dcjpeg_read(jobs, 2);
			dcjpeg_read(jobs + 2, 1);
			for (int k = 1; k < 3; k++) {
				assert_int_equal(jobs[k].damaged, jobs[0].damaged);
				assert_int_equal(jobs[k].good, jobs[0].good);
				assert_memory_equal(jobs[k].dst, jobs[0].dst, bytes);
			}
			verdicts += jobs[0].damaged;
		} else {
			verdicts++;
		}
		for (int k = 0; k < 3; k++)
			jpegs_close(&o[k]);
		free(j.data);
	}
	assert_true(verdicts > 300);
}

/* With restart markers, what is behind the damage is right again. */
static size_t nth_restart(const struct jpegs_file *j, unsigned n)
{
	for (size_t at = jpegs_find_marker(j, 0xda); at + 1 < j->size; at++)
		if (j->data[at] == 0xff && j->data[at + 1] >= 0xd0 && j->data[at + 1] <= 0xd7 &&
		    !n--)
			return at;
	fail_msg("no such restart marker");
	return 0;
}

/* 20 x 12 blocks, an interval a row of blocks. Rows [from, to) are expected to be lost. */
static void rows_lost(const struct jpegs_file *j, const uint8_t *want, uint32_t from, uint32_t to,
		      const char *what)
{
	struct jpegs_decoded o;

	assert_int_equal(jpegs_decode(&o, j), 0);
	assert_true(o.job.damaged);
	assert_int_equal(o.job.good, from);
	for (uint32_t y = 0; y < 12; y++)
		if ((y < from || y >= to) && memcmp(o.job.dst + y * 20, want + y * 20, 20))
			fail_msg("%s: row %u is wrong", what, y);
	for (uint32_t i = (to - 1) * 20 + 19; i < to * 20; i++)
		assert_int_equal(o.job.dst[i], 128);
	jpegs_close(&o);
}

static void test_restart_after_damage(void **state)
{
	struct jpegs_shape s = {
		.w = 160, .h = 96, .subsampling = TJSAMP_444, .quality = 90, .restart = 20};
	struct jpegs_file j = jpegs_make(&s), c;
	int w, h;
	uint8_t *want = jpegs_reference(&j, &w, &h);
	size_t r3 = nth_restart(&j, 3), r4 = nth_restart(&j, 4), r6 = nth_restart(&j, 6);

	/* Row 4 lies between markers 3 and 4. Its second half is missing: */
	c = jpegs_copy(j.data, j.size);
	jpegs_splice(&c, r3 + (r4 - r3) / 2, r4 - r3 - (r4 - r3) / 2, NULL, 0);
	rows_lost(&c, want, 4, 5, "half a row");
	free(c.data);
	/* with its marker, or more rows with theirs: */
	c = jpegs_copy(j.data, j.size);
	jpegs_splice(&c, r3, r4 - r3, NULL, 0);
	rows_lost(&c, want, 4, 5, "a row");
	free(c.data);
	c = jpegs_copy(j.data, j.size);
	jpegs_splice(&c, r3, r6 - r3, NULL, 0);
	rows_lost(&c, want, 4, 7, "three rows");
	free(c.data);
	/* A marker come twice is harmless but for what is between. */
	c = jpegs_copy(j.data, j.size);
	jpegs_splice(&c, r3, 0, j.data + r3, 2);
	jpegs_check(&j, "whole");
	{
		struct jpegs_decoded o;

		assert_int_equal(jpegs_decode(&o, &c), 0);
		good_part(&o, want, "a double");
		assert_int_equal(o.job.good, 4);
		assert_memory_equal(o.job.dst + 5 * 20, want + 5 * 20, 7 * 20);
		jpegs_close(&o);
	}
	free(c.data);
	/* Nothing behind marker 6. */
	c = jpegs_copy(j.data, r6);
	rows_lost(&c, want, 7, 12, "the end");
	free(c.data);
	free(want);
	free(j.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bytes_changed),
		cmocka_unit_test(test_restart_after_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
