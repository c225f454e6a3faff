/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang export: footage as a file that anything plays, with what is missing written beside it. */
#include <errno.h>
#include <getopt.h>
#include <libavutil/log.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/export.h"
#include "tools/matlang/mux.h"

enum { KEY_FORCE = CLI_KEY, KEY_ENCODE, KEY_QUALITY };

const struct cli_option cmd_export_options[] = {
	{"output", 'o', N_("FILE"), N_("the file to make: NAME.mkv or NAME.mp4")},
	{"force", KEY_FORCE, NULL, N_("replace files that are there already")},
	{"encode", KEY_ENCODE, "CODEC",
	 N_("h264: plays in browsers, which do not play MJPEG; mjpeg. Default: nothing is encoded "
	    "but raw pictures (as MJPEG)")},
	{"quality", KEY_QUALITY, "N",
	 N_("of MJPEG made from raw pictures, 1 to 100 (default: 92)")},
	{0},
};

static int parse_output(struct export *x, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	x->container = mux_container(name);
	if (!x->container || *name == '.')
		return cli_usage(x->c, _("-o wants NAME.mkv or NAME.mp4, not '%s'"), path);
	if (strlen(path) + 16 >= sizeof(x->path))
		return cli_usage(x->c, _("the name of the output file is too long"));
	snprintf(x->path, sizeof(x->path), "%s", path);
	snprintf(x->base, sizeof(x->base), "%.*s", (int)(strlen(path) - 4), path);
	return CLI_OK;
}

static int parse_encode(struct export *x, const char *text)
{
	if (!strcmp(text, "h264"))
		x->encode = EXPORT_H264;
	else if (!strcmp(text, "mjpeg"))
		x->encode = EXPORT_MJPEG;
	else
		return cli_usage(x->c, _("--encode wants h264 or mjpeg, not '%s'"), text);
	return CLI_OK;
}

/* What can be known before hours of copying: a taken name, a disk too small for it. */
static int check_target(const struct export *x)
{
	static const char *const ends[] = {".gaps.txt", ".json", ".sha256"};
	char path[EXPORT_PATH_MAX + 16], dir[EXPORT_PATH_MAX], need[HUMAN_MAX], have[HUMAN_MAX];
	struct statvfs fs;

	for (size_t i = 0; i <= ARRAY_SIZE(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", i ? x->base : x->path, i ? ends[i - 1] : "");
		if (!x->outputs.force && access(path, F_OK) == 0)
			return cli_fail(x->c,
					_("%s is there already; choose another name, or --force "
					  "replaces it"),
					path);
	}
	snprintf(dir, sizeof(dir), "%s", x->path);
	if (statvfs(dirname(dir), &fs) < 0)
		return cli_fail(x->c, _("cannot write into %s: %s"), dir, strerror(errno));
	if (x->encode == EXPORT_COPY && x->bytes / fs.f_frsize >= fs.f_bavail) {
		human_size(need, x->bytes);
		human_size(have, (uint64_t)fs.f_bavail * fs.f_frsize);
		return cli_fail(x->c, _("not enough space in %s: %s are needed, %s are free"), dir,
				need, have);
	}
	return CLI_OK;
}

static int run(struct export *x)
{
	int code = footage_open(&x->f, x->c);

	if (code != CLI_OK)
		return code;
	x->camera_id = footage_camera(&x->f, x->c, x->camera);
	code = x->camera_id ? export_range(x) : CLI_FAILED;
	if (code == CLI_OK)
		code = check_target(x);
	if (code == CLI_OK)
		code = export_write(x);
	if (code == CLI_OK)
		code = export_report(x);
	outputs_free(&x->outputs);
	gaps_free(&x->gaps);
	free(x->part);
	footage_close(&x->f);
	return code;
}

int cmd_export(struct cli *c, int argc, char **argv)
{
	struct export x = {.c = c, .quality = 92};
	const char *output = NULL;
	struct errmsg em;
	long quality;
	int key, code;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		switch (key) {
		case 'o': output = optarg; break;
		case KEY_FORCE: x.outputs.force = true; break;
		case KEY_ENCODE:
			code = parse_encode(&x, optarg);
			if (code != CLI_OK)
				return code;
			break;
		case KEY_QUALITY:
			if (cli_number("quality", optarg, 1, 100, &quality, &em) < 0)
				return cli_usage(c, "%s", em.text);
			x.quality = (int)quality;
			break;
		default: return c->exit_code;
		}
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	if (c->ncameras != 1)
		return cli_usage(c, _("which camera? say --camera NAME"));
	if (!c->from)
		return cli_usage(c, _("from when on? say --from TIME"));
	if (!output)
		return cli_usage(c, _("into which file? say -o NAME.mkv"));
	x.camera = c->camera[0];
	code = parse_output(&x, output);
	if (code != CLI_OK)
		return code;
	/* What goes wrong is told by us, in one line. */
	av_log_set_level(AV_LOG_QUIET);
	return run(&x);
}
