/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory behind the storage I/O seam, for tests. It has a volatile write cache: what was
 * written is readable at once, yet survives a crash only when a flush that was submitted after the
 * write's completion has succeeded. Between the two, a crash may keep, tear or drop each write.
 *
 * It is strict: a misaligned write, a buffer changed while in flight, a write past the end and a
 * close with something in flight end the program with a message (abort).
 *
 * Everything random comes from the seed: same seed, same calls, same outcome. One thread; with a
 * reactor, that one's. At most one write or flush completes in one turn of the reactor, so that a
 * test that looks after each turn sees the state between any two completions.
 */
#ifndef TESTS_LIB_SIMDISK_H
#define TESTS_LIB_SIMDISK_H

#include "storage/io.h"

#define SIMDISK_SECTOR 512u

struct simdisk;

/* Its `ctx` is a struct simdisk; any path is the one file of that disk. */
extern const struct storage_io_ops simdisk_io;

/* No file yet: open it with STORAGE_IO_CREATE. */
struct simdisk *simdisk_create(uint64_t seed);
/* With a file of these contents, all durable. */
struct simdisk *simdisk_from_image(const void *image, uint64_t size, uint64_t seed);
void simdisk_free(struct simdisk *sd);

/* The contents as a reader sees them now; may be changed to damage them. */
uint8_t *simdisk_image(struct simdisk *sd);
uint64_t simdisk_size(const struct simdisk *sd);

/* How completions come: `max_delay` turns at most before each (default 0), and whether in an order
 * of the disk's own (default: as submitted). */
void simdisk_set_timing(struct simdisk *sd, unsigned max_delay, bool shuffle);
/* Alignment asked of callers, a power of two up to 4096 (default 4096). Before open. */
void simdisk_set_align(struct simdisk *sd, uint32_t align);

/* Writes and flushes are numbered from 0 as they are submitted, synchronous ones included. */
uint64_t simdisk_submitted(const struct simdisk *sd);
uint64_t simdisk_completed(const struct simdisk *sd);
/* Submitted and not completed. */
unsigned simdisk_in_flight(const struct simdisk *sd);
/* Written and not durable, in flight included. */
unsigned simdisk_unflushed(const struct simdisk *sd);

/* From operation number `first` on, `count` operations fail with `err` (negative). A failed write
 * leaves any part of itself on the disk; a failed flush leaves each write it covered durable or
 * lost for ever, by chance, whatever later flushes say. count 0: no fault. */
void simdisk_set_fault(struct simdisk *sd, uint64_t first, uint64_t count, int err);
/* Writes and flushes from now on succeed and reach nothing: a disk that lies. */
void simdisk_set_lying(struct simdisk *sd, bool on);
/* Writes that touch [offset, offset + len) fail with `err`. len 0: none. */
void simdisk_set_unwritable(struct simdisk *sd, uint64_t offset, uint64_t len, int err);
/* Reads that touch [offset, offset + len) fail with -EIO. len 0: none. */
void simdisk_set_unreadable(struct simdisk *sd, uint64_t offset, uint64_t len);

/* What happens to each write that no flush covered. */
enum simdisk_crash {
	SIMDISK_CRASH_NONE,   /* nothing of it is there */
	SIMDISK_CRASH_ALL,    /* all of it */
	SIMDISK_CRASH_PREFIX, /* in order of submission: whole up to one, that one torn, then
				 nothing */
	SIMDISK_CRASH_RANDOM, /* each: whole, torn or nothing */
	SIMDISK_CRASH_MODES
};
/* The disk as it comes up after a power cut now; `sd` itself goes on undisturbed. */
struct simdisk *simdisk_crash(const struct simdisk *sd, enum simdisk_crash how, uint64_t seed);

/* The disk as the next process finds it when this one is killed now: all that was submitted can be
 * read, and no more is durable than was. */
struct simdisk *simdisk_kill(const struct simdisk *sd, uint64_t seed);

/* A small generator for tests' own choices: `*state` any value. */
uint64_t simdisk_random(uint64_t *state);

#endif
