/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stores as a power cut leaves them, for readers to agree on: random workloads on the simulated
 * disk, cut off at a random moment, some with a write or a flush failed before, some recovered and
 * cut off again.
 *
 *   write_cut DIR COUNT     makes DIR/1 ... DIR/COUNT, each a store
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/crash/model.h"

#define SEGMENTS 6u

static void save(const struct model *m, struct simdisk *disk, const char *dir)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/" DISK_VOLUME_FILE, dir);
	model_check(m, !mkdir(dir, 0777), "%s: %s", dir, strerror(errno));
	f = fopen(path, "wbe");
	model_check(m, f, "%s: %s", path, strerror(errno));
	model_check(m,
		    fwrite(simdisk_image(disk), 1, simdisk_size(disk), f) == simdisk_size(disk) &&
			    !fclose(f),
		    "%s: cannot write it", path);
}

static int step_clock(struct model *m)
{
	struct monotime_sample c;

	model_check(m, !monotime_sample(&c), "monotime_sample");
	c.mono_ns = m->mono_ns;
	c.utc_ns = m->mono_ns + (int64_t)model_random(m, 1u << 30) * NSEC_PER_SEC;
	c.synchronised = model_random(m, 3) == 0;
	return store_append_clock(m->store, &c);
}

static void work(struct model *m, uint64_t steps)
{
	/* Locks are by date: not where that changes. */
	bool clock = m->seed % 5 == 4;

	for (uint64_t i = 0; i < steps; i++) {
		int err = 0;

		switch (model_random(m, 24)) {
		case 0:
		case 1: store_commit(m->store); break;
		case 2:
			if (clock)
				err = step_clock(m);
			else
				model_lock(m);
			break;
		default: err = model_append(m); break;
		}
		/* Full, late or failed: only time helps. */
		for (uint64_t n = err ? 20 : model_random(m, 4); n; n--)
			model_turn(m);
		if (err == -ENOSPC && m->lock_position)
			model_lock(m);
	}
}

static void cut(struct model *m)
{
	struct simdisk *down = simdisk_crash(
		m->disk, (enum simdisk_crash)(m->seed % SIMDISK_CRASH_MODES), m->seed);

	/* The store that was writing has no part in what follows. */
	simdisk_set_fault(m->disk, 0, 0, 0);
	if (store_close(m->store))
		m->doing = "cut off after a failure";
	m->store = NULL;
	simdisk_free(m->disk);
	m->disk = down;
	m->lock_position = 0;
	m->durable = 0;
}

static void make(uint64_t seed, const char *dir)
{
	struct model m;

	model_start(&m, seed, SEGMENTS);
	simdisk_set_timing(m.disk, seed % 3, seed % 2);
	for (uint64_t life = 0; life <= seed % 3; life++) {
		m.doing = "opening";
		model_check(&m, !model_open(&m), "%s", m.trouble);
		m.doing = "writing";
		work(&m, model_random(&m, 150));
		if (seed % 4 == 3)
			simdisk_set_fault(m.disk, simdisk_submitted(m.disk) + 1 + seed % 2, 1,
					  -EIO);
		work(&m, 20 + model_random(&m, seed % 5 ? 100 : 600));
		cut(&m);
	}
	save(&m, m.disk, dir);
	model_end(&m);
}

int main(int argc, char **argv)
{
	char dir[480];
	unsigned long count;

	if (argc != 3 || !(count = strtoul(argv[2], NULL, 10))) {
		fprintf(stderr, "usage: write_cut DIR COUNT\n");
		return 2;
	}
	for (unsigned long seed = 1; seed <= count; seed++) {
		snprintf(dir, sizeof(dir), "%s/%lu", argv[1], seed);
		make(seed, dir);
	}
	return 0;
}
