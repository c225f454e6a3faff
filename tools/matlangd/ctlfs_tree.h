/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shape of the tree, from the attribute table alone: which paths are folders, which are files,
 * what a folder holds. Pure functions, any thread. Paths have no leading slash; "" is the top. */
#ifndef MATLANGD_CTLFS_TREE_H
#define MATLANGD_CTLFS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/camera.h"
#include "tools/matlangd/attr.h"

enum ctlfs_kind {
	CTLFS_NOTHING,
	CTLFS_DIR,     /* of the table: "storage", "cameras/x/motion" */
	CTLFS_CAMERAS, /* "cameras": its folders come and go */
	CTLFS_CAMERA,  /* "cameras/x" */
	CTLFS_FILE,
};

struct ctlfs_node {
	enum ctlfs_kind kind;
	const struct attr *attr;      /* FILE */
	char camera[CAMERA_NAME_MAX]; /* must exist for the node to exist; "" outside cameras/ */
};

struct ctlfs_node ctlfs_tree_find(const char *path);

/* Calls `add` with each name the table puts into folder `path`; the cameras themselves are not in
 * the table. `is_dir`: the name is a folder. */
void ctlfs_tree_list(const char *path,
		     void (*add)(void *ctx, const char *name, bool is_dir, const struct attr *a),
		     void *ctx);

#endif
