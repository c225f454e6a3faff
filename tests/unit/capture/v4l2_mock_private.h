/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the scripted driver: formats in v4l2_mock_formats.c, all else in
 * v4l2_mock.c. */
#ifndef TESTS_V4L2_MOCK_PRIVATE_H
#define TESTS_V4L2_MOCK_PRIVATE_H

#include "v4l2_mock.h"

/* Counts a broken rule; the first is kept. */
void v4l2_mock_breach(struct v4l2_mock *m, const char *what);
bool v4l2_mock_mplane(const struct v4l2_mock *m);
/* The V4L2_BUF_TYPE_* of its queue. */
uint32_t v4l2_mock_type(const struct v4l2_mock *m);

/* NULL: it has no such format. */
const struct v4l2_mock_format *v4l2_mock_find_format(const struct v4l2_mock *m, uint32_t fourcc);
unsigned v4l2_mock_plane_count(const struct v4l2_mock_format *f);
/* The sizeimage of plane `p` at the size that is set. */
uint32_t v4l2_mock_bytes(const struct v4l2_mock *m, const struct v4l2_mock_format *f, unsigned p);

/* ioctls: 0 or -errno, as the driver would answer. */
int v4l2_mock_enum_fmt(struct v4l2_mock *m, struct v4l2_fmtdesc *e);
int v4l2_mock_enum_sizes(struct v4l2_mock *m, struct v4l2_frmsizeenum *e);
int v4l2_mock_enum_rates(struct v4l2_mock *m, struct v4l2_frmivalenum *e);
void v4l2_mock_show_format(const struct v4l2_mock *m, struct v4l2_format *out);
int v4l2_mock_set_format(struct v4l2_mock *m, struct v4l2_format *f);
int v4l2_mock_try_format(struct v4l2_mock *m, struct v4l2_format *f);
int v4l2_mock_parm(struct v4l2_mock *m, struct v4l2_streamparm *p, bool set);
int v4l2_mock_selection(struct v4l2_mock *m, struct v4l2_selection *s);

#endif
