/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/pace.h"

#define NS        1000000000.0
#define KEY_SLACK 8 /* key frames may come this part of a period late */

static int64_t period_of(const struct pace *p)
{
	return (int64_t)(NS / p->rate);
}

/* Keeps the mean rate whatever the camera's. */
static bool due(struct pace *p, int64_t mono_ns)
{
	int64_t period;

	if (p->rate <= 0)
		return true;
	period = period_of(p);
	/* The first frame, or a clock or a pause that leaves no beat to keep. */
	if (!p->due_set || mono_ns - p->due_ns > 2 * period || p->due_ns - mono_ns > 2 * period) {
		p->due_ns = mono_ns;
		p->due_set = true;
	}
	if (mono_ns < p->due_ns)
		return false;
	p->due_ns += period;
	return true;
}

/* Are the key frames alone enough for the rate? Not when the next is overdue. */
static bool keys_suffice(struct pace *p, int64_t mono_ns, bool key)
{
	int64_t most;

	if (key) {
		p->key_gap_ns = p->key_seen ? mono_ns - p->key_ns : 0;
		p->key_ns = mono_ns;
		p->key_seen = true;
	}
	if (p->rate <= 0 || p->key_gap_ns <= 0)
		return false;
	most = period_of(p) + period_of(p) / KEY_SLACK;
	if (mono_ns - p->key_ns > most)
		p->key_gap_ns = 0;
	return p->key_gap_ns > 0 && p->key_gap_ns <= most;
}

/* Of the key frames, those nearest to the beats. */
static bool key_due(struct pace *p, int64_t mono_ns)
{
	if (p->key_wanted && mono_ns - p->key_wanted_ns < period_of(p) - p->key_gap_ns / 2)
		return false;
	p->key_wanted = true;
	p->key_wanted_ns = mono_ns;
	return true;
}

enum pace_verdict pace_judge(struct pace *p, int64_t mono_ns, bool inter, bool key)
{
	bool want;

	if (!inter)
		return due(p, mono_ns) ? PACE_WANT : PACE_LEAVE;
	if (keys_suffice(p, mono_ns, key)) {
		/* Should key frames become fewer, decoding goes on from the next of them. */
		p->need_key = true;
		p->due_set = false;
		return key && key_due(p, mono_ns) ? PACE_WANT : PACE_LEAVE;
	}
	want = due(p, mono_ns);
	if (p->need_key && !key)
		return want ? PACE_MISS : PACE_LEAVE;
	p->need_key = false;
	return want ? PACE_WANT : PACE_FEED;
}

void pace_set_rate(struct pace *p, double rate)
{
	if (rate != p->rate)
		p->due_set = p->key_wanted = false;
	p->rate = rate;
}

void pace_break(struct pace *p)
{
	*p = (struct pace){.rate = p->rate};
}

void pace_lost(struct pace *p)
{
	p->need_key = true;
}
