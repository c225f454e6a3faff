/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long something took, as a histogram: buckets an eighth of a power of two wide, so that any
 * percentile is told at most 12.5 % too high and never too low, in memory that does not grow
 * (the log-linear histogram of G. Tene, HdrHistogram).
 *
 * Threads: latency_add on any number of them at once, beside latency_summarize on others. What is
 * summarised then may lack the very last ones. latency_reset loses what is added meanwhile.
 */
#ifndef STORAGE_LATENCY_H
#define STORAGE_LATENCY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LATENCY_UNIT_BITS 10u /* told apart to 1,024 ns */
#define LATENCY_SUB_BITS  3u
#define LATENCY_TOP_BITS  40u /* the last bucket holds all from 2^40 ns (18 min) on */
#define LATENCY_BUCKETS \
	(((LATENCY_TOP_BITS - LATENCY_UNIT_BITS - LATENCY_SUB_BITS + 1) << LATENCY_SUB_BITS) + 1)

/* All zero: empty. */
struct latency {
	atomic_ullong bucket[LATENCY_BUCKETS];
	atomic_llong max_ns;
};

/* Of one disk. */
struct latency_disk {
	struct latency write, flush;
};

struct latency_summary {
	uint64_t count;
	/* So long or shorter took half of them, 99 of 100, all of them; ns; 0: there are none. */
	int64_t p50_ns, p99_ns, max_ns;
};

/* Counts one that took `ns`; less than 0 counts as 0. */
void latency_add(struct latency *l, int64_t ns);
void latency_reset(struct latency *l);
void latency_summarize(const struct latency *l, struct latency_summary *out);

#endif
