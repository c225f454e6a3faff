/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The volume: made once, at its full size; its superblock. */
#include "storage/store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "capture/core/cleanup.h"

#define FILL_BYTES (4u << 20)

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
	if (s.volume_count > 1 || s.parity_count)
		return errmsg_set(em, -EPROTO,
				  "%s: the store has %u volumes; this program uses stores of one "
				  "only: use a newer program",
				  path, s.volume_count);
	if (io->size < s.volume_bytes)
		return errmsg_set(em, -EBADMSG,
				  "%s: the file is %llu bytes shorter than the store: it was cut "
				  "off; run `matlang store verify`",
				  path, (unsigned long long)(s.volume_bytes - io->size));
	*out = s;
	return 0;
}

/* Makes the directory when there is none. *made: to be removed again on failure. */
static int make_dir(const char *dir, bool *made, struct errmsg *em)
{
	struct stat st;

	*made = false;
	if (!mkdir(dir, 0750)) {
		*made = true;
		return 0;
	}
	if (errno != EEXIST)
		return errmsg_set(em, -errno, "cannot make directory %s: %s", dir, strerror(errno));
	if (stat(dir, &st))
		return errmsg_set(em, -errno, "cannot use %s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return errmsg_set(em, -EINVAL, "%s is not a directory", dir);
	return 0;
}

static int choose_size(const char *dir, const struct store_create_options *o, uint64_t *size,
		       struct errmsg *em)
{
	struct statvfs vfs;

	if (statvfs(dir, &vfs))
		return errmsg_set(em, -errno, "cannot tell the free space of %s: %s", dir,
				  strerror(errno));
	uint64_t free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;

	*size = o->size_bytes ? o->size_bytes : free_bytes / 10 * 9;
	*size &= ~(uint64_t)(DISK_BLOCK - 1);
	if (!o->sparse && *size > free_bytes)
		return errmsg_set(em, -ENOSPC,
				  "%s: a store of %llu MiB needs %llu MiB more than the %llu MiB "
				  "that are free: choose a smaller size or make room",
				  dir, (unsigned long long)(*size >> 20),
				  (unsigned long long)((*size - free_bytes + 0xfffff) >> 20),
				  (unsigned long long)(free_bytes >> 20));
	return 0;
}

static int choose_layout(uint64_t size, const struct store_create_options *o,
			 struct format_super *out, struct errmsg *em)
{
	uint64_t need = 0;
	int err = format_layout(size, o->segment_bytes, out, &need);
	struct monotime_sample now;

	if (err == -EINVAL)
		return errmsg_set(em, err,
				  "segment size %u: it must be a power of two from 1 MiB to 1 GiB",
				  o->segment_bytes);
	if (err)
		return errmsg_set(em, err,
				  "a store of %llu KiB is too small, it needs %llu KiB more: at "
				  "least %llu KiB with segments of this size",
				  (unsigned long long)(size >> 10),
				  (unsigned long long)((need - size + 1023) >> 10),
				  (unsigned long long)(need >> 10));
	err = volume_random(out->store_uuid, sizeof(out->store_uuid));
	if (!err)
		err = volume_random(out->volume_uuid, sizeof(out->volume_uuid));
	if (!err)
		err = monotime_sample(&now);
	if (err)
		return errmsg_set(em, err, "cannot make an identity for the store: %s",
				  strerror(-err));
	/* RFC 9562: random, version 4. */
	out->store_uuid[6] = (out->store_uuid[6] & 0x0f) | 0x40;
	out->store_uuid[8] = (out->store_uuid[8] & 0x3f) | 0x80;
	out->volume_uuid[6] = (out->volume_uuid[6] & 0x0f) | 0x40;
	out->volume_uuid[8] = (out->volume_uuid[8] & 0x3f) | 0x80;
	out->created_utc_ns = now.utc_ns;
	return 0;
}

/* Overwriting written space is several times cheaper than writing reserved space for the first
 * time; so all of it is written once, now. */
static int write_through(struct storage_io *io, const struct format_super *s,
			 const struct store_create_options *o)
{
	CLEANUP_FREE uint8_t *zeros = volume_alloc(FILL_BYTES);
	uint64_t at = 0;
	int err = zeros ? 0 : -ENOMEM;

	while (!err && at < s->volume_bytes) {
		uint64_t left = s->volume_bytes - at;
		size_t n = left < FILL_BYTES ? (size_t)left : FILL_BYTES;

		err = io->ops->write_sync(io, zeros, n, at);
		at += n;
		if (!err && o->progress && o->progress(o->progress_ctx, at, s->volume_bytes))
			err = -ECANCELED;
	}
	return err;
}

static int write_first_checkpoint(struct storage_io *io, const struct format_super *s)
{
	struct format_checkpoint c = {
		.generation = 1,
		.head = DISK_NO_SEGMENT,
		.segments = s->segments,
		.clean = 1,
	};

	c.bytes = format_checkpoint_bytes(&c);
	CLEANUP_FREE uint8_t *buf = volume_alloc(c.bytes);

	if (!buf)
		return -ENOMEM;
	/* Entries of free segments are all zeros. */
	format_checkpoint_encode(buf, s, &c);
	return io->ops->write_sync(io, buf, c.bytes, s->area_offset[0]);
}

static int write_volume(struct storage_io *io, const struct format_super *s,
			const struct store_create_options *o)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);
	int err = block ? 0 : -ENOMEM;

	if (!err && !o->sparse)
		err = write_through(io, s, o);
	if (!err)
		err = write_first_checkpoint(io, s);
	if (!err)
		err = io->ops->flush_sync(io);
	if (err)
		return err;
	/* Last: a store that has a superblock is whole. */
	format_super_encode(block, s);
	err = io->ops->write_sync(io, block, DISK_BLOCK, DISK_SUPER_B);
	if (!err)
		err = io->ops->write_sync(io, block, DISK_BLOCK, DISK_SUPER_A);
	return err ? err : io->ops->flush_sync(io);
}

static int make_volume(const char *path, const struct format_super *s,
		       const struct store_create_options *o, struct errmsg *em)
{
	struct storage_io *io;
	int err = storage_io_uring.open(
		NULL, path, STORAGE_IO_WRITE | STORAGE_IO_CREATE | STORAGE_IO_LOCK, NULL, &io, em);

	if (err == -EEXIST)
		return errmsg_set(em, err,
				  "%s: there is a store already; use it, or remove it first", path);
	if (err)
		return err;
	err = io->ops->resize(io, s->volume_bytes, !o->sparse);
	if (!err)
		err = write_volume(io, s, o);
	io->ops->close(io);
	if (!err)
		return 0;
	if (unlink(path) && errno != ENOENT)
		return errmsg_set(em, err, "cannot write %s (%s), nor remove it: %s", path,
				  strerror(-err), strerror(errno));
	if (err == -ECANCELED)
		return errmsg_set(em, err, "stopped; nothing was created");
	if (err == -ENOSPC)
		return errmsg_set(em, err,
				  "%s: no space for %llu MiB: choose a smaller size or make room",
				  path, (unsigned long long)(s->volume_bytes >> 20));
	return errmsg_set(em, err, "cannot write %s: %s", path, strerror(-err));
}

int store_create(const char *const dirs[], unsigned ndirs, const struct store_create_options *o,
		 struct errmsg *em)
{
	struct format_super s;
	uint64_t size = 0;
	char path[512];
	bool made;

	if (ndirs != 1)
		return errmsg_set(em, -EINVAL, "a store has one directory for now; %u were given",
				  ndirs);
	if (snprintf(path, sizeof(path), "%s/" DISK_VOLUME_FILE, dirs[0]) >= 256)
		return errmsg_set(em, -EINVAL, "%s: the path is too long", dirs[0]);
	int err = make_dir(dirs[0], &made, em);

	if (err)
		return err;
	if (!access(path, F_OK)) {
		/* Before sizes are talked about: this is what is wrong. */
		return errmsg_set(em, -EEXIST,
				  "%s: there is a store already; use it, or remove it first", path);
	}
	err = choose_size(dirs[0], o, &size, em);
	if (!err)
		err = choose_layout(size, o, &s, em);
	if (!err)
		err = make_volume(path, &s, o, em);
	if (err && made)
		rmdir(dirs[0]); /* left when something else got into it meanwhile */
	return err;
}
