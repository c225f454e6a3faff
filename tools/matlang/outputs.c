/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "tools/common/i18n.h"

/* dirname(3) and basename(3) write into what they are given. */
static char *part_of(const char *path, char *(*part)(char *))
{
	CLEANUP_FREE char *copy = strdup(path);

	return copy ? strdup(part(copy)) : NULL;
}

static char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strdup(slash ? slash + 1 : path);
}

static int make_temp(char *temp, struct errmsg *em)
{
	CLEANUP_CLOSE int fd = mkostemp(temp, O_CLOEXEC);
	mode_t mask = umask(0);
	int err;

	umask(mask);
	if (fd < 0) {
		CLEANUP_FREE char *dir = part_of(temp, dirname);

		err = -errno;
		return errmsg_set(em, err, _("cannot write into %s: %s"), dir ? dir : "?",
				  strerror(-err));
	}
	if (fchmod(fd, 0666 & ~mask) < 0) {
		err = -errno;
		unlink(temp);
		return errmsg_set(em, err, "%s: %s", temp, strerror(-err));
	}
	return 0;
}

static int room_for_one(struct outputs *o)
{
	size_t room = o->room ? o->room * 2 : 8;
	struct output *item;

	if (o->count < o->room)
		return 0;
	item = reallocarray(o->item, room, sizeof(*item));
	if (!item)
		return -ENOMEM;
	o->item = item;
	o->room = room;
	return 0;
}

int outputs_add(struct outputs *o, const char *path, const char **temp, struct errmsg *em)
{
	CLEANUP_FREE char *dir = part_of(path, dirname), *base = base_of(path),
			  *final = strdup(path);
	CLEANUP_FREE char *name = NULL;
	int err;

	if (!dir || !base || !final || room_for_one(o) < 0 ||
	    asprintf(&name, "%s/.%s.XXXXXX", dir, base) < 0)
		return errmsg_set(em, -ENOMEM, "%s", _("out of memory"));
	if (!o->force && access(path, F_OK) == 0)
		return errmsg_set(
			em, -EEXIST,
			_("%s is there already; choose another name, or --force replaces it"),
			path);
	err = make_temp(name, em);
	if (err)
		return err;
	o->item[o->count] = (struct output){.path = TAKE_PTR(final), .temp = TAKE_PTR(name)};
	*temp = o->item[o->count++].temp;
	return 0;
}

static int sync_path(const char *path, int flags)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int publish_one(const struct outputs *o, const struct output *file)
{
	int err = sync_path(file->temp, 0);

	if (err)
		return err;
	if (o->force)
		return rename(file->temp, file->path) < 0 ? -errno : 0;
	if (renameat2(AT_FDCWD, file->temp, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system (exFAT on a stick, say) that cannot do it in one step. */
	if (access(file->path, F_OK) == 0)
		return -EEXIST;
	return rename(file->temp, file->path) < 0 ? -errno : 0;
}

int outputs_publish(struct outputs *o, struct errmsg *em)
{
	size_t i = 0;
	int err = 0;

	for (; i < o->count && !err; i++) {
		err = publish_one(o, &o->item[i]);
		if (err)
			break;
		o->item[i].published = true;
	}
	if (!err && o->count) {
		CLEANUP_FREE char *dir = part_of(o->item[0].path, dirname);

		err = dir ? sync_path(dir, O_DIRECTORY) : -ENOMEM;
		/* Some file systems cannot sync a directory; the files themselves are safe. */
		if (err == -EINVAL)
			err = 0;
	}
	if (!err)
		return 0;
	errmsg_set(em, err, "%s: %s", o->item[i < o->count ? i : 0].path, strerror(-err));
	for (size_t k = 0; k < o->count && !o->force; k++)
		if (o->item[k].published)
			unlink(o->item[k].path);
	return err;
}

void outputs_free(struct outputs *o)
{
	for (size_t i = 0; i < o->count; i++) {
		if (!o->item[i].published)
			unlink(o->item[i].temp);
		free(o->item[i].path);
		free(o->item[i].temp);
	}
	free(o->item);
	*o = (struct outputs){0};
}

static void free_digest(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

int outputs_sha256(const char *path, char hex[static SHA256_HEX_SIZE], struct errmsg *em)
{
	__attribute__((cleanup(free_digest))) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE uint8_t *buffer = malloc(1 << 18);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	ssize_t n = -1;

	if (!ctx || !buffer || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		return errmsg_set(em, -ENOMEM, "%s", _("out of memory"));
	while (fd >= 0 && (n = read(fd, buffer, 1 << 18)) > 0)
		if (!EVP_DigestUpdate(ctx, buffer, (size_t)n))
			return errmsg_set(em, -EIO, "%s: SHA-256 failed", path);
	if (n < 0) {
		int err = -errno;

		return errmsg_set(em, err, "%s: %s", path, strerror(-err));
	}
	if (!EVP_DigestFinal_ex(ctx, digest, &length) || length != 32)
		return errmsg_set(em, -EIO, "%s: SHA-256 failed", path);
	for (unsigned i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return 0;
}
