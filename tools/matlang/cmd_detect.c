/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang detect: the detector over a clip, a camera or recorded footage, with any settings. */
#include <errno.h>
#include <getopt.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <string.h>

#include "capture/play.h"
#include "tools/common/i18n.h"
#include "tools/common/progress.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/detect.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/picture.h"

enum { KEY_SOURCE = CLI_KEY, KEY_SET, KEY_MASKS, KEY_FLAGS, KEY_FRAMES };

const struct cli_option cmd_detect_options[] = {
	{"source", KEY_SOURCE, "SOURCE",
	 "clip:FILE or clip:DIRECTORY of images (to its end), v4l2:... or rack:... (with "
	 "--frames)"},
	{"set", KEY_SET, "motion/NAME=VALUE",
	 "a setting, by its name under cameras/NAME/; may be given again"},
	{"masks", KEY_MASKS, "DIR",
	 "write a PGM for each frame looked at: one pixel a cell, 255 where it moved"},
	{"flags", KEY_FLAGS, "FILE", "write a line 'FRAME 0|1' for each frame: did it have motion"},
	{"frames", KEY_FRAMES, "N", "end after N frames"},
	{0},
};

struct detect_source {
	struct detect d;
	const char *uri;
	long frames; /* 0: no limit */
};

static int over_source(struct detect_source *s)
{
	struct progress progress;
	struct errmsg em = {""};
	struct play *play;
	struct frame f;
	int n = play_open(&play, s->uri, NULL, true, &em), code = CLI_OK;

	if (n < 0)
		return cli_fail(s->d.c, "%s", *em.text ? em.text : strerror(-n));
	progress_begin(&progress, "looking for motion");
	while (code == CLI_OK && (s->frames == 0 || s->d.frames < (uint64_t)s->frames) &&
	       (n = play_next(play, &f, 0, &em)) > 0) {
		code = detect_frame(&s->d, &f, (uint64_t)play_frame_number(play), 0);
		progress_count(&progress, s->d.frames, (uint64_t)s->frames);
	}
	progress_end(&progress);
	play_close(play);
	if (n < 0)
		return cli_fail(s->d.c, "%s", *em.text ? em.text : strerror(-n));
	return code;
}

static int over_cursor(struct detect_source *s, struct reader_cursor *cursor)
{
	struct progress progress;
	struct record rec;
	struct frame f;
	int n = 0, code = CLI_OK;

	progress_begin(&progress, "looking for motion");
	while (code == CLI_OK && (s->frames == 0 || s->d.frames < (uint64_t)s->frames) &&
	       (n = reader_cursor_next(cursor, &rec)) > 0) {
		n = reader_cursor_load(cursor, &rec);
		if (n == -EBADMSG || n == -ESTALE)
			continue;
		if (n < 0)
			break;
		if (picture_frame(&rec, &f))
			code = detect_frame(&s->d, &f, s->d.frames + 1, rec.utc_ns);
		progress_count(&progress, s->d.frames, (uint64_t)s->frames);
	}
	progress_end(&progress);
	if (footage_warn_damage(s->d.c, cursor) && code == CLI_OK)
		code = CLI_FAILED;
	return n < 0 ? cli_fail(s->d.c, _("the store cannot be read: %s"), strerror(-n)) : code;
}

static int over_footage(struct detect_source *s)
{
	struct reader_cursor *cursor;
	struct errmsg em = {""};
	struct footage f;
	uint32_t camera = 0;
	int code = footage_open(&f, s->d.c), n;

	if (code == CLI_OK)
		camera = footage_camera(&f, s->d.c, s->d.c->camera[0]);
	if (code == CLI_OK && !camera)
		code = CLI_FAILED;
	if (code == CLI_OK) {
		const struct reader_query query = {camera, RECORD_MASK(RECORD_FRAME), f.from_ns,
						   f.to_ns};

		n = reader_cursor_open(&cursor, f.reader, &query, &em);
		if (n < 0) {
			code = cli_fail(s->d.c, _("the store cannot be read: %s"), em.text);
		} else {
			code = over_cursor(s, cursor);
			reader_cursor_close(cursor);
		}
	}
	footage_close(&f);
	return code;
}

int cmd_detect(struct cli *c, int argc, char **argv)
{
	struct detect_source s = {.d.c = c};
	struct errmsg em = {""};
	int key, code, err = 0;

	motion_config_defaults(&s.d.config);
	s.d.config.rate = 0;
	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		switch (key) {
		case KEY_SOURCE: s.uri = optarg; break;
		case KEY_SET: err = detect_set(&s.d.config, optarg, &em); break;
		case KEY_MASKS: s.d.masks = optarg; break;
		case KEY_FLAGS: s.d.flags = optarg; break;
		case KEY_FRAMES:
			err = cli_number("frames", optarg, 1, 1000000000, &s.frames, &em);
			break;
		default: return c->exit_code;
		}
		if (err)
			return cli_usage(c, "%s", em.text);
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	if (!s.uri == (c->ncameras == 0))
		return cli_usage(
			c, "say either --source SOURCE, or --camera NAME for recorded footage");
	if (s.uri && strncmp(s.uri, "clip:", 5) != 0 && s.frames == 0)
		return cli_usage(c, "only a clip comes to an end: say --frames N");
	av_log_set_level(AV_LOG_QUIET);
	code = detect_begin(&s.d);
	if (code == CLI_OK)
		code = s.uri ? over_source(&s) : over_footage(&s);
	return detect_end(&s.d, code);
}
