/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/i18n.h"
#include "tools/common/table.h"

enum {
	KEY_HELP = 'h',
	KEY_JSON = 1000,
	KEY_STORE,
	KEY_CONTROL,
	KEY_FROM,
	KEY_TO,
	KEY_CAMERA,
	KEY_LANG
};

static const struct shared_option {
	unsigned uses;
	struct cli_option option;
} shared[] = {
	{CLI_USES_CAMERAS,
	 {"camera", KEY_CAMERA, N_("NAME"),
	  N_("this camera only; may be given again, patterns such as 'gate-*' are allowed")}},
	{CLI_USES_CAMERA, {"camera", KEY_CAMERA, N_("NAME"), N_("the camera")}},
	{CLI_USES_RANGE,
	 {"from", KEY_FROM, N_("TIME"),
	  N_("from this time on: 2026-11-22T06:00:00+07:00, 06:00 (today) or -10m (ago)")}},
	{CLI_USES_RANGE, {"to", KEY_TO, N_("TIME"), N_("up to this time (default: now)")}},
	{CLI_USES_STORE,
	 {"store", KEY_STORE, N_("DIR"),
	  N_("the store (default: $MATLANG_STORE, else what the running box records into)")}},
	{CLI_USES_CONTROL,
	 {"control", KEY_CONTROL, N_("DIR"),
	  N_("the control files (default: $MATLANG_CONTROL, else /run/matlang)")}},
	{CLI_USES_JSON, {"json", KEY_JSON, NULL, N_("one JSON object a line")}},
	{0, {"lang", KEY_LANG, N_("LANG"), N_("language of what is shown: vi or en")}},
	{0, {"help", KEY_HELP, NULL, N_("this text")}},
};

static bool has(const struct command *command, const struct shared_option *s)
{
	return s->uses == 0 || (command->uses & s->uses);
}

const struct command *cli_find(int argc, char **argv, int *words)
{
	char two[64];

	if (argc < 1)
		return NULL;
	snprintf(two, sizeof(two), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (const struct command *cmd = cli_commands; cmd->name; cmd++) {
		*words = strchr(cmd->name, ' ') ? 2 : 1;
		if (!strcmp(cmd->name, *words == 2 ? two : argv[0]))
			return cmd;
	}
	return NULL;
}

static void print_option(struct table *t, const struct cli_option *o)
{
	char flag[96];

	snprintf(flag, sizeof(flag), "  %c%c%c --%s%s%s", o->key < CLI_KEY ? '-' : ' ',
		 o->key < CLI_KEY ? o->key : ' ', o->key < CLI_KEY ? ',' : ' ', o->name,
		 o->arg ? " " : "", o->arg ? _(o->arg) : "");
	table_add(t, flag);
	table_add(t, _(o->help));
}

void cli_help(const struct command *command)
{
	struct table *t = table_create("ll");

	printf(_("Usage: matlang %s %s\n"), command->name, command->args);
	printf("\n%s\n", _(command->summary));
	if (command->details)
		printf("\n%s\n", _(command->details));
	printf("\n%s\n", _("Options:"));
	for (const struct cli_option *o = command->options; o && o->name; o++)
		print_option(t, o);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (has(command, &shared[i]))
			print_option(t, &shared[i].option);
	if (table_print(t, stdout) < 0)
		fprintf(stderr, "matlang: %s\n", _("out of memory"));
	table_destroy(t);
}

void cli_overview(FILE *to)
{
	struct table *t = table_create("ll");

	fprintf(to, "%s\n\n", _("Usage: matlang [--lang LANG] COMMAND [OPTIONS]"));
	for (const struct command *cmd = cli_commands; cmd->name; cmd++) {
		table_addf(t, "  %s", cmd->name);
		table_add(t, _(cmd->summary));
	}
	if (table_print(t, to) < 0)
		fprintf(stderr, "matlang: %s\n", _("out of memory"));
	table_destroy(t);
	fprintf(to, "\n%s\n", _("'matlang help COMMAND' tells more; 'man matlang' tells all."));
}

struct parser {
	struct option longs[CLI_OPTIONS_MAX + 1];
	char shorts[2 * CLI_OPTIONS_MAX + 2];
};

static void parser_add(struct parser *p, size_t *n, const struct cli_option *o)
{
	if (*n == CLI_OPTIONS_MAX)
		return;
	p->longs[(*n)++] =
		(struct option){o->name, o->arg ? required_argument : no_argument, NULL, o->key};
	if (o->key < CLI_KEY) {
		size_t at = strlen(p->shorts);

		p->shorts[at++] = (char)o->key;
		if (o->arg)
			p->shorts[at++] = ':';
		p->shorts[at] = '\0';
	}
}

static void parser_fill(struct parser *p, const struct command *command)
{
	size_t n = 0;

	memset(p, 0, sizeof(*p));
	p->shorts[0] = ':';
	for (const struct cli_option *o = command->options; o && o->name; o++)
		parser_add(p, &n, o);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (has(command, &shared[i]))
			parser_add(p, &n, &shared[i].option);
}

static int stop(struct cli *c, int code)
{
	c->exit_code = code;
	return CLI_STOP;
}

static bool take_shared(struct cli *c, int key)
{
	switch (key) {
	case KEY_JSON: c->json = true; return true;
	case KEY_STORE: c->store = optarg; return true;
	case KEY_CONTROL: c->control = optarg; return true;
	case KEY_FROM: c->from = optarg; return true;
	case KEY_TO: c->to = optarg; return true;
	case KEY_CAMERA:
		if (c->ncameras < CLI_CAMERAS_MAX)
			c->camera[c->ncameras] = optarg;
		c->ncameras++;
		return true;
	case KEY_LANG: return true; /* main has already looked for it */
	default: return false;
	}
}

static int check_cameras(struct cli *c)
{
	unsigned max = c->command->uses & CLI_USES_CAMERA ? 1 : CLI_CAMERAS_MAX;

	if (c->ncameras > max)
		return stop(c,
			    max == 1 ? cli_usage(c, _("only one --camera is possible here"))
				     : cli_usage(c, _("too many --camera options; use a pattern")));
	return CLI_END;
}

int cli_getopt(struct cli *c, int argc, char **argv)
{
	struct parser p;
	int key;

	parser_fill(&p, c->command);
	do {
		opterr = 0;
		key = getopt_long(argc, argv, p.shorts, p.longs, NULL);
	} while (take_shared(c, key));
	switch (key) {
	case -1: return check_cameras(c);
	case KEY_HELP: cli_help(c->command); return stop(c, cli_finish(c, CLI_OK));
	case ':': return stop(c, cli_usage(c, _("%s needs a value"), argv[optind - 1]));
	case '?':
		if (optopt && optopt < CLI_KEY)
			return stop(c, cli_usage(c, _("unknown option -%c"), optopt));
		return stop(c, cli_usage(c, _("unknown option %s"), argv[optind - 1]));
	default: return key;
	}
}

static void PRINTF_LIKE(2, 0) say(const struct cli *c, const char *fmt, va_list args)
{
	char text[2 * ERRMSG_MAX];

	vsnprintf(text, sizeof(text), fmt, args);
	table_tame(text);
	fflush(stdout);
	if (c->command)
		fprintf(stderr, "matlang %s: %s\n", c->command->name, text);
	else
		fprintf(stderr, "matlang: %s\n", text);
}

int cli_fail(const struct cli *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c, fmt, args);
	va_end(args);
	return CLI_FAILED;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c, fmt, args);
	va_end(args);
	if (c->command)
		fprintf(stderr, _("Try 'matlang help %s'.\n"), c->command->name);
	return CLI_USAGE;
}

void cli_warn(const struct cli *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c, fmt, args);
	va_end(args);
}

int cli_json(json_t *object)
{
	int err;

	if (!object)
		return -ENOMEM;
	err = json_dumpf(object, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF ? -EIO : 0;
	json_decref(object);
	return err;
}

int cli_finish(const struct cli *c, int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE)
		return code == CLI_OK ? CLI_FAILED : code;
	return cli_fail(c, _("cannot write the output: %s"), strerror(errno));
}

int cli_number(const char *option, const char *text, long min, long max, long *out,
	       struct errmsg *em)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || value < min || value > max)
		return errmsg_set(em, -EINVAL, _("--%s wants a number from %ld to %ld, not '%s'"),
				  option, min, max, text);
	*out = value;
	return 0;
}
