/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cameras/<camera>/all: every value of one camera in one read, as sysfs's uevent files do it. A
 * status of hundreds of cameras is hundreds of reads then, and not ten thousands.
 */
#include <stdio.h>
#include <string.h>

#include "tools/matlangd/attr_field.h"

#define CAMERA_PREFIX "cameras/<camera>/"

static ATTR_SHOW(show_all)
{
	const struct attr *other;
	size_t used = 0;

	for (size_t i = 0; (other = attr_at(i)); i++) {
		const char *name = other->path + strlen(CAMERA_PREFIX);
		char value[ATTR_VALUE_MAX];
		int n;

		if (strncmp(other->path, CAMERA_PREFIX, strlen(CAMERA_PREFIX)) || !other->show ||
		    other == a || other->show(other, t, value, sizeof(value)))
			continue;
		n = snprintf(out + used, size - used, "%s%s %s", used ? "\n" : "", name, value);
		if (n > 0 && (size_t)n < size - used)
			used += (size_t)n;
		else
			out[used] = '\0'; /* too long (zones): it has a file of its own */
	}
	return 0;
}

static const struct attr table[] = {
	{.path = CAMERA_PREFIX "all",
	 .type = ATTR_TEXT,
	 .unit = "",
	 .show = show_all,
	 .help = "Every value of the camera in one read, one a line: name, a space, value; very "
		 "long "
		 "ones are left out."},
};
const struct attr_part attr_part_all = {table, ARRAY_SIZE(table)};
