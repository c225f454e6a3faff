/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "tools/common/i18n.h"

#define DEFAULT_DIR "/run/matlang"
#define DEPTH_MAX   8 /* the tree is four levels deep; a loop of links must end */

void control_init(struct control *box, const char *dir)
{
	const char *env = getenv("MATLANG_CONTROL");

	box->dir = dir ? dir : env && *env ? env : DEFAULT_DIR;
}

int control_check(const struct control *box, struct errmsg *em)
{
	/* Everything below is read from the box; "state" is there whatever it is doing. */
	if (control_exists(box, "state"))
		return 0;
	return errmsg_set(em, -ENOENT,
			  _("no matlang is running with its control files in %s: start matlangd, "
			    "or say where they are with --control DIR"),
			  box->dir);
}

static bool leaves(const char *path)
{
	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");

		if (n == 2 && at[0] == '.' && at[1] == '.')
			return true;
		at += n + (at[n] == '/');
	}
	return false;
}

int control_name(const struct control *box, const char *path, char out[static PATH_MAX],
		 struct errmsg *em)
{
	size_t n = strlen(box->dir);

	if (path[0] == '/') {
		if (strncmp(path, box->dir, n) != 0 || (path[n] && path[n] != '/'))
			return errmsg_set(em, -EINVAL, "%s does not lie in %s", path, box->dir);
		path += n;
		path += *path == '/';
	}
	if (leaves(path))
		return errmsg_set(em, -EINVAL, "'%s' is not a control path: no '..' in it", path);
	if (snprintf(out, PATH_MAX, "%s%s%s", box->dir, *path ? "/" : "", path) >= PATH_MAX)
		return errmsg_set(em, -ENAMETOOLONG, "'%.60s...' is too long for a control path",
				  path);
	return 0;
}

bool control_exists(const struct control *box, const char *path)
{
	char name[PATH_MAX];

	return control_name(box, path, name, NULL) == 0 && access(name, F_OK) == 0;
}

bool control_is_value(const struct control *box, const char *path)
{
	char name[PATH_MAX];
	struct stat st;

	return control_name(box, path, name, NULL) == 0 && stat(name, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

static int read_all(int fd, char *out, size_t size)
{
	size_t used = 0;

	while (used + 1 < size) {
		ssize_t n = read(fd, out + used, size - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	out[used] = '\0';
	while (used > 0 && out[used - 1] == '\n')
		out[--used] = '\0';
	return 0;
}

int control_read(const struct control *box, const char *path, char *out, size_t size,
		 struct errmsg *em)
{
	char name[PATH_MAX];
	CLEANUP_CLOSE int fd = -1;
	int err = control_name(box, path, name, em);

	if (err)
		return err;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	err = fd < 0 ? -errno : read_all(fd, out, size);
	switch (err) {
	case 0: return 0;
	case -ENOENT: return errmsg_set(em, err, "there is no %s", path);
	case -EACCES: return errmsg_set(em, err, "%s may not be read by you; use sudo", path);
	case -EISDIR: return errmsg_set(em, err, "%s is a directory", path);
	default: return errmsg_set(em, err, "%s: %s", path, strerror(-err));
	}
}

int64_t control_number(const struct control *box, const char *path, int64_t fallback)
{
	char text[64], *end;
	long long value;

	if (control_read(box, path, text, sizeof(text), NULL) < 0)
		return fallback;
	errno = 0;
	value = strtoll(text, &end, 10);
	return end == text || *end || errno ? fallback : value;
}

double control_real(const struct control *box, const char *path, double fallback)
{
	char text[64], *end;
	double value;

	if (control_read(box, path, text, sizeof(text), NULL) < 0)
		return fallback;
	value = strtod(text, &end);
	return end == text || *end ? fallback : value;
}

/* A write gives back only an error number; the box keeps its reason, with the range, beside it. */
static int explain_refusal(const struct control *box, const char *path, int err, struct errmsg *em)
{
	char why[ERRMSG_MAX];

	switch (err) {
	case -ENOENT: return errmsg_set(em, err, "there is no %s", path);
	case -EISDIR: return errmsg_set(em, err, "%s is a directory, not a setting", path);
	case -EACCES:
	case -EPERM:
		return errmsg_set(em, err, "%s cannot be set: it is a figure, or it needs root",
				  path);
	default: break;
	}
	/* It names the path itself; the write may have been given the whole name of the file. */
	if (control_read(box, "last_error", why, sizeof(why), NULL) == 0 && *why)
		return errmsg_set(em, err, "%s", why);
	return errmsg_set(em, err, "%s: %s", path, strerror(-err));
}

int control_write(const struct control *box, const char *path, const char *value, struct errmsg *em)
{
	char name[PATH_MAX], line[CONTROL_VALUE_MAX];
	CLEANUP_CLOSE int fd = -1;
	int err = control_name(box, path, name, em), length;
	ssize_t n;

	if (err)
		return err;
	length = snprintf(line, sizeof(line), "%s\n", value);
	if (length < 0 || (size_t)length >= sizeof(line))
		return errmsg_set(em, -E2BIG, "%s: the value is longer than %d bytes", path,
				  CONTROL_VALUE_MAX - 2);
	fd = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		err = -errno;
	if (!err) {
		do
			n = write(fd, line, (size_t)length);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			err = -errno;
		else if (n != length)
			err = -EIO;
	}
	return err ? explain_refusal(box, path, err, em) : 0;
}

static int paths_add(struct control_paths *list, const char *path)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		char **p = reallocarray(list->path, room, sizeof(*p));

		if (!p)
			return -ENOMEM;
		list->path = p;
		list->room = room;
	}
	list->path[list->count] = strdup(path);
	if (!list->path[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

void control_paths_free(struct control_paths *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->path[i]);
	free(list->path);
	*list = (struct control_paths){0};
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Everything readable at or below `path` (relative; "" is the top). */
static int collect(const struct control *box, const char *path, unsigned depth,
		   struct control_paths *out)
{
	char name[PATH_MAX], below[PATH_MAX];
	struct dirent **entry;
	struct stat st;
	int n, err = control_name(box, path, name, NULL);

	if (err || stat(name, &st) < 0)
		return err ? err : -errno;
	if (S_ISREG(st.st_mode))
		return st.st_mode & 0444 ? paths_add(out, path) : 0;
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return 0;
	n = scandir(name, &entry, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *child = entry[i]->d_name;

		/* cameras/<camera>/all repeats its neighbours. */
		if (!err && child[0] != '.' && strcmp(child, "all") &&
		    snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", child) <
			    (int)sizeof(below)) {
			err = collect(box, below, depth + 1, out);
			/* A camera may go while we look. */
			if (err == -ENOENT)
				err = 0;
		}
		free(entry[i]);
	}
	free(entry);
	return err;
}

int control_list(const struct control *box, const char *pattern, struct control_paths *out,
		 struct errmsg *em)
{
	char name[PATH_MAX];
	size_t skip = strlen(box->dir), before = out->count;
	glob_t found = {0};
	int err;

	/* "/" at the end means the directory; "." the whole tree. */
	if (!strcmp(pattern, ".") || !strcmp(pattern, "/"))
		pattern = "";
	err = control_name(box, pattern, name, em);
	if (err)
		return err;
	for (size_t n = strlen(name); n > skip && name[n - 1] == '/'; n--)
		name[n - 1] = '\0';
	switch (glob(name, 0, NULL, &found)) {
	case 0: break;
	case GLOB_NOMATCH: err = errmsg_set(em, -ENOENT, "there is no %s", pattern); break;
	case GLOB_NOSPACE: err = errmsg_set(em, -ENOMEM, "out of memory"); break;
	default: err = errmsg_set(em, -EACCES, "%s may not be read by you; use sudo", pattern);
	}
	for (size_t i = 0; !err && i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i] + skip;

		err = collect(box, path + (*path == '/'), 0, out);
		if (err)
			errmsg_set(em, err, "%s: %s", found.gl_pathv[i], strerror(-err));
	}
	globfree(&found);
	if (!err && out->count == before)
		err = errmsg_set(em, -ENOENT, "there is nothing to read at %s", pattern);
	return err;
}

int control_children(const struct control *box, const char *path, struct control_paths *out)
{
	char name[PATH_MAX], child[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int err = control_name(box, path, name, NULL);

	if (err)
		return err;
	dir = opendir(name);
	/* ENOTCONN: a box that crashed has left its mount behind. */
	if (!dir)
		return errno == ENOENT || errno == ENOTCONN ? 0 : -errno;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || snprintf(child, sizeof(child), "%s/%s", name,
							entry->d_name) >= (int)sizeof(child))
			continue;
		if (stat(child, &st) == 0 && S_ISDIR(st.st_mode))
			err = paths_add(out, entry->d_name);
	}
	closedir(dir);
	if (!err && out->count)
		qsort(out->path, out->count, sizeof(*out->path), by_text);
	return err;
}
