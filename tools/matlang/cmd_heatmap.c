/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang heatmap: where a camera's picture moves, over the picture, and at which hours. */
#include <errno.h>
#include <getopt.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/common/i18n.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/heat_draw.h"
#include "tools/matlang/outputs.h"
#include "tools/matlang/shot.h"

enum { KEY_FORCE = CLI_KEY };

const struct cli_option cmd_heatmap_options[] = {
	{"output", 'o', N_("FILE"), N_("the file to make: NAME.png")},
	{"force", KEY_FORCE, NULL, N_("replace a file that is there already")},
	{0},
};

struct heatmap {
	const struct cli *c;
	struct footage f;
	const char *path;
	struct outputs outputs;
	struct heat heat;
	struct heat_page page;
};

static int save(struct heatmap *m)
{
	struct errmsg em = {""};
	const char *temp;
	int err = outputs_add(&m->outputs, m->path, &temp, &em);

	if (!err)
		err = heat_draw(&m->page, temp, &em);
	if (!err)
		err = outputs_publish(&m->outputs, &em);
	return err ? cli_fail(m->c, "%s", em.text) : CLI_OK;
}

/* The picture beneath: of the time asked for, else the newest of all. */
static int find_picture(struct heatmap *m, uint32_t camera_id, AVFrame *picture)
{
	struct errmsg em = {""};
	int64_t utc_ns;
	int n = shot_newest(m->f.reader, camera_id, m->f.from_ns, m->f.to_ns, picture, &utc_ns,
			    &em);

	if (n == 0)
		n = shot_newest(m->f.reader, camera_id, 0, INT64_MAX, picture, &utc_ns, &em);
	if (n < 0)
		return cli_fail(m->c, _("the store cannot be read: %s"), em.text);
	m->page.picture = n ? picture : NULL;
	return CLI_OK;
}

static unsigned busiest(const struct heat *h)
{
	unsigned at = 0;

	for (unsigned i = 1; i < 24; i++)
		if (h->hour[i] > h->hour[at])
			at = i;
	return at;
}

static int show(const struct heatmap *m)
{
	const struct heat *h = &m->heat;
	json_t *hours;

	if (!m->c->json && h->minutes == 0) {
		printf(_("%s: nothing moved in this time\n"), m->path);
		return CLI_OK;
	}
	if (!m->c->json) {
		printf(_("%s: minutes with motion: %u, most of them from %u:00 to %u:00 (%u); read "
			 "%llu minute maps and %llu bitmaps\n"),
		       m->path, h->minutes, busiest(h), busiest(h) + 1, h->hour[busiest(h)],
		       (unsigned long long)h->maps, (unsigned long long)h->bitmaps);
		return CLI_OK;
	}
	hours = json_array();
	for (unsigned i = 0; i < 24; i++)
		if (json_array_append_new(hours, json_integer(h->hour[i])) < 0)
			return cli_fail(m->c, _("out of memory"));
	return cli_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:i, s:I, s:I}", "type",
				  "heatmap", "camera", footage_json_text(m->page.camera), "from",
				  footage_json_time(m->page.from_ns), "to",
				  footage_json_time(m->page.to_ns), "file",
				  footage_json_text(m->path), "minutes", (int)h->minutes, "hours",
				  hours, "most_in_a_cell", (int)h->most, "minute_maps",
				  (json_int_t)h->maps, "bitmaps", (json_int_t)h->bitmaps)) < 0
		       ? CLI_FAILED
		       : CLI_OK;
}

static int make(struct heatmap *m, uint32_t camera_id)
{
	const struct reader_query q = {camera_id, RECORD_MASK(RECORD_MOTION), m->f.from_ns,
				       m->f.to_ns};
	AVFrame *picture = av_frame_alloc();
	struct errmsg em = {""};
	struct reader_info info;
	int code = picture ? CLI_OK : cli_fail(m->c, _("out of memory"));

	if (code == CLI_OK && heat_gather(&m->heat, m->f.reader, &q, &em) < 0)
		code = cli_fail(m->c, _("the store cannot be read: %s"), em.text);
	if (code == CLI_OK)
		code = find_picture(m, camera_id, picture);
	reader_info(m->f.reader, &info);
	m->page.heat = &m->heat;
	m->page.camera = reader_camera_name(m->f.reader, camera_id);
	m->page.from_ns = m->f.from_ns > info.oldest_utc_ns ? m->f.from_ns : info.oldest_utc_ns;
	m->page.to_ns = m->f.to_ns < info.newest_utc_ns ? m->f.to_ns : info.newest_utc_ns;
	if (code == CLI_OK)
		code = save(m);
	if (code == CLI_OK)
		code = show(m);
	if (footage_warn_passed_over(m->c, &m->heat.damage) && code == CLI_OK)
		code = CLI_FAILED;
	av_frame_free(&picture);
	heat_free(&m->heat);
	return code;
}

static bool is_png_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && !strcasecmp(dot, ".png");
}

int cmd_heatmap(struct cli *c, int argc, char **argv)
{
	struct heatmap m = {.c = c};
	uint32_t camera_id;
	int key, code;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		switch (key) {
		case 'o': m.path = optarg; break;
		case KEY_FORCE: m.outputs.force = true; break;
		default: return c->exit_code;
		}
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	if (c->ncameras != 1)
		return cli_usage(c, _("which camera? say --camera NAME"));
	if (!m.path)
		return cli_usage(c, _("into which file? say -o NAME.png"));
	if (!is_png_name(m.path))
		return cli_usage(c, _("-o wants NAME.png, not '%s'"), m.path);
	av_log_set_level(AV_LOG_QUIET);
	code = footage_open(&m.f, c);
	if (code == CLI_OK) {
		camera_id = footage_camera(&m.f, c, c->camera[0]);
		code = camera_id ? make(&m, camera_id) : CLI_FAILED;
	}
	outputs_free(&m.outputs);
	footage_close(&m.f);
	return code;
}
