/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads every byte of a store and says what is wrong. Works offline and beside a running writer.
 */
#ifndef STORAGE_VERIFY_H
#define STORAGE_VERIFY_H

#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

struct verify_callbacks {
	void (*damage)(void *ctx, const char *what); /* one line each: where and what */
	int (*progress)(void *ctx, uint64_t done, uint64_t total); /* bytes; non-zero: stop */
	void *ctx;
};

struct verify_result {
	uint64_t segments, chunks, records, bytes;
	uint64_t frames;
	uint64_t damaged;  /* findings */
	uint64_t recycled; /* segments the writer recycled while we read: not damage */
};

/* 0: read to the end (see result->damaged); -errno with message: not readable at all. */
int verify_store(const char *dir, const struct verify_callbacks *cb, struct verify_result *result,
		 struct errmsg *em) MUST_CHECK;

#endif
