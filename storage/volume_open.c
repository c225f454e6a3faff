/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "storage/store_impl.h"
#include "storage/stripe.h"
#include "storage/stripe_impl.h"

int volume_path(const char *dir, unsigned index, char out[VOLUME_PATH_MAX])
{
	int n = snprintf(out, VOLUME_PATH_MAX, "%s/volume-%u.matlang", dir, index);

	return n < 0 || n >= (int)VOLUME_PATH_MAX ? -ENAMETOOLONG : 0;
}

struct finding {
	const struct storage_io_ops *ops;
	void *ctx;
	unsigned flags;
	struct reactor *reactor;
	struct stripe_part part[DISK_VOLUMES_MAX];
	unsigned parts;
};

/* The volume in a directory, whatever its number. */
static int open_in(struct finding *f, const char *dir, struct storage_io **io, char *path,
		   struct errmsg *em)
{
	for (unsigned i = 0; i < DISK_VOLUMES_MAX; i++) {
		struct errmsg why = {""};
		int err = volume_path(dir, i, path);

		if (err)
			return errmsg_set(em, err, "%s: the path is too long", dir);
		err = f->ops->open(f->ctx, path, f->flags, f->reactor, io, &why);
		if (err == -ENOENT)
			continue;
		if (err)
			errmsg_set(em, err, "%s", why.text);
		return err;
	}
	return errmsg_set(em, -ENOENT,
			  "%s: there is no store here; make one with `matlang store create %s`",
			  dir, dir);
}

/* Opens one of several. Only what a person must mend first ends it all: another writer. */
static int take_part(struct finding *f, const char *dir, struct errmsg *em)
{
	struct stripe_part *p = &f->part[f->parts];
	char path[VOLUME_PATH_MAX];
	struct errmsg why = {""};

	if (f->parts == DISK_VOLUMES_MAX)
		return errmsg_set(em, -EINVAL, "a store has at most %u directories",
				  DISK_VOLUMES_MAX);
	*p = (struct stripe_part){0};
	if (strlen(dir) >= sizeof(p->dir))
		return errmsg_set(em, -EINVAL, "%s: the path is too long", dir);
	memcpy(p->dir, dir, strlen(dir) + 1);
	f->parts++;
	int err = open_in(f, dir, &p->io, path, &why);

	if (!err)
		err = volume_read_super(p->io, path, &p->super, &why);
	if (!err && !(p->super.incompat & DISK_INCOMPAT_STRIPED))
		err = errmsg_set(em, -EINVAL,
				 "%s holds a store of its own: name it alone, or leave it out",
				 dir);
	else if (err == -EBUSY || err == -EPROTO || err == -ENOMEM)
		errmsg_set(em, err, "%s", why.text);
	else if (!err)
		p->has_member = !stripe_member_read(p->io, &p->super, &p->member);
	if (!err)
		return 0;
	if (p->io)
		p->io->ops->close(p->io);
	p->io = NULL;
	snprintf(p->why, sizeof(p->why), "%.*s", (int)sizeof(p->why) - 1, why.text);
	return err == -EBUSY || err == -EPROTO || err == -ENOMEM || err == -EINVAL ? err : 0;
}

static void close_all(struct finding *f)
{
	for (unsigned i = 0; i < f->parts; i++)
		if (f->part[i].io)
			f->part[i].io->ops->close(f->part[i].io);
}

static int open_several(struct finding *f, const char *dirs, struct storage_io **io, char *path,
			struct errmsg *em)
{
	CLEANUP_FREE char *list = strdup(dirs);
	char *rest = list, *dir;
	int err = list ? 0 : errmsg_set(em, -ENOMEM, "no memory to open %s", dirs);

	while (!err && (dir = strsep(&rest, ",")))
		if (*dir)
			err = take_part(f, dir, em);
	if (!err && !f->parts)
		err = errmsg_set(em, -EINVAL, "no directory is given");
	if (err) {
		close_all(f);
		return err;
	}
	snprintf(path, VOLUME_PATH_MAX, "%s", f->part[0].dir);
	return stripe_assemble(f->part, f->parts, f->flags & STORAGE_IO_WRITE, io, em);
}

/* One directory: a store of one volume, or one volume of several, which may do. */
static int open_one(struct finding *f, const char *dir, struct storage_io **io, char *path,
		    struct errmsg *em)
{
	struct format_super s;
	int err = open_in(f, dir, io, path, em);

	if (err)
		return err;
	/* Damage is for the caller to tell. */
	if (volume_read_super(*io, path, &s, NULL) || !(s.incompat & DISK_INCOMPAT_STRIPED))
		return 0;
	(*io)->ops->close(*io);
	*io = NULL;
	return open_several(f, dir, io, path, em);
}

int volume_open(const char *dirs, const struct storage_io_ops *ops, void *ctx, unsigned flags,
		struct reactor *r, struct storage_io **io, char *path, struct errmsg *em)
{
	struct finding *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", dirs);
	f->ops = ops;
	f->ctx = ctx;
	f->flags = flags;
	f->reactor = r;
	if (!strchr(dirs, ',') || !access(dirs, F_OK))
		err = open_one(f, dirs, io, path, em);
	else
		err = open_several(f, dirs, io, path, em);
	free(f);
	return err;
}
