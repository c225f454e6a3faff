/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "capture/camera_ledger.h"
#include "capture/core/monotime.h"

#define MS       NSEC_PER_MSEC
#define INTERVAL (10 * MS)
#define START    (1000 * NSEC_PER_SEC)

struct book {
	struct camera_ledger l;
	uint64_t lost[LOSS_CAUSES];
	unsigned entries;
	struct loss last;
	int64_t t; /* time of the last buffer */
	uint32_t seq;
};

static void enter(void *ctx, const struct loss *loss)
{
	struct book *b = ctx;

	assert_int_equal(loss->camera_id, 7);
	assert_true(loss->first_mono_ns <= loss->last_mono_ns);
	b->lost[loss->cause] += loss->count;
	b->entries++;
	b->last = *loss;
}

static void open_book(struct book *b, double fps)
{
	memset(b, 0, sizeof(*b));
	camera_ledger_init(&b->l, 7, enter, b);
	camera_ledger_rate(&b->l, fps);
	b->t = START;
}

static bool buffer(struct book *b, uint32_t seq, int64_t t)
{
	b->seq = seq;
	b->t = t;
	camera_ledger_buffer(&b->l, seq, t);
	return camera_ledger_delivered(&b->l);
}

static void steady(struct book *b, unsigned n, int64_t interval)
{
	while (n--)
		buffer(b, b->seq + 1, b->t + interval);
}

static uint64_t total(const struct book *b)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < LOSS_CAUSES; i++)
		n += b->lost[i];
	return n;
}

static void numbers_without_holes_lose_nothing(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 1234, START); /* the first number is the base, whatever it is */
	steady(&b, 100, INTERVAL);
	assert_int_equal(b.entries, 0);
}

static void a_hole_is_counted_with_its_cause_and_stretch(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 10, START);
	assert_true(buffer(&b, 14, START + 4 * INTERVAL));
	assert_int_equal(b.lost[LOSS_SEQUENCE_GAP], 3);
	assert_int_equal(b.last.first_mono_ns, START);
	assert_int_equal(b.last.last_mono_ns, START + 4 * INTERVAL);
	assert_false(b.last.estimated);
	assert_false(buffer(&b, 15, START + 5 * INTERVAL));

	camera_ledger_starved(&b.l);
	buffer(&b, 18, START + 8 * INTERVAL);
	assert_int_equal(b.lost[LOSS_NO_SLOT], 2);
	/* Being without a slot excuses the stretch it happened in, no other. */
	buffer(&b, 20, START + 10 * INTERVAL);
	assert_int_equal(b.lost[LOSS_SEQUENCE_GAP], 4);
	assert_int_equal(b.lost[LOSS_NO_SLOT], 2);
}

static void numbers_wrap(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, UINT32_MAX - 1, START);
	buffer(&b, UINT32_MAX, START + INTERVAL);
	buffer(&b, 0, START + 2 * INTERVAL);
	assert_int_equal(b.entries, 0);
	b.l.sequence = UINT32_MAX - 1;
	buffer(&b, 2, START + 6 * INTERVAL);
	assert_int_equal(b.lost[LOSS_SEQUENCE_GAP], 3);
}

static void repeats_and_new_counts_are_no_loss(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 100, START);
	buffer(&b, 100, START + INTERVAL);
	buffer(&b, 99, START + 2 * INTERVAL);
	buffer(&b, 101, START + 3 * INTERVAL); /* the base stayed at 100 */
	assert_int_equal(b.entries, 0);
	buffer(&b, 103, START + 5 * INTERVAL);
	assert_int_equal(total(&b), 1);
	/* Far back: the device counts anew. */
	b.seq = 100000;
	b.l.sequence = 100000;
	buffer(&b, 0, b.t + INTERVAL);
	steady(&b, 5, INTERVAL);
	assert_int_equal(total(&b), 1);
	buffer(&b, b.seq + 2, b.t + 2 * INTERVAL);
	assert_int_equal(total(&b), 2);
	/* Forward by what no camera delivers in that time. */
	buffer(&b, b.seq + 1000000, b.t + INTERVAL);
	steady(&b, 5, INTERVAL);
	assert_int_equal(total(&b), 2);
}

static void time_shows_what_numbers_hide(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 0, START);
	steady(&b, 20, INTERVAL);
	assert_true(buffer(&b, b.seq + 1, b.t + 6 * INTERVAL));
	assert_int_equal(b.entries, 0); /* suspected only */
	steady(&b, 1, INTERVAL);
	assert_int_equal(b.lost[LOSS_TIME_GAP], 5);
	assert_int_equal(b.entries, 1);
	assert_true(b.last.estimated);
	assert_int_equal(b.last.last_mono_ns - b.last.first_mono_ns, 6 * INTERVAL);
}

/* In the dark a camera halves or thirds its rate: every frame it takes arrives. */
static void a_slower_rate_is_no_loss(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 0, START);
	steady(&b, 50, INTERVAL);
	steady(&b, 50, 4 * INTERVAL);
	steady(&b, 50, 2 * INTERVAL);
	steady(&b, 50, INTERVAL);
	assert_int_equal(b.entries, 0);
	/* Jitter below two and a half intervals is none either. */
	for (unsigned i = 0; i < 50; i++) {
		steady(&b, 1, INTERVAL / 10);
		steady(&b, 1, 19 * INTERVAL / 10);
	}
	assert_int_equal(b.entries, 0);
}

static void an_erratic_camera_has_no_time_gaps(void **state)
{
	struct book b;
	unsigned seed = 3;

	open_book(&b, 0);
	buffer(&b, 0, START);
	for (unsigned i = 0; i < 500; i++)
		steady(&b, 1, MS + rand_r(&seed) % 400 * MS);
	assert_int_equal(b.entries, 0);
}

static void absence_is_estimated_from_the_nominal_rate(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 0, START);
	steady(&b, 10, INTERVAL);
	camera_ledger_away(&b.l, LOSS_CAMERA_AWAY, b.t + 300 * MS);
	assert_int_equal(b.entries, 0);
	camera_ledger_tick(&b.l, b.t + 1005 * MS);
	assert_int_equal(b.lost[LOSS_CAMERA_AWAY], 100);
	assert_int_equal(b.last.first_mono_ns, b.t);
	camera_ledger_tick(&b.l, b.t + 2000 * MS);
	assert_int_equal(b.lost[LOSS_CAMERA_AWAY], 200);
	/* The first buffer after it is the 300th interval's end; its number means nothing. */
	assert_true(buffer(&b, 55, b.t + 3001 * MS));
	assert_int_equal(b.lost[LOSS_CAMERA_AWAY], 299);
	assert_true(b.last.estimated);
	assert_int_equal(b.last.last_mono_ns, b.t);
	assert_int_equal(total(&b), 299);
	steady(&b, 20, INTERVAL);
	assert_int_equal(total(&b), 299);
}

static void stopped_and_away_follow_one_another(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 0, START);
	camera_ledger_away(&b.l, LOSS_STOPPED, START + INTERVAL);
	camera_ledger_away(&b.l, LOSS_CAMERA_AWAY, START + 50 * INTERVAL);
	assert_int_equal(b.lost[LOSS_STOPPED], 50);
	buffer(&b, 0, START + 80 * INTERVAL);
	assert_int_equal(b.lost[LOSS_STOPPED], 50);
	assert_int_equal(b.lost[LOSS_CAMERA_AWAY], 29);
}

static void an_unknown_rate_leaves_a_stretch_without_a_number(void **state)
{
	struct book b;

	open_book(&b, 0);
	camera_ledger_begin(&b.l, START);
	camera_ledger_away(&b.l, LOSS_CAMERA_AWAY, START);
	camera_ledger_tick(&b.l, START + 60 * NSEC_PER_SEC);
	assert_int_equal(b.entries, 1);
	assert_int_equal(b.last.count, 0);
	assert_true(b.last.estimated);
	assert_int_equal(b.last.first_mono_ns, START);
	camera_ledger_rate(&b.l, 100);
	buffer(&b, 0, START + 61 * NSEC_PER_SEC);
	assert_int_equal(b.last.last_mono_ns, START + 61 * NSEC_PER_SEC);
}

static void switching_on_is_no_absence_unless_it_fails(void **state)
{
	struct book b;

	open_book(&b, 100);
	camera_ledger_begin(&b.l, START);
	assert_false(buffer(&b, 3, START + 70 * INTERVAL));
	assert_int_equal(b.entries, 0);
	/* Off and on again: only the time it was off. */
	camera_ledger_away(&b.l, LOSS_STOPPED, b.t + INTERVAL);
	camera_ledger_begin(&b.l, b.t + 30 * INTERVAL);
	buffer(&b, 3, b.t + 60 * INTERVAL);
	assert_int_equal(b.lost[LOSS_STOPPED], 30);
	assert_int_equal(total(&b), 30);

	open_book(&b, 100);
	camera_ledger_begin(&b.l, START);
	camera_ledger_away(&b.l, LOSS_CAMERA_AWAY, START + 20 * INTERVAL);
	buffer(&b, 3, START + 70 * INTERVAL);
	assert_int_equal(total(&b), 69);
	assert_int_equal(b.last.first_mono_ns, START);
}

static void a_break_without_a_count_still_marks_the_frame(void **state)
{
	struct book b;

	open_book(&b, 0);
	camera_ledger_begin(&b.l, START);
	assert_false(buffer(&b, 0, START));
	camera_ledger_away(&b.l, LOSS_STOPPED, START + INTERVAL);
	assert_true(buffer(&b, 0, START + 3 * INTERVAL));
	assert_int_equal(b.entries, 0);
}

static void closing_enters_what_is_known(void **state)
{
	struct book b;

	open_book(&b, 100);
	buffer(&b, 0, START);
	steady(&b, 20, INTERVAL);
	buffer(&b, b.seq + 1, b.t + 6 * INTERVAL);
	camera_ledger_close(&b.l, b.t);
	assert_int_equal(b.lost[LOSS_TIME_GAP], 5);
	camera_ledger_away(&b.l, LOSS_CAMERA_AWAY, b.t);
	camera_ledger_close(&b.l, b.t + 10 * INTERVAL);
	assert_int_equal(b.lost[LOSS_CAMERA_AWAY], 10);
}

/* Away in many pieces, with ticks anywhere: the sum is what one piece would give. */
static void estimates_do_not_depend_on_ticks(void **state)
{
	unsigned seed = 11;

	for (unsigned round = 0; round < 200; round++) {
		int64_t away = (1 + rand_r(&seed) % 5000) * MS;
		struct book whole, ticked;

		open_book(&whole, 29.97);
		buffer(&whole, 0, START);
		camera_ledger_away(&whole.l, LOSS_CAMERA_AWAY, START);
		buffer(&whole, 0, START + away);
		open_book(&ticked, 29.97);
		buffer(&ticked, 0, START);
		camera_ledger_away(&ticked.l, LOSS_CAMERA_AWAY, START);
		/* The last tick one interval before the end: a tick counts intervals, the frame
		 * that ends the absence is one of them. */
		for (int64_t t = 0; t < away - 34 * MS; t += (1 + rand_r(&seed) % 400) * MS)
			camera_ledger_tick(&ticked.l, START + t);
		buffer(&ticked, 0, START + away);
		assert_int_equal(total(&ticked), total(&whole));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_without_holes_lose_nothing),
		cmocka_unit_test(a_hole_is_counted_with_its_cause_and_stretch),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(repeats_and_new_counts_are_no_loss),
		cmocka_unit_test(time_shows_what_numbers_hide),
		cmocka_unit_test(a_slower_rate_is_no_loss),
		cmocka_unit_test(an_erratic_camera_has_no_time_gaps),
		cmocka_unit_test(absence_is_estimated_from_the_nominal_rate),
		cmocka_unit_test(stopped_and_away_follow_one_another),
		cmocka_unit_test(an_unknown_rate_leaves_a_stretch_without_a_number),
		cmocka_unit_test(switching_on_is_no_absence_unless_it_fails),
		cmocka_unit_test(a_break_without_a_count_still_marks_the_frame),
		cmocka_unit_test(closing_enters_what_is_known),
		cmocka_unit_test(estimates_do_not_depend_on_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
