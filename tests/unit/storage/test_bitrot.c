/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bit rot over a store that the writer wrote: every flipped bit is named with its place; readers
 * pass over what it hit, and count that, and show everything else as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/storage/rot.h"

#define FLIPS 20u /* in each structure */

static void check_one(struct rot *t, const struct rot_place *p, uint64_t at, unsigned bit)
{
	const struct rot_shown *lost = NULL;
	struct rot_all now;
	size_t gone;

	rot_flip(t, p->offset + at, bit);
	struct verify_result res = rot_verify(t);

	if (!res.damaged || !strstr(t->heard, p->name))
		print_error("bit %u of byte %llu of %s: %s\n", bit, (unsigned long long)at, p->name,
			    res.damaged ? t->heard : "not noticed\n");
	assert_true(res.damaged > 0);
	assert_non_null(strstr(t->heard, p->name));
	assert_true(rot_read(t->lab->disk, &now));
	rot_flip(t, p->offset + at, bit);
	gone = rot_missing(t, &now, false, &lost);
	if (gone > (p->what == ROT_CHUNKS))
		print_error("bit %u of byte %llu of %s (%d): %zu records are gone\n", bit,
			    (unsigned long long)at, p->name, p->what, gone);
	/* The seal and the chunks stand for one another: only a frame that was hit is gone. */
	assert_true(gone <= (p->what == ROT_CHUNKS));
	if (gone) {
		uint64_t from = rot_offset(t, lost);

		assert_int_equal(lost->kind, RECORD_FRAME);
		assert_in_range(p->offset + at, from, from + lost->bytes - 1);
		assert_true(now.damage.records + now.damage.segments > 0);
		assert_non_null(strstr(now.damage.first, p->name));
	}
	free(now.record);
}

static void every_flip_is_named_and_costs_no_more_than_it_hit(void **state)
{
	struct rot *t = rot_make();
	uint64_t random = 20261122;

	(void)state;
	for (unsigned i = 0; i < t->places; i++)
		for (unsigned k = 0; k < FLIPS; k++) {
			const struct rot_place *p = &t->place[i];
			uint64_t at = k < 2   ? k * (p->len - 1)
				      : k < 5 ? simdisk_random(&random) % 64
				      : k < 8 ? p->len - 1 - simdisk_random(&random) % 64
					      : simdisk_random(&random) % p->len;

			check_one(t, p, at, (unsigned)(simdisk_random(&random) % 8));
		}
	assert_int_equal(rot_verify(t).damaged, 0);
	rot_free(t);
}

/* Many at once: whatever opens shows nothing wrong, and what was not hit is all there. */
static void many_flips_leave_the_rest(void **state)
{
	struct rot *t = rot_make();
	uint64_t random = 7;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		bool hit[64] = {0}, other = false;
		struct rot_place *p;
		uint64_t where[24];
		unsigned bit[24], n = 2 + round % 23;
		struct rot_all now;

		for (unsigned i = 0; i < n; i++) {
			p = &t->place[simdisk_random(&random) % t->places];
			where[i] = p->offset + simdisk_random(&random) % p->len;
			bit[i] = (unsigned)(simdisk_random(&random) % 8);
			rot_flip(t, where[i], bit[i]);
			if (p->what == ROT_SUPER || p->what == ROT_CHECKPOINT)
				other = true;
			else
				hit[p->segment] = true;
		}
		bool opened = rot_read(t->lab->disk, &now);

		assert_true(opened || other);
		while (n--)
			rot_flip(t, where[n], bit[n]);
		if (!opened)
			continue;
		const struct rot_shown *lost;

		/* Who gave it up is written in a header and in the checkpoints. */
		rot_missing(t, &now, other, &lost);
		for (size_t i = 0, k = 0; i < t->whole.count && !other; i++) {
			uint64_t at = rot_offset(t, &t->whole.record[i]);

			if (k < now.count && now.record[k].position == t->whole.record[i].position)
				k++;
			else
				assert_true(hit[(at - t->super.segments_offset) / ROT_SEGMENT]);
		}
		free(now.record);
	}
	rot_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flip_is_named_and_costs_no_more_than_it_hit),
		cmocka_unit_test(many_flips_leave_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
