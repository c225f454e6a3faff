/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reactor: one thread, one io_uring (SINGLE_ISSUER | DEFER_TASKRUN where the kernel has them),
 * one loop. It polls cameras, submits the log's writes and runs timers. Nothing that can block for
 * long may run here.
 *
 * Threads: everything is for the reactor's own thread, except reactor_post, reactor_hurry,
 * reactor_stop and reactor_stats, which any thread may call. The own thread is the one of the first
 * reactor_turn or reactor_run; before that, the creating thread may prepare operations, arm timers
 * and register buffers. Turns on two threads are an error (-EEXIST from the kernel), so a reactor
 * that was turned on the main thread is run there too.
 *
 * What the ring orders: a thread that posts is ordered before msg->run (a mutex), an operation's
 * preparation before its `done` (one thread does both). Memory that the kernel fills or reads is
 * invisible to ThreadSanitizer, which therefore needs no annotation for it.
 */
#ifndef CORE_REACTOR_H
#define CORE_REACTOR_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/list.h"

struct reactor;

/* One operation in flight; embedded in its owner, which keeps it alive until `done` has run for
 * the last completion (no IORING_CQE_F_MORE in `cqe_flags`). */
struct reactor_op {
	void (*done)(struct reactor_op *op, int res, uint32_t cqe_flags);
};

/* A message from another thread: embedded, owned by the sender until `run` is called on the
 * reactor thread (which may free it). Order per sender is kept. */
struct reactor_msg {
	struct list link;
	void (*run)(struct reactor_msg *msg);
};

/* A one-shot timer; embedded, zero-initialised by the owner with `fire` set. */
struct reactor_timer {
	void (*fire)(struct reactor_timer *t);
	int64_t deadline_ns; /* CLOCK_MONOTONIC; valid while armed */
	size_t heap_pos;     /* 1-based place in the reactor's heap; 0: not armed */
};

/*
 * Creates the ring. `entries`: submission slots (the completion ring is 4 times that).
 * Errors with message: -ENOSYS (kernel without io_uring or sysctl kernel.io_uring_disabled),
 * -ENOMEM (memlock limit; the message names it), -EINVAL.
 */
int reactor_create(struct reactor **out, unsigned entries, struct errmsg *em) MUST_CHECK;
/* Only after reactor_run has returned (or was never called), when no op is in flight. NULL is fine.
 */
void reactor_destroy(struct reactor *r);

/* Runs until reactor_stop. Returns 0, or -errno when the ring itself fails. */
int reactor_run(struct reactor *r) MUST_CHECK;
/* One turn: submits, waits up to `timeout_ns` (0: does not wait; <0: for ever) for something to
 * do, runs it. For tests and start-up. Returns 0 or -errno. */
int reactor_turn(struct reactor *r, int64_t timeout_ns) MUST_CHECK;
/* Any thread, and signal handlers. reactor_run returns after the current turn; when it is not
 * running, the next reactor_run returns at once. The reactor must outlive the call. */
void reactor_stop(struct reactor *r);

/* Any thread: have msg->run called on the reactor thread. */
void reactor_post(struct reactor *r, struct reactor_msg *msg);
/* Any thread, before it posts what a person or another thread waits for: under load the reactor
 * gathers completions for some milliseconds before it looks at them; for a moment from now on it
 * does not, so that a sequence of questions is answered at its own pace. */
void reactor_hurry(struct reactor *r);
/* True on the thread inside reactor_run/reactor_turn. */
bool reactor_is_current(const struct reactor *r);

/* A submission entry whose completion goes to `op` (NULL: the completion is ignored). Never NULL:
 * when the queue is full what is there is submitted first. It comes zeroed but for
 * user_data, which io_uring_prep_* leaves alone: prepare it at once; submission happens when the
 * next turn begins. Before the first turn, prepare fewer than `entries`: one more would have to
 * submit, and so bind the ring to the calling thread. */
struct io_uring_sqe *reactor_sqe(struct reactor *r, struct reactor_op *op);

/* Asks for cancellation of everything in flight for `op`; its `done` still runs (-ECANCELED, or
 * its result if that was faster). */
void reactor_cancel(struct reactor *r, struct reactor_op *op);

/* Arms (or moves) a timer to an absolute CLOCK_MONOTONIC time. */
void reactor_timer_arm(struct reactor *r, struct reactor_timer *t, int64_t deadline_ns);
/* Harmless when not armed. */
void reactor_timer_disarm(struct reactor *r, struct reactor_timer *t);

/*
 * Registers memory with the ring for READ_FIXED/WRITE_FIXED. `addr` page-aligned, at most 1 GiB.
 * Memory stays pinned until unregistered. On success *out_index is what frame.buf_index and
 * sqe->buf_index want. Errors: -ENOSPC (table full), -EOPNOTSUPP/-EFAULT (this kernel cannot
 * register this kind of memory), -ENOMEM (memlock limit).
 */
int reactor_buffer_register(struct reactor *r, void *addr, size_t len, int *out_index) MUST_CHECK;
/* Only when no operation on the buffer is in flight. `index` < 0 is ignored. */
void reactor_buffer_unregister(struct reactor *r, int index);

/* Counters for the `reactor/` control files. Any thread, relaxed. */
struct reactor_stats {
	uint64_t turns, completions, messages, timers, buffers_registered;
	uint64_t max_turn_ns; /* longest time one turn kept the loop from waiting again */
};
void reactor_stats(const struct reactor *r, struct reactor_stats *out);

#endif
