/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several volumes: which directories are taken for a store, and what is said of the others. */
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

#include "storage/reader.h"
#include "storage/store.h"
#include "storage/stripe.h"
#include "storage/verify.h"
#include "storage/volume.h"

#define DISKS 4u

struct shelf {
	char top[64], dir[DISKS + 2][96];
	struct errmsg em;
};

static void shelf_open(struct shelf *s)
{
	snprintf(s->top, sizeof(s->top), "/tmp/matlang-stripe-XXXXXX");
	assert_non_null(mkdtemp(s->top));
	for (unsigned i = 0; i < DISKS + 2; i++)
		snprintf(s->dir[i], sizeof(s->dir[i]), "%s/d%u", s->top, i);
}

static void run(const char *command, const char *a, const char *b)
{
	char line[512];

	snprintf(line, sizeof(line), "%s %s %s", command, a, b);
	assert_int_equal(system(line), 0);
}

static void create(struct shelf *s, unsigned disks, unsigned parity)
{
	const struct store_create_options o = {
		.size_bytes = 6 << 20, .segment_bytes = 1 << 20, .parity = parity, .sparse = true};
	const char *dirs[DISKS + 2];

	for (unsigned i = 0; i < disks; i++)
		dirs[i] = s->dir[i];
	assert_int_equal(store_create(dirs, disks, &o, &s->em), 0);
}

/* A note more in the store of these directories, a word of digits. */
static int note(struct shelf *s, const char *which)
{
	char dirs[600] = "";
	struct reactor *r;
	struct store *st;

	for (const char *p = which; *p; p++)
		snprintf(dirs + strlen(dirs), sizeof(dirs) - strlen(dirs), "%s%s", *dirs ? "," : "",
			 s->dir[*p - '0']);
	assert_int_equal(reactor_create(&r, 64, &s->em), 0);
	int err = store_open(&st, dirs, r, NULL, NULL, NULL, &s->em);

	if (!err) {
		assert_int_equal(store_append_note(st, 0, "here"), 0);
		assert_int_equal(store_close(st), 0);
	}
	reactor_destroy(r);
	return err;
}

/* How many notes a reader finds; *why: what it says of volumes. */
static int count(struct shelf *s, const char *which, char why[256])
{
	const struct reader_query q = {.camera_id = RECORD_ANY_CAMERA,
				       .kinds = RECORD_MASK(RECORD_NOTE),
				       .to_utc_ns = INT64_MAX};
	struct reader_cursor *c;
	struct reader_info info;
	struct record rec;
	char dirs[600] = "";
	struct reader *r;
	int n = 0;

	for (const char *p = which; *p; p++)
		snprintf(dirs + strlen(dirs), sizeof(dirs) - strlen(dirs), "%s%s", *dirs ? "," : "",
			 s->dir[*p - '0']);
	int err = reader_open(&r, dirs, &s->em);

	if (err)
		return err;
	reader_info(r, &info);
	snprintf(why, 256, "%s", info.volumes_why);
	assert_int_equal(reader_cursor_open(&c, r, &q, NULL), 0);
	while (reader_cursor_next(c, &rec) == 1) {
		assert_int_equal(reader_cursor_load(c, &rec), 0);
		n++;
	}
	reader_cursor_close(c);
	reader_close(r);
	return n;
}

static int setup(void **state)
{
	struct shelf *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	shelf_open(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct shelf *s = *state;

	run("rm -rf", s->top, "");
	free(s);
	return 0;
}

static void test_any_order_and_without_one(void **state)
{
	struct shelf *s = *state;
	char why[256];

	create(s, 4, 1);
	assert_int_equal(note(s, "0123"), 0);
	assert_int_equal(count(s, "3102", why), 1);
	assert_string_equal(why, "");
	assert_int_equal(count(s, "310", why), 1);
	assert_non_null(strstr(why, "volume 2: not found"));
	assert_int_equal(count(s, "31", why), -ENODEV);
	assert_non_null(strstr(s->em.text, "3 of the store's 4 volumes are needed, 2 can be used"));
}

static void test_stale_is_not_read(void **state)
{
	struct shelf *s = *state;
	char why[256];

	create(s, 3, 1);
	assert_int_equal(note(s, "012"), 0);
	assert_int_equal(note(s, "01"), 0);
	assert_int_equal(count(s, "012", why), 2);
	assert_non_null(strstr(why, "missed what was written"));
	assert_int_equal(count(s, "02", why), -ENODEV);
	assert_int_equal(note(s, "12"), -ENODEV);
}

static void test_older_copy_is_not_read(void **state)
{
	struct shelf *s = *state;
	char why[256];

	create(s, 3, 1);
	assert_int_equal(note(s, "012"), 0);
	run("cp -r", s->dir[1], s->dir[4]);
	assert_int_equal(note(s, "012"), 0);
	/* In place of the volume it is a copy of. */
	assert_int_equal(count(s, "042", why), 2);
	assert_non_null(strstr(why, "older than the others"));
	/* Both: nobody can tell which was meant. */
	assert_int_equal(count(s, "0142", why), -EINVAL);
	assert_non_null(strstr(s->em.text, "the same volume"));
}

static void test_other_stores_are_refused(void **state)
{
	struct shelf *s = *state;
	const struct store_create_options o = {.size_bytes = 8 << 20, .sparse = true};
	const char *alone = s->dir[4];
	char why[256];

	create(s, 3, 1);
	assert_int_equal(store_create(&alone, 1, &o, &s->em), 0);
	assert_int_equal(count(s, "0124", why), -EINVAL);
	assert_non_null(strstr(s->em.text, "a store of its own"));
}

static void test_bad_numbers(void **state)
{
	struct shelf *s = *state;
	const char *dirs[] = {s->dir[0], s->dir[1]};
	struct store_create_options o = {.size_bytes = 6 << 20, .parity = 2, .sparse = true};

	assert_int_equal(store_create(dirs, 2, &o, &s->em), -EINVAL);
	assert_non_null(strstr(s->em.text, "parity 2 needs at least 3 directories"));
	o.parity = 4;
	assert_int_equal(store_create(dirs, 2, &o, &s->em), -EINVAL);
	o.parity = 1;
	o.size_bytes = 1 << 20;
	assert_int_equal(store_create(dirs, 2, &o, &s->em), -ENOSPC);
	assert_non_null(strstr(s->em.text, "in each directory"));
	/* Nothing is left behind. */
	assert_int_equal(access(s->dir[0], F_OK), -1);
}

static void hear(void *ctx, const char *what)
{
	struct errmsg *em = ctx;

	snprintf(em->text, sizeof(em->text), "%s", what);
}

/* Wrong bytes in a part nobody needs for reading, too: parity. */
static void test_verify_sees_every_block(void **state)
{
	struct shelf *s = *state;
	struct errmsg found = {""};
	const struct verify_callbacks cb = {.damage = hear, .ctx = &found};
	struct verify_result res;
	char dirs[400], path[160];

	create(s, 3, 1);
	assert_int_equal(note(s, "012"), 0);
	snprintf(dirs, sizeof(dirs), "%s,%s,%s", s->dir[0], s->dir[1], s->dir[2]);
	assert_int_equal(verify_store(dirs, &cb, &res, &s->em), 0);
	assert_int_equal(res.damaged, 0);
	for (unsigned i = 0; i < 3; i++) {
		struct format_super sup;
		uint64_t need;
		uint8_t b;

		assert_int_equal(format_layout_striped(6 << 20, 3, 1, 1 << 20, &sup, &need), 0);
		snprintf(path, sizeof(path), "%s/volume-%u.matlang", s->dir[i], i);
		FILE *f = fopen(path, "r+be");
		/* The second stripe of segment 0: its first chunk. */
		long at = (long)(DISK_AREAS_START + (sup.segments_offset - DISK_AREAS_START) / 2 +
				 DISK_BLOCK + 7);

		assert_non_null(f);
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		assert_int_equal(fread(&b, 1, 1, f), 1);
		b ^= 4;
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		assert_int_equal(fwrite(&b, 1, 1, f), 1);
		fclose(f);
		assert_int_equal(verify_store(dirs, &cb, &res, &s->em), 0);
		assert_true(res.damaged > 0);
		char why[256];

		/* Read all the same. */
		assert_int_equal(count(s, "012", why), 1);
		f = fopen(path, "r+be");
		b ^= 4;
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		assert_int_equal(fwrite(&b, 1, 1, f), 1);
		fclose(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_order_and_without_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_older_copy_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_stores_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verify_sees_every_block, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
