/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What outlives the open source of a `rack:` camera with a fault script, as a device outlives the
 * descriptor that was open on it: how many frames it has made, how long it stays unplugged or
 * stalled, how often it was opened. Devices are told apart by the whole text behind "rack:", so a
 * changed script is a new device. A closed device is forgotten after RACK_DEVICE_MEMORY_NS, to be
 * counted from the end of its unplug.
 *
 * This is the rack's one piece of process-wide state besides its pictures (rack_jpeg.h); a lock
 * protects the list. A device in use belongs to the source that holds it.
 */
#ifndef CAPTURE_RACK_DEVICE_H
#define CAPTURE_RACK_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/list.h"
#include "capture/core/monotime.h"
#include "capture/source.h"

#define RACK_DEVICE_MEMORY_NS (60 * NSEC_PER_SEC)

struct rack_device {
	struct list link;
	bool held;
	int64_t closed_ns;
	char key[SOURCE_URI_MAX];

	/* The holder's. */
	uint64_t frame; /* number of the next frame it makes */
	int64_t gone_until_ns, stalled_until_ns;
	unsigned opens; /* opens so far, failed ones included */
};

/* Opener thread. -EBUSY: a source holds it already; -ENOMEM. */
int rack_device_hold(const char *key, struct rack_device **out) MUST_CHECK;
/* NULL is fine. */
void rack_device_release(struct rack_device *d);

#endif
