/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang rack load: what a rack camera shows from now on. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/core/pixfmt.h"
#include "tools/common/i18n.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/rackdir.h"
#include "tools/matlang/rackfootage.h"

enum { KEY_PICTURES = CLI_KEY + 1, KEY_SIZE, KEY_RATE };

const struct cli_option cmd_rack_load_options[] = {
	{"rack", CMD_RACK_DIR, "DIR", N_("the rack's directory (/sys/kernel/config/matlang_rack)")},
	{"pictures", KEY_PICTURES, "N", N_("take only the first N pictures of the clip")},
	{"rate", KEY_RATE, "N", N_("frames a second; else as many as the clip has")},
	{"size", KEY_SIZE, "WxH", N_("of the made-up scene, when no clip is given (1280x720)")},
	{0},
};

struct load {
	struct control rack;
	const char *dir, *name, *clip; /* clip NULL: the made-up scene */
	unsigned width, height;
	long pictures, rate; /* 0: all; the clip's */
};

/* CLI_OK, or an exit code after saying why. */
static int parse(struct cli *c, int argc, char **argv, struct load *l)
{
	struct errmsg em;
	char rest;
	int key, err = 0;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END && !err) {
		switch (key) {
		case CMD_RACK_DIR: l->dir = optarg; break;
		case KEY_PICTURES:
			err = cli_number("pictures", optarg, 1, MATLANG_RACK_PICTURES_MAX,
					 &l->pictures, &em);
			break;
		case KEY_RATE: err = cli_number("rate", optarg, 1, 240, &l->rate, &em); break;
		case KEY_SIZE:
			if (sscanf(optarg, "%5ux%5u%c", &l->width, &l->height, &rest) != 2 ||
			    l->width < 64 || l->width > 4096 || l->height < 64 || l->height > 4096)
				return cli_usage(c,
						 _("'%s' is no size: write WIDTHxHEIGHT, each "
						   "from 64 to 4096"),
						 optarg);
			break;
		default: return c->exit_code;
		}
	}
	if (err)
		return cli_usage(c, "%s", em.text);
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage(c,
				 _("name the camera and the clip, for example: matlang rack load "
				   "gate street.mp4"));
	l->name = argv[optind];
	l->clip = argv[optind + 1]; /* argv ends with NULL */
	if (!rackdir_name_ok(l->name))
		return cli_usage(c, _("'%s' is no camera's name"), l->name);
	return CLI_OK;
}

/* Writes the footage and asks what the module made of it. */
static int hand_over(const struct load *l, const struct rackfootage *f, struct errmsg *em)
{
	char path[256], state[128];
	int err;

	snprintf(path, sizeof(path), "%s/%s/footage", l->rack.dir, l->name);
	err = rackfootage_write(f, path, em);
	if (err)
		return err;
	rackdir_get(&l->rack, l->name, "footage_state", state, sizeof(state));
	if (!strncmp(state, "MJPG", 4) || !strncmp(state, "H264", 4))
		return 0;
	return errmsg_set(em, -EINVAL, _("the rack does not take the clip: %s"),
			  *state ? state : path);
}

/* The camera is out of its socket while it gets something else to show. */
static int exchange(const struct load *l, const struct rackfootage *f, struct errmsg *em)
{
	char plugged[16], rate[16];
	long fps = l->rate ? l->rate : (long)(f->fps + 0.5);
	int err = 0;

	snprintf(rate, sizeof(rate), "%ld", fps < 1 ? 1 : fps > 240 ? 240 : fps);
	rackdir_get(&l->rack, l->name, "plugged", plugged, sizeof(plugged));
	if (!strcmp(plugged, "1"))
		err = rackdir_set(&l->rack, l->name, "plugged", "0", em);
	if (!err)
		err = hand_over(l, f, em);
	if (!err)
		err = rackdir_set(&l->rack, l->name, "formats",
				  f->head.fourcc == PIXFMT_MJPEG ? "MJPG" : "H264", em);
	if (!err)
		err = rackdir_set(&l->rack, l->name, "rates", rate, em);
	if (!err)
		err = rackdir_set(&l->rack, l->name, "plugged", "1", em);
	return err;
}

static int report(const struct cli *c, const struct load *l, const struct rackfootage *f)
{
	char node[64];

	rackdir_get(&l->rack, l->name, "node", node, sizeof(node));
	if (c->json)
		return cli_json(json_pack(
			"{s:s, s:o, s:o, s:s, s:I, s:I, s:I, s:I}", "type", "rack_footage", "name",
			footage_json_text(l->name), "node", footage_json_text(node), "format",
			pixfmt_find(f->head.fourcc)->name, "width", (json_int_t)f->head.width,
			"height", (json_int_t)f->head.height, "pictures", (json_int_t)f->head.count,
			"bytes", (json_int_t)f->size));
	printf(_("%s shows %u pictures of %s %ux%u, %.1f MB, as /dev/%s\n"), l->name, f->head.count,
	       pixfmt_find(f->head.fourcc)->name, f->head.width, f->head.height,
	       (double)f->size / 1e6, node);
	return 0;
}

int cmd_rack_load(struct cli *c, int argc, char **argv)
{
	struct load l = {.width = 1280, .height = 720};
	struct rackfootage f = {0};
	struct errmsg em = {""};
	struct stat st;
	char path[256];
	int err, code = parse(c, argc, argv, &l);

	if (code != CLI_OK || !l.name)
		return code;
	f.max = (unsigned)l.pictures;
	err = rackdir_open(&l.rack, l.dir, &em);
	if (!err) {
		snprintf(path, sizeof(path), "%s/%s", l.rack.dir, l.name);
		if (stat(path, &st) < 0)
			err = errmsg_set(&em, -ENOENT,
					 _("there is no camera %s: matlang rack make %s"), l.name,
					 l.name);
	}
	if (!err)
		err = l.clip ? rackfootage_read(&f, l.clip, &em)
			     : rackfootage_draw(&f, l.width, l.height, &em);
	if (!err)
		err = exchange(&l, &f, &em);
	if (!err && report(c, &l, &f) < 0)
		err = errmsg_set(&em, -EIO, "%s", strerror(EIO));
	rackfootage_free(&f);
	return cli_finish(c, err ? cli_fail(c, "%s", em.text) : CLI_OK);
}
