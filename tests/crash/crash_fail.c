/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failing disks. One workload, again and again, with each of its writes and flushes failed in
 * turn: once, twice in a row, or from there on for good; with EIO or ENOSPC, any part of a failed
 * write on the disk. Whatever happens, every frame the store took is readable afterwards or was
 * reported lost, nothing reported lost is shown, and nothing half-written.
 *
 * SEED=n runs operation number n only; CRASH_STEP=k takes every k-th operation (default 1).
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/model.h"

#define SEGMENTS 7u
#define STEPS    120u

/* The same appends and commits each time; returns how many operations reached the disk. */
static uint64_t write_store(struct model *m)
{
	int err = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		err = model_append(m);
		/* A frame that is refused is counted by the caller: not our matter here. */
		model_check(m, !err || err == -ENOBUFS || err == -EIO || err == -ENOSPC,
			    "appending: %s", strerror(-err));
		if (i % 7 == 3)
			store_commit(m->store);
		for (unsigned k = 0; k < i % 5; k++)
			model_turn(m);
	}
	err = store_close(m->store);
	m->store = NULL;
	model_check(m, !err || simdisk_submitted(m->disk) > 0, "closing: %s", strerror(-err));
	model_check(m, !m->frames_out, "%u frames were not given back", m->frames_out);
	return simdisk_submitted(m->disk);
}

static void check_accounts(struct model *m, const struct model_shown *s, bool for_good)
{
	for (unsigned i = 0; i < MODEL_CAMERAS; i++) {
		uint64_t there = s->frames[i] + m->lost[i];

		/* On a disk that fails for good what was given up may have reached it after all. */
		model_check(m, for_good ? there >= m->frames[i] : there == m->frames[i],
			    "camera %u: %" PRIu64 " frames taken, %" PRIu64 " readable, %" PRIu64
			    " reported lost",
			    i, m->frames[i], s->frames[i], m->lost[i]);
	}
}

static void run(uint64_t operation, uint64_t count, int fault)
{
	char doing[96];
	struct model m;
	struct model_shown s;

	model_start(&m, operation, SEGMENTS);
	m.random = 99; /* the same workload whatever the operation */
	snprintf(doing, sizeof(doing), "failing %" PRIu64 " operations with %s", count,
		 strerror(-fault));
	m.doing = doing;
	model_check(&m, !model_open(&m), "%s", m.trouble);
	simdisk_set_fault(m.disk, operation, count, fault);
	write_store(&m);
	simdisk_set_fault(m.disk, 0, 0, 0);

	/* What a reader finds on the disk after a power cut, and again after recovery. */
	bool for_good = count > 2;
	struct simdisk *up = simdisk_crash(m.disk, SIMDISK_CRASH_NONE, operation);

	model_read(&m, up, &s);
	check_accounts(&m, &s, for_good);
	model_check_durable(&m, &s);
	model_shown_free(&s);
	simdisk_free(m.disk);
	m.disk = up;
	model_check(&m, !model_open(&m), "recovery: %s", m.trouble);
	int err = model_append_frame(&m, 5000);

	model_check(&m, !err, "appending after recovery: %s", strerror(-err));
	err = store_close(m.store);
	m.store = NULL;
	model_check(&m, !err, "closing after recovery: %s", strerror(-err));
	model_read(&m, m.disk, &s);
	check_accounts(&m, &s, for_good);
	model_shown_free(&s);
	model_end(&m);
}

static uint64_t count_operations(void)
{
	struct model m;
	uint64_t n;

	model_start(&m, 0, SEGMENTS);
	m.random = 99;
	m.doing = "without a fault";
	model_check(&m, !model_open(&m), "%s", m.trouble);
	n = write_store(&m);
	model_end(&m);
	return n;
}

int main(void)
{
	const char *one = getenv("SEED"), *every = getenv("CRASH_STEP");
	uint64_t step = every ? strtoull(every, NULL, 10) : 1, runs = 0, n;

	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	n = count_operations();
	for (uint64_t i = one ? strtoull(one, NULL, 10) : 0; i < n; i += step ? step : 1) {
		run(i, 1, -EIO);
		run(i, 1, -ENOSPC);
		run(i, 2, -EIO);
		run(i, UINT64_MAX, -EIO);
		runs += 4;
		if (one)
			break;
	}
	printf("%" PRIu64 " failing disks over %" PRIu64 " operations\n", runs, n);
	printf("%" PRIu64 " passed, 0 failed, 0 skipped\n", runs);
	return 0;
}
