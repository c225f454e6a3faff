/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang cameras: what the box has, and what each one delivers. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/box.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/eventkind.h"
#include "tools/matlang/footage.h"

static int show_json(const struct box_cameras *all)
{
	int err = 0;

	for (size_t i = 0; i < all->count && !err; i++) {
		const struct box_camera *cam = &all->item[i];

		err = cli_json(json_pack(
			"{s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:I, "
			"s:b, s:I, s:o, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I}",
			"type", "camera", "camera", footage_json_text(cam->name), "title",
			footage_json_text(cam->title), "source", footage_json_text(cam->source),
			"enabled", (int)cam->enabled, "state", footage_json_text(cam->state), "why",
			footage_json_text(cam->why), "format", footage_json_text(cam->format),
			"size", footage_json_text(cam->size), "memory",
			footage_json_text(cam->memory), "card", footage_json_text(cam->card), "fps",
			cam->fps, "fps_nominal", cam->fps_nominal, "events",
			(json_int_t)cam->events, "in_event", (int)cam->in_event, "level",
			(json_int_t)cam->level, "tamper", footage_json_text(cam->tamper), "tampers",
			(json_int_t)cam->tampers, "alarms_hour", (json_int_t)cam->alarms_hour,
			"restless_percent", cam->restless, "noise", cam->noise, "lag_ms",
			cam->lag_ms, "lag_max_ms", cam->lag_max_ms, "analyzed",
			(json_int_t)cam->analyzed, "skipped", (json_int_t)cam->skipped));
	}
	return err;
}

static int show_table(const struct box_cameras *all)
{
	struct table *t = table_create("lllllrlrl");
	int err;

	table_add(t, _("CAMERA"));
	table_add(t, _("TITLE"));
	table_add(t, _("STATE"));
	table_add(t, _("PICTURE"));
	table_add(t, _("FORMAT"));
	table_add(t, _("FRAMES/S"));
	table_add(t, _("MOTION"));
	table_add(t, _("ALARMS/H"));
	table_add(t, _("SOURCE"));
	for (size_t i = 0; i < all->count; i++) {
		const struct box_camera *cam = &all->item[i];

		table_add(t, cam->name);
		table_add(t, cam->title);
		table_add(t, box_camera_state_text(cam));
		table_add(t, *cam->size ? cam->size : "-");
		table_add(t, *cam->format ? cam->format : "-");
		table_addf(t, "%.1f", cam->fps);
		table_add(t, box_camera_view_lost(cam) ? eventkind_text_of(cam->tamper)
			     : cam->in_event           ? _("now")
						       : "-");
		table_addf(t, "%llu", (unsigned long long)cam->alarms_hour);
		table_add(t, cam->source);
	}
	err = all->count ? table_print(t, stdout) : 0;
	table_destroy(t);
	if (!all->count)
		puts(_("No cameras yet: 'matlang devices' shows what can be added."));
	return err;
}

int cmd_cameras(struct cli *c, int argc, char **argv)
{
	struct box_cameras all = {0};
	struct control box;
	struct errmsg em;
	int err;

	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	control_init(&box, c->control);
	if (control_check(&box, &em) < 0)
		return cli_fail(c, "%s", em.text);
	err = box_cameras_read(&all, &box);
	if (!err)
		err = c->json ? show_json(&all) : show_table(&all);
	box_cameras_free(&all);
	return err ? cli_fail(c, "%s", strerror(-err)) : CLI_OK;
}
