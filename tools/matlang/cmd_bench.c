/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang bench: a program of its own (it links the appliance), run in place of this one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/matlang/commands.h"

int cmd_bench(struct cli *c, int argc, char **argv)
{
	/* Beside this program in the build folder; installed where programs for programs lie. */
	static const char *const places[] = {"matlang-bench", "../libexec/matlang/matlang-bench"};
	char exe[PATH_MAX - 64], path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return cli_fail(c, "cannot find the bench program: %s", strerror(errno));
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", exe, places[i]);
		execv(path, argv);
		if (errno != ENOENT)
			return cli_fail(c, "%s: %s", path, strerror(errno));
	}
	return cli_fail(c, "the bench program matlang-bench is not installed");
}
