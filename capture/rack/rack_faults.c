/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_faults.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "capture/core/monotime.h"

#define NUMBER_MAX INT64_C(1000000000)
#define DROP_MAX   100000

static const char *const names[RACK_FAULT_KINDS] = {
	[RACK_FAULT_UNPLUG] = "unplug",   [RACK_FAULT_STALL] = "stall",
	[RACK_FAULT_DROP] = "drop",       [RACK_FAULT_ERROR] = "error",
	[RACK_FAULT_TORN] = "torn",       [RACK_FAULT_COVER] = "cover",
	[RACK_FAULT_DEFOCUS] = "defocus", [RACK_FAULT_MOVE] = "move",
	[RACK_FAULT_BLIND] = "blind",
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

static bool is_view(enum rack_fault_kind kind)
{
	return kind >= RACK_FAULT_COVER && kind <= RACK_FAULT_BLIND;
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
	timed = fault.kind == RACK_FAULT_UNPLUG || fault.kind == RACK_FAULT_STALL ||
		is_view(fault.kind);
	if (is_view(fault.kind)) {
		if (f->view != RACK_FAULT_NONE && f->view != fault.kind)
			return false;
		f->view = fault.kind;
	}
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
					  "error@FRAME torn@FRAME, one of cover defocus move blind "
					  "@FRAME:TIME (%%N for every Nth) openfail:N, "
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

bool rack_faults_lost_view(const struct rack_faults *f, uint64_t frame, uint32_t millihertz)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct rack_fault *x = &f->fault[i];
		uint64_t span = (uint64_t)((double)x->arg / NSEC_PER_SEC * millihertz / 1000);

		if (is_view(x->kind) && frame >= x->at &&
		    (x->every ? frame % x->at : frame - x->at) < span)
			return true;
	}
	return false;
}

static bool hits(const struct rack_fault *x, uint64_t frame)
{
	/* A drop covers as many frames as it counts; the others one. */
	uint64_t span = x->kind == RACK_FAULT_DROP ? (uint64_t)x->arg : 1;

	if (frame < x->at || is_view(x->kind))
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
