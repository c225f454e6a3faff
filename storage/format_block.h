/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the structures of one block have in common: magic at 0 (8 bytes), version at 8 (4), CRC32C
 * of everything before it at 4092 (4). Private to format*.c.
 */
#ifndef STORAGE_FORMAT_BLOCK_H
#define STORAGE_FORMAT_BLOCK_H

#include "storage/disk_format.h"

/* Eight ASCII characters, as a little-endian number. */
#define FORMAT_MAGIC_SUPER      UINT64_C(0x00474e414c54414d) /* "MATLANG\0" */
#define FORMAT_MAGIC_SEGMENT    UINT64_C(0x544e4d4745534c4d) /* "MLSEGMNT" */
#define FORMAT_MAGIC_SEAL       UINT64_C(0x44454c4145534c4d) /* "MLSEALED" */
#define FORMAT_MAGIC_CHECKPOINT UINT64_C(0x544e504b48434c4d) /* "MLCHKPNT" */
#define FORMAT_MAGIC_MEMBER     UINT64_C(0x5245424d454d4c4d) /* "MLMEMBER" */

#define FORMAT_CLOCK_BYTES 24u

void format_block_begin(uint8_t *b, uint64_t magic);
void format_block_end(uint8_t *b);
/* -EBADMSG: not such a block, or damaged; -EPROTO: whole, of another version. */
int format_block_check(const uint8_t *b, uint64_t magic) MUST_CHECK;

void format_clock_encode(uint8_t *p, const struct format_clock *c);
struct format_clock format_clock_decode(const uint8_t *p);

bool format_sequence_ok(const struct format_super *s, uint64_t sequence);
/* An offset at which the log may end in a segment. */
bool format_end_ok(const struct format_super *s, uint32_t end);

#endif
