/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/locktable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void locktable_free(struct locktable *t)
{
	free(t->entry);
	*t = (struct locktable){0};
}

/* The place of `number`, or where it belongs. */
static size_t place(const struct locktable *t, uint64_t number)
{
	size_t at = t->count;

	while (at && t->entry[at - 1].lock.number >= number)
		at--;
	return at;
}

static bool at_place(const struct locktable *t, size_t at, uint64_t number)
{
	return at < t->count && t->entry[at].lock.number == number;
}

const struct record_lock *locktable_find(const struct locktable *t, uint64_t number)
{
	size_t at = place(t, number);

	return at_place(t, at, number) ? &t->entry[at].lock : NULL;
}

int locktable_add(struct locktable *t, const struct record_lock *l, bool fresh)
{
	size_t at = place(t, l->number);

	if (at_place(t, at, l->number))
		return 0;
	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		struct locktable_entry *p = reallocarray(t->entry, room, sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->entry = p;
		t->room = room;
	}
	memmove(&t->entry[at + 1], &t->entry[at], (t->count - at) * sizeof(*t->entry));
	t->entry[at] = (struct locktable_entry){.lock = *l, .fresh = fresh};
	t->count++;
	if (l->number > t->last)
		t->last = l->number;
	return 0;
}

void locktable_remove(struct locktable *t, uint64_t number)
{
	size_t at = place(t, number);

	if (number > t->last)
		t->last = number;
	if (!at_place(t, at, number))
		return;
	t->count--;
	memmove(&t->entry[at], &t->entry[at + 1], (t->count - at) * sizeof(*t->entry));
}

int locktable_apply(struct locktable *t, const uint8_t *payload, size_t bytes)
{
	bool carried = false;
	size_t at = 0, used;
	int err = 0;

	while (!err && at < bytes) {
		struct format_hold h;

		if (format_hold_decode(payload + at, bytes - at, &h, &used))
			return 0;
		at += used;
		switch (h.state) {
		case FORMAT_HOLD_RESET:
			t->count = 0;
			carried = true;
			if (h.lock.number > t->last)
				t->last = h.lock.number;
			break;
		case FORMAT_HOLD_STANDS: err = locktable_add(t, &h.lock, !carried); break;
		case FORMAT_HOLD_RELEASED: locktable_remove(t, h.lock.number); break;
		}
	}
	return err;
}

static struct format_hold reset_of(const struct locktable *t)
{
	return (struct format_hold){.state = FORMAT_HOLD_RESET,
				    .lock = {.number = t->last, .camera_id = RECORD_ANY_CAMERA}};
}

size_t locktable_bytes(const struct locktable *t)
{
	size_t bytes = DISK_HOLD_ENTRY;

	if (!t->last)
		return 0;
	for (size_t i = 0; i < t->count; i++)
		bytes += format_hold_bytes(&(struct format_hold){.lock = t->entry[i].lock});
	return bytes;
}

void locktable_encode(const struct locktable *t, uint8_t *out)
{
	const struct format_hold reset = reset_of(t);

	out += format_hold_encode(out, &reset);
	for (size_t i = 0; i < t->count; i++) {
		const struct format_hold h = {.state = FORMAT_HOLD_STANDS,
					      .lock = t->entry[i].lock};

		out += format_hold_encode(out, &h);
	}
}
