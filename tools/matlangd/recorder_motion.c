/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/recorder_motion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

struct recorder_motion {
	const struct recorder_env *env;
	struct analyzer *analyzer;
	uint32_t camera_id;
	struct motion_config config;
	recorder_motion_event_fn event;
	recorder_motion_error_fn error;
	void *ctx;
	uint32_t width, height;       /* of the last submitted picture; reactor */
	atomic_uint_fast64_t dropped; /* results lost to memory shortage */
	void (*gone)(void *ctx);
	void *gone_ctx;
	struct reactor_msg gone_msg;
};

/* One result on its way to the reactor, which frees it. */
struct motion_msg {
	struct reactor_msg msg;
	struct recorder_motion *owner;
	enum { MSG_MOTION, MSG_EVENT, MSG_ERROR } what;
	union {
		struct record_motion motion;
		struct record_event event;
	};
	size_t nbytes;
	uint8_t bytes[]; /* bitmap, or the text of an error with its NUL */
};

static size_t bitmap_bytes(uint16_t cols, uint16_t rows)
{
	return ((size_t)cols * rows + 7) / 8;
}

static void deliver(struct reactor_msg *msg)
{
	struct motion_msg *m = container_of(msg, struct motion_msg, msg);
	struct recorder_motion *o = m->owner;
	int ret = 0;

	switch (m->what) {
	case MSG_MOTION:
		m->motion.width = o->width;
		m->motion.height = o->height;
		ret = store_append_motion(o->env->store, &m->motion, m->bytes);
		break;
	case MSG_EVENT:
		m->event.width = o->width;
		m->event.height = o->height;
		ret = store_append_event(o->env->store, &m->event, m->bytes);
		o->event(o->ctx, &m->event);
		break;
	case MSG_ERROR: o->error(o->ctx, (const char *)m->bytes); break;
	}
	/* A failed store has its own alarm; here it only means one bitmap less. */
	if (ret)
		atomic_fetch_add_explicit(&o->dropped, 1, memory_order_relaxed);
	free(m);
}

static struct motion_msg *new_msg(struct recorder_motion *o, const void *bytes, size_t n)
{
	struct motion_msg *m = calloc(1, sizeof(*m) + n);

	if (!m) {
		atomic_fetch_add_explicit(&o->dropped, 1, memory_order_relaxed);
		return NULL;
	}
	m->msg.run = deliver;
	m->owner = o;
	m->nbytes = n;
	if (n)
		memcpy(m->bytes, bytes, n);
	return m;
}

/* Worker thread. */
static void on_result(void *ctx, const struct analyzer_result *r)
{
	struct recorder_motion *o = ctx;
	const struct analyzer_bitmap *b = &r->bitmap;
	struct motion_msg *m;

	if (!b->moved)
		return;
	m = new_msg(o, b->bits, bitmap_bytes(b->cols, b->rows));
	if (!m)
		return;
	m->what = MSG_MOTION;
	m->motion = (struct record_motion){
		.camera_id = o->camera_id,
		.sequence = r->sequence,
		.mono_ns = r->mono_ns,
		.cols = b->cols,
		.rows = b->rows,
		.cell_px = b->cell_px,
		.moved = b->moved,
		.level = b->level,
		.zones = b->zones,
	};
	reactor_post(o->env->reactor, &m->msg);
}

static enum record_event_what what_of(enum tamper_kind kind)
{
	switch (kind) {
	case TAMPER_COVERED: return RECORD_EVENT_COVERED;
	case TAMPER_DEFOCUSED: return RECORD_EVENT_DEFOCUSED;
	case TAMPER_MOVED: return RECORD_EVENT_MOVED;
	case TAMPER_BLINDED: return RECORD_EVENT_BLINDED;
	case TAMPER_NONE: break;
	}
	return RECORD_EVENT_MOTION;
}

/* Worker thread. */
static void on_event(void *ctx, const struct analyzer_event *e)
{
	struct recorder_motion *o = ctx;
	struct motion_msg *m = new_msg(o, e->cells, bitmap_bytes(e->cols, e->rows));

	if (!m)
		return;
	m->what = MSG_EVENT;
	m->event = (struct record_event){
		.camera_id = o->camera_id,
		.phase = e->phase == ANALYZER_EVENT_START ? RECORD_EVENT_START : RECORD_EVENT_END,
		.what = what_of(e->tamper),
		.number = e->number,
		.start_mono_ns = e->start_mono_ns,
		.end_mono_ns = e->end_mono_ns,
		.peak_mono_ns = e->peak_mono_ns,
		.preroll_ns = e->preroll_ns,
		.postroll_ns = e->postroll_ns,
		.cols = e->cols,
		.rows = e->rows,
		.cell_px = e->cell_px,
		.peak_cells = e->peak_cells,
		.peak_level = e->peak_level,
		.zones = e->zones,
	};
	reactor_post(o->env->reactor, &m->msg);
}

/* Worker thread. */
static void on_error(void *ctx, const char *why)
{
	struct recorder_motion *o = ctx;
	struct motion_msg *m = new_msg(o, why, strlen(why) + 1);

	if (!m)
		return;
	m->what = MSG_ERROR;
	reactor_post(o->env->reactor, &m->msg);
}

static const struct analyzer_callbacks callbacks = {
	.result = on_result,
	.event = on_event,
	.error = on_error,
};

int recorder_motion_create(struct recorder_motion **out, const struct recorder_env *env,
			   uint32_t camera_id, const struct motion_config *config,
			   recorder_motion_event_fn event, recorder_motion_error_fn error,
			   void *ctx, struct errmsg *em)
{
	struct recorder_motion *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return errmsg_set(em, -ENOMEM, "out of memory");
	m->env = env;
	m->camera_id = camera_id;
	m->config = *config;
	m->event = event;
	m->error = error;
	m->ctx = ctx;
	ret = analyzer_create(&m->analyzer, env->workers, config, &callbacks, m, em);
	if (ret) {
		free(m);
		return ret;
	}
	*out = m;
	return 0;
}

int recorder_motion_configure(struct recorder_motion *m, const struct motion_config *config,
			      struct errmsg *em)
{
	int ret = analyzer_configure(m->analyzer, config, em);

	if (ret)
		return ret;
	if (m->config.enabled && !config->enabled)
		analyzer_break(m->analyzer);
	m->config = *config;
	return 0;
}

void recorder_motion_submit(struct recorder_motion *m, struct frame *f)
{
	m->width = f->width;
	m->height = f->height;
	if (m->config.enabled)
		analyzer_submit(m->analyzer, f);
}

void recorder_motion_break(struct recorder_motion *m)
{
	analyzer_break(m->analyzer);
}

void recorder_motion_stats(const struct recorder_motion *m, struct analyzer_stats *out)
{
	analyzer_stats(m->analyzer, out);
	out->errors += atomic_load_explicit(&m->dropped, memory_order_relaxed);
}

static void finish(struct reactor_msg *msg)
{
	struct recorder_motion *m = container_of(msg, struct recorder_motion, gone_msg);
	void (*gone)(void *ctx) = m->gone;
	void *ctx = m->gone_ctx;

	free(m);
	gone(ctx);
}

/* Worker thread, the one that ran the last callback: messages of one sender keep their order, so
 * every result is in front of this. */
static void analyzer_gone(void *ctx)
{
	struct recorder_motion *m = ctx;

	m->gone_msg.run = finish;
	reactor_post(m->env->reactor, &m->gone_msg);
}

void recorder_motion_destroy(struct recorder_motion *m, void (*gone)(void *ctx), void *ctx)
{
	m->gone = gone;
	m->gone_ctx = ctx;
	analyzer_destroy(m->analyzer, analyzer_gone, m);
}
