/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The box itself: what it is, how it is, its clock and its process. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/timefmt.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"
#include "tools/matlangd/config_save.h"

static ATTR_SHOW(show_version)
{
	return attr_print(out, size, "%s", MATLANG_VERSION);
}

static ATTR_SHOW(show_uptime)
{
	int64_t up = monotime_now() - appliance_started_mono_ns(t->env->box);

	return attr_print(out, size, "%" PRId64, up / NSEC_PER_SEC);
}

static ATTR_SHOW(show_state)
{
	appliance_state(t->env->box, out, size);
	return 0;
}

static ATTR_SHOW(show_last_error)
{
	return attr_print(out, size, "%s", t->env->last_error);
}

static ATTR_STORE(store_save)
{
	if (!t->deferred)
		return errmsg_set(em, -EBUSY, "not before the box runs");
	return config_save_begin(t->env, t->deferred, em);
}

static ATTR_SHOW(show_clock_utc)
{
	struct monotime_sample s;
	char text[TIMEFMT_MAX];
	int err = monotime_sample(&s);

	if (err)
		return err;
	timefmt_rfc3339(text, s.utc_ns, 3);
	return attr_print(out, size, "%s", text);
}

static ATTR_SHOW(show_clock_synchronised)
{
	struct monotime_sample s;
	int err = monotime_sample(&s);

	return err ? err : attr_print(out, size, "%d", s.synchronised);
}

static ATTR_SHOW(show_clock_error)
{
	struct monotime_sample s;
	int err = monotime_sample(&s);

	return err ? err : attr_print(out, size, "%" PRIu32, s.error_us);
}

static ATTR_SHOW(show_boot_id)
{
	struct monotime_sample s;
	char hex[2 * sizeof(s.boot_id) + 1];
	int err = monotime_sample(&s);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(s.boot_id); i++)
		snprintf(hex + 2 * i, 3, "%02x", s.boot_id[i]);
	return attr_print(out, size, "%s", hex);
}

static ATTR_SHOW(show_pid)
{
	return attr_print(out, size, "%d", getpid());
}

static ATTR_SHOW(show_cpu)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return -errno;
	return attr_print(out, size, "%.2f",
			  (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
				  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

static ATTR_SHOW(show_rss)
{
	FILE *f CLEANUP_FCLOSE = fopen("/proc/self/statm", "re");
	unsigned long total, resident;

	if (!f)
		return -errno;
	if (fscanf(f, "%lu %lu", &total, &resident) != 2)
		return -EIO;
	return attr_print(out, size, "%llu",
			  (unsigned long long)resident * (unsigned long long)sysconf(_SC_PAGESIZE));
}

static ATTR_SHOW(show_camera_count)
{
	return attr_print(out, size, "%zu", appliance_camera_count(t->env->box));
}

static const struct attr table[] = {
	{.path = "version",
	 .type = ATTR_TEXT,
	 .unit = "",
	 .show = show_version,
	 .help = "Version of the program that is running."},
	{.path = "state",
	 .type = ATTR_TEXT,
	 .pollable = true,
	 .unit = "",
	 .show = show_state,
	 .help = "\"ok\", or \"trouble: \" and the gravest thing a person must act on."},
	{.path = "uptime",
	 .type = ATTR_INT,
	 .unit = "s",
	 .show = show_uptime,
	 .help = "Time since the box began to record."},
	{.path = "camera_count",
	 .type = ATTR_INT,
	 .unit = "",
	 .show = show_camera_count,
	 .help = "How many cameras the box has, switched off ones included."},
	{.path = "last_error",
	 .type = ATTR_TEXT,
	 .pollable = true,
	 .unit = "",
	 .show = show_last_error,
	 .help = "Why the last refused change was refused; empty when none was."},
	{.path = "save",
	 .type = ATTR_ACTION,
	 .writable = true,
	 .unit = "",
	 .store = store_save,
	 .help = "Writing 1 keeps all settings in force across restarts, in the configuration "
		 "file."},
	{.path = "clock/utc",
	 .type = ATTR_TEXT,
	 .unit = "",
	 .show = show_clock_utc,
	 .help = "The wall clock now, RFC 3339 with offset."},
	{.path = "clock/synchronised",
	 .type = ATTR_BOOL,
	 .unit = "",
	 .show = show_clock_synchronised,
	 .help = "1 when the kernel says that the clock is disciplined (NTP, PTP, GPS)."},
	{.path = "clock/error_us",
	 .type = ATTR_INT,
	 .unit = "us",
	 .show = show_clock_error,
	 .help = "The kernel's bound on the error of the wall clock."},
	{.path = "clock/boot_id",
	 .type = ATTR_TEXT,
	 .unit = "",
	 .show = show_boot_id,
	 .help = "The kernel's number for this boot, as the clock track in the store keeps it."},
	{.path = "process/pid",
	 .type = ATTR_INT,
	 .unit = "",
	 .show = show_pid,
	 .help = "Process number of matlangd."},
	{.path = "process/cpu_seconds",
	 .type = ATTR_DOUBLE,
	 .unit = "s",
	 .show = show_cpu,
	 .help = "Processor time used since start, all threads."},
	{.path = "process/rss_bytes",
	 .type = ATTR_INT,
	 .unit = "bytes",
	 .show = show_rss,
	 .help = "Resident memory, the cameras' slots included."},
};
const struct attr_part attr_part_box = {table, ARRAY_SIZE(table)};
