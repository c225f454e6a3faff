/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Minute maps, the writer's side: puts the motion records of every segment that is sealed together,
 * by camera and minute, and writes them as a record of their own once they are of some segments.
 * It only ever spares readers work: whatever goes wrong here leaves segments uncovered, which are
 * then read as if there were no such thing, and recording never notices.
 *
 * Threads: the reactor's.
 */
#ifndef STORAGE_MINUTES_H
#define STORAGE_MINUTES_H

#include "storage/format_minutes.h"
#include "storage/seal.h"

struct minutes;
struct store;

/* NULL: no memory. */
struct minutes *minutes_create(const struct format_super *super);
void minutes_destroy(struct minutes *m); /* NULL is fine */

/* A segment that is sealed, all of it durable. `last`: the clock sample its seal has. */
void minutes_take(struct minutes *m, const struct format_segment *h, const struct seal *l,
		  const struct format_clock *last);
/* Whether enough has come together to write it down. */
bool minutes_due(const struct minutes *m);
/* The payload of the record: *out is to be freed, *at->bytes and tables_bytes are set. What was put
 * together is forgotten whatever comes of it. -ENOMEM; -EMSGSIZE: too much, it stays uncovered. */
int minutes_build(struct minutes *m, uint8_t **out, struct format_minutes_ref *at) MUST_CHECK;
/* It has its place in the log. */
void minutes_placed(struct minutes *m, const struct format_minutes_ref *at);
/* The newest record of which everything lies before `durable`, for a seal. */
struct format_minutes_ref minutes_newest(const struct minutes *m, uint64_t durable);
/* The log was cut: nothing from `position` on is there any more. */
void minutes_cut(struct minutes *m, uint64_t position);

/* minutes_store.c: what ties it to the store. After recovery: finds the newest record again, by the
 * newest seals. */
void minutes_recover(struct store *s);
/* Writes what has come together, if it is due and the log takes it now. */
void minutes_write(struct store *s);

#endif
