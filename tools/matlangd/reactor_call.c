/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/reactor_call.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "capture/core/list.h"

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_DONE, CALL_CANCELLED };

struct call {
	struct reactor_msg msg;
	struct reactor_calls *rc;
	struct list link;      /* in rc->calls; protected by rc->lock */
	enum call_state state; /* protected by rc->lock */
	void (*fn)(void *arg);
	void *arg; /* the caller's: only while it waits */
};

struct reactor_calls {
	struct reactor *reactor;
	pthread_mutex_t lock; /* protects: closed, calls, the calls' states */
	pthread_cond_t moved; /* a call was done or cancelled */
	struct list calls;    /* messages that the reactor has not run yet */
	bool closed;
};

int reactor_calls_create(struct reactor_calls **out, struct reactor *r)
{
	struct reactor_calls *rc = calloc(1, sizeof(*rc));

	if (!rc)
		return -ENOMEM;
	rc->reactor = r;
	pthread_mutex_init(&rc->lock, NULL);
	pthread_cond_init(&rc->moved, NULL);
	list_init(&rc->calls);
	*out = rc;
	return 0;
}

void reactor_calls_destroy(struct reactor_calls *rc)
{
	struct list *l;

	if (!rc)
		return;
	/* The reactor is gone: it will not run these any more. */
	while ((l = list_pop(&rc->calls)))
		free(list_entry(l, struct call, link));
	pthread_cond_destroy(&rc->moved);
	pthread_mutex_destroy(&rc->lock);
	free(rc);
}

/* On the reactor. A cancelled call's argument is gone; only the message is left to be freed. */
static void call_run(struct reactor_msg *msg)
{
	struct call *c = container_of(msg, struct call, msg);
	struct reactor_calls *rc = c->rc;
	bool cancelled;

	pthread_mutex_lock(&rc->lock);
	cancelled = c->state == CALL_CANCELLED;
	c->state = CALL_RUNNING;
	list_remove(&c->link);
	pthread_mutex_unlock(&rc->lock);
	if (cancelled) {
		free(c);
		return;
	}
	c->fn(c->arg);
	pthread_mutex_lock(&rc->lock);
	c->state = CALL_DONE;
	pthread_cond_broadcast(&rc->moved);
	pthread_mutex_unlock(&rc->lock);
}

int reactor_call(struct reactor_calls *rc, void (*fn)(void *arg), void *arg)
{
	struct call *c = calloc(1, sizeof(*c));
	bool done;

	if (!c)
		return -ENOMEM;
	c->msg.run = call_run;
	c->rc = rc;
	c->fn = fn;
	c->arg = arg;
	reactor_hurry(rc->reactor);
	pthread_mutex_lock(&rc->lock);
	if (rc->closed) {
		pthread_mutex_unlock(&rc->lock);
		free(c);
		return -ESHUTDOWN;
	}
	list_append(&rc->calls, &c->link);
	/* Under the lock, so that close() finds every posted call in the list. */
	reactor_post(rc->reactor, &c->msg);
	while (c->state == CALL_WAITING || c->state == CALL_RUNNING)
		pthread_cond_wait(&rc->moved, &rc->lock);
	done = c->state == CALL_DONE;
	pthread_mutex_unlock(&rc->lock);
	if (done)
		free(c);
	return done ? 0 : -ESHUTDOWN;
}

void reactor_calls_close(struct reactor_calls *rc)
{
	struct call *c;

	pthread_mutex_lock(&rc->lock);
	rc->closed = true;
	list_for_each (c, &rc->calls, link)
		c->state = CALL_CANCELLED;
	pthread_cond_broadcast(&rc->moved);
	pthread_mutex_unlock(&rc->lock);
}
