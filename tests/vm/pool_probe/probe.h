/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every part of pool_probe uses: results are told, the pool and its figures are at hand; and
 * the parts themselves. */
#ifndef TESTS_VM_POOL_PROBE_H
#define TESTS_VM_POOL_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "kmod/uapi.h"

#define PROBE_PAGE  4096ul
#define PROBE_STATS "/sys/class/misc/matlang-pool/"

/* Prints "ok pool: NAME" or "not ok pool: NAME: why" and counts the latter. */
void probe_result(bool good, const char *name, const char *why, ...)
	__attribute__((format(printf, 3, 4)));
int probe_failures(void);
/* In a child: counts anew. */
void probe_forget_failures(void);

/* A figure of the pool; all ones: it cannot be read. */
unsigned long long probe_stat(const char *name);
/* The kernel frees some things only after the process is gone. */
bool probe_pool_becomes_empty(void);
/* Ends the program when there is no pool. */
int probe_pool_open(void);
/* Descriptors, or -errno. `run` 0: of single pages. */
int probe_alloc(int pool, __u64 size, __u64 run);
int probe_slice(int slab, __u64 offset, __u64 size);
/* NULL: it cannot be mapped. */
unsigned char *probe_map(int fd, size_t size);
void probe_fill(unsigned char *at, size_t size, unsigned seed);

/* The parts, as the usage of pool_probe has them. */
void probe_memory(const char *path);
void probe_lifetime(void);
void probe_limits(void);
void probe_killed(void);
void probe_hold(void);
void probe_cgroup(const char *dir);
void probe_fuzz(__u64 seed, int seconds);

#endif
