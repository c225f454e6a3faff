/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/timefmt.h"
#include "capture/core/monotime.h"
#include "tools/matlangd/box_settings.h"

enum { OPT_STATUS = 256, OPT_CHECK, OPT_LIST, OPT_FOREGROUND };

static const struct option longs[] = {
	{"config", required_argument, NULL, 'c'},
	{"store", required_argument, NULL, 's'},
	{"control", required_argument, NULL, 'C'},
	{"camera", required_argument, NULL, 'a'},
	{"set", required_argument, NULL, 'S'},
	{"seconds", required_argument, NULL, 'n'},
	{"status", no_argument, NULL, OPT_STATUS},
	{"foreground", no_argument, NULL, OPT_FOREGROUND},
	{"check", no_argument, NULL, OPT_CHECK},
	{"list-attributes", optional_argument, NULL, OPT_LIST},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

void options_help(void)
{
	fputs("Usage: matlangd [OPTION]...\n"
	      "Records every camera it is told of, until it is stopped.\n\n"
	      "  -c, --config FILE|none    settings (default " BOX_CONFIG_FILE ")\n"
	      "  -s, --store DIR           the store (default " BOX_STORE_DIR ");\n"
	      "                            `matlang store create` makes one\n"
	      "  -C, --control DIR|none    where the control files appear (default " BOX_CONTROL_DIR
	      ")\n"
	      "  -a, --camera NAME=SOURCE  one more camera: v4l2:/dev/video0, clip:FILE, rack:...\n"
	      "  -S, --set PATH=VALUE      one setting, over the configuration file\n"
	      "  -n, --seconds N           end after so long (also 10m, 2h)\n"
	      "      --status              a live table on the terminal\n"
	      "      --foreground          the only way it runs; taken for scripts that say so\n"
	      "      --check               check command line and configuration file, then end\n"
	      "      --list-attributes[=text|markdown|json]  all settings and figures\n"
	      "  -V, --version\n"
	      "  -h, --help\n\n"
	      "Exit status: 0 orderly end; 1 failed while running; 2 bad command line or\n"
	      "configuration; 3 the store cannot be opened; 4 no control files.\n",
	      stdout);
}

void options_free(struct options *o)
{
	for (size_t i = 0; i < o->nset; i++) {
		free(o->set[i].path);
		free(o->set[i].value);
	}
	free(o->set);
	o->set = NULL;
	o->nset = 0;
}

static int add_set(struct options *o, const char *prefix, const char *path, size_t path_len,
		   const char *suffix, const char *value, const char *origin, struct errmsg *em)
{
	struct options_set *grown = reallocarray(o->set, o->nset + 1, sizeof(*grown));
	struct options_set *s;

	if (!grown)
		return errmsg_set(em, -ENOMEM, "out of memory");
	o->set = grown;
	s = &o->set[o->nset];
	s->origin = origin;
	s->value = strdup(value);
	if (asprintf(&s->path, "%s%.*s%s", prefix, (int)path_len, path, suffix) < 0)
		s->path = NULL;
	if (!s->path || !s->value) {
		free(s->path);
		free(s->value);
		return errmsg_set(em, -ENOMEM, "out of memory");
	}
	o->nset++;
	return 0;
}

static int add_camera(struct options *o, const char *text, struct errmsg *em)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1] || memchr(text, '/', (size_t)(equals - text)))
		return errmsg_set(
			em, -EINVAL,
			"--camera %s: give NAME=SOURCE, for example gate=v4l2:/dev/video0", text);
	/* The same camera twice on one command line is a slip, not an override. */
	for (size_t i = 0; i < o->nset; i++) {
		const char *name = o->set[i].path + strlen("cameras/");

		if (!strcmp(o->set[i].origin, "--camera") &&
		    !strncmp(name, text, (size_t)(equals - text)) &&
		    !strcmp(name + (equals - text), "/source"))
			return errmsg_set(em, -EEXIST, "--camera %.*s is given twice",
					  (int)(equals - text), text);
	}
	return add_set(o, "cameras/", text, (size_t)(equals - text), "/source", equals + 1,
		       "--camera", em);
}

static int add_setting(struct options *o, const char *text, struct errmsg *em)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return errmsg_set(em, -EINVAL,
				  "--set %s: give PATH=VALUE, for example storage/commit_ms=500",
				  text);
	return add_set(o, "", text, (size_t)(equals - text), "", equals + 1, "--set", em);
}

/* The setting holds absolute paths; on a command line people write what the shell completes. */
static int add_store(struct options *o, const char *dirs, struct errmsg *em)
{
	char *cwd CLEANUP_FREE = getcwd(NULL, 0);
	char *list CLEANUP_FREE = strdup(dirs);
	char *full CLEANUP_FREE = NULL;
	char *rest = list, *dir;

	while (list && (dir = strsep(&rest, ","))) {
		char *before CLEANUP_FREE = full;

		full = NULL;
		if (dir[0] != '/' && !cwd)
			return errmsg_set(em, -errno, "--store %s: %s", dirs, strerror(errno));
		if (asprintf(&full, "%s%s%s%s%s", before ? before : "", before ? "," : "",
			     dir[0] == '/' ? "" : cwd, dir[0] == '/' ? "" : "/", dir) < 0)
			full = NULL;
		if (!full)
			break;
	}
	if (!full)
		return errmsg_set(em, -ENOMEM, "out of memory");
	return add_set(o, "", "storage/dir", strlen("storage/dir"), "", full, "--store", em);
}

static int take(struct options *o, int opt, struct errmsg *em)
{
	int64_t ns;

	switch (opt) {
	case 'c':
		o->config = strcmp(optarg, "none") && strcmp(optarg, "/dev/null") ? optarg : NULL;
		o->config_given = true;
		return 0;
	case 's': return add_store(o, optarg, em);
	case 'C':
		o->control = strcmp(optarg, "none") ? optarg : NULL;
		o->control_given = true;
		return 0;
	case 'a': return add_camera(o, optarg, em);
	case 'S': return add_setting(o, optarg, em);
	case 'n':
		if (timefmt_parse_duration(optarg, &ns, em) || ns < NSEC_PER_SEC)
			return errmsg_set(
				em, -EINVAL,
				"--seconds %s: give a number of seconds from 1 on, or 10m, "
				"2h",
				optarg);
		o->seconds = ns / NSEC_PER_SEC;
		return 0;
	case OPT_STATUS: o->status = true; return 0;
	case OPT_FOREGROUND: return 0;
	case OPT_CHECK: o->action = OPTIONS_CHECK; return 0;
	case OPT_LIST:
		o->action = OPTIONS_LIST;
		o->list_format = optarg ? optarg : "text";
		if (strcmp(o->list_format, "text") && strcmp(o->list_format, "markdown") &&
		    strcmp(o->list_format, "json"))
			return errmsg_set(em, -EINVAL,
					  "--list-attributes=%s: text, markdown or json", optarg);
		return 0;
	case 'V': o->action = OPTIONS_VERSION; return 0;
	case 'h': o->action = OPTIONS_HELP; return 0;
	default: return -EINVAL;
	}
}

/* getopt prints for itself in its own words unless told not to. */
static int bad_option(char **argv, int opt, struct errmsg *em)
{
	const char *arg = argv[optind - 1];

	if (opt == ':')
		return errmsg_set(em, -EINVAL, "%s wants a value; see matlangd --help", arg);
	return errmsg_set(em, -EINVAL, "unknown option %s; see matlangd --help", arg);
}

int options_parse(struct options *out, int argc, char **argv, struct errmsg *em)
{
	struct options o = {.config = BOX_CONFIG_FILE, .control = BOX_CONTROL_DIR};
	int opt, err = 0;

	opterr = 0;
	optind = 0; /* glibc: start anew */
	while (!err && (opt = getopt_long(argc, argv, ":c:s:C:a:S:n:Vh", longs, NULL)) != -1)
		err = opt == '?' || opt == ':' ? bad_option(argv, opt, em) : take(&o, opt, em);
	if (!err && optind < argc)
		err = errmsg_set(em, -EINVAL, "unexpected \"%s\"; see matlangd --help",
				 argv[optind]);
	if (err)
		options_free(&o);
	else
		*out = o;
	return err;
}
