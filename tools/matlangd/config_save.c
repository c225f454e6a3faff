/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/config_save.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/box_settings.h"
#include "tools/matlangd/config.h"

struct setting {
	char *path, *value;
	bool is_default;
	bool written;
};

/* The settings in force, and where they go. */
struct image {
	struct attr_deferred deferred;
	char file[PATH_MAX];
	struct setting *setting;
	size_t count, room;
};

static void image_free(struct image *im)
{
	for (size_t i = 0; i < im->count; i++) {
		free(im->setting[i].path);
		free(im->setting[i].value);
	}
	free(im->setting);
	free(im);
}

static int image_add(struct image *im, const struct attr *a, const struct attr_target *t,
		     const char *camera, char *value)
{
	struct setting *s;
	char path[ATTR_PATH_MAX];
	int err = a->show(a, t, value, ATTR_VALUE_MAX);

	if (err)
		return err;
	if (!attr_path(a, camera, path, sizeof(path)))
		return -EOVERFLOW;
	if (im->count == im->room) {
		size_t room = im->room ? 2 * im->room : 64;

		s = reallocarray(im->setting, room, sizeof(*s));
		if (!s)
			return -ENOMEM;
		im->setting = s;
		im->room = room;
	}
	s = &im->setting[im->count];
	*s = (struct setting){.path = strdup(path), .value = strdup(value)};
	s->is_default = a->def && !strcmp(a->def, value);
	im->count++;
	return s->path && s->value ? 0 : -ENOMEM;
}

static int image_fill(struct image *im, struct attr_env *env)
{
	char *value CLEANUP_FREE = malloc(ATTR_VALUE_MAX);
	struct attr_target t = {.env = env};
	const struct attr *a;
	int err = value ? 0 : -ENOMEM;

	for (size_t i = 0; !err && (a = attr_at(i)); i++)
		if (a->saved && !attr_is_camera(a))
			err = image_add(im, a, &t, NULL, value);
	for (size_t c = 0; !err && (t.camera = appliance_camera_at(env->box, c)); c++) {
		size_t first = im->count, kept = 0;

		for (size_t i = 0; !err && (a = attr_at(i)); i++)
			if (a->saved && attr_is_camera(a))
				err = image_add(im, a, &t, recorder_name(t.camera), value);
		/* A camera exists by being named: one that has only defaults is named by its first
		 * setting. */
		for (size_t i = first; i < im->count; i++)
			kept += !im->setting[i].is_default;
		if (!err && !kept && first < im->count)
			im->setting[first].is_default = false;
	}
	return err;
}

static struct setting *image_find(struct image *im, const char *path)
{
	for (size_t i = 0; i < im->count; i++)
		if (!strcmp(im->setting[i].path, path))
			return &im->setting[i];
	return NULL;
}

/* The old file's lines in their order, with the values in force. Lines of cameras that are gone are
 * left out; comments never. */
static int merge_old(struct image *im, const char *text, size_t len, FILE *out, struct errmsg *em)
{
	size_t pos = 0;
	unsigned number = 0;

	while (pos < len) {
		const char *end = memchr(text + pos, '\n', len - pos);
		size_t n = end ? (size_t)(end - text) - pos : len - pos;
		char *line CLEANUP_FREE = strndup(text + pos, n);
		char *path = NULL, *value = NULL;
		struct setting *s;
		int kind;

		number++;
		if (!line)
			return errmsg_set(em, -ENOMEM, "out of memory");
		kind = config_split(line, &path, &value, em);
		if (kind < 0)
			return errmsg_prefix(em, kind, "not saved: %s:%u", im->file, number);
		if (kind == 0) {
			fprintf(out, "%.*s\n", (int)n, text + pos);
		} else {
			s = image_find(im, path);
			if (s && !s->written)
				fprintf(out, "%s = %s\n", s->path, s->value);
			if (s)
				s->written = true;
		}
		pos += n + 1;
	}
	return 0;
}

/* "cameras/gate-01/motion/rate" -> length of "cameras/gate-01"; "storage/dir" -> "storage". */
static size_t group_length(const char *path)
{
	const char *slash = strchr(path, '/');

	if (slash && !strncmp(path, "cameras/", 8))
		slash = strchr(slash + 1, '/');
	return slash ? (size_t)(slash - path) : 0;
}

static void write_new(struct image *im, bool fresh, FILE *out)
{
	const char *group = NULL;

	if (fresh)
		fputs("# matlang: settings, one a line: PATH = VALUE. See matlang.conf(5).\n", out);
	for (size_t i = 0; i < im->count; i++) {
		struct setting *s = &im->setting[i];

		if (s->written || s->is_default)
			continue;
		if (!group || group_length(group) != group_length(s->path) ||
		    strncmp(group, s->path, group_length(s->path)))
			fputc('\n', out);
		group = s->path;
		fprintf(out, "%s = %s\n", s->path, s->value);
	}
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int sync_folder(const char *file)
{
	char copy[PATH_MAX];
	int fd CLEANUP_CLOSE = -1;

	snprintf(copy, sizeof(copy), "%s", file);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? -errno : 0;
}

/* Atomic: whoever reads `file` finds the old text or the new one. */
static int replace_file(const char *file, const char *text, size_t len)
{
	char tmp[PATH_MAX + 16];
	struct stat old;
	mode_t mode = 0644;
	int fd, err;

	snprintf(tmp, sizeof(tmp), "%s.new-XXXXXX", file);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (stat(file, &old) == 0) {
		mode = old.st_mode & 07777;
		/* Only root can give files away; for anybody else the file is theirs already. */
		if (!err && geteuid() == 0 && fchown(fd, old.st_uid, old.st_gid))
			err = -errno;
	}
	if (!err && fchmod(fd, mode))
		err = -errno;
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(tmp, file))
		err = -errno;
	if (err) {
		unlink(tmp);
		return err;
	}
	return sync_folder(file);
}

static int image_text(struct image *im, char **out, size_t *len, struct errmsg *em)
{
	char *old CLEANUP_FREE = NULL;
	size_t old_len = 0;
	struct errmsg why = {""};
	FILE *f;
	int err = config_read_text(im->file, &old, &old_len, &why);

	if (err && err != -ENOENT)
		return errmsg_set(em, err, "not saved: %s", why.text);
	f = open_memstream(out, len);
	if (!f)
		return errmsg_set(em, -ENOMEM, "out of memory");
	err = old ? merge_old(im, old, old_len, f, em) : 0;
	if (!err)
		write_new(im, !old, f);
	if (ferror(f) && !err)
		err = errmsg_set(em, -ENOMEM, "out of memory");
	if (fclose(f) && !err)
		err = errmsg_set(em, -ENOMEM, "out of memory");
	return err;
}

static int save_run(struct attr_deferred *d, struct errmsg *em)
{
	struct image *im = container_of(d, struct image, deferred);
	char *text CLEANUP_FREE = NULL;
	char real[PATH_MAX];
	size_t len = 0;
	int err;

	/* A symbolic link stays one: what it points to is replaced. */
	if (realpath(im->file, real))
		strcpy(im->file, real);
	err = image_text(im, &text, &len, em);
	if (!err) {
		err = replace_file(im->file, text, len);
		if (err)
			errmsg_set(em, err, "%s cannot be written: %s; the old file is unchanged",
				   im->file, strerror(-err));
	}
	image_free(im);
	return err;
}

int config_save_begin(struct attr_env *env, struct attr_deferred **out, struct errmsg *em)
{
	struct image *im;
	int err;

	if (!env->settings->config_file[0])
		return errmsg_set(em, -EINVAL,
				  "there is no configuration file: start with --config FILE");
	im = calloc(1, sizeof(*im));
	if (!im)
		return errmsg_set(em, -ENOMEM, "out of memory");
	im->deferred.run = save_run;
	strcpy(im->file, env->settings->config_file);
	err = image_fill(im, env);
	if (err) {
		image_free(im);
		return errmsg_set(em, err, "the settings cannot be taken down: %s", strerror(-err));
	}
	*out = &im->deferred;
	return 0;
}
