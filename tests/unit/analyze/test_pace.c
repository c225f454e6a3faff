/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/pace.h"

#define SECOND 1000000000ll

/* What became of `frames` frames of a camera of `fps`, with a key frame every `gop`. */
struct tally {
	unsigned verdict[4];
};

static struct tally run(struct pace *p, unsigned fps, unsigned gop, unsigned frames, int64_t *at)
{
	struct tally t = {{0}};

	for (unsigned i = 0; i < frames; i++) {
		/* Cameras are not exact. */
		int64_t now = *at + i * SECOND / fps + (i % 3) * SECOND / 1000;

		t.verdict[pace_judge(p, now, gop > 0, gop && i % gop == 0)]++;
	}
	*at += frames * SECOND / fps;
	return t;
}

static void test_rate_is_kept(void **state)
{
	struct pace p = {.rate = 4};
	int64_t at = 0;
	struct tally t = run(&p, 15, 0, 150, &at);

	assert_in_range(t.verdict[PACE_WANT], 39, 41);
	assert_int_equal(t.verdict[PACE_FEED] + t.verdict[PACE_MISS], 0);
	pace_set_rate(&p, 0);
	t = run(&p, 15, 0, 150, &at);
	assert_int_equal(t.verdict[PACE_WANT], 150);
}

static void test_decoder_sees_all(void **state)
{
	struct pace p = {.rate = 4};
	int64_t at = 0;
	struct tally t = run(&p, 15, 30, 150, &at);

	assert_in_range(t.verdict[PACE_WANT], 39, 41);
	assert_int_equal(t.verdict[PACE_WANT] + t.verdict[PACE_FEED], 150);
}

static void test_key_frames_alone(void **state)
{
	struct pace p = {.rate = 1};
	int64_t at = 0;
	struct tally t;

	/* Once the gap is known, key frames twice a second are more than enough: every other one.
	 */
	run(&p, 15, 7, 14, &at);
	t = run(&p, 15, 7, 150, &at);
	assert_in_range(t.verdict[PACE_WANT], 9, 12);
	assert_int_equal(t.verdict[PACE_FEED], 0);
	assert_int_equal(t.verdict[PACE_LEAVE], 150 - t.verdict[PACE_WANT]);
	/* As many as are wanted: none is left out for a little unevenness. */
	pace_break(&p);
	run(&p, 15, 15, 30, &at);
	t = run(&p, 15, 15, 150, &at);
	assert_int_equal(t.verdict[PACE_WANT], 10);
	assert_int_equal(t.verdict[PACE_FEED], 0);
	/* Too few: all must be decoded again, from the next key frame on, and what could not be
	 * seen before it is told. */
	t = run(&p, 15, 60, 300, &at);
	assert_in_range(t.verdict[PACE_MISS], 1, 4);
	assert_in_range(t.verdict[PACE_FEED], 200, 300);
	t = run(&p, 15, 60, 150, &at);
	assert_int_equal(t.verdict[PACE_MISS], 0);
	assert_in_range(t.verdict[PACE_WANT], 9, 11);
	/* A rate that asks for more than key frames. */
	run(&p, 15, 15, 30, &at);
	pace_set_rate(&p, 5);
	t = run(&p, 15, 15, 150, &at);
	assert_in_range(t.verdict[PACE_WANT], 49, 51);
}

static void test_lost_frames_wait_for_a_key(void **state)
{
	struct pace p = {.rate = 15};
	int64_t at = 0;
	struct tally t;

	run(&p, 15, 30, 45, &at);
	pace_lost(&p);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pace_judge(&p, at + i * SECOND / 14, true, false), PACE_MISS);
	at += SECOND;
	t = run(&p, 15, 30, 30, &at);
	assert_int_equal(t.verdict[PACE_MISS], 0);
	pace_lost(&p);
	pace_break(&p);
	/* The camera comes back with whatever it has: its decoder has been reset, too. */
	assert_int_equal(pace_judge(&p, at, true, false), PACE_WANT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_is_kept),
		cmocka_unit_test(test_decoder_sees_all),
		cmocka_unit_test(test_key_frames_alone),
		cmocka_unit_test(test_lost_frames_wait_for_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
