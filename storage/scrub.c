/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/scrub.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storage/scrub_impl.h"
#include "storage/store_impl.h"

#define WAIT_NS (50 * NSEC_PER_MSEC)
/* linux/ioprio.h: class idle, for the calling thread. */
#define IOPRIO_IDLE (3 << 13)
#define NOTES_MAX   100u /* of one pass; the counts say the rest */

enum step { STEP_HOLD, STEP_RELEASE, STEP_NOTE };

struct scrub {
	struct store *s;
	char dirs[STORE_DIRS_MAX];
	struct paced pace;
	pthread_t thread;
	atomic_bool ended;
	unsigned notes;

	/* One step at a time is done on the reactor's thread. */
	struct reactor_msg msg;
	enum step step;
	uint32_t index;
	uint64_t sequence;
	const char *line;
	int result;
	bool answered;
	struct scrub_stats stats;
	pthread_mutex_t lock; /* protects: answered, result, stats */
	pthread_cond_t cond;
};

/* --- on the reactor's thread ---------------------------------------------------------------- */

/* Whole, durable, and not chosen to be given up. */
static int hold(struct store *s, uint32_t index, uint64_t sequence)
{
	const struct list *l;

	if (s->failed || !s->io)
		return -EIO;
	if (index >= s->super.segments || s->table[index].state != FORMAT_SEALED ||
	    s->table[index].sequence != sequence || index == s->next_index)
		return -ESTALE;
	for (l = s->live.next; l != &s->live; l = l->next)
		if (list_entry(l, struct segment, link)->head.index == index)
			return -ESTALE;
	s->held = index;
	return 0;
}

static void run_step(struct reactor_msg *msg)
{
	struct scrub *c = container_of(msg, struct scrub, msg);
	int result = 0;

	switch (c->step) {
	case STEP_HOLD: result = hold(c->s, c->index, c->sequence); break;
	case STEP_RELEASE: c->s->held = DISK_NO_SEGMENT; break;
	case STEP_NOTE: result = store_append_note(c->s, RECORD_NO_CAMERA, c->line); break;
	}
	pthread_mutex_lock(&c->lock);
	c->result = result;
	c->answered = true;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

/* --- on its own ----------------------------------------------------------------------------- */

static int ask(struct scrub *c, enum step step)
{
	c->step = step;
	c->answered = false;
	c->msg.run = run_step;
	reactor_post(c->s->reactor, &c->msg);
	pthread_mutex_lock(&c->lock);
	while (!c->answered)
		pthread_cond_wait(&c->cond, &c->lock);
	int result = c->result;

	pthread_mutex_unlock(&c->lock);
	return result;
}

static int ask_hold(void *ctx, uint32_t index, uint64_t sequence)
{
	struct scrub *c = ctx;

	c->index = index;
	c->sequence = sequence;
	return ask(c, STEP_HOLD);
}

static void ask_release(void *ctx)
{
	(void)ask(ctx, STEP_RELEASE);
}

/* A store that has failed takes no notes: the counts remain. */
static void note(struct scrub *c, const char *line)
{
	c->line = line;
	(void)ask(c, STEP_NOTE);
}

static void tell(void *ctx, const char *line)
{
	struct scrub *c = ctx;

	if (c->notes++ < NOTES_MAX)
		note(c, line);
}

static void progress(void *ctx, uint64_t done, uint64_t total, const struct scrub_counts *n)
{
	struct scrub *c = ctx;

	pthread_mutex_lock(&c->lock);
	c->stats.done = done;
	c->stats.total = total;
	c->stats.segments = n->segments;
	c->stats.found = n->found;
	c->stats.repaired = n->repaired;
	c->stats.unrepaired = n->unrepaired;
	pthread_mutex_unlock(&c->lock);
}

static void *thread_main(void *arg)
{
	struct scrub *c = arg;
	struct scrub_pass p = {
		.dirs = c->dirs,
		.pace = &c->pace,
		.hold = ask_hold,
		.release = ask_release,
		.tell = tell,
		.progress = progress,
		.ctx = c,
	};
	struct monotime_sample now = {0};
	struct errmsg em = {""};
	char line[256];

	(void)syscall(SYS_ioprio_set, 1, 0, IOPRIO_IDLE);
	int err = scrub_run(&p, &em);

	if (!err) {
		snprintf(line, sizeof(line),
			 "scrub: read %" PRIu64 " segments: %" PRIu64 " damaged places, %" PRIu64
			 " blocks repaired, %" PRIu64 " places cannot be",
			 p.counts.segments, p.counts.found, p.counts.repaired, p.counts.unrepaired);
		note(c, line);
		err = monotime_sample(&now);
	}
	progress(c, c->stats.done, c->stats.total, &p.counts);
	pthread_mutex_lock(&c->lock);
	c->stats.running = false;
	if (!err)
		c->stats.finished_ns = now.utc_ns;
	else if (err != -ECANCELED)
		snprintf(c->stats.failed, sizeof(c->stats.failed), "%s",
			 *em.text ? em.text : strerror(-err));
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->ended, true);
	return NULL;
}

/* --- beginning and end ---------------------------------------------------------------------- */

static void scrub_free(struct scrub *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->cond);
	free(c);
}

static void reap(struct store *s)
{
	struct scrub *c = s->scrub;

	pthread_join(c->thread, NULL);
	pthread_mutex_lock(&s->lock);
	s->scrub = NULL;
	pthread_mutex_unlock(&s->lock);
	scrub_free(c);
}

int scrub_start(struct store *s, struct errmsg *em)
{
	struct scrub *c;
	int64_t last = 0;

	if (s->failed || !s->io)
		return errmsg_set(em, -EIO, "the store has failed: see storage/state");
	if (s->scrub && !atomic_load(&s->scrub->ended))
		return errmsg_set(em, -EBUSY, "the store is being scrubbed already");
	if (s->scrub) {
		last = s->scrub->stats.finished_ns;
		reap(s);
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return errmsg_set(em, -ENOMEM, "no memory to scrub");
	c->s = s;
	memcpy(c->dirs, s->dir, sizeof(c->dirs));
	c->pace.ops = s->io_ops;
	c->pace.ctx = s->io_ctx;
	atomic_init(&c->pace.rate, s->scrub_rate);
	c->stats.running = true;
	c->stats.finished_ns = last;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->cond, NULL);
	int err = pthread_create(&c->thread, NULL, thread_main, c);

	if (err) {
		scrub_free(c);
		return errmsg_set(em, -err, "cannot start a thread to scrub: %s", strerror(err));
	}
	pthread_mutex_lock(&s->lock);
	s->scrub = c;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

void scrub_stop(struct store *s)
{
	if (s->scrub)
		atomic_store(&s->scrub->pace.stop, true);
}

void scrub_end(struct store *s)
{
	if (!s->scrub)
		return;
	scrub_stop(s);
	/* It may be waiting for a step of ours. */
	while (!atomic_load(&s->scrub->ended))
		if (reactor_turn(s->reactor, WAIT_NS))
			break;
	reap(s);
}

void scrub_set_rate(struct store *s, uint64_t bytes_per_s)
{
	s->scrub_rate = bytes_per_s;
	if (s->scrub)
		atomic_store(&s->scrub->pace.rate, bytes_per_s);
}

void scrub_stats(const struct store *cs, struct scrub_stats *out)
{
	struct store *s = (struct store *)(uintptr_t)cs; /* for its lock only */

	*out = (struct scrub_stats){0};
	pthread_mutex_lock(&s->lock);
	if (s->scrub) {
		pthread_mutex_lock(&s->scrub->lock);
		*out = s->scrub->stats;
		pthread_mutex_unlock(&s->scrub->lock);
	}
	pthread_mutex_unlock(&s->lock);
}
