/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/attr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "capture/core/cleanup.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_value.h"

#define CAMERAS "cameras/"
#define PATTERN "cameras/<camera>/"

bool attr_is_camera(const struct attr *a)
{
	return !strncmp(a->path, PATTERN, strlen(PATTERN));
}

bool attr_path(const struct attr *a, const char *camera, char *out, size_t size)
{
	int n;

	if (attr_is_camera(a))
		n = snprintf(out, size, CAMERAS "%s/%s", camera, a->path + strlen(PATTERN));
	else
		n = snprintf(out, size, "%s", a->path);
	return n >= 0 && (size_t)n < size;
}

/* Splits "cameras/NAME/REST"; false when the path has not that shape. */
static bool split_camera(const char *path, char *camera, size_t size, const char **rest)
{
	const char *name = path + strlen(CAMERAS), *slash;

	if (strncmp(path, CAMERAS, strlen(CAMERAS)))
		return false;
	slash = strchr(name, '/');
	if (!slash || slash == name || (size_t)(slash - name) >= size)
		return false;
	memcpy(camera, name, (size_t)(slash - name));
	camera[slash - name] = '\0';
	*rest = slash + 1;
	return true;
}

const struct attr *attr_find(const char *path, char *camera, size_t camera_size)
{
	char name[CAMERA_NAME_MAX] = "";
	const struct attr *a;
	const char *rest = path;
	bool in_camera = split_camera(path, name, sizeof(name), &rest);

	if (strlen(name) >= camera_size && in_camera)
		return NULL;
	for (size_t i = 0; (a = attr_at(i)); i++) {
		if (attr_is_camera(a) != in_camera ||
		    strcmp(in_camera ? a->path + strlen(PATTERN) : a->path, rest))
			continue;
		if (camera_size)
			snprintf(camera, camera_size, "%s", name);
		return a;
	}
	return NULL;
}

/* The table's path nearest to what was written, as a concrete path; false if nothing is near. */
static bool suggest(const char *path, char *out, size_t size)
{
	char camera[CAMERA_NAME_MAX] = "NAME", candidate[ATTR_PATH_MAX];
	const char *rest = path, *last = strrchr(path, '/');
	unsigned best = (unsigned)strlen(path) / 4 + 2;
	const struct attr *a;
	bool found = false;

	split_camera(path, camera, sizeof(camera), &rest);
	last = last ? last + 1 : path;
	for (size_t i = 0; (a = attr_at(i)); i++) {
		const char *tail = strrchr(a->path, '/');
		unsigned d;

		if (!attr_path(a, camera, candidate, sizeof(candidate)))
			continue;
		d = attr_value_distance(path, candidate, best);
		/* The right name in the wrong folder is as near as one slip. */
		if (d > 1 && !strcasecmp(tail ? tail + 1 : a->path, last))
			d = 1;
		if (d < best) {
			best = d;
			found = true;
			snprintf(out, size, "%s", candidate);
		}
	}
	return found;
}

const struct attr *attr_lookup(const char *path, char *camera, size_t camera_size,
			       struct errmsg *em)
{
	const struct attr *a = attr_find(path, camera, camera_size);
	char near[ATTR_PATH_MAX], quoted[ATTR_VALUE_QUOTED];

	if (a)
		return a;
	if (suggest(path, near, sizeof(near)))
		errmsg_set(em, -ENOENT, "unknown attribute %s; did you mean \"%s\"?",
			   attr_value_quote(path, quoted), near);
	else
		errmsg_set(em, -ENOENT,
			   "unknown attribute %s; `matlangd --list-attributes` shows them all",
			   attr_value_quote(path, quoted));
	return NULL;
}

static void choices_text(const struct attr *a, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; a->choices[i] && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", a->choices[i]);
}

void attr_range(const struct attr *a, char *out, size_t size)
{
	char lo[32], hi[32], list[256];
	const char *space = a->unit && a->unit[0] ? " " : "";

	attr_value_format(a->min, lo, sizeof(lo));
	attr_value_format(a->max, hi, sizeof(hi));
	switch (a->type) {
	case ATTR_BOOL: snprintf(out, size, "0 (off) or 1 (on)"); break;
	case ATTR_INT:
		snprintf(out, size, "a whole number within %s..%s%s%s", lo, hi, space, a->unit);
		break;
	case ATTR_DOUBLE:
		snprintf(out, size, "a number within %s..%s%s%s", lo, hi, space, a->unit);
		break;
	case ATTR_TEXT: snprintf(out, size, "a line of text, at most %s bytes", hi); break;
	case ATTR_CHOICE:
		choices_text(a, list, sizeof(list));
		snprintf(out, size, "one of: %s", list);
		break;
	case ATTR_ACTION: snprintf(out, size, "1"); break;
	}
}

static bool value_fits(const struct attr *a, const char *value)
{
	int64_t i;
	double d;
	bool b;

	switch (a->type) {
	case ATTR_BOOL: return attr_value_bool(value, &b) == 0;
	case ATTR_INT:
		return attr_value_int(value, &i) == 0 && (double)i >= a->min && (double)i <= a->max;
	case ATTR_DOUBLE: return attr_value_double(value, &d) == 0 && d >= a->min && d <= a->max;
	case ATTR_TEXT: return strlen(value) <= (size_t)a->max;
	case ATTR_CHOICE:
		for (size_t k = 0; a->choices[k]; k++)
			if (!strcasecmp(a->choices[k], value))
				return true;
		return false;
	case ATTR_ACTION: return !strcmp(value, "1");
	}
	return false;
}

int attr_check(const struct attr *a, const char *value, struct errmsg *em)
{
	char quoted[ATTR_VALUE_QUOTED], range[320];

	if (!attr_value_is_text(value))
		return errmsg_set(em, -EINVAL,
				  "%s is not one line of plain UTF-8 text (control characters?)",
				  attr_value_quote(value, quoted));
	if (value_fits(a, value))
		return 0;
	attr_range(a, range, sizeof(range));
	return errmsg_set(em, -EINVAL, "%s is not %s", attr_value_quote(value, quoted), range);
}

/* Finds attribute and camera of a concrete path; fills `t`. */
static int resolve(struct attr_env *env, const char *path, const struct attr **out,
		   struct attr_target *t, struct errmsg *em)
{
	char camera[CAMERA_NAME_MAX], near[CAMERA_NAME_MAX] = "";
	const struct attr *a = attr_lookup(path, camera, sizeof(camera), em);
	unsigned best = 4;
	struct recorder *r;

	if (!a)
		return -ENOENT;
	*t = (struct attr_target){.env = env};
	*out = a;
	if (!attr_is_camera(a))
		return 0;
	t->camera = appliance_find_camera(env->box, camera);
	if (t->camera)
		return 0;
	for (size_t i = 0; (r = appliance_camera_at(env->box, i)); i++) {
		unsigned d = attr_value_distance(camera, recorder_name(r), best);

		if (d < best) {
			best = d;
			snprintf(near, sizeof(near), "%s", recorder_name(r));
		}
	}
	if (near[0])
		return errmsg_set(em, -ENOENT, "no camera \"%s\"; did you mean \"%s\"?", camera,
				  near);
	return errmsg_set(em, -ENOENT, "no camera \"%s\"; mkdir cameras/%s adds it", camera,
			  camera);
}

int attr_read(struct attr_env *env, const char *path, char *out, size_t size, struct errmsg *em)
{
	const struct attr *a;
	struct attr_target t;
	int err = resolve(env, path, &a, &t, em);

	if (err)
		return err;
	if (!a->show)
		return errmsg_set(em, -EACCES, "%s can only be written", path);
	err = a->show(a, &t, out, size);
	return err ? errmsg_set(em, err, "%s cannot be read: %s", path, strerror(-err)) : 0;
}

/* The log and the store's log book: settings are part of the evidence. */
static void record_change(struct attr_env *env, const struct recorder *camera, const char *line)
{
	struct store *s = appliance_store(env->box);
	uint32_t id = RECORD_NO_CAMERA;
	int err = 0;

	appliance_log(env->box, LOG_NOTICE, "%s", line);
	if (!s)
		return;
	if (camera)
		err = store_camera(s, recorder_name(camera), &id);
	if (!err)
		err = store_append_note(s, id, line);
	if (err)
		appliance_log(env->box, LOG_WARNING,
			      "the change could not be noted in the store: %s", strerror(-err));
}

static int refuse(struct attr_env *env, int err, const struct errmsg *why, const char *path,
		  const char *who, struct errmsg *em)
{
	snprintf(env->last_error, sizeof(env->last_error), "%s", why->text);
	appliance_log(env->box, LOG_WARNING, "refused a change of %s by %s: %s", path, who,
		      why->text);
	if (env->changed)
		env->changed(env->changed_ctx, "last_error");
	return errmsg_set(em, err, "%s", why->text);
}

static int write_checked(const struct attr *a, struct attr_target *t, const char *value,
			 struct errmsg *em)
{
	struct recorder_settings *draft CLEANUP_FREE = NULL;
	int err;

	if (!t->camera)
		return a->store(a, t, value, em);
	draft = malloc(sizeof(*draft));
	if (!draft)
		return errmsg_set(em, -ENOMEM, "out of memory");
	*draft = *recorder_settings(t->camera);
	t->draft = draft;
	err = a->store(a, t, value, em);
	t->draft = NULL;
	return err ? err : recorder_apply(t->camera, draft, em);
}

static int write_one(struct attr_env *env, const char *path, const char *value, const char *who,
		     struct attr_deferred **deferred, struct errmsg *em)
{
	char *old CLEANUP_FREE = malloc(ATTR_VALUE_MAX);
	char *now CLEANUP_FREE = malloc(ATTR_VALUE_MAX);
	char *line CLEANUP_FREE = NULL;
	const struct attr *a;
	struct attr_target t;
	int err = resolve(env, path, &a, &t, em);

	if (err)
		return err;
	if (!old || !now)
		return errmsg_set(em, -ENOMEM, "out of memory");
	t.deferred = deferred;
	if (!a->writable && a->saved)
		return errmsg_set(em, -EACCES,
				  "%s holds from start to end: set it in %s and restart", path,
				  "the configuration file");
	if (!a->writable)
		return errmsg_set(em, -EACCES, "%s is a figure: it can only be read", path);
	err = attr_check(a, value, em);
	if (err)
		return errmsg_prefix(em, err, "%s", path);
	if (!a->show || a->show(a, &t, old, ATTR_VALUE_MAX))
		old[0] = '\0';
	err = write_checked(a, &t, value, em);
	if (err)
		return errmsg_prefix(em, err, "%s", path);
	if (!a->show || a->show(a, &t, now, ATTR_VALUE_MAX))
		now[0] = '\0';
	if (a->type == ATTR_ACTION)
		err = asprintf(&line, "%s by %s", path, who);
	else if (strcmp(old, now))
		err = asprintf(&line, "%s set from \"%.1500s\" to \"%.1500s\" by %s", path, old,
			       now, who);
	else
		return 0;
	if (err < 0) {
		line = NULL;
		appliance_log(env->box, LOG_WARNING, "%s changed by %s", path, who);
	} else {
		record_change(env, t.camera, line);
	}
	if (env->changed)
		env->changed(env->changed_ctx, path);
	return 0;
}

int attr_write(struct attr_env *env, const char *path, const char *value, const char *who,
	       struct attr_deferred **deferred, struct errmsg *em)
{
	struct errmsg why = {""};
	int err;

	if (deferred)
		*deferred = NULL;
	err = write_one(env, path, value, who, deferred, &why);
	return err ? refuse(env, err, &why, path, who, em) : 0;
}

int attr_add_camera(struct attr_env *env, const char *name, const char *who, struct errmsg *em)
{
	char line[CAMERA_NAME_MAX + 256];
	struct errmsg why = {""};
	struct recorder *r;
	int err = appliance_add_camera(env->box, name, &r, &why);

	if (err)
		return refuse(env, err, &why, "cameras", who, em);
	snprintf(line, sizeof(line), "camera %s added by %s", name, who);
	record_change(env, r, line);
	if (env->changed)
		env->changed(env->changed_ctx, "cameras");
	return 0;
}

int attr_remove_camera(struct attr_env *env, const char *name, const char *who, struct errmsg *em)
{
	char line[CAMERA_NAME_MAX + 256];
	struct errmsg why = {""};
	int err = appliance_remove_camera(env->box, name, &why);

	if (err)
		return refuse(env, err, &why, "cameras", who, em);
	snprintf(line, sizeof(line), "camera %s removed by %s", name, who);
	record_change(env, NULL, line);
	if (env->changed)
		env->changed(env->changed_ctx, "cameras");
	return 0;
}
