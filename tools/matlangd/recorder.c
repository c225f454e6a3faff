/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first reference to a frame is the camera's. Recording takes one (the store's, or the
 * encoder's first), analysis another; none is waited for here.
 *
 * Every frame that a camera should have delivered ends in exactly one of two places: a record
 * (`recorded`, later durable), or the ledger (`lost`). What the ledger owes the store while the
 * store cannot take it is kept in `debt` and paid when it can.
 */
#include "tools/matlangd/recorder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "capture/encoder.h"
#include "tools/matlangd/hourly.h"
#include "tools/matlangd/recorder_motion.h"

#define DEBT_RETRY_NS   (1 * NSEC_PER_SEC)
#define UNSEEN_QUIET_NS (60 * NSEC_PER_SEC)

struct recorder {
	const struct recorder_env *env;
	char name[CAMERA_NAME_MAX];
	uint32_t camera_id;
	struct recorder_settings settings;
	struct camera *camera;
	struct recorder_motion *motion;
	struct encoder *encoder; /* NULL until a raw frame must be encoded */

	struct hourly alarms;
	uint64_t recorded, refused, gathered, encoded;
	uint64_t lost[LOSS_CAUSES];
	enum camera_state state;
	char complaint[ERRMSG_MAX]; /* why it waits, as logged; "": it streamed since */
	char unseen[ERRMSG_MAX];    /* why a frame was not analysed, as last logged */
	int64_t unseen_ns;          /* when it was */

	struct loss debt[LOSS_CAUSES]; /* ledger entries the store could not take yet */
	struct reactor_timer debt_timer;

	void (*gone)(void *ctx);
	void *gone_ctx;
};

static void say(struct recorder *r, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void say(struct recorder *r, int level, const char *fmt, ...)
{
	char text[ERRMSG_MAX], line[ERRMSG_MAX + CAMERA_NAME_MAX + 16];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "camera %s: %s", r->name, text);
	r->env->log(r->env->log_ctx, level, line);
}

/* Puts an entry into the store, or remembers it: an entry is never dropped. */
static void ledger_write(struct recorder *r, const struct loss *loss)
{
	struct loss *debt = &r->debt[loss->cause];

	if (!debt->count && !store_append_loss(r->env->store, loss))
		return;
	if (!debt->count) {
		*debt = *loss;
	} else {
		debt->count += loss->count;
		debt->estimated |= loss->estimated;
		if (loss->first_mono_ns < debt->first_mono_ns)
			debt->first_mono_ns = loss->first_mono_ns;
		if (loss->last_mono_ns > debt->last_mono_ns)
			debt->last_mono_ns = loss->last_mono_ns;
	}
	if (!r->debt_timer.heap_pos)
		reactor_timer_arm(r->env->reactor, &r->debt_timer, monotime_now() + DEBT_RETRY_NS);
}

static void debt_pay(struct reactor_timer *t)
{
	struct recorder *r = container_of(t, struct recorder, debt_timer);
	bool owing = false;

	for (int i = 0; i < LOSS_CAUSES; i++) {
		if (!r->debt[i].count)
			continue;
		if (store_append_loss(r->env->store, &r->debt[i]))
			owing = true;
		else
			r->debt[i].count = 0;
	}
	if (owing)
		reactor_timer_arm(r->env->reactor, t, monotime_now() + DEBT_RETRY_NS);
}

static void ledger_add(struct recorder *r, const struct loss *loss)
{
	struct loss l = *loss;

	if ((unsigned)l.cause >= LOSS_CAUSES || !l.count)
		return;
	l.camera_id = r->camera_id;
	r->lost[l.cause] += l.count;
	ledger_write(r, &l);
}

static void ledger_one(struct recorder *r, const struct frame *f, enum loss_cause cause)
{
	struct loss l = {
		.cause = cause,
		.count = 1,
		.first_mono_ns = f->mono_ns,
		.last_mono_ns = f->mono_ns,
	};

	ledger_add(r, &l);
}

/* The store's answer settles the frame: recorded, or on the ledger. -ENOBUFS does not: it waits. */
static int offer(void *ctx, struct frame *f)
{
	struct recorder *r = ctx;
	bool direct = store_writes_direct(r->env->store, f);
	int ret = store_append_frame(r->env->store, f, NULL);

	if (ret == -ENOBUFS)
		return ret;
	if (!ret) {
		r->recorded++;
		r->gathered += !direct;
		return 0;
	}
	r->refused++;
	ledger_one(r, f, ret == -ENOSPC ? LOSS_NO_SPACE : LOSS_WRITE_ERROR);
	return ret;
}

/* `source`: the frame whose slot feeds `f`, when that is another. */
static void record(struct recorder *r, struct frame *f, struct frame *source)
{
	bool gave_up;

	backlog_add(r->env->backlog, f, source, offer, r, &gave_up);
	if (gave_up) {
		r->refused++;
		ledger_one(r, f, LOSS_DISK_LATE);
	}
}

/* The encoder is done with a frame: `jpeg` is the compressed one, NULL when it could not be made
 * (the raw picture is recorded then: a big record is better than none). */
static void on_encoded(void *ctx, struct frame *raw, struct frame *jpeg)
{
	struct recorder *r = ctx;

	if (jpeg) {
		r->encoded++;
		record(r, jpeg, raw);
	} else {
		record(r, raw, NULL);
	}
}

static bool wants_encoding(struct recorder *r, const struct frame *f)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);
	struct errmsg em = {""};

	if (!r->settings.encode || !pf || pf->codec != PIXFMT_RAW || (f->flags & FRAME_TORN))
		return false;
	if (r->encoder)
		return true;
	if (encoder_create(&r->encoder, r->env->reactor, r->env->workers, on_encoded, r, &em)) {
		say(r, LOG_ERR, "cannot compress pictures, recording them raw: %s", em.text);
		r->settings.encode = false;
		return false;
	}
	return true;
}

static void on_frame(void *ctx, struct frame *f)
{
	struct recorder *r = ctx;

	if (wants_encoding(r, f)) {
		if (encoder_submit(r->encoder, f, r->settings.encode_quality))
			record(r, f,
			       NULL); /* cannot be compressed: a big record is better than none */
	} else {
		record(r, f, NULL);
	}
	recorder_motion_submit(r->motion, f);
}

static void on_loss(void *ctx, const struct loss *loss)
{
	ledger_add(ctx, loss);
}

static void on_state(void *ctx, enum camera_state state, const char *why)
{
	struct recorder *r = ctx;
	char path[CAMERA_NAME_MAX + 24];
	bool was = r->state == CAMERA_STREAMING, is = state == CAMERA_STREAMING;

	if (was && !is)
		recorder_motion_break(r->motion);
	/* A camera that is away is retried every few seconds: one line a reason, not one a try. */
	if (camera_state_trouble(state) && strcmp(r->complaint, why)) {
		snprintf(r->complaint, sizeof(r->complaint), "%s", why);
		say(r, LOG_WARNING, "%s; trying again", why);
	} else if (is && !was) {
		r->complaint[0] = '\0';
		say(r, LOG_INFO, "recording");
	}
	r->state = state;
	if (r->env->changed) {
		snprintf(path, sizeof(path), "cameras/%s/state", r->name);
		r->env->changed(r->env->changed_ctx, path);
		r->env->changed(r->env->changed_ctx, "state");
	}
}

static const struct camera_callbacks camera_cb = {
	.frame = on_frame,
	.loss = on_loss,
	.state = on_state,
};

static void say_view(struct recorder *r, enum record_event_what what, bool start)
{
	static const char *const texts[] = {
		[RECORD_EVENT_COVERED] = "the lens is covered, or it is completely dark",
		[RECORD_EVENT_DEFOCUSED] = "the picture is out of focus",
		[RECORD_EVENT_MOVED] = "the camera looks elsewhere",
		[RECORD_EVENT_BLINDED] = "the camera is blinded by light",
	};

	if (!start)
		say(r, LOG_NOTICE, "no longer: %s", texts[what]);
	else
		say(r, LOG_WARNING, "%s; it records on", texts[what]);
}

static void on_event(void *ctx, const struct record_event *e)
{
	struct recorder *r = ctx;
	bool motion = e->what == RECORD_EVENT_MOTION, start = e->phase == RECORD_EVENT_START;
	char path[CAMERA_NAME_MAX + 32];

	if (start)
		hourly_add(&r->alarms, monotime_now());
	if (!motion)
		say_view(r, e->what, start);
	if (!r->env->changed)
		return;
	snprintf(path, sizeof(path), "cameras/%s/motion/%s", r->name,
		 motion ? "in_event" : "tamper");
	r->env->changed(r->env->changed_ctx, path);
	if (!motion)
		r->env->changed(r->env->changed_ctx, "state");
}

/* A camera with bad frames now and then has them for ever: one line a reason and minute; each is
 * counted in motion/errors. */
static void on_motion_error(void *ctx, const char *why)
{
	struct recorder *r = ctx;
	int64_t now = monotime_now();

	if (!strcmp(r->unseen, why) && now - r->unseen_ns < UNSEEN_QUIET_NS)
		return;
	snprintf(r->unseen, sizeof(r->unseen), "%s", why);
	r->unseen_ns = now;
	say(r, LOG_WARNING, "a frame cannot be searched for motion: %s", why);
}

void recorder_settings_defaults(struct recorder_settings *s)
{
	memset(s, 0, sizeof(*s));
	s->camera.enabled = true;
	s->encode_quality = 85;
	motion_config_defaults(&s->motion);
}

int recorder_create(struct recorder **out, const struct recorder_env *env, const char *name,
		    struct errmsg *em)
{
	struct recorder *r = calloc(1, sizeof(*r));
	struct camera_config off = {.enabled = false};
	int ret;

	if (!r)
		return errmsg_set(em, -ENOMEM, "out of memory");
	r->env = env;
	r->debt_timer.fire = debt_pay;
	recorder_settings_defaults(&r->settings);
	r->settings.camera.enabled = false;
	snprintf(r->name, sizeof(r->name), "%s", name);
	ret = store_camera(env->store, name, &r->camera_id);
	if (ret == -EINVAL)
		errmsg_set(
			em, ret,
			"\"%s\" is no camera name: use letters, digits, '.', '_' and '-', at most "
			"%d, a letter or digit first",
			name, CAMERA_NAME_MAX - 1);
	else if (ret)
		errmsg_set(em, ret, "camera %s: the store cannot take another camera: %s", name,
			   strerrordesc_np(-ret));
	if (ret)
		goto fail;
	ret = recorder_motion_create(&r->motion, env, r->camera_id, &r->settings.motion, on_event,
				     on_motion_error, r, em);
	if (ret)
		goto fail;
	ret = camera_create(&r->camera, env->reactor, env->openers, name, r->camera_id, &off,
			    &camera_cb, r, em);
	if (ret)
		goto fail_motion;
	*out = r;
	return 0;

fail_motion:
	/* Frees itself later on the reactor; nothing waits for it. */
	recorder_motion_destroy(r->motion, free, r);
	return ret;
fail:
	free(r);
	return ret;
}

static void encoder_gone(void *ctx)
{
	struct recorder *r = ctx;
	void (*gone)(void *ctx) = r->gone;
	void *gone_ctx = r->gone_ctx;

	debt_pay(&r->debt_timer);
	reactor_timer_disarm(r->env->reactor, &r->debt_timer);
	free(r);
	gone(gone_ctx);
}

static void motion_gone(void *ctx)
{
	struct recorder *r = ctx;

	if (r->encoder)
		encoder_destroy(r->encoder, encoder_gone, r);
	else
		encoder_gone(r);
}

/* All slots are back: analysis and encoder hold no frame of the camera any more. */
static void camera_gone(void *ctx)
{
	struct recorder *r = ctx;

	recorder_motion_destroy(r->motion, motion_gone, r);
}

void recorder_destroy(struct recorder *r, void (*gone)(void *ctx), void *ctx)
{
	r->gone = gone;
	r->gone_ctx = ctx;
	camera_destroy(r->camera, camera_gone, r);
}

static int settings_check(const struct recorder *r, const struct recorder_settings *s,
			  struct errmsg *em)
{
	if (s->encode_quality < 1 || s->encode_quality > 100)
		return errmsg_set(em, -EINVAL, "encode_quality is %u; it must be 1 to 100",
				  s->encode_quality);
	if (s->camera.enabled && !s->camera.source[0] && r->settings.camera.source[0])
		return errmsg_set(em, -EINVAL,
				  "camera %s is enabled and cannot be without a source", r->name);
	return motion_config_check(&s->motion, em);
}

int recorder_apply(struct recorder *r, const struct recorder_settings *s, struct errmsg *em)
{
	struct camera_config cc = s->camera;
	int ret = settings_check(r, s, em);

	if (ret)
		return ret;
	/* A camera just made has no source yet: it is off until it gets one. */
	if (!cc.source[0])
		cc.enabled = false;
	ret = camera_configure(r->camera, &cc, em);
	if (ret)
		return ret;
	ret = recorder_motion_configure(r->motion, &s->motion, em);
	if (ret) {
		struct camera_config old = r->settings.camera;

		if (!old.source[0])
			old.enabled = false;
		/* It was accepted before. */
		if (camera_configure(r->camera, &old, NULL))
			say(r, LOG_ERR, "could not go back to the former settings");
		return ret;
	}
	r->settings = *s;
	return 0;
}

const char *recorder_name(const struct recorder *r)
{
	return r->name;
}

uint32_t recorder_camera_id(const struct recorder *r)
{
	return r->camera_id;
}

const struct recorder_settings *recorder_settings(const struct recorder *r)
{
	return &r->settings;
}

void recorder_store_lost(struct recorder *r, const struct loss *loss)
{
	/* They were counted as recorded when the store took them. */
	r->recorded -= loss->count <= r->recorded ? loss->count : r->recorded;
	ledger_add(r, loss);
}

void recorder_kick(struct recorder *r)
{
	camera_kick(r->camera);
}

void recorder_stats(const struct recorder *r, struct recorder_stats *out)
{
	memset(out, 0, sizeof(*out));
	camera_stats(r->camera, &out->camera);
	recorder_motion_stats(r->motion, &out->motion);
	out->alarms_hour = hourly_sum(&r->alarms, monotime_now());
	out->recorded = r->recorded;
	out->refused = r->refused;
	out->gathered = r->gathered;
	out->encoded = r->encoded;
	memcpy(out->lost, r->lost, sizeof(out->lost));
}
