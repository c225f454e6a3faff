/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer on a simulated disk: everything appended is found again, byte for byte and in order,
 * and what the disk refuses is reported and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/storage/lab.h"

#define SEGMENT (1u << 20)

static struct store_stats stats(const struct lab *lab)
{
	struct store_stats st;

	store_stats(lab->store, &st);
	return st;
}

static void test_append_close_read(void **state)
{
	struct lab *lab = lab_new(12, SEGMENT, 256 << 10);

	lab_open(lab);
	assert_int_equal(lab_frame(lab, 0, 3000, 1), 0);
	assert_int_equal(lab_motion(lab, 0), 0);
	assert_int_equal(lab_frame(lab, 1, 100000, 1), 0);
	assert_int_equal(lab_loss(lab, 1, 5), 0);
	assert_int_equal(lab_frame(lab, 2, 120000, 2), 0);
	assert_int_equal(lab_note(lab, "settings changed"), 0);
	struct store_stats st = stats(lab);

	assert_int_equal(st.frames, 3);
	assert_int_equal(st.direct_frames, 2);
	assert_int_equal(st.gathered_frames, 1);
	assert_int_equal(lab_close(lab), 0);
	assert_int_equal(lab_check(lab, lab->disk, UINT64_MAX, true), 6);
	lab_free(lab);
}

static void test_reopen_goes_on(void **state)
{
	struct lab *lab = lab_new(12, SEGMENT, 256 << 10);

	for (unsigned round = 0; round < 3; round++) {
		uint32_t id;

		lab_open(lab);
		assert_int_equal(store_camera(lab->store, "yard", &id), 0);
		assert_int_equal(id, 3);
		assert_int_equal(lab_frame(lab, round, 5000, 1), 0);
		assert_int_equal(lab_note(lab, "round"), 0);
		assert_int_equal(lab_close(lab), 0);
	}
	assert_int_equal(lab_check(lab, lab->disk, UINT64_MAX, true), 6);
	lab_free(lab);
}

/* Frames and small records at random until `bytes` of frames went in; every one must be taken. */
static void record_bytes(struct lab *lab, size_t bytes, uint64_t seed)
{
	while (bytes) {
		unsigned camera = simdisk_random(&seed) % 3;
		size_t n = simdisk_random(&seed) % 150000 + 1;

		if (n > bytes)
			n = bytes;
		int err = lab_frame(lab, camera, n, n > 8 ? simdisk_random(&seed) % 2 + 1 : 1);

		if (err == -ENOBUFS || err == -EAGAIN) {
			assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
			continue;
		}
		assert_int_equal(err, 0);
		bytes -= n;
		if (simdisk_random(&seed) % 3 == 0)
			assert_int_equal(lab_motion(lab, camera), 0);
		if (simdisk_random(&seed) % 7 == 0)
			assert_int_equal(reactor_turn(lab->reactor, 0), 0);
	}
}

static void test_rolls_over(void **state)
{
	struct lab *lab = lab_new(12, SEGMENT, 256 << 10);

	simdisk_set_timing(lab->disk, 3, true);
	lab_open(lab);
	record_bytes(lab, 6 << 20, 5);
	assert_int_equal(lab_close(lab), 0);
	lab_check(lab, lab->disk, UINT64_MAX, true);
	lab_free(lab);
}

static void test_recycles_the_oldest(void **state)
{
	struct lab *lab = lab_new(8, SEGMENT, 256 << 10);

	simdisk_set_timing(lab->disk, 3, true);
	lab_open(lab);
	record_bytes(lab, 40 << 20, 6);
	assert_true(stats(lab).recycled_segments >= 30);
	assert_int_equal(lab->lost_calls, 0);
	assert_int_equal(lab_close(lab), 0);
	/* All but the segment given up and the ends of others. */
	assert_true(lab_check(lab, lab->disk, UINT64_MAX, false) > 20);
	lab_open(lab);
	record_bytes(lab, 10 << 20, 7);
	assert_int_equal(lab_close(lab), 0);
	assert_true(lab_check(lab, lab->disk, UINT64_MAX, false) > 20);
	lab_free(lab);
}

static void test_power_cuts(void **state)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct lab *lab = lab_new(8, SEGMENT, 256 << 10);

		simdisk_set_timing(lab->disk, 4, true);
		lab_open(lab);
		record_bytes(lab, (seed % 9 + 1) << 20, seed);
		struct simdisk *after = simdisk_crash(lab->disk, seed % SIMDISK_CRASH_MODES, seed);

		/* Readers see it as it is, and so after recovery, and after a second one. */
		lab_check(lab, after, lab->durable, false);
		uint64_t durable = lab->durable;

		lab_close(lab);
		lab_use_disk(lab, after);
		size_t found = 0;

		for (unsigned round = 0; round < 2; round++) {
			lab_open(lab);
			assert_int_equal(lab_close(lab), 0);
			size_t n = lab_check(lab, lab->disk, durable, false);

			assert_true(round == 0 || n == found);
			found = n;
		}
		lab_free(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_close_read),
		cmocka_unit_test(test_reopen_goes_on),
		cmocka_unit_test(test_rolls_over),
		cmocka_unit_test(test_recycles_the_oldest),
		cmocka_unit_test(test_power_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
