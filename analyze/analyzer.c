/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/analyzer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/detector.h"
#include "analyze/events.h"
#include "analyze/pace.h"
#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"

/* Frames a decoder may be behind; a picture that stands by itself has one that waits. */
#define QUEUE_MAX   8
#define NOISE_EVERY 64 /* analysed frames between two looks at noise and restlessness */

struct waiting {
	struct frame *frame;
	bool want; /* due; a decoder gets the others too */
};

struct analyzer {
	struct pool *pool;
	struct analyzer_callbacks cb;
	void *ctx;

	/* Reactor thread only. */
	bool taking; /* enabled */
	struct pace pace;

	/* protects: everything down to `stats` */
	pthread_mutex_t lock;
	struct waiting queue[QUEUE_MAX];
	unsigned queued;
	bool scheduled;  /* `work` is with the pool, or runs: there is never a second */
	bool broken;     /* analyzer_break: to be done before the next frame */
	bool configured; /* `next` is to be taken before the next frame */
	bool dying;
	struct motion_config next;
	struct analyzer_stats stats;

	/* The worker's, one at a time; `scheduled` hands it over. */
	struct pool_work work;
	struct motion_config config;
	struct detector *detector;
	struct events events;
	bool failing; /* an error has been told in this stretch */
	void (*gone)(void *ctx);
	void *gone_ctx;
};

static void run(struct pool_work *work);

static bool inter_coded(const struct frame *f)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);

	return pf && (pf->codec == PIXFMT_CODEC_H264 || pf->codec == PIXFMT_CODEC_HEVC);
}

/* Under the lock. */
static void schedule(struct analyzer *a)
{
	if (a->scheduled)
		return;
	a->scheduled = true;
	pool_submit(a->pool, &a->work);
}

/* Under the lock: empties the queue into `out`; the references are dropped outside, because a
 * frame's release may take other locks. */
static unsigned take_all(struct analyzer *a, struct waiting out[static QUEUE_MAX])
{
	unsigned n = a->queued;

	memcpy(out, a->queue, n * sizeof(*out));
	for (unsigned i = 0; i < n; i++)
		a->stats.skipped += out[i].want;
	a->queued = 0;
	return n;
}

static void unref_all(const struct waiting *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		frame_unref(w[i].frame);
}

static void on_event(void *ctx, const struct analyzer_event *e)
{
	struct analyzer *a = ctx;

	if (a->cb.event)
		a->cb.event(a->ctx, e);
}

int analyzer_create(struct analyzer **out, struct pool *workers, const struct motion_config *config,
		    const struct analyzer_callbacks *cb, void *ctx, struct errmsg *em)
{
	struct analyzer *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	err = detector_create(&a->detector, config, em);
	if (err) {
		free(a);
		return err;
	}
	err = -pthread_mutex_init(&a->lock, NULL);
	if (err) {
		detector_destroy(a->detector);
		free(a);
		return err;
	}
	a->pool = workers;
	a->cb = *cb;
	a->ctx = ctx;
	a->work.run = run;
	a->config = *config;
	a->taking = config->enabled;
	a->pace.rate = config->rate;
	events_init(&a->events, on_event, a);
	a->stats.state_bytes = sizeof(*a) + detector_state_bytes(a->detector);
	*out = a;
	return 0;
}

int analyzer_configure(struct analyzer *a, const struct motion_config *config, struct errmsg *em)
{
	struct waiting dropped[QUEUE_MAX];
	unsigned n = 0;
	int err = motion_config_check(config, em);

	if (err)
		return err;
	pthread_mutex_lock(&a->lock);
	a->next = *config;
	a->configured = true;
	if (a->taking && !config->enabled) {
		a->broken = true;
		n = take_all(a, dropped);
	}
	schedule(a);
	pthread_mutex_unlock(&a->lock);
	unref_all(dropped, n);
	if (config->enabled && !a->taking)
		pace_lost(&a->pace);
	pace_set_rate(&a->pace, config->rate);
	a->taking = config->enabled;
	return 0;
}

void analyzer_submit(struct analyzer *a, struct frame *f)
{
	struct waiting dropped[QUEUE_MAX];
	bool inter = inter_coded(f), lost = false;
	enum pace_verdict verdict;
	unsigned n = 0;

	if (!a->taking)
		return;
	verdict = pace_judge(&a->pace, f->mono_ns, inter, f->flags & FRAME_KEY);
	if (verdict == PACE_MISS) {
		pthread_mutex_lock(&a->lock);
		a->stats.skipped++;
		pthread_mutex_unlock(&a->lock);
	}
	if (verdict == PACE_MISS || verdict == PACE_LEAVE)
		return;
	frame_ref(f);
	pthread_mutex_lock(&a->lock);
	if (a->queued == (inter ? QUEUE_MAX : 1)) {
		n = take_all(a, dropped);
		/* Without these the decoder could only show ruins. */
		lost = inter && !(f->flags & FRAME_KEY);
	}
	if (lost) {
		pace_lost(&a->pace);
		a->stats.skipped += verdict == PACE_WANT;
	} else {
		a->queue[a->queued++] = (struct waiting){f, verdict == PACE_WANT};
		schedule(a);
	}
	pthread_mutex_unlock(&a->lock);
	unref_all(dropped, n);
	if (lost)
		frame_unref(f);
}

void analyzer_break(struct analyzer *a)
{
	struct waiting dropped[QUEUE_MAX];
	unsigned n;

	pace_break(&a->pace);
	pthread_mutex_lock(&a->lock);
	n = take_all(a, dropped);
	a->broken = true;
	schedule(a);
	pthread_mutex_unlock(&a->lock);
	unref_all(dropped, n);
}

void analyzer_destroy(struct analyzer *a, void (*gone)(void *ctx), void *ctx)
{
	struct waiting dropped[QUEUE_MAX];
	unsigned n;

	pthread_mutex_lock(&a->lock);
	n = take_all(a, dropped);
	a->gone = gone;
	a->gone_ctx = ctx;
	a->dying = true;
	schedule(a);
	pthread_mutex_unlock(&a->lock);
	/* `a` may be gone from here on. */
	unref_all(dropped, n);
}

void analyzer_stats(const struct analyzer *a, struct analyzer_stats *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&a->lock;

	pthread_mutex_lock(lock);
	*out = a->stats;
	pthread_mutex_unlock(lock);
}

static void finish(struct analyzer *a)
{
	void (*gone)(void *ctx) = a->gone;
	void *ctx = a->gone_ctx;

	events_destroy(&a->events);
	detector_destroy(a->detector);
	pthread_mutex_destroy(&a->lock);
	free(a);
	if (gone)
		gone(ctx);
}

static void tell_error(struct analyzer *a, const char *why)
{
	if (!a->failing && a->cb.error)
		a->cb.error(a->ctx, why);
	a->failing = true;
}

static void tell_result(struct analyzer *a, const struct detector_result *r, uint32_t sequence)
{
	struct analyzer_result res = {
		.mono_ns = r->mono_ns,
		.sequence = sequence,
		.motion = r->motion,
		.global_change = r->global_change,
		.bitmap =
			{
				.cols = r->cols,
				.rows = r->rows,
				.cell_px = r->cell_px,
				.moved = r->moved,
				.largest = r->largest,
				.level = r->level,
				.bits = r->bits,
				.zones = r->zones,
			},
	};

	if (events_feed(&a->events, &a->config, r) || events_view(&a->events, &a->config, r))
		tell_error(a, "no memory for an event");
	res.in_event = a->events.open;
	if (a->cb.result)
		a->cb.result(a->ctx, &res);
}

static int64_t thread_cpu_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t))
		return 0;
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* What a turn's frame is, for what it costs. */
enum turn_kind {
	TURN_EMPTY, /* there is none */
	TURN_JPEG,
	TURN_RAW,
	TURN_INTER, /* a decoder's, which takes long */
	TURN_KINDS,
};

/* One analyser's piece of work. */
struct turn {
	struct analyzer *a;
	struct waiting w; /* frame NULL: none */
	enum turn_kind kind;
	bool dying;
	int64_t mono_ns, cpu_ns; /* the frame's time; processor time spent on it */
	uint32_t sequence;
	int err; /* of loading it */
	struct errmsg em;
};

/* Takes what the frames show and gives them back at once. */
static void load_frames(struct turn *const turns[], unsigned n)
{
	struct detector_load loads[DETECTOR_BATCH];
	struct turn *of[DETECTOR_BATCH];
	int64_t start = thread_cpu_ns();
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		struct turn *t = turns[i];

		t->mono_ns = t->w.frame->mono_ns;
		t->sequence = t->w.frame->sequence;
		t->em = (struct errmsg){"no memory"};
		if ((t->w.frame->flags & FRAME_TORN) && !inter_coded(t->w.frame)) {
			t->err = errmsg_set(&t->em, -EBADMSG, "a torn frame");
			continue;
		}
		of[good] = t;
		loads[good++] = (struct detector_load){
			.d = t->a->detector,
			.f = t->w.frame,
			.want = t->w.want,
			.em = &t->em,
		};
	}
	detector_load_batch(loads, good);
	for (unsigned i = 0; i < good; i++)
		of[i]->err = loads[i].err;
	for (unsigned i = 0; i < n; i++)
		frame_unref(turns[i]->w.frame);
	start = (thread_cpu_ns() - start) / (n ? n : 1);
	for (unsigned i = 0; i < n; i++)
		turns[i]->cpu_ns = start;
}

/* Judges what was loaded. */
static void judge(struct turn *t)
{
	struct analyzer *a = t->a;
	int64_t start = thread_cpu_ns();
	struct detector_result r = {0};
	double noise = -1, restless = 0;

	if (t->err < 0) {
		tell_error(a, t->em.text);
	} else if (t->err == 1) {
		a->failing = false;
		detector_run(a->detector, t->mono_ns, &r);
		tell_result(a, &r, t->sequence);
		if (a->stats.analyzed % NOISE_EVERY == 0) {
			noise = detector_noise(a->detector);
			restless = detector_restless(a->detector);
		}
	}
	pthread_mutex_lock(&a->lock);
	a->stats.busy_ns += t->cpu_ns + thread_cpu_ns() - start;
	a->stats.errors += t->err < 0;
	if (t->err == 1) {
		a->stats.analyzed++;
		a->stats.lag_ns = monotime_now() - t->mono_ns;
		if (a->stats.lag_ns > a->stats.lag_max_ns)
			a->stats.lag_max_ns = a->stats.lag_ns;
		a->stats.level = r.level;
	}
	if (noise >= 0) {
		a->stats.noise = noise;
		a->stats.restless = restless;
	}
	a->stats.in_event = a->events.open;
	a->stats.tamper = events_lost_view(&a->events);
	a->stats.events = a->events.count;
	a->stats.tampers = a->events.views;
	a->stats.state_bytes =
		sizeof(*a) + detector_state_bytes(a->detector) + events_bytes(&a->events);
	pthread_mutex_unlock(&a->lock);
}

static void take_break(struct analyzer *a)
{
	events_close(&a->events);
	detector_reset(a->detector);
	a->failing = false;
	pthread_mutex_lock(&a->lock);
	a->stats.in_event = false;
	a->stats.level = 0;
	pthread_mutex_unlock(&a->lock);
}

static void take_config(struct analyzer *a, const struct motion_config *next)
{
	/* It was checked when it came. */
	if (detector_configure(a->detector, next, NULL) == 0)
		a->config = *next;
	if (!next->enabled || !next->tamper) {
		events_close_view(&a->events);
		pthread_mutex_lock(&a->lock);
		a->stats.tamper = TAMPER_NONE;
		pthread_mutex_unlock(&a->lock);
	}
}

static enum turn_kind kind_of(const struct frame *f)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);

	if (inter_coded(f))
		return TURN_INTER;
	return pf && pf->codec == PIXFMT_RAW ? TURN_RAW : TURN_JPEG;
}

/* What the reactor asked for since the last turn is done; the next frame is taken. */
static void begin(struct turn *t, struct pool_work *work)
{
	struct analyzer *a = container_of(work, struct analyzer, work);
	struct motion_config next;
	bool broken, configured;

	*t = (struct turn){.a = a};
	pthread_mutex_lock(&a->lock);
	broken = a->broken;
	configured = a->configured;
	t->dying = a->dying;
	a->broken = a->configured = false;
	if (configured)
		next = a->next;
	if (!t->dying && a->queued) {
		t->w = a->queue[0];
		memmove(a->queue, a->queue + 1, --a->queued * sizeof(a->queue[0]));
	}
	pthread_mutex_unlock(&a->lock);

	t->kind = t->w.frame ? kind_of(t->w.frame) : TURN_EMPTY;
	if (broken)
		take_break(a);
	if (configured)
		take_config(a, &next);
}

/* The frame, if there was one, has been loaded. Afterwards the analyser may be gone. */
static void end(struct turn *t)
{
	struct analyzer *a = t->a;

	if (t->w.frame)
		judge(t);
	if (t->dying) {
		finish(a);
		return;
	}
	pthread_mutex_lock(&a->lock);
	a->scheduled = false;
	if (a->queued || a->broken || a->configured || a->dying)
		schedule(a);
	pthread_mutex_unlock(&a->lock);
}

/* Raw pictures: each is judged right behind its loading, while the next one's memory comes. */
static void run_raw(struct turn *const turns[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		load_frames(&turns[i], 1);
		if (i + 1 < n)
			detector_ahead(turns[i]->a->detector, turns[i + 1]->w.frame);
		end(turns[i]);
	}
}

/* JPEGs cost less when they are loaded together. */
static void run_jpeg(struct turn *const turns[], unsigned n)
{
	load_frames(turns, n);
	for (unsigned i = 0; i < n; i++)
		end(turns[i]);
}

/* One frame of an analyser at a time, so that the pool's threads go round the cameras; but of
 * several analysers if more are next in the queue, because several pictures cost less together.
 * Decoders' frames, which take long, come last and one by one. */
static void run(struct pool_work *work)
{
	struct pool *pool = container_of(work, struct analyzer, work)->pool;
	struct pool_work *more[DETECTOR_BATCH - 1];
	struct turn turns[DETECTOR_BATCH], *of[TURN_KINDS][DETECTOR_BATCH] = {{NULL}};
	unsigned n = 1, count[TURN_KINDS] = {0};

	begin(&turns[0], work);
	if (turns[0].kind == TURN_JPEG || turns[0].kind == TURN_RAW)
		n += pool_take(pool, run, more, DETECTOR_BATCH - 1);
	for (unsigned i = 1; i < n; i++)
		begin(&turns[i], more[i - 1]);
	for (unsigned i = 0; i < n; i++)
		of[turns[i].kind][count[turns[i].kind]++] = &turns[i];
	for (unsigned i = 0; i < count[TURN_EMPTY]; i++)
		end(of[TURN_EMPTY][i]);
	run_jpeg(of[TURN_JPEG], count[TURN_JPEG]);
	run_raw(of[TURN_RAW], count[TURN_RAW]);
	for (unsigned i = 0; i < count[TURN_INTER]; i++)
		run_jpeg(&of[TURN_INTER][i], 1);
}
