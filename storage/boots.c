/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The camera table (names and numbers) and the boot table (numbers and clocks). */
#include "storage/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t slot_of(const struct store *s, const char *name)
{
	return format_crc32c(0, name, strlen(name)) & (s->camera_hash_size - 1);
}

uint32_t camera_find(const struct store *s, const char *name)
{
	if (!s->camera_hash_size)
		return 0;
	for (size_t i = slot_of(s, name); s->camera_hash[i];
	     i = (i + 1) & (s->camera_hash_size - 1))
		if (!strcmp(s->cameras[s->camera_hash[i]].name, name))
			return s->camera_hash[i];
	return 0;
}

static void hash_add(struct store *s, uint32_t id)
{
	size_t i = slot_of(s, s->cameras[id].name);

	while (s->camera_hash[i])
		i = (i + 1) & (s->camera_hash_size - 1);
	s->camera_hash[i] = id;
}

/* Both are as large as they can ever become: 64 KiB names, pages used only when there are many. */
static int tables_make(struct store *s)
{
	if (s->cameras)
		return 0;
	s->camera_hash_size = 2 * ((size_t)DISK_CAMERAS_MAX + 1);
	s->cameras = calloc((size_t)DISK_CAMERAS_MAX + 1, sizeof(*s->cameras));
	s->camera_hash = calloc(s->camera_hash_size, sizeof(*s->camera_hash));
	if (s->cameras && s->camera_hash)
		return 0;
	free(s->cameras);
	free(s->camera_hash);
	s->cameras = NULL;
	s->camera_hash = NULL;
	s->camera_hash_size = 0;
	return -ENOMEM;
}

int camera_put(struct store *s, uint32_t id, const char *name)
{
	size_t len = strnlen(name, DISK_CAMERA_NAME + 1);
	int err = tables_make(s);

	if (err)
		return err;
	if (id < 1 || id > s->super.cameras_max || !format_camera_name_ok(name, len))
		return -EBADMSG;
	uint32_t known = camera_find(s, name);

	if (known || s->cameras[id].name[0])
		return known == id ? 0 : -EBADMSG;
	memcpy(s->cameras[id].name, name, len + 1);
	if (id > s->ncameras)
		s->ncameras = id;
	hash_add(s, id);
	return 0;
}

int camera_add(struct store *s, const char *name, uint32_t *out_id)
{
	if (s->ncameras >= s->super.cameras_max)
		return -ENOSPC;
	int err = camera_put(s, s->ncameras + 1, name);

	if (err)
		return err;
	*out_id = s->ncameras;
	s->checkpoint_due = true;
	return 0;
}

static struct format_checkpoint_boot *boot_at(struct store *s, uint32_t boot)
{
	for (uint32_t i = s->nboots; i-- > 0;)
		if (s->boots[i].boot == boot)
			return &s->boots[i];
	return NULL;
}

static bool clock_set(const struct format_clock *c)
{
	return c->utc_ns != 0;
}

/* The latest, but a synchronised one is worth more than any that is not (DISK_FORMAT.md, 2.5). */
static void later(struct format_clock *best, const struct format_clock *c)
{
	if (clock_set(c) &&
	    (c->synchronised != best->synchronised ? c->synchronised : c->mono_ns > best->mono_ns))
		*best = *c;
}

int boot_put(struct store *s, uint32_t boot, const uint8_t id[16], const struct format_clock *first,
	     const struct format_clock *last)
{
	struct format_checkpoint_boot *b = boot_at(s, boot);

	if (b) {
		if (memcmp(b->boot_id, id, sizeof(b->boot_id)))
			return -EBADMSG;
		later(&b->last, first);
		later(&b->last, last);
		return 0;
	}
	if (s->nboots == s->boots_size) {
		uint32_t size = s->boots_size ? 2 * s->boots_size : 16;
		struct format_checkpoint_boot *p = realloc(s->boots, size * sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->boots = p;
		s->boots_size = size;
	}
	uint32_t at = s->nboots++;

	/* By number; without a checkpoint they come in the order of segments. */
	for (; at > 0 && s->boots[at - 1].boot > boot; at--)
		s->boots[at] = s->boots[at - 1];
	s->boots[at] =
		(struct format_checkpoint_boot){.boot = boot, .first = *first, .last = *first};
	later(&s->boots[at].last, last);
	memcpy(s->boots[at].boot_id, id, sizeof(s->boots[at].boot_id));
	return 0;
}

/* Reading two clocks takes time; what is less is no step. */
#define STEP_NS NSEC_PER_SEC

bool boot_stepped(struct store *s, const struct format_clock *c)
{
	const struct format_checkpoint_boot *b = boot_at(s, s->boot);

	if (!b || !clock_set(&b->last) || !clock_set(c))
		return true;
	int64_t d = (c->utc_ns - c->mono_ns) - (b->last.utc_ns - b->last.mono_ns);

	return c->synchronised != b->last.synchronised || d > STEP_NS || d < -STEP_NS;
}

int boot_begin(struct store *s, const struct monotime_sample *now)
{
	const struct format_clock c = {.mono_ns = now->mono_ns,
				       .utc_ns = now->utc_ns,
				       .error_us = now->error_us,
				       .synchronised = now->synchronised};
	uint32_t boot = 1;

	if (s->nboots) {
		const struct format_checkpoint_boot *last = &s->boots[s->nboots - 1];

		boot = memcmp(last->boot_id, now->boot_id, 16) ? last->boot + 1 : last->boot;
	}
	if (!boot)
		return -EOVERFLOW;
	s->boot = boot;
	s->clock = c;
	memcpy(s->boot_id, now->boot_id, sizeof(s->boot_id));
	return boot_put(s, boot, now->boot_id, &c, &c);
}
