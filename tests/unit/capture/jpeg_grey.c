/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jpeg_grey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <turbojpeg.h>

uint8_t *jpeg_grey(const struct frame *f)
{
	tjhandle tj = tjInitDecompress();
	int w, h, sub, space;
	uint8_t *out = malloc((size_t)f->width * f->height);

	assert_int_equal(tjDecompressHeader3(tj, f->plane[0].data, f->plane[0].bytesused, &w, &h,
					     &sub, &space),
			 0);
	assert_int_equal(w, f->width);
	assert_int_equal(h, f->height);
	if (tjDecompress2(tj, f->plane[0].data, f->plane[0].bytesused, out, w, 0, h, TJPF_GRAY,
			  TJFLAG_STOPONWARNING))
		fail_msg("%s", tjGetErrorStr2(tj));
	tjDestroy(tj);
	return out;
}
