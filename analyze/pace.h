/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which frames of a camera are analysed at the configured rate. Pictures that stand by themselves
 * (raw, JPEG) are taken when they are due and left otherwise. A decoder (H.264, HEVC) must see the
 * frames in between too, as others refer to them; unless key frames come as often as the rate wants
 * pictures: then they alone are decoded, the due ones, at a fraction of the cost.
 *
 * A pace is its owner's: one thread at a time.
 */
#ifndef ANALYZE_PACE_H
#define ANALYZE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	double rate;    /* frames a second; 0: all */
	bool due_set;   /* there is a beat: */
	int64_t due_ns; /* the next */
	bool need_key;  /* the decoder lost frames: nothing is of use before the next key frame */
	bool key_seen, key_wanted;
	int64_t key_ns, key_wanted_ns; /* the last key frame; the last that was wanted */
	int64_t key_gap_ns;            /* between the last two; 0: not known */
};

enum pace_verdict {
	PACE_LEAVE,
	PACE_FEED, /* for the decoder only */
	PACE_WANT,
	PACE_MISS, /* due, but of no use to the decoder: it waits for a key frame */
};

/* A zeroed pace begins. `inter`: a decoder's frame; `key`: one that stands by itself. */
enum pace_verdict pace_judge(struct pace *p, int64_t mono_ns, bool inter, bool key);
/* Another rate, from the next frame on. */
void pace_set_rate(struct pace *p, double rate);
/* The stream has a break: all begins anew. */
void pace_break(struct pace *p);
/* Frames that were to be fed were dropped. */
void pace_lost(struct pace *p);

#endif
