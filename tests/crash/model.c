/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store under test: made, opened, and appended to beside the list. */
#include "tests/crash/model_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT_BYTES (512u << 10)
#define STEP_NS    (100 * NSEC_PER_MSEC)

/* --- small things -------------------------------------------------------------------------- */

void model_fail(const struct model *m, const char *fmt, ...)
{
	va_list ap;

	printf("FAILED with SEED=%" PRIu64 ", %s, after %" PRIu64 " operations: ", m->seed,
	       m->doing ? m->doing : "", m->disk ? simdisk_submitted(m->disk) : m->operations);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n0 passed, 1 failed, 0 skipped\n");
	fflush(stdout);
	_exit(1);
}

uint64_t model_random(struct model *m, uint64_t n)
{
	return simdisk_random(&m->random) % n;
}

const char *const model_names[MODEL_CAMERAS] = {"gate-01", "yard.02", "shop_03"};

void model_fill(uint8_t *p, size_t n, uint64_t seed, uint32_t id)
{
	uint64_t state = seed ^ ((uint64_t)id << 32);
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t v = simdisk_random(&state);

		memcpy(p + i, &v, 8);
	}
	for (; i < n; i++)
		p[i] = (uint8_t)simdisk_random(&state);
}

const uint8_t *model_empty_store(uint32_t segments, uint64_t *size)
{
	static uint8_t *image;
	static uint64_t image_size;
	static uint32_t image_segments;
	char dir[] = "/tmp/matlang-crash-XXXXXX", path[128];
	const char *dirs[1] = {dir};
	struct format_super layout;
	struct errmsg em = {0};
	const struct model none = {.doing = "making a store"};

	*size = image_size;
	if (image && image_segments == segments)
		return image;
	free(image);
	image_size = 0;
	do
		image_size += 1u << 20;
	while (format_layout(image_size, 1u << 20, &layout, size) || layout.segments < segments);
	const struct store_create_options o = {
		.size_bytes = image_size, .segment_bytes = 1u << 20, .sparse = true};

	model_check(&none, mkdtemp(dir), "mkdtemp: %s", strerror(errno));
	model_check(&none, !store_create(dirs, 1, &o, &em), "%s", em.text);
	snprintf(path, sizeof(path), "%s/" DISK_VOLUME_FILE, dir);
	FILE *f = fopen(path, "rbe");

	image = malloc(image_size);
	model_check(&none, f && image && fread(image, 1, image_size, f) == image_size,
		    "cannot read %s", path);
	fclose(f);
	unlink(path);
	rmdir(dir);
	image_segments = segments;
	*size = image_size;
	return image;
}

/* --- the store ----------------------------------------------------------------------------- */

void model_start(struct model *m, uint64_t seed, uint32_t segments)
{
	uint64_t size;
	const uint8_t *image = model_empty_store(segments, &size);

	model_start_bare(m, seed);
	m->segment_bytes = 1u << 20;
	m->segments = segments;
	m->disk = simdisk_from_image(image, size, seed);
}

void model_start_bare(struct model *m, uint64_t seed)
{
	struct errmsg em = {0};

	*m = (struct model){.seed = seed, .random = seed * 77 + 1, .doing = "starting"};
	m->mono_ns = monotime_now();
	model_check(m, !reactor_create(&m->reactor, 64, &em), "%s", em.text);
}

void model_adopt(struct model *m, const struct model *from)
{
	struct errmsg em = {0};

	*m = *from;
	m->store = NULL;
	m->frames_out = 0;
	m->item = malloc((from->room + 1) * sizeof(*m->item));
	model_check(m, m->item, "no memory");
	if (from->items)
		memcpy(m->item, from->item, from->items * sizeof(*m->item));
	m->reactor = NULL;
	model_check(m, !reactor_create(&m->reactor, 64, &em), "%s", em.text);
	memset(m->lost, 0, sizeof(m->lost));
}

static void on_lost(void *ctx, const struct loss *l)
{
	struct model *m = ctx;

	for (unsigned i = 0; i < MODEL_CAMERAS; i++) {
		if (m->camera[i] != l->camera_id)
			continue;
		m->lost[i] += l->count;
		for (size_t k = 0; k < m->items; k++) {
			struct model_item *it = &m->item[k];

			if (it->kind == RECORD_FRAME && it->camera == i &&
			    it->mono_ns >= l->first_mono_ns && it->mono_ns <= l->last_mono_ns &&
			    it->position > m->durable)
				it->lost = true;
		}
		return;
	}
	model_fail(m, "a loss of camera %" PRIu32 ", which there is not", l->camera_id);
}

static void on_durable(void *ctx, uint64_t position)
{
	struct model *m = ctx;

	model_check(m, position >= m->durable, "the durable position went back");
	m->durable = position;
}

static void on_trouble(void *ctx, const char *why)
{
	struct model *m = ctx;

	snprintf(m->trouble, sizeof(m->trouble), "%s", why);
}

int model_open(struct model *m)
{
	const struct store_callbacks cb = {
		.lost = on_lost, .trouble = on_trouble, .durable = on_durable};
	/* Commits when we say so: what happens must depend on the seed alone. */
	const struct store_options o = {.commit_ns = 3600 * NSEC_PER_SEC,
					.direct_bytes = 24u << 10,
					.memory_bytes = 4u << 20,
					.io = m->disk ? &simdisk_io : m->io,
					.io_ctx = m->disk ? m->disk : m->io_ctx};
	struct monotime_sample now;
	struct errmsg em = {0};
	int err = store_open(&m->store, m->disk ? "box" : m->dirs, m->reactor, &o, &cb, m, &em);

	if (err) {
		snprintf(m->trouble, sizeof(m->trouble), "%s", em.text);
		m->store = NULL;
		return err;
	}
	for (unsigned i = 0; i < MODEL_CAMERAS; i++)
		model_check(m, !store_camera(m->store, model_names[i], &m->camera[i]),
			    "store_camera");
	model_check(m, !monotime_sample(&now), "monotime_sample");
	m->utc_offset_ns = now.utc_ns - now.mono_ns;
	return 0;
}

void model_end(struct model *m)
{
	reactor_destroy(m->reactor);
	simdisk_free(m->disk);
	free(m->item);
	memset(m, 0, sizeof(*m));
}

void model_turn(struct model *m)
{
	model_check(m, !reactor_turn(m->reactor, 0), "reactor_turn");
}

/* --- appending ----------------------------------------------------------------------------- */

struct slot {
	struct frame frame;
	struct model *model;
	uint8_t *mem;
};

static void release(struct frame *f)
{
	struct slot *s = container_of(f, struct slot, frame);

	s->model->frames_out--;
	free(s->mem);
	free(s);
}

static struct slot *make_frame(struct model *m, const struct model_item *it)
{
	struct slot *s = calloc(1, sizeof(*s));

	model_check(m, s, "no memory");
	s->mem = aligned_alloc(FRAME_BLOCK, SLOT_BYTES);
	model_check(m, s->mem, "no memory");
	memset(s->mem, 0xdd, SLOT_BYTES);
	s->model = m;
	s->frame = (struct frame){
		.camera_id = m->camera[it->camera],
		.sequence = it->id,
		.flags = FRAME_KEY,
		.mono_ns = it->mono_ns,
		.fourcc = PIXFMT_MJPEG,
		.width = 640,
		.height = 480,
		.nplanes = 1,
		.slot = s->mem,
		.slot_size = SLOT_BYTES,
		.buf_index = -1,
		.release = release,
	};
	atomic_init(&s->frame.refs, 1);
	s->frame.plane[0] = (struct frame_plane){.data = s->mem, .bytesused = it->bytes};
	if (it->id % 3 == 0 &&
	    it->bytes > 1000) { /* two planes with a gap, data behind an offset */
		size_t half = it->bytes / 2;

		s->frame.fourcc = PIXFMT_NM12;
		s->frame.nplanes = 2;
		s->frame.plane[0].data = s->mem + 128;
		s->frame.plane[0].bytesused = half;
		s->frame.plane[1].data = s->mem + ALIGN_UP(128 + half, (size_t)FRAME_BLOCK);
		s->frame.plane[1].bytesused = it->bytes - half;
	}
	size_t done = 0;
	uint8_t *all = malloc(it->bytes + 1u);

	model_check(m, all, "no memory");
	model_fill(all, it->bytes, m->seed, it->id);
	for (unsigned i = 0; i < s->frame.nplanes; i++) {
		memcpy((uint8_t *)(uintptr_t)s->frame.plane[i].data, all + done,
		       s->frame.plane[i].bytesused);
		done += s->frame.plane[i].bytesused;
	}
	free(all);
	m->frames_out++;
	return s;
}

static struct model_item *new_item(struct model *m, enum record_kind kind, uint32_t bytes)
{
	if (m->items == m->room) {
		m->room = m->room ? m->room * 2 : 256;
		m->item = reallocarray(m->item, m->room, sizeof(*m->item));
		model_check(m, m->item, "no memory");
	}
	m->mono_ns += STEP_NS;
	struct model_item *it = &m->item[m->items++];

	*it = (struct model_item){.kind = kind,
				  .camera = (uint32_t)model_random(m, MODEL_CAMERAS),
				  .id = (uint32_t)m->items,
				  .bytes = bytes,
				  .mono_ns = m->mono_ns,
				  .locked = m->lock_position && m->mono_ns < m->lock_to_ns};
	if (it->locked)
		m->locked_to = m->items;
	return it;
}

/* What the store said of an append: a refused one is as if it had not been. */
static int settle(struct model *m, struct model_item *it, int err, uint64_t before)
{
	struct store_stats st;

	if (err) {
		m->items--;
		return err;
	}
	store_stats(m->store, &st);
	/* A record that waits for the log to go on has no place yet. */
	if (it->kind != RECORD_FRAME)
		it->position = st.appended > before ? st.appended : 0;
	return 0;
}

int model_append_frame(struct model *m, uint32_t bytes)
{
	struct model_item *it = new_item(m, RECORD_FRAME, bytes);
	struct slot *s = make_frame(m, it);
	int err = store_append_frame(m->store, &s->frame, &it->position);

	frame_unref(&s->frame);
	if (!err)
		m->frames[it->camera]++;
	return settle(m, it, err, 0);
}

static int append_small(struct model *m)
{
	static const enum record_kind kinds[] = {RECORD_LOSS, RECORD_MOTION, RECORD_EVENT,
						 RECORD_NOTE};
	struct model_item *it = new_item(m, kinds[model_random(m, 4)], 0);
	uint32_t camera = m->camera[it->camera];
	struct store_stats st;
	uint8_t bits[150];
	char text[64];
	int err;

	store_stats(m->store, &st);
	model_fill(bits, sizeof(bits), m->seed, it->id);
	switch (it->kind) {
	case RECORD_LOSS: {
		const struct loss l = {.camera_id = camera,
				       .cause = LOSS_NO_SLOT,
				       .count = it->id,
				       .first_mono_ns = it->mono_ns - STEP_NS,
				       .last_mono_ns = it->mono_ns};

		err = store_append_loss(m->store, &l);
		break;
	}
	case RECORD_MOTION: {
		const struct record_motion mo = {.camera_id = camera,
						 .sequence = it->id,
						 .mono_ns = it->mono_ns,
						 .cols = 40,
						 .rows = 30,
						 .cell_px = 16,
						 .width = 640,
						 .height = 480};

		it->bytes = sizeof(bits);
		err = store_append_motion(m->store, &mo, bits);
		break;
	}
	case RECORD_EVENT: {
		const struct record_event e = {.camera_id = camera,
					       .phase = RECORD_EVENT_START,
					       .what = RECORD_EVENT_MOVED,
					       .number = it->id,
					       .start_mono_ns = it->mono_ns,
					       .cols = 40,
					       .rows = 30,
					       .cell_px = 16};

		it->bytes = sizeof(bits);
		err = store_append_event(m->store, &e, bits);
		break;
	}
	default:
		it->bytes = (uint32_t)snprintf(text, sizeof(text), "note %" PRIu32, it->id);
		err = store_append_note(m->store, camera, text);
		break;
	}
	return settle(m, it, err, st.appended);
}

int model_append(struct model *m)
{
	switch (model_random(m, 8)) {
	case 0: return model_append_frame(m, 30000 + (uint32_t)model_random(m, 200000));
	case 1: return model_append_frame(m, 24000 + (uint32_t)model_random(m, 2000));
	case 2:
	case 3: return append_small(m);
	case 4: return model_append_frame(m, 1 + (uint32_t)model_random(m, 100));
	default: return model_append_frame(m, 2000 + (uint32_t)model_random(m, 22000));
	}
}

static void mark_locked(struct model *m, bool locked)
{
	for (size_t i = m->locked_from; i < m->locked_to; i++)
		m->item[i].locked = locked;
}

void model_release(struct model *m)
{
	while (store_lock_count(m->store)) {
		int err = store_lock_remove(m->store, store_lock_at(m->store, 0)->number);

		model_check(m, !err, "unlocking: %s", strerror(-err));
	}
	mark_locked(m, false);
	m->lock_position = 0;
}

void model_lock(struct model *m)
{
	struct record_lock l = {.camera_id = RECORD_ANY_CAMERA, .why = "case 17"};
	struct store_stats st;
	unsigned n = 0;
	size_t at;
	int err;

	if (m->lock_position) {
		err = store_lock_remove(m->store, m->lock_number);
		model_check(m, !err, "unlocking: %s", strerror(-err));
		mark_locked(m, false);
		m->lock_position = 0;
		return;
	}
	if (m->items < 40)
		return;
	at = m->items - 30 + model_random(m, 20);
	if (!m->item[at].position || m->item[at].position > m->durable)
		return;
	m->locked_from = at;
	m->locked_to = at + 1;
	l.from_utc_ns = m->item[at].mono_ns + m->utc_offset_ns - STEP_NS / 4;
	l.to_utc_ns = l.from_utc_ns + STEP_NS / 2;
	/* Some reach into what is still to come. */
	m->lock_to_ns = 0;
	if (at % 2) {
		m->lock_to_ns = m->mono_ns + 20 * STEP_NS - STEP_NS / 2;
		m->locked_to = m->items;
		l.to_utc_ns = m->lock_to_ns + m->utc_offset_ns;
	}
	store_stats(m->store, &st);
	uint64_t before = st.appended;

	err = store_lock_add(m->store, &l, &m->lock_number, &n);
	if (err == -ENOSPC) { /* nothing left to write it down in: refused, as it says */
		m->locked_from = m->locked_to = 0;
		return;
	}
	model_check(m, !err, "locking: %s", strerror(-err));
	model_check(m, n >= 1, "nothing was locked");
	store_stats(m->store, &st);
	/* One that waits for the log to go on has no place yet. */
	m->lock_position = st.appended > before ? st.appended : UINT64_MAX;
	mark_locked(m, true);
}
