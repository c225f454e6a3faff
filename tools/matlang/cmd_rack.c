/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang rack list, make, remove: cameras that need no hardware (matlang_rack(4)). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/rackdir.h"

const struct cli_option cmd_rack_options[] = {
	{"rack", CMD_RACK_DIR, "DIR", N_("the rack's directory (/sys/kernel/config/matlang_rack)")},
	{0},
};

/* The options of all of them. 0, or -1: end with *code. */
static int parse(struct cli *c, int argc, char **argv, struct control *rack, int *code)
{
	const char *dir = NULL;
	struct errmsg em;
	int key;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key != CMD_RACK_DIR) {
			*code = c->exit_code;
			return -1;
		}
		dir = optarg;
	}
	if (rackdir_open(rack, dir, &em) < 0) {
		*code = cli_fail(c, "%s", em.text);
		return -1;
	}
	*code = CLI_OK;
	return 0;
}

static const char *const shown[] = {"node",      "formats",   "sizes",   "rates", "footage_state",
				    "delivered", "no_buffer", "overrun", NULL};

static int show_camera(const struct cli *c, const struct control *rack, const char *name,
		       struct table *t)
{
	char value[CONTROL_VALUE_MAX];
	json_t *object = c->json ? json_pack("{s:s, s:o}", "type", "rack_camera", "name",
					     footage_json_text(name))
				 : NULL;

	table_add(t, name);
	for (unsigned i = 0; shown[i]; i++) {
		rackdir_get(rack, name, shown[i], value, sizeof(value));
		if (object)
			json_object_set_new(object, shown[i], footage_json_text(value));
		table_add(t, *value ? value : "-");
	}
	return c->json ? cli_json(object) : 0;
}

int cmd_rack_list(struct cli *c, int argc, char **argv)
{
	struct control_paths names = {0};
	struct control rack;
	struct table *t;
	int code, err;

	if (parse(c, argc, argv, &rack, &code) < 0)
		return code;
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	err = control_children(&rack, "", &names);
	t = table_create("llllllrrr");
	table_add(t, _("CAMERA"));
	table_add(t, _("DEVICE"));
	table_add(t, _("FORMATS"));
	table_add(t, _("SIZES"));
	table_add(t, _("RATES"));
	table_add(t, _("FOOTAGE"));
	table_add(t, _("DELIVERED"));
	table_add(t, _("NO BUFFER"));
	table_add(t, _("LATE"));
	for (size_t i = 0; i < names.count && !err; i++)
		err = show_camera(c, &rack, names.path[i], t);
	if (!err && !c->json) {
		if (names.count)
			err = table_print(t, stdout);
		else
			puts(_("The rack is empty. To make a camera: matlang rack make NAME"));
	}
	table_destroy(t);
	control_paths_free(&names);
	return cli_finish(c, err ? cli_fail(c, "%s", strerror(-err)) : CLI_OK);
}

/* "sizes=640x360" to the file `sizes`. CLI_OK, or an exit code after saying why. */
static int apply(const struct cli *c, const struct control *rack, const char *name, char *setting)
{
	char *equals = strchr(setting, '=');
	struct errmsg em;
	int err;

	*equals = '\0';
	err = rackdir_set(rack, name, setting, equals + 1, &em);
	return err ? cli_fail(c, "%s", em.text) : CLI_OK;
}

int cmd_rack_make(struct cli *c, int argc, char **argv)
{
	bool plug = true;
	struct control rack;
	char path[256];
	struct errmsg em;
	int code;

	if (parse(c, argc, argv, &rack, &code) < 0)
		return code;
	if (optind == argc || !rackdir_name_ok(argv[optind]))
		return cli_usage(c,
				 _("name the camera to make, for example: matlang rack make gate"));
	for (int i = optind + 1; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');

		if (!equals || equals == argv[i] ||
		    memchr(argv[i], '/', (size_t)(equals - argv[i])))
			return cli_usage(c, _("'%s' is not NAME=VALUE"), argv[i]);
		plug &= strncmp(argv[i], "plugged=", 8) != 0;
	}
	snprintf(path, sizeof(path), "%s/%s", rack.dir, argv[optind]);
	if (mkdir(path, 0755) < 0)
		return cli_fail(c, "%s: %s", path, strerror(errno));
	for (int i = optind + 1; i < argc && code == CLI_OK; i++)
		code = apply(c, &rack, argv[optind], argv[i]);
	if (code == CLI_OK && plug && rackdir_set(&rack, argv[optind], "plugged", "1", &em) < 0)
		code = cli_fail(c, "%s", em.text);
	/* No half a camera stays. */
	if (code != CLI_OK)
		rmdir(path);
	return code;
}

int cmd_rack_remove(struct cli *c, int argc, char **argv)
{
	struct control rack;
	char path[256];
	int code;

	if (parse(c, argc, argv, &rack, &code) < 0)
		return code;
	if (optind == argc)
		return cli_usage(c, _("name the cameras to remove"));
	for (int i = optind; i < argc; i++) {
		if (!rackdir_name_ok(argv[i]))
			return cli_usage(c, _("'%s' is no camera's name"), argv[i]);
		snprintf(path, sizeof(path), "%s/%s", rack.dir, argv[i]);
		if (rmdir(path) < 0)
			code = cli_fail(c, "%s: %s", path, strerror(errno));
	}
	return code;
}
