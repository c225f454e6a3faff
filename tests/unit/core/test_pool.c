/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/core/monotime.h"
#include "capture/core/pool.h"

static struct pool *make(unsigned min, unsigned max)
{
	struct errmsg em = {""};
	struct pool *p = NULL;

	if (pool_create(&p, "tester", min, max, 0, &em))
		fail_msg("%s", em.text);
	return p;
}

/* Waits for something that must come; the limit only keeps a broken pool from hanging the suite. */
static void wait_sem(sem_t *s)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 30;
	while (sem_timedwait(s, &t))
		assert_int_equal(errno, EINTR);
}

static unsigned count_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

#define PIECES 20000

struct piece {
	struct pool_work work;
	atomic_uint *runs;
};

static void piece_run(struct pool_work *w)
{
	atomic_fetch_add(container_of(w, struct piece, work)->runs, 1);
}

static void destroy_runs_what_is_queued(void **state)
{
	struct pool *p = make(2, 2);
	struct piece *piece = calloc(PIECES, sizeof(*piece));
	atomic_uint runs = 0;

	assert_non_null(piece);
	for (unsigned i = 0; i < PIECES; i++) {
		piece[i] = (struct piece){{.run = piece_run}, &runs};
		pool_submit(p, &piece[i].work);
	}
	pool_destroy(p);
	assert_int_equal(atomic_load(&runs), PIECES);
	free(piece);
}

struct chain {
	struct pool_work work;
	struct pool *pool;
	atomic_uint left;
};

static void chain_run(struct pool_work *w)
{
	struct chain *c = container_of(w, struct chain, work);

	if (atomic_fetch_sub(&c->left, 1) > 1)
		pool_submit(c->pool, &c->work);
}

static void destroy_runs_what_work_submits(void **state)
{
	struct chain c = {.work.run = chain_run, .pool = make(1, 3), .left = 1000};

	pool_submit(c.pool, &c.work);
	pool_destroy(c.pool);
	assert_int_equal(atomic_load(&c.left), 0);
}

struct blocker {
	struct pool_work work;
	sem_t *entered, *leave;
};

static void blocker_run(struct pool_work *w)
{
	struct blocker *b = container_of(w, struct blocker, work);

	sem_post(b->entered);
	wait_sem(b->leave);
}

/* All block at once: each needs a thread of its own, one more has to wait. Afterwards the pool
 * shrinks to its minimum, and grows again. */
static void grows_when_work_blocks_and_shrinks_after(void **state)
{
	unsigned before = count_threads();
	struct pool *p = make(1, 6);
	struct blocker b[2][7]; /* fresh each round: the pool tells nobody that it is done */
	sem_t entered, leave;
	int value;

	sem_init(&entered, 0, 0);
	sem_init(&leave, 0, 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 7; i++) {
			b[round][i] = (struct blocker){{.run = blocker_run}, &entered, &leave};
			pool_submit(p, &b[round][i].work);
		}
		for (unsigned i = 0; i < 6; i++)
			wait_sem(&entered);
		assert_int_equal(count_threads(), before + 6);
		sem_getvalue(&entered, &value);
		assert_int_equal(value, 0);
		for (unsigned i = 0; i < 7; i++)
			sem_post(&leave);
		wait_sem(&entered);
		for (unsigned i = 0; i < 300 && count_threads() > before + 1; i++)
			usleep(100000);
		assert_int_equal(count_threads(), before + 1);
	}
	pool_destroy(p);
	assert_int_equal(count_threads(), before);
	sem_destroy(&entered);
	sem_destroy(&leave);
}

#define STRANDS    16
#define SUBMITTERS 4
#define ON_EACH    500 /* by each submitter on each strand */

struct lane {
	struct pool_strand strand;
	atomic_uint inside, overlaps;
	unsigned next[SUBMITTERS], disorder, runs; /* plain: the strand orders its pieces */
};

struct lane_piece {
	struct pool_work work;
	struct lane *lane;
	unsigned submitter, number;
};

static void lane_run(struct pool_work *w)
{
	struct lane_piece *p = container_of(w, struct lane_piece, work);
	struct lane *l = p->lane;

	if (atomic_fetch_add(&l->inside, 1))
		atomic_fetch_add(&l->overlaps, 1);
	l->disorder += p->number != l->next[p->submitter]++;
	l->runs++;
	if (p->number % 64 == 0)
		sched_yield();
	atomic_fetch_sub(&l->inside, 1);
}

struct submitter {
	struct lane *lanes;
	struct lane_piece *pieces;
	unsigned index;
};

static void *submit_all(void *arg)
{
	struct submitter *s = arg;

	for (unsigned n = 0; n < ON_EACH; n++) {
		for (unsigned i = 0; i < STRANDS; i++) {
			struct lane_piece *p = &s->pieces[n * STRANDS + i];

			*p = (struct lane_piece){{.run = lane_run}, &s->lanes[i], s->index, n};
			pool_strand_submit(&s->lanes[i].strand, &p->work);
		}
	}
	return NULL;
}

static void strands_keep_order_and_never_overlap(void **state)
{
	struct pool *p = make(4, 4);
	struct lane *lanes = calloc(STRANDS, sizeof(*lanes));
	struct submitter s[SUBMITTERS];
	pthread_t t[SUBMITTERS];

	assert_non_null(lanes);
	for (unsigned i = 0; i < STRANDS; i++)
		pool_strand_init(&lanes[i].strand, p);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		s[i] = (struct submitter){lanes,
					  calloc(ON_EACH * STRANDS, sizeof(struct lane_piece)), i};
		assert_non_null(s[i].pieces);
		assert_int_equal(pthread_create(&t[i], NULL, submit_all, &s[i]), 0);
	}
	for (unsigned i = 0; i < SUBMITTERS; i++)
		pthread_join(t[i], NULL);
	pool_destroy(p);
	for (unsigned i = 0; i < STRANDS; i++) {
		assert_int_equal(lanes[i].runs, SUBMITTERS * ON_EACH);
		assert_int_equal(lanes[i].disorder, 0);
		assert_int_equal(atomic_load(&lanes[i].overlaps), 0);
	}
	for (unsigned i = 0; i < SUBMITTERS; i++)
		free(s[i].pieces);
	free(lanes);
}

/* A blocked strand holds up itself, not the others: with two threads, `other` gets to run only if
 * `second`, which was there before it, waits behind `first`. */
static void strands_run_side_by_side(void **state)
{
	struct pool *p = make(2, 2);
	struct pool_strand a, b;
	sem_t entered[3], leave;
	struct blocker first = {{.run = blocker_run}, &entered[0], &leave};
	struct blocker second = {{.run = blocker_run}, &entered[1], &leave};
	struct blocker other = {{.run = blocker_run}, &entered[2], &leave};
	int value;

	for (unsigned i = 0; i < 3; i++)
		sem_init(&entered[i], 0, 0);
	sem_init(&leave, 0, 0);
	pool_strand_init(&a, p);
	pool_strand_init(&b, p);
	pool_strand_submit(&a, &first.work);
	wait_sem(&entered[0]);
	pool_strand_submit(&a, &second.work);
	pool_strand_submit(&b, &other.work);
	wait_sem(&entered[2]);
	sem_getvalue(&entered[1], &value);
	assert_int_equal(value, 0);
	for (unsigned i = 0; i < 3; i++)
		sem_post(&leave);
	wait_sem(&entered[1]);
	pool_destroy(p);
	for (unsigned i = 0; i < 3; i++)
		sem_destroy(&entered[i]);
	sem_destroy(&leave);
}

struct suicide {
	struct pool_work work;
	struct pool_strand strand;
	sem_t *done;
};

static void suicide_run(struct pool_work *w)
{
	struct suicide *s = container_of(w, struct suicide, work);
	sem_t *done = s->done;

	memset(s, 0x5a, sizeof(*s));
	free(s);
	sem_post(done);
}

static void the_last_work_may_free_its_strand(void **state)
{
	struct pool *p = make(2, 2);
	sem_t done;

	sem_init(&done, 0, 0);
	for (unsigned i = 0; i < 500; i++) {
		struct suicide *s = calloc(1, sizeof(*s));

		assert_non_null(s);
		s->work.run = suicide_run;
		s->done = &done;
		pool_strand_init(&s->strand, p);
		pool_strand_submit(&s->strand, &s->work);
		wait_sem(&done);
	}
	pool_destroy(p);
	sem_destroy(&done);
}

struct niceness {
	struct pool_work work;
	int nice;
	char name[32];
};

static void niceness_run(struct pool_work *w)
{
	struct niceness *n = container_of(w, struct niceness, work);

	n->nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
	/* The name is given by the starting thread, perhaps a moment later. */
	for (unsigned i = 0; i < 1000; i++) {
		pthread_getname_np(pthread_self(), n->name, sizeof(n->name));
		if (strchr(n->name, '-'))
			break;
		usleep(1000);
	}
}

static void threads_are_named_and_nice(void **state)
{
	struct niceness n = {.work.run = niceness_run};
	int own = getpriority(PRIO_PROCESS, 0);
	struct errmsg em;
	struct pool *p;

	assert_int_equal(pool_create(&p, "a-very-long-name", 1, 1, 19, &em), 0);
	pool_submit(p, &n.work);
	pool_destroy(p);
	assert_int_equal(n.nice, 19);
	assert_string_equal(n.name, "a-very-lon-0");
	assert_int_equal(getpriority(PRIO_PROCESS, 0), own);
}

static void bad_numbers_are_refused(void **state)
{
	struct errmsg em = {""};
	struct pool *p = NULL;

	assert_int_equal(pool_create(&p, "x", 0, 1, 0, &em), -EINVAL);
	assert_int_equal(pool_create(&p, "x", 2, 1, 0, &em), -EINVAL);
	assert_int_equal(pool_create(&p, "x", 1, 1, 20, &em), -EINVAL);
	assert_null(p);
	assert_true(em.text[0]);
	pool_destroy(NULL);
	assert_true(pool_cpu_count() >= 1);
}

/* The only worker is held at a gate while work queues up: 6 pieces of one kind, perhaps 1 of
 * another, 3 of the one. It then takes from inside, twice. */
struct taker {
	struct pool_work work;
	struct pool *pool;
	sem_t held, gate;
	unsigned max, taken, again;
	struct pool_work *first;
	atomic_uint left; /* pieces the pool ran itself */
};

static struct taker *taker;

static void run_left(struct pool_work *work)
{
	atomic_fetch_add(&taker->left, 1);
}

static void run_other(struct pool_work *work)
{
}

static void run_taker(struct pool_work *work)
{
	struct taker *t = container_of(work, struct taker, work);
	struct pool_work *out[16];

	sem_post(&t->held);
	wait_sem(&t->gate);
	t->taken = pool_take(t->pool, run_left, out, t->max);
	t->first = t->taken ? out[0] : NULL;
	for (unsigned i = 1; i < t->taken; i++)
		assert_true(out[i] == out[i - 1] + 1);
	t->again = pool_take(t->pool, run_left, out, 16);
}

/* What is taken first and then; what is left runs as ever. */
static void take_with(unsigned max, bool with_other, unsigned want, unsigned want_again)
{
	struct taker t = {.work.run = run_taker, .max = max};
	struct pool_work piece[9], other = {.run = run_other};

	taker = &t;
	t.pool = make(1, 1);
	sem_init(&t.held, 0, 0);
	sem_init(&t.gate, 0, 0);
	pool_submit(t.pool, &t.work);
	wait_sem(&t.held);
	for (int i = 0; i < 9; i++) {
		if (i == 6 && with_other)
			pool_submit(t.pool, &other);
		piece[i].run = run_left;
		pool_submit(t.pool, &piece[i]);
	}
	sem_post(&t.gate);
	pool_destroy(t.pool);
	assert_int_equal(t.taken, want);
	assert_ptr_equal(t.first, want ? piece : NULL);
	assert_int_equal(t.again, want_again);
	assert_int_equal(atomic_load(&t.left), 9 - want - want_again);
	sem_destroy(&t.held);
	sem_destroy(&t.gate);
}

static void work_takes_more_of_its_kind(void **state)
{
	take_with(0, false, 0, 9);
	take_with(4, false, 4, 5);
	take_with(16, false, 9, 0);
	/* The other kind keeps its place. */
	take_with(4, true, 4, 2);
	take_with(6, true, 6, 0);
	take_with(16, true, 6, 0);
}

static void nothing_queued_is_nothing_taken(void **state)
{
	struct pool *p = make(2, 2);
	struct pool_work *out[4];

	assert_int_equal(pool_take(p, run_left, out, 4), 0);
	pool_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destroy_runs_what_is_queued),
		cmocka_unit_test(destroy_runs_what_work_submits),
		cmocka_unit_test(grows_when_work_blocks_and_shrinks_after),
		cmocka_unit_test(strands_keep_order_and_never_overlap),
		cmocka_unit_test(strands_run_side_by_side),
		cmocka_unit_test(the_last_work_may_free_its_strand),
		cmocka_unit_test(threads_are_named_and_nice),
		cmocka_unit_test(work_takes_more_of_its_kind),
		cmocka_unit_test(nothing_queued_is_nothing_taken),
		cmocka_unit_test(bad_numbers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
