/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang get PATH...: values of a running box. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/control.h"
#include "tools/matlang/footage.h"

static int show(const struct cli *c, const char *path, char *value, bool bare)
{
	if (c->json)
		return cli_json(
			json_pack("{s:s, s:o}", "path", path, "value", footage_json_text(value)));
	/* A value of several lines stays one: what else moves the cursor does not reach it. */
	for (char *line = value, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		table_tame(line);
		if ((bare ? printf("%s\n", line) : printf("%s = %s\n", path, line)) < 0)
			return -EIO;
	}
	return 0;
}

/* One plain file is shown bare, for use in scripts; anything else as `path = value`. */
static int get_one(const struct cli *c, const struct control *box, const char *pattern, bool bare)
{
	struct control_paths list = {0};
	char value[CONTROL_VALUE_MAX];
	struct errmsg em;
	int code = CLI_OK;

	if (control_list(box, pattern, &list, &em) < 0)
		code = cli_fail(c, "%s", em.text);
	for (size_t i = 0; code == CLI_OK && i < list.count; i++) {
		const char *path = list.path[i];
		int err = control_read(box, path, value, sizeof(value), &em);

		/* A camera may have been removed while the tree is being read. */
		if (err == -ENOENT && list.count > 1)
			continue;
		if (err)
			code = cli_fail(c, "%s", em.text);
		else if (show(c, path, value, bare) < 0)
			code = CLI_FAILED;
	}
	control_paths_free(&list);
	return code;
}

int cmd_get(struct cli *c, int argc, char **argv)
{
	struct control box;
	struct errmsg em;
	int code = CLI_OK;

	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	if (optind == argc)
		return cli_usage(c, "which value? for example: matlang get cameras/gate-01/fps");
	control_init(&box, c->control);
	if (control_check(&box, &em) < 0)
		return cli_fail(c, "%s", em.text);
	for (int i = optind; i < argc; i++) {
		bool bare = argc - optind == 1 && control_is_value(&box, argv[i]);

		if (get_one(c, &box, argv[i], bare) != CLI_OK)
			code = CLI_FAILED;
	}
	return code;
}
