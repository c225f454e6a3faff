/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The appliance: the one place where capture, analysis and storage meet.
 *
 * An appliance owns the reactor, the pools, the store and a recorder per camera. Everything here
 * is for the reactor's thread; the control files reach it through attr.h, whose show and store
 * functions run there too.
 */
#ifndef MATLANGD_APPLIANCE_H
#define MATLANGD_APPLIANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/analyzer.h"
#include "capture/camera.h"
#include "capture/core/errmsg.h"
#include "capture/core/list.h"
#include "capture/core/reactor.h"
#include "storage/store.h"

struct appliance;
struct recorder;

struct appliance_options {
	const char *store_dir;
	unsigned workers;  /* analysis threads; 0: one a processor */
	int64_t commit_ns; /* storage/commit_ms */
	int64_t warn_ns;   /* storage/full_warning_days */
	/* One line for the log: level is a syslog priority. */
	void (*log)(void *ctx, int level, const char *line);
	void *log_ctx;
	/* A value behind a pollable control file may have changed ("state", "cameras/x/state");
	 * `path` NULL: any. May be NULL. */
	void (*changed)(void *ctx, const char *path);
	void *changed_ctx;
};

int appliance_create(struct appliance **out, const struct appliance_options *o,
		     struct errmsg *em) MUST_CHECK;
/* Runs until appliance_stop; 0 or -errno. */
int appliance_run(struct appliance *a) MUST_CHECK;
/* Any thread, and signal handlers' helper threads: begins an orderly end (cameras off, ledger
 * closed, store committed). */
void appliance_stop(struct appliance *a);
void appliance_destroy(struct appliance *a);

struct reactor *appliance_reactor(struct appliance *a);
struct store *appliance_store(struct appliance *a);
void appliance_log(struct appliance *a, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "ok", or "trouble: one line": what a person must act on, the gravest first. */
void appliance_state(const struct appliance *a, char *out, size_t size);
int64_t appliance_started_mono_ns(const struct appliance *a);

/* Everything that can be set on one camera. */
struct recorder_settings {
	struct camera_config camera;
	struct motion_config motion;
	bool encode;            /* raw pictures are compressed to JPEG in the worker pool */
	uint8_t encode_quality; /* 1..100 */
	char title[128];        /* what officers call it; UTF-8 */
};
void recorder_settings_defaults(struct recorder_settings *s);

/* Adds a camera, switched off and without a source until settings are applied. -EEXIST, -EINVAL
 * (bad name) with message. */
int appliance_add_camera(struct appliance *a, const char *name, struct recorder **out,
			 struct errmsg *em) MUST_CHECK;
/* Stops recording and forgets the camera; its footage stays in the store. -ENOENT. */
int appliance_remove_camera(struct appliance *a, const char *name, struct errmsg *em) MUST_CHECK;
struct recorder *appliance_find_camera(struct appliance *a, const char *name);
/* In name order; `index` past the end: NULL. */
struct recorder *appliance_camera_at(struct appliance *a, size_t index);
size_t appliance_camera_count(const struct appliance *a);

const char *recorder_name(const struct recorder *r);
const struct recorder_settings *recorder_settings(const struct recorder *r);
/* Checks everything, then takes everything; on error nothing has changed. */
int recorder_apply(struct recorder *r, const struct recorder_settings *s,
		   struct errmsg *em) MUST_CHECK;

struct recorder_stats {
	struct camera_stats camera;
	struct analyzer_stats motion;
	size_t alarms_hour;         /* events that began within the last hour */
	uint64_t recorded;          /* frames taken by the store */
	uint64_t refused;           /* frames storage did not take: on the ledger */
	uint64_t gathered;          /* of the recorded: copied once into a gather buffer */
	uint64_t encoded;           /* raw frames compressed before recording */
	uint64_t lost[LOSS_CAUSES]; /* everything on the ledger since start */
};
void recorder_stats(const struct recorder *r, struct recorder_stats *out);

#endif
