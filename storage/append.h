/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records into chunks; see store_impl.h for threads. */
#ifndef STORAGE_APPEND_H
#define STORAGE_APPEND_H

#include "storage/store_impl.h"

/* See store_writes_direct. */
bool append_goes_direct(const struct store *s, const struct frame *f);
int append_frame(struct store *s, struct frame *f, uint64_t *position) MUST_CHECK;
/* Places a record, or keeps a small one for later. */
int append_record(struct store *s, struct format_record *rec, const void *payload,
		  uint64_t *position) MUST_CHECK;
/* Places a small record; -EAGAIN, -ENOSPC: not now. */
int append_now(struct store *s, struct format_record *rec, const void *payload,
	       uint64_t *position) MUST_CHECK;
/* Ends the open gather buffer's chunk and queues it. */
void append_flush(struct store *s);
/* Writes what was kept; gives up quietly when the log cannot go on yet. */
void append_replay(struct store *s);
int append_defer(struct store *s, const struct format_record *rec, const void *payload) MUST_CHECK;
/* append_pool.c */
int append_pool_create(struct store *s, struct errmsg *em) MUST_CHECK;
void append_pool_destroy(struct store *s);
/* Makes a buffer for `bytes` s->gather. -ENOBUFS: all wait for the disk; `must`: small records are
 * never refused for that. */
int append_pool_take(struct store *s, size_t bytes, bool must) MUST_CHECK;
/* Room for `more` bytes of record headers. -ENOMEM. */
int append_pool_heads(struct gather *g, size_t more) MUST_CHECK;
void append_gather_put(struct store *s, struct gather *g);

#endif
