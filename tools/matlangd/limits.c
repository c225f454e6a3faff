/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "capture/core/cleanup.h"

/* Beneath this not even a handful of cameras can be registered. */
#define MEMLOCK_ENOUGH (256u << 20)

/* With this capability the kernel does not count what io_uring pins. */
static bool may_lock_any(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &head, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK));
}

static void raise_limit(struct log *log, int which, const char *name)
{
	struct rlimit r;

	if (getrlimit(which, &r)) {
		log_printf(log, LOG_WARNING, "limit of %s cannot be read: %s", name,
			   strerror(errno));
		return;
	}
	if (which == RLIMIT_MEMLOCK && may_lock_any())
		return;
	if (which == RLIMIT_MEMLOCK && r.rlim_cur != RLIM_INFINITY) {
		struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

		if (setrlimit(which, &all) == 0)
			return;
	}
	r.rlim_cur = r.rlim_max;
	if (setrlimit(which, &r))
		log_printf(log, LOG_WARNING, "limit of %s cannot be raised: %s", name,
			   strerror(errno));
	if (which == RLIMIT_MEMLOCK && r.rlim_cur != RLIM_INFINITY && r.rlim_cur < MEMLOCK_ENOUGH)
		log_printf(
			log, LOG_WARNING,
			"only %llu KiB of memory may be locked: frame memory may not be "
			"registered and recording costs more; raise it (`ulimit -l unlimited`, or "
			"LimitMEMLOCK=infinity in the unit)",
			(unsigned long long)r.rlim_cur >> 10);
}

/* Recording is what the box is for: others go first. Lowering needs a privilege; without it the
 * service unit's OOMScoreAdjust= does the same. */
static void guard_from_oom(struct log *log)
{
	static const char score[] = "-900";
	int fd CLEANUP_CLOSE = -1;

	if (geteuid() != 0)
		return;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, score, strlen(score)) < 0)
		log_printf(log, LOG_DEBUG, "oom_score_adj cannot be lowered: %s", strerror(errno));
}

void limits_raise(struct log *log)
{
	raise_limit(log, RLIMIT_NOFILE, "open files");
	raise_limit(log, RLIMIT_MEMLOCK, "locked memory");
	guard_from_oom(log);
}
