/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole table: the parts, one after another. */
#include "tools/matlangd/attr.h"
#include "tools/matlangd/attr_field.h"

static const struct attr_part *const parts[] = {
	&attr_part_box,     &attr_part_storage, &attr_part_lock,    &attr_part_volumes,
	&attr_part_latency, &attr_part_scrub,   &attr_part_reactor, &attr_part_all,
	&attr_part_camera,  &attr_part_motion,
};

const struct attr *attr_at(size_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (index < parts[i]->count)
			return &parts[i]->attrs[index];
		index -= parts[i]->count;
	}
	return NULL;
}
