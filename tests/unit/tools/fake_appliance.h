/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A box without cameras and disk, for tests of what controls one. It defines the functions of
 * appliance.h and those of the store that control uses, so it goes into a test program whole: the
 * linker then has no use for the real ones in the libraries.
 */
#ifndef TESTS_FAKE_APPLIANCE_H
#define TESTS_FAKE_APPLIANCE_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/replace.h"
#include "storage/scrub.h"
#include "tools/matlangd/appliance.h"

#define FAKE_CAMERAS 512
#define FAKE_VOLUMES 32

struct recorder {
	char name[CAMERA_NAME_MAX];
	struct recorder_settings settings;
	struct recorder_stats stats;
	unsigned applied;
};

struct appliance {
	struct reactor *reactor;
	struct recorder *camera[FAKE_CAMERAS];
	size_t count;
	struct store_stats store;
	struct store_latency latency[FAKE_VOLUMES];
	unsigned volumes; /* of `latency` */
	int64_t commit_ns, warn_ns;
	char state[ERRMSG_MAX];
	char last_log[1024], last_note[4096];
	struct record_lock lock; /* the newest */
	size_t locks;
	bool scrubbing;
	uint64_t scrub_rate;
	unsigned logs, notes;
};

/* The one box of the program: the store's functions know no other way to it. */
static struct appliance fake;

static void fake_reset(void)
{
	for (size_t i = 0; i < fake.count; i++)
		free(fake.camera[i]);
	memset(&fake, 0, sizeof(fake));
	strcpy(fake.state, "ok");
}

void appliance_log(struct appliance *a, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->last_log, sizeof(a->last_log), fmt, ap);
	va_end(ap);
	a->logs++;
}

struct reactor *appliance_reactor(struct appliance *a)
{
	return a->reactor;
}

struct store *appliance_store(struct appliance *a)
{
	return (struct store *)a;
}

void appliance_state(const struct appliance *a, char *out, size_t size)
{
	snprintf(out, size, "%s", a->state);
}

int64_t appliance_started_mono_ns(const struct appliance *a)
{
	return 0;
}

void recorder_settings_defaults(struct recorder_settings *s)
{
	memset(s, 0, sizeof(*s));
	s->camera.enabled = true;
	s->encode_quality = 85;
	motion_config_defaults(&s->motion);
}

int appliance_add_camera(struct appliance *a, const char *name, struct recorder **out,
			 struct errmsg *em)
{
	struct recorder *r;
	size_t at = 0;

	if (appliance_find_camera(a, name))
		return errmsg_set(em, -EEXIST, "there is a camera %s already", name);
	if (strchr(name, ' ') || a->count == FAKE_CAMERAS)
		return errmsg_set(em, -EINVAL, "\"%s\" is no camera name", name);
	r = calloc(1, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", name);
	recorder_settings_defaults(&r->settings);
	r->settings.camera.enabled = false;
	while (at < a->count && strcmp(a->camera[at]->name, name) < 0)
		at++;
	memmove(&a->camera[at + 1], &a->camera[at], (a->count - at) * sizeof(a->camera[0]));
	a->camera[at] = r;
	a->count++;
	*out = r;
	return 0;
}

int appliance_remove_camera(struct appliance *a, const char *name, struct errmsg *em)
{
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->camera[i]->name, name))
			continue;
		free(a->camera[i]);
		a->count--;
		memmove(&a->camera[i], &a->camera[i + 1], (a->count - i) * sizeof(a->camera[0]));
		return 0;
	}
	return errmsg_set(em, -ENOENT, "there is no camera %s", name);
}

struct recorder *appliance_find_camera(struct appliance *a, const char *name)
{
	for (size_t i = 0; i < a->count; i++)
		if (!strcmp(a->camera[i]->name, name))
			return a->camera[i];
	return NULL;
}

struct recorder *appliance_camera_at(struct appliance *a, size_t index)
{
	return index < a->count ? a->camera[index] : NULL;
}

size_t appliance_camera_count(const struct appliance *a)
{
	return a->count;
}

const char *recorder_name(const struct recorder *r)
{
	return r->name;
}

const struct recorder_settings *recorder_settings(const struct recorder *r)
{
	return &r->settings;
}

int recorder_apply(struct recorder *r, const struct recorder_settings *s, struct errmsg *em)
{
	int err = motion_config_check(&s->motion, em);

	if (err)
		return err;
	r->settings = *s;
	r->applied++;
	return 0;
}

void recorder_stats(const struct recorder *r, struct recorder_stats *out)
{
	*out = r->stats;
}

const char *camera_state_name(enum camera_state state)
{
	static const char *const names[] = {"off",     "opening", "streaming",
					    "waiting", "error",   "closing"};

	return names[state];
}

void store_stats(const struct store *s, struct store_stats *out)
{
	*out = fake.store;
}

int store_latency(const struct store *s, unsigned volume, struct store_latency *out)
{
	if (volume >= fake.volumes)
		return -ENOENT;
	*out = fake.latency[volume];
	return 0;
}

int store_camera(struct store *s, const char *name, uint32_t *out_id)
{
	*out_id = 1;
	return 0;
}

int store_append_note(struct store *s, uint32_t camera_id, const char *text)
{
	snprintf(fake.last_note, sizeof(fake.last_note), "%s", text);
	fake.notes++;
	return 0;
}

int store_find_camera(const struct store *s, const char *name, uint32_t *out_id)
{
	return -ENOENT;
}

int store_lock_add(struct store *s, const struct record_lock *l, uint64_t *number,
		   unsigned *segments)
{
	fake.lock = *l;
	fake.lock.number = *number = ++fake.locks;
	return 0;
}

int store_lock_remove(struct store *s, uint64_t number)
{
	if (!fake.locks || number != fake.lock.number)
		return -ENOENT;
	fake.locks = 0;
	return 0;
}

size_t store_lock_count(const struct store *s)
{
	return fake.locks ? 1 : 0;
}

const struct record_lock *store_lock_at(const struct store *s, size_t index)
{
	return index < store_lock_count(s) ? &fake.lock : NULL;
}

int replace_start(struct store *s, const char *old, const char *dir, struct errmsg *em)
{
	return errmsg_set(em, -EINVAL, "the store has no parity to rebuild from");
}

void replace_stats(const struct store *s, struct replace_stats *out)
{
	*out = (struct replace_stats){0};
}

void replace_set_rate(struct store *s, uint64_t bytes_per_s)
{
}

int scrub_start(struct store *s, struct errmsg *em)
{
	fake.scrubbing = true;
	return 0;
}

void scrub_stop(struct store *s)
{
	fake.scrubbing = false;
}

void scrub_stats(const struct store *s, struct scrub_stats *out)
{
	*out = (struct scrub_stats){
		.running = fake.scrubbing, .done = 5, .total = 10, .found = 3, .repaired = 2};
}

void scrub_set_rate(struct store *s, uint64_t bytes_per_s)
{
	fake.scrub_rate = bytes_per_s;
}

const char *store_dirs(const struct store *s)
{
	return "/var/lib/matlang/store";
}

void store_set_warning(struct store *s, int64_t ns)
{
	fake.warn_ns = ns;
}

void store_set_commit_interval(struct store *s, int64_t ns)
{
	fake.commit_ns = ns;
}

#endif
