/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing memory closer before it is needed. Pictures lie in small pages (capture's drivers want
 * it so), more than any cache of translations holds, and a prefetch of a page that is not in there
 * is dropped: so such a page is first touched by a load nobody waits for.
 */
#ifndef ANALYZE_FETCH_H
#define ANALYZE_FETCH_H

#include <stddef.h>
#include <stdint.h>

#define FETCH_LINE  64
#define FETCH_AHEAD 8192 /* bytes */

/* Loads a byte of readable memory. */
static inline void fetch_touch(const uint8_t *p)
{
	uint8_t byte = *p;

	/* The compiler must not leave out what is never used. */
	__asm__ volatile("" : : "r"(byte));
}

/* In a picture that is read row by row, at the start of each row: touches the row that comes some
 * pages further on, if it still begins before `end`. Measured on 1080p in 4 KiB pages, one touch a
 * row makes the reading up to a quarter faster than reading straight on; one touch a page or
 * several at a time make it slower. */
static inline void fetch_ahead(const uint8_t *row, const uint8_t *end)
{
	if (end && end - row > FETCH_AHEAD)
		fetch_touch(row + FETCH_AHEAD);
}

/* Brings memory into the second level of caches; the first has too few misses at a time. */
static inline void fetch_lines(const void *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += FETCH_LINE)
		__builtin_prefetch((const uint8_t *)p + i, 0, 2);
}

#endif
