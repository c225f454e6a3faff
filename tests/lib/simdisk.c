/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated disk itself: made, set, looked at, freed, and come up after a power cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/simdisk_impl.h"

uint64_t simdisk_random(uint64_t *state)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void simdisk_die(const char *why)
{
	fprintf(stderr, "simdisk: %s\n", why);
	abort();
}

void *simdisk_must(void *p)
{
	if (!p)
		simdisk_die("no memory");
	return p;
}

struct simdisk *simdisk_create(uint64_t seed)
{
	struct simdisk *sd = simdisk_must(calloc(1, sizeof(*sd)));

	sd->random = seed;
	sd->align = 4096;
	list_init(&sd->writes);
	list_init(&sd->queue);
	return sd;
}

void simdisk_set_size(struct simdisk *sd, uint64_t size)
{
	sd->durable = simdisk_must(realloc(sd->durable, size ? size : 1));
	sd->view = simdisk_must(realloc(sd->view, size ? size : 1));
	if (size > sd->size) {
		memset(sd->durable + sd->size, 0, size - sd->size);
		memset(sd->view + sd->size, 0, size - sd->size);
	}
	sd->size = size;
}

struct simdisk *simdisk_from_image(const void *image, uint64_t size, uint64_t seed)
{
	struct simdisk *sd = simdisk_create(seed);

	sd->exists = true;
	simdisk_set_size(sd, size);
	if (size) {
		memcpy(sd->durable, image, size);
		memcpy(sd->view, image, size);
	}
	return sd;
}

void simdisk_free(struct simdisk *sd)
{
	struct simdisk_write *w, *wnext;
	struct simdisk_queued *q, *qnext;

	if (!sd)
		return;
	if (sd->posted)
		simdisk_die("freed with something in flight");
	list_for_each_safe (q, qnext, &sd->queue, link)
		simdisk_free_queued(q);
	list_for_each_safe (w, wnext, &sd->writes, link)
		simdisk_free_write(w);
	free(sd->durable);
	free(sd->view);
	free(sd);
}

uint8_t *simdisk_image(struct simdisk *sd)
{
	return sd->view;
}

uint64_t simdisk_size(const struct simdisk *sd)
{
	return sd->size;
}

void simdisk_set_timing(struct simdisk *sd, unsigned max_delay, bool shuffle)
{
	sd->max_delay = max_delay;
	sd->shuffle = shuffle;
}

void simdisk_set_align(struct simdisk *sd, uint32_t align)
{
	sd->align = align;
}

uint64_t simdisk_submitted(const struct simdisk *sd)
{
	return sd->submitted;
}

uint64_t simdisk_completed(const struct simdisk *sd)
{
	return sd->completed;
}

unsigned simdisk_in_flight(const struct simdisk *sd)
{
	return sd->in_flight;
}

unsigned simdisk_unflushed(const struct simdisk *sd)
{
	const struct simdisk_write *w;
	unsigned n = 0;

	list_for_each (w, &sd->writes, link)
		n++;
	return n;
}

void simdisk_set_fault(struct simdisk *sd, uint64_t first, uint64_t count, int err)
{
	sd->fault_first = first;
	sd->fault_count = count;
	sd->fault_err = err;
}

void simdisk_set_lying(struct simdisk *sd, bool on)
{
	sd->lying = on;
}

void simdisk_set_unwritable(struct simdisk *sd, uint64_t offset, uint64_t len, int err)
{
	sd->refused_offset = offset;
	sd->refused_len = len;
	sd->refused_err = err;
}

void simdisk_set_unreadable(struct simdisk *sd, uint64_t offset, uint64_t len)
{
	sd->bad_offset = offset;
	sd->bad_len = len;
}

struct simdisk *simdisk_crash(const struct simdisk *sd, enum simdisk_crash how, uint64_t seed)
{
	struct simdisk *up = simdisk_from_image(sd->durable, sd->size, seed);
	uint64_t random = seed;
	uint64_t cut = simdisk_random(&random) % (simdisk_unflushed(sd) + 1u);
	uint64_t i = 0;
	const struct simdisk_write *w;

	up->exists = sd->exists;
	up->align = sd->align;
	list_for_each (w, &sd->writes, link) {
		unsigned dice = (unsigned)(simdisk_random(&random) % 3);

		if (how == SIMDISK_CRASH_ALL || (how == SIMDISK_CRASH_PREFIX && i < cut) ||
		    (how == SIMDISK_CRASH_RANDOM && dice == 0))
			memcpy(up->durable + w->offset, w->data, w->len);
		else if ((how == SIMDISK_CRASH_PREFIX && i == cut) ||
			 (how == SIMDISK_CRASH_RANDOM && dice == 1))
			simdisk_tear(up->durable, w, &random);
		i++;
	}
	if (up->size)
		memcpy(up->view, up->durable, up->size);
	return up;
}

struct simdisk *simdisk_kill(const struct simdisk *sd, uint64_t seed)
{
	struct simdisk *up = simdisk_from_image(sd->durable, sd->size, seed);
	const struct simdisk_write *w;

	up->exists = sd->exists;
	up->align = sd->align;
	list_for_each (w, &sd->writes, link) {
		struct simdisk_write *copy = simdisk_must(calloc(1, sizeof(*copy)));

		*copy = *w;
		copy->source = NULL;
		copy->data = simdisk_must(malloc(w->len ? w->len : 1));
		memcpy(copy->data, w->data, w->len);
		copy->written = ++up->completed;
		list_append(&up->writes, &copy->link);
		memcpy(up->view + w->offset, w->data, w->len);
	}
	return up;
}
