/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of a store that has several. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/replace.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"
#include "tools/matlangd/attr_value.h"
#include "tools/matlangd/box_settings.h"

#define MIB (UINT64_C(1) << 20)

static ATTR_SHOW(show_u32)
{
	struct store_stats s;

	store_stats(appliance_store(t->env->box), &s);
	return attr_print(out, size, "%" PRIu32, *(const uint32_t *)((const char *)&s + a->field));
}

static ATTR_SHOW(show_rebuild)
{
	struct replace_stats r;

	replace_stats(appliance_store(t->env->box), &r);
	if (*r.failed)
		return attr_print(out, size, "failed: %s", r.failed);
	if (!r.running)
		return attr_print(out, size, "%s", "idle");
	return attr_print(out, size, "%" PRIu64 " of %" PRIu64 " bytes, volume %u onto %s", r.done,
			  r.total, r.volume, r.dir);
}

/* "NEW" or "OLD,NEW". */
static ATTR_STORE(store_rebuild)
{
	struct store *s = appliance_store(t->env->box);
	const char *comma = strchr(value, ',');
	char old[256] = "";

	if (value[0] != '/' || (comma && comma[1] != '/'))
		return errmsg_set(em, -EINVAL,
				  "\"%s\": give the new directory, or the old one, a comma and the "
				  "new one, from / on",
				  value);
	if (comma && (size_t)(comma - value) >= sizeof(old))
		return errmsg_set(em, -EINVAL, "the path is too long");
	if (comma)
		snprintf(old, sizeof(old), "%.*s", (int)(comma - value), value);
	return replace_start(s, comma ? old : NULL, comma ? comma + 1 : value, em);
}

static ATTR_STORE(store_rate)
{
	int err = attr_box_store_unsigned(a, t, value, em);

	if (!err && t->env->box)
		replace_set_rate(appliance_store(t->env->box),
				 t->env->settings->rebuild_mb_s * MIB);
	return err;
}

static const struct attr table[] = {
	{.path = "storage/volumes",
	 .type = ATTR_INT,
	 .unit = "volumes",
	 .show = show_u32,
	 .field = offsetof(struct store_stats, volumes),
	 .help = "Volumes of the store, each on a disk of its own."},
	{.path = "storage/parity",
	 .type = ATTR_INT,
	 .unit = "volumes",
	 .show = show_u32,
	 .field = offsetof(struct store_stats, parity),
	 .help = "How many of them may be lost without losing footage."},
	{.path = "storage/volumes_missing",
	 .type = ATTR_INT,
	 .unit = "volumes",
	 .show = show_u32,
	 .field = offsetof(struct store_stats, volumes_missing),
	 .help = "How many of them do not count now; storage/state says which and why."},
	{.path = "storage/rebuild",
	 .type = ATTR_TEXT,
	 .writable = true,
	 .max = 2 * 256,
	 .unit = "",
	 .show = show_rebuild,
	 .store = store_rebuild,
	 .help = "Writing a new folder rebuilds the missing volume there; OLD,NEW replaces one. "
		 "Reads "
		 "\"idle\", how far it is, or \"failed: \" and why."},
	{.path = "storage/rebuild_rate",
	 .type = ATTR_INT,
	 .writable = true,
	 .saved = true,
	 .min = 0,
	 .max = 100000,
	 .unit = "MiB/s",
	 .def = "100",
	 .show = attr_box_show_unsigned,
	 .store = store_rate,
	 .field = offsetof(struct box_settings, rebuild_mb_s),
	 .help = "At most so much a second is written to a volume that is rebuilt; 0: no limit."},
};
const struct attr_part attr_part_volumes = {table, ARRAY_SIZE(table)};
