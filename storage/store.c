/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public calls. */
#include "storage/append.h"
#include "storage/replace.h"
#include "storage/scrub.h"
#include "storage/stripe.h"
#include "storage/volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/minutes.h"

#define COMMIT_DEFAULT_NS NSEC_PER_SEC
#define WARN_DEFAULT_NS   (7 * 86400 * NSEC_PER_SEC)
#define RETRY_DEFAULT_NS  (5 * NSEC_PER_SEC)
#define CLOSE_TURN_NS     (100 * NSEC_PER_MSEC)

static void defaults(struct store *s, const struct store_options *o)
{
	s->commit_ns = o->commit_ns > 0 ? o->commit_ns : COMMIT_DEFAULT_NS;
	s->direct_bytes = o->direct_bytes ? o->direct_bytes : STORE_DIRECT_DEFAULT;
	s->gather_bytes = STORE_GATHER_BYTES;
	/* Small segments: several chunks each, whatever is in them. */
	if (s->gather_bytes > s->super.segment_bytes / 8)
		s->gather_bytes = s->super.segment_bytes / 8;
	s->gather_bytes = format_unit_up(&s->super, s->gather_bytes);
	s->warn_ns = o->warn_ns > 0 ? o->warn_ns : WARN_DEFAULT_NS;
	s->retry_ns = o->retry_ns > 0 ? o->retry_ns : RETRY_DEFAULT_NS;
	s->memory_bytes = o->memory_bytes ? o->memory_bytes : STORE_MEMORY_DEFAULT;
	if (s->memory_bytes < 2 * s->gather_bytes)
		s->memory_bytes = 2 * s->gather_bytes;
}

static void store_free(struct store *s)
{
	struct segment *seg, *tmp;

	list_for_each_safe (seg, tmp, &s->live, link) {
		list_remove(&seg->link);
		segment_free(seg);
	}
	while (!list_empty(&s->deferred))
		free(list_entry(list_pop(&s->deferred), struct deferred, link));
	while (!list_empty(&s->salvage))
		write_free(s, list_entry(s->salvage.next, struct write, link));
	if (s->gather)
		append_gather_put(s, s->gather);
	append_pool_destroy(s);
	if (s->io)
		s->io->ops->close(s->io);
	pthread_mutex_destroy(&s->lock);
	minutes_destroy(s->minutes);
	free(s->latency); /* after the volumes, which count into it */
	free(s->table);
	free(s->cameras);
	free(s->camera_hash);
	free(s->boots);
	locktable_free(&s->locks);
	free(s);
}

int store_open_volume(struct store *s, struct errmsg *em)
{
	char path[VOLUME_PATH_MAX];
	int err = volume_open(s->dir, s->io_ops, s->io_ctx, STORAGE_IO_WRITE | STORAGE_IO_LOCK,
			      s->reactor, &s->io, path, em);

	if (err)
		return err;
	if (stripe_is(s->io))
		s->super = *stripe_super(s->io);
	else
		err = volume_read_super(s->io, path, &s->super, em);
	if (err)
		return err;
	if (stripe_is(s->io))
		stripe_measure(s->io, s->latency);
	if (s->super.ro_compat & ~(uint64_t)DISK_RO_COMPAT_KNOWN)
		return errmsg_set(em, -EPROTO,
				  "%s: the store has features that this program can read but not "
				  "write (0x%llx): use a newer program",
				  path, (unsigned long long)s->super.ro_compat);
	return 0;
}

static int open_rest(struct store *s, const struct store_options *o, struct errmsg *em)
{
	struct monotime_sample now;

	s->io_ops = o->io ? o->io : &storage_io_uring;
	s->io_ctx = o->io ? o->io_ctx : NULL;
	int err = store_open_volume(s, em);

	if (err)
		return err;
	defaults(s, o);
	err = recover_store(s, em);
	if (err)
		return err;
	s->minutes = minutes_create(&s->super);
	if (!s->minutes)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", s->dir);
	minutes_recover(s);
	err = monotime_sample(&now);
	if (!err)
		err = boot_begin(s, &now);
	if (err)
		return errmsg_set(em, err, "%s: cannot tell the time: %s", s->dir, strerror(-err));
	s->replace_rate = STORE_REPLACE_RATE;
	s->scrub_rate = STORE_SCRUB_RATE;
	store_watch_volumes(s);
	return append_pool_create(s, em);
}

int store_open(struct store **out, const char *dir, struct reactor *r,
	       const struct store_options *o, const struct store_callbacks *cb, void *ctx,
	       struct errmsg *em)
{
	static const struct store_options none;
	struct store *s;

	if (strlen(dir) >= sizeof(s->dir))
		return errmsg_set(em, -EINVAL, "%s: the path is too long", dir);
	s = calloc(1, sizeof(*s));
	if (s)
		/* Untouched pages of it cost nothing. */
		s->latency = calloc(DISK_VOLUMES_MAX, sizeof(*s->latency));
	if (!s || !s->latency) {
		free(s);
		return errmsg_set(em, -ENOMEM, "no memory to open %s", dir);
	}
	memcpy(s->dir, dir, strlen(dir) + 1);
	s->reactor = r;
	s->ctx = ctx;
	if (cb)
		s->cb = *cb;
	s->timer.fire = commit_timer;
	s->retry.fire = revive_timer;
	pthread_mutex_init(&s->lock, NULL);
	list_init(&s->live);
	list_init(&s->deferred);
	list_init(&s->salvage);
	s->cuts = 1;
	s->held = DISK_NO_SEGMENT;
	list_init(&s->gathers_free);
	list_init(&s->writes);
	int err = open_rest(s, o ? o : &none, em);

	if (!err && !(o && o->io))
		err = replace_resume(s, em);

	if (err) {
		store_free(s);
		return err;
	}
	*out = s;
	return 0;
}

static bool busy(const struct store *s)
{
	return s->inflight || s->flushing || s->committing || s->cutting ||
	       (!s->failed &&
		(!list_empty(&s->writes) || !list_empty(&s->live) || s->checkpoint_running));
}

static void close_head(struct store *s)
{
	append_replay(s);
	append_flush(s);
	if (s->cur)
		segment_close(s);
}

/* Turns the reactor until everything is on the disk and retired. */
static int drain(struct store *s)
{
	while (busy(s)) {
		if (!s->committing && !s->cutting && !s->failed) {
			/* A failure on the way makes the log go on in another segment. */
			close_head(s);
			commit_kick(s);
		}
		int err = reactor_turn(s->reactor, CLOSE_TURN_NS);

		if (err)
			return err;
	}
	return s->failed;
}

int store_close(struct store *s)
{
	if (!s)
		return 0;
	scrub_end(s);
	replace_stop(s);
	uint64_t errors = atomic_load_explicit(&s->count.write_errors, memory_order_relaxed);
	/* A failure on the way makes the log go on in another segment: that one is closed too. */
	int err = s->failed;

	do {
		if (s->failed)
			break;
		close_head(s);
		err = drain(s);
	} while (!err && (s->cur || (salvage_waits(s) && !s->no_space)));
	if (!err && (s->last_sequence || s->checkpoint_due)) {
		s->clean = true;
		checkpoint_start(s);
		err = drain(s);
	}
	reactor_timer_disarm(s->reactor, &s->timer);
	reactor_timer_disarm(s->reactor, &s->retry);
	if (!err && atomic_load_explicit(&s->count.write_errors, memory_order_relaxed) != errors)
		err = -EIO;
	/* After a failure of the reactor itself the disk may still be reading our memory. */
	while (s->failed && (s->inflight || s->flushing) &&
	       !reactor_turn(s->reactor, CLOSE_TURN_NS))
		;
	store_free(s);
	return err;
}

int store_camera(struct store *s, const char *name, uint32_t *out_id)
{
	if (!format_camera_name_ok(name, strnlen(name, DISK_CAMERA_NAME + 1)))
		return -EINVAL;
	uint32_t id = camera_find(s, name);
	int err = id ? 0 : camera_add(s, name, &id);

	if (err)
		return err;
	*out_id = id;
	if (s->checkpoint_due)
		commit_arm(s);
	return 0;
}

int store_find_camera(const struct store *s, const char *name, uint32_t *out_id)
{
	uint32_t id = camera_find(s, name);

	if (!id)
		return -ENOENT;
	*out_id = id;
	return 0;
}

int store_append_frame(struct store *s, struct frame *f, uint64_t *position)
{
	return append_frame(s, f, position);
}

bool store_writes_direct(const struct store *s, const struct frame *f)
{
	return append_goes_direct(s, f);
}

static bool camera_known(const struct store *s, uint32_t id)
{
	return id >= 1 && id <= s->ncameras && s->cameras[id].name[0];
}

int store_append_loss(struct store *s, const struct loss *loss)
{
	if (!camera_known(s, loss->camera_id) || loss->cause <= LOSS_NONE ||
	    loss->cause >= LOSS_CAUSES)
		return -EINVAL;
	struct format_record rec = {
		.kind = RECORD_LOSS,
		.camera_id = loss->camera_id,
		.mono_ns = loss->last_mono_ns,
		.loss = *loss,
	};

	return append_record(s, &rec, NULL, NULL);
}

static int cells_bytes(uint32_t cols, uint32_t rows, uint32_t *out)
{
	uint64_t cells = (uint64_t)cols * rows;

	if (cells > DISK_CELLS_MAX)
		return -EINVAL;
	*out = (uint32_t)((cells + 7) / 8);
	return 0;
}

int store_append_motion(struct store *s, const struct record_motion *m, const void *bits)
{
	struct format_record rec = {
		.kind = RECORD_MOTION,
		.camera_id = m->camera_id,
		.mono_ns = m->mono_ns,
		.motion = *m,
	};

	if (!camera_known(s, m->camera_id) || cells_bytes(m->cols, m->rows, &rec.payload_bytes))
		return -EINVAL;
	return append_record(s, &rec, bits, NULL);
}

int store_append_event(struct store *s, const struct record_event *e, const void *cells)
{
	struct format_record rec = {
		.kind = RECORD_EVENT,
		.camera_id = e->camera_id,
		.mono_ns = e->phase == RECORD_EVENT_END ? e->end_mono_ns : e->start_mono_ns,
		.event = *e,
	};

	if (!camera_known(s, e->camera_id) || (unsigned)e->what > UINT16_MAX ||
	    (e->phase != RECORD_EVENT_START && e->phase != RECORD_EVENT_END) ||
	    cells_bytes(e->cols, e->rows, &rec.payload_bytes))
		return -EINVAL;
	return append_record(s, &rec, cells, NULL);
}

int store_append_clock(struct store *s, const struct monotime_sample *c)
{
	struct format_record rec = {
		.kind = RECORD_CLOCK,
		.mono_ns = c->mono_ns,
		.clock_sample = {.utc_ns = c->utc_ns,
				 .error_us = c->error_us,
				 .synchronised = c->synchronised},
	};
	const struct format_clock now = {.mono_ns = c->mono_ns,
					 .utc_ns = c->utc_ns,
					 .error_us = c->error_us,
					 .synchronised = c->synchronised};

	memcpy(rec.clock_sample.boot_id, c->boot_id, sizeof(rec.clock_sample.boot_id));
	bool stepped = boot_stepped(s, &now);

	s->clock = now;
	int err = boot_put(s, s->boot, s->boot_id, &now, &now);

	if (!err && stepped && !s->failed)
		err = locks_recheck_boot(s);
	return err ? err : append_record(s, &rec, NULL, NULL);
}

int store_append_note(struct store *s, uint32_t camera_id, const char *text)
{
	size_t len = strnlen(text, DISK_NOTE_MAX + 1);

	if (len > DISK_NOTE_MAX || (camera_id != RECORD_NO_CAMERA && !camera_known(s, camera_id)))
		return -EINVAL;
	struct format_record rec = {
		.kind = RECORD_NOTE,
		.camera_id = camera_id,
		.mono_ns = monotime_now(),
		.payload_bytes = (uint32_t)len,
	};

	return append_record(s, &rec, text, NULL);
}

void store_commit(struct store *s)
{
	commit_kick(s);
}

void store_set_warning(struct store *s, int64_t ns)
{
	s->warn_ns = ns > 0 ? ns : WARN_DEFAULT_NS;
	outlook_update(s);
}

void store_set_commit_interval(struct store *s, int64_t ns)
{
	s->commit_ns = ns > 0 ? ns : COMMIT_DEFAULT_NS;
}

#define LOAD(field) atomic_load_explicit(&s->count.field, memory_order_relaxed)

void store_stats(const struct store *cs, struct store_stats *out)
{
	struct store *s = (struct store *)(uintptr_t)cs; /* for its lock only */

	*out = (struct store_stats){
		.appended = LOAD(appended),
		.durable = LOAD(durable),
		.frames = LOAD(frames),
		.records = LOAD(records),
		.direct_frames = LOAD(direct_frames),
		.gathered_frames = LOAD(gathered_frames),
		.payload_bytes = LOAD(payload_bytes),
		.written_bytes = LOAD(written_bytes),
		.commits = LOAD(commits),
		.recycled_segments = LOAD(recycled),
		.write_errors = LOAD(write_errors),
		.segments = s->super.segments,
		.segments_used = (uint32_t)LOAD(used),
		.segments_locked = (uint32_t)LOAD(locked),
		.locks = (uint32_t)LOAD(locks),
		.capacity_bytes = (uint64_t)s->super.segments * s->super.segment_bytes,
		.oldest_utc_ns = LOAD(oldest_utc_ns),
		.commit_max_ns = LOAD(commit_max_ns),
		.stops_ns = LOAD(stops_ns),
		.waiting_bytes = LOAD(waiting_bytes),
		.volumes = s->super.volume_count,
		.parity = s->super.parity_count,
		.volumes_missing = (uint32_t)LOAD(volumes_missing),
	};
	pthread_mutex_lock(&s->lock);
	memcpy(out->trouble, s->trouble, sizeof(out->trouble));
	pthread_mutex_unlock(&s->lock);
}
