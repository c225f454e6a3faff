/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source is the device behind a camera: `v4l2:`, `clip:`, `rack:`. The camera (camera.h) sees
 * only this interface; slots, ledger, analysis and storage cannot tell one kind from another.
 *
 * Life: open and start run on an opener thread and may block; then the reactor polls
 * `source_poll_fd` and calls dequeue/enqueue, which never block; stop and close run on an opener
 * thread again. A source never calls back.
 *
 *   open ──► format known ──► (camera makes slab) ──► start(slab) ──► {enqueue, dequeue}* ──► stop
 * ──► close
 */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/pixfmt.h"
#include "capture/slab.h"

#define SOURCE_URI_MAX 512

/* What the admin asks for; 0 or "" is "best the device has". */
struct source_want {
	uint32_t max_width, max_height; /* the best size not above this; 0: no limit */
	double max_fps;                 /* the best rate not above this; 0: no limit */
	uint32_t fourcc;       /* exactly this format; 0: MJPEG before H.264/HEVC before raw */
	enum slab_kind memory; /* SLAB_AUTO, or exactly this kind */
	unsigned slots;        /* buffers to ask for; 0: default */
};

/* What was negotiated; valid after open. */
struct source_format {
	uint32_t fourcc, width, height;
	double fps;                           /* nominal; 0 when the device does not tell */
	unsigned nplanes;                     /* memory planes */
	size_t plane_size[PIXFMT_MAX_PLANES]; /* bytes each plane's buffer must hold (sizeimage) */
	uint32_t stride[PIXFMT_MAX_PLANES];   /* bytesperline; 0 compressed */
	bool multiplanar;                     /* the V4L2 MPLANE API (shown to the admin) */
	bool full_range;                      /* raw luma 0-255 */
	unsigned slots;                       /* wanted by the source: the camera makes that many */
	char driver[32], card[64], bus[64]; /* for status: "uvcvideo", "HD Camera", "usb-..-1.4" */
	char identity[128]; /* stable across replug: port path, serial; "" if none */
};

/* One filled buffer. */
struct source_buffer {
	unsigned slot;
	uint32_t sequence;
	int64_t mono_ns; /* CLOCK_MONOTONIC */
	bool error;      /* the device flagged it (V4L2_BUF_FLAG_ERROR) */
	bool key;        /* compressed: decodable by itself, as far as the source knows */
	struct {
		size_t data_offset; /* bytes before the picture in the plane */
		size_t bytesused;   /* as V4L2: data_offset included */
	} plane[PIXFMT_MAX_PLANES];
};

struct source;

/* Memory kinds a source can take, best first, ended by SLAB_AUTO. */
#define SOURCE_KINDS_MAX 6

struct source_ops {
	const char *scheme; /* "v4l2" */

	/* Any thread. Whether `rest` says what it may, without a look at the device: 0, or -EINVAL
	 * with message. NULL: there is nothing to check. */
	int (*check)(const char *rest, struct errmsg *em);

	/* Opener thread. Opens the device at `rest` (the URI behind "scheme:"), negotiates the
	 * format and fills `fmt` and `kinds`. Errors with message; the device is closed again. */
	int (*open)(struct source **out, const char *rest, const struct source_want *want,
		    struct source_format *fmt, enum slab_kind kinds[SOURCE_KINDS_MAX],
		    struct errmsg *em);

	/* Opener thread. Hands over the slots (REQBUFS with the slab's kind, queueing all slots,
	 * STREAMON). For SLAB_DRIVER the source maps its buffers and fills slab->slot[].
	 * -EOPNOTSUPP: not with this kind of memory, try the next; anything else: the camera
	 * failed. */
	int (*start)(struct source *s, struct slab *slab, struct errmsg *em);

	/* Reactor. The descriptor to poll for POLLIN, and POLLPRI (the device announces something:
	 * dequeue looks); constant between start and stop. */
	int (*poll_fd)(const struct source *s);

	/* Reactor. One filled buffer: 0; -EAGAIN: none now; any other error: the camera failed
	 * (-ENODEV: it is gone; -EPIPE: it delivers another format from now on, open it anew),
	 * but -ENODATA: it has delivered all it had (a clip that is played once). */
	int (*dequeue)(struct source *s, struct source_buffer *out);

	/* Reactor. Gives a slot back to the device. Errors as dequeue. */
	int (*enqueue)(struct source *s, unsigned slot);

	/* Opener thread. STREAMOFF and release of the slots; after it no slot is the device's. */
	void (*stop)(struct source *s);
	/* Opener thread. */
	void (*close)(struct source *s);
};

/* The kinds of sources by URI: "v4l2:...", "clip:...", "rack:...". NULL with message if unknown;
 * *rest points behind the colon. */
const struct source_ops *source_find(const char *uri, const char **rest, struct errmsg *em);

/* Any thread. Whether a URI can be opened as far as its text says: 0, or -EINVAL with message.
 * Looks at no device and no file. */
int source_check(const char *uri, struct errmsg *em) MUST_CHECK;

extern const struct source_ops source_v4l2_ops; /* capture/v4l2/ */
extern const struct source_ops source_clip_ops; /* capture/clip/ */
extern const struct source_ops source_rack_ops; /* capture/rack/ */

/*
 * Options behind '?' in a URI: "FILE?fps=5&loop=0". source_options_split cuts `rest` at the last
 * '?' that begins options into `path`; source_option_* look one up. An unknown option is an error:
 * source_options_check names it and lists the `known` ones (NULL-terminated).
 */
struct source_options {
	char path[SOURCE_URI_MAX];
	char text[SOURCE_URI_MAX]; /* "fps=5&loop=0" */
};
int source_options_split(const char *rest, struct source_options *out,
			 struct errmsg *em) MUST_CHECK;
int source_options_check(const struct source_options *o, const char *const known[],
			 struct errmsg *em) MUST_CHECK;
/* 1 found, 0 absent (*out untouched), -EINVAL with message (not a number, outside min..max). */
int source_option_int(const struct source_options *o, const char *key, int64_t min, int64_t max,
		      int64_t *out, struct errmsg *em) MUST_CHECK;
int source_option_double(const struct source_options *o, const char *key, double min, double max,
			 double *out, struct errmsg *em) MUST_CHECK;
/* 1 found, 0 absent. Copies at most size-1 bytes; -EINVAL when it does not fit. */
int source_option_text(const struct source_options *o, const char *key, char *out, size_t size,
		       struct errmsg *em) MUST_CHECK;

#endif
