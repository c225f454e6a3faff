/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands that look back share: the store, the range of time, the cameras meant. */
#ifndef MATLANG_FOOTAGE_H
#define MATLANG_FOOTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/reader.h"
#include "tools/matlang/cli.h"

struct footage {
	struct reader *reader;
	char dir[STORE_DIRS_MAX];
	int64_t now_ns;         /* UTC, when the command began */
	int64_t from_ns, to_ns; /* UTC; 0 and INT64_MAX when not given */
};

/* Opens the store and reads --from and --to. CLI_OK, or an exit code after saying why. */
int footage_open(struct footage *f, const struct cli *c) MUST_CHECK;
void footage_close(struct footage *f);

/* A time given with --`option`; CLI_OK, or CLI_USAGE after saying how times are written. */
int footage_time(const struct footage *f, const struct cli *c, const char *option, const char *text,
		 int64_t *out_ns) MUST_CHECK;

/* The directory of the store, without opening it: --store, $MATLANG_STORE, the running box's. */
void footage_store_dir(const struct cli *c, char *out, size_t size);

/* The number of the camera `name`; 0 after saying that there is none and which there are. */
uint32_t footage_camera(const struct footage *f, const struct cli *c, const char *name);

/* The cameras that --camera means (all when not given). */
struct footage_cameras {
	uint32_t *id; /* ascending */
	size_t count;
};
int footage_cameras(const struct footage *f, const struct cli *c,
		    struct footage_cameras *out) MUST_CHECK;
void footage_cameras_free(struct footage_cameras *s);
bool footage_cameras_has(const struct footage_cameras *s, uint32_t id);
/* Its place in s->id, or s->count. */
size_t footage_cameras_index(const struct footage_cameras *s, uint32_t id);
/* The id to ask a cursor for: the one camera, or RECORD_ANY_CAMERA. */
uint32_t footage_cameras_query(const struct footage_cameras *s);

/* UTC of a moment of the same boot as `rec`, by its clock. */
int64_t footage_utc(const struct record *rec, int64_t mono_ns);

/* "synchronised", "unsynchronised", "unknown": stable words for files and JSON. */
const char *footage_clock_name(enum record_clock clock);
/* What a person must know of times that come from it, translated; "": nothing. */
const char *footage_clock_note(enum record_clock clock);

#define FOOTAGE_UUID_SIZE 37
void footage_uuid(char out[static FOOTAGE_UUID_SIZE], const uint8_t uuid[16]);

/* A json string that is surely UTF-8 (bytes that are not become '?'). */
json_t *footage_json_text(const char *text);
/* RFC 3339, milliseconds. */
json_t *footage_json_time(int64_t utc_ns);

/* Says what a cursor passed over; true if it was damage. */
bool footage_warn_damage(const struct cli *c, const struct reader_cursor *cursor);
/* The same for damage noted earlier. */
bool footage_warn_passed_over(const struct cli *c, const struct reader_damage *d);

#endif
