/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tools/bench/bench.h"

static const struct {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} benches[] = {
	{"record", "records rack cameras: CPU a frame, MB/s, what was lost, memory",
	 bench_record_main},
	{"mount", "opens a store with many segments, cold", bench_mount_main},
	{"find", "searches a month of motion of many cameras, cold", bench_find_main},
	{"direct", "gathering against writing from the slot, by frame size", bench_direct_main},
	{"frames", "writes the rack's pictures to a file, for other programs to copy",
	 bench_frames_main},
};

static void usage(FILE *f)
{
	fprintf(f, "Usage: matlang bench NAME [OPTIONS]\n\nMeasures this machine. Every bench has "
		   "--help.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
		fprintf(f, "  %-8s %s\n", benches[i].name, benches[i].help);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("matlang-bench %s\n", MATLANG_VERSION);
		return 0;
	}
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(benches); i++) {
		if (!strcmp(argv[1], benches[i].name))
			return benches[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "matlang bench: there is no bench \"%s\"\n", argv[1]);
	usage(stderr);
	return 2;
}
