/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/hourly.h"

#include "capture/core/monotime.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)

void hourly_add(struct hourly *h, int64_t mono_ns)
{
	int64_t now = mono_ns / MINUTE_NS;
	uint16_t *n = &h->in[now % HOURLY_MINUTES];

	/* Minutes in which nothing happened still hold what was there an hour before. */
	if (now - h->minute > HOURLY_MINUTES)
		h->minute = now - HOURLY_MINUTES;
	while (h->minute < now)
		h->in[++h->minute % HOURLY_MINUTES] = 0;
	if (*n < UINT16_MAX)
		++*n;
}

size_t hourly_sum(const struct hourly *h, int64_t mono_ns)
{
	int64_t now = mono_ns / MINUTE_NS;
	size_t sum = 0;

	for (int64_t m = h->minute; m > h->minute - HOURLY_MINUTES && m >= 0; m--)
		if (m > now - HOURLY_MINUTES)
			sum += h->in[m % HOURLY_MINUTES];
	return sum;
}
