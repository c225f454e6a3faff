/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the simulated disk share: simdisk.c the disk and its power cuts,
 * simdisk_cache.c the write cache, simdisk_io.c the storage I/O seam. */
#ifndef TESTS_LIB_SIMDISK_IMPL_H
#define TESTS_LIB_SIMDISK_IMPL_H

#include "tests/lib/simdisk.h"

/* One write that no flush has made durable yet. */
struct simdisk_write {
	struct list link; /* in order of submission */
	uint64_t written; /* its number among completed operations, from 1; 0: in flight */
	bool doomed;      /* no later flush makes it durable */
	int fault;
	uint64_t offset;
	size_t len;
	const void *source; /* the caller's buffer, to catch changes in flight */
	uint8_t *data;      /* its contents at submission */
};

struct simdisk_queued {
	struct list link;
	struct storage_io_op *op;
	struct simdisk_write *write;    /* NULL: a flush */
	struct simdisk_write **covered; /* flush: the writes it makes durable */
	size_t ncovered;
	int fault;
	bool lying;
};

struct simdisk {
	uint64_t random;
	bool exists, locked;
	uint32_t align;
	uint64_t size;
	uint8_t *durable;   /* what a crash leaves for sure */
	uint8_t *view;      /* what reading gives */
	struct list writes; /* of simdisk_write */
	struct list queue;  /* of simdisk_queued, in order of submission */
	unsigned in_flight, delay, max_delay;
	bool shuffle, lying, posted;
	uint64_t submitted, completed;
	uint64_t fault_first, fault_count;
	int fault_err;
	uint64_t refused_offset, refused_len;
	int refused_err;
	uint64_t bad_offset, bad_len;
	struct reactor *reactor;
	struct reactor_msg msg;
};

/* Ends the program. */
void simdisk_die(const char *why) __attribute__((noreturn));
/* `p`, which is not NULL. */
void *simdisk_must(void *p);
/* What is added is zeroed, and durable. */
void simdisk_set_size(struct simdisk *sd, uint64_t size);

/* Takes the next operation's number; its fault, or 0. */
int simdisk_next_fault(struct simdisk *sd);
/* Copies a random part of a write, by sectors, as a torn one leaves it. */
void simdisk_tear(uint8_t *image, const struct simdisk_write *w, uint64_t *random);
struct simdisk_write *simdisk_new_write(struct simdisk *sd, const void *buf, size_t len,
					uint64_t offset);
/* The same of several pieces: changes in flight are not looked for. */
struct simdisk_write *simdisk_new_writev(struct simdisk *sd, const struct iovec *iov, unsigned niov,
					 uint64_t offset);
/* The write's outcome reaches the cache. Returns what its caller is told. */
int simdisk_end_write(struct simdisk *sd, struct simdisk_write *w);
void simdisk_free_write(struct simdisk_write *w);
/* The writes a flush submitted now covers, in order of submission; the caller frees *out. */
size_t simdisk_list_covered(struct simdisk *sd, struct simdisk_write ***out);
/* A write may leave the list between a flush's submission and its end: only through another flush
 * that covered it too. Takes it out of every queued flush. */
void simdisk_forget_covered(struct simdisk *sd, struct simdisk_write **done, size_t ndone);
void simdisk_end_flush(struct simdisk *sd, struct simdisk_write **covered, size_t n, int fault,
		       bool lying);

void simdisk_free_queued(struct simdisk_queued *q);

#endif
