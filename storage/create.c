/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a store: its volumes, each once and at its full size. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "storage/store_impl.h"
#include "storage/stripe.h"
#include "storage/volume.h"

#define FILL_BYTES (4u << 20)
/* Of all that is free, at most so much may stay unused because another directory has less. */
#define WASTE_PERCENT 10u

struct making_volume {
	const char *dir;
	char path[VOLUME_PATH_MAX];
	bool made_dir, made_file;
	struct storage_io *io; /* the stripe set's, once there is one */
	struct format_super super;
};

struct making {
	const struct store_create_options *o;
	unsigned n;
	struct making_volume v[DISK_VOLUMES_MAX];
	struct storage_io *io; /* all together */
	uint64_t filled;
};

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

/* Before sizes are talked about: this is what is wrong. */
static int refuse_used(const struct making *m, unsigned i, struct errmsg *em)
{
	const char *dir = m->v[i].dir;
	char path[VOLUME_PATH_MAX];

	for (unsigned j = 0; j < i; j++)
		if (!strcmp(m->v[j].dir, dir))
			return errmsg_set(em, -EINVAL,
					  "%s is named twice: each volume needs a disk "
					  "of its own",
					  dir);
	for (unsigned j = 0; j < DISK_VOLUMES_MAX; j++) {
		if (volume_path(dir, j, path))
			return errmsg_set(em, -EINVAL, "%s: the path is too long", dir);
		if (!access(path, F_OK))
			return errmsg_set(
				em, -EEXIST,
				"%s: there is a store already; use it, or remove it first", path);
	}
	return 0;
}

static int free_bytes(const char *dir, uint64_t *out, struct errmsg *em)
{
	struct statvfs vfs;

	if (statvfs(dir, &vfs))
		return errmsg_set(em, -errno, "cannot tell the free space of %s: %s", dir,
				  strerror(errno));
	*out = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return 0;
}

static int check_free(const struct making *m, unsigned i, uint64_t size, uint64_t there,
		      struct errmsg *em)
{
	if (m->o->sparse || size <= there)
		return 0;
	return errmsg_set(em, -ENOSPC,
			  "%s: a store of %llu MiB needs %llu MiB more than the %llu MiB that are "
			  "free: choose a smaller size or make room",
			  m->v[i].dir, (unsigned long long)(size >> 20),
			  (unsigned long long)((size - there + 0xfffff) >> 20),
			  (unsigned long long)(there >> 20));
}

/* The same on every disk: what the smallest gives. */
static int choose_size(const struct making *m, uint64_t *size, struct errmsg *em)
{
	uint64_t least = UINT64_MAX, sum = 0;
	unsigned smallest = 0;

	for (unsigned i = 0; i < m->n; i++) {
		uint64_t there = 0;
		int err = free_bytes(m->v[i].dir, &there, em);

		if (!err && m->o->size_bytes)
			err = check_free(m, i, m->o->size_bytes, there, em);
		if (err)
			return err;
		sum += there;
		if (there < least) {
			least = there;
			smallest = i;
		}
	}
	*size = (m->o->size_bytes ? m->o->size_bytes : least / 10 * 9) &
		~(uint64_t)(DISK_BLOCK - 1);
	if (!m->o->size_bytes && least * m->n < sum / 100 * (100 - WASTE_PERCENT))
		return errmsg_set(
			em, -EINVAL,
			"%s has only %llu MiB free, and every disk gives as much as the "
			"smallest: %llu MiB of the others would stay unused; leave it out, "
			"make room there, or accept it by saying --size",
			m->v[smallest].dir, (unsigned long long)(least >> 20),
			(unsigned long long)((sum - least * m->n) >> 20));
	return 0;
}

/* RFC 9562: random, version 4. */
static int make_uuid(uint8_t uuid[16])
{
	int err = volume_random(uuid, 16);

	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return err;
}

static int lay_out(const struct making *m, uint64_t size, struct format_super *out,
		   struct errmsg *em)
{
	uint64_t need = 0;
	int err = m->n == 1 ? format_layout(size, m->o->segment_bytes, out, &need)
			    : format_layout_striped(size, m->n, m->o->parity, m->o->segment_bytes,
						    out, &need);

	if (err == -EINVAL)
		return errmsg_set(em, err,
				  "segment size %u: it must be a power of two from 1 MiB to 1 GiB",
				  m->o->segment_bytes);
	if (err)
		return errmsg_set(em, err,
				  "a store of %llu KiB is too small, it needs %llu KiB more: at "
				  "least %llu KiB%s with segments of this size",
				  (unsigned long long)(size >> 10),
				  (unsigned long long)((need - size + 1023) >> 10),
				  (unsigned long long)(need >> 10),
				  m->n == 1 ? "" : " in each directory");
	return 0;
}

static int choose_layout(struct making *m, uint64_t size, struct errmsg *em)
{
	struct monotime_sample now;
	struct format_super s;
	int err = lay_out(m, size, &s, em);

	if (err)
		return err;
	err = make_uuid(s.store_uuid);
	if (!err)
		err = monotime_sample(&now);
	for (unsigned i = 0; i < m->n && !err; i++) {
		s.created_utc_ns = now.utc_ns;
		s.volume_index = i;
		err = make_uuid(s.volume_uuid);
		m->v[i].super = s;
	}
	return err ? errmsg_set(em, err, "cannot make an identity for the store: %s",
				strerror(-err))
		   : 0;
}

/* Overwriting written space is several times cheaper than writing reserved space for the first
 * time; so all of it is written once, now. */
static int write_through(struct making *m, struct storage_io *io)
{
	const struct store_create_options *o = m->o;
	CLEANUP_FREE uint8_t *zeros = volume_alloc(FILL_BYTES);
	uint64_t at = 0, bytes = m->v[0].super.volume_bytes;
	int err = zeros ? 0 : -ENOMEM;

	while (!err && at < bytes) {
		size_t n = bytes - at < FILL_BYTES ? (size_t)(bytes - at) : FILL_BYTES;

		err = io->ops->write_sync(io, zeros, n, at);
		at += n;
		m->filled += n;
		if (!err && o->progress && o->progress(o->progress_ctx, m->filled, bytes * m->n))
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
	uint64_t bytes = format_unit_up(s, c.bytes);
	CLEANUP_FREE uint8_t *buf = volume_alloc(bytes);

	if (!buf)
		return -ENOMEM;
	/* Entries of free segments are all zeros. */
	format_checkpoint_encode(buf, s, &c);
	return io->ops->write_sync(io, buf, bytes, s->area_offset[0]);
}

static int write_super(const struct making_volume *v)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);

	if (!block)
		return -ENOMEM;
	format_super_encode(block, &v->super);
	int err = v->io->ops->write_sync(v->io, block, DISK_BLOCK, DISK_SUPER_B);

	if (!err)
		err = v->io->ops->write_sync(v->io, block, DISK_BLOCK, DISK_SUPER_A);
	return err ? err : v->io->ops->flush_sync(v->io);
}

static int explain(const struct making_volume *v, int err, struct errmsg *em)
{
	if (err == -ECANCELED)
		return errmsg_set(em, err, "stopped; nothing was created");
	if (err == -ENOSPC)
		return errmsg_set(em, err,
				  "%s: no space for %llu MiB: choose a smaller size or make room",
				  v->path, (unsigned long long)(v->super.volume_bytes >> 20));
	return errmsg_set(em, err, "cannot write %s: %s", v->path, strerror(-err));
}

static int make_volume(struct making *m, struct making_volume *v, struct errmsg *em)
{
	int err = volume_path(v->dir, v->super.volume_index, v->path);

	if (err)
		return errmsg_set(em, -EINVAL, "%s: the path is too long", v->dir);
	err = storage_io_uring.open(NULL, v->path,
				    STORAGE_IO_WRITE | STORAGE_IO_CREATE | STORAGE_IO_LOCK, NULL,
				    &v->io, em);
	if (err == -EEXIST)
		return errmsg_set(em, err,
				  "%s: there is a store already; use it, or remove it first",
				  v->path);
	if (err)
		return err;
	v->made_file = true;
	err = v->io->ops->resize(v->io, v->super.volume_bytes, !m->o->sparse);
	if (!err && !m->o->sparse)
		err = write_through(m, v->io);
	return err ? explain(v, err, em) : 0;
}

/* The volumes' io pass to the set, if there are several; they are closed with it. */
static int put_together(struct making *m, struct errmsg *em)
{
	struct stripe_part *part;
	int err;

	if (m->n == 1) {
		m->io = m->v[0].io;
		return 0;
	}
	part = calloc(m->n, sizeof(*part));
	if (!part)
		return errmsg_set(em, -ENOMEM, "no memory to make the store");
	for (unsigned i = 0; i < m->n; i++) {
		snprintf(part[i].dir, sizeof(part[i].dir), "%s", m->v[i].dir);
		part[i].io = m->v[i].io;
		part[i].super = m->v[i].super;
	}
	err = stripe_make(&m->v[0].super, part, &m->io, em);
	for (unsigned i = 0; i < m->n && err; i++)
		m->v[i].io = NULL;
	free(part);
	return err;
}

static int make_all(struct making *m, struct errmsg *em)
{
	int err = 0;

	for (unsigned i = 0; i < m->n && !err; i++)
		err = make_volume(m, &m->v[i], em);
	if (!err)
		err = put_together(m, em);
	if (err)
		return err;
	err = write_first_checkpoint(m->io, &m->v[0].super);
	/* With several volumes, which of them count is written here too. */
	if (!err)
		err = m->io->ops->flush_sync(m->io);
	/* Last: a store that has a superblock is whole. */
	for (unsigned i = 0; i < m->n && !err; i++)
		err = write_super(&m->v[i]);
	return err ? explain(&m->v[0], err, em) : 0;
}

static void close_all(struct making *m)
{
	if (m->io) {
		m->io->ops->close(m->io);
		return;
	}
	for (unsigned i = 0; i < m->n; i++)
		if (m->v[i].io)
			m->v[i].io->ops->close(m->v[i].io);
}

static void undo(struct making *m, int err, struct errmsg *em)
{
	for (unsigned i = 0; i < m->n; i++) {
		struct making_volume *v = &m->v[i];

		if (v->made_file && unlink(v->path) && errno != ENOENT)
			errmsg_set(em, err, "cannot write %s (%s), nor remove it: %s", v->path,
				   strerror(-err), strerror(errno));
		if (v->made_dir)
			rmdir(v->dir); /* left when something else got into it meanwhile */
	}
}

static int check_counts(unsigned ndirs, unsigned parity, struct errmsg *em)
{
	if (ndirs < 1 || ndirs > DISK_VOLUMES_MAX)
		return errmsg_set(em, -EINVAL, "a store has 1 to %u directories; %u were given",
				  DISK_VOLUMES_MAX, ndirs);
	if (parity > DISK_PARITY_MAX)
		return errmsg_set(em, -EINVAL, "parity %u: it must be 0 to %u", parity,
				  DISK_PARITY_MAX);
	if (parity >= ndirs)
		return errmsg_set(
			em, -EINVAL,
			"parity %u needs at least %u directories, each on a disk of its own; "
			"%u %s given",
			parity, parity + 1, ndirs, ndirs == 1 ? "was" : "were");
	return 0;
}

int store_create(const char *const dirs[], unsigned ndirs, const struct store_create_options *o,
		 struct errmsg *em)
{
	int err = check_counts(ndirs, o->parity, em);

	if (err)
		return err;
	struct making *m = calloc(1, sizeof(*m));
	uint64_t size = 0;

	if (!m)
		return errmsg_set(em, -ENOMEM, "no memory to make the store");
	m->o = o;
	for (unsigned i = 0; i < ndirs && !err; i++) {
		if (strlen(dirs[i]) + sizeof("/volume-31.matlang") > 256)
			err = errmsg_set(em, -EINVAL, "%s: the path is too long", dirs[i]);
		if (!err)
			err = make_dir(dirs[i], &m->v[i].made_dir, em);
		if (err)
			break;
		m->v[i].dir = dirs[i];
		m->n = i + 1;
		err = refuse_used(m, i, em);
	}
	if (!err)
		err = choose_size(m, &size, em);
	if (!err)
		err = choose_layout(m, size, em);
	if (!err)
		err = make_all(m, em);
	close_all(m);
	if (err)
		undo(m, err, em);
	free(m);
	return err;
}
