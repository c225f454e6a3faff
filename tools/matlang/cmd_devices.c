/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang devices: cameras that are plugged in, and the line that adds each of them. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "capture/camera.h"
#include "capture/core/pixfmt.h"
#include "capture/devices.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/box.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"

struct devices {
	const struct cli *c;
	struct control box;
	struct box_cameras cameras; /* of the running box; empty when none runs */
	struct devices_entry *entry;
	size_t count;
};

static const char *camera_using(const struct devices *d, const struct devices_entry *e)
{
	char node[SOURCE_URI_MAX];

	snprintf(node, sizeof(node), "v4l2:%s", e->node);
	for (size_t i = 0; i < d->cameras.count; i++)
		if (!strcmp(d->cameras.item[i].source, e->source) ||
		    !strcmp(d->cameras.item[i].source, node))
			return d->cameras.item[i].name;
	return NULL;
}

static bool name_taken(const struct devices *d, const char *name)
{
	for (size_t i = 0; i < d->cameras.count; i++)
		if (!strcmp(d->cameras.item[i].name, name))
			return true;
	return false;
}

/* A free name; the n-th device that is not a camera yet gets the n-th of them. */
static void suggest_name(const struct devices *d, unsigned nth, char *out, size_t size)
{
	for (unsigned k = 1; k < 10000; k++) {
		snprintf(out, size, "camera-%02u", k);
		if (!name_taken(d, out) && nth-- == 0)
			return;
	}
}

static double best_rate(const struct devices_mode *m)
{
	return m->nrates ? m->fps[0] : 0;
}

static json_t *modes_json(const struct devices_entry *e)
{
	json_t *modes = json_array();

	for (size_t i = 0; i < e->nmodes && modes; i++) {
		const struct devices_mode *m = &e->modes[i];
		const struct pixfmt *pf = pixfmt_find(m->fourcc);
		json_t *mode =
			json_pack("{s:s, s:i, s:i, s:f}", "format", pf ? pf->name : "?", "width",
				  (int)m->width, "height", (int)m->height, "fps", best_rate(m));

		if (!mode || json_array_append_new(modes, mode) < 0) {
			json_decref(modes);
			return NULL;
		}
	}
	return modes;
}

static int show_json(const struct devices *d)
{
	int err = 0;

	for (size_t i = 0; i < d->count && !err; i++) {
		const struct devices_entry *e = &d->entry[i];
		const char *used = camera_using(d, e);

		err = cli_json(json_pack(
			"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "type", "device",
			"node", footage_json_text(e->node), "source", footage_json_text(e->source),
			"name", footage_json_text(e->name), "driver", footage_json_text(e->driver),
			"bus", footage_json_text(e->bus), "serial", footage_json_text(e->serial),
			"multiplanar", (int)e->multiplanar, "trouble",
			footage_json_text(e->trouble), "camera",
			used ? footage_json_text(used) : json_null(), "modes", modes_json(e)));
	}
	return err;
}

/* "MJPEG 1920x1080@30, YUYV 640x480@30": the largest picture of each format. */
static void modes_text(const struct devices_entry *e, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < e->nmodes; i++) {
		const struct devices_mode *m = &e->modes[i];
		const struct pixfmt *pf = pixfmt_find(m->fourcc);
		bool best = true;
		int n;

		for (size_t k = 0; k < e->nmodes && best; k++) {
			const struct devices_mode *o = &e->modes[k];
			uint64_t mine = (uint64_t)m->width * m->height,
				 others = (uint64_t)o->width * o->height;

			best = o->fourcc != m->fourcc || others < mine ||
			       (others == mine && k >= i);
		}
		if (!best || used >= size)
			continue;
		n = snprintf(out + used, size - used, "%s%s %ux%u@%.0f", used ? ", " : "",
			     pf ? pf->name : "?", m->width, m->height, best_rate(m));
		used += n > 0 ? (size_t)n : 0;
	}
}

static int show_text(const struct devices *d)
{
	struct table *t = table_create("llll");
	char modes[256];
	unsigned nth = 0;
	int err;

	if (d->count == 0) {
		table_destroy(t);
		puts(_("No camera is plugged in."));
		return 0;
	}
	table_add(t, _("DEVICE"));
	table_add(t, _("NAME"));
	table_add(t, _("CAMERA"));
	table_add(t, _("PICTURES"));
	for (size_t i = 0; i < d->count; i++) {
		const struct devices_entry *e = &d->entry[i];
		const char *used = camera_using(d, e);

		modes_text(e, modes, sizeof(modes));
		table_add(t, e->node);
		table_add(t, e->name);
		table_add(t, used ? used : "-");
		table_add(t, *e->trouble ? e->trouble : modes);
	}
	err = table_print(t, stdout);
	table_destroy(t);
	for (size_t i = 0; i < d->count && !err; i++) {
		const struct devices_entry *e = &d->entry[i];
		char name[CAMERA_NAME_MAX];

		if (camera_using(d, e) || *e->trouble)
			continue;
		suggest_name(d, nth, name, sizeof(name));
		if (nth++ == 0)
			printf("\n%s\n", _("To add one (with a name of your choice):"));
		printf("  mkdir %s/cameras/%s && matlang set cameras/%s/source '%s'\n", d->box.dir,
		       name, name, e->source);
	}
	return err;
}

int cmd_devices(struct cli *c, int argc, char **argv)
{
	struct devices d = {.c = c};
	struct errmsg em = {""};
	int err;

	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	control_init(&d.box, c->control);
	err = box_cameras_read(&d.cameras, &d.box);
	if (!err)
		err = devices_list(&d.entry, &d.count, &em);
	if (!err)
		err = c->json ? show_json(&d) : show_text(&d);
	devices_free(d.entry, d.count);
	box_cameras_free(&d.cameras);
	return err ? cli_fail(c, "%s", *em.text ? em.text : strerror(-err)) : CLI_OK;
}
