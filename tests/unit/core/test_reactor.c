/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/core/monotime.h"
#include "capture/core/reactor.h"

#define LIMIT (20 * NSEC_PER_SEC) /* a turn that should have something to do */

static int set_up(void **state)
{
	struct errmsg em = {""};
	struct reactor *r;

	if (reactor_create(&r, 64, &em)) {
		print_message("%s\n", em.text);
		return -1;
	}
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	reactor_destroy(*state);
	return 0;
}

/* Turns until `*n` reaches `want`. */
static void turn_until(struct reactor *r, const unsigned *n, unsigned want)
{
	int64_t end = monotime_now() + LIMIT;

	while (*n < want) {
		assert_int_equal(reactor_turn(r, NSEC_PER_SEC), 0);
		assert_true(monotime_now() < end);
	}
}

/* --- messages ------------------------------------------------------------------------------ */

#define SENDERS 4
#define EACH    5000

struct parcel {
	struct reactor_msg msg;
	unsigned sender, number;
	struct desk *desk;
};

struct desk {
	struct reactor *r;
	unsigned next[SENDERS], total, disorder, elsewhere;
	struct parcel *parcels;
};

struct sender {
	struct desk *desk;
	unsigned index;
};

static void parcel_run(struct reactor_msg *msg)
{
	struct parcel *p = container_of(msg, struct parcel, msg);
	struct desk *d = p->desk;

	d->disorder += p->number != d->next[p->sender]++;
	d->elsewhere += !reactor_is_current(d->r);
	if (++d->total == SENDERS * EACH)
		reactor_stop(d->r);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 0; i < EACH; i++) {
		struct parcel *p = &s->desk->parcels[s->index * EACH + i];

		*p = (struct parcel){{.run = parcel_run}, s->index, i, s->desk};
		reactor_post(s->desk->r, &p->msg);
		if (i % 97 == 0)
			usleep(50); /* lets the reactor fall asleep now and then */
	}
	return NULL;
}

static void *run_reactor(void *arg)
{
	return (void *)(intptr_t)reactor_run(arg);
}

/* The creating thread is not the running one, and none of the messages is lost or overtaken. */
static void messages_from_many_threads_keep_order(void **state)
{
	struct desk d = {.r = *state};
	struct sender s[SENDERS];
	pthread_t t[SENDERS], runner;
	struct reactor_stats st;
	void *err;

	d.parcels = calloc(SENDERS * EACH, sizeof(*d.parcels));
	assert_non_null(d.parcels);
	assert_int_equal(pthread_create(&runner, NULL, run_reactor, d.r), 0);
	for (unsigned i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){&d, i};
		assert_int_equal(pthread_create(&t[i], NULL, send_all, &s[i]), 0);
	}
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(t[i], NULL);
	pthread_join(runner, &err);
	assert_int_equal((intptr_t)err, 0);
	assert_int_equal(d.total, SENDERS * EACH);
	assert_int_equal(d.disorder, 0);
	assert_int_equal(d.elsewhere, 0);
	assert_false(reactor_is_current(d.r));
	reactor_stats(d.r, &st);
	assert_int_equal(st.messages, SENDERS * EACH);
	free(d.parcels);
}

struct hops {
	struct reactor_msg msg;
	struct reactor *r;
	unsigned n;
};

static void hop(struct reactor_msg *msg)
{
	struct hops *h = container_of(msg, struct hops, msg);

	if (++h->n < 100)
		reactor_post(h->r, msg);
}

static void a_message_may_post_itself_again(void **state)
{
	struct hops h = {.msg.run = hop, .r = *state};

	reactor_post(h.r, &h.msg);
	turn_until(h.r, &h.n, 100);
	assert_int_equal(h.n, 100);
}

static void a_stop_before_the_run_counts_once(void **state)
{
	struct reactor *r = *state;

	reactor_stop(r);
	assert_int_equal(reactor_run(r), 0);
	reactor_stop(r);
	assert_int_equal(reactor_run(r), 0);
}

/* With nothing to do the loop sleeps: a turn that waits is one turn, not many. */
static void an_idle_reactor_sleeps(void **state)
{
	struct reactor *r = *state;
	struct hops h = {.msg.run = hop, .r = r, .n = 98};
	struct reactor_stats a, b;
	unsigned rounds = 0;

	/* A message and a signal taken leave nothing behind that wakes it again. */
	reactor_post(r, &h.msg);
	turn_until(r, &h.n, 100);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(reactor_turn(r, 0), 0);
	reactor_stats(r, &a);
	for (int64_t end = monotime_now() + 100 * NSEC_PER_MSEC; monotime_now() < end; rounds++)
		assert_int_equal(reactor_turn(r, 100 * NSEC_PER_MSEC), 0);
	reactor_stats(r, &b);
	assert_int_equal(b.completions, a.completions);
	assert_true(rounds <= 3);
}

/* --- timers -------------------------------------------------------------------------------- */

#define TIMERS 300

struct alarm_clock {
	struct reactor_timer t;
	struct bells *bells;
	int64_t due;
};

struct bells {
	struct reactor *r;
	unsigned rung, early, disorder;
	int64_t last;
	struct alarm_clock clock[TIMERS];
};

static void ring_bell(struct reactor_timer *t)
{
	struct alarm_clock *c = container_of(t, struct alarm_clock, t);
	struct bells *b = c->bells;

	b->early += monotime_now() < c->due;
	b->disorder += c->due < b->last;
	b->last = c->due;
	b->rung++;
}

static void timers_fire_in_order_and_disarmed_ones_do_not(void **state)
{
	struct bells *b = calloc(1, sizeof(*b));
	int64_t now = monotime_now();
	unsigned seed = 1, disarmed = 0;

	assert_non_null(b);
	b->r = *state;
	for (unsigned i = 0; i < TIMERS; i++) {
		struct alarm_clock *c = &b->clock[i];

		c->t.fire = ring_bell;
		c->bells = b;
		c->due = now + 20 * NSEC_PER_MSEC + rand_r(&seed) % 50000 * NSEC_PER_USEC;
		reactor_timer_arm(b->r, &c->t, c->due);
	}
	for (unsigned i = 0; i < TIMERS; i += 3) { /* moved, earlier or later */
		struct alarm_clock *c = &b->clock[i];

		c->due = now + 20 * NSEC_PER_MSEC + rand_r(&seed) % 50000 * NSEC_PER_USEC;
		reactor_timer_arm(b->r, &c->t, c->due);
	}
	for (unsigned i = 1; i < TIMERS; i += 5, disarmed++) {
		reactor_timer_disarm(b->r, &b->clock[i].t);
		reactor_timer_disarm(b->r, &b->clock[i].t); /* harmless */
		assert_int_equal(b->clock[i].t.heap_pos, 0);
	}
	turn_until(b->r, &b->rung, TIMERS - disarmed);
	assert_int_equal(reactor_turn(b->r, 80 * NSEC_PER_MSEC), 0);
	assert_int_equal(b->rung, TIMERS - disarmed);
	assert_int_equal(b->early, 0);
	assert_int_equal(b->disorder, 0);
	free(b);
}

struct restless {
	struct reactor_timer t;
	struct reactor *r;
	unsigned n;
};

static void fire_again(struct reactor_timer *t)
{
	struct restless *a = container_of(t, struct restless, t);

	a->n++;
	reactor_timer_arm(a->r, t, 0);
}

/* A timer that is always due does not keep completions and messages from their turn. */
static void a_timer_armed_in_the_past_lets_others_run(void **state)
{
	struct restless a = {.t.fire = fire_again, .r = *state};
	struct hops h = {.msg.run = hop, .r = *state};

	reactor_timer_arm(a.r, &a.t, 0);
	reactor_post(h.r, &h.msg);
	turn_until(h.r, &h.n, 100);
	assert_true(a.n >= 1);
	reactor_timer_disarm(a.r, &a.t);
}

/* --- operations and buffers ---------------------------------------------------------------- */

struct result {
	struct reactor_op op;
	unsigned done;
	int res;
};

static void store_result(struct reactor_op *op, int res, uint32_t flags)
{
	struct result *r = container_of(op, struct result, op);

	(void)flags;
	r->res = res;
	r->done++;
}

static void more_operations_than_entries(void **state)
{
	struct result res = {.op.done = store_result};

	assert_int_equal(reactor_turn(*state, 0), 0); /* binds the ring */
	for (unsigned i = 0; i < 200; i++)
		io_uring_prep_nop(reactor_sqe(*state, i % 2 ? &res.op : NULL));
	turn_until(*state, &res.done, 100);
	assert_int_equal(res.done, 100);
	assert_int_equal(res.res, 0);
}

static void cancel_ends_a_poll(void **state)
{
	struct result res = {.op.done = store_result};
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	io_uring_prep_poll_multishot(reactor_sqe(*state, &res.op), fd[0], POLLIN);
	assert_int_equal(reactor_turn(*state, 0), 0);
	reactor_cancel(*state, &res.op);
	turn_until(*state, &res.done, 1);
	assert_int_equal(res.res, -ECANCELED);
	close(fd[0]);
	close(fd[1]);
}

#define BUF_SIZE 65536

static void registered_buffer_reaches_the_file(void **state)
{
	struct result res = {.op.done = store_result};
	char path[] = "/tmp/test_reactor.XXXXXX";
	int fd = mkstemp(path), index = -1, second = -1, err;
	uint8_t *buf =
		mmap(NULL, BUF_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *back = malloc(BUF_SIZE);
	struct reactor_stats st;

	assert_true(fd >= 0);
	unlink(path);
	assert_true(buf != MAP_FAILED && back);
	for (unsigned i = 0; i < BUF_SIZE; i++)
		buf[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(reactor_buffer_register(*state, buf + 1, 4096, &index), -EINVAL);
	assert_int_equal(reactor_buffer_register(*state, buf, 0, &index), -EINVAL);
	err = reactor_buffer_register(*state, buf, BUF_SIZE, &index);
	if (err == -ENOMEM) {
		print_message("SKIP: the limit on locked memory is too low\n");
		skip();
	}
	assert_int_equal(err, 0);

	io_uring_prep_write_fixed(reactor_sqe(*state, &res.op), fd, buf, BUF_SIZE, 0, index);
	turn_until(*state, &res.done, 1);
	assert_int_equal(res.res, BUF_SIZE);
	assert_int_equal(pread(fd, back, BUF_SIZE, 0), BUF_SIZE);
	assert_memory_equal(back, buf, BUF_SIZE);
	reactor_stats(*state, &st);
	assert_int_equal(st.buffers_registered, 1);

	/* After the buffer has gone its number reaches nothing, until it is given out again. */
	reactor_buffer_unregister(*state, index);
	reactor_buffer_unregister(*state, -1);
	io_uring_prep_write_fixed(reactor_sqe(*state, &res.op), fd, buf, BUF_SIZE, 0, index);
	turn_until(*state, &res.done, 2);
	assert_int_equal(res.res, -EFAULT);
	assert_int_equal(reactor_buffer_register(*state, buf, BUF_SIZE, &second), 0);
	assert_int_equal(second, index);
	reactor_buffer_unregister(*state, second);
	reactor_stats(*state, &st);
	assert_int_equal(st.buffers_registered, 0);
	munmap(buf, BUF_SIZE);
	free(back);
	close(fd);
}

static void bad_sizes_are_refused(void **state)
{
	struct errmsg em = {""};
	struct reactor *r = NULL;

	assert_int_equal(reactor_create(&r, 0, &em), -EINVAL);
	assert_int_equal(reactor_create(&r, 1u << 20, &em), -EINVAL);
	assert_null(r);
	assert_non_null(strstr(em.text, "1..4096"));
	reactor_destroy(NULL);
}

/* In a child, because a filter cannot be taken off again. */
static int create_under_filter(int with_errno)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)with_errno),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {ARRAY_SIZE(code), code};
	struct errmsg em = {""};
	struct reactor *r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 77;
	if (reactor_create(&r, 8, &em) != -ENOSYS)
		return 1;
	return strstr(em.text, "seccomp") ? 0 : 2;
}

static void a_system_call_filter_is_named(void **state)
{
	static const int with[] = {EPERM, ENOSYS};

	for (unsigned i = 0; i < ARRAY_SIZE(with); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(create_under_filter(with[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77) {
			print_message("SKIP: no seccomp filters here\n");
			skip();
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* --- waiting in batches ---------------------------------------------------------------------- */

struct tally {
	struct reactor_op op;
	unsigned n;
};

static void tally_done(struct reactor_op *op, int res, uint32_t flags)
{
	(void)res;
	(void)flags;
	container_of(op, struct tally, op)->n++;
}

/* After a turn with many completions: one that is there at once, and one that comes a moment
 * later. Returns how many the next turn saw. */
static unsigned next_turn_sees(struct reactor *r)
{
	struct __kernel_timespec moment = {.tv_nsec = NSEC_PER_MSEC};
	struct tally many = {.op.done = tally_done}, one = many, later = many;
	unsigned seen;

	for (unsigned i = 0; i < 8; i++)
		io_uring_prep_nop(reactor_sqe(r, &many.op));
	assert_int_equal(reactor_turn(r, NSEC_PER_SEC), 0);
	assert_int_equal(many.n, 8);
	io_uring_prep_nop(reactor_sqe(r, &one.op));
	io_uring_prep_timeout(reactor_sqe(r, &later.op), &moment, 0, 0);
	assert_int_equal(reactor_turn(r, NSEC_PER_SEC), 0);
	seen = one.n + later.n;
	turn_until(r, &later.n, 1);
	assert_int_equal(one.n, 1);
	return seen;
}

static void under_load_completions_are_gathered(void **state)
{
	unsigned together = 0;

	/* All of them, but for a moment that the machine slept through. */
	for (unsigned i = 0; i < 20; i++)
		together += next_turn_sees(*state) == 2;
	assert_in_range(together, 11, 20);
}

static void in_a_hurry_they_are_not(void **state)
{
	unsigned alone = 0;

	/* A busy machine may let the later one catch up now and then. */
	for (unsigned i = 0; i < 100 && !alone; i++) {
		reactor_hurry(*state);
		alone += next_turn_sees(*state) == 1;
	}
	assert_int_not_equal(alone, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(messages_from_many_threads_keep_order),
		T(a_message_may_post_itself_again),
		T(a_stop_before_the_run_counts_once),
		T(an_idle_reactor_sleeps),
		T(timers_fire_in_order_and_disarmed_ones_do_not),
		T(a_timer_armed_in_the_past_lets_others_run),
		T(more_operations_than_entries),
		T(cancel_ends_a_poll),
		T(registered_buffer_reaches_the_file),
		T(under_load_completions_are_gathered),
		T(in_a_hurry_they_are_not),
		cmocka_unit_test(bad_sizes_are_refused),
		cmocka_unit_test(a_system_call_filter_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
