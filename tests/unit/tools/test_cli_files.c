/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control files as a client sees them, and files that appear whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tools/matlang/box.h"
#include "tools/matlang/control.h"
#include "tools/matlang/outputs.h"

struct tree {
	char dir[64];
	struct control box;
};

static void put(const char *dir, const char *path, const char *text)
{
	char name[256];
	FILE *f;

	snprintf(name, sizeof(name), "%s/%s", dir, path);
	f = fopen(name, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static char *get(const char *dir, const char *path, char *out, size_t size)
{
	char name[256];
	FILE *f;
	size_t n;

	snprintf(name, sizeof(name), "%s/%s", dir, path);
	f = fopen(name, "r");
	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	fclose(f);
	return out;
}

static int setup(void **state)
{
	static const char *const dirs[] = {"cameras",      "cameras/gate",      "cameras/gate/lost",
					   "cameras/yard", "cameras/yard/lost", "storage"};
	struct tree *t = calloc(1, sizeof(*t));
	char name[128];

	strcpy(t->dir, "/tmp/matlang-files-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(name, sizeof(name), "%s/%s", t->dir, dirs[i]);
		if (mkdir(name, 0755) < 0)
			return -1;
	}
	put(t->dir, "state", "ok\n");
	put(t->dir, "cameras/gate/state", "streaming\n");
	put(t->dir, "cameras/gate/enabled", "1\n");
	put(t->dir, "cameras/gate/fps", "14.9\n");
	put(t->dir, "cameras/gate/lost/torn", "3\n");
	put(t->dir, "cameras/gate/lost/disk-late", "8\n");
	put(t->dir, "cameras/gate/lost_total", "11\n");
	put(t->dir, "cameras/yard/state", "waiting\n");
	put(t->dir, "cameras/yard/enabled", "1\n");
	put(t->dir, "cameras/yard/why", "no such device\n");
	put(t->dir, "cameras/gate/all", "state streaming\n");
	control_init(&t->box, t->dir);
	*state = t;
	return 0;
}

static int drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct tree *t = *state;
	int err = nftw(t->dir, drop, 16, FTW_DEPTH | FTW_PHYS);

	free(t);
	return err;
}

static void values_are_read_and_written(void **state)
{
	struct tree *t = *state;
	char value[64], name[128];
	struct errmsg em;

	assert_int_equal(control_check(&t->box, &em), 0);
	assert_int_equal(control_read(&t->box, "cameras/gate/fps", value, sizeof(value), &em), 0);
	assert_string_equal(value, "14.9");
	assert_int_equal(control_number(&t->box, "cameras/gate/lost/torn", -1), 3);
	assert_int_equal(control_number(&t->box, "cameras/gate/fps", -1), -1);
	assert_true(control_real(&t->box, "cameras/gate/fps", 0) == 14.9);
	snprintf(name, sizeof(name), "%s/cameras/gate/fps", t->dir);
	assert_int_equal(control_write(&t->box, name, "10", &em), 0);
	assert_string_equal(get(t->dir, "cameras/gate/fps", value, sizeof(value)), "10\n");
	assert_int_equal(control_read(&t->box, "cameras", value, sizeof(value), &em), -EISDIR);
	assert_int_equal(control_write(&t->box, "cameras/gate/none", "1", &em), -ENOENT);
	assert_non_null(strstr(em.text, "cameras/gate/none"));
}

static void nothing_outside_is_touched(void **state)
{
	static const char *const outside[] = {"..", "../etc/passwd", "cameras/../../x",
					      "/etc/passwd", "cameras/.."};
	struct tree *t = *state;
	struct control_paths list = {0};
	char value[64], longer[160];
	struct errmsg em;

	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		assert_int_equal(control_read(&t->box, outside[i], value, sizeof(value), &em),
				 -EINVAL);
		assert_int_equal(control_write(&t->box, outside[i], "1", &em), -EINVAL);
		assert_int_equal(control_list(&t->box, outside[i], &list, &em), -EINVAL);
	}
	snprintf(longer, sizeof(longer), "%s-other/x", t->dir);
	assert_int_equal(control_read(&t->box, longer, value, sizeof(value), &em), -EINVAL);
	control_paths_free(&list);
}

static void lists_take_patterns_and_directories(void **state)
{
	static const struct {
		const char *pattern;
		size_t count;
		const char *first;
	} rows[] = {
		{"cameras/gate/fps", 1, "cameras/gate/fps"},
		{"cameras/*/state", 2, "cameras/gate/state"},
		{"cameras/gate", 6, "cameras/gate/enabled"},
		{"cameras/gate/", 6, "cameras/gate/enabled"},
		{".", 10, "cameras/gate/enabled"},
		{"cameras/[y]*/why", 1, "cameras/yard/why"},
	};
	struct tree *t = *state;
	struct errmsg em;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct control_paths list = {0};

		assert_int_equal(control_list(&t->box, rows[i].pattern, &list, &em), 0);
		assert_int_equal(list.count, rows[i].count);
		assert_string_equal(list.path[0], rows[i].first);
		control_paths_free(&list);
	}
	{
		struct control_paths list = {0};

		assert_int_equal(control_list(&t->box, "cameras/n*", &list, &em), -ENOENT);
		assert_int_equal(control_list(&t->box, "storage", &list, &em), -ENOENT);
		control_paths_free(&list);
	}
}

/* A full device refuses the write; the box's own reason is what a person reads. */
static void a_refusal_shows_the_reason(void **state)
{
	struct tree *t = *state;
	char name[128];
	struct errmsg em;

	snprintf(name, sizeof(name), "%s/cameras/gate/rate", t->dir);
	if (access("/dev/full", W_OK) < 0) {
		puts("SKIP: no /dev/full here");
		skip();
	}
	assert_int_equal(symlink("/dev/full", name), 0);
	assert_int_equal(control_write(&t->box, "cameras/gate/rate", "1", &em), -ENOSPC);
	assert_non_null(strstr(em.text, strerror(ENOSPC)));
	put(t->dir, "last_error", "cameras/gate/rate: not within 0..240\n");
	assert_int_equal(control_write(&t->box, "cameras/gate/rate", "999", &em), -ENOSPC);
	assert_string_equal(em.text, "cameras/gate/rate: not within 0..240");
}

static void what_a_crash_left_mounted_is_no_box(void **state)
{
	struct tree *t = *state;
	struct control box = {.dir = t->dir};
	struct box_cameras all;
	struct errmsg em = {""};
	char options[96];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (fd < 0 || mount("dead", t->dir, "fuse", MS_NOSUID | MS_NODEV, options)) {
		printf("SKIP: FUSE cannot be mounted here: %s\n", strerror(errno));
		if (fd >= 0)
			close(fd);
		skip();
	}
	close(fd);
	assert_int_equal(access(t->dir, F_OK), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(control_check(&box, &em), -ENOENT);
	assert_non_null(strstr(em.text, "no matlang is running"));
	assert_int_equal(box_cameras_read(&all, &box), 0);
	assert_int_equal(all.count, 0);
	box_cameras_free(&all);
	assert_int_equal(umount2(t->dir, MNT_DETACH), 0);
}

static void cameras_are_summed_up(void **state)
{
	struct tree *t = *state;
	struct box_cameras all;

	put(t->dir, "cameras/gate/all",
	    "title \nstate streaming\nwhy \nenabled 1\nfps 14.9\nlost_total 11\nlost/torn 3\n"
	    "lost/disk-late 8\nmotion/in_event 1\n");
	put(t->dir, "cameras/yard/all",
	    "title Sân sau\nstate waiting\nwhy no such device\nenabled 1\nlost_total 0\n");
	assert_int_equal(box_cameras_read(&all, &t->box), 0);
	assert_int_equal(all.count, 2);
	assert_string_equal(all.item[0].name, "gate");
	assert_true(all.item[0].streaming);
	assert_false(box_camera_in_trouble(&all.item[0]));
	assert_int_equal(all.item[0].lost_total, 11);
	assert_int_equal(box_camera_main_cause(&all.item[0]), LOSS_DISK_LATE);
	assert_true(box_camera_in_trouble(&all.item[1]));
	assert_string_equal(all.item[0].title, "");
	assert_string_equal(all.item[0].why, "");
	assert_true(all.item[0].in_event);
	assert_true(all.item[0].fps > 14.8 && all.item[0].fps < 15);
	assert_string_equal(all.item[1].title, "Sân sau");
	assert_string_equal(all.item[1].why, "no such device");
	assert_int_equal(box_camera_main_cause(&all.item[1]), LOSS_NONE);
	box_cameras_free(&all);
}

static size_t entries(const char *dir)
{
	size_t n = 0;
	char command[128];
	FILE *p;

	snprintf(command, sizeof(command), "ls -A %s", dir);
	p = popen(command, "r");
	assert_non_null(p);
	for (int ch; (ch = getc(p)) != EOF;)
		n += ch == '\n';
	pclose(p);
	return n;
}

static void outputs_appear_together(void **state)
{
	struct tree *t = *state;
	struct outputs o = {0};
	char dir[80], a[96], b[96], text[32];
	const char *temp;
	struct errmsg em;

	snprintf(dir, sizeof(dir), "%s/storage", t->dir);
	snprintf(a, sizeof(a), "%s/a.mkv", dir);
	snprintf(b, sizeof(b), "%s/b.txt", dir);
	assert_int_equal(outputs_add(&o, a, &temp, &em), 0);
	assert_int_equal(outputs_add(&o, b, &temp, &em), 0);
	put("", temp + 1, "new");
	assert_int_not_equal(access(a, F_OK), 0);
	/* Given up: nothing is left. */
	outputs_free(&o);
	assert_int_equal(entries(dir), 0);

	/* A name that was taken meanwhile is kept, and the other file is taken back. */
	assert_int_equal(outputs_add(&o, a, &temp, &em), 0);
	assert_int_equal(outputs_add(&o, b, &temp, &em), 0);
	put(dir, "b.txt", "old");
	assert_int_equal(outputs_publish(&o, &em), -EEXIST);
	outputs_free(&o);
	assert_int_equal(entries(dir), 1);
	assert_string_equal(get(dir, "b.txt", text, sizeof(text)), "old");

	assert_int_equal(outputs_add(&o, b, &temp, &em), -EEXIST);
	o.force = true;
	assert_int_equal(outputs_add(&o, a, &temp, &em), 0);
	assert_int_equal(outputs_add(&o, b, &temp, &em), 0);
	put("", temp + 1, "new");
	assert_int_equal(outputs_publish(&o, &em), 0);
	outputs_free(&o);
	assert_int_equal(entries(dir), 2);
	assert_string_equal(get(dir, "b.txt", text, sizeof(text)), "new");

	assert_int_equal(outputs_add(&o, "/nonexistent/dir/x", &temp, &em), -ENOENT);
	assert_non_null(strstr(em.text, "/nonexistent/dir"));
	outputs_free(&o);
}

static void checksums_are_sha256(void **state)
{
	struct tree *t = *state;
	char path[96], hex[SHA256_HEX_SIZE];
	struct errmsg em;

	put(t->dir, "abc", "abc");
	snprintf(path, sizeof(path), "%s/abc", t->dir);
	assert_int_equal(outputs_sha256(path, hex, &em), 0);
	/* FIPS 180-2, appendix B.1. */
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(outputs_sha256("/nonexistent", hex, &em), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_read_and_written, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_outside_is_touched, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_take_patterns_and_directories, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_refusal_shows_the_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_crash_left_mounted_is_no_box, setup,
						teardown),
		cmocka_unit_test_setup_teardown(cameras_are_summed_up, setup, teardown),
		cmocka_unit_test_setup_teardown(outputs_appear_together, setup, teardown),
		cmocka_unit_test_setup_teardown(checksums_are_sha256, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
