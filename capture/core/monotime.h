/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks. All times inside are int64 nanoseconds. Any thread. */
#ifndef CORE_MONOTIME_H
#define CORE_MONOTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"

#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)
#define NSEC_PER_USEC INT64_C(1000)

/* CLOCK_MONOTONIC now: what V4L2 stamps frames with. */
int64_t monotime_now(void);

/* One sample of the clock track: how the monotonic clock of this boot maps to UTC. */
struct monotime_sample {
	int64_t mono_ns;     /* CLOCK_MONOTONIC */
	int64_t utc_ns;      /* CLOCK_REALTIME at the same moment (taken between two mono reads) */
	uint32_t error_us;   /* the kernel's estimate of the maximum error (adjtimex), capped */
	bool synchronised;   /* the kernel says the clock is disciplined (STA_UNSYNC clear) */
	uint8_t boot_id[16]; /* /proc/sys/kernel/random/boot_id, binary */
};

/* Reads all clocks. Errors: -EIO when the boot id cannot be read. */
int monotime_sample(struct monotime_sample *out) MUST_CHECK;

#endif
