/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fault scripts of `rack:` cameras: "unplug@100:2s,stall@200:3s,torn%50,drop@400:5,openfail:3".
 *
 *   KIND@N[:ARG]  at the device's frame N, counted from 0 over its whole life (see rack_device.h)
 *   KIND%N[:ARG]  at frames N, 2N, 3N ...
 *   openfail:N    the first N opens fail with EIO
 *
 *   unplug:TIME   (default 1s) gone: ENODEV, also when opened again, until TIME is over
 *   stall:TIME    (default 1s) no frames, no gap in the sequence: only timestamps show it
 *   drop:COUNT    (default 1) the device loses frames: a gap in the sequence
 *   error         the frame arrives flagged, without a picture
 *   torn          the picture's second half is missing, unflagged
 *   cover:TIME    (default 1s) the picture is that of a covered lens,
 *   defocus:TIME  one out of focus,
 *   move:TIME     of another place,
 *   blind:TIME    or of glaring light; one of these four kinds in a script
 *
 * TIME is "2s", "250ms" or seconds. Where several apply to one frame, the first of the list above
 * wins. Thread-safe: const after parsing.
 */
#ifndef CAPTURE_RACK_FAULTS_H
#define CAPTURE_RACK_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

#define RACK_FAULTS_MAX 16

enum rack_fault_kind {
	RACK_FAULT_NONE,
	RACK_FAULT_UNPLUG,
	RACK_FAULT_STALL,
	RACK_FAULT_DROP,
	RACK_FAULT_ERROR,
	RACK_FAULT_TORN,
	RACK_FAULT_COVER,
	RACK_FAULT_DEFOCUS,
	RACK_FAULT_MOVE,
	RACK_FAULT_BLIND,
	RACK_FAULT_KINDS
};

struct rack_fault {
	enum rack_fault_kind kind;
	bool every;
	uint64_t at;
	int64_t arg; /* frames for drop, ns for all others that have one */
};

struct rack_faults {
	unsigned n;
	struct rack_fault fault[RACK_FAULTS_MAX];
	unsigned open_failures;
	enum rack_fault_kind view; /* of COVER to BLIND, the one that is in it; or NONE */
};

/* -EINVAL with message. "" is no faults. */
int rack_faults_parse(const char *text, struct rack_faults *out, struct errmsg *em) MUST_CHECK;
/* True when the script holds anything. */
bool rack_faults_any(const struct rack_faults *f);
/* Whether the view is lost at a frame of a device that makes so many in 1000 seconds. */
bool rack_faults_lost_view(const struct rack_faults *f, uint64_t frame, uint32_t millihertz);
/* What else happens at a frame; *arg as in struct rack_fault. */
enum rack_fault_kind rack_faults_at(const struct rack_faults *f, uint64_t frame, int64_t *arg);

#endif
