/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/replace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "storage/stripe.h"
#include "storage/store_impl.h"
#include "storage/volume.h"

#define WAIT_NS (50 * NSEC_PER_MSEC)
/* linux/ioprio.h: class idle, for the calling thread. */
#define IOPRIO_IDLE (3 << 13)

enum step { STEP_BEGIN, STEP_WINDOW, STEP_SETTLE };

struct replace {
	struct store *s;
	unsigned volume;
	char dir[256], dirs[STORE_DIRS_MAX]; /* the new one's; those to copy from */
	bool resume;                         /* the volume is part of the set already */
	uint8_t uuid[16];
	pthread_t thread;
	atomic_bool stop, ended;
	atomic_ullong rate;

	/* One step at a time is done on the reactor's thread. */
	struct reactor_msg msg;
	enum step step;
	struct storage_io *writer; /* STEP_BEGIN: taken over */
	struct stripe_rebuild_window window;
	int result;
	bool answered;
	pthread_mutex_t lock; /* protects: answered, result, failed */
	pthread_cond_t cond;
	struct errmsg failed;
};

/* --- on the reactor's thread ---------------------------------------------------------------- */

/* The directories as they are now: the new one in place of the old. */
static void list_dirs(struct store *s)
{
	struct stripe_status *st = calloc(1, sizeof(*st));
	size_t at = 0;

	if (!st)
		return;
	stripe_status(s->io, st);
	for (unsigned v = 0; v < st->volumes && at < sizeof(s->dir); v++)
		if (*st->volume[v].dir)
			at += (size_t)snprintf(s->dir + at, sizeof(s->dir) - at, "%s%s",
					       at ? "," : "", st->volume[v].dir);
	free(st);
}

static int begin(struct replace *r)
{
	int err = stripe_rebuild_begin(r->s->io, r->volume, r->writer, r->uuid, r->dir);

	if (err)
		return err;
	r->writer = NULL;
	list_dirs(r->s);
	store_watch_volumes(r->s);
	store_commit(r->s);
	return 0;
}

static void run_step(struct reactor_msg *msg)
{
	struct replace *r = container_of(msg, struct replace, msg);
	int result = 0;

	/* After a failure the store may have no volumes for a while, or others than before. */
	if (!r->s->io || !stripe_is(r->s->io))
		result = -ENODEV;
	else
		switch (r->step) {
		case STEP_BEGIN: result = begin(r); break;
		case STEP_SETTLE: stripe_rebuild_settle(r->s->io, &r->window); break;
		case STEP_WINDOW:
			result = stripe_rebuild_window(r->s->io, &r->window);
			/* All copied: the next commit makes it count. */
			if (!result)
				store_commit(r->s);
		}
	pthread_mutex_lock(&r->lock);
	r->result = result;
	r->answered = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

/* --- on its own ----------------------------------------------------------------------------- */

static int ask(struct replace *r, enum step step)
{
	r->step = step;
	r->answered = false;
	r->msg.run = run_step;
	reactor_post(r->s->reactor, &r->msg);
	pthread_mutex_lock(&r->lock);
	while (!r->answered)
		pthread_cond_wait(&r->cond, &r->lock);
	int result = r->result;

	pthread_mutex_unlock(&r->lock);
	return result;
}

/* A file that is there must be this very volume's, from before. */
static int check_own(const struct replace *r, struct storage_io *io, const char *path,
		     struct errmsg *em)
{
	const struct format_super *want = stripe_super(r->s->io);
	struct format_super have;
	int err = volume_read_super(io, path, &have, em);

	if (err)
		return errmsg_set(em, -EEXIST,
				  "%s is there and is no volume of this store: remove "
				  "it, or name another directory",
				  path);
	if (memcmp(have.store_uuid, want->store_uuid, 16) || have.volume_index != r->volume)
		return errmsg_set(em, -EEXIST,
				  "%s belongs to another store, or is another volume: "
				  "remove it, or name another directory",
				  path);
	return 0;
}

static int write_super(struct replace *r, struct storage_io *io)
{
	struct format_super s = *stripe_super(r->s->io);
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);
	int err = block ? volume_random(r->uuid, sizeof(r->uuid)) : -ENOMEM;

	if (err)
		return err;
	r->uuid[6] = (r->uuid[6] & 0x0f) | 0x40;
	r->uuid[8] = (r->uuid[8] & 0x3f) | 0x80;
	memcpy(s.volume_uuid, r->uuid, sizeof(s.volume_uuid));
	s.volume_index = r->volume;
	format_super_encode(block, &s);
	err = io->ops->write_sync(io, block, DISK_BLOCK, DISK_SUPER_A);
	if (!err)
		err = io->ops->write_sync(io, block, DISK_BLOCK, DISK_SUPER_B);
	return err ? err : io->ops->flush_sync(io);
}

/* The file on the new disk, with its superblocks; nothing counts yet. */
static int prepare(struct replace *r, const char *path, struct errmsg *em)
{
	const struct format_super *super = stripe_super(r->s->io);
	struct storage_io *io;
	bool made = false;

	if (mkdir(r->dir, 0750) && errno != EEXIST)
		return errmsg_set(em, -errno, "cannot make directory %s: %s", r->dir,
				  strerror(errno));
	int err = storage_io_uring.open(NULL, path, STORAGE_IO_WRITE | STORAGE_IO_LOCK, NULL, &io,
					em);

	if (err == -ENOENT) {
		made = true;
		err = storage_io_uring.open(NULL, path,
					    STORAGE_IO_WRITE | STORAGE_IO_CREATE | STORAGE_IO_LOCK,
					    NULL, &io, em);
	}
	if (err)
		return err;
	if (!made)
		err = check_own(r, io, path, em);
	if (!err && io->size < super->volume_bytes) {
		err = io->ops->resize(io, super->volume_bytes, true);
		if (err)
			errmsg_set(em, err, "%s: no space for %llu MiB: %s", path,
				   (unsigned long long)(super->volume_bytes >> 20), strerror(-err));
	}
	if (!err) {
		err = write_super(r, io);
		if (err)
			errmsg_set(em, err, "cannot write %s: %s", path, strerror(-err));
	}
	io->ops->close(io);
	if (err && made)
		unlink(path);
	return err;
}

static void pause_for(const struct replace *r, size_t bytes, int64_t begun_ns)
{
	uint64_t rate = atomic_load_explicit(&r->rate, memory_order_relaxed);
	int64_t ns = rate ? (int64_t)((double)bytes / (double)rate * (double)NSEC_PER_SEC) : 0;

	ns -= monotime_now() - begun_ns;
	if (ns > 0)
		nanosleep(&(struct timespec){ns / NSEC_PER_SEC, ns % NSEC_PER_SEC}, NULL);
}

static int copy_all(struct replace *r, struct storage_io *from, struct storage_io *to,
		    struct errmsg *em)
{
	CLEANUP_FREE uint8_t *mem = volume_alloc(stripe_rebuild_memory(from));

	if (!mem)
		return errmsg_set(em, -ENOMEM, "no memory to rebuild");
	while (!atomic_load(&r->stop)) {
		int64_t begun = monotime_now();
		int got = ask(r, STEP_WINDOW);

		if (got == -ENODEV)
			return 0; /* it counts, or was given up: its state tells */
		if (!got) {
			nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
			continue;
		}
		int err = stripe_rebuild_copy(from, &r->window, to, mem);

		if (err == -EIO && !atomic_load(&r->stop)) {
			/* Another volume refuses to be read; it may be that it was just given up.
			 */
			(void)from->ops->refresh(from);
			err = stripe_rebuild_copy(from, &r->window, to, mem);
		}
		if (err)
			return errmsg_set(em, err, "cannot copy to %s at offset %llu: %s", r->dir,
					  (unsigned long long)r->window.from, strerror(-err));
		(void)ask(r, STEP_SETTLE);
		pause_for(r, (size_t)(r->window.to - r->window.from), begun);
	}
	return 0;
}

static int rebuild(struct replace *r, struct errmsg *em)
{
	struct storage_io *from = NULL, *to = NULL;
	char path[VOLUME_PATH_MAX], first[VOLUME_PATH_MAX];
	int err = volume_path(r->dir, r->volume, path);

	if (err)
		return errmsg_set(em, err, "%s: the path is too long", r->dir);
	if (!r->resume) {
		err = prepare(r, path, em);
		if (!err)
			err = storage_io_uring.open(NULL, path, STORAGE_IO_WRITE | STORAGE_IO_LOCK,
						    r->s->reactor, &r->writer, em);
		if (!err) {
			err = ask(r, STEP_BEGIN);
			if (err)
				errmsg_set(em, err, "cannot begin to rebuild onto %s: %s", r->dir,
					   strerror(-err));
		}
	}
	if (!err)
		err = volume_open(r->dirs, &storage_io_uring, NULL, 0, NULL, &from, first, em);
	if (!err)
		err = storage_io_uring.open(NULL, path, STORAGE_IO_WRITE, NULL, &to, em);
	if (!err)
		err = copy_all(r, from, to, em);
	if (from)
		from->ops->close(from);
	if (to)
		to->ops->close(to);
	if (r->writer)
		r->writer->ops->close(r->writer);
	return err;
}

static void *thread_main(void *arg)
{
	struct replace *r = arg;
	struct errmsg em = {""};

	(void)syscall(SYS_ioprio_set, 1, 0, IOPRIO_IDLE);
	int err = rebuild(r, &em);

	pthread_mutex_lock(&r->lock);
	if (err)
		r->failed = em;
	pthread_mutex_unlock(&r->lock);
	atomic_store(&r->ended, true);
	return NULL;
}

/* --- beginning and end ---------------------------------------------------------------------- */

static void reap(struct store *s)
{
	struct replace *r = s->replace;

	pthread_join(r->thread, NULL);
	if (*r->failed.text)
		s->replace_failed = r->failed;
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->cond);
	pthread_mutex_lock(&s->lock);
	s->replace = NULL;
	pthread_mutex_unlock(&s->lock);
	free(r);
}

static int launch(struct store *s, unsigned volume, const char *dir, bool resume, struct errmsg *em)
{
	struct replace *r = calloc(1, sizeof(*r));

	if (!r)
		return errmsg_set(em, -ENOMEM, "no memory to rebuild");
	r->s = s;
	r->volume = volume;
	r->resume = resume;
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	memcpy(r->dirs, s->dir, sizeof(r->dirs));
	atomic_init(&r->rate, s->replace_rate);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->cond, NULL);
	s->replace_failed.text[0] = 0;
	int err = pthread_create(&r->thread, NULL, thread_main, r);

	if (err) {
		pthread_mutex_destroy(&r->lock);
		pthread_cond_destroy(&r->cond);
		free(r);
		return errmsg_set(em, -err, "cannot start a thread to rebuild: %s", strerror(err));
	}
	pthread_mutex_lock(&s->lock);
	s->replace = r;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Which volume: that of `old`, or the first that does not count. */
static int choose(struct store *s, const char *old, const char *dir, unsigned *volume,
		  struct errmsg *em)
{
	CLEANUP_FREE struct stripe_status *st = calloc(1, sizeof(*st));

	if (!st)
		return errmsg_set(em, -ENOMEM, "no memory to rebuild");
	stripe_status(s->io, st);
	for (unsigned v = 0; v < st->volumes; v++)
		if (st->volume[v].state == STRIPE_OK && !strcmp(dir, st->volume[v].dir))
			return errmsg_set(em, -EINVAL,
					  "%s holds volume %u already: each volume needs a disk of "
					  "its own",
					  dir, v);
	for (unsigned v = 0; v < st->volumes; v++) {
		bool it = old ? !strcmp(old, st->volume[v].dir) : st->volume[v].state != STRIPE_OK;

		if (!it)
			continue;
		if (st->volume[v].state == STRIPE_OK && st->missing >= st->parity)
			return errmsg_set(
				em, -ENODEV,
				"%s cannot be left out: no disk more may be lost; replace "
				"what is missing first",
				old);
		*volume = v;
		return 0;
	}
	return old ? errmsg_set(em, -EINVAL, "%s is no directory of this store", old)
		   : errmsg_set(em, -EINVAL,
				"no volume is missing; to exchange one that is there "
				"use `matlang store replace OLD NEW`");
}

int replace_start(struct store *s, const char *old, const char *dir, struct errmsg *em)
{
	unsigned volume = 0;

	if (!s->io || !stripe_is(s->io) || !s->super.parity_count)
		return errmsg_set(em, -EINVAL, "the store has no parity to rebuild from");
	if (s->replace && atomic_load(&s->replace->ended))
		reap(s);
	if (s->replace)
		return errmsg_set(em, -EBUSY, "a rebuild onto %s is under way", s->replace->dir);
	if (!*dir || strlen(dir) >= sizeof(s->replace->dir) || strchr(dir, ','))
		return errmsg_set(em, -EINVAL, "'%s' is no name of one directory", dir);
	int err = choose(s, old, dir, &volume, em);

	return err ? err : launch(s, volume, dir, false, em);
}

int replace_resume(struct store *s, struct errmsg *em)
{
	struct stripe_status *st;
	uint64_t done, total;
	unsigned volume;
	int err;

	if (!stripe_is(s->io) || !stripe_rebuild_progress(s->io, &volume, &done, &total))
		return 0;
	st = calloc(1, sizeof(*st));
	if (!st)
		return errmsg_set(em, -ENOMEM, "no memory to rebuild");
	stripe_status(s->io, st);
	err = launch(s, volume, st->volume[volume].dir, true, em);
	free(st);
	return err;
}

void replace_stop(struct store *s)
{
	struct replace *r = s->replace;

	if (!r)
		return;
	atomic_store(&r->stop, true);
	/* It may be waiting for a step of ours. */
	while (!atomic_load(&r->ended))
		if (reactor_turn(s->reactor, WAIT_NS))
			break;
	reap(s);
}

void replace_set_rate(struct store *s, uint64_t bytes_per_s)
{
	s->replace_rate = bytes_per_s;
	if (s->replace)
		atomic_store_explicit(&s->replace->rate, bytes_per_s, memory_order_relaxed);
}

const char *store_dirs(const struct store *s)
{
	return s->dir;
}

void replace_stats(const struct store *cs, struct replace_stats *out)
{
	struct store *s = (struct store *)(uintptr_t)cs; /* for its lock only */

	*out = (struct replace_stats){0};
	pthread_mutex_lock(&s->lock);
	if (s->replace) {
		struct replace *r = s->replace;

		out->running = !atomic_load(&r->ended);
		out->volume = r->volume;
		memcpy(out->dir, r->dir, sizeof(out->dir));
		pthread_mutex_lock(&r->lock);
		memcpy(out->failed, r->failed.text, sizeof(out->failed));
		pthread_mutex_unlock(&r->lock);
	} else {
		memcpy(out->failed, s->replace_failed.text, sizeof(out->failed));
	}
	pthread_mutex_unlock(&s->lock);
	if (s->io && stripe_is(s->io))
		(void)stripe_rebuild_progress(s->io, &out->volume, &out->done, &out->total);
}
