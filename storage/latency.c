/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/latency.h"

#define SUB (1u << LATENCY_SUB_BITS)

/* Below 2 * SUB units a bucket for each; above, SUB of them to every power of two. */
static size_t bucket_of(uint64_t ns)
{
	uint64_t units = ns >> LATENCY_UNIT_BITS;

	if (ns >> LATENCY_TOP_BITS)
		return LATENCY_BUCKETS - 1;
	if (units < SUB)
		return (size_t)units;
	unsigned shift = 63u - (unsigned)__builtin_clzll(units) - LATENCY_SUB_BITS;

	return ((size_t)shift << LATENCY_SUB_BITS) + (size_t)(units >> shift);
}

/* The longest that falls into it; the last one has no end. */
static int64_t bucket_end(size_t i)
{
	if (i == LATENCY_BUCKETS - 1)
		return INT64_MAX;
	unsigned shift = i < 2 * SUB ? 0 : (unsigned)(i >> LATENCY_SUB_BITS) - 1;
	uint64_t units = i - ((uint64_t)shift << LATENCY_SUB_BITS);

	return (int64_t)(((units + 1) << shift << LATENCY_UNIT_BITS) - 1);
}

/* Relaxed throughout: each counter is a figure of its own, and orders nothing. */
void latency_add(struct latency *l, int64_t ns)
{
	long long max = atomic_load_explicit(&l->max_ns, memory_order_relaxed);

	ns = ns < 0 ? 0 : ns;
	atomic_fetch_add_explicit(&l->bucket[bucket_of((uint64_t)ns)], 1, memory_order_relaxed);
	while (ns > max &&
	       !atomic_compare_exchange_weak_explicit(&l->max_ns, &max, ns, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void latency_reset(struct latency *l)
{
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		atomic_store_explicit(&l->bucket[i], 0, memory_order_relaxed);
	atomic_store_explicit(&l->max_ns, 0, memory_order_relaxed);
}

/* The end of the bucket that holds the least one with `percent` of all at or below it. */
static int64_t percentile(const uint64_t n[LATENCY_BUCKETS], uint64_t count, unsigned percent,
			  int64_t max_ns)
{
	uint64_t rank = count / 100 * percent + (count % 100 * percent + 99) / 100, seen = 0;
	size_t i = 0;

	while (i < LATENCY_BUCKETS - 1 && (seen += n[i]) < rank)
		i++;
	return bucket_end(i) < max_ns ? bucket_end(i) : max_ns;
}

void latency_summarize(const struct latency *l, struct latency_summary *out)
{
	uint64_t n[LATENCY_BUCKETS];
	struct latency_summary sum = {
		.max_ns = atomic_load_explicit(&l->max_ns, memory_order_relaxed)};

	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		n[i] = atomic_load_explicit(&l->bucket[i], memory_order_relaxed);
		sum.count += n[i];
	}
	if (sum.count) {
		sum.p50_ns = percentile(n, sum.count, 50, sum.max_ns);
		sum.p99_ns = percentile(n, sum.count, 99, sum.max_ns);
	} else {
		sum.max_ns = 0;
	}
	*out = sum;
}
