/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/ctlfs_tree.h"

#include <stdio.h>
#include <string.h>

#define CAMERAS "cameras"
#define ANY     "cameras/<camera>"

/* The path as the table writes it ("cameras/x/motion" -> "cameras/<camera>/motion") and the
 * camera's name. False: too long. */
static bool to_pattern(const char *path, char *out, size_t size, char camera[CAMERA_NAME_MAX])
{
	const char *name, *rest;
	int n;

	camera[0] = '\0';
	if (strncmp(path, CAMERAS "/", strlen(CAMERAS) + 1)) {
		n = snprintf(out, size, "%s", path);
		return n >= 0 && (size_t)n < size;
	}
	name = path + strlen(CAMERAS) + 1;
	rest = strchrnul(name, '/');
	if (rest == name || rest - name >= CAMERA_NAME_MAX)
		return false;
	memcpy(camera, name, (size_t)(rest - name));
	camera[rest - name] = '\0';
	n = snprintf(out, size, ANY "%s", rest);
	return n >= 0 && (size_t)n < size;
}

struct ctlfs_node ctlfs_tree_find(const char *path)
{
	struct ctlfs_node node = {.kind = CTLFS_NOTHING};
	char pattern[ATTR_PATH_MAX];
	const struct attr *a;
	size_t len;

	if (!*path) {
		node.kind = CTLFS_DIR;
		return node;
	}
	if (!to_pattern(path, pattern, sizeof(pattern), node.camera))
		return node;
	len = strlen(pattern);
	for (size_t i = 0; (a = attr_at(i)); i++) {
		if (strncmp(a->path, pattern, len))
			continue;
		if (!a->path[len]) {
			node.kind = CTLFS_FILE;
			node.attr = a;
			return node;
		}
		if (a->path[len] == '/')
			node.kind = CTLFS_DIR;
	}
	if (node.kind == CTLFS_DIR && !strcmp(pattern, CAMERAS))
		node.kind = CTLFS_CAMERAS;
	if (node.kind == CTLFS_DIR && !strcmp(pattern, ANY))
		node.kind = CTLFS_CAMERA;
	return node;
}

void ctlfs_tree_list(const char *path,
		     void (*add)(void *ctx, const char *name, bool is_dir, const struct attr *a),
		     void *ctx)
{
	char pattern[ATTR_PATH_MAX], camera[CAMERA_NAME_MAX], name[ATTR_PATH_MAX];
	char seen[16][ATTR_PATH_MAX];
	size_t nseen = 0, len;
	const struct attr *a;

	if (!to_pattern(path, pattern, sizeof(pattern), camera))
		return;
	len = strlen(pattern);
	for (size_t i = 0; (a = attr_at(i)); i++) {
		const char *rest = a->path + len, *slash;
		bool known = false;

		if (strncmp(a->path, pattern, len) || (len && *rest++ != '/'))
			continue;
		slash = strchr(rest, '/');
		if (!slash) {
			add(ctx, rest, false, a);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(slash - rest), rest);
		for (size_t k = 0; k < nseen; k++)
			known |= !strcmp(seen[k], name);
		if (known || name[0] == '<' || nseen == ARRAY_SIZE(seen))
			continue;
		strcpy(seen[nseen++], name);
		add(ctx, name, true, NULL);
	}
}
