/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/human.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/core/monotime.h"
#include "tools/common/i18n.h"

void human_size(char out[static HUMAN_MAX], uint64_t bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	unsigned i = 0;

	while (value >= 1024 && i + 1 < ARRAY_SIZE(unit)) {
		value /= 1024;
		i++;
	}
	snprintf(out, HUMAN_MAX, i > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit[i]);
}

void human_duration(char out[static HUMAN_MAX], int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "";
	uint64_t magnitude = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	/* No PRIu64 in what is translated: catalogues hold one form of each text. */
	unsigned long long s = magnitude / (uint64_t)NSEC_PER_SEC;

	if (s < 10)
		snprintf(out, HUMAN_MAX, _("%s%.1f s"), sign, (double)magnitude / 1e9);
	else if (s < 60)
		snprintf(out, HUMAN_MAX, _("%s%llu s"), sign, s);
	else if (s < 3600)
		snprintf(out, HUMAN_MAX, _("%s%llu min %02u s"), sign, s / 60, (unsigned)(s % 60));
	else if (s < 86400)
		snprintf(out, HUMAN_MAX, _("%s%llu h %02u min"), sign, s / 3600,
			 (unsigned)(s / 60 % 60));
	else
		snprintf(out, HUMAN_MAX, _("%s%llu d %u h"), sign, s / 86400,
			 (unsigned)(s / 3600 % 24));
}

int human_parse_size(const char *text, uint64_t *out, struct errmsg *em)
{
	static const char units[] = "KMGTP";
	char *end;
	double value, scale = 1;

	errno = 0;
	value = isdigit((unsigned char)*text) ? strtod(text, &end) : NAN;
	if (!isfinite(value) || errno)
		goto bad;
	if (*end) {
		const char *unit = strchr(units, toupper((unsigned char)*end));

		if (unit) {
			scale = ldexp(1, 10 * (int)(unit - units + 1));
			end++;
			if (!strcasecmp(end, "iB"))
				end += 2;
		}
		if (!strcasecmp(end, "B"))
			end++;
		if (*end)
			goto bad;
	}
	value *= scale;
	if (value >= 0x1p63 || value != floor(value))
		goto bad;
	*out = (uint64_t)value;
	return 0;
bad:
	return errmsg_set(em, -EINVAL, "'%s' is not a size: write bytes, or 64M, 100G, 2T", text);
}
