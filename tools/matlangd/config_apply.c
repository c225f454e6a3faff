/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the configuration to a running box. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/config.h"

int config_apply_start(const struct config *c, struct attr_env *env, struct errmsg *em)
{
	struct attr_target t = {.env = env};

	for (size_t i = 0; i < c->count; i++) {
		const struct config_entry *e = &c->entry[i];
		int err;

		if (attr_is_camera(e->attr))
			continue;
		err = e->attr->store(e->attr, &t, e->value, em);
		if (err)
			return errmsg_prefix(em, err, "%s: %s", e->origin, e->path);
	}
	return 0;
}

/* Entries of cameras, by camera in the order the cameras are first named, within one camera in the
 * table's order, so that what depends on another setting comes after it. */
struct ordered {
	const struct config_entry *entry;
	size_t camera; /* index of the first entry that names the same camera */
	char name[CAMERA_NAME_MAX];
};

static int by_camera_and_table(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->camera != y->camera)
		return x->camera < y->camera ? -1 : 1;
	if (x->entry->attr == y->entry->attr)
		return 0;
	for (size_t i = 0;; i++) {
		const struct attr *at = attr_at(i);

		if (!at || at == x->entry->attr)
			return -1;
		if (at == y->entry->attr)
			return 1;
	}
}

static int by_name_then_place(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static int order_cameras(const struct config *c, struct ordered **out, size_t *count)
{
	struct ordered *list = calloc(c->count + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < c->count; i++) {
		if (!attr_is_camera(c->entry[i].attr))
			continue;
		list[n].entry = &c->entry[i];
		/* The entry's path was found in the table: it has a camera's name. */
		if (attr_find(c->entry[i].path, list[n].name, sizeof(list[n].name)))
			n++;
	}
	qsort(list, n, sizeof(*list), by_name_then_place);
	for (size_t i = 0; i < n; i++)
		list[i].camera = i && !strcmp(list[i - 1].name, list[i].name)
					 ? list[i - 1].camera
					 : (size_t)(list[i].entry - c->entry);
	qsort(list, n, sizeof(*list), by_camera_and_table);
	*out = list;
	*count = n;
	return 0;
}

/* Every entry of one camera into `t->draft`. */
static int fill_draft(const struct attr_target *t, const struct ordered *list, size_t n,
		      struct errmsg *em)
{
	for (size_t i = 0; i < n; i++) {
		const struct config_entry *e = list[i].entry;
		int err = e->attr->store(e->attr, t, e->value, em);

		if (err)
			return errmsg_prefix(em, err, "%s: %s", e->origin, e->path);
	}
	return 0;
}

/* One camera: `n` entries from `list`. Without a box they are only tried out. */
static int apply_camera(struct attr_env *env, const struct ordered *list, size_t n,
			struct errmsg *em)
{
	struct recorder_settings *draft CLEANUP_FREE = malloc(sizeof(*draft));
	struct attr_target t = {.env = env, .draft = draft};
	const char *origin = list[0].entry->origin;
	int err;

	if (!draft)
		return errmsg_set(em, -ENOMEM, "out of memory");
	recorder_settings_defaults(draft);
	draft->camera.enabled = false; /* as a new camera: its source switches it on */
	if (!env->box) {
		err = fill_draft(&t, list, n, em);
		if (err)
			return err;
		err = motion_config_check(&draft->motion, em);
		return err ? errmsg_prefix(em, err, "%s: cameras/%s", origin, list[0].name) : 0;
	}
	t.camera = appliance_find_camera(env->box, list[0].name);
	if (t.camera) {
		*draft = *recorder_settings(t.camera);
	} else {
		err = appliance_add_camera(env->box, list[0].name, &t.camera, em);
		if (err)
			return errmsg_prefix(em, err, "%s", origin);
	}
	err = fill_draft(&t, list, n, em);
	if (err)
		return err;
	err = recorder_apply(t.camera, draft, em);
	return err ? errmsg_prefix(em, err, "%s: cameras/%s", origin, list[0].name) : 0;
}

int config_apply_cameras(const struct config *c, struct attr_env *env, struct errmsg *em)
{
	struct ordered *list CLEANUP_FREE = NULL;
	size_t n = 0;

	if (order_cameras(c, &list, &n))
		return errmsg_set(em, -ENOMEM, "out of memory");
	for (size_t i = 0, run; i < n; i += run) {
		int err;

		for (run = 1; i + run < n && list[i + run].camera == list[i].camera;)
			run++;
		err = apply_camera(env, list + i, run, em);
		if (err)
			return err;
	}
	return 0;
}
