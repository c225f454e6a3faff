/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/tamper.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/tamper_view.h"

#define SECOND 1000000000ll

/* Time: */
#define WINDOWS    7.5 /* of pictures that are compared as one, in the time of a loss ... */
#define WINDOW_MAX (2 * SECOND)   /* ... but none longer */
#define SAMPLES    4              /* pictures looked at in a window */
#define LATE       2              /* windows that may pass before a loss is seen as such */
#define PAUSE      (5 * SECOND)   /* after which the pictures before say nothing of the present */
#define FORGIVE    2              /* a view that is there outweighs a loss so many times as fast */
#define LEARN_NS   (10 * SECOND)  /* for a first reference */
#define FOLLOW_NS  (300 * SECOND) /* time constant of the reference */
#define BACK_NS    (3 * SECOND)   /* of view before it ends */

/* What is lost; the second value ends it: */
#define BLOCKS_MIN  8                               /* with structure, or nothing can be said */
#define BLOCKS_PART 0.08                            /* likewise, as a part of all */
static const double lost_part[2] = {0.35, 0.45};    /* found, of what is not dark */
static const double blurred_part[2] = {0.65, 0.45}; /* of what was sharp */
#define CHANCE     0.08                             /* found of all: so much is found in anything */
#define SHARP_PART 0.4  /* of the blocks with structure must have been sharp to judge it */
#define WHITE_PART 0.80 /* blocks at the upper end: blinded, whatever is found */
#define GLARE_PART 0.40 /* so many, while no more than ... */
#define GLARE_LEFT 0.75 /* ... is found: blinded, too */
/* What is there instead: */
#define BRIGHT_PART 0.30 /* blocks at the upper end: blinded */
#define DETAIL_PART 0.40 /* of the detail: another view */
#define MORE_DETAIL 2.5  /* times the detail: the light went on in a dark view */
#define ALIKE       0.80 /* correlation of the blocks' means: the same view without detail */
#define ALIKE_DARK  0.70 /* the same in the dark */
#define DARK        30.0
#define RANGE_MIN   4.0 /* of the blocks' means, or likeness says nothing */

enum { KINDS = TAMPER_BLINDED + 1 };

struct tamper {
	struct tamper_view *view;
	bool started;              /* a window has begun ... */
	int64_t begin_ns, last_ns; /* ... with this picture; the last one looked at */
	int64_t learned_ns;        /* time the reference has learnt */
	int64_t lost_ns;           /* suspicion: time the view was lost, less what forgives it */
	int64_t of_kind_ns[KINDS]; /* of it, by what was there instead; while open: since it opened,
				    * without a break */
	int64_t since_ns;
	int64_t opened_ns;
	int64_t back_ns; /* while open: time the view has been there */
	enum tamper_kind open;
};

const char *tamper_name(enum tamper_kind kind)
{
	static const char *const names[KINDS] = {"none", "covered", "defocused", "moved",
						 "blinded"};

	return (unsigned)kind < KINDS ? names[kind] : "unknown";
}

int tamper_create(struct tamper **out, uint32_t w, uint32_t h)
{
	struct tamper *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	err = tamper_view_create(&t->view, w, h);
	if (err) {
		free(t);
		return err;
	}
	*out = t;
	return 0;
}

void tamper_destroy(struct tamper *t)
{
	if (!t)
		return;
	tamper_view_destroy(t->view);
	free(t);
}

size_t tamper_bytes(const struct tamper *t)
{
	return sizeof(*t) + tamper_view_bytes(t->view);
}

int64_t tamper_since(const struct tamper *t)
{
	return t->since_ns;
}

void tamper_break(struct tamper *t)
{
	t->started = false;
}

static bool can_tell(const struct tamper_seen *s)
{
	return s->structured >= BLOCKS_MIN && s->structured >= BLOCKS_PART * s->blocks;
}

/* Dark blocks are not held against the view while a part of it is certainly there. */
static bool is_lost(const struct tamper_seen *s, bool open)
{
	if (s->found < CHANCE * s->structured)
		return true;
	return s->found < lost_part[open] * (s->structured - s->unlit);
}

static bool is_dark_view(const struct tamper_seen *s)
{
	return s->mean_now < DARK && s->likeness >= ALIKE_DARK;
}

static bool light_went_on(const struct tamper_seen *s)
{
	return s->detail_now > MORE_DETAIL * s->detail_then && s->detail_now > BLOCKS_MIN;
}

static bool is_bright(const struct tamper_seen *s, double part)
{
	return s->bright_now >= part * s->blocks && s->bright_now > 2 * s->bright_then;
}

static bool is_glaring(const struct tamper_seen *s)
{
	return is_bright(s, WHITE_PART) ||
	       (s->found < GLARE_LEFT * s->structured && is_bright(s, GLARE_PART));
}

static bool is_blurred(const struct tamper_seen *s, bool open)
{
	return s->sharp >= SHARP_PART * s->structured && s->sharp >= BLOCKS_MIN &&
	       s->blurred >= blurred_part[open] * s->sharp;
}

static enum tamper_kind judge(const struct tamper_seen *s, bool open)
{
	if (!is_lost(s, open)) {
		if (is_glaring(s))
			return TAMPER_BLINDED;
		return is_blurred(s, open) ? TAMPER_DEFOCUSED : TAMPER_NONE;
	}
	if (is_dark_view(s))
		return TAMPER_NONE;
	if (is_bright(s, BRIGHT_PART))
		return TAMPER_BLINDED;
	if (s->detail_now >= DETAIL_PART * s->detail_then && s->detail_now)
		return TAMPER_MOVED;
	if (s->likeness >= ALIKE && s->range_now >= RANGE_MIN)
		return TAMPER_DEFOCUSED;
	return TAMPER_COVERED;
}

static int64_t window(const struct tamper_params *p)
{
	int64_t ns = (int64_t)((double)p->tamper_ns / WINDOWS);

	return ns < WINDOW_MAX ? ns : WINDOW_MAX;
}

static void forget_suspicion(struct tamper *t)
{
	t->lost_ns = t->back_ns = 0;
	memset(t->of_kind_ns, 0, sizeof(t->of_kind_ns));
}

static void accept(struct tamper *t)
{
	tamper_view_accept(t->view);
	t->open = TAMPER_NONE;
	forget_suspicion(t);
}

/* Before the reference is whole: learns while the view stays the same. */
static void learn_first(struct tamper *t, const struct tamper_seen *s, int64_t dt)
{
	if (!t->learned_ns || (can_tell(s) && judge(s, false))) {
		tamper_view_accept(t->view);
		t->learned_ns = dt;
		return;
	}
	t->learned_ns += dt;
	tamper_view_learn(t->view, (float)dt / (float)t->learned_ns);
	/* What has too little structure is no reference yet, whatever its age. */
	if (!can_tell(s) && t->learned_ns > LEARN_NS / 2)
		t->learned_ns = LEARN_NS / 2;
}

static void watch(struct tamper *t, enum tamper_kind kind, int64_t need_ns, int64_t dt,
		  int64_t mono_ns)
{
	if (!kind) {
		t->lost_ns -= FORGIVE * dt;
		if (t->lost_ns <= 0)
			forget_suspicion(t);
		return;
	}
	if (!t->lost_ns)
		t->since_ns = mono_ns;
	t->lost_ns += dt;
	t->of_kind_ns[kind] += dt;
	if (t->lost_ns < need_ns)
		return;
	for (int k = TAMPER_COVERED; k < KINDS; k++)
		if (!t->open || t->of_kind_ns[k] > t->of_kind_ns[t->open])
			t->open = (enum tamper_kind)k;
	t->opened_ns = mono_ns;
	forget_suspicion(t);
}

/* While open: back, something else, or the new normal. */
static void watch_open(struct tamper *t, const struct tamper_params *p, enum tamper_kind kind,
		       int64_t dt, int64_t mono_ns)
{
	int64_t back = p->tamper_ns < BACK_NS ? p->tamper_ns : BACK_NS;

	t->back_ns = kind ? 0 : t->back_ns + dt;
	if (t->back_ns >= back) {
		t->open = TAMPER_NONE;
		forget_suspicion(t);
		return;
	}
	for (int k = TAMPER_COVERED; k < KINDS; k++)
		t->of_kind_ns[k] = k == (int)kind ? t->of_kind_ns[k] + dt : 0;
	if (kind && kind != t->open && t->of_kind_ns[kind] >= p->tamper_ns) {
		t->open = kind;
		t->since_ns = mono_ns - t->of_kind_ns[kind];
		t->opened_ns = mono_ns;
	}
	if (t->open == TAMPER_MOVED && kind == TAMPER_MOVED && p->accept_ns &&
	    mono_ns - t->opened_ns >= p->accept_ns)
		accept(t);
}

static void take(struct tamper *t, const struct tamper_params *p, double noise, int64_t dt,
		 int64_t mono_ns)
{
	struct tamper_seen s;
	enum tamper_kind kind;

	tamper_view_compare(t->view, noise, &s);
	if (t->learned_ns < LEARN_NS) {
		learn_first(t, &s, dt);
		return;
	}
	if (!can_tell(&s)) {
		/* The structure the view had has faded away over time. */
		if (!t->open)
			t->learned_ns = LEARN_NS / 2;
		return;
	}
	kind = judge(&s, t->open);
	if (kind == TAMPER_MOVED && !t->open && light_went_on(&s)) {
		accept(t);
		return;
	}
	if (t->open)
		watch_open(t, p, kind, dt, mono_ns);
	else
		watch(t, kind, p->tamper_ns - LATE * window(p), dt, mono_ns);
	if (!t->open && !kind)
		tamper_view_learn(t->view, (float)dt / (float)FOLLOW_NS);
}

enum tamper_kind tamper_feed(struct tamper *t, const struct tamper_params *p, const uint8_t *luma,
			     size_t stride, double noise, int64_t mono_ns)
{
	int64_t whole = window(p), gone = mono_ns - t->last_ns;

	/* At first, after a pause, or when the clock went back. */
	if (!t->started || gone > PAUSE || gone < 0) {
		t->started = true;
		t->begin_ns = mono_ns;
		tamper_view_begin(t->view);
	} else if (gone < whole / SAMPLES) {
		return t->open;
	}
	t->last_ns = mono_ns;
	tamper_view_look(t->view, luma, stride);
	if (mono_ns - t->begin_ns >= whole) {
		take(t, p, noise, mono_ns - t->begin_ns, mono_ns);
		t->begin_ns = mono_ns;
		tamper_view_begin(t->view);
	}
	return t->open;
}
