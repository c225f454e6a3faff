/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power cuts. Random workloads write a store on a simulated disk; at every write and flush,
 * submitted or completed, the disk is cut off and comes up with what it had made durable and, of
 * the rest, nothing, all, a prefix or a random part, torn at sectors. Then a reader, recovery, the
 * reader again, recovery again, and further appending must find everything that was reported
 * durable, byte for byte and in order, and nothing else.
 *
 * SEED=n runs that one workload; CRASH_STATES how many states in all (default 2000).
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/verify_impl.h"
#include "tests/crash/model.h"

#define SEGMENTS     7u
#define STATES       2000u
#define WORKLOAD_OPS 500u

static uint64_t states;

/* A store on `disk` with what is known of m's. */
static void adopt(struct model *m, const struct model *from, struct simdisk *disk)
{
	model_adopt(m, from);
	m->disk = disk;
}

/* Recovery; then what a reader shows. Leaves the store open. */
static void recover(struct model *m, const struct model_shown *before, struct model_shown *after)
{
	int err = model_open(m);

	model_check(m, !err, "recovery: %s", m->trouble);
	/* What recovery wrote is durable now: the same is there after one more cut. */
	struct simdisk *again = simdisk_crash(m->disk, SIMDISK_CRASH_NONE, m->random);

	model_read(m, again, after);
	simdisk_free(again);
	model_check(m, model_same_shown(before, after),
		    "recovery changed what there is: %zu records before, %zu after", before->count,
		    after->count);
}

static void go_on(struct model *m, const struct model_shown *before)
{
	struct model_shown after;
	size_t first = m->items;

	m->doing = "going on after recovery";
	/* Positions of an earlier life mean nothing now: what was shown is what must stay. */
	for (size_t i = 0; i < m->items; i++)
		m->item[i].position = 0;
	if (m->lock_position > m->durable)
		m->lock_position = 0;
	for (unsigned i = 0; i < 6; i++) {
		int err = model_append(m);

		/* What is left may all be locked. */
		for (unsigned k = 0; err == -ENOSPC && k < 100; k++) {
			model_release(m);
			model_turn(m);
			err = model_append(m);
		}

		model_check(m, !err, "appending after recovery: %s", strerror(-err));
	}
	int err = store_close(m->store);

	m->store = NULL;
	model_check(m, !err, "closing after recovery: %s", strerror(-err));
	struct simdisk *down = simdisk_crash(m->disk, SIMDISK_CRASH_NONE, m->random);

	model_read(m, down, &after);
	model_check_follows(m, before, &after);
	model_check(m, after.count >= 6, "what was appended after recovery is not there");
	for (size_t i = 0; i < 6; i++) {
		bool there = false;

		for (size_t k = after.count - 6; k < after.count; k++)
			there |= after.id[k] == first + 1 + i;
		model_check(m, there, "record %zu, appended after recovery, is missing",
			    first + 1 + i);
	}
	model_shown_free(&after);
	simdisk_free(down);
}

static void hear_damage(void *ctx, const char *what)
{
	model_fail(ctx, "damage after a clean end: %s", what);
}

/* Ends cleanly; then there is nothing to find fault with. */
static void leave(struct model *m)
{
	const struct verify_callbacks cb = {.damage = hear_damage, .ctx = m};
	struct verify_result res;
	struct errmsg em = {0};
	int err = m->store ? store_close(m->store) : 0;

	m->store = NULL;
	model_check(m, !err, "closing: %s", strerror(-err));
	err = verify_store_io("box", &simdisk_io, m->disk, &cb, &res, &em);
	model_check(m, !err, "%s", em.text);
	model_end(m);
}

/* The process is killed, and the power fails while the next one recovers, after any number of its
 * writes and flushes. */
static void cut_recovery(struct model *m)
{
	struct simdisk *disk = simdisk_kill(m->disk, states);
	struct model_shown first, second;
	struct model up, again;

	adopt(&up, m, disk);
	up.doing = "recovering, to be cut off";
	simdisk_set_fault(disk, simdisk_random(&up.random) % 6, UINT64_MAX, -EIO);
	if (!model_open(&up) && store_close(up.store))
		up.store = NULL; /* nothing was asked of it: either way is fine */
	adopt(&again, m,
	      simdisk_crash(disk, (enum simdisk_crash)(states / 4 % SIMDISK_CRASH_MODES), states));
	model_end(&up);
	again.doing = "reading after a cut in recovery";
	model_read(&again, again.disk, &first);
	model_check_durable(&again, &first);
	again.doing = "recovering after a cut in recovery";
	recover(&again, &first, &second);
	model_check_durable(&again, &second);
	model_shown_free(&first);
	model_shown_free(&second);
	leave(&again);
}

/* One state: `m` is cut off as it stands. */
static void cut_power(struct model *m)
{
	enum simdisk_crash how = (enum simdisk_crash)(states % SIMDISK_CRASH_MODES);
	struct simdisk *disk = simdisk_crash(m->disk, how, m->seed * 1000003 + states);
	struct model_shown first, second, third;
	struct model up, twice;

	adopt(&up, m, disk);
	up.doing = "reading after the cut";
	model_read(&up, up.disk, &first);
	model_check_durable(&up, &first);
	up.doing = "recovering";
	recover(&up, &first, &second);
	model_check_durable(&up, &second);
	if (states % 4 == 0) {
		adopt(&twice, &up, simdisk_crash(up.disk, SIMDISK_CRASH_RANDOM, states));
		twice.doing = "recovering a second time";
		recover(&twice, &second, &third);
		model_shown_free(&third);
		leave(&twice);
	}
	if (states % 4 == 1)
		cut_recovery(m);
	if (states % 4 == 2)
		go_on(&up, &second);
	model_shown_free(&first);
	model_shown_free(&second);
	leave(&up);
	states++;
}

static void turn(struct model *m, bool cut)
{
	uint64_t submitted = simdisk_submitted(m->disk), completed = simdisk_completed(m->disk);

	model_turn(m);
	if (cut &&
	    (simdisk_submitted(m->disk) != submitted || simdisk_completed(m->disk) != completed))
		cut_power(m);
}

static void one_step(struct model *m, bool cut)
{
	uint64_t submitted = simdisk_submitted(m->disk);
	int err = 0;

	switch (model_random(m, 24)) {
	case 0:
	case 1: store_commit(m->store); break;
	case 2: model_lock(m); break;
	default: err = model_append(m); break;
	}
	if (err == -ENOBUFS || err == -ENOSPC)
		for (unsigned i = 0; i < 20; i++)
			turn(m, cut);
	else
		model_check(m, !err, "appending: %s", strerror(-err));
	/* All that may be recycled is locked, or waits for a checkpoint: only time helps. */
	if (err == -ENOSPC && m->lock_position)
		model_lock(m);
	if (cut && simdisk_submitted(m->disk) != submitted)
		cut_power(m);
	for (uint64_t n = model_random(m, 4); n; n--)
		turn(m, cut);
}

/* Runs a workload; states are taken from operation number `from` on, `want` of them. */
static void workload(uint64_t seed, uint64_t want)
{
	struct model m;
	uint64_t before = states;

	model_start(&m, seed, SEGMENTS);
	simdisk_set_timing(m.disk, seed % 3, seed % 2);
	m.doing = "opening a new store";
	model_check(&m, !model_open(&m), "%s", m.trouble);
	m.doing = "writing";
	/* Every other workload fills the store first, so that it is cut while it recycles. */
	uint64_t skip = seed % 2 ? 900 + seed % 7 * 40 : 0;

	for (uint64_t i = 0; i < skip + WORKLOAD_OPS && states - before < want; i++)
		one_step(&m, i >= skip);
	int err = store_close(m.store);

	m.store = NULL;
	model_check(&m, !err, "closing: %s (%s)", strerror(-err), m.trouble);
	for (unsigned i = 0; i < MODEL_CAMERAS; i++)
		model_check(&m, !m.lost[i], "frames were lost without a fault");
	model_check(&m, !m.frames_out, "%u frames were not given back", m.frames_out);

	struct model_shown s;
	struct simdisk *down = simdisk_crash(m.disk, SIMDISK_CRASH_NONE, 1);

	m.doing = "reading after a clean end";
	m.durable = UINT64_MAX;
	model_read(&m, down, &s);
	model_check_durable(&m, &s);
	model_shown_free(&s);
	simdisk_free(down);
	leave(&m);
}

int main(void)
{
	const char *one = getenv("SEED"), *count = getenv("CRASH_STATES");
	uint64_t want = count ? strtoull(count, NULL, 10) : STATES;
	uint64_t runs = 0;

	/* Images come and go by the thousand: keep their memory instead of faulting it in anew. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	if (one) {
		workload(strtoull(one, NULL, 10), UINT64_MAX);
		runs = 1;
	}
	for (uint64_t seed = 1; !one && states < want; seed++, runs++)
		workload(seed, want / 8 + 1);
	printf("%" PRIu64 " power cuts in %" PRIu64 " workloads\n", states, runs);
	printf("%" PRIu64 " passed, 0 failed, 0 skipped\n", states);
	return 0;
}
