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
#include "tools/matlang/compare.h"
#include "tools/matlang/control.h"
#include "tools/matlang/detect.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/picture.h"

#define SETTINGS_MAX 64u

enum {
	KEY_SOURCE = CLI_KEY,
	KEY_SET,
	KEY_COMPARE,
	KEY_BASE,
	KEY_MASKS,
	KEY_DRAW,
	KEY_FLAGS,
	KEY_FRAMES
};

const struct cli_option cmd_detect_options[] = {
	{"source", KEY_SOURCE, "SOURCE",
	 "clip:FILE or clip:DIRECTORY of images (to its end), v4l2:... or rack:... (with "
	 "--frames)"},
	{"set", KEY_SET, "motion/NAME=VALUE",
	 "a setting, by its name under cameras/NAME/; may be given again"},
	{"compare", KEY_COMPARE, NULL,
	 "show the alarms of today's settings (the running box's, else the defaults) beside those "
	 "with --set"},
	{"base", KEY_BASE, "motion/NAME=VALUE",
	 "with --compare: one of today's settings, where no box can be asked; may be given again"},
	{"masks", KEY_MASKS, "DIR",
	 "write a PGM for each frame looked at: one pixel a cell, 255 where it moved"},
	{"draw", KEY_DRAW, "DIR",
	 "write a PNG for each frame looked at, with the cells that moved, the zones and the "
	 "level drawn in"},
	{"flags", KEY_FLAGS, "FILE", "write a line 'FRAME 0|1' for each frame: did it have motion"},
	{"frames", KEY_FRAMES, "N", "end after N frames"},
	{0},
};

struct detect_source {
	struct detect d;
	struct compare *compare; /* NULL: one set of settings */
	const char *set[SETTINGS_MAX], *base[SETTINGS_MAX];
	unsigned nset, nbase;
	const char *uri;
	long frames; /* 0: no limit */
};

static int look_at(struct detect_source *s, const struct frame *f, uint64_t number, int64_t utc_ns)
{
	if (!s->compare)
		return detect_frame(&s->d, f, number, utc_ns);
	s->d.frames++;
	return compare_frame(s->compare, f, utc_ns);
}

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
		code = look_at(s, &f, (uint64_t)play_frame_number(play), 0);
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
			code = look_at(s, &f, s->d.frames + 1, rec.utc_ns);
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

static int keep(const char *list[], unsigned *n, struct errmsg *em)
{
	if (*n == SETTINGS_MAX)
		return errmsg_set(em, -E2BIG, "more than %u settings", SETTINGS_MAX);
	list[(*n)++] = optarg;
	return 0;
}

static int apply(const struct cli *c, struct motion_config *config, const char *const list[],
		 unsigned n)
{
	struct errmsg em = {""};

	for (unsigned i = 0; i < n; i++)
		if (detect_set(config, list[i], &em) < 0)
			return cli_usage(c, "%s", em.text);
	return CLI_OK;
}

static int over_frames(struct detect_source *s)
{
	return s->uri ? over_source(s) : over_footage(s);
}

/* Today's settings are those of the box that records the camera; the changed ones differ from them
 * by what is given with --set. */
static int run_compare(struct detect_source *s)
{
	struct compare p = {.c = s->d.c};
	struct motion_config *today = &p.side[COMPARE_TODAY].config;
	struct motion_config *changed = &p.side[COMPARE_CHANGED].config;
	struct errmsg em = {""};
	struct control box;
	int code, taken = 0;

	motion_config_defaults(today);
	control_init(&box, s->d.c->control);
	if (!s->uri)
		taken = detect_set_from_box(today, &box, s->d.c->camera[0], &em);
	if (taken < 0)
		return cli_fail(s->d.c, "%s", em.text);
	if (!taken && !s->uri && s->nbase == 0)
		cli_warn(s->d.c,
			 "no box that records '%s' can be asked: today's settings are the "
			 "defaults",
			 s->d.c->camera[0]);
	code = apply(s->d.c, today, s->base, s->nbase);
	*changed = *today;
	if (code == CLI_OK)
		code = apply(s->d.c, changed, s->set, s->nset);
	if (code != CLI_OK)
		return code;
	s->compare = &p;
	code = compare_begin(&p);
	if (code == CLI_OK)
		code = over_frames(s);
	return compare_end(&p, code);
}

static int run_detect(struct detect_source *s)
{
	int code = apply(s->d.c, &s->d.config, s->set, s->nset);

	if (code != CLI_OK)
		return code;
	code = detect_begin(&s->d);
	if (code == CLI_OK)
		code = over_frames(s);
	return detect_end(&s->d, code);
}

int cmd_detect(struct cli *c, int argc, char **argv)
{
	bool compare = false;
	struct detect_source s = {.d.c = c};
	struct errmsg em = {""};
	int key, err = 0;

	motion_config_defaults(&s.d.config);
	s.d.config.rate = 0;
	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		switch (key) {
		case KEY_SOURCE: s.uri = optarg; break;
		case KEY_SET: err = keep(s.set, &s.nset, &em); break;
		case KEY_BASE: err = keep(s.base, &s.nbase, &em); break;
		case KEY_COMPARE: compare = true; break;
		case KEY_MASKS: s.d.masks = optarg; break;
		case KEY_DRAW: s.d.draw = optarg; break;
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
	if (compare ? s.nset == 0 || s.d.masks || s.d.flags || s.d.draw : s.nbase > 0)
		return cli_usage(c, compare ? "--compare wants --set motion/NAME=VALUE, and makes "
					      "no --masks, --flags or --draw"
					    : "--base is for --compare; say --set");
	av_log_set_level(AV_LOG_QUIET);
	return compare ? run_compare(&s) : run_detect(&s);
}
