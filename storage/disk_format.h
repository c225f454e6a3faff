/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store on disk: constants, decoded structures, encoders and decoders. docs/DISK_FORMAT.md is
 * the specification and names every byte; this is the only code that knows them.
 *
 * Decoders take hostile bytes: they check the checksum first, then every number against the
 * store's geometry, and leave *out untouched unless they return 0. Encoders fill whole structures,
 * reserved bytes with zero, checksum last. All integers on disk are little-endian.
 *
 * Errors of decoders: -EBADMSG (not such a structure, or damaged), -EPROTO (another version, or a
 * feature this program does not know).
 *
 * Threads: any; no state.
 */
#ifndef STORAGE_DISK_FORMAT_H
#define STORAGE_DISK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "storage/record.h"

#define DISK_VERSION     1u
#define DISK_BLOCK       4096u
#define DISK_VOLUME_FILE "volume-0.matlang"

/* Features a program must know to use a store at all, and to write to one. */
#define DISK_INCOMPAT_STRIPED 1u /* several volumes */
#define DISK_INCOMPAT_KNOWN   DISK_INCOMPAT_STRIPED
#define DISK_RO_COMPAT_KNOWN  0u

#define DISK_SUPER_A     0u /* offsets of the two superblocks */
#define DISK_SUPER_B     65536u
#define DISK_MEMBER_A    131072u /* of the two membership blocks, with several volumes */
#define DISK_MEMBER_B    196608u
#define DISK_AREAS_START (1u << 20) /* the first checkpoint area */

#define DISK_VOLUMES_MAX 32u
#define DISK_PARITY_MAX  3u

#define DISK_SEGMENT_MIN  (1u << 20)
#define DISK_SEGMENT_MAX  (1u << 30)
#define DISK_SEGMENTS_MIN 4u
#define DISK_SEGMENTS_MAX (1u << 20)
#define DISK_CAMERAS_MAX  65535u
#define DISK_BOOTS_MAX    4096u /* in a checkpoint */
#define DISK_CAMERA_NAME  64u   /* bytes, not terminated when full */
#define DISK_NOTE_MAX     4000u
#define DISK_NO_SEGMENT   UINT32_MAX

#define DISK_CHUNK_TRAILER   64u
#define DISK_RECORD_ALIGN    8u
#define DISK_RECORD_HEAD     32u /* bytes that every record header begins with */
#define DISK_RECORD_HEAD_MAX 112u
#define DISK_CELLS_MAX       (1u << 20) /* cells of a bitmap */

#define DISK_CHECKPOINT_SEGMENT 80u /* bytes of one entry of each table */
#define DISK_CHECKPOINT_CAMERA  72u
#define DISK_CHECKPOINT_BOOT    72u
#define DISK_SEAL_CAMERA        128u
#define DISK_LOCK_ENTRY         16u
#define DISK_HOLD_ENTRY         48u /* without the texts */
#define DISK_HOLD_MOST          (DISK_HOLD_ENTRY + RECORD_LOCK_WHO + RECORD_LOCK_WHY + 8u)

/* Kinds of records only the store itself uses; readers pass over kinds they do not know. */
#define DISK_RECORD_LOCK    16 /* payload: DISK_LOCK_ENTRYs */
#define DISK_RECORD_HOLD    17 /* payload: format_holds */
#define DISK_RECORD_MINUTES 20 /* payload: see format_minutes.h */

struct format_super {
	uint64_t compat, ro_compat, incompat;
	uint8_t store_uuid[16], volume_uuid[16];
	uint32_t volume_index, volume_count;
	uint32_t parity_count;  /* how many volumes' worth is parity */
	uint64_t volume_bytes;  /* of this volume's file */
	uint32_t segment_bytes; /* power of two times the number of data volumes */
	uint32_t segments;
	uint64_t segments_offset; /* of segment 0; multiple of DISK_BLOCK */
	uint64_t area_offset[2];  /* checkpoint areas */
	uint64_t area_bytes;      /* of each */
	uint32_t cameras_max;     /* room in the camera table */
	int64_t created_utc_ns;
};

/* Which volumes count. Written to all of them before anything is called durable that not all of
 * them have; the one of the highest generation is the truth. */
struct format_member {
	uint64_t generation, nonce;
	uint32_t volumes;
	uint32_t in_sync;    /* bit i: volume i holds everything that is durable */
	uint32_t rebuilding; /* volume that is being filled anew; DISK_NO_VOLUME: none */
	uint64_t frontier;   /* its offset before which it counts */
	uint8_t uuid[DISK_VOLUMES_MAX][16];
};
#define DISK_NO_VOLUME UINT32_MAX

/* A clock sample as it stands in headers and seals; all zero when there is none. */
struct format_clock {
	int64_t mono_ns, utc_ns;
	uint32_t error_us;
	bool synchronised;
};

struct format_segment {
	uint64_t sequence;    /* 1 for the first segment ever written; never used twice */
	uint64_t nonce;       /* random: marks the chunks that belong to this use of the segment */
	uint32_t index, next; /* this segment; the one whose old contents are given up now */
	uint32_t boot;        /* number of the boot all its records belong to */
	uint8_t boot_id[16];
	struct format_clock clock;
	uint64_t prev_sequence, prev_nonce; /* the segment the log came from; 0: none */
	uint32_t prev_end;                  /* offset in it at which the log left it; 0: none */
};

struct format_chunk {
	uint64_t nonce;
	uint64_t sequence;     /* of the segment */
	uint32_t start, bytes; /* offset in the segment, length; multiples of DISK_BLOCK */
	uint32_t heads_bytes;  /* record headers before the trailer */
	uint32_t records;
	uint32_t flags; /* FORMAT_CHUNK_* */
};
#define FORMAT_CHUNK_DIRECT 1u /* one frame, written from its slot */

/* A record header. The parts that belong to other kinds are undefined. */
struct format_record {
	uint8_t kind; /* enum record_kind, DISK_RECORD_LOCK, or unknown */
	uint32_t camera_id;
	int64_t mono_ns;
	uint32_t payload_offset; /* in the segment */
	uint32_t payload_bytes;
	uint32_t payload_crc;
	union {
		struct {
			uint32_t sequence, flags, fourcc, width, height, nplanes;
			struct {
				uint32_t offset, bytes, stride; /* offset: in the payload */
			} plane[PIXFMT_MAX_PLANES];
		} frame;
		struct loss loss;
		struct record_motion motion;
		struct record_event event;
		struct {
			int64_t utc_ns;
			uint32_t error_us;
			bool synchronised;
			uint8_t boot_id[16];
		} clock_sample;
	};
};

struct format_lock {
	uint64_t sequence; /* names the contents, not the place */
	uint32_t segment;
	bool locked;
};

/* Where a record of minute maps is (format_minutes.h). position 0: none. */
struct format_minutes_ref {
	uint64_t position;            /* in the log, of its payload */
	uint32_t bytes, tables_bytes; /* of the payload; of its head and tables */
};

/* One entry of a hold record: what a person locked, and why. */
enum format_hold_state {
	FORMAT_HOLD_RELEASED = 0,
	FORMAT_HOLD_STANDS = 1,
	FORMAT_HOLD_RESET = 2, /* what stands is what follows; number: the highest ever used */
};
struct format_hold {
	enum format_hold_state state;
	struct record_lock lock;
};

enum format_section {
	FORMAT_SECTION_CAMERAS = 0, /* format_seal_camera entries, by camera number */
	FORMAT_SECTION_SMALL = 1,   /* every record but frames: header, payload, padding to 8 */
	FORMAT_SECTION_FRAMES = 2,  /* the headers of frames */
	FORMAT_SECTIONS = 3
};

struct format_seal {
	uint64_t sequence, nonce;
	uint32_t index, next, boot;
	uint8_t boot_id[16];
	uint32_t end;        /* the log's end in this segment: all chunks lie before it */
	uint32_t seal_start; /* offset of the first section; seal ends with the segment */
	uint32_t records, chunks;
	int64_t first_mono_ns, last_mono_ns; /* of records; 0 when there are none */
	struct format_clock first_clock, last_clock;
	struct {
		uint32_t offset, bytes, count, crc; /* offset in the segment; CRC32C */
	} section[FORMAT_SECTIONS];
	struct format_minutes_ref minutes; /* the newest that was durable */
};

#define FORMAT_KINDS 8 /* counts by kind, 1..7; [0]: all others */
struct format_seal_camera {
	uint32_t camera_id; /* RECORD_NO_CAMERA: records of no camera */
	uint32_t count[FORMAT_KINDS];
	uint64_t frame_bytes;
	int64_t first_mono_ns, last_mono_ns;
	char name[DISK_CAMERA_NAME + 1];
};

enum format_segment_state {
	FORMAT_FREE = 0, /* nothing in it that counts: never written, or given up */
	FORMAT_SEALED = 1,
	FORMAT_OPEN = 2, /* being written when the checkpoint was taken */
	FORMAT_BAD = 3,  /* the disk failed on it: not used any more */
};

struct format_checkpoint {
	uint64_t generation;               /* the higher valid one of the two areas counts */
	uint32_t head;                     /* segment that was open; DISK_NO_SEGMENT: none yet */
	uint32_t next;                     /* segment that will be opened after it */
	uint64_t last_sequence;            /* highest sequence ever used */
	uint64_t durable;                  /* log position when it was taken */
	uint32_t segments, cameras, boots; /* entries in the tables */
	uint32_t clean; /* 1: the store was closed; nothing follows this checkpoint */
	uint64_t bytes; /* whole checkpoint, header block included; multiple of DISK_BLOCK */
};

struct format_checkpoint_segment {
	uint64_t sequence, nonce;
	enum format_segment_state state;
	bool locked;
	uint32_t boot, records, end, seal_start;
	int64_t first_mono_ns, last_mono_ns, first_utc_ns, last_utc_ns;
};

struct format_checkpoint_camera {
	uint32_t camera_id;
	char name[DISK_CAMERA_NAME + 1];
};

struct format_checkpoint_boot {
	uint32_t boot;
	uint8_t boot_id[16];
	struct format_clock first, last;
};

/* CRC-32C (Castagnoli), as iSCSI and ext4 use it: initial value and final inversion included, so
 * "123456789" gives 0xe3069283. `crc`: 0, or the result over the bytes before. */
uint32_t format_crc32c(uint32_t crc, const void *buf, size_t len);

/* Chooses segment size (when 0), areas and count for a volume of `volume_bytes`. -EINVAL: the
 * segment size is no power of two in range; -ENOSPC: too small (*need gets the least size). */
int format_layout(uint64_t volume_bytes, uint32_t segment_bytes, struct format_super *out,
		  uint64_t *need) MUST_CHECK;
/* The same for `volumes` of `volume_bytes` each, `parity` of them for parity. The segment size is
 * brought down to a power of two times the number of data volumes. */
int format_layout_striped(uint64_t volume_bytes, uint32_t volumes, uint32_t parity,
			  uint32_t segment_bytes, struct format_super *out,
			  uint64_t *need) MUST_CHECK;
/* What every write is a multiple of, in place and length: a whole stripe. Nothing durable shares
 * one with anything that is written later. With one volume, a block. */
static inline uint32_t format_unit(const struct format_super *s)
{
	return DISK_BLOCK * (s->volume_count - s->parity_count);
}
/* `n` up to a whole unit; it need not be a power of two. */
static inline uint64_t format_unit_up(const struct format_super *s, uint64_t n)
{
	uint32_t unit = format_unit(s);

	return (n + unit - 1) / unit * unit;
}
static inline uint64_t format_segment_offset(const struct format_super *s, uint32_t index)
{
	return s->segments_offset + (uint64_t)index * s->segment_bytes;
}
/* Log position of an offset in a segment. */
static inline uint64_t format_position(const struct format_super *s, uint64_t sequence,
				       uint32_t offset)
{
	return sequence * s->segment_bytes + offset;
}

/* Blocks: `block` has DISK_BLOCK bytes. */
void format_super_encode(uint8_t block[static DISK_BLOCK], const struct format_super *s);
/* -EPROTO: *version (may be NULL) and out->incompat say what it is; everything else is checked
 * against itself. */
int format_super_decode(const uint8_t block[static DISK_BLOCK], struct format_super *out,
			uint32_t *version) MUST_CHECK;

void format_member_encode(uint8_t block[static DISK_BLOCK], const struct format_super *s,
			  const struct format_member *m);
int format_member_decode(const uint8_t block[static DISK_BLOCK], const struct format_super *s,
			 struct format_member *out) MUST_CHECK;

void format_segment_encode(uint8_t block[static DISK_BLOCK], const struct format_super *s,
			   const struct format_segment *h);
/* `index`: where the block was read from. */
int format_segment_decode(const uint8_t block[static DISK_BLOCK], const struct format_super *s,
			  uint32_t index, struct format_segment *out) MUST_CHECK;

/* Which store a header says it belongs to, for whoever has lost the superblock; not checked. */
void format_segment_store(const uint8_t block[static DISK_BLOCK], uint8_t uuid[static 16]);

/* A chunk's trailer: the last DISK_CHUNK_TRAILER bytes of its last block. `heads` are the
 * heads_bytes right before the trailer. */
void format_chunk_encode(uint8_t trailer[static DISK_CHUNK_TRAILER], const struct format_chunk *c,
			 const uint8_t *heads);
/*
 * First look at 64 bytes that may be a trailer: magic and nonce match those of `h`, it ends at
 * offset `block_end` of the segment, and its numbers fit. The checksum is not looked at yet
 * (format_chunk_check, when the headers are at hand).
 */
int format_chunk_decode(const uint8_t trailer[static DISK_CHUNK_TRAILER],
			const struct format_super *s, const struct format_segment *h,
			uint32_t block_end, struct format_chunk *out) MUST_CHECK;
/* `tail`: the last heads_bytes + DISK_CHUNK_TRAILER bytes of the chunk. */
int format_chunk_check(const struct format_chunk *c, const uint8_t *tail) MUST_CHECK;
/* The whole chunk, c->bytes long: checksums of headers and payloads, records in order, zeros
 * between. What lies between has no checksum of its own, so that a torn write shows there only so.
 */
int format_chunk_whole(const struct format_chunk *c, const uint8_t *chunk) MUST_CHECK;

/* Bytes the header takes, a multiple of DISK_RECORD_ALIGN. */
size_t format_record_bytes(const struct format_record *r);
/* Returns the same; `out` has room for it. */
size_t format_record_encode(uint8_t *out, const struct format_record *r);
/*
 * Decodes the header at `in`, of `len` bytes still there; the payload must lie in [lo, hi) of the
 * segment. *used: bytes of the header. A kind this version does not know decodes with the common
 * part only.
 */
int format_record_decode(const uint8_t *in, size_t len, uint32_t lo, uint32_t hi,
			 struct format_record *out, size_t *used) MUST_CHECK;
/* Fills what a record shows from its header; position, boot and utc are the caller's. */
void format_record_show(const struct format_record *r, struct record *out);

void format_lock_encode(uint8_t out[static DISK_LOCK_ENTRY], const struct format_lock *l);
int format_lock_decode(const uint8_t in[static DISK_LOCK_ENTRY], const struct format_super *s,
		       struct format_lock *out) MUST_CHECK;

/* Bytes the entry takes, a multiple of 8, at most DISK_HOLD_MOST. */
size_t format_hold_bytes(const struct format_hold *h);
/* Returns the same; `out` has room for it. */
size_t format_hold_encode(uint8_t *out, const struct format_hold *h);
/* Decodes the entry at `in`, of `len` bytes still there. *used: bytes of the entry. */
int format_hold_decode(const uint8_t *in, size_t len, struct format_hold *out,
		       size_t *used) MUST_CHECK;

/* The seal's last block, which is the segment's last block. */
void format_seal_encode(uint8_t block[static DISK_BLOCK], const struct format_super *s,
			const struct format_seal *f);
int format_seal_decode(const uint8_t block[static DISK_BLOCK], const struct format_super *s,
		       uint32_t index, struct format_seal *out) MUST_CHECK;
void format_seal_camera_encode(uint8_t out[static DISK_SEAL_CAMERA],
			       const struct format_seal_camera *c);
int format_seal_camera_decode(const uint8_t in[static DISK_SEAL_CAMERA],
			      struct format_seal_camera *out) MUST_CHECK;

/* A checkpoint: header block, then the three tables one after another, zeros up to `bytes`. */
uint64_t format_checkpoint_bytes(const struct format_checkpoint *c);
/* Where the tables begin, from the checkpoint's start. */
static inline uint64_t format_checkpoint_cameras_at(const struct format_checkpoint *c)
{
	return DISK_BLOCK + (uint64_t)c->segments * DISK_CHECKPOINT_SEGMENT;
}
static inline uint64_t format_checkpoint_boots_at(const struct format_checkpoint *c)
{
	return format_checkpoint_cameras_at(c) + (uint64_t)c->cameras * DISK_CHECKPOINT_CAMERA;
}
/* `buf` holds c->bytes with the tables filled in already; writes the header and the checksum. */
void format_checkpoint_encode(uint8_t *buf, const struct format_super *s,
			      const struct format_checkpoint *c);
/* The header block alone: gives `bytes` to read. */
int format_checkpoint_decode(const uint8_t block[static DISK_BLOCK], const struct format_super *s,
			     struct format_checkpoint *out) MUST_CHECK;
/* The whole of it, c->bytes long. */
int format_checkpoint_check(const uint8_t *buf, const struct format_checkpoint *c) MUST_CHECK;
void format_checkpoint_segment_encode(uint8_t out[static DISK_CHECKPOINT_SEGMENT],
				      const struct format_checkpoint_segment *e);
int format_checkpoint_segment_decode(const uint8_t in[static DISK_CHECKPOINT_SEGMENT],
				     const struct format_super *s,
				     struct format_checkpoint_segment *out) MUST_CHECK;
void format_checkpoint_camera_encode(uint8_t out[static DISK_CHECKPOINT_CAMERA],
				     const struct format_checkpoint_camera *e);
int format_checkpoint_camera_decode(const uint8_t in[static DISK_CHECKPOINT_CAMERA],
				    struct format_checkpoint_camera *out) MUST_CHECK;
void format_checkpoint_boot_encode(uint8_t out[static DISK_CHECKPOINT_BOOT],
				   const struct format_checkpoint_boot *e);
int format_checkpoint_boot_decode(const uint8_t in[static DISK_CHECKPOINT_BOOT],
				  struct format_checkpoint_boot *out) MUST_CHECK;

/* [A-Za-z0-9][A-Za-z0-9._-]*, 1 to DISK_CAMERA_NAME bytes. */
bool format_camera_name_ok(const char *name, size_t len);

#endif
