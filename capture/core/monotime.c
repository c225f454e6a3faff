/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/monotime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "capture/core/cleanup.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	/* Cannot fail for these clocks on Linux. */
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t monotime_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int read_boot_id(uint8_t out[16])
{
	CLEANUP_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[40];
	uint8_t id[16];
	size_t n = 0;
	ssize_t len;

	if (fd < 0)
		return -EIO;
	len = read(fd, text, sizeof(text));
	for (ssize_t i = 0; i + 1 < len && n < sizeof(id); i++) {
		int hi = hex_digit(text[i]), lo = hex_digit(text[i + 1]);

		if (hi < 0)
			continue; /* a dash */
		if (lo < 0)
			return -EIO;
		id[n++] = (uint8_t)(hi << 4 | lo);
		i++;
	}
	if (n != sizeof(id))
		return -EIO;
	memcpy(out, id, sizeof(id));
	return 0;
}

int monotime_sample(struct monotime_sample *out)
{
	struct monotime_sample s = {0};
	int64_t best = INT64_MAX;
	struct timex tx = {0};
	int ret = read_boot_id(s.boot_id);

	if (ret)
		return ret;
	/* The tightest of a few brackets: a preemption between two reads must not shift UTC. */
	for (int i = 0; i < 5; i++) {
		int64_t before = read_clock(CLOCK_MONOTONIC);
		int64_t utc = read_clock(CLOCK_REALTIME);
		int64_t width = read_clock(CLOCK_MONOTONIC) - before;

		if (width < best) {
			best = width;
			s.mono_ns = before + width / 2;
			s.utc_ns = utc;
		}
	}
	s.error_us = UINT32_MAX;
	if (adjtimex(&tx) >= 0) {
		s.synchronised = !(tx.status & STA_UNSYNC);
		if (tx.maxerror >= 0 && tx.maxerror < UINT32_MAX)
			s.error_us = (uint32_t)tx.maxerror;
	}
	*out = s;
	return 0;
}
