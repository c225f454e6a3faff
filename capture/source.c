/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/source.h"

#include <errno.h>
#include <string.h>

static const struct source_ops *const kinds[] = {
	&source_v4l2_ops,
	&source_clip_ops,
	&source_rack_ops,
};

const struct source_ops *source_find(const char *uri, const char **rest, struct errmsg *em)
{
	const char *colon = strchr(uri, ':');

	if (strlen(uri) >= SOURCE_URI_MAX) {
		errmsg_set(em, -EINVAL, "source is longer than %d characters", SOURCE_URI_MAX - 1);
		return NULL;
	}
	for (size_t i = 0; colon && i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i]->scheme);

		if ((size_t)(colon - uri) == n && !memcmp(uri, kinds[i]->scheme, n)) {
			*rest = colon + 1;
			return kinds[i];
		}
	}
	errmsg_set(em, -EINVAL,
		   "%.80s: not a source; write v4l2:DEVICE (/dev/video0 or by-path/...), "
		   "clip:FILE or rack:NAME",
		   *uri ? uri : "\"\"");
	return NULL;
}

int source_check(const char *uri, struct errmsg *em)
{
	const char *rest;
	const struct source_ops *ops = source_find(uri, &rest, em);

	if (!ops)
		return -EINVAL;
	if (ops->check && ops->check(rest, em))
		return errmsg_prefix(em, -EINVAL, "%s", ops->scheme);
	return 0;
}
