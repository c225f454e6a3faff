/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/devices.h"

#include <dirent.h>
#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/core/cleanup.h"
#include "capture/v4l2/v4l2_device.h"
#include "capture/v4l2/v4l2_format.h"
#include "capture/v4l2/v4l2_identity.h"

#define NODES_MAX 256u /* a V4L2 kernel has no more */

/* ---- one node ---- */

static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

static int ask_rates(const struct v4l2_device *d, struct devices_mode *m)
{
	struct v4l2_format_rates r;
	double all[V4L2_FORMAT_RATES_MAX];
	int err;

	if (!m->width)
		return 0;
	err = v4l2_format_rates(d, m->fourcc, m->width, m->height, &r);
	if (err)
		return err;
	for (unsigned i = 0; i < r.count; i++)
		all[i] = r.rate[i].fps;
	qsort(all, r.count, sizeof(all[0]), falling);
	m->rate_range = r.range;
	for (unsigned i = 0; i < r.count && m->nrates < DEVICES_RATES_MAX; i++)
		m->fps[m->nrates++] = all[i];
	return 0;
}

static int ask_modes(const struct v4l2_device *d, struct devices_entry *out, struct errmsg *em)
{
	struct v4l2_format_list l;
	int err = v4l2_format_list(d, &l, em);

	if (err)
		return err;
	memcpy(out->others, l.others, sizeof(out->others));
	out->modes = calloc(l.count ? l.count : 1, sizeof(*out->modes));
	if (!out->modes)
		err = -ENOMEM;
	for (size_t i = 0; i < l.count && !err; i++) {
		struct devices_mode *m = &out->modes[out->nmodes++];

		m->fourcc = l.size[i].fourcc;
		m->width = l.size[i].max_width;
		m->height = l.size[i].max_height;
		m->min_width = l.size[i].min_width;
		m->min_height = l.size[i].min_height;
		err = ask_rates(d, m);
	}
	v4l2_format_list_free(&l);
	return err && err != -ENOMEM ? v4l2_device_error(d, err, "listing rates", em) : err;
}

static void name_ways(struct devices_entry *e)
{
	struct stat st;

	snprintf(e->source, sizeof(e->source), "v4l2:%s", e->node);
	if (stat(e->node, &st) || !S_ISCHR(st.st_mode))
		return;
	v4l2_identity_link(e->by_path, "/dev/v4l/by-path", st.st_rdev);
	v4l2_identity_link(e->by_id, "/dev/v4l/by-id", st.st_rdev);
	v4l2_identity_serial(e->serial, sizeof(e->serial), st.st_rdev);
	if (e->by_path[0])
		snprintf(e->source, sizeof(e->source), "v4l2:by-path/%s", e->by_path);
}

int devices_probe(const struct v4l2_ops *ops, const char *node, struct devices_entry *out)
{
	struct errmsg em = {""};
	struct v4l2_device d;
	struct devices_entry e = {0};
	int err;

	snprintf(e.node, sizeof(e.node), "%s", node);
	err = v4l2_device_open(&d, ops, node, &em);
	if (err == -EINVAL)
		return err;
	if (!err) {
		memcpy(e.name, d.card, sizeof(e.name));
		memcpy(e.driver, d.driver, sizeof(e.driver));
		memcpy(e.bus, d.bus, sizeof(e.bus));
		e.multiplanar = d.multiplanar;
		err = ask_modes(&d, &e, &em);
		v4l2_device_close(&d);
	}
	if (err == -ENOMEM) {
		devices_clear(&e);
		return err;
	}
	if (err)
		snprintf(e.trouble, sizeof(e.trouble), "%s", em.text);
	name_ways(&e);
	*out = e;
	return 0;
}

void devices_clear(struct devices_entry *e)
{
	free(e->modes);
	e->modes = NULL;
	e->nmodes = 0;
}

/* ---- all nodes ---- */

struct nodes {
	unsigned count;
	char path[NODES_MAX][64];
};

static void add_node(struct nodes *n, const char *path)
{
	if (n->count < NODES_MAX && strlen(path) < sizeof(n->path[0]))
		strcpy(n->path[n->count++], path);
}

static void nodes_of_udev(struct nodes *n)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *e = udev ? udev_enumerate_new(udev) : NULL;
	struct udev_list_entry *at;

	if (e && udev_enumerate_add_match_subsystem(e, "video4linux") >= 0 &&
	    udev_enumerate_scan_devices(e) >= 0) {
		udev_list_entry_foreach(at, udev_enumerate_get_list_entry(e))
		{
			struct udev_device *d =
				udev_device_new_from_syspath(udev, udev_list_entry_get_name(at));
			const char *sysname = d ? udev_device_get_sysname(d) : "";
			const char *path = d ? udev_device_get_devnode(d) : NULL;

			if (path && !strncmp(sysname, "video", 5))
				add_node(n, path);
			udev_device_unref(d);
		}
	}
	udev_enumerate_unref(e);
	udev_unref(udev);
}

/* A machine without sysfs entries for them (a container) may still have the nodes. */
static void nodes_of_dev(struct nodes *n)
{
	DIR *dev = opendir("/dev");
	struct dirent *e;
	char path[64];

	while (dev && (e = readdir(dev))) {
		unsigned number;
		int end = 0;

		if (sscanf(e->d_name, "video%3u%n", &number, &end) != 1 || e->d_name[end])
			continue;
		snprintf(path, sizeof(path), "/dev/video%u", number);
		add_node(n, path);
	}
	if (dev)
		closedir(dev);
}

/* video2 before video10. */
static int by_number(const void *a, const void *b)
{
	return strverscmp(a, b);
}

int devices_list(struct devices_entry **out, size_t *count, struct errmsg *em)
{
	CLEANUP_FREE struct nodes *nodes = calloc(1, sizeof(*nodes));
	struct devices_entry *entries = NULL;
	size_t n = 0;
	int err = nodes ? 0 : -ENOMEM;

	if (!err) {
		nodes_of_udev(nodes);
		if (!nodes->count)
			nodes_of_dev(nodes);
		qsort(nodes->path, nodes->count, sizeof(nodes->path[0]), by_number);
		entries = calloc(nodes->count ? nodes->count : 1, sizeof(*entries));
		if (!entries)
			err = -ENOMEM;
	}
	for (unsigned i = 0; !err && i < nodes->count; i++) {
		err = devices_probe(&v4l2_ops_kernel, nodes->path[i], &entries[n]);
		if (!err)
			n++;
		else if (err == -EINVAL) /* no camera */
			err = 0;
	}
	if (err) {
		devices_free(entries, n);
		return errmsg_set(em, err, "looking for cameras: %s", strerror(-err));
	}
	*out = entries;
	*count = n;
	return 0;
}

void devices_free(struct devices_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		devices_clear(&entries[i]);
	free(entries);
}
