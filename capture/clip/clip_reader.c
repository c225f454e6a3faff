/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/clip/clip_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/clip/clip_file.h"
#include "capture/clip/clip_images.h"

struct clip_reader {
	struct clip_file *file; /* one of the two */
	struct clip_images *images;
};

int clip_reader_open(struct clip_reader **out, const char *path, struct clip_info *info,
		     struct errmsg *em)
{
	struct clip_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return errmsg_set(em, -ENOMEM, "%s: no memory", path);
	if (clip_images_is(path))
		err = clip_images_open(&r->images, path, info, em);
	else if (access(path, R_OK))
		err = errmsg_set(em, -errno, "%s: %s", path, strerror(errno));
	else
		err = clip_file_open(&r->file, path, info, em);
	if (err)
		free(r);
	else
		*out = r;
	return err;
}

int clip_reader_next(struct clip_reader *r, struct clip_packet *out)
{
	return r->file ? clip_file_next(r->file, out) : clip_images_next(r->images, out);
}

int clip_reader_rewind(struct clip_reader *r)
{
	if (r->file)
		return clip_file_rewind(r->file);
	clip_images_rewind(r->images);
	return 0;
}

void clip_reader_close(struct clip_reader *r)
{
	if (!r)
		return;
	clip_file_close(r->file);
	clip_images_close(r->images);
	free(r);
}
