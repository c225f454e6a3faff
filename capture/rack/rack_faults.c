/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_faults.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "capture/core/monotime.h"

#define NUMBER_MAX INT64_C(1000000000)
#define DROP_MAX   100000

static const char *const names[RACK_FAULT_KINDS] = {
	[RACK_FAULT_UNPLUG] = "unplug", [RACK_FAULT_STALL] = "stall", [RACK_FAULT_DROP] = "drop",
	[RACK_FAULT_ERROR] = "error",   [RACK_FAULT_TORN] = "torn",
};

/* Digits at *p, moved behind them; false when none or more than NUMBER_MAX. */
static bool number(const char **p, int64_t *out)
{
	const char *start = *p;
	int64_t v = 0;

	for (; isdigit((unsigned char)**p); (*p)++) {
		v = v * 10 + (**p - '0');
		if (v > NUMBER_MAX)
			return false;
	}
	*out = v;
	return *p > start;
}

static bool duration(const char **p, int64_t *out_ns)
{
	int64_t v;

	if (!number(p, &v))
		return false;
	if (!strncmp(*p, "ms", 2)) {
		*p += 2;
		*out_ns = v * NSEC_PER_MSEC;
		return true;
	}
	if (**p == 's')
		(*p)++;
	*out_ns = v * NSEC_PER_SEC;
	return true;
}

/* One entry at *p, up to ',' or the end. */
static bool entry(const char **p, struct rack_faults *f)
{
	size_t len = strcspn(*p, "@%:,");
	struct rack_fault fault = {.kind = RACK_FAULT_NONE};
	bool timed;
	int64_t v;

	if (len == 8 && !memcmp(*p, "openfail", 8)) {
		*p += len;
		if (*(*p)++ != ':' || !number(p, &v))
			return false;
		f->open_failures = (unsigned)v;
		return true;
	}
	for (unsigned k = RACK_FAULT_NONE + 1; k < RACK_FAULT_KINDS; k++) {
		if (strlen(names[k]) == len && !memcmp(*p, names[k], len))
			fault.kind = (enum rack_fault_kind)k;
	}
	*p += len;
	if (fault.kind == RACK_FAULT_NONE || f->n == RACK_FAULTS_MAX || (**p != '@' && **p != '%'))
		return false;
	fault.every = *(*p)++ == '%';
	if (!number(p, &v) || (fault.every && !v))
		return false;
	fault.at = (uint64_t)v;
	timed = fault.kind == RACK_FAULT_UNPLUG || fault.kind == RACK_FAULT_STALL;
	fault.arg = timed ? NSEC_PER_SEC : 1;
	if (**p == ':') {
		(*p)++;
		if (timed ? !duration(p, &fault.arg)
			  : fault.kind != RACK_FAULT_DROP || !number(p, &fault.arg) ||
				    fault.arg > DROP_MAX)
			return false;
	}
	f->fault[f->n++] = fault;
	return true;
}

int rack_faults_parse(const char *text, struct rack_faults *out, struct errmsg *em)
{
	struct rack_faults f = {0};
	const char *p = text;

	while (*p) {
		const char *start = p;

		if (!entry(&p, &f) || (*p && *p != ',') || (*p && !p[1]))
			return errmsg_set(em, -EINVAL,
					  "faults: cannot read \"%.40s\"; write up to %d of "
					  "unplug@FRAME:TIME stall@FRAME:TIME drop@FRAME:COUNT "
					  "error@FRAME torn@FRAME (%%N for every Nth) openfail:N, "
					  "with commas between",
					  start, RACK_FAULTS_MAX);
		p += *p == ',';
	}
	*out = f;
	return 0;
}

bool rack_faults_any(const struct rack_faults *f)
{
	return f->n || f->open_failures;
}

static bool hits(const struct rack_fault *x, uint64_t frame)
{
	/* A drop covers as many frames as it counts; the others one. */
	uint64_t span = x->kind == RACK_FAULT_DROP ? (uint64_t)x->arg : 1;

	if (frame < x->at)
		return false;
	return (x->every ? frame % x->at : frame - x->at) < span;
}

enum rack_fault_kind rack_faults_at(const struct rack_faults *f, uint64_t frame, int64_t *arg)
{
	const struct rack_fault *best = NULL;

	for (unsigned i = 0; i < f->n; i++) {
		if (hits(&f->fault[i], frame) && (!best || f->fault[i].kind < best->kind))
			best = &f->fault[i];
	}
	if (!best)
		return RACK_FAULT_NONE;
	*arg = best->arg;
	return best->kind;
}
