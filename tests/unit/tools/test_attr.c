/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attribute table: consistent in itself, and the engine's checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/core/pixfmt.h"
#include "tests/unit/tools/fake_appliance.h"
#include "tools/matlangd/attr.h"
#include "tools/matlangd/attr_value.h"
#include "tools/matlangd/box_settings.h"

static struct box_settings settings;
static char last_changed[ATTR_PATH_MAX];
static struct attr_env env;

static void on_changed(void *ctx, const char *path)
{
	snprintf(last_changed, sizeof(last_changed), "%s", path);
}

static int setup(void **state)
{
	struct recorder *r;

	fake_reset();
	settings = (struct box_settings){.store_dir = BOX_STORE_DIR,
					 .commit_ms = 1000,
					 .rebuild_mb_s = 100,
					 .scrub_mb_s = 20,
					 .warn_days = 7};
	env = (struct attr_env){.box = &fake, .settings = &settings, .changed = on_changed};
	last_changed[0] = '\0';
	assert_int_equal(appliance_add_camera(&fake, "gate-01", &r, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	fake_reset();
	return 0;
}

static void expect(const char *path, const char *value)
{
	char out[ATTR_VALUE_MAX];

	assert_int_equal(attr_read(&env, path, out, sizeof(out), NULL), 0);
	assert_string_equal(out, value);
}

static int set(const char *path, const char *value, struct errmsg *em)
{
	return attr_write(&env, path, value, "tester", NULL, em);
}

static void table_is_sound(void **state)
{
	const struct attr *a, *b;

	for (size_t i = 0; (a = attr_at(i)); i++) {
		assert_non_null(a->help);
		assert_int_equal(a->help[strlen(a->help) - 1], '.');
		assert_non_null(a->unit);
		assert_true(a->show || a->type == ATTR_ACTION);
		assert_true(!a->writable || a->store);
		/* A setting has a default within its own range. */
		assert_int_equal(a->saved, a->def != NULL);
		if (a->def)
			assert_int_equal(attr_check(a, a->def, NULL), 0);
		assert_int_equal(a->type == ATTR_CHOICE, a->choices != NULL);
		for (size_t k = i + 1; (b = attr_at(k)); k++)
			assert_string_not_equal(a->path, b->path);
	}
}

/* What a new camera has is what the reference says it has. */
static void defaults_are_what_the_table_says(void **state)
{
	char path[ATTR_PATH_MAX], out[ATTR_VALUE_MAX];
	const struct attr *a;
	unsigned seen = 0;

	recorder_settings_defaults(&fake.camera[0]->settings);
	for (size_t i = 0; (a = attr_at(i)); i++) {
		if (!a->saved)
			continue;
		assert_true(attr_path(a, "gate-01", path, sizeof(path)));
		assert_int_equal(attr_read(&env, path, out, sizeof(out), NULL), 0);
		if (strcmp(out, a->def))
			fail_msg("%s: is %s, the table says %s", path, out, a->def);
		seen++;
	}
	assert_true(seen > 15);
}

/* Every setting takes its default and its limits, shows them again, and refuses what is beyond. */
static void settings_go_in_and_come_out(void **state)
{
	char path[ATTR_PATH_MAX], text[64], out[ATTR_VALUE_MAX];
	const struct attr *a;
	struct errmsg em;

	assert_int_equal(set("cameras/gate-01/source", "rack:", &em), 0);
	for (size_t i = 0; (a = attr_at(i)); i++) {
		if (!a->writable || (a->type != ATTR_INT && a->type != ATTR_DOUBLE))
			continue;
		assert_true(attr_path(a, "gate-01", path, sizeof(path)));
		attr_value_format(a->max, text, sizeof(text));
		assert_int_equal(set(path, text, &em), 0);
		expect(path, text);
		attr_value_format(a->max + 1, out, sizeof(out));
		em.text[0] = '\0';
		assert_int_equal(set(path, out, &em), -EINVAL);
		assert_non_null(strstr(em.text, path));
		assert_non_null(strstr(em.text, text)); /* names the range */
		attr_value_format(a->min - 1, out, sizeof(out));
		assert_int_equal(set(path, out, &em), -EINVAL);
		expect(path, text); /* nothing changed */
		assert_int_equal(set(path, a->def, &em), 0);
		expect(path, a->def);
	}
}

static void choices_all_work(void **state)
{
	char path[ATTR_PATH_MAX];
	const struct pixfmt *pf;
	const struct attr *a;
	struct errmsg em;

	for (size_t i = 0; (a = attr_at(i)); i++) {
		if (a->type != ATTR_CHOICE)
			continue;
		assert_true(attr_path(a, "gate-01", path, sizeof(path)));
		for (size_t k = 0; a->choices[k]; k++) {
			assert_int_equal(set(path, a->choices[k], &em), 0);
			expect(path, a->choices[k]);
		}
	}
	/* No format that we record is missing from the list. */
	for (size_t i = 0; (pf = pixfmt_at(i)); i++)
		assert_int_equal(set("cameras/gate-01/format", pf->name, &em), 0);
}

static void every_loss_cause_has_its_file(void **state)
{
	char path[ATTR_PATH_MAX], number[32];

	for (unsigned c = 1; c < LOSS_CAUSES; c++) {
		fake.camera[0]->stats.lost[c] = 100 + c;
		snprintf(path, sizeof(path), "cameras/gate-01/lost/%s", loss_cause_name(c));
		snprintf(number, sizeof(number), "%u", 100 + c);
		expect(path, number);
	}
	expect("cameras/gate-01/lost_total", "1055");
}

static void values_that_are_none(void **state)
{
	static const char *const bad[] = {
		"",  " ", "5x", "0x10", "1,5", "nan", "inf", "1e999", "99999999999999999999",
		"-", "+", "5 5"};
	struct errmsg em;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(set("cameras/gate-01/motion/sensitivity", bad[i], &em), -EINVAL);
		assert_int_equal(set("cameras/gate-01/motion/rate", bad[i], &em), -EINVAL);
		assert_int_equal(set("cameras/gate-01/encode", bad[i], &em), -EINVAL);
	}
	assert_int_equal(set("cameras/gate-01/title", "a\tb", &em), -EINVAL);
	assert_int_equal(set("cameras/gate-01/title", "\xc3", &em), -EINVAL);
	assert_int_equal(set("cameras/gate-01/title", "\xed\xa0\x80", &em), -EINVAL);
	assert_int_equal(set("cameras/gate-01/title", "\xc2\x9b", &em), -EINVAL);
	assert_int_equal(set("cameras/gate-01/title", "Cổng chợ", &em), 0);
	expect("cameras/gate-01/title", "Cổng chợ");
	expect("cameras/gate-01/motion/sensitivity", "50");
	assert_int_equal(fake.camera[0]->applied, 1);
}

static void switches_take_words(void **state)
{
	struct errmsg em;

	assert_int_equal(set("cameras/gate-01/encode", "On", &em), 0);
	expect("cameras/gate-01/encode", "1");
	assert_int_equal(set("cameras/gate-01/encode", "false", &em), 0);
	expect("cameras/gate-01/encode", "0");
}

static void misspelt_names_are_suggested(void **state)
{
	static const struct {
		const char *path, *hint;
	} cases[] = {
		{"cameras/gate-01/motion/sensitivty", "cameras/gate-01/motion/sensitivity"},
		{"storage/comit_ms", "storage/commit_ms"},
		{"storage/commit_sm", "storage/commit_ms"},
		{"cameras/gate-01/sensitivity", "cameras/gate-01/motion/sensitivity"},
		{"cameras/gate-1/title", "gate-01"},
	};
	char out[64];
	struct errmsg em;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(attr_read(&env, cases[i].path, out, sizeof(out), &em), -ENOENT);
		if (!strstr(em.text, cases[i].hint))
			fail_msg("%s", em.text);
	}
	assert_int_equal(attr_read(&env, "cameras/barn/title", out, sizeof(out), &em), -ENOENT);
	assert_non_null(strstr(em.text, "mkdir"));
	assert_int_equal(attr_read(&env, "zzzzzzzzzz", out, sizeof(out), &em), -ENOENT);
	assert_null(strstr(em.text, "did you mean"));
}

static void changes_are_logged_and_noted(void **state)
{
	struct errmsg em;

	assert_int_equal(set("cameras/gate-01/motion/sensitivity", "70", &em), 0);
	assert_string_equal(
		fake.last_note,
		"cameras/gate-01/motion/sensitivity set from \"50\" to \"70\" by tester");
	assert_string_equal(fake.last_log, fake.last_note);
	assert_string_equal(last_changed, "cameras/gate-01/motion/sensitivity");
	/* The same value again is no change. */
	assert_int_equal(set("cameras/gate-01/motion/sensitivity", "70", &em), 0);
	assert_int_equal(fake.notes, 1);
	assert_int_equal(set("cameras/gate-01/motion/sensitivity", "700", &em), -EINVAL);
	assert_int_equal(fake.notes, 1);
	assert_string_equal(env.last_error, em.text);
	assert_string_equal(last_changed, "last_error");
	assert_non_null(strstr(fake.last_log, "tester"));
}

static void what_cannot_be_written(void **state)
{
	struct errmsg em;
	char out[64];

	assert_int_equal(set("version", "2", &em), -EACCES);
	assert_int_equal(set("storage/dir", "/elsewhere", &em), -EACCES);
	assert_non_null(strstr(em.text, "restart"));
	assert_int_equal(attr_read(&env, "save", out, sizeof(out), &em), -EACCES);
	assert_int_equal(set("save", "0", &em), -EINVAL);
}

static void a_source_switches_a_new_camera_on(void **state)
{
	struct errmsg em;

	expect("cameras/gate-01/enabled", "0");
	assert_int_equal(set("cameras/gate-01/enabled", "1", &em), -EINVAL);
	assert_non_null(strstr(em.text, "source"));
	assert_int_equal(set("cameras/gate-01/source", "nonsense", &em), -EINVAL);
	assert_int_equal(set("cameras/gate-01/source", "rack:?with=5", &em), -EINVAL);
	assert_non_null(strstr(em.text, "width"));
	expect("cameras/gate-01/enabled", "0");
	assert_int_equal(set("cameras/gate-01/source", "rack:", &em), 0);
	expect("cameras/gate-01/enabled", "1");
	/* Switched off by hand it stays off when the source changes. */
	assert_int_equal(set("cameras/gate-01/enabled", "0", &em), 0);
	assert_int_equal(set("cameras/gate-01/source", "rack:?fps=5", &em), 0);
	expect("cameras/gate-01/enabled", "0");
}

static void locks_are_lines(void **state)
{
	static const char *const bad[] = {
		"",
		"gate-01",
		"gate-01 06:00 07:00",
		"gate-01 06:00 07:00 by=duty",
		"gate-01 07:00 06:00 case 17",
		"gate-01 soon 06:00 case 17",
		"nobody 06:00 07:00 case 17",
	};
	struct errmsg em;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (set("storage/lock", bad[i], &em) >= 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(em.text[0]);
	}
	expect("storage/locks", "0");
	assert_int_equal(set("storage/lock",
			     "gate-01 2026-11-28T06:00:00Z 2026-11-28T07:00:00Z by=duty case 17",
			     &em),
			 0);
	assert_string_equal(fake.lock.who, "duty");
	assert_string_equal(fake.lock.why, "case 17");
	assert_int_equal(fake.lock.camera_id, 1);
	assert_int_equal(fake.lock.to_utc_ns - fake.lock.from_utc_ns, 3600 * NSEC_PER_SEC);
	expect("storage/lock", "1");
	expect("storage/locks", "1");
	assert_true(set("storage/unlock", "7", &em) < 0);
	assert_true(set("storage/unlock", "one", &em) < 0);
	assert_int_equal(set("storage/unlock", "1", &em), 0);
	assert_string_equal(fake.last_note, "lock 1 released");
	expect("storage/locks", "0");
	assert_int_equal(set("storage/lock", "* 06:00 23:59 all of it", &em), 0);
	assert_int_equal(fake.lock.camera_id, RECORD_ANY_CAMERA);
}

static void commit_interval_reaches_the_store(void **state)
{
	struct errmsg em;

	assert_int_equal(set("storage/commit_ms", "250", &em), 0);
	assert_int_equal(fake.commit_ns, 250 * NSEC_PER_MSEC);
	expect("storage/commit_ms", "250");
}

static void scrub_is_begun_and_stopped(void **state)
{
	struct errmsg em;

	expect("storage/scrub", "idle");
	assert_int_equal(set("storage/scrub", "2", &em), -EINVAL);
	assert_int_equal(set("storage/scrub", "1", &em), 0);
	expect("storage/scrub", "5 of 10 bytes");
	expect("storage/scrub_found", "3");
	expect("storage/scrub_repaired", "2");
	expect("storage/scrub_unrepaired", "0");
	expect("storage/scrub_last", "");
	assert_int_equal(set("storage/scrub", "0", &em), 0);
	expect("storage/scrub", "idle");
	assert_int_equal(set("storage/scrub_rate", "7", &em), 0);
	assert_int_equal(fake.scrub_rate, 7 << 20);
	assert_int_equal(set("storage/scrub_rate", "20", &em), 0);
}

static void zones_are_text(void **state)
{
	const char *zones = "gate: 10,10 200,10 200,150";
	struct errmsg em;
	char out[ATTR_VALUE_MAX];

	assert_int_equal(set("cameras/gate-01/motion/zones", zones, &em), 0);
	assert_int_equal(attr_read(&env, "cameras/gate-01/motion/zones", out, sizeof(out), &em), 0);
	assert_int_equal(fake.camera[0]->settings.motion.nzones, 1);
	assert_int_equal(set("cameras/gate-01/motion/zones", out, &em), 0);
	assert_int_equal(set("cameras/gate-01/motion/zones", "gate: 10", &em), -EINVAL);
	assert_int_equal(fake.camera[0]->settings.motion.nzones, 1);
	assert_int_equal(set("cameras/gate-01/motion/zones", "", &em), 0);
	assert_int_equal(fake.camera[0]->settings.motion.nzones, 0);
}

static void cameras_come_and_go(void **state)
{
	struct errmsg em;

	assert_int_equal(attr_add_camera(&env, "barn", "tester", &em), 0);
	assert_string_equal(fake.last_note, "camera barn added by tester");
	assert_string_equal(last_changed, "cameras");
	expect("camera_count", "2");
	assert_int_equal(attr_add_camera(&env, "barn", "tester", &em), -EEXIST);
	assert_int_equal(attr_remove_camera(&env, "barn", "tester", &em), 0);
	assert_int_equal(attr_remove_camera(&env, "barn", "tester", &em), -ENOENT);
	expect("camera_count", "1");
}

static void distance_counts_slips(void **state)
{
	assert_int_equal(attr_value_distance("abc", "abc", 9), 0);
	assert_int_equal(attr_value_distance("abc", "acb", 9), 1);
	assert_int_equal(attr_value_distance("abc", "ABD", 9), 1);
	assert_int_equal(attr_value_distance("", "ab", 9), 2);
	assert_int_equal(attr_value_distance("abcdef", "zzzzzz", 3), 3);
}

static void slow_disks_are_told(void **state)
{
	static char text[ATTR_VALUE_MAX];
	const struct latency_summary fast = {1000, 1500000, 2500000, 9000000},
				     slow = {UINT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};

	expect("storage/latency", "");
	expect("storage/write_p99_ms", "0.0");
	fake.volumes = 2;
	fake.latency[0] = (struct store_latency){"/mnt/a b", fast, fast};
	fake.latency[1] = (struct store_latency){"", fast, fast};
	fake.latency[1].flush.p99_ns = 1250 * NSEC_PER_MSEC;
	expect("storage/write_p99_ms", "2.5");
	expect("storage/flush_p99_ms", "1250.0");
	expect("storage/latency",
	       "volume-0 writes 1000 1.5 2.5 9.0 flushes 1000 1.5 2.5 9.0 /mnt/a b\n"
	       "volume-1 writes 1000 1.5 2.5 9.0 flushes 1000 1.5 1250.0 9.0 -");
	/* As many disks as a store may have, and nothing is cut off but names. */
	fake.volumes = FAKE_VOLUMES;
	for (unsigned v = 0; v < FAKE_VOLUMES; v++) {
		fake.latency[v] = (struct store_latency){.write = slow, .flush = slow};
		memset(fake.latency[v].dir, 'x', sizeof(fake.latency[v].dir) - 1);
	}
	assert_int_equal(attr_read(&env, "storage/latency", text, sizeof(text), NULL), 0);
	assert_non_null(strstr(text, "\nvolume-31 writes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(table_is_sound, setup, teardown),
		cmocka_unit_test_setup_teardown(defaults_are_what_the_table_says, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_go_in_and_come_out, setup, teardown),
		cmocka_unit_test_setup_teardown(choices_all_work, setup, teardown),
		cmocka_unit_test_setup_teardown(every_loss_cause_has_its_file, setup, teardown),
		cmocka_unit_test_setup_teardown(values_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(switches_take_words, setup, teardown),
		cmocka_unit_test_setup_teardown(misspelt_names_are_suggested, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_are_logged_and_noted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_written, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_switches_a_new_camera_on, setup, teardown),
		cmocka_unit_test_setup_teardown(commit_interval_reaches_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(scrub_is_begun_and_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(zones_are_text, setup, teardown),
		cmocka_unit_test_setup_teardown(cameras_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(locks_are_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_disks_are_told, setup, teardown),
		cmocka_unit_test(distance_counts_slips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
