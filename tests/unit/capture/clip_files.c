/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clip_files.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/matlang-clip-XXXXXX";
static bool have_ffmpeg;

const char *clip_files_path(const char *name)
{
	static char path[4][256];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

void clip_files_make(const char *input, const char *options, const char *name)
{
	char command[1024];

	if (!have_ffmpeg) {
		printf("SKIP: the ffmpeg program is not installed\n");
		skip();
	}
	snprintf(command, sizeof(command),
		 "ffmpeg -nostdin -loglevel error -y -f lavfi -i %s %s %s 2>%s/log", input, options,
		 clip_files_path(name), dir);
	if (system(command)) {
		printf("SKIP: ffmpeg cannot make %s here\n", name);
		skip();
	}
}

void clip_files_put(const char *name, const void *data, size_t n)
{
	FILE *f = fopen(clip_files_path(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

uint8_t *clip_files_get(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	*n = (size_t)ftell(f);
	rewind(f);
	data = malloc(*n);
	assert_int_equal(fread(data, 1, *n, f), *n);
	fclose(f);
	return data;
}

const char *clip_files_numbered(const char *name, int n)
{
	char path[64];

	mkdir(clip_files_path(name), 0777);
	for (int i = 0; i < n; i++) {
		uint8_t file[11 + 4] = "P5\n2 2\n255\n";

		memset(file + 11, i, 4);
		snprintf(path, sizeof(path), "%s/%03d.pgm", name, i);
		clip_files_put(path, file, sizeof(file));
	}
	return clip_files_path(name);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int clip_files_set_up(void **state)
{
	have_ffmpeg = !system("ffmpeg -version >/dev/null 2>&1");
	return mkdtemp(dir) ? 0 : -1;
}

int clip_files_tear_down(void **state)
{
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
