/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang set PATH VALUE | PATH=VALUE...: changes a running box. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/matlang/commands.h"
#include "tools/matlang/control.h"
#include "tools/matlang/footage.h"

enum { KEY_SAVE = CLI_KEY };

const struct cli_option cmd_set_options[] = {
	{"save", KEY_SAVE, NULL, "keep the settings across restarts (writes 1 to the file 'save')"},
	{0},
};

static int set_one(const struct cli *c, const struct control *box, const char *path,
		   const char *value)
{
	char old[CONTROL_VALUE_MAX] = "", now[CONTROL_VALUE_MAX] = "";
	struct errmsg em;
	bool had = control_read(box, path, old, sizeof(old), NULL) == 0;

	if (control_write(box, path, value, &em) < 0)
		return cli_fail(c, "%s", em.text);
	if (control_read(box, path, now, sizeof(now), NULL) < 0)
		snprintf(now, sizeof(now), "%s", value);
	if (c->json && cli_json(json_pack("{s:s, s:o, s:o}", "path", path, "old",
					  had ? footage_json_text(old) : json_null(), "value",
					  footage_json_text(now))) < 0)
		return CLI_FAILED;
	return CLI_OK;
}

static int set_pairs(const struct cli *c, const struct control *box, int argc, char **argv)
{
	/* All are looked at before the first is written. */
	for (int i = optind; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');

		if (!equals || equals == argv[i])
			return cli_usage(c, "'%s' is not PATH=VALUE", argv[i]);
	}
	for (int i = optind; i < argc; i++) {
		char *equals = strchr(argv[i], '=');
		int code;

		*equals = '\0';
		code = set_one(c, box, argv[i], equals + 1);
		if (code != CLI_OK)
			return code;
	}
	return CLI_OK;
}

int cmd_set(struct cli *c, int argc, char **argv)
{
	struct control box;
	struct errmsg em;
	bool save = false;
	int key, code;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key != KEY_SAVE)
			return c->exit_code;
		save = true;
	}
	if (optind == argc && !save)
		return cli_usage(c, "set what? for example: matlang set cameras/gate-01/fps 10");
	control_init(&box, c->control);
	if (control_check(&box, &em) < 0)
		return cli_fail(c, "%s", em.text);
	if (argc - optind == 2 && !strchr(argv[optind], '='))
		code = set_one(c, &box, argv[optind], argv[optind + 1]);
	else
		code = set_pairs(c, &box, argc, argv);
	if (code == CLI_OK && save && control_write(&box, "save", "1", &em) < 0)
		code = cli_fail(c, "the settings are in force but could not be saved: %s", em.text);
	return code;
}
