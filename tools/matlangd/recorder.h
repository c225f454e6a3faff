/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recorder is one camera's whole path: camera ──► store, camera ──► analyser ──► store, and the
 * ledger of what is missing. Public figures and settings are in appliance.h; this is what the
 * appliance itself needs. Reactor's thread only.
 */
#ifndef MATLANGD_RECORDER_H
#define MATLANGD_RECORDER_H

#include "tools/matlangd/appliance.h"
#include "tools/matlangd/backlog.h"

/* What a recorder stands on; outlives every recorder. */
struct recorder_env {
	struct reactor *reactor;
	struct pool *openers, *workers;
	struct store *store;
	struct backlog *backlog;
	void (*log)(void *ctx, int level, const char *line);
	void *log_ctx;
	void (*changed)(void *ctx, const char *path);
	void *changed_ctx;
};

int recorder_create(struct recorder **out, const struct recorder_env *env, const char *name,
		    struct errmsg *em) MUST_CHECK;
/* Stops, closes the ledger, waits for what is on its way, frees, then calls `gone`. */
void recorder_destroy(struct recorder *r, void (*gone)(void *ctx), void *ctx);

uint32_t recorder_camera_id(const struct recorder *r);
/* The store says that frames it had taken will not become durable. */
void recorder_store_lost(struct recorder *r, const struct loss *loss);
/* Something was plugged in: a waiting camera tries again now. */
void recorder_kick(struct recorder *r);

#endif
