/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times as people write them: RFC 3339 with offset outside, int64 nanoseconds inside. */
#ifndef CORE_TIMEFMT_H
#define CORE_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

#define TIMEFMT_MAX 40 /* "2026-11-22T06:09:58.123456789+07:00" and a NUL */

/* UTC nanoseconds as RFC 3339 in the local zone, with `digits` (0-9) of a second's fraction. */
void timefmt_rfc3339(char out[static TIMEFMT_MAX], int64_t utc_ns, unsigned digits);

/* The same without separators, for file names: "20261122T060958+0700". */
void timefmt_filename(char out[static TIMEFMT_MAX], int64_t utc_ns);

/*
 * Parses RFC 3339 ("2026-11-22T06:09:58+07:00", a space for the T, "Z", no offset = local zone),
 * a date alone (midnight, local), "HH:MM" or "HH:MM:SS" (today, local), "now", or a relative
 * "-10m", "-36h", "-7d", "-30s" before `now_utc_ns`. Errors: -EINVAL with a message that shows
 * the accepted forms.
 */
int timefmt_parse(const char *text, int64_t now_utc_ns, int64_t *out_utc_ns,
		  struct errmsg *em) MUST_CHECK;

/* "90s", "10m", "2h", "7d" or a plain number of seconds; -EINVAL otherwise. */
int timefmt_parse_duration(const char *text, int64_t *out_ns, struct errmsg *em) MUST_CHECK;

#endif
