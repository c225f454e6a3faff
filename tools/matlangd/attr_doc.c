/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/attr_doc.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "tools/matlangd/attr.h"

static const char *access_text(const struct attr *a)
{
	if (!a->show)
		return "write";
	if (a->writable)
		return "read, write";
	return a->saved ? "read; set at start" : "read";
}

static const char *type_name(const struct attr *a)
{
	static const char *const names[] = {
		[ATTR_BOOL] = "bool", [ATTR_INT] = "int",       [ATTR_DOUBLE] = "double",
		[ATTR_TEXT] = "text", [ATTR_CHOICE] = "choice", [ATTR_ACTION] = "action",
	};

	return names[a->type];
}

/* A table's cell: its own separator is escaped. */
static void cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '<')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

static void markdown_row(FILE *out, const struct attr *a)
{
	size_t folder = folder_length(a->path);
	char range[320] = "";

	if (a->writable || a->saved)
		attr_range(a, range, sizeof(range));
	fprintf(out, "| `%s` | %s%s | ", a->path + (folder ? folder + 1 : 0), access_text(a),
		a->pollable ? ", poll" : "");
	cell(out, a->help);
	if (range[0]) {
		fputs(" Takes ", out);
		cell(out, range);
		fputc('.', out);
	}
	fputs(" | ", out);
	cell(out, a->unit);
	fputs(" | ", out);
	if (a->def && a->def[0])
		fprintf(out, "`%s`", a->def);
	else if (a->def)
		fputs("empty", out);
	fputs(" |\n", out);
}

static const char intro[] =
	"# Control files\n\n"
	"Every setting and every figure of a running box is a file under `/run/matlang` (another\n"
	"folder with `matlangd --control DIR`), and every setting is a line `PATH = VALUE` in\n"
	"`/etc/matlang.conf`. This page is written by `make docs` from the table in the source.\n\n"
	"- A file holds one value and a newline: `cat /run/matlang/state`.\n"
	"- Writing takes effect at once, without a restart: `echo 70 > "
	"/run/matlang/cameras/gate/motion/sensitivity`.\n"
	"  A value that is not acceptable is refused with `EINVAL`, nothing changes, and the "
	"reason is\n"
	"  in `last_error` and in the log. Write the whole value at once, with `>`, not `>>`.\n"
	"- Every change is logged, with who, what, the old value and the new one, and noted in the "
	"store.\n"
	"- `echo 1 > /run/matlang/save` keeps the settings across restarts. The configuration file "
	"is\n"
	"  replaced as a whole or not at all; its comments and their order stay.\n"
	"- `mkdir /run/matlang/cameras/gate` adds a camera; `echo v4l2:/dev/video0 >\n"
	"  /run/matlang/cameras/gate/source` gives it a device and switches it on. `rmdir` removes "
	"it; "
	"its\n"
	"  footage stays in the store.\n"
	"- Settings, and figures marked *poll*, wake poll(2) with `POLLPRI` when they may have "
	"changed;\n"
	"  read from the start of the file to arm it again. `matlang watch` does that.\n"
	"- Who may write: root, and the members of group `matlang` if there is one. Everybody may "
	"read.\n"
	"- Switches take `1`, `on`, `yes`, `true` and `0`, `off`, `no`, `false`; they show `1` or "
	"`0`.\n";

static void markdown(FILE *out)
{
	const struct attr *a;
	const char *last = NULL;

	fputs(intro, out);
	for (size_t i = 0; (a = attr_at(i)); i++) {
		size_t folder = folder_length(a->path);

		if (!last || folder_length(last) != folder || strncmp(last, a->path, folder)) {
			fputs("\n## ", out);
			if (folder)
				fprintf(out, "`%.*s/`", (int)folder, a->path);
			else
				fputs("The top", out);
			fputs("\n\n| file | access | meaning | unit | default |\n"
			      "|---|---|---|---|---|\n",
			      out);
		}
		last = a->path;
		markdown_row(out, a);
	}
}

static int json_row(FILE *out, const struct attr *a)
{
	json_t *o = json_pack("{s:s, s:s, s:b, s:b, s:b, s:s, s:s}", "path", a->path, "type",
			      type_name(a), "writable", a->writable, "saved", a->saved, "pollable",
			      a->pollable, "unit", a->unit, "help", a->help);
	int err = o ? 0 : -ENOMEM;

	if (o && a->def)
		err |= json_object_set_new(o, "default", json_string(a->def));
	if (o && (a->writable || a->saved) && (a->type == ATTR_INT || a->type == ATTR_DOUBLE)) {
		err |= json_object_set_new(o, "min", json_real(a->min));
		err |= json_object_set_new(o, "max", json_real(a->max));
	}
	if (o && a->choices) {
		json_t *list = json_array();

		for (size_t i = 0; list && a->choices[i]; i++)
			err |= json_array_append_new(list, json_string(a->choices[i]));
		err |= json_object_set_new(o, "choices", list);
	}
	if (!err && json_dumpf(o, out, JSON_COMPACT))
		err = -EIO;
	fputc('\n', out);
	json_decref(o);
	return err ? -EIO : 0;
}

int attr_doc_write(FILE *out, const char *format)
{
	const struct attr *a;
	int err = 0;

	if (!strcmp(format, "markdown"))
		markdown(out);
	for (size_t i = 0; !err && (a = attr_at(i)); i++) {
		if (!strcmp(format, "json"))
			err = json_row(out, a);
		else if (!strcmp(format, "text"))
			fprintf(out, "%-44s %-20s %s\n", a->path, access_text(a), a->help);
	}
	if (fflush(out) || ferror(out))
		return -EIO;
	return err;
}
