/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creating and opening on a real file system: what goes wrong is said in one line, with numbers,
 * and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/disk_format.h"
#include "storage/store.h"

struct place {
	char dir[64], path[128];
	struct reactor *reactor;
	struct errmsg em;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/matlang-volume-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/" DISK_VOLUME_FILE, p->dir);
	assert_int_equal(reactor_create(&p->reactor, 64, NULL), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->dir);
	reactor_destroy(p->reactor);
	free(p);
	return 0;
}

static int create(struct place *p, uint64_t bytes, bool sparse)
{
	const char *dirs[] = {p->dir};
	const struct store_create_options o = {
		.size_bytes = bytes, .segment_bytes = 1 << 20, .sparse = sparse};

	p->em.text[0] = 0;
	return store_create(dirs, 1, &o, &p->em);
}

static int open_store(struct place *p, struct store **s)
{
	const struct store_options o = {.memory_bytes = 1 << 20};

	p->em.text[0] = 0;
	return store_open(s, p->dir, p->reactor, &o, NULL, NULL, &p->em);
}

static void patch(struct place *p, off_t at, const void *bytes, size_t n)
{
	int fd = open(p->path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

static void test_creates_once(void **state)
{
	struct place *p = *state;
	struct stat st;

	assert_int_equal(create(p, 8 << 20, false), 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_size, 8 << 20);
	/* Its space is there already. */
	assert_true(st.st_blocks * 512 >= 8 << 20);
	assert_int_equal(create(p, 8 << 20, false), -EEXIST);
	assert_non_null(strstr(p->em.text, "already"));
}

static void test_too_small_says_how_much(void **state)
{
	struct place *p = *state;

	assert_int_equal(create(p, 3 << 20, false), -ENOSPC);
	assert_non_null(strstr(p->em.text, "3072 KiB is too small"));
	assert_non_null(strstr(p->em.text, "more"));
	assert_int_equal(access(p->path, F_OK), -1);
}

static void test_too_large_says_how_much(void **state)
{
	struct place *p = *state;

	assert_int_equal(create(p, UINT64_C(1) << 50, false), -ENOSPC);
	assert_non_null(strstr(p->em.text, "1073741824 MiB"));
	assert_non_null(strstr(p->em.text, "are free"));
	assert_int_equal(access(p->path, F_OK), -1);
}

static void test_bad_segment_size(void **state)
{
	struct place *p = *state;
	const char *dirs[] = {p->dir, p->dir};
	struct store_create_options o = {.size_bytes = 64 << 20, .segment_bytes = 3 << 20};

	assert_int_equal(store_create(dirs, 1, &o, &p->em), -EINVAL);
	o.segment_bytes = 1 << 20;
	assert_int_equal(store_create(dirs, 2, &o, &p->em), -EINVAL);
	assert_non_null(strstr(p->em.text, "named twice"));
	assert_int_equal(access(p->path, F_OK), -1);
}

static int stop_half(void *ctx, uint64_t done, uint64_t total)
{
	unsigned *calls = ctx;

	++*calls;
	assert_true(done <= total);
	return done >= total / 2;
}

static void test_stopped_leaves_nothing(void **state)
{
	struct place *p = *state;
	char dir[128];
	const char *dirs[] = {dir};
	unsigned calls = 0;
	const struct store_create_options o = {
		.size_bytes = 32 << 20, .progress = stop_half, .progress_ctx = &calls};

	snprintf(dir, sizeof(dir), "%s/new", p->dir);
	assert_int_equal(store_create(dirs, 1, &o, &p->em), -ECANCELED);
	assert_true(calls > 1);
	/* The directory it made is gone too. */
	assert_int_equal(access(dir, F_OK), -1);
}

static void test_no_store(void **state)
{
	struct place *p = *state;
	struct store *s;

	assert_int_equal(open_store(p, &s), -ENOENT);
	assert_non_null(strstr(p->em.text, "matlang store create"));
}

/* Another process has it: its number is told. */
static void test_locked(void **state)
{
	struct place *p = *state;
	struct store *s;
	char pid[32];
	int ready[2], done[2];
	char c;

	assert_int_equal(create(p, 8 << 20, true), 0);
	assert_int_equal(pipe(ready) | pipe(done), 0);
	pid_t child = fork();

	if (!child) {
		struct reactor *r;

		close(done[1]);
		if (reactor_create(&r, 8, NULL) ||
		    store_open(&s, p->dir, r, NULL, NULL, NULL, NULL))
			_exit(1);
		if (write(ready[1], "x", 1) != 1 || read(done[0], &c, 1))
			_exit(1);
		_exit(store_close(s) != 0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(open_store(p, &s), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", (int)child);
	assert_non_null(strstr(p->em.text, pid));
	close(done[0]);
	close(done[1]);
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(open_store(p, &s), 0);
	/* This process has it itself. */
	struct store *again;

	assert_int_equal(open_store(p, &again), -EBUSY);
	assert_int_equal(store_close(s), 0);
}

/* Rewrites both superblocks after a change. */
static void change_super(struct place *p, size_t at, uint8_t value)
{
	uint8_t b[DISK_BLOCK];
	int fd = open(p->path, O_RDONLY);

	assert_int_equal(pread(fd, b, sizeof(b), 0), (ssize_t)sizeof(b));
	close(fd);
	b[at] = value;
	uint32_t crc = format_crc32c(0, b, DISK_BLOCK - 4);

	for (unsigned i = 0; i < 4; i++)
		b[DISK_BLOCK - 4 + i] = (uint8_t)(crc >> (8 * i));
	patch(p, DISK_SUPER_A, b, sizeof(b));
	patch(p, DISK_SUPER_B, b, sizeof(b));
}

static void test_other_formats(void **state)
{
	struct place *p = *state;
	struct store *s;

	assert_int_equal(create(p, 8 << 20, true), 0);
	change_super(p, 8, 2);
	assert_int_equal(open_store(p, &s), -EPROTO);
	assert_non_null(strstr(p->em.text, "version 2"));
	change_super(p, 8, 1);
	change_super(p, 32, 4);
	assert_int_equal(open_store(p, &s), -EPROTO);
	assert_non_null(strstr(p->em.text, "0x4"));
	change_super(p, 32, 0);
	change_super(p, 24, 1);
	assert_int_equal(open_store(p, &s), -EPROTO);
	change_super(p, 24, 0);
	/* A compatible feature stops nobody. */
	change_super(p, 16, 1);
	assert_int_equal(open_store(p, &s), 0);
	assert_int_equal(store_close(s), 0);
	/* Several volumes without the feature that says so. */
	change_super(p, 76, 2);
	assert_int_equal(open_store(p, &s), -EBADMSG);
}

static void test_damaged_superblocks(void **state)
{
	struct place *p = *state;
	struct store *s;

	assert_int_equal(create(p, 8 << 20, true), 0);
	patch(p, DISK_SUPER_A + 100, "x", 1);
	assert_int_equal(open_store(p, &s), 0);
	assert_int_equal(store_close(s), 0);
	patch(p, DISK_SUPER_B + 100, "x", 1);
	assert_int_equal(open_store(p, &s), -EBADMSG);
	assert_non_null(strstr(p->em.text, "matlang store verify"));
}

static void test_cut_off(void **state)
{
	struct place *p = *state;
	struct store *s;

	assert_int_equal(create(p, 8 << 20, true), 0);
	assert_int_equal(truncate(p->path, 6 << 20), 0);
	assert_int_equal(open_store(p, &s), -EBADMSG);
	assert_non_null(strstr(p->em.text, "2097152 bytes shorter"));
}

static void test_camera_names(void **state)
{
	struct place *p = *state;
	struct store *s;
	uint32_t a, b;
	char name[80];

	assert_int_equal(create(p, 8 << 20, true), 0);
	assert_int_equal(open_store(p, &s), 0);
	assert_int_equal(store_camera(s, "gate", &a), 0);
	assert_int_equal(store_camera(s, "gate", &b), 0);
	assert_int_equal(a, b);
	assert_int_equal(store_camera(s, "", &b), -EINVAL);
	assert_int_equal(store_camera(s, "a/b", &b), -EINVAL);
	assert_int_equal(store_camera(s, "-a", &b), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[65] = 0;
	assert_int_equal(store_camera(s, name, &b), -EINVAL);
	name[64] = 0;
	assert_int_equal(store_camera(s, name, &b), 0);
	for (unsigned i = 2; i < 1024; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(store_camera(s, name, &b), 0);
		assert_int_equal(b, i + 1);
	}
	assert_int_equal(store_camera(s, "one-more", &b), -ENOSPC);
	assert_int_equal(store_append_note(s, 0, "so that there is a checkpoint"), 0);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(open_store(p, &s), 0);
	assert_int_equal(store_camera(s, "c1000", &b), 0);
	assert_int_equal(b, 1001);
	assert_int_equal(store_close(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_creates_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_small_says_how_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large_says_how_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_segment_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_formats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_superblocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_camera_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
