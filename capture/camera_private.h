/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside a camera. camera.c is the state machine, camera_stream.c one opening of the source (the
 * frames that belong to it), camera_memory.c their memory, camera_ledger.c what is missing,
 * camera_frame.c what a filled buffer is worth.
 *
 * A stream lives from the moment it is opened until its last frame has come back. It is handed
 * between the reactor and an opener thread by work items and messages and belongs to one of them
 * at a time; only a slot's `back` message is used by whoever drops a frame's last reference.
 *
 *   opener: open, slab, start ──► reactor: frames ──► opener: stop, close ──► reactor: last frame
 *   back, unregister ──► opener: slab freed ──► reactor: gone
 *
 * The memory of SLAB_DRIVER goes with the device's buffers, so there stop waits for the last frame.
 */
#ifndef CAPTURE_CAMERA_PRIVATE_H
#define CAPTURE_CAMERA_PRIVATE_H

#include <pthread.h>

#include "capture/camera.h"
#include "capture/camera_ledger.h"

typedef const struct source_ops *(*camera_find)(const char *uri, const char **rest,
						struct errmsg *em);

struct camera_stream;

struct camera_slot {
	struct frame frame;
	struct reactor_msg back; /* brings the slot to the reactor from another thread */
	struct camera_stream *stream;
	unsigned index;
	bool with_device;
	int buf_index; /* registered buffer of the memory frames of this slot lie in; -1: none */
};

enum stream_phase {
	STREAM_OPENING, /* with an opener */
	STREAM_RUNNING,
	STREAM_DRAINING, /* no more frames taken; poll or frames are still out */
	STREAM_CLOSING,  /* with an opener: stop and close */
	STREAM_CLOSED,   /* the source is closed; frames may still be out */
	STREAM_FREEING   /* with an opener: memory */
};

struct camera_stream {
	struct camera *camera;
	enum stream_phase phase;
	bool unwanted; /* is to end as soon as the opener hands it back */

	const struct source_ops *ops;
	const char *rest; /* into `uri` */
	char uri[SOURCE_URI_MAX];
	struct source_want want;

	struct source *source;
	bool started;
	struct source_format fmt;
	struct slab *slab;
	struct slab *spare;       /* SLAB_DRIVER: where frames go that cannot be written in place */
	struct camera_slot *slot; /* slab->nslots */
	bool copy_all;            /* SLAB_DRIVER: no write can be made from its buffers */
	int slab_index;           /* registered buffer of the slab; -1: none */
	bool registered;
	unsigned with_device, held; /* slots */

	int open_err;
	struct errmsg open_msg;

	struct reactor_op poll;
	bool polling;
	unsigned fruitless; /* polls in a row that ended without a buffer */
	/* For telling "no slot" from other sequence gaps: when the device was last seen to have
	 * nothing for us it had `empty` slots to fill; `run` buffers were taken since. When it has
	 * filled all of them it may have been without one. */
	unsigned empty, run;
	int64_t first_ns; /* first buffer; 0: none yet */

	struct pool_work work;
	struct reactor_msg msg;
};

struct camera {
	struct reactor *reactor;
	struct pool *openers;
	char name[CAMERA_NAME_MAX];
	uint32_t id;
	struct camera_config config;
	const struct camera_callbacks *cb;
	void *ctx;
	camera_find find;

	struct camera_stream *stream; /* NULL: none, or the last one only waits for its frames */
	unsigned streams;             /* not gone yet */
	bool reopen;                  /* after CLOSING open at once: the configuration changed */
	bool kicked;
	bool ended;              /* the source has delivered all it had: not opened again */
	unsigned attempts, busy; /* failures in a row; of them EBUSY at the end */
	int64_t progress_ns;     /* when a frame last came, or streaming began */

	struct reactor_timer retry;
	struct reactor_timer watch;  /* stall */
	struct reactor_timer again;  /* more buffers to take, or a poll to arm, in a moment */
	struct reactor_timer minute; /* ledger while away */
	struct camera_ledger ledger;

	bool destroyed;
	void (*gone)(void *ctx);
	void *gone_ctx;
	struct reactor_msg gone_msg;

	/* protects: stats and the fps window, which the reactor writes and any thread reads */
	pthread_mutex_t lock;
	struct camera_stats stats;
	int64_t fps_since_ns;
	uint64_t fps_frames;
};

/* camera_create with another way to find sources: the tests' seam. */
int camera_create_with_finder(struct camera **out, struct reactor *r, struct pool *openers,
			      const char *name, uint32_t camera_id,
			      const struct camera_config *config, const struct camera_callbacks *cb,
			      void *ctx, camera_find find, struct errmsg *em) MUST_CHECK;

/* --- camera_stream.c, all on the reactor --- */

/* Begins to open; camera_opened follows. -ENOMEM. */
int camera_stream_open(struct camera *c) MUST_CHECK;
/* Ends it, whatever it is doing; camera_closed follows. Harmless when it ends already. */
void camera_stream_end(struct camera_stream *s);
/* Takes what the device has filled, a batch of it at most, and sees to it that it is called again.
 * False: the camera has failed meanwhile or has no such stream any more. */
bool camera_stream_drain(struct camera_stream *s);

/* --- camera.c, called by camera_stream.c on the reactor --- */

/* The opener is done: s->open_err (then the stream closes by itself). Not called for a stream that
 * was ended meanwhile. */
void camera_opened(struct camera *c);
/* The running stream has failed: this ends it. */
void camera_failed(struct camera *c, int err, const char *why);
/* The running stream has delivered all it had: this ends it. */
void camera_ended(struct camera *c);
/* The source is closed. */
void camera_closed(struct camera *c);
/* Nothing of one stream is left. */
void camera_stream_gone(struct camera *c);

#endif
