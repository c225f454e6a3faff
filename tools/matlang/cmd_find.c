/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang find: when did something move; answered from the stored bitmaps of cells alone. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/monotime.h"
#include "capture/core/timefmt.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/progress.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/find.h"

enum { KEY_REGION = CLI_KEY, KEY_MIN_CELLS, KEY_MERGE, KEY_MINUTES };

const struct cli_option cmd_find_options[] = {
	{"region", KEY_REGION, "X,Y,W,H",
	 N_("only what moved in this rectangle, in pixels of the camera's picture")},
	{"min-cells", KEY_MIN_CELLS, "N",
	 N_("at least so many cells of the picture moved (default: 1)")},
	{"merge", KEY_MERGE, N_("TIME"),
	 N_("show as one what is at most so far apart (default: 5s; 60s with --minutes)")},
	{"minutes", KEY_MINUTES, NULL,
	 N_("answer to the minute, from the maps of whole minutes alone: months in seconds")},
	{0},
};

static int show_json(const struct find *q)
{
	int err = 0;

	for (size_t i = 0; i < q->found.count && !err; i++) {
		const struct stretch *s = &q->found.item[i];

		err = cli_json(json_pack(
			"{s:s, s:o, s:o, s:o, s:f, s:o, s:i, s:i, s:s}", "type", "motion", "camera",
			footage_json_text(reader_camera_name(q->f.reader, s->camera_id)), "from",
			footage_json_time(s->from_ns), "to", footage_json_time(s->to_ns), "seconds",
			(double)(s->to_ns - s->from_ns) / 1e9, "peak",
			footage_json_time(s->peak_ns), "peak_cells", (int)s->peak_cells, "frames",
			(int)s->frames, "clock", footage_clock_name(s->clock)));
	}
	if (!err)
		err = cli_json(json_pack(
			"{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "type",
			"summary", "stretches", (json_int_t)q->found.count, "moments",
			(json_int_t)q->moments, "bitmaps", (json_int_t)q->bitmaps, "bitmap_bytes",
			(json_int_t)q->bitmap_bytes, "index_bytes", (json_int_t)q->cost.index_bytes,
			"minutes", (json_int_t)q->minutes.minutes, "minute_hits",
			(json_int_t)q->minute_hits, "minute_bytes", (json_int_t)q->minutes.bytes,
			"segments", (json_int_t)q->minutes.segments, "segments_passed_over",
			(json_int_t)(q->minutes.covered - q->minutes.wanted), "seconds",
			(double)q->took_ns / 1e9));
	return err ? CLI_FAILED : CLI_OK;
}

static void say_cost(const struct find *q)
{
	char text[HUMAN_MAX], index[HUMAN_MAX];

	if (q->minutes.minutes) {
		human_size(text, q->minutes.bytes);
		printf(_("Minute maps read: %llu (%s); %llu of %llu segments needed no look\n"),
		       (unsigned long long)q->minutes.minutes, text,
		       (unsigned long long)(q->minutes.covered - q->minutes.wanted),
		       (unsigned long long)q->minutes.segments);
	}
	human_size(text, q->bitmap_bytes);
	human_size(index, q->cost.index_bytes);
	printf(_("%llu stretches of %llu moments; read %llu bitmaps (%s) and %s of index in %.2f "
		 "s\n"),
	       (unsigned long long)q->found.count, (unsigned long long)q->moments,
	       (unsigned long long)q->bitmaps, text, index, (double)q->took_ns / 1e9);
}

static int show_table(const struct find *q)
{
	struct table *t = table_create("lllrrl");
	char from[TIMEFMT_MAX], to[TIMEFMT_MAX], text[HUMAN_MAX];
	int err;

	table_add(t, _("CAMERA"));
	table_add(t, _("FROM"));
	table_add(t, _("TO"));
	table_add(t, _("LENGTH"));
	table_add(t, _("CELLS"));
	table_add(t, "");
	for (size_t i = 0; i < q->found.count; i++) {
		const struct stretch *s = &q->found.item[i];

		timefmt_rfc3339(from, s->from_ns, 0);
		timefmt_rfc3339(to, s->to_ns, 0);
		human_duration(text, s->to_ns - s->from_ns);
		table_add(t, reader_camera_name(q->f.reader, s->camera_id));
		table_add(t, from);
		table_add(t, to);
		table_add(t, text);
		table_addf(t, "%u", s->peak_cells);
		table_add(t, footage_clock_note(s->clock));
	}
	err = q->found.count ? table_print(t, stdout) : 0;
	table_destroy(t);
	if (err)
		return cli_fail(q->c, "%s", strerror(-err));
	if (q->found.count == 0)
		puts(_("Nothing moved."));
	say_cost(q);
	return CLI_OK;
}

static int run(struct find *q, int64_t merge_ns)
{
	int code = footage_open(&q->f, q->c);

	if (code != CLI_OK)
		return code;
	stretches_init(&q->found, merge_ns);
	code = footage_cameras(&q->f, q->c, &q->cameras);
	if (code == CLI_OK)
		code = find_search(q);
	if (code == CLI_OK)
		code = q->c->json ? show_json(q) : show_table(q);
	if (code == CLI_OK && q->damaged)
		code = CLI_FAILED;
	stretches_free(&q->found);
	footage_cameras_free(&q->cameras);
	footage_close(&q->f);
	return code;
}

int cmd_find(struct cli *c, int argc, char **argv)
{
	struct find q = {.c = c, .min_cells = 1};
	int64_t merge_ns = -1;
	struct errmsg em;
	int key, err = 0;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		switch (key) {
		case KEY_REGION:
			err = region_parse(optarg, &q.region, &em);
			q.in_region = true;
			break;
		case KEY_MIN_CELLS:
			err = cli_number("min-cells", optarg, 1, 65535, &q.min_cells, &em);
			break;
		case KEY_MINUTES: q.by_minutes = true; break;
		case KEY_MERGE: err = timefmt_parse_duration(optarg, &merge_ns, &em); break;
		default: return c->exit_code;
		}
		if (err)
			return cli_usage(c, "%s", em.text);
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	if (merge_ns < 0)
		merge_ns = (q.by_minutes ? 60 : 5) * NSEC_PER_SEC;
	return run(&q, merge_ns);
}
