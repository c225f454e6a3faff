/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/changes.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* When more than this wait, "any" says it all. */
#define PENDING 64

struct changes {
	int fd;
	pthread_mutex_t lock; /* protects what follows */
	char path[PENDING][ATTR_PATH_MAX];
	size_t count;
	bool any;
};

int changes_create(struct changes **out)
{
	struct changes *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0) {
		err = -errno;
		free(c);
		return err;
	}
	pthread_mutex_init(&c->lock, NULL);
	*out = c;
	return 0;
}

void changes_destroy(struct changes *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	close(c->fd);
	free(c);
}

int changes_fd(const struct changes *c)
{
	return c->fd;
}

static void note(struct changes *c, const char *path)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->path[i], path))
			return;
	if (c->count == PENDING || strlen(path) >= ATTR_PATH_MAX)
		c->any = true;
	else
		strcpy(c->path[c->count++], path);
}

void changes_add(void *changes, const char *path)
{
	struct changes *c = changes;
	uint64_t one = 1;

	pthread_mutex_lock(&c->lock);
	if (!path)
		c->any = true;
	if (c->any)
		c->count = 0;
	else
		note(c, path);
	pthread_mutex_unlock(&c->lock);
	/* Full (EAGAIN) is as good as written: the reader wakes. */
	(void)!write(c->fd, &one, sizeof(one));
}

bool changes_take(struct changes *c, char path[ATTR_PATH_MAX], bool *any)
{
	uint64_t woken;
	bool found = true;

	(void)!read(c->fd, &woken, sizeof(woken));
	pthread_mutex_lock(&c->lock);
	*any = c->any;
	path[0] = '\0';
	if (c->any) {
		c->any = false;
		c->count = 0;
	} else if (c->count) {
		strcpy(path, c->path[--c->count]);
	} else {
		found = false;
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}
