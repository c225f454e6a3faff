/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/simarray.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int array_open(void *ctx, const char *path, unsigned flags, struct reactor *r,
		      struct storage_io **out, struct errmsg *em)
{
	struct simarray *a = ctx;
	unsigned dir, volume;

	if (sscanf(path, "d%u/volume-%u.matlang", &dir, &volume) != 2 || dir >= a->disks ||
	    dir != volume || a->gone[dir])
		return errmsg_set(em, -ENOENT, "cannot open %s: %s", path, strerror(ENOENT));
	return simdisk_io.open(a->disk[dir], path, flags, r, out, em);
}

/* What it opens is a simulated disk's own. */
const struct storage_io_ops simarray_io = {.open = array_open};

const char *simarray_dirs(const struct simarray *a)
{
	static const char all[] = "d0,d1,d2,d3,d4,d5,d6,d7";

	/* From the end of the list on, so that the order is not the volumes'. */
	return a->disks == 2   ? "d1,d0"
	       : a->disks == 3 ? "d2,d0,d1"
	       : a->disks == 4 ? "d3,d0,d1,d2"
	       : a->disks == 5 ? "d4,d0,d1,d2,d3"
			       : all;
}

uint64_t simarray_submitted(const struct simarray *a)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < a->disks; i++)
		n += simdisk_submitted(a->disk[i]);
	return n;
}

uint64_t simarray_completed(const struct simarray *a)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < a->disks; i++)
		n += simdisk_completed(a->disk[i]);
	return n;
}

struct simarray *simarray_crash(const struct simarray *a, enum simdisk_crash how, uint64_t seed)
{
	struct simarray *up = calloc(1, sizeof(*up));

	if (!up)
		abort();
	up->disks = a->disks;
	for (unsigned i = 0; i < a->disks; i++) {
		up->disk[i] = simdisk_crash(a->disk[i], how, seed * 16 + i);
		up->gone[i] = a->gone[i];
	}
	return up;
}

void simarray_free(struct simarray *a)
{
	for (unsigned i = 0; a && i < a->disks; i++)
		simdisk_free(a->disk[i]);
	free(a);
}
