/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests /dev/matlang-pool from user space, without a camera. Prints "ok NAME", "not ok NAME: why".
 *
 *   pool_probe memory FILE          what the memory is good for; FILE: made on a disk, for O_DIRECT
 *   pool_probe lifetime             descriptors, mappings and slices go away in every order
 *   pool_probe limits               the pool's limit, and what is refused
 *   pool_probe killed               a process is killed after each step: nothing is left behind
 *   pool_probe hold                 keeps a mapped slice, and nothing else, until it is killed
 *   pool_probe cgroup DIR           DIR: a memory cgroup of version 2 with nobody in it
 *   pool_probe fuzz SEED SECONDS    random and nearly valid ioctls on both kinds of descriptors
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vm/pool_probe/probe.h"

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "memory") && argc == 3)
		probe_memory(argv[2]);
	else if (!strcmp(what, "lifetime"))
		probe_lifetime();
	else if (!strcmp(what, "limits"))
		probe_limits();
	else if (!strcmp(what, "killed"))
		probe_killed();
	else if (!strcmp(what, "hold"))
		probe_hold();
	else if (!strcmp(what, "cgroup") && argc == 3)
		probe_cgroup(argv[2]);
	else if (!strcmp(what, "fuzz") && argc == 4)
		probe_fuzz(strtoull(argv[2], NULL, 0), atoi(argv[3]));
	else {
		fprintf(stderr, "usage: pool_probe memory FILE|lifetime|limits|killed|hold|cgroup "
				"DIR|fuzz SEED S\n");
		return 2;
	}
	return probe_failures() ? 1 : 0;
}
