/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/reactor.h"

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

/* When this many completions came in one turn, the next one waits for as many (at most
 * BATCH_MOST), but no longer than BATCH_WAIT_NS: short against a camera's period, and against the
 * slots and gather buffers that fill meanwhile. */
#define BATCH_LEAST   4u
#define BATCH_MOST    64u
#define BATCH_WAIT_NS (4 * NSEC_PER_MSEC)
/* Whoever asked for something a moment ago asks again: no waiting in batches for so long. */
#define HURRY_NS (50 * NSEC_PER_MSEC)

#define REACTOR_ENTRIES_MAX 4096
#define REACTOR_BUFFERS     4096 /* places in the registered-buffer table */
#define REACTOR_BUFFER_MAX  ((size_t)1 << 30)
#define TIMERS_FIRST        64

struct reactor {
	unsigned batch; /* completions of the last turn */
	struct io_uring ring;
	bool enabled;              /* the ring belongs to the thread that ran the first turn */
	int failed;                /* -errno that ends every later turn; 0: none */
	struct io_uring_sqe scrap; /* takes what is prepared after a failure */

	/* 1-based binary heap by deadline. */
	struct reactor_timer **heap;
	size_t ntimers, heap_size;

	bool sparse; /* the kernel made the buffer table */
	unsigned nfree;
	uint16_t *free_buffers; /* stack of free places in it */

	struct reactor_op wake_op;
	int wake_fd; /* eventfd; readable: there are messages, or it is time to stop */
	atomic_bool stop;
	/* protects: messages */
	pthread_mutex_t lock;
	struct list messages;

	/* No waiting in batches before this time. Relaxed: a late sight of it costs BATCH_WAIT_NS.
	 */
	_Atomic int64_t hurry_until_ns;

	/* Address of an object of the thread inside run or turn, NULL outside. Relaxed: a thread
	 * finds its own address here only if it stored it itself. */
	_Atomic(const void *) runner;

	/* Counters; relaxed: each is right by itself, they need not agree with one another. */
	_Atomic uint64_t turns, completions, msgs, fired, registered, max_turn_ns;
};

/* One object a thread: its address is the thread's name. */
static _Thread_local const char this_thread = 0;

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

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

static int init_tables(struct reactor *r)
{
	r->heap_size = TIMERS_FIRST;
	r->heap = calloc(r->heap_size + 1, sizeof(r->heap[0]));
	r->free_buffers = calloc(REACTOR_BUFFERS, sizeof(r->free_buffers[0]));
	if (!r->heap || !r->free_buffers)
		return -ENOMEM;
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake_fd < 0)
		return -errno;
	/* A kernel without sparse tables (before 5.19) costs WRITE_FIXED, nothing else. */
	r->sparse = io_uring_register_buffers_sparse(&r->ring, REACTOR_BUFFERS) == 0;
	while (r->sparse && r->nfree < REACTOR_BUFFERS) {
		r->free_buffers[r->nfree] = (uint16_t)(REACTOR_BUFFERS - 1 - r->nfree);
		r->nfree++;
	}
	return 0;
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
	err = init_tables(r);
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

		count(&r->msgs, 1);
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

/* --- timers -------------------------------------------------------------------------------- */

static void heap_put(struct reactor *r, size_t pos, struct reactor_timer *t)
{
	r->heap[pos] = t;
	t->heap_pos = pos;
}

static void heap_up(struct reactor *r, size_t pos)
{
	struct reactor_timer *t = r->heap[pos];

	for (; pos > 1 && r->heap[pos / 2]->deadline_ns > t->deadline_ns; pos /= 2)
		heap_put(r, pos, r->heap[pos / 2]);
	heap_put(r, pos, t);
}

static void heap_down(struct reactor *r, size_t pos)
{
	struct reactor_timer *t = r->heap[pos];

	for (size_t child; (child = 2 * pos) <= r->ntimers; pos = child) {
		if (child < r->ntimers &&
		    r->heap[child + 1]->deadline_ns < r->heap[child]->deadline_ns)
			child++;
		if (r->heap[child]->deadline_ns >= t->deadline_ns)
			break;
		heap_put(r, pos, r->heap[child]);
	}
	heap_put(r, pos, t);
}

void reactor_timer_arm(struct reactor *r, struct reactor_timer *t, int64_t deadline_ns)
{
	if (!t->heap_pos) {
		if (r->ntimers == r->heap_size) {
			size_t size = 2 * r->heap_size;
			void *heap = realloc(r->heap, (size + 1) * sizeof(r->heap[0]));

			if (!heap) {
				r->failed = -ENOMEM; /* a timer must not be forgotten in silence */
				return;
			}
			r->heap = heap;
			r->heap_size = size;
		}
		t->deadline_ns = deadline_ns;
		heap_put(r, ++r->ntimers, t);
	}
	t->deadline_ns = deadline_ns;
	heap_up(r, t->heap_pos);
	heap_down(r, t->heap_pos);
}

void reactor_timer_disarm(struct reactor *r, struct reactor_timer *t)
{
	size_t pos = t->heap_pos;
	struct reactor_timer *last;

	if (!pos)
		return;
	t->heap_pos = 0;
	last = r->heap[r->ntimers--];
	if (last == t)
		return;
	heap_put(r, pos, last);
	heap_up(r, pos);
	heap_down(r, last->heap_pos);
}

/* At most as many as are armed now: a timer that arms itself again in the past has its turn in
 * the next round, after the completions. */
static void fire_timers(struct reactor *r)
{
	int64_t now;

	if (!r->ntimers)
		return;
	now = monotime_now();
	for (size_t n = r->ntimers; n && r->ntimers && r->heap[1]->deadline_ns <= now; n--) {
		struct reactor_timer *t = r->heap[1];

		reactor_timer_disarm(r, t);
		count(&r->fired, 1);
		t->fire(t);
	}
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
		count(&r->completions, 1);
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
		fire_timers(r);
		took = monotime_now() - start;
		count(&r->turns, 1);
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

/* --- registered buffers -------------------------------------------------------------------- */

static int update_buffer(struct reactor *r, unsigned index, void *addr, size_t len)
{
	struct iovec iov = {.iov_base = addr, .iov_len = len};
	__u64 tag = 0;
	int n = io_uring_register_buffers_update_tag(&r->ring, index, &iov, &tag, 1);

	return n == 1 ? 0 : n < 0 ? n : -EINVAL;
}

int reactor_buffer_register(struct reactor *r, void *addr, size_t len, int *out_index)
{
	unsigned index;
	int err;

	if (!addr || !len || len > REACTOR_BUFFER_MAX ||
	    (uintptr_t)addr % (uintptr_t)sysconf(_SC_PAGESIZE))
		return -EINVAL;
	if (!r->sparse)
		return -EOPNOTSUPP;
	if (!r->nfree)
		return -ENOSPC;
	index = r->free_buffers[r->nfree - 1];
	err = update_buffer(r, index, addr, len);
	if (err)
		return err;
	r->nfree--;
	count(&r->registered, 1);
	*out_index = (int)index;
	return 0;
}

void reactor_buffer_unregister(struct reactor *r, int index)
{
	if (index < 0)
		return;
	/* Emptying a place allocates a little in the kernel. If even that fails the place is given
	 * up and its memory stays pinned until the ring goes: never handed out twice. */
	if (update_buffer(r, (unsigned)index, NULL, 0) == 0)
		r->free_buffers[r->nfree++] = (uint16_t)index;
	atomic_fetch_sub_explicit(&r->registered, 1, memory_order_relaxed);
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
