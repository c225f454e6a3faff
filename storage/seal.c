/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_impl.h"

int seal_init(struct seal *l)
{
	*l = (struct seal){0};
	l->slot = calloc(DISK_CAMERAS_MAX + 1, sizeof(*l->slot));
	return l->slot ? 0 : -ENOMEM;
}

void seal_destroy(struct seal *l)
{
	free(l->slot);
	free(l->cameras);
	free(l->small.data);
	free(l->frames.data);
	free(l->chunks.data);
	*l = (struct seal){0};
}

static int grow(struct seal_bytes *b, size_t more)
{
	size_t size = b->size ? b->size : 4096;

	while (size - b->used < more)
		size *= 2;
	if (size == b->size)
		return 0;
	uint8_t *p = realloc(b->data, size);

	if (!p)
		return -ENOMEM;
	b->data = p;
	b->size = size;
	return 0;
}

int seal_reserve(struct seal *l, size_t head_bytes, size_t payload_bytes, unsigned cameras)
{
	if (grow(&l->small, head_bytes + ALIGN_UP(payload_bytes, (size_t)DISK_RECORD_ALIGN)) ||
	    grow(&l->frames, head_bytes) || grow(&l->chunks, 2 * sizeof(uint32_t)))
		return -ENOMEM;
	if (l->cameras_size - l->ncameras >= cameras)
		return 0;
	uint32_t size = l->cameras_size ? 2 * l->cameras_size : 16;
	struct format_seal_camera *p = realloc(l->cameras, size * sizeof(*p));

	if (!p)
		return -ENOMEM;
	l->cameras = p;
	l->cameras_size = size;
	return 0;
}

static struct format_seal_camera *camera_of(struct seal *l, uint32_t id)
{
	if (!l->slot[id]) {
		l->cameras[l->ncameras] = (struct format_seal_camera){.camera_id = id};
		l->slot[id] = ++l->ncameras;
	}
	return &l->cameras[l->slot[id] - 1];
}

void seal_chunk(struct seal *l, uint32_t start)
{
	memcpy(l->chunks.data + l->chunks.used, &start, sizeof(start));
	l->chunks.used += sizeof(start);
}

static void widen(int64_t *first, int64_t *last, int64_t mono_ns, bool only)
{
	if (only || mono_ns < *first)
		*first = mono_ns;
	if (only || mono_ns > *last)
		*last = mono_ns;
}

void seal_name(struct seal *l, uint32_t camera_id, const char *name)
{
	struct format_seal_camera *c = camera_of(l, camera_id);

	memset(c->name, 0, sizeof(c->name));
	memcpy(c->name, name, strnlen(name, DISK_CAMERA_NAME));
}

void seal_add(struct seal *l, const struct format_record *rec, const void *payload)
{
	struct format_seal_camera *c = camera_of(l, rec->camera_id);
	uint32_t before = 0;

	for (unsigned i = 0; i < FORMAT_KINDS; i++)
		before += c->count[i];
	widen(&c->first_mono_ns, &c->last_mono_ns, rec->mono_ns, before == 0);
	widen(&l->first_mono_ns, &l->last_mono_ns, rec->mono_ns,
	      l->small_count + l->frames_count == 0);
	c->count[rec->kind < FORMAT_KINDS ? rec->kind : 0]++;
	if (rec->kind == RECORD_FRAME) {
		c->frame_bytes += rec->payload_bytes;
		l->frames.used += format_record_encode(l->frames.data + l->frames.used, rec);
		l->frames_count++;
		return;
	}
	if (rec->kind == RECORD_CAMERA) {
		char name[DISK_CAMERA_NAME + 1] = {0};

		memcpy(name, payload, rec->payload_bytes);
		seal_name(l, rec->camera_id, name);
	}
	size_t padded = ALIGN_UP((size_t)rec->payload_bytes, (size_t)DISK_RECORD_ALIGN);
	uint8_t *p = l->small.data + l->small.used;

	p += format_record_encode(p, rec);
	memset(p, 0, padded);
	if (rec->payload_bytes)
		memcpy(p, payload, rec->payload_bytes);
	l->small.used = (size_t)(p - l->small.data) + padded;
	l->small_count++;
}

/* The records of one section. They were encoded here, so that decoding them cannot fail. */
static void
each_of(const struct seal_bytes *b, bool with_payload, uint32_t from,
	void (*each)(void *ctx, const struct format_record *rec, const uint8_t *payload), void *ctx)
{
	size_t at = 0, used;

	while (at < b->used) {
		struct format_record rec;

		if (format_record_decode(b->data + at, b->used - at, 0, UINT32_MAX, &rec, &used))
			return;
		at += used;
		if (rec.payload_offset >= from)
			each(ctx, &rec, with_payload ? b->data + at : NULL);
		if (with_payload)
			at += ALIGN_UP((size_t)rec.payload_bytes, (size_t)DISK_RECORD_ALIGN);
	}
}

void seal_each(const struct seal *l, uint32_t from,
	       void (*each)(void *ctx, const struct format_record *rec, const uint8_t *payload),
	       void *ctx)
{
	each_of(&l->small, true, from, each, ctx);
	each_of(&l->frames, false, from, each, ctx);
}

struct keep {
	struct seal *into;
	uint32_t before;
	int err;
};

static void keep_record(void *ctx, const struct format_record *rec, const uint8_t *payload)
{
	struct keep *k = ctx;

	if (k->err || rec->payload_offset >= k->before)
		return;
	k->err = seal_reserve(k->into, format_record_bytes(rec), rec->payload_bytes, 1);
	if (!k->err)
		seal_add(k->into, rec, payload);
}

int seal_truncate(struct seal *l, uint32_t from)
{
	struct seal kept;
	struct keep k = {.into = &kept, .before = from};

	if (seal_init(&kept))
		return -ENOMEM;
	seal_each(l, 0, keep_record, &k);
	if (k.err) {
		seal_destroy(&kept);
		return k.err;
	}
	free(kept.chunks.data);
	kept.chunks = l->chunks;
	l->chunks = (struct seal_bytes){0};
	for (size_t at = 0; at < kept.chunks.used; at += sizeof(uint32_t)) {
		uint32_t start;

		memcpy(&start, kept.chunks.data + at, sizeof(start));
		if (start >= from) {
			kept.chunks.used = at;
			break;
		}
	}
	seal_destroy(l);
	*l = kept;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct format_seal_camera *x = a, *y = b;

	return x->camera_id < y->camera_id ? -1 : x->camera_id > y->camera_id;
}

/* The cameras section is by number. */
static void sort_cameras(struct seal *l)
{
	if (l->ncameras)
		qsort(l->cameras, l->ncameras, sizeof(*l->cameras), by_number);
	for (uint32_t i = 0; i < l->ncameras; i++)
		l->slot[l->cameras[i].camera_id] = i + 1;
}

void seal_write(struct seal *l, uint8_t *out, uint32_t at, struct format_seal *f)
{
	uint8_t *start = out;
	const size_t bytes[FORMAT_SECTIONS] = {(size_t)l->ncameras * DISK_SEAL_CAMERA,
					       l->small.used, l->frames.used};
	const uint32_t count[FORMAT_SECTIONS] = {l->ncameras, l->small_count, l->frames_count};

	sort_cameras(l);
	for (uint32_t i = 0; i < l->ncameras; i++)
		format_seal_camera_encode(out + (size_t)i * DISK_SEAL_CAMERA, &l->cameras[i]);
	out += bytes[FORMAT_SECTION_CAMERAS];
	if (l->small.used)
		memcpy(out, l->small.data, l->small.used);
	out += l->small.used;
	if (l->frames.used)
		memcpy(out, l->frames.data, l->frames.used);
	out = start;
	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		f->section[i].offset = at + (uint32_t)(out - start);
		f->section[i].bytes = (uint32_t)bytes[i];
		f->section[i].count = count[i];
		f->section[i].crc = format_crc32c(0, out, bytes[i]);
		out += bytes[i];
	}
	f->records = l->small_count + l->frames_count;
	f->chunks = (uint32_t)(l->chunks.used / sizeof(uint32_t));
	f->first_mono_ns = l->first_mono_ns;
	f->last_mono_ns = l->last_mono_ns;
}

int seal_build(struct seal *l, const struct format_super *s, const struct format_segment *h,
	       uint32_t end, const struct format_clock *last, uint8_t **out, uint32_t *start)
{
	struct format_seal f = {
		.sequence = h->sequence,
		.nonce = h->nonce,
		.index = h->index,
		.next = h->next,
		.boot = h->boot,
		.end = end,
		.seal_start = seal_start(l, s),
		.first_clock = h->clock,
		.last_clock = *last,
		.minutes = l->minutes,
	};
	size_t bytes = s->segment_bytes - f.seal_start;
	uint8_t *p = volume_alloc(bytes);

	if (!p)
		return -ENOMEM;
	memcpy(f.boot_id, h->boot_id, sizeof(f.boot_id));
	seal_write(l, p, f.seal_start, &f);
	format_seal_encode(p + bytes - DISK_BLOCK, s, &f);
	*out = p;
	*start = f.seal_start;
	return 0;
}
