/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clips for tests: files in a folder of the program's own, by hand or by the ffmpeg program. */
#ifndef TESTS_CLIP_FILES_H
#define TESTS_CLIP_FILES_H

#include <stddef.h>
#include <stdint.h>

/* An input of ffmpeg: moving pictures, small, ten a second. */
#define CLIP_FILES_PICTURES "testsrc=size=160x120:rate=10"

/* For cmocka: makes the folder; removes it with all that is in it. */
int clip_files_set_up(void **state);
int clip_files_tear_down(void **state);

/* The path of `name` in the folder; good until the fourth call from here. */
const char *clip_files_path(const char *name);
/* Makes `name` in the folder; a test that needs what ffmpeg lacks here is skipped. */
void clip_files_make(const char *input, const char *options, const char *name);
void clip_files_put(const char *name, const void *data, size_t n);
/* All of the file at `path`, `n` bytes; the caller frees it. */
uint8_t *clip_files_get(const char *path, size_t *n);
/* A folder of `n` grey pictures whose every pixel is their number; its path, as above. */
const char *clip_files_numbered(const char *name, int n);

#endif
