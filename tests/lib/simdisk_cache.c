/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The volatile write cache: what a write, a flush and a fault of either leave behind. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/simdisk_impl.h"

void simdisk_free_write(struct simdisk_write *w)
{
	list_remove(&w->link);
	free(w->data);
	free(w);
}

int simdisk_next_fault(struct simdisk *sd)
{
	uint64_t n = sd->submitted++;

	return n >= sd->fault_first && n - sd->fault_first < sd->fault_count ? sd->fault_err : 0;
}

void simdisk_tear(uint8_t *image, const struct simdisk_write *w, uint64_t *random)
{
	size_t sectors = (w->len + SIMDISK_SECTOR - 1) / SIMDISK_SECTOR;
	unsigned kind = (unsigned)(simdisk_random(random) % 3);
	size_t cut = (size_t)(simdisk_random(random) % (sectors + 1));

	for (size_t i = 0; i < sectors; i++) {
		bool keep = kind == 0 ? i < cut : kind == 1 ? i >= cut : simdisk_random(random) & 1;
		size_t at = i * SIMDISK_SECTOR;
		size_t n = w->len - at < SIMDISK_SECTOR ? w->len - at : SIMDISK_SECTOR;

		if (keep)
			memcpy(image + w->offset + at, w->data + at, n);
	}
}

static void check_range(const struct simdisk *sd, const void *buf, size_t len, uint64_t offset)
{
	if (((uintptr_t)buf | len | offset) & (sd->align - 1))
		simdisk_die("misaligned read or write");
	if (offset > sd->size || len > sd->size - offset)
		simdisk_die("read or write past the end");
}

struct simdisk_write *simdisk_new_write(struct simdisk *sd, const void *buf, size_t len,
					uint64_t offset)
{
	struct simdisk_write *w = simdisk_must(calloc(1, sizeof(*w)));

	check_range(sd, buf, len, offset);
	w->source = buf;
	w->offset = offset;
	w->len = len;
	w->data = simdisk_must(malloc(len ? len : 1));
	memcpy(w->data, buf, len);
	w->fault = simdisk_next_fault(sd);
	if (offset < sd->refused_offset + sd->refused_len && sd->refused_offset < offset + len)
		w->fault = sd->refused_err;
	w->doomed = sd->lying;
	list_append(&sd->writes, &w->link);
	return w;
}

struct simdisk_write *simdisk_new_writev(struct simdisk *sd, const struct iovec *iov, unsigned niov,
					 uint64_t offset)
{
	uint8_t *all;
	size_t len = 0, at = 0;

	for (unsigned i = 0; i < niov; i++) {
		if (((uintptr_t)iov[i].iov_base | iov[i].iov_len) & (sd->align - 1))
			simdisk_die("misaligned piece of a write");
		len += iov[i].iov_len;
	}
	all = simdisk_must(aligned_alloc(4096, (len + 4095) / 4096 * 4096));
	for (unsigned i = 0; i < niov; at += iov[i++].iov_len)
		memcpy(all + at, iov[i].iov_base, iov[i].iov_len);
	struct simdisk_write *w = simdisk_new_write(sd, all, len, offset);

	w->source = NULL;
	free(all);
	return w;
}

int simdisk_end_write(struct simdisk *sd, struct simdisk_write *w)
{
	int res = w->fault;

	if (w->source && memcmp(w->source, w->data, w->len))
		simdisk_die("a buffer was changed while it was being written");
	w->source = NULL;
	if (res) {
		/* Any part of it may be there now, and stays unless something overwrites it. */
		simdisk_tear(sd->view, w, &sd->random);
		memcpy(w->data, sd->view + w->offset, w->len);
	} else {
		memcpy(sd->view + w->offset, w->data, w->len);
	}
	w->written = ++sd->completed;
	return res;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void make_durable(struct simdisk *sd, struct simdisk_write *w)
{
	struct simdisk_write *old;

	/* What was written here before can no longer come back. */
	list_for_each (old, &sd->writes, link) {
		uint64_t from = later(old->offset, w->offset);
		uint64_t end = w->offset + w->len;

		if (old->offset + old->len < end)
			end = old->offset + old->len;
		if (old->written && old->written < w->written && from < end)
			memcpy(old->data + (from - old->offset), w->data + (from - w->offset),
			       end - from);
	}
	memcpy(sd->durable + w->offset, w->data, w->len);
	simdisk_free_write(w);
}

size_t simdisk_list_covered(struct simdisk *sd, struct simdisk_write ***out)
{
	struct simdisk_write *w;
	size_t n = 0;

	*out = simdisk_must(calloc(simdisk_unflushed(sd) + 1u, sizeof(struct simdisk_write *)));
	list_for_each (w, &sd->writes, link)
		if (w->written && !w->doomed)
			(*out)[n++] = w;
	return n;
}

void simdisk_end_flush(struct simdisk *sd, struct simdisk_write **covered, size_t n, int fault,
		       bool lying)
{
	for (size_t i = 0; i < n; i++) {
		if (lying)
			covered[i]->doomed = true;
		else if (covered[i]->doomed)
			continue; /* an earlier flush failed meanwhile */
		else if (!fault)
			make_durable(sd, covered[i]);
		else if (simdisk_random(&sd->random) & 1)
			covered[i]->doomed = true;
	}
}

void simdisk_forget_covered(struct simdisk *sd, struct simdisk_write **done, size_t ndone)
{
	struct simdisk_queued *q;

	list_for_each (q, &sd->queue, link) {
		size_t kept = 0;

		for (size_t i = 0; i < q->ncovered; i++) {
			bool gone = false;

			for (size_t j = 0; j < ndone; j++)
				gone |= q->covered[i] == done[j];
			if (!gone)
				q->covered[kept++] = q->covered[i];
		}
		q->ncovered = kept;
	}
}
