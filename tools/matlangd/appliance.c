/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The appliance's life: create (store opened, nothing runs) ──► run (reactor) ──► stop (cameras
 * off, ledger closed) ──► run returns ──► destroy (store committed and closed).
 */
#include "tools/matlangd/appliance.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "capture/hotplug.h"
#include "tools/matlangd/recorder.h"

#define RING_ENTRIES     1024
#define CLOCK_PERIOD_NS  (10 * NSEC_PER_SEC)
#define OPENERS_MIN      2
#define OPENERS_MAX      256 /* hanging opens cost a thread each; beyond this they wait in turn */
#define CAMERAS_MAX      4096
#define STOP_DEADLINE_NS (10 * NSEC_PER_SEC)
#define WORKER_NICE      15 /* analysis takes what recording leaves */

struct appliance {
	struct recorder_env env;
	struct appliance_options options;
	struct reactor *reactor;
	struct pool *workers, *openers;
	struct store *store;
	struct hotplug *hotplug;
	struct backlog backlog;
	struct recorder **recorders; /* by name */
	size_t nrecorders, leaving;  /* leaving: asked to go, not gone yet */
	struct reactor_timer clock_timer, stop_timer;
	struct reactor_msg stop_msg;
	atomic_bool stop_asked;
	bool stopping;
	bool stuck; /* a device did not let go in time: its threads and slots cannot be freed */
	char store_trouble[ERRMSG_MAX];
	char store_over[ERRMSG_MAX]; /* a trouble that is over and not in the log book yet */
	int64_t started_mono_ns;
};

void appliance_log(struct appliance *a, int level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	a->options.log(a->options.log_ctx, level, line);
}

static void changed(struct appliance *a, const char *path)
{
	if (a->options.changed)
		a->options.changed(a->options.changed_ctx, path);
}

/* ---- what the store says ---- */

static void on_store_lost(void *ctx, const struct loss *loss)
{
	struct appliance *a = ctx;

	for (size_t i = 0; i < a->nrecorders; i++) {
		if (recorder_camera_id(a->recorders[i]) == loss->camera_id) {
			recorder_store_lost(a->recorders[i], loss);
			return;
		}
	}
	/* A camera that was removed meanwhile: the entry goes straight to the store. */
	if (store_append_loss(a->store, loss))
		appliance_log(a, LOG_ERR, "%llu frames of a removed camera were lost (%s)",
			      (unsigned long long)loss->count, loss_cause_name(loss->cause));
}

static void on_store_trouble(void *ctx, const char *why)
{
	struct appliance *a = ctx;

	if (why[0])
		appliance_log(a, LOG_ALERT, "store: %s", why);
	else if (a->store_trouble[0]) {
		appliance_log(a, LOG_NOTICE, "store: all is well again");
		/* Not noted from here: the store may be half-way through placing a record. */
		snprintf(a->store_over, sizeof(a->store_over), "%s", a->store_trouble);
	}
	snprintf(a->store_trouble, sizeof(a->store_trouble), "%s", why);
	changed(a, "state");
}

static const struct store_callbacks store_cb = {
	.lost = on_store_lost,
	.trouble = on_store_trouble,
};

/* ---- timers and hot-plug ---- */

/* The log book tells why there may be less than there should be. */
static void note_store_over(struct appliance *a)
{
	char line[ERRMSG_MAX + 64];

	if (!a->store_over[0] || a->store_trouble[0])
		return;
	snprintf(line, sizeof(line), "store: all is well again; before: %s", a->store_over);
	if (!store_append_note(a->store, RECORD_NO_CAMERA, line))
		a->store_over[0] = '\0';
}

static void clock_tick(struct reactor_timer *t)
{
	struct appliance *a = container_of(t, struct appliance, clock_timer);
	struct monotime_sample s;
	int ret = monotime_sample(&s);

	if (!ret)
		ret = store_append_clock(a->store, &s);
	if (ret && !a->store_trouble[0])
		appliance_log(a, LOG_WARNING, "clock track: %s", strerrordesc_np(-ret));
	note_store_over(a);
	reactor_timer_arm(a->reactor, t, monotime_now() + CLOCK_PERIOD_NS);
}

static void on_hotplug(void *ctx)
{
	struct appliance *a = ctx;

	for (size_t i = 0; i < a->nrecorders; i++)
		recorder_kick(a->recorders[i]);
}

/* ---- life ---- */

static int start_pools(struct appliance *a, struct errmsg *em)
{
	unsigned n = a->options.workers ? a->options.workers : pool_cpu_count();
	int ret = pool_create(&a->workers, "worker", n, n, WORKER_NICE, em);

	if (ret)
		return ret;
	return pool_create(&a->openers, "opener", OPENERS_MIN, OPENERS_MAX, 0, em);
}

int appliance_create(struct appliance **out, const struct appliance_options *o, struct errmsg *em)
{
	struct appliance *a = calloc(1, sizeof(*a));
	struct store_options so = {.commit_ns = o->commit_ns, .warn_ns = o->warn_ns};
	struct errmsg hot = {""};
	int ret;

	if (!a)
		return errmsg_set(em, -ENOMEM, "out of memory");
	a->options = *o;
	a->started_mono_ns = monotime_now();
	a->clock_timer.fire = clock_tick;
	ret = reactor_create(&a->reactor, RING_ENTRIES, em);
	if (!ret)
		ret = start_pools(a, em);
	if (!ret)
		ret = store_open(&a->store, o->store_dir, a->reactor, &so, &store_cb, a, em);
	if (ret) {
		appliance_destroy(a);
		return ret;
	}
	/* Without hot-plug news a replugged camera is still found, by its back-off. */
	if (hotplug_create(&a->hotplug, a->reactor, on_hotplug, a, &hot))
		appliance_log(a, LOG_NOTICE,
			      "no hot-plug news, cameras are looked for by retry: %s", hot.text);
	backlog_init(&a->backlog, a->reactor);
	a->env = (struct recorder_env){
		.reactor = a->reactor,
		.openers = a->openers,
		.workers = a->workers,
		.store = a->store,
		.backlog = &a->backlog,
		.log = o->log,
		.log_ctx = o->log_ctx,
		.changed = o->changed,
		.changed_ctx = o->changed_ctx,
	};
	clock_tick(&a->clock_timer);
	*out = a;
	return 0;
}

int appliance_run(struct appliance *a)
{
	return reactor_run(a->reactor);
}

static void stop_if_empty(struct appliance *a)
{
	if (a->stopping && !a->leaving) {
		reactor_timer_disarm(a->reactor, &a->stop_timer);
		reactor_stop(a->reactor);
	}
}

static void recorder_gone(void *ctx)
{
	struct appliance *a = ctx;

	a->leaving--;
	stop_if_empty(a);
}

static void stop_overdue(struct reactor_timer *t)
{
	struct appliance *a = container_of(t, struct appliance, stop_timer);

	appliance_log(a, LOG_WARNING,
		      "%zu cameras do not let go of their device; ending without them", a->leaving);
	a->stuck = true;
	reactor_stop(a->reactor);
}

static void stop_now(struct reactor_msg *msg)
{
	struct appliance *a = container_of(msg, struct appliance, stop_msg);
	size_t n = a->nrecorders;

	a->stopping = true;
	a->nrecorders = 0;
	a->leaving += n;
	a->stop_timer.fire = stop_overdue;
	reactor_timer_arm(a->reactor, &a->stop_timer, monotime_now() + STOP_DEADLINE_NS);
	for (size_t i = 0; i < n; i++)
		recorder_destroy(a->recorders[i], recorder_gone, a);
	stop_if_empty(a);
}

void appliance_stop(struct appliance *a)
{
	/* The message is embedded: it may be posted once only. */
	if (atomic_exchange(&a->stop_asked, true))
		return;
	a->stop_msg.run = stop_now;
	reactor_post(a->reactor, &a->stop_msg);
}

void appliance_destroy(struct appliance *a)
{
	int ret;

	if (!a)
		return;
	if (a->reactor)
		reactor_timer_disarm(a->reactor, &a->clock_timer);
	hotplug_destroy(a->hotplug);
	ret = store_close(a->store);
	if (ret)
		appliance_log(a, LOG_ERR, "the store did not close cleanly: %s",
			      strerrordesc_np(-ret));
	if (a->stuck)
		return; /* a thread is inside a driver and will not come back; the process ends */
	pool_destroy(a->openers);
	pool_destroy(a->workers);
	reactor_destroy(a->reactor);
	free(a->recorders);
	free(a);
}

/* ---- cameras ---- */

static int by_name(const void *name, const void *member)
{
	return strcmp(name, recorder_name(*(struct recorder *const *)member));
}

static struct recorder **find_slot(struct appliance *a, const char *name)
{
	if (!a->nrecorders)
		return NULL;
	return bsearch(name, a->recorders, a->nrecorders, sizeof(struct recorder *), by_name);
}

struct recorder *appliance_find_camera(struct appliance *a, const char *name)
{
	struct recorder **slot = find_slot(a, name);

	return slot ? *slot : NULL;
}

struct recorder *appliance_camera_at(struct appliance *a, size_t index)
{
	return index < a->nrecorders ? a->recorders[index] : NULL;
}

size_t appliance_camera_count(const struct appliance *a)
{
	return a->nrecorders;
}

int appliance_add_camera(struct appliance *a, const char *name, struct recorder **out,
			 struct errmsg *em)
{
	struct recorder **grown, *r;
	size_t at = 0;
	int ret;

	if (a->stopping)
		return errmsg_set(em, -ESHUTDOWN, "the box is stopping");
	if (find_slot(a, name))
		return errmsg_set(
			em, -EEXIST,
			"there is a camera %s already: choose another name, or change its "
			"source",
			name);
	if (a->nrecorders >= CAMERAS_MAX)
		return errmsg_set(em, -ENOSPC, "one box takes at most %d cameras", CAMERAS_MAX);
	grown = realloc(a->recorders, (a->nrecorders + 1) * sizeof(*grown));
	if (!grown)
		return errmsg_set(em, -ENOMEM, "out of memory");
	a->recorders = grown;
	ret = recorder_create(&r, &a->env, name, em);
	if (ret)
		return ret;
	while (at < a->nrecorders && strcmp(recorder_name(grown[at]), name) < 0)
		at++;
	memmove(&grown[at + 1], &grown[at], (a->nrecorders - at) * sizeof(*grown));
	grown[at] = r;
	a->nrecorders++;
	if (out)
		*out = r;
	changed(a, NULL);
	return 0;
}

int appliance_remove_camera(struct appliance *a, const char *name, struct errmsg *em)
{
	struct recorder **slot = find_slot(a, name), *r;

	if (!slot)
		return errmsg_set(em, -ENOENT, "there is no camera %s", name);
	r = *slot;
	a->nrecorders--;
	memmove(slot, slot + 1, (size_t)(a->recorders + a->nrecorders - slot) * sizeof(*slot));
	a->leaving++;
	recorder_destroy(r, recorder_gone, a);
	changed(a, NULL);
	return 0;
}

/* ---- figures ---- */

struct reactor *appliance_reactor(struct appliance *a)
{
	return a->reactor;
}

struct store *appliance_store(struct appliance *a)
{
	return a->store;
}

int64_t appliance_started_mono_ns(const struct appliance *a)
{
	return a->started_mono_ns;
}

/* Why a camera does not record, or (`views`) what is the matter with its view. False: all is well.
 */
static bool camera_trouble(const struct recorder *r, bool views, char *why, size_t size)
{
	struct recorder_stats rs;
	bool away;

	recorder_stats(r, &rs);
	away = camera_state_trouble(rs.camera.state);
	if (views ? away || !rs.motion.tamper : !away)
		return false;
	if (views)
		snprintf(why, size, "its view is lost: %s", tamper_name(rs.motion.tamper));
	else
		snprintf(why, size, "%s", rs.camera.why);
	return true;
}

void appliance_state(const struct appliance *a, char *out, size_t size)
{
	const struct recorder *first = NULL;
	char why[ERRMSG_MAX] = "", other[ERRMSG_MAX];
	size_t bad = 0;

	if (a->store_trouble[0]) {
		snprintf(out, size, "trouble: store: %s", a->store_trouble);
		return;
	}
	/* Those that do not record come before those that record nothing of use. */
	for (int views = 0; views <= 1; views++)
		for (size_t i = 0; i < a->nrecorders; i++) {
			const struct recorder *r = a->recorders[i];

			if (!camera_trouble(r, views, bad ? other : why, sizeof(why)))
				continue;
			if (!bad++)
				first = r;
		}
	if (!bad)
		snprintf(out, size, "ok");
	else if (bad == 1)
		snprintf(out, size, "trouble: camera %s: %s", recorder_name(first), why);
	else
		snprintf(out, size, "trouble: %zu cameras, first %s: %s", bad, recorder_name(first),
			 why);
}
