/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_params.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_WIDTH  7680
#define MAX_HEIGHT 4320

static const char *const known[] = {"width", "height", "fps",    "format",  "frame_kb",
				    "slots", "seed",   "scene",  "objects", "active",
				    "quiet", "paced",  "faults", NULL};

static int take_name(const char *path, char out[RACK_NAME_MAX], struct errmsg *em)
{
	size_t n = strlen(path);

	for (const char *p = path; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return errmsg_set(
				em, -EINVAL,
				"name \"%.64s\": only letters, digits and . _ - may stand "
				"before the '?'",
				path);
	}
	if (n >= RACK_NAME_MAX)
		return errmsg_set(em, -EINVAL, "name is longer than %d characters",
				  RACK_NAME_MAX - 1);
	memcpy(out, path, n + 1);
	return 0;
}

static int take_format(const struct source_options *o, const struct source_want *want,
		       const struct pixfmt **out, struct errmsg *em)
{
	char name[16];
	int found = source_option_text(o, "format", name, sizeof(name), em);
	const struct pixfmt *pf;

	if (found < 0)
		return found;
	if (found)
		pf = pixfmt_find_name(name);
	else
		pf = pixfmt_find(want->fourcc ? want->fourcc : PIXFMT_MJPEG);
	if (!pf || (pf->codec != PIXFMT_RAW && pf->codec != PIXFMT_CODEC_MJPEG))
		return errmsg_set(
			em, -EINVAL,
			"format %s: a rack camera draws MJPEG, GREY, NV12, NV21, NV16, NM12, "
			"NM21, NM16, YU12, YV12, YM12, YM21, YUYV or UYVY",
			found ? name
			: pf  ? pf->name
			      : "asked for");
	if (want->fourcc && pf->fourcc != want->fourcc)
		return errmsg_set(em, -EINVAL, "the camera draws %s, another format is asked for",
				  pf->name);
	*out = pf;
	return 0;
}

static int take_scene(const struct source_options *o, uint16_t *night, struct errmsg *em)
{
	char text[16];
	int found = source_option_text(o, "scene", text, sizeof(text), em);

	if (found < 0)
		return found;
	if (found && strcmp(text, "day") && strcmp(text, "night"))
		return errmsg_set(em, -EINVAL, "option scene=%s: day or night", text);
	*night = found && text[0] == 'n';
	return 0;
}

static int take_faults(const struct source_options *o, struct rack_faults *out, struct errmsg *em)
{
	char text[SOURCE_URI_MAX];
	int found = source_option_text(o, "faults", text, sizeof(text), em);

	return found > 0 ? rack_faults_parse(text, out, em) : found;
}

/* An int option with its default; -EINVAL with message. */
static int take_int(const struct source_options *o, const char *key, int64_t min, int64_t max,
		    int64_t fallback, int64_t *out, struct errmsg *em)
{
	int found = source_option_int(o, key, min, max, out, em);

	if (!found)
		*out = fallback;
	return found < 0 ? found : 0;
}

static int64_t limited(int64_t v, uint32_t limit)
{
	return limit && limit < v ? limit : v;
}

static int take_numbers(const struct source_options *o, const struct source_want *want,
			struct rack_params *p, struct errmsg *em)
{
	bool raw = p->pf->codec == PIXFMT_RAW;
	int64_t w, h, kb, slots, seed, objects, paced;
	double fps = want->max_fps >= 1 && want->max_fps < 15 ? want->max_fps : 15;
	int64_t want_slots = want->slots < 2                ? 2
			     : want->slots > RACK_SLOTS_MAX ? RACK_SLOTS_MAX
							    : want->slots;

	if (take_int(o, "width", 1, MAX_WIDTH, limited(1920, want->max_width), &w, em) ||
	    take_int(o, "height", 1, MAX_HEIGHT, limited(1080, want->max_height), &h, em) ||
	    take_int(o, "frame_kb", 1, 32768, 0, &kb, em) ||
	    take_int(o, "slots", 2, RACK_SLOTS_MAX,
		     want->slots ? want_slots
		     : raw       ? 8
				 : 12,
		     &slots, em) ||
	    take_int(o, "seed", 0, UINT32_MAX, 1, &seed, em) ||
	    take_int(o, "objects", 0, 16, 3, &objects, em) ||
	    take_int(o, "paced", 0, 1, 1, &paced, em) ||
	    source_option_double(o, "fps", 1, 1000, &fps, em) < 0 ||
	    source_option_double(o, "active", 0, 3600, &p->active_s, em) < 0 ||
	    source_option_double(o, "quiet", 0, 3600, &p->quiet_s, em) < 0)
		return -EINVAL;
	if (kb && raw)
		return errmsg_set(em, -EINVAL,
				  "option frame_kb is for MJPEG; %s pictures have their "
				  "size from width and height",
				  p->pf->name);
	p->look.width = (uint32_t)w;
	p->look.height = (uint32_t)h;
	p->look.frame_bytes = (uint32_t)kb * 1000;
	p->look.pictures = (uint32_t)slots;
	p->look.seed = (uint32_t)seed;
	p->look.objects = (uint16_t)objects;
	p->millihertz = (uint32_t)lround(fps * 1000);
	p->paced = paced;
	return 0;
}

int rack_params_parse(const char *rest, const struct source_want *want, struct rack_params *out,
		      struct errmsg *em)
{
	struct rack_params p = {.active_s = 8, .quiet_s = 12};
	struct source_options o;
	uint32_t pictures;

	if (source_options_split(rest, &o, em) || source_options_check(&o, known, em) ||
	    take_name(o.path, p.name, em) || take_format(&o, want, &p.pf, em) ||
	    take_scene(&o, &p.look.night, em) || take_faults(&o, &p.faults, em) ||
	    take_numbers(&o, want, &p, em))
		return -EINVAL;
	p.look.fourcc = p.pf->fourcc;
	if (p.faults.view != RACK_FAULT_NONE) {
		p.look.lost = p.look.pictures / 4 ? p.look.pictures / 4 : 1;
		p.look.lost_kind = p.faults.view;
	}
	pictures = p.look.pictures - p.look.lost;
	if (!p.look.objects || p.active_s <= 0)
		p.look.still = pictures;
	else if (p.quiet_s > 0)
		p.look.still = pictures / 3 ? pictures / 3 : 1;
	*out = p;
	return 0;
}
