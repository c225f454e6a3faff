/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/loss.h"

#include "capture/core/compiler.h"

static const char *const names[LOSS_CAUSES] = {
	[LOSS_NONE] = "none",
	[LOSS_SEQUENCE_GAP] = "sequence-gap",
	[LOSS_DEVICE_ERROR] = "device-error",
	[LOSS_TORN] = "torn",
	[LOSS_NO_SLOT] = "no-slot",
	[LOSS_DISK_LATE] = "disk-late",
	[LOSS_CAMERA_AWAY] = "camera-away",
	[LOSS_STOPPED] = "stopped",
	[LOSS_WRITE_ERROR] = "write-error",
	[LOSS_TIME_GAP] = "time-gap",
	[LOSS_NO_SPACE] = "no-space",
};

const char *loss_cause_name(enum loss_cause cause)
{
	if ((unsigned)cause >= ARRAY_SIZE(names))
		return "unknown";
	return names[cause];
}
