/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a JPEG, alone and in turn with itself: the same picture, the same verdict, nothing
 * written outside. The first byte chooses how many at once. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/dcjpeg.h"

#define BATCH      6
#define PIXELS_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static void read_all(struct dcjpeg_job *jobs, size_t n, const struct dcjpeg_info *info)
{
	size_t pixels = (size_t)info->cols * info->rows;

	for (size_t i = 0; i < n; i++) {
		jobs[i].dst = malloc(pixels);
		must(jobs[i].dst != NULL, "no memory");
		memset(jobs[i].dst, (int)i, pixels);
		jobs[i].stride = info->cols;
	}
	dcjpeg_read(jobs, n);
	must(jobs[0].damaged ? jobs[0].good < info->rows : jobs[0].good == info->rows,
	     "rows good do not fit the verdict");
	for (size_t i = 1; i < n; i++)
		must(jobs[i].damaged == jobs[0].damaged && jobs[i].good == jobs[0].good &&
			     !memcmp(jobs[i].dst, jobs[0].dst, pixels),
		     "one picture gives two");
	for (size_t i = 0; i < n; i++)
		free(jobs[i].dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dcjpeg_job jobs[BATCH] = {0};
	struct dcjpeg_info info = {0};
	size_t n, opened = 0;

	if (!size)
		return 0;
	n = 1 + data[0] % BATCH;
	for (size_t i = 0; i < n; i++) {
		int err;

		must(!dcjpeg_create(&jobs[i].d), "no memory");
		err = dcjpeg_open(jobs[i].d, data + 1, size - 1, &info);
		must(!err || err == -EBADMSG || err == -EOPNOTSUPP, "an odd error");
		opened += !err;
	}
	must(opened == 0 || opened == n, "opened by some only");
	if (opened && (size_t)info.cols * info.rows <= PIXELS_MAX)
		read_all(jobs, n, &info);
	for (size_t i = 0; i < n; i++)
		dcjpeg_destroy(jobs[i].d);
	return 0;
}
