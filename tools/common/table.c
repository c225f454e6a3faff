/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define GAP 2

struct table {
	const char *columns;
	size_t ncolumns;
	char **cell;
	size_t count, room;
	bool failed;
};

size_t table_width(const char *text)
{
	mbstate_t state = {0};
	size_t width = 0;

	while (*text) {
		wchar_t wc;
		size_t n = mbrtowc(&wc, text, MB_CUR_MAX, &state);
		int w;

		if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
			memset(&state, 0, sizeof(state));
			n = 1;
			w = 1;
		} else {
			w = wcwidth(wc);
		}
		width += w > 0 ? (size_t)w : 0;
		text += n;
	}
	return width;
}

void table_tame(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at; at++) {
		/* C0, DEL, and C1 in its UTF-8 form (0xc2 0x80-0x9f). */
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
		else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = '?';
	}
}

struct table *table_create(const char *columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t) {
		t->columns = columns;
		t->ncolumns = strlen(columns);
	}
	return t;
}

void table_destroy(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
}

static bool grow(struct table *t)
{
	size_t room = t->room ? t->room * 2 : 64;
	char **cell = reallocarray(t->cell, room, sizeof(*cell));

	if (!cell)
		return false;
	t->cell = cell;
	t->room = room;
	return true;
}

void table_add(struct table *t, const char *text)
{
	char *copy;

	if (!t || t->failed)
		return;
	copy = strdup(text);
	if (!copy || (t->count == t->room && !grow(t))) {
		free(copy);
		t->failed = true;
		return;
	}
	table_tame(copy);
	t->cell[t->count++] = copy;
}

void table_addf(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		if (t)
			t->failed = true;
		return;
	}
	table_add(t, text);
	free(text);
}

static void pad(FILE *to, size_t n)
{
	fprintf(to, "%*s", (int)n, "");
}

static void print_row(const struct table *t, size_t first, const size_t width[], FILE *to)
{
	size_t n = t->count - first < t->ncolumns ? t->count - first : t->ncolumns;

	/* Nothing is padded behind a row's last text. */
	while (n > 0 && !*t->cell[first + n - 1])
		n--;
	for (size_t c = 0; c < n; c++) {
		const char *text = t->cell[first + c];
		size_t space = width[c] - table_width(text);

		if (t->columns[c] == 'r')
			pad(to, space);
		fputs(text, to);
		if (c + 1 < n)
			pad(to, (t->columns[c] == 'r' ? 0 : space) + GAP);
	}
	putc('\n', to);
}

int table_print(const struct table *t, FILE *to)
{
	size_t *width;

	if (!t || t->failed)
		return -ENOMEM;
	width = calloc(t->ncolumns, sizeof(*width));
	if (!width)
		return -ENOMEM;
	for (size_t i = 0; i < t->count; i++) {
		size_t w = table_width(t->cell[i]);

		if (w > width[i % t->ncolumns])
			width[i % t->ncolumns] = w;
	}
	for (size_t first = 0; first < t->count; first += t->ncolumns)
		print_row(t, first, width, to);
	free(width);
	return ferror(to) ? -EIO : 0;
}
