/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang-bench: measures the appliance's own code paths. `matlang bench` starts it. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"

/* Each: exit status 0 done, 1 failed (message printed), 2 usage. argv[0] is the bench's name. */
int bench_record_main(int argc, char **argv);
int bench_mount_main(int argc, char **argv);
int bench_frames_main(int argc, char **argv);
int bench_direct_main(int argc, char **argv);
int bench_find_main(int argc, char **argv);

/* Processor time of the whole process so far. */
int64_t bench_cpu_ns(void);
/* Resident bytes of the process now. */
uint64_t bench_rss_bytes(void);

/* A number option of the command line; prints and returns -EINVAL outside min..max. */
int bench_number(const char *option, const char *text, double min, double max,
		 double *out) MUST_CHECK;

#endif
