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
/* Both checkpoint areas, which lie between 1 MiB and segment 0. */
#define DISK_AREA_WIPE (1u << 20)

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
	assert_int_equal(lab_check(lab, lab->disk, UINT64_MAX, LAB_ALL), 6);
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
	assert_int_equal(lab_check(lab, lab->disk, UINT64_MAX, LAB_ALL), 6);
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
	lab_check(lab, lab->disk, UINT64_MAX, LAB_ALL);
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
	assert_true(lab_check(lab, lab->disk, UINT64_MAX, LAB_TAIL) > 20);
	lab_open(lab);
	record_bytes(lab, 10 << 20, 7);
	assert_int_equal(lab_close(lab), 0);
	assert_true(lab_check(lab, lab->disk, UINT64_MAX, LAB_TAIL) > 20);
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
		lab_check(lab, after, lab->durable, LAB_TAIL);
		uint64_t durable = lab->durable;

		lab_close(lab);
		/* Nothing is excused: what lies behind a hole must not be taken. */
		lab_use_disk(lab, after, UINT64_MAX);
		size_t found = 0;

		for (unsigned round = 0; round < 2; round++) {
			lab_open(lab);
			assert_int_equal(lab_close(lab), 0);
			size_t n = lab_check(lab, lab->disk, durable, LAB_TAIL);

			assert_true(round == 0 || n == found);
			found = n;
		}
		lab_free(lab);
	}
}

/* Every record has its verdict: found, or reported lost. Small ones are never lost. */
static void check_accounts(struct lab *lab)
{
	for (size_t i = 0; i < lab->records; i++)
		if (lab->record[i].kind != RECORD_FRAME)
			assert_false(lab->record[i].lost);
	lab_check(lab, lab->disk, UINT64_MAX, LAB_TAIL);
}

/* One failed write or flush, at every place in turn: the log goes on, what is gone is named. */
static void one_fault(uint64_t at, uint64_t seed)
{
	struct lab *lab = lab_new(8, SEGMENT, 256 << 10);

	simdisk_set_timing(lab->disk, 3, true);
	lab_open(lab);
	simdisk_set_fault(lab->disk, simdisk_submitted(lab->disk) + at, 1, -EIO);
	record_bytes(lab, 3 << 20, seed);
	lab_sync(lab);
	record_bytes(lab, 1 << 20, seed + 1);
	lab_sync(lab);
	assert_int_equal(stats(lab).write_errors, 1);
	assert_string_equal(stats(lab).trouble, "");
	struct simdisk *after = simdisk_crash(lab->disk, seed % SIMDISK_CRASH_MODES, seed);

	uint64_t durable = lab->durable;

	assert_int_equal(lab_close(lab), 0);
	check_accounts(lab);
	lab_check(lab, after, durable, LAB_TAIL);
	lab_use_disk(lab, after, durable);
	lab_open(lab);
	record_bytes(lab, 1 << 20, seed + 2);
	assert_int_equal(lab_close(lab), 0);
	lab_check(lab, lab->disk, durable, LAB_TAIL);
	lab_free(lab);
}

static void test_every_write_fails_once(void **state)
{
	for (uint64_t at = 0; at < 60; at++)
		one_fault(at, at * 3 + 1);
}

/* What a failed write held is still in memory: nothing is lost, and the order stays. */
static void test_failed_write_comes_again(void **state)
{
	for (unsigned direct = 0; direct < 2; direct++) {
		struct lab *lab = lab_new(8, SEGMENT, 256 << 10);

		lab_open(lab);
		assert_int_equal(lab_frame(lab, 0, 3000, 1), 0);
		lab_sync(lab);
		simdisk_set_fault(lab->disk, simdisk_submitted(lab->disk), 1, -EIO);
		assert_int_equal(lab_frame(lab, 0, direct ? 120000 : 4000, 1 + direct), 0);
		assert_int_equal(lab_note(lab, "between"), 0);
		assert_int_equal(lab_frame(lab, 1, 5000, 1), 0);
		lab_sync(lab);
		assert_int_equal(stats(lab).write_errors, 1);
		assert_int_equal(lab->lost_calls, 0);
		assert_int_equal(lab_frame(lab, 0, 6000, 1), 0);
		assert_int_equal(lab_close(lab), 0);
		assert_int_equal(lab_check(lab, lab->disk, UINT64_MAX, LAB_ALL), 5);
		for (unsigned i = 0; i < LAB_SLOTS; i++)
			assert_int_equal(atomic_load(&lab->frame[i].refs), 0);
		lab_free(lab);
	}
}

static void test_disk_dead(void **state)
{
	struct lab *lab = lab_new(8, SEGMENT, 256 << 10);

	lab_open(lab);
	assert_int_equal(lab_frame(lab, 0, 100000, 1), 0);
	lab_sync(lab);
	simdisk_set_fault(lab->disk, simdisk_submitted(lab->disk), UINT64_MAX / 2, -EIO);
	int err = 0;

	for (unsigned i = 0; i < 1000 && err != -EIO; i++) {
		err = lab_frame(lab, 0, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_int_equal(err, -EIO);
	assert_true(lab->lost_frames > 0);
	assert_non_null(strstr(lab->trouble, "check the disk"));
	assert_int_equal(lab_motion(lab, 0), -EIO);
	/* No slot is kept. */
	for (unsigned i = 0; i < LAB_SLOTS; i++)
		assert_int_equal(atomic_load(&lab->frame[i].refs), 0);
	assert_int_equal(lab_close(lab), -EIO);
	simdisk_set_fault(lab->disk, 0, 0, 0);
	assert_int_equal(lab_check(lab, lab->disk, lab->durable, LAB_TAIL), 1);
	lab_free(lab);
}

static uint64_t lock_all(struct lab *lab, uint32_t camera, unsigned *segments)
{
	const struct record_lock l = {.camera_id = camera,
				      .from_utc_ns = 0,
				      .to_utc_ns = INT64_MAX,
				      .who = "officer",
				      .why = "case 17"};
	uint64_t number;

	assert_int_equal(store_lock_add(lab->store, &l, &number, segments), 0);
	return number;
}

/* A lock on everything to come: the trouble is told while there is still room. */
static void test_told_before_full(void **state)
{
	struct lab *lab = lab_new(12, SEGMENT, 256 << 10);
	unsigned told_at = 0;
	int err = 0;

	lab->options.warn_ns = 3600 * NSEC_PER_SEC;
	lab_open(lab);
	record_bytes(lab, 4 << 20, 3);
	assert_int_equal(stats(lab).stops_ns, 0);
	assert_string_equal(lab->trouble, "");
	uint64_t number = lock_all(lab, RECORD_ANY_CAMERA, NULL);

	for (unsigned i = 0; i < 10000 && err != -ENOSPC; i++) {
		if (!told_at && strstr(lab->trouble, "no room")) {
			told_at = stats(lab).segments_used;
			assert_true(stats(lab).stops_ns > 0);
		}
		err = lab_frame(lab, 0, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(told_at && told_at + 2 < stats(lab).segments);
	assert_non_null(strstr(lab->trouble, "recording has stopped"));
	assert_int_equal(store_lock_remove(lab->store, number), 0);
	for (unsigned i = 0; i < 1000 && err; i++) {
		err = lab_frame(lab, 0, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_int_equal(err, 0);
	assert_string_equal(lab->trouble, "");
	assert_int_equal(stats(lab).stops_ns, 0);
	assert_int_equal(lab_close(lab), 0);
	lab_free(lab);
}

/* A disk that takes no writes for a while: recording goes on by itself, under the same numbers. */
static void test_disk_returns(void **state)
{
	struct lab *lab = lab_new(8, SEGMENT, 256 << 10);
	struct record_lock l = {.camera_id = RECORD_ANY_CAMERA, .to_utc_ns = 1, .why = "case 17"};
	uint64_t number;
	int err = 0;

	lab->options.retry_ns = 20 * NSEC_PER_MSEC;
	lab_open(lab);
	assert_int_equal(lab_frame(lab, 0, 100000, 1), 0);
	lab_sync(lab);
	simdisk_set_fault(lab->disk, simdisk_submitted(lab->disk), UINT64_MAX / 2, -EROFS);
	assert_int_equal(store_lock_add(lab->store, &l, &number, NULL), 0);
	for (unsigned i = 0; i < 1000 && err != -EIO; i++) {
		err = lab_frame(lab, 0, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_int_equal(err, -EIO);
	uint64_t sequence = stats(lab).appended / SEGMENT;

	/* It is tried again, in vain. */
	for (unsigned i = 0; i < 2000 && !strstr(lab->trouble, "nothing is recorded: "); i++)
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	assert_non_null(strstr(lab->trouble, "nothing is recorded: "));
	assert_int_equal(lab_frame(lab, 1, 100000, 1), -EIO);
	simdisk_set_fault(lab->disk, 0, 0, 0);
	for (unsigned i = 0; i < 2000 && err; i++) {
		err = lab_frame(lab, 1, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_int_equal(err, 0);
	assert_string_equal(lab->trouble, "");
	assert_true(stats(lab).appended / SEGMENT >= sequence);
	assert_int_equal(stats(lab).locks, 1);
	record_bytes(lab, 3 << 20, 9);
	assert_int_equal(lab_close(lab), 0);
	assert_true(lab_check(lab, lab->disk, UINT64_MAX, LAB_ALL) > 10);
	lab_open(lab);
	assert_int_equal(store_lock_count(lab->store), 1);
	assert_int_equal(lab_close(lab), 0);
	lab_free(lab);
}

/* A disk that is full under a sparse store refuses the tables' place for a while: it is not asked
 * without a pause, and when it takes them again, nothing is left of the trouble. */
static void test_tables_refused_for_a_while(void **state)
{
	struct lab *lab = lab_new(8, SEGMENT, 256 << 10);
	uint64_t commits;

	lab->options.commit_ns = 200 * NSEC_PER_MSEC;
	lab_open(lab);
	simdisk_set_unwritable(lab->disk, 1 << 20, DISK_AREA_WIPE, -ENOSPC);
	for (unsigned i = 0; i < 20000 && !strstr(lab->trouble, "tables"); i++) {
		if (stats(lab).appended - stats(lab).durable < 100000)
			(void)!lab_frame(lab, 0, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_non_null(strstr(lab->trouble, "tables"));
	/* Each try is a commit of some three turns; when there is a pause, turns find nothing. */
	commits = stats(lab).commits;
	lab_turns(lab, 200);
	assert_true(stats(lab).commits - commits < 30);
	simdisk_set_unwritable(lab->disk, 0, 0, 0);
	for (unsigned i = 0; i < 20000 && lab->trouble[0]; i++)
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	assert_string_equal(lab->trouble, "");
	while (lab_frame(lab, 0, 100000, 1))
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	assert_int_equal(lab_close(lab), 0);
	lab_check(lab, lab->disk, UINT64_MAX, LAB_TAIL);
	lab_free(lab);
}

static void test_backpressure(void **state)
{
	struct lab *lab = lab_new(12, SEGMENT, 256 << 10);
	unsigned taken = 0;
	int err;

	lab->options.direct_bytes = 1 << 30;
	lab->options.memory_bytes = 512 << 10;
	lab_open(lab);
	/* The disk is never given a turn. */
	while (!(err = lab_frame(lab, 0, 50000, 1)))
		assert_true(++taken < 100);
	assert_int_equal(err, -ENOBUFS);
	assert_true(taken >= 4);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(lab_motion(lab, 1), 0);
		/* The room made for small records is not for frames. */
		if (i < 10)
			assert_int_equal(lab_frame(lab, 0, 5000, 1), -ENOBUFS);
	}
	lab_sync(lab);
	assert_int_equal(lab_frame(lab, 0, 50000, 1), 0);
	assert_int_equal(lab_close(lab), 0);
	assert_int_equal(lab_check(lab, lab->disk, UINT64_MAX, LAB_ALL), taken + 3001);
	lab_free(lab);
}

static void test_locks(void **state)
{
	struct lab *lab = lab_new(8, SEGMENT, 256 << 10);
	unsigned n = 0;

	lab_open(lab);
	record_bytes(lab, 2 << 20, 3);
	lab_sync(lab);
	size_t kept = lab->records;

	struct monotime_sample now;

	/* What comes later is not locked. */
	assert_int_equal(monotime_sample(&now), 0);
	const struct record_lock l = {.camera_id = RECORD_ANY_CAMERA,
				      .from_utc_ns = 0,
				      .to_utc_ns = now.utc_ns,
				      .why = "case 17"};
	uint64_t number;

	assert_int_equal(store_lock_add(lab->store, &l, &number, &n), 0);
	assert_int_equal(number, 1);
	assert_true(n >= 2);
	assert_int_equal(stats(lab).segments_locked, n);
	/* A camera with no footage locks nothing. */
	uint32_t other;
	unsigned none = 1;

	assert_int_equal(store_camera(lab->store, "other", &other), 0);
	lock_all(lab, other, &none);
	assert_int_equal(none, 0);
	record_bytes(lab, 12 << 20, 4);
	assert_int_equal(lab_close(lab), 0);

	/* Locks survive; without checkpoints too. */
	for (unsigned round = 0; round < 2; round++) {
		if (round)
			memset(simdisk_image(lab->disk) + (1 << 20), 0, DISK_AREA_WIPE);
		lab_open(lab);
		assert_true(stats(lab).segments_locked >= n);
		record_bytes(lab, 6 << 20, 5 + round);
		assert_int_equal(lab_close(lab), 0);
	}
	/* What was locked is there, all of it: the first record still is the first. */
	for (size_t i = 0; i < kept; i++)
		lab->record[i].must = true;
	lab_check(lab, lab->disk, UINT64_MAX, LAB_GAPS);
	lab_free(lab);
}

static void test_all_locked(void **state)
{
	struct lab *lab = lab_new(8, SEGMENT, 256 << 10);
	uint64_t number = 0;
	unsigned n;
	int err = 0;

	lab_open(lab);
	for (unsigned i = 0; i < 10000 && err != -ENOSPC; i++) {
		if (!i)
			number = lock_all(lab, RECORD_ANY_CAMERA, &n);
		err = lab_frame(lab, 0, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(stats(lab).trouble, "locked"));
	assert_int_equal(lab_motion(lab, 0), -ENOSPC);
	assert_int_equal(store_lock_remove(lab->store, number), 0);
	lab_sync(lab);
	for (unsigned i = 0; i < 100 && err; i++) {
		err = lab_frame(lab, 0, 100000, 1);
		assert_int_equal(reactor_turn(lab->reactor, NSEC_PER_MSEC), 0);
	}
	assert_int_equal(err, 0);
	assert_string_equal(stats(lab).trouble, "");
	assert_int_equal(stats(lab).segments_locked, 0);
	assert_int_equal(lab_close(lab), 0);
	lab_check(lab, lab->disk, UINT64_MAX, LAB_TAIL);
	lab_free(lab);
}

/* Both checkpoints gone: everything is found from the segments alone. */
static void test_without_checkpoint(void **state)
{
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct lab *lab = lab_new(8, SEGMENT, 256 << 10);

		simdisk_set_timing(lab->disk, 3, true);
		lab_open(lab);
		record_bytes(lab, (seed + 1) << 20, seed);
		struct simdisk *after = simdisk_crash(lab->disk, seed % SIMDISK_CRASH_MODES, seed);
		uint64_t durable = lab->durable;
		uint32_t id;

		lab_close(lab);
		lab_use_disk(lab, after, durable);
		memset(simdisk_image(lab->disk) + (1 << 20), 0, DISK_AREA_WIPE);
		lab_open(lab);
		assert_int_equal(store_camera(lab->store, "gate-02", &id), 0);
		assert_int_equal(id, 2);
		record_bytes(lab, 1 << 20, seed + 100);
		assert_int_equal(lab_close(lab), 0);
		lab_check(lab, lab->disk, durable, LAB_TAIL);
		lab_free(lab);
	}
}

static void test_too_large(void **state)
{
	struct lab *lab = lab_new(12, SEGMENT, 2 << 20);

	lab_open(lab);
	assert_int_equal(lab_frame(lab, 0, 2000000, 1), -EMSGSIZE);
	lab->options.direct_bytes = 0;
	assert_int_equal(lab_frame(lab, 0, 800000, 1), 0);
	assert_int_equal(lab_close(lab), 0);
	assert_int_equal(lab_check(lab, lab->disk, UINT64_MAX, LAB_ALL), 1);
	lab_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_close_read),
		cmocka_unit_test(test_reopen_goes_on),
		cmocka_unit_test(test_rolls_over),
		cmocka_unit_test(test_recycles_the_oldest),
		cmocka_unit_test(test_power_cuts),
		cmocka_unit_test(test_every_write_fails_once),
		cmocka_unit_test(test_tables_refused_for_a_while),
		cmocka_unit_test(test_failed_write_comes_again),
		cmocka_unit_test(test_disk_dead),
		cmocka_unit_test(test_disk_returns),
		cmocka_unit_test(test_told_before_full),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_all_locked),
		cmocka_unit_test(test_without_checkpoint),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
