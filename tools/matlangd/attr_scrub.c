/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the store through in the background, and putting right what has gone bad. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "capture/core/timefmt.h"
#include "storage/scrub.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"
#include "tools/matlangd/attr_value.h"
#include "tools/matlangd/box_settings.h"

#define MIB (UINT64_C(1) << 20)

static ATTR_SHOW(show_scrub)
{
	struct scrub_stats s;

	scrub_stats(appliance_store(t->env->box), &s);
	if (s.running)
		return attr_print(out, size, "%" PRIu64 " of %" PRIu64 " bytes", s.done, s.total);
	if (*s.failed)
		return attr_print(out, size, "failed: %s", s.failed);
	return attr_print(out, size, "%s", "idle");
}

static ATTR_STORE(store_scrub)
{
	struct store *s = appliance_store(t->env->box);

	if (!strcmp(value, "1"))
		return scrub_start(s, em);
	if (strcmp(value, "0") != 0)
		return errmsg_set(em, -EINVAL, "\"%s\": give 1 to begin, 0 to stop", value);
	scrub_stop(s);
	return 0;
}

static ATTR_SHOW(show_count)
{
	struct scrub_stats s;

	scrub_stats(appliance_store(t->env->box), &s);
	return attr_print(out, size, "%" PRIu64, *(const uint64_t *)((const char *)&s + a->field));
}

static ATTR_SHOW(show_last)
{
	char text[TIMEFMT_MAX];
	struct scrub_stats s;

	scrub_stats(appliance_store(t->env->box), &s);
	if (!s.finished_ns)
		return attr_print(out, size, "%s", "");
	timefmt_rfc3339(text, s.finished_ns, 0);
	return attr_print(out, size, "%s", text);
}

static ATTR_STORE(store_rate)
{
	int err = attr_box_store_unsigned(a, t, value, em);

	if (!err && t->env->box)
		scrub_set_rate(appliance_store(t->env->box), t->env->settings->scrub_mb_s * MIB);
	return err;
}

#define COUNT(name_, field_, unit_, help_)                                                     \
	{                                                                                      \
		.path = "storage/" name_, .type = ATTR_INT, .unit = unit_, .show = show_count, \
		.field = offsetof(struct scrub_stats, field_), .help = help_                   \
	}

static const struct attr table[] = {
	{.path = "storage/scrub",
	 .type = ATTR_TEXT,
	 .writable = true,
	 .max = 1,
	 .unit = "",
	 .show = show_scrub,
	 .store = store_scrub,
	 .help = "Writing 1 reads all footage through in the background, and with parity puts "
		 "right what has gone bad; 0 stops. Reads \"idle\", how far it is, or \"failed: \" "
		 "and why."},
	{.path = "storage/scrub_rate",
	 .type = ATTR_INT,
	 .writable = true,
	 .saved = true,
	 .min = 0,
	 .max = 100000,
	 .unit = "MiB/s",
	 .def = "20",
	 .show = attr_box_show_unsigned,
	 .store = store_rate,
	 .field = offsetof(struct box_settings, scrub_mb_s),
	 .help = "At most so much a second is read by it, of all disks together; 0: no limit."},
	COUNT("scrub_found", found, "places",
	      "Damaged places that it found, this time or the last."),
	COUNT("scrub_repaired", repaired, "blocks",
	      "Blocks of 4096 bytes that it wrote anew from parity."),
	COUNT("scrub_unrepaired", unrepaired, "places",
	      "Places that are damaged still: without parity, on more disks than there is parity, "
	      "or refused by a disk."),
	{.path = "storage/scrub_last",
	 .type = ATTR_TEXT,
	 .unit = "",
	 .show = show_last,
	 .help = "When it last came to its end since start, RFC 3339; empty: not yet."},
};
const struct attr_part attr_part_scrub = {table, ARRAY_SIZE(table)};
