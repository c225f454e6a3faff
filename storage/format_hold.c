/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of hold records: docs/DISK_FORMAT.md, 2.3, kind 17. */
#include <errno.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "storage/disk_format.h"

size_t format_hold_bytes(const struct format_hold *h)
{
	return ALIGN_UP(DISK_HOLD_ENTRY + strnlen(h->lock.why, RECORD_LOCK_WHY) +
				strnlen(h->lock.who, RECORD_LOCK_WHO),
			(size_t)DISK_RECORD_ALIGN);
}

size_t format_hold_encode(uint8_t *p, const struct format_hold *h)
{
	const struct record_lock *l = &h->lock;
	size_t why = strnlen(l->why, RECORD_LOCK_WHY), who = strnlen(l->who, RECORD_LOCK_WHO);
	size_t bytes = format_hold_bytes(h);

	memset(p, 0, bytes);
	bytes_put_le64(p, l->number);
	bytes_put_le64(p + 8, (uint64_t)l->from_utc_ns);
	bytes_put_le64(p + 16, (uint64_t)l->to_utc_ns);
	bytes_put_le64(p + 24, (uint64_t)l->created_utc_ns);
	bytes_put_le32(p + 32, l->camera_id == RECORD_ANY_CAMERA ? 0 : l->camera_id);
	bytes_put_le32(p + 36, h->state);
	bytes_put_le16(p + 40, (uint16_t)why);
	bytes_put_le16(p + 42, (uint16_t)who);
	memcpy(p + DISK_HOLD_ENTRY, l->why, why);
	memcpy(p + DISK_HOLD_ENTRY + why, l->who, who);
	return bytes;
}

int format_hold_decode(const uint8_t *p, size_t len, struct format_hold *out, size_t *used)
{
	struct format_hold h;

	memset(&h, 0, sizeof(h));
	if (len < DISK_HOLD_ENTRY)
		return -EBADMSG;
	uint32_t camera = bytes_le32(p + 32), state = bytes_le32(p + 36);
	size_t why = bytes_le16(p + 40), who = bytes_le16(p + 42);
	size_t bytes = ALIGN_UP(DISK_HOLD_ENTRY + why + who, (size_t)DISK_RECORD_ALIGN);

	if (camera > DISK_CAMERAS_MAX || state > FORMAT_HOLD_RESET || why > RECORD_LOCK_WHY ||
	    who > RECORD_LOCK_WHO || bytes > len)
		return -EBADMSG;
	h.state = (enum format_hold_state)state;
	h.lock.number = bytes_le64(p);
	h.lock.from_utc_ns = (int64_t)bytes_le64(p + 8);
	h.lock.to_utc_ns = (int64_t)bytes_le64(p + 16);
	h.lock.created_utc_ns = (int64_t)bytes_le64(p + 24);
	h.lock.camera_id = camera ? camera : RECORD_ANY_CAMERA;
	memcpy(h.lock.why, p + DISK_HOLD_ENTRY, why);
	memcpy(h.lock.who, p + DISK_HOLD_ENTRY + why, who);
	*out = h;
	*used = bytes;
	return 0;
}
