/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file: read strictly, taken as a whole, saved atomically. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "tests/unit/tools/fake_appliance.h"
#include "tools/matlangd/box_settings.h"
#include "tools/matlangd/config.h"
#include "tools/matlangd/config_save.h"

static struct box_settings settings;
static struct attr_env env;
static char dir[64];

static int setup(void **state)
{
	fake_reset();
	settings = (struct box_settings){.store_dir = BOX_STORE_DIR,
					 .commit_ms = 1000,
					 .rebuild_mb_s = 100,
					 .scrub_mb_s = 20,
					 .warn_days = 7};
	env = (struct attr_env){.box = &fake, .settings = &settings};
	strcpy(dir, "/tmp/test_config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(settings.config_file, sizeof(settings.config_file), "%s/matlang.conf", dir);
	return 0;
}

static int teardown(void **state)
{
	struct dirent *e;
	char path[512];
	DIR *d = opendir(dir);

	while ((e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(dir);
	fake_reset();
	return 0;
}

static int parse(struct config *c, const char *text, struct errmsg *em)
{
	em->text[0] = '\0';
	return config_parse(c, text, strlen(text), "f", em);
}

static void refused(const char *text, int err, const char *hint)
{
	struct config c = {0};
	struct errmsg em;
	int got = parse(&c, text, &em);

	if (got != err || !strstr(em.text, hint))
		fail_msg("%s: %d %s", text, got, em.text);
	assert_int_equal(c.count, 0);
}

static void good_file(void **state)
{
	struct config c;
	struct errmsg em;
	const char *text = "\xef\xbb\xbf# head\r\n"
			   "\n"
			   "  storage/commit_ms=500  \r\n"
			   "cameras/gate/enabled = 0\n"
			   "\t# indented comment\n"
			   "cameras/gate/title = Cổng # 1 = main\n"
			   "cameras/gate/source = rack:?fps=5&x=y\n"
			   "cameras/barn/motion/zones =";

	assert_int_equal(parse(&c, text, &em), -0);
	assert_int_equal(c.count, 5);
	assert_string_equal(c.entry[0].value, "500");
	assert_string_equal(c.entry[2].value, "Cổng # 1 = main");
	assert_string_equal(c.entry[2].origin, "f:6");
	assert_string_equal(c.entry[3].value, "rack:?fps=5&x=y");
	assert_string_equal(c.entry[4].value, "");
	config_free(&c);
}

static void bad_files(void **state)
{
	refused("storage/commit_ms 500", -EINVAL, "f:1: ");
	refused("\n\n= 5", -EINVAL, "f:3: ");
	refused("storage/comit_ms = 5", -ENOENT, "storage/commit_ms");
	refused("storage/commit_ms = 5", -EINVAL, "100..10000");
	refused("storage/frames = 5", -EINVAL, "figure");
	refused("save = 1", -EINVAL, "action");
	refused("cameras/a b/title = x", -EINVAL, "camera name");
	refused("cameras/.a/title = x", -EINVAL, "camera name");
	refused("cameras/gate = x", -ENOENT, "f:1: ");
	refused("cameras//title = x", -ENOENT, "f:1: ");
	refused("cameras/gate/title = a\n#\ncameras/gate/title = b", -EEXIST, "f:1");
	refused("cameras/gate/title = a\n#\ncameras/gate/title = b", -EEXIST, "f:3: ");
	refused("cameras/gate/title = a\x01", -EINVAL, "text");
	refused("cameras/gate/title = \xff", -EINVAL, "text");
}

static void nul_is_refused(void **state)
{
	struct config c;
	struct errmsg em;
	static const char text[] = "# a\0b\n";

	assert_int_equal(config_parse(&c, text, sizeof(text) - 1, "f", &em), -EINVAL);
	assert_non_null(strstr(em.text, "NUL"));
}

static void long_values(void **state)
{
	char *text CLEANUP_FREE = malloc(20000);
	struct config c;
	struct errmsg em;

	/* As long as a value may be, and one more. */
	memset(text, ' ', 20000);
	strcpy(text, "cameras/g/motion/zones = ");
	memset(text + strlen(text), 'z', ATTR_VALUE_MAX - 2);
	text[25 + ATTR_VALUE_MAX - 2] = '\0';
	assert_int_equal(parse(&c, text, &em), 0);
	config_free(&c);
	strcat(text, "z");
	assert_int_equal(parse(&c, text, &em), -EINVAL);
}

static void the_command_line_overrides(void **state)
{
	struct config c;
	struct errmsg em;

	assert_int_equal(parse(&c, "storage/commit_ms = 500\ncameras/a/title = x", &em), 0);
	assert_int_equal(config_set(&c, "storage/commit_ms", "700", "--set", &em), 0);
	assert_int_equal(config_set(&c, "storage/dir", "/s", "--store", &em), 0);
	assert_int_equal(config_set(&c, "storage/dir", "relative", "--store", &em), 0);
	assert_int_equal(c.count, 3);
	assert_int_equal(config_apply_start(&c, &env, &em), -EINVAL);
	assert_non_null(strstr(em.text, "--store: storage/dir"));
	assert_int_equal(config_set(&c, "storage/dir", "/s", "--store", &em), 0);
	assert_int_equal(config_apply_start(&c, &env, &em), 0);
	assert_int_equal(settings.commit_ms, 700);
	assert_string_equal(settings.store_dir, "/s");
	assert_int_equal(config_set(&c, "storage/commit_ms", "x", "--set", &em), -EINVAL);
	assert_int_equal(strncmp(em.text, "--set: ", 7), 0);
	config_free(&c);
}

/* Each camera is given its settings once, whatever the order of the lines. */
static void cameras_are_applied_as_a_whole(void **state)
{
	struct config c;
	struct errmsg em;

	assert_int_equal(parse(&c,
			       "cameras/b/enabled = 0\n"
			       "cameras/a/motion/rate = 2.5\n"
			       "cameras/b/source = rack:\n"
			       "cameras/a/source = rack:\n"
			       "cameras/b/title = B\n",
			       &em),
			 0);
	assert_int_equal(config_apply_cameras(&c, &env, &em), 0);
	assert_int_equal(fake.count, 2);
	assert_int_equal(fake.camera[0]->applied, 1);
	assert_int_equal(fake.camera[1]->applied, 1);
	assert_true(fake.camera[0]->settings.camera.enabled);
	assert_true(fake.camera[0]->settings.motion.rate == 2.5);
	assert_false(fake.camera[1]->settings.camera.enabled);
	assert_string_equal(fake.camera[1]->settings.title, "B");
	config_free(&c);
}

static void trying_out_changes_nothing(void **state)
{
	struct attr_env dry = {.settings = &settings};
	struct config c;
	struct errmsg em;

	assert_int_equal(parse(&c, "cameras/a/title = A\ncameras/a/source = bogus:1\n", &em), 0);
	assert_int_equal(config_apply_cameras(&c, &dry, &em), -EINVAL);
	assert_non_null(strstr(em.text, "f:2: cameras/a/source"));
	assert_int_equal(fake.count, 0);
	config_free(&c);
}

/* ---- save ---- */

static int save(struct errmsg *em)
{
	struct attr_deferred *d = NULL;
	int err = config_save_begin(&env, &d, em);

	return err ? err : d->run(d, em);
}

static void file_is(const char *text)
{
	char *now CLEANUP_FREE = NULL;
	size_t len;

	assert_int_equal(config_read_text(settings.config_file, &now, &len, NULL), 0);
	assert_string_equal(now, text);
}

static void write_file(const char *text)
{
	FILE *f = fopen(settings.config_file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void apply(const char *text)
{
	struct config c;
	struct errmsg em;

	if (parse(&c, text, &em) || config_apply_start(&c, &env, &em) ||
	    config_apply_cameras(&c, &env, &em))
		fail_msg("%s", em.text);
	config_free(&c);
}

static unsigned files_in_dir(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void a_new_file_has_what_differs(void **state)
{
	struct errmsg em;

	apply("cameras/gate/source = rack:\ncameras/gate/motion/sensitivity = 70\n"
	      "storage/commit_ms = 500\ncameras/plain/motion/rate = 5\n");
	assert_int_equal(save(&em), 0);
	file_is("# matlang: settings, one a line: PATH = VALUE. See matlang.conf(5).\n"
		"\n"
		"storage/commit_ms = 500\n"
		"\n"
		"cameras/gate/source = rack:\n"
		"cameras/gate/motion/sensitivity = 70\n"
		"\n"
		"cameras/plain/enabled = 0\n");
	assert_int_equal(files_in_dir(), 1);
}

static void an_admins_file_stays_his(void **state)
{
	struct errmsg em;
	struct attr_deferred *none;

	write_file("# our post\n"
		   "\n"
		   "# the gate; do not touch\n"
		   "cameras/gate/motion/sensitivity = 60\n"
		   "cameras/gate/source = rack:\n"
		   "# default, on purpose\n"
		   "storage/commit_ms = 1000\n"
		   "# gone soon\n"
		   "cameras/old/source = rack:\n"
		   "# end\n");
	apply("cameras/gate/source = rack:\ncameras/gate/motion/sensitivity = 60\n");
	assert_int_equal(chmod(settings.config_file, 0640), 0);
	assert_int_equal(attr_write(&env, "cameras/gate/motion/sensitivity", "80", "t", &none, &em),
			 0);
	assert_int_equal(attr_write(&env, "cameras/gate/title", "Cổng", "t", &none, &em), 0);
	assert_int_equal(save(&em), 0);
	file_is("# our post\n"
		"\n"
		"# the gate; do not touch\n"
		"cameras/gate/motion/sensitivity = 80\n"
		"cameras/gate/source = rack:\n"
		"# default, on purpose\n"
		"storage/commit_ms = 1000\n"
		"# gone soon\n"
		"# end\n"
		"\n"
		"cameras/gate/title = Cổng\n");
	struct stat st;
	assert_int_equal(stat(settings.config_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* What was saved is what is read, and saving again changes nothing. */
	assert_int_equal(save(&em), 0);
	struct config c;
	assert_int_equal(config_read(&c, settings.config_file, &em), 0);
	assert_int_equal(c.count, 4);
	config_free(&c);
}

static void a_file_with_a_mistake_is_not_overwritten(void **state)
{
	struct errmsg em;

	write_file("# half an edit\nstorage/commit_ms\n");
	assert_int_equal(save(&em), -EINVAL);
	assert_non_null(strstr(em.text, ":2"));
	file_is("# half an edit\nstorage/commit_ms\n");
	assert_int_equal(files_in_dir(), 1);
}

static void a_link_stays_a_link(void **state)
{
	struct errmsg em;
	char real[256];
	struct stat st;

	snprintf(real, sizeof(real), "%s/real.conf", dir);
	write_file("# x\n");
	assert_int_equal(rename(settings.config_file, real), 0);
	assert_int_equal(symlink(real, settings.config_file), 0);
	apply("storage/commit_ms = 500\n");
	assert_int_equal(save(&em), 0);
	assert_int_equal(lstat(settings.config_file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	file_is("# x\n\nstorage/commit_ms = 500\n");
}

static void a_folder_that_is_gone(void **state)
{
	struct errmsg em;

	strcpy(settings.config_file, "/nonexistent/folder/matlang.conf");
	assert_int_equal(save(&em), -ENOENT);
	assert_non_null(strstr(em.text, "/nonexistent/folder/matlang.conf"));
	settings.config_file[0] = '\0';
	assert_int_equal(save(&em), -EINVAL);
	assert_non_null(strstr(em.text, "--config"));
}

static void what_is_not_a_file(void **state)
{
	struct config c;
	struct errmsg em;

	assert_int_equal(config_read(&c, dir, &em), -EINVAL);
	assert_int_equal(config_read(&c, "/nonexistent", &em), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_file, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(nul_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(long_values, setup, teardown),
		cmocka_unit_test_setup_teardown(the_command_line_overrides, setup, teardown),
		cmocka_unit_test_setup_teardown(cameras_are_applied_as_a_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(trying_out_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_file_has_what_differs, setup, teardown),
		cmocka_unit_test_setup_teardown(an_admins_file_stays_his, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_with_a_mistake_is_not_overwritten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_link_stays_a_link, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_that_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_a_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
