/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/camera.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/camera_private.h"
#include "capture/core/monotime.h"

#define RETRY_MIN_NS   (250 * NSEC_PER_MSEC)
#define RETRY_MAX_NS   (5 * NSEC_PER_SEC)
#define STALL_NS       (10 * NSEC_PER_SEC)
#define STALL_FRAMES   4
#define SLOW_OPEN_NS   (10 * NSEC_PER_SEC)
#define LEDGER_TICK_NS (60 * NSEC_PER_SEC)
/* A device that is still being let go (by a closed ring, another program, USB resume) says EBUSY
 * for some milliseconds: asked again soon, so many times, before it counts as a failure. */
#define BUSY_RETRY_NS (50 * NSEC_PER_MSEC)
#define BUSY_RETRIES  20
#define ENDED         "the clip has ended"

static void start_opening(struct camera *c);

const char *camera_state_name(enum camera_state state)
{
	static const char *const names[CAMERA_STATES] = {
		[CAMERA_OFF] = "off",
		[CAMERA_OPENING] = "opening",
		[CAMERA_STREAMING] = "streaming",
		[CAMERA_WAITING] = "waiting",
		[CAMERA_ERROR] = "error",
		[CAMERA_CLOSING] = "closing",
	};

	return (unsigned)state < CAMERA_STATES ? names[state] : "unknown";
}

/* --- configuration ------------------------------------------------------------------------- */

static bool name_ok(const char *name)
{
	size_t n = strnlen(name, CAMERA_NAME_MAX);

	if (n == 0 || n == CAMERA_NAME_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isascii((unsigned char)name[i]) ||
		    (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i])))
			return false;
	return true;
}

/* Checks `in` and fills the defaults in. */
static int take_config(struct camera_config *out, const struct camera_config *in, camera_find find,
		       struct errmsg *em)
{
	struct camera_config cfg = *in;
	const char *rest;

	if (strnlen(cfg.source, sizeof(cfg.source)) == sizeof(cfg.source))
		return errmsg_set(em, -EINVAL, "source: longer than %d characters",
				  SOURCE_URI_MAX - 1);
	/* A camera that is off may wait for its source to be named. */
	if ((cfg.enabled || cfg.source[0]) && !find(cfg.source, &rest, em))
		return -EINVAL;
	if (!(cfg.want.max_fps >= 0 && cfg.want.max_fps <= 1e5))
		return errmsg_set(em, -EINVAL, "frame rate %g: want 0 (no limit) to 100000",
				  cfg.want.max_fps);
	if ((unsigned)cfg.want.memory >= SLAB_KINDS)
		return errmsg_set(em, -EINVAL, "memory: no such kind (%d)", (int)cfg.want.memory);
	if (cfg.stall_ns < 0 || cfg.retry_min_ns < 0 || cfg.retry_max_ns < 0)
		return errmsg_set(em, -EINVAL, "stall and retry times cannot be negative");
	if (!cfg.retry_min_ns)
		cfg.retry_min_ns = cfg.retry_max_ns && cfg.retry_max_ns < RETRY_MIN_NS
					   ? cfg.retry_max_ns
					   : RETRY_MIN_NS;
	if (!cfg.retry_max_ns)
		cfg.retry_max_ns =
			cfg.retry_min_ns > RETRY_MAX_NS ? cfg.retry_min_ns : RETRY_MAX_NS;
	if (cfg.retry_max_ns < cfg.retry_min_ns)
		return errmsg_set(em, -EINVAL, "the longest retry time is below the shortest");
	*out = cfg;
	return 0;
}

static bool needs_reopen(const struct camera_config *a, const struct camera_config *b)
{
	return strcmp(a->source, b->source) || a->want.max_width != b->want.max_width ||
	       a->want.max_height != b->want.max_height || a->want.max_fps != b->want.max_fps ||
	       a->want.fourcc != b->want.fourcc || a->want.memory != b->want.memory ||
	       a->want.slots != b->want.slots;
}

/* --- state --------------------------------------------------------------------------------- */

static void set_state(struct camera *c, enum camera_state state, const char *why)
{
	struct errmsg line = {{0}};

	snprintf(line.text, sizeof(line.text), "%s", why);
	pthread_mutex_lock(&c->lock);
	c->stats.state = state;
	memcpy(c->stats.why, line.text, sizeof(c->stats.why));
	if (state != CAMERA_STREAMING) {
		c->stats.slots = c->stats.slots_free = 0;
		c->stats.slab_bytes = 0;
		c->stats.registered = false;
		c->stats.fps = 0;
	}
	pthread_mutex_unlock(&c->lock);
	if (!c->destroyed)
		c->cb->state(c->ctx, state, line.text);
}

static void emit_loss(void *ctx, const struct loss *loss)
{
	struct camera *c = ctx;

	pthread_mutex_lock(&c->lock);
	c->stats.lost[loss->cause] += loss->count;
	pthread_mutex_unlock(&c->lock);
	if (!c->destroyed)
		c->cb->loss(c->ctx, loss);
}

static void go_away(struct camera *c, enum loss_cause cause)
{
	int64_t now = monotime_now();

	camera_ledger_away(&c->ledger, cause, now);
	reactor_timer_arm(c->reactor, &c->minute, now + LEDGER_TICK_NS);
}

static void minute_fire(struct reactor_timer *t)
{
	struct camera *c = container_of(t, struct camera, minute);
	int64_t now = monotime_now();

	camera_ledger_tick(&c->ledger, now);
	reactor_timer_arm(c->reactor, t, now + LEDGER_TICK_NS);
}

static void stop_watching(struct camera *c)
{
	reactor_timer_disarm(c->reactor, &c->watch);
	reactor_timer_disarm(c->reactor, &c->again);
	reactor_timer_disarm(c->reactor, &c->retry);
}

/* --- failing and trying again -------------------------------------------------------------- */

static int64_t retry_delay(struct camera *c)
{
	int64_t delay = c->config.retry_min_ns;

	if (c->busy && c->busy <= BUSY_RETRIES)
		return delay < BUSY_RETRY_NS ? delay : BUSY_RETRY_NS;
	for (unsigned i = 1; i < c->attempts && delay < c->config.retry_max_ns; i++)
		delay *= 2;
	return delay < c->config.retry_max_ns ? delay : c->config.retry_max_ns;
}

static void wait_for_retry(struct camera *c)
{
	if (c->kicked || c->reopen)
		start_opening(c);
	else
		reactor_timer_arm(c->reactor, &c->retry, monotime_now() + retry_delay(c));
}

/* Nothing is wrong with it but that it is not there, or not to be had: plugging it in, or closing
 * the other program, is all it takes. */
static bool absent(int err)
{
	return err == -ENODEV || err == -ENOENT || err == -ENXIO || err == -EBUSY;
}

/* Bookkeeping of a failure; the stream, if there is one, is ended by the caller. */
static void note_failure(struct camera *c, int err, const char *why)
{
	const struct camera_stream *s = c->stream;

	/* Proven good for a while: what comes now is a new trouble, not the old one. */
	if (s && s->first_ns && monotime_now() - s->first_ns >= c->config.retry_max_ns)
		c->attempts = 0;
	c->busy = err == -EBUSY ? c->busy + 1 : 0;
	if (!c->busy || c->busy > BUSY_RETRIES)
		c->attempts++;
	pthread_mutex_lock(&c->lock);
	c->stats.failures++;
	pthread_mutex_unlock(&c->lock);
	stop_watching(c);
	go_away(c, LOSS_CAMERA_AWAY);
	set_state(c, absent(err) ? CAMERA_WAITING : CAMERA_ERROR, why);
}

void camera_failed(struct camera *c, int err, const char *why)
{
	struct errmsg em;

	if (c->stream->phase != STREAM_RUNNING)
		return;
	errmsg_set(&em, err, "%s: %s", why, strerror(-err));
	camera_stream_end(c->stream);
	note_failure(c, err, em.text);
}

void camera_ended(struct camera *c)
{
	if (c->stream->phase != STREAM_RUNNING)
		return;
	c->ended = true;
	stop_watching(c);
	camera_stream_end(c->stream);
	/* From here on nothing is expected of it, so nothing is missing. */
	camera_ledger_begin(&c->ledger, monotime_now());
	set_state(c, CAMERA_CLOSING, ENDED);
}

static void retry_fire(struct reactor_timer *t)
{
	start_opening(container_of(t, struct camera, retry));
}

static void start_opening(struct camera *c)
{
	struct camera_stats now;
	int err;

	c->kicked = c->reopen = false;
	stop_watching(c);
	camera_stats(c, &now);
	/* What went wrong last time stays readable until it is known to be over. */
	set_state(c, CAMERA_OPENING, c->attempts || c->busy ? now.why : "");
	if (c->stream || c->destroyed || !c->config.enabled) /* the callback may have changed it */
		return;
	err = camera_stream_open(c);
	if (err) {
		note_failure(c, err, "cannot open: out of memory");
		wait_for_retry(c);
		return;
	}
	reactor_timer_arm(c->reactor, &c->watch, monotime_now() + SLOW_OPEN_NS);
}

void camera_opened(struct camera *c)
{
	struct camera_stream *s = c->stream;
	int64_t now = monotime_now();
	struct errmsg em = s->open_msg;

	if (s->open_err) {
		if (!em.text[0])
			errmsg_set(&em, s->open_err, "cannot open: %s", strerror(-s->open_err));
		note_failure(c, s->open_err, em.text);
		return;
	}
	camera_ledger_rate(&c->ledger, s->fmt.fps);
	c->progress_ns = now;
	pthread_mutex_lock(&c->lock);
	c->stats.opens++;
	c->stats.format = s->fmt;
	c->stats.memory = s->slab->kind;
	c->stats.registered = s->registered;
	c->stats.slots = c->stats.slots_free = s->slab->nslots;
	c->stats.slab_bytes = s->slab->kind == SLAB_DRIVER ? s->spare->size : s->slab->size;
	c->fps_since_ns = now;
	c->fps_frames = 0;
	pthread_mutex_unlock(&c->lock);
	c->busy = 0;
	reactor_timer_arm(c->reactor, &c->watch, now);
	set_state(c, CAMERA_STREAMING, "");
}

void camera_closed(struct camera *c)
{
	if (c->destroyed)
		return;
	if (c->config.enabled && !c->ended)
		wait_for_retry(c);
	else
		set_state(c, CAMERA_OFF, c->ended ? ENDED : "");
}

/* --- watching ------------------------------------------------------------------------------ */

static int64_t stall_time(const struct camera *c)
{
	int64_t frames;

	if (c->config.stall_ns)
		return c->config.stall_ns;
	frames = STALL_FRAMES * c->ledger.next_interval_ns;
	return frames > STALL_NS ? frames : STALL_NS;
}

static void watch_fire(struct reactor_timer *t)
{
	struct camera *c = container_of(t, struct camera, watch);
	struct camera_stream *s = c->stream;
	int64_t stall = stall_time(c), seen = c->progress_ns, now = monotime_now();
	char why[64];

	if (!s)
		return;
	if (s->phase == STREAM_OPENING) {
		go_away(c, LOSS_CAMERA_AWAY);
		set_state(c, CAMERA_OPENING, "the device does not answer; still trying to open it");
		return;
	}
	/* No slot to fill is not the device's fault: the frames wait for disk or analysis. */
	if (!s->with_device)
		seen = c->progress_ns = now;
	if (now - seen < stall) {
		reactor_timer_arm(c->reactor, t, seen + stall);
		return;
	}
	/* The last chance: perhaps only the poll was lost. */
	if (!camera_stream_drain(s))
		return;
	if (c->progress_ns != seen) {
		reactor_timer_arm(c->reactor, t, c->progress_ns + stall);
		return;
	}
	snprintf(why, sizeof(why), "no picture for %.3g s", (double)stall / NSEC_PER_SEC);
	camera_failed(c, -ETIMEDOUT, why);
}

static void again_fire(struct reactor_timer *t)
{
	struct camera *c = container_of(t, struct camera, again);

	if (c->stream && c->stream->phase == STREAM_RUNNING)
		camera_stream_drain(c->stream);
}

/* --- life ---------------------------------------------------------------------------------- */

int camera_create_with_finder(struct camera **out, struct reactor *r, struct pool *openers,
			      const char *name, uint32_t camera_id,
			      const struct camera_config *config, const struct camera_callbacks *cb,
			      void *ctx, camera_find find, struct errmsg *em)
{
	struct camera *c;
	int err;

	if (!name || !name_ok(name))
		return errmsg_set(
			em, -EINVAL,
			"a camera's name has 1 to %d letters, digits and . _ - and begins "
			"with a letter or digit",
			CAMERA_NAME_MAX - 1);
	c = calloc(1, sizeof(*c));
	if (!c)
		return errmsg_set(em, -ENOMEM, "camera %s: out of memory", name);
	err = take_config(&c->config, config, find, em);
	if (!err)
		err = -pthread_mutex_init(&c->lock, NULL);
	if (err) {
		free(c);
		return errmsg_prefix(em, err, "camera %s", name);
	}
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->reactor = r;
	c->openers = openers;
	c->id = camera_id;
	c->cb = cb;
	c->ctx = ctx;
	c->find = find;
	c->retry.fire = retry_fire;
	c->watch.fire = watch_fire;
	c->again.fire = again_fire;
	c->minute.fire = minute_fire;
	camera_ledger_init(&c->ledger, camera_id, emit_loss, c);
	*out = c;
	camera_ledger_begin(&c->ledger, monotime_now());
	if (c->config.enabled)
		start_opening(c);
	else
		go_away(c, LOSS_STOPPED);
	return 0;
}

int camera_create(struct camera **out, struct reactor *r, struct pool *openers, const char *name,
		  uint32_t camera_id, const struct camera_config *config,
		  const struct camera_callbacks *cb, void *ctx, struct errmsg *em)
{
	return camera_create_with_finder(out, r, openers, name, camera_id, config, cb, ctx,
					 source_find, em);
}

/* Lets the stream go, or whatever else the camera is at. */
static void wind_down(struct camera *c, const char *why)
{
	stop_watching(c);
	if (c->stream) {
		camera_stream_end(c->stream);
		set_state(c, CAMERA_CLOSING, why);
	} else if (!c->config.enabled) {
		set_state(c, CAMERA_OFF, "");
	}
}

int camera_configure(struct camera *c, const struct camera_config *config, struct errmsg *em)
{
	struct camera_config old = c->config;
	int err = take_config(&c->config, config, c->find, em);

	if (err)
		return errmsg_prefix(em, err, "camera %s", c->name);
	if (!c->config.enabled) {
		c->reopen = c->kicked = false;
		if (old.enabled) {
			if (c->ended)
				camera_ledger_begin(&c->ledger, monotime_now());
			c->ended = false;
			go_away(c, LOSS_STOPPED);
			wind_down(c, "switched off");
		}
		return 0;
	}
	if (old.enabled && !needs_reopen(&old, &c->config)) {
		if (c->stream && c->stream->phase == STREAM_RUNNING)
			reactor_timer_arm(c->reactor, &c->watch, 0); /* perhaps a new stall time */
		return 0;
	}
	c->attempts = c->busy = 0;
	c->reopen = true;
	if (old.enabled && !c->ended)
		go_away(c, LOSS_CAMERA_AWAY);
	else
		camera_ledger_begin(&c->ledger, monotime_now());
	c->ended = false;
	wind_down(c, "its configuration has changed");
	if (!c->stream)
		start_opening(c);
	return 0;
}

void camera_kick(struct camera *c)
{
	if (c->destroyed || !c->config.enabled || c->ended)
		return;
	if (c->stream && c->stream->phase == STREAM_RUNNING)
		return;
	c->attempts = c->busy = 0;
	if (c->stream)
		c->kicked = true; /* as soon as it is closed, or has failed to open */
	else
		start_opening(c);
}

static void finish(struct camera *c)
{
	void (*gone)(void *) = c->gone;
	void *ctx = c->gone_ctx;

	pthread_mutex_destroy(&c->lock);
	free(c);
	if (gone)
		gone(ctx);
}

static void gone_run(struct reactor_msg *msg)
{
	finish(container_of(msg, struct camera, gone_msg));
}

void camera_stream_gone(struct camera *c)
{
	if (c->destroyed && !c->streams)
		finish(c);
}

void camera_destroy(struct camera *c, void (*gone)(void *ctx), void *ctx)
{
	camera_ledger_close(&c->ledger, monotime_now());
	c->destroyed = true;
	c->gone = gone;
	c->gone_ctx = ctx;
	stop_watching(c);
	reactor_timer_disarm(c->reactor, &c->minute);
	if (c->stream)
		camera_stream_end(c->stream);
	if (!c->streams) {
		c->gone_msg.run = gone_run;
		reactor_post(c->reactor, &c->gone_msg);
	}
}

void camera_stats(const struct camera *c, struct camera_stats *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock; /* the camera itself is not const */
	int64_t idle;

	pthread_mutex_lock(lock);
	*out = c->stats;
	pthread_mutex_unlock(lock);
	/* The rate is worked out when frames come: once they stop, it must not stand. */
	idle = monotime_now() - out->last_frame_mono_ns;
	if (out->fps > 0 && idle > 3 * NSEC_PER_SEC &&
	    (double)idle * out->fps > 3.0 * (double)NSEC_PER_SEC)
		out->fps = 0;
}
