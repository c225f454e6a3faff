/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The histogram against sorted lists of what went in, and that the store counts every write and
 * flush of each of its disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/latency.h"
#include "storage/replace.h"
#include "tests/unit/storage/lab.h"

#define MANY       5000
#define MANY_ADDED 200000

static struct latency_summary summary(const struct latency *l)
{
	struct latency_summary s;

	latency_summarize(l, &s);
	return s;
}

static void test_empty(void **state)
{
	struct latency l = {0};
	struct latency_summary s = summary(&l);

	assert_int_equal(s.count, 0);
	assert_int_equal(s.p50_ns, 0);
	assert_int_equal(s.p99_ns, 0);
	assert_int_equal(s.max_ns, 0);
}

/* Told never too low, and at most an eighth or a unit too high. */
static void in_bounds(int64_t told, int64_t is)
{
	assert_true(told >= is);
	assert_true(told <= is + is / 8 + (1 << LATENCY_UNIT_BITS));
}

/* A second, longer one keeps the first's bucket from being cut at the longest. */
static void check_value(int64_t ns)
{
	struct latency l = {0};

	latency_add(&l, ns);
	latency_add(&l, INT64_MAX);
	in_bounds(summary(&l).p50_ns, ns);
}

static void test_every_size(void **state)
{
	for (unsigned bit = 0; bit < LATENCY_TOP_BITS; bit++) {
		for (int64_t eighth = 8; eighth < 16; eighth++) {
			int64_t ns = (int64_t)((UINT64_C(1) << bit) * (uint64_t)eighth / 8);

			check_value(ns);
			check_value(ns - 1);
			check_value(ns + 1 < INT64_C(1) << LATENCY_TOP_BITS ? ns + 1 : ns);
		}
	}
}

static void test_extremes(void **state)
{
	struct latency l = {0};

	latency_add(&l, INT64_MIN);
	latency_add(&l, -1);
	latency_add(&l, 0);
	assert_int_equal(summary(&l).count, 3);
	assert_int_equal(summary(&l).max_ns, 0);
	assert_int_equal(summary(&l).p99_ns, 0);
	latency_add(&l, INT64_C(1) << LATENCY_TOP_BITS);
	assert_int_equal(summary(&l).p99_ns, INT64_C(1) << LATENCY_TOP_BITS);
	in_bounds(summary(&l).p50_ns, 0);
	latency_add(&l, INT64_MAX);
	assert_int_equal(summary(&l).max_ns, INT64_MAX);
	assert_int_equal(summary(&l).p99_ns, INT64_MAX);
	latency_reset(&l);
	assert_int_equal(summary(&l).count, 0);
	assert_int_equal(summary(&l).max_ns, 0);
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void test_percentiles(void **state)
{
	static int64_t all[MANY];
	uint64_t seed = 7;

	for (size_t n = 1; n <= MANY; n += n < 250 ? 1 : 1187) {
		struct latency l = {0};
		struct latency_summary s;

		for (size_t i = 0; i < n; i++) {
			all[i] = (int64_t)(simdisk_random(&seed) >>
					   (24 + simdisk_random(&seed) % 40));
			latency_add(&l, all[i]);
		}
		qsort(all, n, sizeof(*all), by_value);
		s = summary(&l);
		assert_int_equal(s.count, n);
		assert_int_equal(s.max_ns, all[n - 1]);
		in_bounds(s.p50_ns, all[(n + 1) / 2 - 1]);
		in_bounds(s.p99_ns, all[(n * 99 + 99) / 100 - 1]);
		assert_true(s.p99_ns <= s.max_ns);
	}
}

static void *add_many(void *ctx)
{
	/* Few buckets, so that the threads meet in them. */
	for (int i = 0; i < MANY_ADDED; i++)
		latency_add(ctx, i % 4 * INT64_C(10000));
	return NULL;
}

static void test_threads(void **state)
{
	struct latency l = {0};
	pthread_t thread[3];

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, add_many, &l), 0);
	assert_true(summary(&l).count <= 3 * MANY_ADDED);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(summary(&l).count, 3 * MANY_ADDED);
	assert_int_equal(summary(&l).max_ns, 30000);
}

static void test_store_counts(void **state)
{
	struct lab *lab = lab_new(12, 1u << 20, 256 << 10);
	struct store_latency before, after, none = {.dir = "untouched"};

	lab_open(lab);
	uint64_t opening = simdisk_completed(lab->disk);

	assert_int_equal(store_latency(lab->store, 0, &before), 0);
	assert_int_equal(before.write.count + before.flush.count, 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(lab_frame(lab, 0, 100000, 1), 0);
		lab_sync(lab);
	}
	assert_int_equal(store_latency(lab->store, 0, &after), 0);
	/* Each that the disk completed, and no other. */
	assert_int_equal(after.write.count + after.flush.count,
			 simdisk_completed(lab->disk) - opening);
	assert_true(after.write.count >= 5);
	assert_true(after.flush.count >= 5);
	assert_true(after.write.max_ns >= after.write.p99_ns);
	assert_true(after.write.p99_ns >= after.write.p50_ns);
	assert_true(*after.dir);
	assert_int_equal(store_latency(lab->store, 1, &none), -ENOENT);
	assert_string_equal(none.dir, "untouched");
	assert_int_equal(lab_close(lab), 0);
	lab_free(lab);
}

static void make_durable(struct store *s, struct reactor *r, const char *note)
{
	struct store_stats st;

	assert_int_equal(store_append_note(s, 0, note), 0);
	store_commit(s);
	do {
		assert_int_equal(reactor_turn(r, NSEC_PER_MSEC), 0);
		store_stats(s, &st);
	} while (st.durable < st.appended || !st.durable);
}

/* The last volume goes onto another disk: that one begins at nothing. */
static void replace_last(struct store *s, struct reactor *r, const char *old, const char *dir)
{
	struct store_latency before, after;
	struct replace_stats rs;

	for (unsigned i = 0; i < 20; i++)
		make_durable(s, r, "more");
	assert_int_equal(store_latency(s, 2, &before), 0);
	assert_true(before.write.count >= 20);
	assert_int_equal(replace_start(s, old, dir, NULL), 0);
	do {
		assert_int_equal(reactor_turn(r, NSEC_PER_MSEC), 0);
		assert_int_equal(store_latency(s, 2, &after), 0);
	} while (strcmp(after.dir, dir));
	assert_true(after.write.count < before.write.count / 2);
	assert_true(after.flush.count < before.flush.count / 2);
	do {
		assert_int_equal(reactor_turn(r, NSEC_PER_MSEC), 0);
		replace_stats(s, &rs);
	} while (rs.running);
	assert_string_equal(rs.failed, "");
	assert_int_equal(store_latency(s, 0, &after), 0);
	assert_true(after.write.count > before.write.count);
}

static void test_each_disk_by_itself(void **state)
{
	char top[] = "/tmp/matlang-latency-XXXXXX", dir[4][64], dirs[256], path[320];
	const struct store_create_options o = {
		.size_bytes = 16 << 20, .segment_bytes = 1 << 20, .parity = 1, .sparse = true};
	const char *list[3] = {dir[0], dir[1], dir[2]};
	struct store_latency l;
	struct reactor *r;
	struct store *s;

	assert_non_null(mkdtemp(top));
	for (unsigned v = 0; v < 4; v++)
		snprintf(dir[v], sizeof(dir[v]), "%s/d%u", top, v);
	snprintf(dirs, sizeof(dirs), "%s,%s,%s", dir[0], dir[1], dir[2]);
	assert_int_equal(store_create(list, 3, &o, NULL), 0);
	assert_int_equal(reactor_create(&r, 64, NULL), 0);
	assert_int_equal(store_open(&s, dirs, r, NULL, NULL, NULL, NULL), 0);
	make_durable(s, r, "here");
	for (unsigned v = 0; v < 3; v++) {
		assert_int_equal(store_latency(s, v, &l), 0);
		assert_string_equal(l.dir, dir[v]);
		assert_true(l.write.count > 0);
		assert_true(l.flush.count > 0);
	}
	assert_int_equal(store_latency(s, 3, &l), -ENOENT);
	replace_last(s, r, dir[2], dir[3]);
	assert_int_equal(store_close(s), 0);
	reactor_destroy(r);
	for (unsigned v = 0; v < 4; v++) {
		snprintf(path, sizeof(path), "%s/volume-%u.matlang", dir[v], v < 2 ? v : 2);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(rmdir(dir[v]), 0);
	}
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_store_counts),
		cmocka_unit_test(test_each_disk_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
