/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/clip/clip_filler.h"

#include <pthread.h>

#define THREADS_MAX 2

/* protects: pool, users */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pool *pool;
static unsigned users;

int clip_filler_get(struct pool **out, struct errmsg *em)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!users)
		err = pool_create(&pool, "clip", 1, THREADS_MAX, 0, em);
	if (!err) {
		users++;
		*out = pool;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void clip_filler_put(void)
{
	pthread_mutex_lock(&lock);
	if (!--users) {
		pool_destroy(pool);
		pool = NULL;
	}
	pthread_mutex_unlock(&lock);
}
