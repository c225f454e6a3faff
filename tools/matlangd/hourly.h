/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often something happened within the last hour, to the minute. One thread. */
#ifndef MATLANGD_HOURLY_H
#define MATLANGD_HOURLY_H

#include <stddef.h>
#include <stdint.h>

#define HOURLY_MINUTES 60

struct hourly {
	uint16_t in[HOURLY_MINUTES]; /* by minute, modulo the hour */
	int64_t minute;              /* the latest one counted into */
};

/* Zeroed memory has counted nothing. Times are monotonic and not before those given earlier. */
void hourly_add(struct hourly *h, int64_t mono_ns);
/* In this minute and the 59 before. */
size_t hourly_sum(const struct hourly *h, int64_t mono_ns);

#endif
