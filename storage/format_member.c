/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The membership block of a store of several volumes. */
#include "storage/disk_format.h"

#include <errno.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "storage/format_block.h"

#define UUIDS 64u /* offset of the table of volumes */

void format_member_encode(uint8_t b[static DISK_BLOCK], const struct format_super *s,
			  const struct format_member *m)
{
	format_block_begin(b, FORMAT_MAGIC_MEMBER);
	bytes_put_le32(b + 12, m->volumes);
	memcpy(b + 16, s->store_uuid, 16);
	bytes_put_le64(b + 32, m->generation);
	bytes_put_le64(b + 40, m->nonce);
	bytes_put_le32(b + 48, m->in_sync);
	bytes_put_le32(b + 52, m->rebuilding);
	bytes_put_le64(b + 56, m->frontier);
	memcpy(b + UUIDS, m->uuid, (size_t)m->volumes * 16);
	format_block_end(b);
}

int format_member_decode(const uint8_t b[static DISK_BLOCK], const struct format_super *s,
			 struct format_member *out)
{
	int err = format_block_check(b, FORMAT_MAGIC_MEMBER);

	if (err)
		return err;
	struct format_member m = {
		.volumes = bytes_le32(b + 12),
		.generation = bytes_le64(b + 32),
		.nonce = bytes_le64(b + 40),
		.in_sync = bytes_le32(b + 48),
		.rebuilding = bytes_le32(b + 52),
		.frontier = bytes_le64(b + 56),
	};

	if (memcmp(b + 16, s->store_uuid, 16) || m.volumes != s->volume_count ||
	    m.volumes > DISK_VOLUMES_MAX || !m.generation ||
	    (m.volumes < 32 && m.in_sync >> m.volumes) || m.frontier % DISK_BLOCK ||
	    (m.rebuilding != DISK_NO_VOLUME &&
	     (m.rebuilding >= m.volumes || m.in_sync >> m.rebuilding & 1)))
		return -EBADMSG;
	memcpy(m.uuid, b + UUIDS, (size_t)m.volumes * 16);
	*out = m;
	return 0;
}
