/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies a payload into a gather buffer and takes its CRC on the way.
 *
 * A gather buffer is written by us once and read next by the disk, so the copy goes past the cache
 * (non-temporal stores): no line of the buffer is fetched to be overwritten, and the slots' lines
 * stay. The CRC is taken from the source, block by block, while the block is in the first-level
 * cache. Any thread.
 */
#ifndef STORAGE_GATHER_COPY_H
#define STORAGE_GATHER_COPY_H

#include <stddef.h>
#include <stdint.h>

/* As memcpy(dst, src, len) and then format_crc32c(crc, dst, len). Any alignment; no overlap. */
uint32_t gather_copy(void *dst, const void *src, size_t len, uint32_t crc);

#endif
