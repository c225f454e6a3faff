/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of the box as a whole, as they are in force. The reactor's thread; those that hold
 * from start to end are read-only once the appliance runs. */
#ifndef MATLANGD_BOX_SETTINGS_H
#define MATLANGD_BOX_SETTINGS_H

#include <limits.h>

#define BOX_STORE_DIR   "/var/lib/matlang/store"
#define BOX_CONFIG_FILE "/etc/matlang.conf"
#define BOX_CONTROL_DIR "/run/matlang"

struct box_settings {
	char store_dir[PATH_MAX];   /* storage/dir, at start */
	unsigned workers;           /* workers/threads, at start; 0: one a processor */
	unsigned commit_ms;         /* storage/commit_ms, 100..10000 */
	unsigned rebuild_mb_s;      /* storage/rebuild_rate, MiB/s; 0: no limit */
	unsigned scrub_mb_s;        /* storage/scrub_rate, MiB/s; 0: no limit */
	unsigned warn_days;         /* storage/full_warning_days, 1..90 */
	char config_file[PATH_MAX]; /* what `save` writes */
};

#endif
