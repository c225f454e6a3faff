/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/monotime.h"

#define POOL_THREADS_LIMIT 4096
#define POOL_NAME_CHARS    10
/* How long a thread beyond the minimum waits for work before it ends. */
#define POOL_IDLE_NS (2 * NSEC_PER_SEC)

enum thread_state {
	THREAD_NONE,
	THREAD_ALIVE,
	THREAD_ENDED /* has left its loop; to be joined */
};

struct pool_thread {
	struct pool *pool;
	pthread_t id;
	enum thread_state state;
	/* The strand whose work this thread is inside. Compared, never followed: the work may free
	 * its strand, unless `more` says that something was put behind it meanwhile. */
	const struct pool_strand *strand;
	bool more;
};

struct pool {
	/* protects: everything below, every strand of this pool and every thread's record */
	pthread_mutex_t lock;
	pthread_cond_t wake; /* work was queued, or the pool is stopping */
	struct list queue;   /* pool_work */
	size_t queued;
	unsigned alive; /* threads not ended */
	unsigned idle;  /* of them, those that will look at the queue before they sleep or end */
	unsigned min_threads, max_threads;
	int nice_level;
	bool stopping;
	char name[POOL_NAME_CHARS + 1];
	struct pool_thread thread[]; /* max_threads */
};

static void strand_turn(struct pool_work *turn);

static struct timespec idle_deadline(void)
{
	int64_t t = monotime_now() + POOL_IDLE_NS;

	return (struct timespec){.tv_sec = t / NSEC_PER_SEC, .tv_nsec = t % NSEC_PER_SEC};
}

/* Waits for work; false: this thread is to end. Lock held. */
static bool wait_for_work(struct pool *p)
{
	struct timespec deadline = idle_deadline();

	while (list_empty(&p->queue)) {
		if (p->stopping)
			return false;
		if (p->alive <= p->min_threads)
			pthread_cond_wait(&p->wake, &p->lock);
		else if (pthread_cond_timedwait(&p->wake, &p->lock, &deadline) == ETIMEDOUT &&
			 list_empty(&p->queue) && p->alive > p->min_threads)
			return false;
	}
	return true;
}

/* Runs one piece of `s` and puts the strand's next turn behind the other work. */
static void run_strand(struct pool_thread *t, struct pool_strand *s)
{
	struct pool *p = t->pool;
	struct pool_work *work = list_entry(list_pop(&s->queue), struct pool_work, link);

	s->scheduled = !list_empty(&s->queue);
	t->strand = s;
	t->more = s->scheduled;
	pthread_mutex_unlock(&p->lock);
	work->run(work);
	pthread_mutex_lock(&p->lock);
	t->strand = NULL;
	if (t->more) {
		list_append(&p->queue, &s->turn.link);
		p->queued++;
	}
}

static void *thread_main(void *arg)
{
	struct pool_thread *t = arg;
	struct pool *p = t->pool;

	/* Linux keeps niceness per thread. Raising it needs no privilege and cannot fail. */
	if (p->nice_level > 0)
		(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), p->nice_level);

	pthread_mutex_lock(&p->lock);
	while (wait_for_work(p)) {
		struct pool_work *work = list_entry(list_pop(&p->queue), struct pool_work, link);

		p->queued--;
		p->idle--;
		if (work->run == strand_turn) {
			run_strand(t, container_of(work, struct pool_strand, turn));
		} else {
			pthread_mutex_unlock(&p->lock);
			work->run(work);
			pthread_mutex_lock(&p->lock);
		}
		p->idle++;
	}
	p->idle--;
	p->alive--;
	t->state = THREAD_ENDED;
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Lock held. The thread counts as idle from now on: it will look at the queue. */
static int start_thread(struct pool *p)
{
	struct pool_thread *t = p->thread;
	char name[POOL_NAME_CHARS + 16];
	sigset_t all, old;
	int err;

	while (t->state == THREAD_ALIVE)
		t++;
	/* An ended thread has let go of the lock for good: the join does not wait for work. */
	if (t->state == THREAD_ENDED)
		pthread_join(t->id, NULL);
	*t = (struct pool_thread){.pool = p};

	/* Signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&t->id, NULL, thread_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;

	t->state = THREAD_ALIVE;
	p->alive++;
	p->idle++;
	snprintf(name, sizeof(name), "%s-%u", p->name, (unsigned)(t - p->thread));
	name[15] = '\0';
	pthread_setname_np(t->id, name);
	return 0;
}

static int init_sync(struct pool *p)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return -err;
	err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (err)
		return -err;
	err = pthread_mutex_init(&p->lock, NULL);
	if (err)
		pthread_cond_destroy(&p->wake);
	return -err;
}

int pool_create(struct pool **out, const char *name, unsigned min_threads, unsigned max_threads,
		int nice_level, struct errmsg *em)
{
	struct pool *p;
	int err = 0;

	if (!name || min_threads < 1 || max_threads < min_threads ||
	    max_threads > POOL_THREADS_LIMIT || nice_level < 0 || nice_level > 19)
		return errmsg_set(em, -EINVAL,
				  "thread pool: want 1 <= min <= max <= %d threads, niceness 0..19",
				  POOL_THREADS_LIMIT);
	p = calloc(1, sizeof(*p) + max_threads * sizeof(p->thread[0]));
	if (!p)
		return errmsg_set(em, -ENOMEM, "thread pool %s: out of memory", name);
	list_init(&p->queue);
	p->min_threads = min_threads;
	p->max_threads = max_threads;
	p->nice_level = nice_level;
	snprintf(p->name, sizeof(p->name), "%s", name);
	err = init_sync(p);
	if (err) {
		free(p);
		return errmsg_set(em, err, "thread pool %s: %s", name, strerror(-err));
	}

	pthread_mutex_lock(&p->lock);
	while (!err && p->alive < min_threads)
		err = start_thread(p);
	pthread_mutex_unlock(&p->lock);
	if (err) {
		pool_destroy(p);
		return errmsg_set(em, err,
				  "thread pool %s: cannot start %u threads (%s); raise the limit "
				  "on processes (ulimit -u, TasksMax)",
				  name, min_threads, strerror(-err));
	}
	*out = p;
	return 0;
}

void pool_destroy(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	/* Nobody starts threads any more; one that still works drains the queue before it ends. */
	for (unsigned i = 0; i < p->max_threads; i++) {
		struct pool_thread *t = &p->thread[i];
		pthread_t id = t->id;

		if (t->state == THREAD_NONE)
			continue;
		pthread_mutex_unlock(&p->lock);
		pthread_join(id, NULL);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	free(p);
}

/* Lock held. */
static void enqueue(struct pool *p, struct pool_work *work)
{
	list_append(&p->queue, &work->link);
	p->queued++;
	/* Growth that fails (no more threads allowed) only means that the work waits its turn:
	 * min_threads are there. */
	if (p->queued > p->idle && p->alive < p->max_threads && !p->stopping)
		(void)!start_thread(p);
	else
		pthread_cond_signal(&p->wake);
}

void pool_submit(struct pool *p, struct pool_work *work)
{
	pthread_mutex_lock(&p->lock);
	enqueue(p, work);
	pthread_mutex_unlock(&p->lock);
}

unsigned pool_take(struct pool *p, void (*run)(struct pool_work *work), struct pool_work **out,
		   unsigned max)
{
	unsigned n = 0;
	size_t share;

	pthread_mutex_lock(&p->lock);
	share = p->queued / (p->idle + 1);
	while (n < max && n < share) {
		struct pool_work *work = list_entry(p->queue.next, struct pool_work, link);

		if (work->run != run)
			break;
		list_remove(&work->link);
		p->queued--;
		out[n++] = work;
	}
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* Marks a strand's place in the queue. Never called: thread_main tells such work by this address
 * and runs the strand itself, because it needs the thread's record. */
static void strand_turn(struct pool_work *turn)
{
	(void)turn;
}

void pool_strand_init(struct pool_strand *s, struct pool *p)
{
	*s = (struct pool_strand){.pool = p, .turn.run = strand_turn};
	list_init(&s->queue);
	list_init(&s->turn.link);
}

void pool_strand_submit(struct pool_strand *s, struct pool_work *work)
{
	struct pool *p = s->pool;

	pthread_mutex_lock(&p->lock);
	list_append(&s->queue, &work->link);
	if (!s->scheduled) {
		struct pool_thread *runner = NULL;

		s->scheduled = true;
		for (unsigned i = 0; i < p->max_threads && !runner; i++)
			if (p->thread[i].strand == s)
				runner = &p->thread[i];
		if (runner)
			runner->more = true;
		else
			enqueue(p, &s->turn);
	}
	pthread_mutex_unlock(&p->lock);
}

unsigned pool_cpu_count(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0) {
		n = CPU_COUNT(&set);
		if (n > 0)
			return (unsigned)n;
	}
	n = (int)sysconf(_SC_NPROCESSORS_ONLN); /* more processors than the set has room for */
	return n > 0 ? (unsigned)n : 1;
}
