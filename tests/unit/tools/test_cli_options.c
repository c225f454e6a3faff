/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands and how command lines are read. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tools/matlang/cli.h"

static int none(struct cli *c, int argc, char **argv)
{
	return CLI_OK;
}

static const struct cli_option own[] = {
	{"level", CLI_KEY, "N", "a level"},
	{"output", 'o', "FILE", "a file"},
	{0},
};
static const struct command shown = {
	"show", "", "shows", NULL, CLI_USES_JSON | CLI_USES_RANGE | CLI_USES_CAMERAS, own, none};
static const struct command one_camera = {"one", "", "one", NULL, CLI_USES_CAMERA, NULL, none};

/* What goes wrong is told on standard error: kept out of the test's output. */
static int quiet(void **state)
{
	return freopen("/dev/null", "w", stderr) ? 0 : -1;
}

static int parse(struct cli *c, int argc, const char *const args[], int *last)
{
	char *argv[16];
	int key;

	argv[0] = (char *)"show";
	for (int i = 0; i < argc; i++)
		argv[i + 1] = (char *)args[i];
	argv[argc + 1] = NULL;
	optind = 0;
	*last = 0;
	while ((key = cli_getopt(c, argc + 1, argv)) >= 0)
		*last = key;
	return key;
}

static void options_are_taken(void **state)
{
	static const char *const args[] = {"--camera", "gate-*",   "--from=-10m",
					   "--json",   "--camera", "yard",
					   "-o",       "out.mkv",  "rest"};
	struct cli c = {.command = &shown};
	int last;

	assert_int_equal(parse(&c, ARRAY_SIZE(args), args, &last), CLI_END);
	assert_true(c.json);
	assert_string_equal(c.from, "-10m");
	assert_null(c.to);
	assert_int_equal(c.ncameras, 2);
	assert_string_equal(c.camera[1], "yard");
	assert_int_equal(last, 'o');
}

static void wrong_options_are_usage_errors(void **state)
{
	static const char *const wrong[][2] = {
		{"--nonsense", "x"}, {"-x", "x"}, {"--store", "dir"}, {"--json=1", "x"}};
	static const char *const missing[] = {"--json", "--from"};
	static const char *const cameras[] = {"--camera", "a", "--camera", "b"};
	struct cli c = {.command = &shown};
	int last;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		c.exit_code = -1;
		assert_int_equal(parse(&c, 2, wrong[i], &last), CLI_STOP);
		assert_int_equal(c.exit_code, CLI_USAGE);
	}
	assert_int_equal(parse(&c, 2, missing, &last), CLI_STOP);
	assert_int_equal(c.exit_code, CLI_USAGE);
	c = (struct cli){.command = &one_camera};
	assert_int_equal(parse(&c, 4, cameras, &last), CLI_STOP);
	assert_int_equal(c.exit_code, CLI_USAGE);
}

static void numbers_have_ranges(void **state)
{
	static const char *const bad[] = {"",   "0", "101", "-1",
					  "1x", "x", " 1",  "99999999999999999999"};
	struct errmsg em;
	long value = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(cli_number("quality", bad[i], 1, 100, &value, &em), -EINVAL);
		assert_non_null(strstr(em.text, "--quality"));
	}
	assert_int_equal(value, 7);
	assert_int_equal(cli_number("quality", "100", 1, 100, &value, &em), 0);
	assert_int_equal(value, 100);
}

static void commands_are_found(void **state)
{
	const char *two[] = {"store", "verify"}, *half[] = {"store"}, *junk[] = {"store", "fly"};
	const char *find[] = {"find", "--json"};
	int words;

	assert_string_equal(cli_find(2, (char **)two, &words)->name, "store verify");
	assert_int_equal(words, 2);
	assert_string_equal(cli_find(2, (char **)find, &words)->name, "find");
	assert_int_equal(words, 1);
	assert_null(cli_find(1, (char **)half, &words));
	assert_null(cli_find(2, (char **)junk, &words));
	assert_null(cli_find(0, NULL, &words));
}

/* Two options of one name or key in a command would shadow one another. */
static void the_table_is_sound(void **state)
{
	for (const struct command *cmd = cli_commands; cmd->name; cmd++) {
		assert_non_null(cmd->run);
		assert_true(*cmd->summary);
		for (const struct command *other = cli_commands; other != cmd; other++)
			assert_string_not_equal(cmd->name, other->name);
		for (const struct cli_option *o = cmd->options; o && o->name; o++) {
			assert_true(o->help && *o->help);
			assert_true(o->key != 'h' && o->key < 1000);
			for (const struct cli_option *k = cmd->options; k != o; k++)
				assert_true(k->key != o->key && strcmp(k->name, o->name));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_taken),
		cmocka_unit_test(wrong_options_are_usage_errors),
		cmocka_unit_test(numbers_have_ranges),
		cmocka_unit_test(commands_are_found),
		cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
