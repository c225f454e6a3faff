/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the disks take. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/store.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"
#include "tools/matlangd/attr_value.h"

static double ms(int64_t ns)
{
	return (double)ns / (double)NSEC_PER_MSEC;
}

/* The disk that keeps the others waiting; `field` is the summary's in struct store_latency. */
static ATTR_SHOW(show_worst)
{
	struct store_latency l;
	int64_t worst_ns = 0;

	for (unsigned v = 0; !store_latency(appliance_store(t->env->box), v, &l); v++) {
		const struct latency_summary *sum =
			(const struct latency_summary *)(const void *)((const char *)&l + a->field);

		if (sum->p99_ns > worst_ns)
			worst_ns = sum->p99_ns;
	}
	return attr_print(out, size, "%.1f", ms(worst_ns));
}

static ATTR_SHOW(show_latency)
{
	struct store_latency l;
	size_t used = 0;

	out[0] = '\0';
	for (unsigned v = 0; !store_latency(appliance_store(t->env->box), v, &l); v++) {
		/* The folder is cut so that 32 lines fit into one value; it stands last because it
		 * may hold spaces. */
		int err = attr_print(out + used, size - used,
				     "%svolume-%u writes %" PRIu64
				     " %.1f %.1f %.1f flushes %" PRIu64 " %.1f %.1f %.1f %.80s",
				     v ? "\n" : "", v, l.write.count, ms(l.write.p50_ns),
				     ms(l.write.p99_ns), ms(l.write.max_ns), l.flush.count,
				     ms(l.flush.p50_ns), ms(l.flush.p99_ns), ms(l.flush.max_ns),
				     *l.dir ? l.dir : "-");

		if (err)
			return err;
		used += strlen(out + used);
	}
	return 0;
}

static const struct attr table[] = {
	{.path = "storage/write_p99_ms",
	 .type = ATTR_DOUBLE,
	 .unit = "ms",
	 .show = show_worst,
	 .field = offsetof(struct store_latency, write),
	 .help = "99 of 100 writes since start took at most so long; of the slowest disk."},
	{.path = "storage/flush_p99_ms",
	 .type = ATTR_DOUBLE,
	 .unit = "ms",
	 .show = show_worst,
	 .field = offsetof(struct store_latency, flush),
	 .help = "The same of flushes, which make durable what was written."},
	{.path = "storage/latency",
	 .type = ATTR_TEXT,
	 .unit = "",
	 .show = show_latency,
	 .help = "A line for each disk, since start: the volume, \"writes\", how many, within how "
		 "many ms half of them and 99 of 100 were done, and the longest; the same after "
		 "\"flushes\"; its folder."},
};
const struct attr_part attr_part_latency = {table, ARRAY_SIZE(table)};
