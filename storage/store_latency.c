/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long each disk of a store takes, for people. */
#include "storage/store_impl.h"
#include "storage/stripe.h"

#include <errno.h>
#include <stdio.h>

int store_latency(const struct store *s, unsigned volume, struct store_latency *out)
{
	struct stripe_status status;
	const char *dir = "";

	if (volume >= s->super.volume_count || volume >= DISK_VOLUMES_MAX)
		return -ENOENT;
	if (s->super.volume_count == 1) {
		dir = s->dir;
	} else if (s->io && stripe_is(s->io)) {
		stripe_status(s->io, &status);
		dir = status.volume[volume].dir;
	}
	snprintf(out->dir, sizeof(out->dir), "%.255s", dir);
	latency_summarize(&s->latency[volume].write, &out->write);
	latency_summarize(&s->latency[volume].flush, &out->flush);
	return 0;
}
