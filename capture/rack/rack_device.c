/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_device.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* protects: devices, and each device's held and closed_ns */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list devices = {&devices, &devices};

static void forget_old(int64_t now)
{
	struct rack_device *d, *tmp;

	list_for_each_safe (d, tmp, &devices, link) {
		int64_t since = d->closed_ns > d->gone_until_ns ? d->closed_ns : d->gone_until_ns;

		if (!d->held && now - since > RACK_DEVICE_MEMORY_NS) {
			list_remove(&d->link);
			free(d);
		}
	}
}

static struct rack_device *lookup(const char *key)
{
	struct rack_device *d;

	list_for_each (d, &devices, link) {
		if (!strcmp(d->key, key))
			return d;
	}
	return NULL;
}

int rack_device_hold(const char *key, struct rack_device **out)
{
	struct rack_device *d;
	int err = 0;

	pthread_mutex_lock(&lock);
	forget_old(monotime_now());
	d = lookup(key);
	if (d && d->held) {
		err = -EBUSY;
	} else if (!d) {
		d = calloc(1, sizeof(*d));
		if (d) {
			memcpy(d->key, key, strnlen(key, sizeof(d->key) - 1));
			list_append(&devices, &d->link);
		} else {
			err = -ENOMEM;
		}
	}
	if (!err) {
		d->held = true;
		*out = d;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void rack_device_release(struct rack_device *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&lock);
	d->held = false;
	d->closed_ns = monotime_now();
	pthread_mutex_unlock(&lock);
}
