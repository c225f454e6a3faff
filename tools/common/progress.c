/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/core/monotime.h"
#include "tools/common/human.h"

#define REDRAW_NS (100 * NSEC_PER_MSEC)

void progress_begin(struct progress *p, const char *what)
{
	const char *term = getenv("TERM");

	p->shown = isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
	p->drawn = false;
	p->what = what;
	p->started_ns = monotime_now();
	p->last_ns = 0;
}

static bool due(struct progress *p)
{
	int64_t now;

	if (!p->shown)
		return false;
	now = monotime_now();
	if (p->drawn && now - p->last_ns < REDRAW_NS)
		return false;
	p->last_ns = now;
	p->drawn = true;
	return true;
}

static void draw(const struct progress *p, const char *done, const char *total, double part)
{
	char left[HUMAN_MAX + 4] = "";

	if (part > 0.01 && part < 1) {
		double spent = (double)(p->last_ns - p->started_ns);

		strcpy(left, ", ");
		human_duration(left + 2, (int64_t)(spent / part - spent));
	}
	if (part >= 0)
		fprintf(stderr, "\r%s: %.0f %% (%s / %s%s)\033[K", p->what, part * 100, done, total,
			left);
	else
		fprintf(stderr, "\r%s: %s\033[K", p->what, done);
	fflush(stderr);
}

void progress_bytes(struct progress *p, uint64_t done, uint64_t total)
{
	char done_text[HUMAN_MAX], total_text[HUMAN_MAX];

	if (!due(p))
		return;
	human_size(done_text, done);
	human_size(total_text, total);
	draw(p, done_text, total_text, total ? (double)done / (double)total : -1);
}

void progress_count(struct progress *p, uint64_t done, uint64_t total)
{
	char done_text[HUMAN_MAX], total_text[HUMAN_MAX];

	if (!due(p))
		return;
	snprintf(done_text, sizeof(done_text), "%" PRIu64, done);
	snprintf(total_text, sizeof(total_text), "%" PRIu64, total);
	draw(p, done_text, total_text, total ? (double)done / (double)total : -1);
}

void progress_end(struct progress *p)
{
	if (!p->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->drawn = false;
}
