/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/stretch.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "tools/common/i18n.h"

void stretches_init(struct stretches *s, int64_t merge_ns)
{
	*s = (struct stretches){.merge_ns = merge_ns};
}

void stretches_free(struct stretches *s)
{
	free(s->item);
	free(s->open);
	*s = (struct stretches){0};
}

static int room_for_camera(struct stretches *s, uint32_t camera_id)
{
	size_t n = s->nopen ? s->nopen : 64;
	size_t *open;

	if (camera_id < s->nopen)
		return 0;
	while (n <= camera_id)
		n *= 2;
	open = reallocarray(s->open, n, sizeof(*open));
	if (!open)
		return -ENOMEM;
	for (size_t i = s->nopen; i < n; i++)
		open[i] = 0;
	s->open = open;
	s->nopen = n;
	return 0;
}

static int begin(struct stretches *s, const struct stretch *first)
{
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct stretch *item = reallocarray(s->item, room, sizeof(*item));

		if (!item)
			return -ENOMEM;
		s->item = item;
		s->room = room;
	}
	s->item[s->count++] = *first;
	s->open[first->camera_id] = s->count;
	return 0;
}

int stretches_add(struct stretches *s, uint32_t camera_id, int64_t utc_ns, uint32_t cells,
		  enum record_clock clock)
{
	struct stretch *last;
	int err = room_for_camera(s, camera_id);

	if (err)
		return err;
	last = s->open[camera_id] ? &s->item[s->open[camera_id] - 1] : NULL;
	if (!last || utc_ns < last->to_ns || utc_ns - last->to_ns > s->merge_ns) {
		const struct stretch first = {camera_id, utc_ns, utc_ns, utc_ns, 1, cells, clock};

		return begin(s, &first);
	}
	last->to_ns = utc_ns;
	last->frames++;
	if (cells > last->peak_cells) {
		last->peak_cells = cells;
		last->peak_ns = utc_ns;
	}
	if (clock < last->clock)
		last->clock = clock;
	return 0;
}

void stretches_extend(struct stretches *s, uint32_t camera_id, int64_t to_ns, uint32_t frames)
{
	struct stretch *last = &s->item[s->open[camera_id] - 1];

	if (to_ns > last->to_ns)
		last->to_ns = to_ns;
	last->frames += frames;
}

static int by_begin(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return (x->camera_id > y->camera_id) - (x->camera_id < y->camera_id);
}

void stretches_sort(struct stretches *s)
{
	if (s->count)
		qsort(s->item, s->count, sizeof(*s->item), by_begin);
}

int region_parse(const char *text, struct region *out, struct errmsg *em)
{
	unsigned long v[4];
	const char *at = text;

	for (unsigned i = 0; i < 4; i++) {
		char *end;

		if (!isdigit((unsigned char)*at))
			goto bad;
		errno = 0;
		v[i] = strtoul(at, &end, 10);
		if (errno || v[i] > UINT16_MAX || *end != (i < 3 ? ',' : '\0'))
			goto bad;
		at = end + 1;
	}
	if (v[2] < 1 || v[3] < 1)
		goto bad;
	*out = (struct region){(uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2], (uint32_t)v[3]};
	return 0;
bad:
	return errmsg_set(em, -EINVAL,
			  _("--region wants x,y,w,h in pixels of the picture (for example "
			    "100,50,320,200), not '%s'"),
			  text);
}

static uint32_t clip(uint32_t value, uint32_t max)
{
	return value < max ? value : max;
}

uint32_t region_cells(const struct region *region, const uint8_t *bits, uint16_t cols,
		      uint16_t rows, uint16_t cell_px)
{
	uint32_t x0 = 0, y0 = 0, x1 = cols, y1 = rows, n = 0;

	if (cell_px == 0)
		return 0;
	if (region) {
		/* A cell that the region only touches counts: better shown than missed. */
		x0 = clip(region->x / cell_px, cols);
		y0 = clip(region->y / cell_px, rows);
		x1 = clip((region->x + region->w + cell_px - 1) / cell_px, cols);
		y1 = clip((region->y + region->h + cell_px - 1) / cell_px, rows);
	}
	for (uint32_t y = y0; y < y1; y++)
		for (uint32_t x = x0; x < x1; x++) {
			size_t bit = (size_t)y * cols + x;

			n += bits[bit / 8] >> (bit % 8) & 1;
		}
	return n;
}
