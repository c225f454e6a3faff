/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several simulated disks behind the storage I/O seam: "dN/volume-N.matlang" is the one file of
 * disk number N. Disks can be taken away; everything else is done to each of them (simdisk.h).
 */
#ifndef TESTS_LIB_SIMARRAY_H
#define TESTS_LIB_SIMARRAY_H

#include "tests/lib/simdisk.h"

#define SIMARRAY_MAX 8u

struct simarray {
	struct simdisk *disk[SIMARRAY_MAX];
	bool gone[SIMARRAY_MAX];
	unsigned disks;
};

/* Its `ctx` is a struct simarray. */
extern const struct storage_io_ops simarray_io;

/* "d0,d1,...": all of them. */
const char *simarray_dirs(const struct simarray *a);
uint64_t simarray_submitted(const struct simarray *a);
uint64_t simarray_completed(const struct simarray *a);
/* All come up after one power cut. */
struct simarray *simarray_crash(const struct simarray *a, enum simdisk_crash how, uint64_t seed);
void simarray_free(struct simarray *a);

#endif
