/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A volume's superblock, and memory for its blocks. */
#include "storage/volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "capture/core/cleanup.h"
#include "storage/store_impl.h"

void *volume_alloc(size_t bytes)
{
	void *p = NULL;

	if (posix_memalign(&p, DISK_BLOCK, ALIGN_UP(bytes, (size_t)DISK_BLOCK)))
		return NULL;
	memset(p, 0, ALIGN_UP(bytes, (size_t)DISK_BLOCK));
	return p;
}

int volume_random(void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int refuse(const struct format_super *s, uint32_t version, const char *path,
		  struct errmsg *em)
{
	if (version != DISK_VERSION)
		return errmsg_set(em, -EPROTO,
				  "%s: format version %u; this program knows version %u: use the "
				  "program that made the store",
				  path, version, DISK_VERSION);
	return errmsg_set(em, -EPROTO,
			  "%s: the store uses features this program does not know (0x%llx): use a "
			  "newer program",
			  path, (unsigned long long)(s->incompat & ~(uint64_t)DISK_INCOMPAT_KNOWN));
}

int volume_read_super(struct storage_io *io, const char *path, struct format_super *out,
		      struct errmsg *em)
{
	static const uint32_t at[2] = {DISK_SUPER_A, DISK_SUPER_B};
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);
	struct format_super s = {0}, odd = {0};
	uint32_t version = 0, odd_version = 0;
	int err = -EBADMSG;
	bool refused = false;

	if (!block)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", path);
	for (unsigned i = 0; i < 2 && err; i++) {
		err = io->ops->read(io, block, DISK_BLOCK, at[i]);
		if (!err)
			err = format_super_decode(block, &s, &version);
		if (err == -EPROTO) {
			odd = s;
			odd_version = version;
			refused = true;
		}
	}
	if (err && refused)
		return refuse(&odd, odd_version, path, em);
	if (err == -EBADMSG || err == -ENODATA)
		return errmsg_set(em, -EBADMSG,
				  "%s: both superblocks are damaged, or it is no store: run "
				  "`matlang store verify`",
				  path);
	if (err)
		return errmsg_set(em, err, "cannot read %s: %s", path, strerror(-err));
	if (io->size < s.volume_bytes)
		return errmsg_set(em, -EBADMSG,
				  "%s: the file is %llu bytes shorter than the store: it was cut "
				  "off; run `matlang store verify`",
				  path, (unsigned long long)(s.volume_bytes - io->size));
	*out = s;
	return 0;
}
