/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded scenes, which are not part of this project: MATLANG_CLIPS names a folder with one folder
 * a scene, its pictures in input/in%06d.png or .jpg, numbered from 1 or later. */
#ifndef TESTS_ANALYZE_CLIPS_H
#define TESTS_ANALYZE_CLIPS_H

#include <stdbool.h>
#include <stdint.h>

struct clips_picture {
	uint8_t *luma; /* the caller frees it; stride = w */
	uint32_t w, h;
};

/* A scene's picture; false when it is not there or cannot be read. */
bool clips_input(const char *scene, int number, struct clips_picture *out);
/* A grey PNG by its path. */
bool clips_png(const char *path, struct clips_picture *out);
/* Skips the running test, saying why, when there is no such scene. */
void clips_need(const char *scene);

#endif
