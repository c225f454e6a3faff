/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/camera.h"
#include "capture/core/cleanup.h"
#include "storage/disk_format.h"
#include "tools/matlangd/attr_value.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (is_blank(*s))
		s++;
	while (end > s && is_blank(end[-1]))
		end--;
	*end = '\0';
	return s;
}

int config_split(char *line, char **path, char **value, struct errmsg *em)
{
	char quoted[ATTR_VALUE_QUOTED];
	char *text, *equals;

	text = trim(line);
	if (!*text || *text == '#')
		return 0;
	equals = strchr(text, '=');
	if (!equals)
		return errmsg_set(em, -EINVAL, "%s is not of the form PATH = VALUE",
				  attr_value_quote(text, quoted));
	*equals = '\0';
	*path = trim(text);
	*value = trim(equals + 1);
	if (!**path)
		return errmsg_set(em, -EINVAL, "no path before the =");
	return 1;
}

static void entry_free(struct config_entry *e)
{
	free(e->path);
	free(e->value);
	free(e->origin);
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->count; i++)
		entry_free(&c->entry[i]);
	free(c->entry);
	*c = (struct config){0};
}

/* What the engine would accept for this path in a file. */
static int check(const char *path, const char *value, const struct attr **out, struct errmsg *em)
{
	char camera[CAMERA_NAME_MAX];
	const struct attr *a = attr_lookup(path, camera, sizeof(camera), em);
	int err;

	if (!a)
		return -ENOENT;
	if (attr_is_camera(a) && !format_camera_name_ok(camera, strlen(camera)))
		return errmsg_set(em, -EINVAL,
				  "\"%s\" is no camera name: letters, digits, '.', '_' and '-', a "
				  "letter or digit first",
				  camera);
	if (!a->saved)
		return errmsg_set(em, -EINVAL, "%s is %s, not a setting", path,
				  a->type == ATTR_ACTION ? "an action" : "a figure");
	err = attr_check(a, value, em);
	if (err)
		return errmsg_prefix(em, err, "%s", path);
	*out = a;
	return 0;
}

static int append(struct config *c, const struct attr *a, const char *path, const char *value,
		  const char *origin, struct errmsg *em)
{
	struct config_entry e = {.attr = a};
	struct config_entry *grown;

	/* Room grows at powers of two: at those counts it is full. */
	if (!(c->count & (c->count - 1))) {
		grown = reallocarray(c->entry, c->count ? 2 * c->count : 1, sizeof(*grown));
		if (!grown)
			return errmsg_set(em, -ENOMEM, "out of memory");
		c->entry = grown;
	}
	e.path = strdup(path);
	e.value = strdup(value);
	e.origin = strdup(origin);
	if (!e.path || !e.value || !e.origin) {
		entry_free(&e);
		return errmsg_set(em, -ENOMEM, "out of memory");
	}
	c->entry[c->count++] = e;
	return 0;
}

static int parse_line(struct config *c, const char *start, size_t len, const char *origin,
		      struct errmsg *em)
{
	char *line CLEANUP_FREE = NULL;
	char *path, *value;
	const struct attr *a;
	int err;

	if (len && start[len - 1] == '\r')
		len--;
	if (memchr(start, '\0', len))
		return errmsg_set(em, -EINVAL, "a NUL byte: this is not a text file");
	line = strndup(start, len);
	if (!line)
		return errmsg_set(em, -ENOMEM, "out of memory");
	err = config_split(line, &path, &value, em);
	if (err <= 0)
		return err;
	err = check(path, value, &a, em);
	return err ? err : append(c, a, path, value, origin, em);
}

static int by_path(const void *a, const void *b)
{
	const struct config_entry *x = *(struct config_entry *const *)a;
	const struct config_entry *y = *(struct config_entry *const *)b;
	int order = strcmp(x->path, y->path);

	/* Entries lie in file order. */
	return order ? order : (x > y) - (x < y);
}

static int check_twice(const struct config *c, struct errmsg *em)
{
	struct config_entry **sorted CLEANUP_FREE = calloc(c->count + 1, sizeof(*sorted));

	if (!sorted)
		return errmsg_set(em, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->count; i++)
		sorted[i] = &c->entry[i];
	qsort(sorted, c->count, sizeof(*sorted), by_path);
	for (size_t i = 1; i < c->count; i++)
		if (!strcmp(sorted[i - 1]->path, sorted[i]->path))
			return errmsg_set(
				em, -EEXIST, "%s: %s is set already at %s; remove one of the two",
				sorted[i]->origin, sorted[i]->path, sorted[i - 1]->origin);
	return 0;
}

int config_parse(struct config *out, const char *text, size_t len, const char *name,
		 struct errmsg *em)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some editors begin UTF-8 files with it */
	struct config c = {0};
	size_t pos = len >= 3 && !memcmp(text, mark, 3) ? 3 : 0;
	unsigned line = 0;
	int err = 0;

	while (pos < len && !err) {
		const char *end = memchr(text + pos, '\n', len - pos);
		size_t n = end ? (size_t)(end - text) - pos : len - pos;
		char *origin CLEANUP_FREE = NULL;

		if (asprintf(&origin, "%s:%u", name, ++line) < 0) {
			origin = NULL;
			err = errmsg_set(em, -ENOMEM, "out of memory");
			break;
		}
		err = parse_line(&c, text + pos, n, origin, em);
		if (err)
			errmsg_prefix(em, err, "%s", origin);
		pos += n + 1;
	}
	if (!err)
		err = check_twice(&c, em);
	if (err)
		config_free(&c);
	else
		*out = c;
	return err;
}

int config_read_text(const char *file, char **out, size_t *len, struct errmsg *em)
{
	int fd CLEANUP_CLOSE = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text CLEANUP_FREE = NULL;
	struct stat st;
	size_t have = 0;

	if (fd < 0 || fstat(fd, &st))
		return errmsg_set(em, -errno, "%s: %s", file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return errmsg_set(em, -EINVAL, "%s is not a file", file);
	if (st.st_size > CONFIG_FILE_MAX)
		return errmsg_set(em, -EFBIG, "%s has more than %u MiB: not a configuration file",
				  file, CONFIG_FILE_MAX >> 20);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return errmsg_set(em, -ENOMEM, "out of memory");
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, text + have, (size_t)st.st_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errmsg_set(em, -errno, "%s: %s", file, strerror(errno));
		if (n == 0)
			break;
		have += (size_t)n;
	}
	text[have] = '\0';
	*len = have;
	*out = TAKE_PTR(text);
	return 0;
}

int config_read(struct config *out, const char *file, struct errmsg *em)
{
	char *text CLEANUP_FREE = NULL;
	size_t len;
	int err = config_read_text(file, &text, &len, em);

	return err ? err : config_parse(out, text, len, file, em);
}

int config_set(struct config *c, const char *path, const char *value, const char *origin,
	       struct errmsg *em)
{
	const struct attr *a;
	int err = check(path, value, &a, em);

	if (err)
		return errmsg_prefix(em, err, "%s", origin);
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->entry[i].path, path))
			continue;
		entry_free(&c->entry[i]);
		memmove(&c->entry[i], &c->entry[i + 1], (c->count - i - 1) * sizeof(c->entry[0]));
		c->count--;
		/* append() must find room where its rule says there is some: it does, because
		 * shrinking never gives any back and it only ever grows to the next power. */
		break;
	}
	return append(c, a, path, value, origin, em);
}
