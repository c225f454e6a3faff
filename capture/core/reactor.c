/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/monotime.h"
#include "capture/core/reactor_impl.h"

/* When this many completions came in one turn, the next one waits for as many (at most
 * BATCH_MOST), but no longer than BATCH_WAIT_NS: short against a camera's period, and against the
 * slots and gather buffers that fill meanwhile. */
#define BATCH_LEAST   4u
#define BATCH_MOST    64u
#define BATCH_WAIT_NS (4 * NSEC_PER_MSEC)
/* Whoever asked for something a moment ago asks again: no waiting in batches for so long. */
#define HURRY_NS (50 * NSEC_PER_MSEC)

#define REACTOR_ENTRIES_MAX 4096

/* One object a thread: its address is the thread's name. */
static _Thread_local const char this_thread = 0;

/* --- creation ------------------------------------------------------------------------------ */

static int explain_setup(struct errmsg *em, int err)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	int disabled = 0;

	switch (err) {
	case -EPERM:
		f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
		if (f && fscanf(f, "%d", &disabled) == 1 && disabled > 0)
			return errmsg_set(em, -ENOSYS,
					  "io_uring is switched off on this machine: set sysctl "
					  "kernel.io_uring_disabled=0");
		return errmsg_set(em, -ENOSYS,
				  "io_uring is forbidden to this process by a system call filter: "
				  "allow it in the container's seccomp profile or the unit's "
				  "SystemCallFilter");
	case -ENOSYS:
		return errmsg_set(em, -ENOSYS,
				  "this kernel has no io_uring, or a system call filter hides it: "
				  "run Linux 6.1 or later and allow io_uring in the container's "
				  "seccomp profile");
	case -ENOMEM:
		return errmsg_set(em, -ENOMEM,
				  "io_uring: out of memory, or the limit on locked memory is too "
				  "low: raise it (ulimit -l, LimitMEMLOCK=infinity)");
	default: return errmsg_set(em, err, "io_uring cannot be set up: %s", strerror(-err));
	}
}

/* The ring is made disabled, so that it binds to the thread of the first turn, not to the
 * creator. Flags that the kernel does not know are dropped, the youngest first. */
static int setup_ring(struct io_uring *ring, unsigned entries)
{
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		0,
	};
	int err = -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(flags) && err == -EINVAL; i++) {
		struct io_uring_params p = {
			.flags = flags[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
			.cq_entries = 4 * entries,
		};

		err = io_uring_queue_init_params(entries, ring, &p);
	}
	return err;
}

static void wake_done(struct reactor_op *op, int res, uint32_t cqe_flags);

/* Level-triggered and one-shot: whatever was signalled before it is armed completes it at once. */
static void arm_wake(struct reactor *r)
{
	io_uring_prep_poll_add(reactor_sqe(r, &r->wake_op), r->wake_fd, POLLIN);
}

static int init_parts(struct reactor *r)
{
	int err = reactor_timers_init(r);

	if (err)
		return err;
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return r->wake_fd < 0 ? -errno : reactor_buffers_init(r);
}

int reactor_create(struct reactor **out, unsigned entries, struct errmsg *em)
{
	struct reactor *r;
	int err;

	if (entries < 1 || entries > REACTOR_ENTRIES_MAX)
		return errmsg_set(em, -EINVAL, "reactor: %u entries asked for, want 1..%d", entries,
				  REACTOR_ENTRIES_MAX);
	r = calloc(1, sizeof(*r));
	if (!r)
		return errmsg_set(em, -ENOMEM, "reactor: out of memory");
	list_init(&r->messages);
	r->wake_fd = -1;
	r->wake_op.done = wake_done;
	err = setup_ring(&r->ring, entries);
	if (err) {
		free(r);
		return explain_setup(em, err);
	}
	err = -pthread_mutex_init(&r->lock, NULL);
	if (err) {
		io_uring_queue_exit(&r->ring);
		free(r);
		return errmsg_set(em, err, "reactor: %s", strerror(-err));
	}
	err = init_parts(r);
	if (err) {
		reactor_destroy(r);
		return errmsg_set(em, err, "reactor: %s", strerror(-err));
	}
	arm_wake(r);
	*out = r;
	return 0;
}

void reactor_destroy(struct reactor *r)
{
	if (!r)
		return;
	io_uring_queue_exit(&r->ring);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r->heap);
	free(r->free_buffers);
	free(r);
}

/* --- messages ------------------------------------------------------------------------------ */

static void signal_wake(struct reactor *r)
{
	const uint64_t one = 1;

	/* The only failure is EAGAIN on a full counter, and that is readable already. */
	while (write(r->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/*
 * No message is left behind: a sender that finds the list empty signals after it has put its
 * message there, and here the signal is taken before the list is. So a message that this turn does
 * not see was put on an empty list, and its signal is still to come.
 */
static void wake_done(struct reactor_op *op, int res, uint32_t cqe_flags)
{
	struct reactor *r = container_of(op, struct reactor, wake_op);
	struct list batch, *link;
	uint64_t sum;

	(void)cqe_flags;
	if (res < 0) {
		r->failed = res; /* deaf: better to stop than to lose messages */
		return;
	}
	while (read(r->wake_fd, &sum, sizeof(sum)) < 0 && errno == EINTR)
		;

	list_init(&batch);
	pthread_mutex_lock(&r->lock);
	if (!list_empty(&r->messages)) {
		list_insert(&r->messages, &batch);
		list_remove(&r->messages);
	}
	pthread_mutex_unlock(&r->lock);

	while ((link = list_pop(&batch))) {
		struct reactor_msg *msg = list_entry(link, struct reactor_msg, link);

		reactor_count(&r->msgs, 1);
		msg->run(msg);
	}
	arm_wake(r);
}

void reactor_post(struct reactor *r, struct reactor_msg *msg)
{
	bool first;

	pthread_mutex_lock(&r->lock);
	first = list_empty(&r->messages);
	list_append(&r->messages, &msg->link);
	/* Signalled under the lock: once it is free the reactor may run the message, and the
	 * message may be the one after which the reactor is destroyed. */
	if (first)
		signal_wake(r);
	pthread_mutex_unlock(&r->lock);
}

void reactor_hurry(struct reactor *r)
{
	atomic_store_explicit(&r->hurry_until_ns, monotime_now() + HURRY_NS, memory_order_relaxed);
}

void reactor_stop(struct reactor *r)
{
	/* release: what the caller wrote before is seen by whoever reactor_run returns to. */
	atomic_store_explicit(&r->stop, true, memory_order_release);
	signal_wake(r);
}

bool reactor_is_current(const struct reactor *r)
{
	return atomic_load_explicit(&r->runner, memory_order_relaxed) == &this_thread;
}

/* --- the loop ------------------------------------------------------------------------------ */

/* By system call: the shared library of liburing 2.3 (Debian 12) does not export
 * io_uring_enable_rings. */
static int enable(struct reactor *r)
{
	if (r->enabled)
		return 0;
	if (syscall(SYS_io_uring_register, r->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0))
		return -errno;
	r->enabled = true;
	return 0;
}

/* What a call to the ring may say without harm: nothing came in time, a signal, or the completion
 * ring is full (EBUSY) or memory short (EAGAIN); the turn that follows makes room. */
static bool harmless(int err)
{
	return err >= 0 || err == -ETIME || err == -EINTR || err == -EBUSY || err == -EAGAIN;
}

static bool in_a_hurry(struct reactor *r)
{
	return atomic_load_explicit(&r->hurry_until_ns, memory_order_relaxed) > monotime_now();
}

static int submit_and_wait(struct reactor *r, int64_t timeout_ns)
{
	struct io_uring_cqe *cqe;
	struct __kernel_timespec ts;
	unsigned want = 1;

	if (r->ntimers) {
		int64_t left = r->heap[1]->deadline_ns - monotime_now();

		if (left < 0)
			left = 0;
		if (timeout_ns < 0 || left < timeout_ns)
			timeout_ns = left;
	}
	if (timeout_ns == 0 || io_uring_cq_ready(&r->ring))
		return io_uring_submit_and_get_events(&r->ring);
	/* Under load, a wake-up for every completion costs more than the completion: wait for about
	 * as many as came last time, a moment at the most. */
	if (r->batch >= BATCH_LEAST && !in_a_hurry(r)) {
		want = r->batch < BATCH_MOST ? r->batch : BATCH_MOST;
		if (timeout_ns < 0 || timeout_ns > BATCH_WAIT_NS)
			timeout_ns = BATCH_WAIT_NS;
	}
	if (timeout_ns < 0)
		return io_uring_submit_and_wait(&r->ring, 1);
	ts.tv_sec = timeout_ns / NSEC_PER_SEC;
	ts.tv_nsec = timeout_ns % NSEC_PER_SEC;
	return io_uring_submit_and_wait_timeout(&r->ring, &cqe, want, &ts, NULL);
}

/* Those that are there now; what they cause waits for the next turn, so that timers come to theirs.
 */
static void run_completions(struct reactor *r)
{
	unsigned n = io_uring_cq_ready(&r->ring);
	struct io_uring_cqe *cqe;

	r->batch = n;
	for (unsigned i = 0; i < n && io_uring_peek_cqe(&r->ring, &cqe) == 0; i++) {
		struct reactor_op *op = io_uring_cqe_get_data(cqe);
		uint32_t flags = cqe->flags;
		int res = cqe->res;

		/* Given back first: `done` may submit, and the kernel then needs the room. */
		io_uring_cqe_seen(&r->ring, cqe);
		reactor_count(&r->completions, 1);
		if (op)
			op->done(op, res, flags);
	}
}

int reactor_turn(struct reactor *r, int64_t timeout_ns)
{
	const void *outer = atomic_load_explicit(&r->runner, memory_order_relaxed);
	int64_t start, took;
	int err = r->failed;

	if (!err)
		err = enable(r);
	if (err)
		return err;

	atomic_store_explicit(&r->runner, &this_thread, memory_order_relaxed);
	err = submit_and_wait(r, timeout_ns);
	if (harmless(err)) {
		start = monotime_now();
		run_completions(r);
		reactor_timers_fire(r);
		took = monotime_now() - start;
		reactor_count(&r->turns, 1);
		if ((uint64_t)took > atomic_load_explicit(&r->max_turn_ns, memory_order_relaxed))
			atomic_store_explicit(&r->max_turn_ns, (uint64_t)took,
					      memory_order_relaxed);
		err = r->failed;
	}
	atomic_store_explicit(&r->runner, outer, memory_order_relaxed);
	return err;
}

int reactor_run(struct reactor *r)
{
	int err = r->failed ? r->failed : enable(r);
	bool registered;

	if (err)
		return err;
	/* Saves looking the descriptor up in each call; it holds for this thread only, so it goes
	 * when the thread leaves. A kernel without it loses nothing but that. */
	registered = io_uring_register_ring_fd(&r->ring) == 1;
	atomic_store_explicit(&r->runner, &this_thread, memory_order_relaxed);
	/* acquire: pairs with reactor_stop. A stop that came before the run counts. */
	while (!err && !atomic_exchange_explicit(&r->stop, false, memory_order_acquire))
		err = reactor_turn(r, -1);
	atomic_store_explicit(&r->runner, NULL, memory_order_relaxed);
	if (registered)
		io_uring_unregister_ring_fd(&r->ring);
	return err;
}

/* --- operations ---------------------------------------------------------------------------- */

struct io_uring_sqe *reactor_sqe(struct reactor *r, struct reactor_op *op)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&r->ring))) {
		int err = r->failed ? r->failed : enable(r);

		if (!err)
			err = io_uring_submit(&r->ring);
		if (!harmless(err)) {
			/* The turn reports it; nothing prepared from now on will run. */
			r->failed = err;
			sqe = &r->scrap;
			break;
		}
		if (err < 0)
			sched_yield();
	}
	memset(sqe, 0, sizeof(*sqe));
	io_uring_sqe_set_data(sqe, op);
	return sqe;
}

void reactor_cancel(struct reactor *r, struct reactor_op *op)
{
	struct io_uring_sqe *sqe = reactor_sqe(r, NULL);

	io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)op, IORING_ASYNC_CANCEL_ALL);
}

void reactor_stats(const struct reactor *r, struct reactor_stats *out)
{
	*out = (struct reactor_stats){
		.turns = atomic_load_explicit(&r->turns, memory_order_relaxed),
		.completions = atomic_load_explicit(&r->completions, memory_order_relaxed),
		.messages = atomic_load_explicit(&r->msgs, memory_order_relaxed),
		.timers = atomic_load_explicit(&r->fired, memory_order_relaxed),
		.buffers_registered = atomic_load_explicit(&r->registered, memory_order_relaxed),
		.max_turn_ns = atomic_load_explicit(&r->max_turn_ns, memory_order_relaxed),
	};
}
