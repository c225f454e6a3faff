/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of matlangd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/matlangd/box_settings.h"
#include "tools/matlangd/options.h"

#define ARGS(...) parse(&o, &em, (char *[]){"matlangd", __VA_ARGS__, NULL})

static int parse(struct options *o, struct errmsg *em, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	memset(o, 0, sizeof(*o));
	em->text[0] = '\0';
	return options_parse(o, argc, argv, em);
}

static void nothing_given(void **state)
{
	struct options o;
	struct errmsg em;
	char *argv[] = {"matlangd", NULL};

	assert_int_equal(parse(&o, &em, argv), 0);
	assert_int_equal(o.action, OPTIONS_RUN);
	assert_string_equal(o.config, BOX_CONFIG_FILE);
	assert_false(o.config_given);
	assert_string_equal(o.control, BOX_CONTROL_DIR);
	assert_false(o.control_given);
	assert_int_equal(o.seconds, 0);
	options_free(&o);
}

static void everything_given(void **state)
{
	struct options o;
	struct errmsg em;

	assert_int_equal(ARGS("--config", "c", "-s", "/store", "--control=none", "-a",
			      "gate=rack:a?x=1", "--set", "storage/commit_ms=5", "-n", "2m",
			      "--status", "--foreground"),
			 0);
	assert_string_equal(o.config, "c");
	assert_true(o.config_given);
	assert_null(o.control);
	assert_true(o.control_given);
	assert_true(o.status);
	assert_int_equal(o.seconds, 120);
	assert_int_equal(o.nset, 3);
	assert_string_equal(o.set[0].path, "storage/dir");
	assert_string_equal(o.set[0].value, "/store");
	assert_string_equal(o.set[1].path, "cameras/gate/source");
	assert_string_equal(o.set[1].value, "rack:a?x=1");
	assert_string_equal(o.set[2].path, "storage/commit_ms");
	assert_string_equal(o.set[2].value, "5");
	options_free(&o);
}

static void a_relative_store_becomes_absolute(void **state)
{
	struct options o;
	struct errmsg em;
	char *cwd = getcwd(NULL, 0);

	assert_int_equal(ARGS("-s", "here/store"), 0);
	assert_int_equal(strncmp(o.set[0].value, cwd, strlen(cwd)), 0);
	assert_string_equal(o.set[0].value + strlen(cwd), "/here/store");
	options_free(&o);
	free(cwd);
}

static void no_configuration_file(void **state)
{
	struct options o;
	struct errmsg em;

	assert_int_equal(ARGS("-c", "none"), 0);
	assert_null(o.config);
	options_free(&o);
	assert_int_equal(ARGS("-c", "/dev/null"), 0);
	assert_null(o.config);
	options_free(&o);
}

static void refused(const char *hint, char **argv)
{
	struct options o;
	struct errmsg em;

	assert_true(parse(&o, &em, argv) < 0);
	if (!strstr(em.text, hint))
		fail_msg("%s", em.text);
}

#define REFUSED(hint, ...) refused(hint, (char *[]){"matlangd", __VA_ARGS__, NULL})

static void slips_are_named(void **state)
{
	REFUSED("--nonsense", "--nonsense");
	REFUSED("-x", "-x");
	REFUSED("--config", "--config");
	REFUSED("stray", "stray");
	REFUSED("NAME=SOURCE", "--camera", "gate");
	REFUSED("NAME=SOURCE", "--camera", "=rack:");
	REFUSED("NAME=SOURCE", "--camera", "gate=");
	REFUSED("NAME=SOURCE", "--camera", "a/b=rack:");
	REFUSED("gate is given twice", "-a", "gate=rack:", "-a", "gate=rack:x");
	REFUSED("PATH=VALUE", "--set", "storage/commit_ms");
	REFUSED("--seconds", "--seconds", "0");
	REFUSED("--seconds", "--seconds", "-5");
	REFUSED("--seconds", "--seconds", "soon");
	REFUSED("markdown", "--list-attributes=xml");
}

static void names_that_begin_alike_are_two_cameras(void **state)
{
	struct options o;
	struct errmsg em;

	assert_int_equal(ARGS("-a", "gate-2=rack:", "-a", "gate=rack:"), 0);
	assert_int_equal(o.nset, 2);
	options_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given),
		cmocka_unit_test(everything_given),
		cmocka_unit_test(a_relative_store_becomes_absolute),
		cmocka_unit_test(no_configuration_file),
		cmocka_unit_test(slips_are_named),
		cmocka_unit_test(names_that_begin_alike_are_two_cameras),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
