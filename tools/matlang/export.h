/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An export: the frames of one camera in a range of time as container files, with a list of what is
 * missing and checksums beside them.
 *
 *   cmd_export.c ──► export_range (what is there, where to begin)
 *                ──► export_write (frames into files; a file ends where the format changes)
 *                ──► export_report (F.gaps.txt, F.json, F.sha256)
 */
#ifndef MATLANG_EXPORT_H
#define MATLANG_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/matlang/footage.h"
#include "tools/matlang/gaps.h"
#include "tools/matlang/outputs.h"

enum export_encode {
	EXPORT_COPY, /* what is compressed stays as it is, raw becomes MJPEG */
	EXPORT_MJPEG,
	EXPORT_H264,
};

#define EXPORT_PATH_MAX 1024

/* One container file. */
struct export_part {
	char path[EXPORT_PATH_MAX];
	char sha256[SHA256_HEX_SIZE];
	char source[16];   /* format as recorded: "MJPEG", "NV12" */
	const char *codec; /* as written: "mjpeg", "h264", "hevc" */
	bool copied;       /* the camera's own bytes, not encoded anew */
	uint32_t width, height;
	uint64_t frames, bytes;
	int64_t first_ns, last_ns;
	size_t output; /* index in outputs */
};

struct export
{
	const struct cli *c;
	struct footage f;
	const char *camera;
	uint32_t camera_id;
	const char *container;
	char base[EXPORT_PATH_MAX]; /* the -o name without its end */
	char path[EXPORT_PATH_MAX];
	enum export_encode encode;
	int quality;

	/* Found by export_range. */
	int64_t begin_ns;       /* of the key frame to begin with; <= footage.from_ns */
	int64_t end_ns;         /* where recording is expected to reach: --to or the store's end */
	int64_t interval_ns;    /* median time between frames */
	uint64_t frames, bytes; /* to be read */

	/* Filled by export_write. */
	struct outputs outputs;
	struct export_part *part;
	size_t nparts;
	struct gaps gaps;
	uint64_t torn, early, unusable, damaged, recycled;
	enum record_clock clock; /* the worst seen */
};

/* CLI_OK, or an exit code after saying why. */
int export_range(struct export *x) MUST_CHECK;
int export_write(struct export *x) MUST_CHECK;
int export_report(struct export *x) MUST_CHECK;

/* Moments of frames as time stamps: by the monotonic clock within a boot of the box, by UTC from
 * one boot to the next; always growing. */
struct export_clock {
	bool begun;
	uint32_t boot;
	int64_t mono_ns, utc_ns, pts_ns;
};
int64_t export_clock_pts(struct export_clock *k, const struct record *rec);

#endif
