/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept twice or follows from the rest is written anew, and nothing else is touched. */
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

#include "storage/repair.h"
#include "tests/unit/storage/rot.h"

struct told {
	unsigned steps;
	struct repair_step step[64];
};

static void hear(void *ctx, const struct repair_step *step)
{
	struct told *t = ctx;

	assert_true(t->steps < 64);
	t->step[t->steps++] = *step;
}

static int repair(struct rot *t, bool dry_run, struct told *told)
{
	const struct repair_callbacks cb = {hear, told};
	struct repair_result res = {0};
	struct errmsg em = {""};

	*told = (struct told){0};
	int err = repair_store_io("box", &simdisk_io, t->lab->disk, dry_run, &cb, &res, &em);

	assert_int_equal(res.steps, err ? 0 : told->steps);
	assert_int_equal(!!err, !!*em.text);
	return err;
}

/* All records are shown again, and the writer goes on behind them. */
static void check_whole(struct rot *t)
{
	const struct rot_shown *lost;
	struct rot_all now;

	struct verify_result res = rot_verify(t);

	if (res.damaged)
		print_error("%s", t->heard);
	assert_int_equal(res.damaged, 0);
	assert_true(rot_read(t->lab->disk, &now));
	assert_int_equal(rot_missing(t, &now, false, &lost), 0);
	assert_int_equal(now.damage.records + now.damage.segments, 0);
	free(now.record);
}

static enum repair_what repaired_as(enum rot_what what)
{
	switch (what) {
	case ROT_SUPER: return REPAIR_SUPERBLOCK;
	case ROT_CHECKPOINT: return REPAIR_CHECKPOINT;
	case ROT_HEADER: return REPAIR_HEADER;
	default: return REPAIR_SEAL;
	}
}

static void a_whole_store_is_left_alone(void **state)
{
	struct rot *t = rot_make();
	struct told told;
	uint64_t before = simdisk_submitted(t->lab->disk);

	(void)state;
	assert_int_equal(repair(t, false, &told), 0);
	assert_int_equal(told.steps, 0);
	/* One flush and no write. */
	assert_true(simdisk_submitted(t->lab->disk) <= before + 2);
	check_whole(t);
	rot_free(t);
}

static void each_structure_is_written_anew(void **state)
{
	struct rot *t = rot_make();
	uint64_t random = 3;
	uint32_t first = 0;

	(void)state;
	for (unsigned i = 0; i < t->places; i++)
		if (t->place[i].what == ROT_CHUNKS &&
		    rot_offset(t, &t->whole.record[0]) - t->place[i].offset < t->place[i].len)
			first = t->place[i].segment;
	for (unsigned i = 0; i < t->places * 4; i++) {
		const struct rot_place *p = &t->place[i % t->places];
		uint64_t at = p->offset + simdisk_random(&random) % p->len;
		struct told told;

		/* Footage is kept once; and where the oldest segment came from nobody knows. */
		if (p->what == ROT_CHUNKS || (p->what == ROT_HEADER && p->segment == first))
			continue;
		uint8_t was[DISK_BLOCK];

		memcpy(was, simdisk_image(t->lab->disk) + p->offset, sizeof(was));
		rot_flip(t, at, (unsigned)(simdisk_random(&random) % 8));
		assert_true(rot_verify(t).damaged > 0);
		assert_int_equal(repair(t, true, &told), 0);
		assert_int_equal(told.steps, 1);
		assert_true(rot_verify(t).damaged > 0);
		assert_int_equal(repair(t, false, &told), 0);
		assert_int_equal(told.steps, 1);
		assert_int_equal(told.step[0].what, repaired_as(p->what));
		if (p->what != ROT_SUPER && p->what != ROT_CHECKPOINT)
			assert_int_equal(told.step[0].index, p->segment);
		/* Seals and checkpoints may know of other samples of the clock. */
		if (p->what == ROT_SUPER || p->what == ROT_HEADER)
			assert_memory_equal(was, simdisk_image(t->lab->disk) + p->offset,
					    sizeof(was));
		check_whole(t);
	}
	rot_free(t);
}

/* All that can be spared at once. */
static void with_little_left_everything_comes_back(void **state)
{
	struct rot *t = rot_make();
	struct told told;
	unsigned hit = 0;

	(void)state;
	for (unsigned i = 0; i < t->places; i++) {
		const struct rot_place *p = &t->place[i];

		if (p->what == ROT_SUPER || p->what == ROT_CHECKPOINT || p->what == ROT_SEAL) {
			memset(simdisk_image(t->lab->disk) + p->offset, 0x5a, p->len);
			hit++;
		}
	}
	assert_int_equal(repair(t, false, &told), 0);
	assert_true(told.steps + 1 >= hit);
	check_whole(t);
	/* The writer takes it as it is. */
	lab_open(t->lab);
	assert_int_equal(lab_frame(t->lab, 0, 5000, 1), 0);
	assert_int_equal(lab_close(t->lab), 0);
	assert_int_equal(rot_verify(t).damaged, 0);
	assert_int_equal(repair(t, false, &told), 0);
	assert_int_equal(told.steps, 0);
	rot_free(t);
}

/* A seal over damaged chunks lists what can still be read. */
static void a_seal_over_damage_keeps_the_rest(void **state)
{
	struct rot *t = rot_make();
	const struct rot_place *chunks = NULL, *seal = NULL;
	const struct rot_shown *lost;
	struct rot_all before, after;
	struct told told;

	(void)state;
	for (unsigned i = 0; i < t->places; i++)
		if (t->place[i].what == ROT_SEAL) {
			seal = &t->place[i];
			chunks = &t->place[i - 1];
		}
	assert_int_equal(chunks->what, ROT_CHUNKS);
	memset(simdisk_image(t->lab->disk) + chunks->offset + chunks->len / 2, 0, 20000);
	rot_flip(t, seal->offset + seal->len - 100, 3);
	assert_true(rot_read(t->lab->disk, &before));
	assert_int_equal(repair(t, false, &told), 0);
	assert_int_equal(told.steps, 1);
	assert_int_equal(told.step[0].what, REPAIR_SEAL);
	assert_true(rot_read(t->lab->disk, &after));
	assert_true(rot_missing(t, &after, false, &lost) > 0);
	assert_true(after.count >= before.count);
	assert_true(after.count + 20 > t->whole.count);
	free(before.record);
	free(after.record);
	rot_free(t);
}

static void both_superblocks_follow_from_the_segments(void **state)
{
	struct rot *t = rot_make();
	struct format_super s;
	struct told told;

	(void)state;
	memset(simdisk_image(t->lab->disk), 0, DISK_AREAS_START);
	assert_int_equal(repair(t, true, &told), 0);
	assert_int_equal(told.steps, 2);
	assert_int_equal(format_super_decode(simdisk_image(t->lab->disk), &s, NULL), -EBADMSG);
	assert_int_equal(repair(t, false, &told), 0);
	assert_int_equal(told.steps, 2);
	assert_int_equal(format_super_decode(simdisk_image(t->lab->disk), &s, NULL), 0);
	assert_memory_equal(s.store_uuid, t->super.store_uuid, 16);
	assert_int_equal(s.segments, t->super.segments);
	assert_true(s.segments_offset == t->super.segments_offset);
	assert_true(s.area_offset[1] == t->super.area_offset[1]);
	assert_true(s.area_bytes == t->super.area_bytes);
	assert_int_equal(s.cameras_max, t->super.cameras_max);
	check_whole(t);
	rot_free(t);
}

static void without_any_segment_it_refuses(void **state)
{
	struct rot *t = rot_make();
	struct told told;

	(void)state;
	memset(simdisk_image(t->lab->disk), 0, DISK_AREAS_START);
	for (unsigned i = 0; i < t->places; i++)
		if (t->place[i].what == ROT_HEADER)
			rot_flip(t, t->place[i].offset + 100, 1);
	/* Those that were given up are not among the places. */
	for (uint32_t i = 0; i < t->super.segments; i++)
		simdisk_image(t->lab->disk)[format_segment_offset(&t->super, i)] = 0;
	assert_int_equal(repair(t, false, &told), -EBADMSG);
	assert_int_equal(told.steps, 0);
	rot_free(t);
}

static void lost(void *ctx, const struct loss *loss)
{
}

static void trouble(void *ctx, const char *why)
{
}

static void durable(void *ctx, uint64_t position)
{
}

static void a_store_in_use_is_refused(void **state)
{
	const struct store_create_options o = {.size_bytes = 12 << 20, .sparse = true};
	const struct store_callbacks cb = {lost, trouble, durable};
	const struct store_options options = {.commit_ns = NSEC_PER_SEC};
	char dir[] = "/tmp/matlang-repair-XXXXXX", path[64];
	const char *dirs[1];
	struct repair_result res;
	struct reactor *reactor;
	struct store *store;
	struct errmsg em = {""};

	(void)state;
	assert_non_null(mkdtemp(dir));
	dirs[0] = dir;
	assert_int_equal(store_create(dirs, 1, &o, &em), 0);
	assert_int_equal(reactor_create(&reactor, 64, NULL), 0);
	assert_int_equal(store_open(&store, dir, reactor, &options, &cb, NULL, &em), 0);
	assert_int_equal(repair_store(dir, false, NULL, &res, &em), -EBUSY);
	assert_true(*em.text);
	assert_int_equal(store_close(store), 0);
	assert_int_equal(repair_store(dir, false, NULL, &res, &em), 0);
	assert_int_equal(res.steps, 0);
	reactor_destroy(reactor);
	snprintf(path, sizeof(path), "%s/" DISK_VOLUME_FILE, dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(repair_store(dir, true, NULL, &res, &em), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_store_is_left_alone),
		cmocka_unit_test(each_structure_is_written_anew),
		cmocka_unit_test(with_little_left_everything_comes_back),
		cmocka_unit_test(a_seal_over_damage_keeps_the_rest),
		cmocka_unit_test(both_superblocks_follow_from_the_segments),
		cmocka_unit_test(without_any_segment_it_refuses),
		cmocka_unit_test(a_store_in_use_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
