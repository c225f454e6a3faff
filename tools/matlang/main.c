/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/i18n.h"
#include "tools/matlang/cli.h"

/* --lang decides in which language even a wrong option is told, so it is found first. */
static const char *find_language(int argc, char **argv)
{
	const char *found = NULL;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strncmp(argv[i], "--lang=", 7))
			found = argv[i] + 7;
		else if (!strcmp(argv[i], "--lang") && i + 1 < argc)
			found = argv[++i];
	}
	return found;
}

/* "store": every command of the group. False when there is no such group. */
static bool help_group(const char *group)
{
	size_t n = strlen(group);
	bool shown = false;

	for (const struct command *command = cli_commands; command->name; command++) {
		if (strncmp(command->name, group, n) != 0 || command->name[n] != ' ')
			continue;
		if (shown)
			putchar('\n');
		cli_help(command);
		shown = true;
	}
	return shown;
}

static bool is_help(const char *arg)
{
	return !strcmp(arg, "--help") || !strcmp(arg, "-h");
}

static int help(struct cli *c, int argc, char **argv)
{
	const struct command *command;
	int words;

	while (argc > 0 && !strncmp(argv[0], "--lang", 6)) {
		int used = argv[0][6] == '=' || argc == 1 ? 1 : 2;

		argc -= used;
		argv += used;
	}
	if (argc < 1) {
		cli_overview(stdout);
		return cli_finish(c, CLI_OK);
	}
	command = cli_find(argc, argv, &words);
	if (command) {
		cli_help(command);
		return cli_finish(c, CLI_OK);
	}
	if (help_group(argv[0]))
		return cli_finish(c, CLI_OK);
	cli_warn(c, _("there is no command '%s'; 'matlang help' lists them"), argv[0]);
	return CLI_USAGE;
}

/* Options in front of the command; returns the index of the command, or -1 with c->exit_code. */
static int global_options(struct cli *c, int argc, char **argv)
{
	int i = 1;

	c->exit_code = CLI_OK;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--version")) {
			printf("matlang %s\n", MATLANG_VERSION);
			c->exit_code = cli_finish(c, CLI_OK);
			return -1;
		}
		if (is_help(argv[i])) {
			cli_overview(stdout);
			c->exit_code = cli_finish(c, CLI_OK);
			return -1;
		}
		if (!strcmp(argv[i], "--lang") && i + 1 < argc) {
			i++;
		} else if (strncmp(argv[i], "--lang=", 7) != 0) {
			c->exit_code = cli_usage(c, _("unknown option %s"), argv[i]);
			return -1;
		}
	}
	if (i < argc)
		return i;
	cli_overview(stderr);
	c->exit_code = CLI_USAGE;
	return -1;
}

int main(int argc, char **argv)
{
	const char *language = find_language(argc, argv);
	struct cli c = {0};
	int at, words, err = i18n_init(language);

	if (err == -EINVAL || (err && err != -ENOENT))
		return cli_usage(&c, _("--lang wants vi or en, not '%s'"), language);
	if (err)
		cli_warn(&c, _("there is no text in the language '%s' here; this is English"),
			 language);
	at = global_options(&c, argc, argv);
	if (at < 0)
		return c.exit_code;
	argc -= at;
	argv += at;
	if (!strcmp(argv[0], "help"))
		return help(&c, argc - 1, argv + 1);
	c.command = cli_find(argc, argv, &words);
	if (!c.command) {
		if (argc > 1 && is_help(argv[1]) && help_group(argv[0]))
			return cli_finish(&c, CLI_OK);
		if (argc > 1 && argv[1][0] != '-')
			return cli_usage(
				&c, _("there is no command '%s %s'; 'matlang help' lists them"),
				argv[0], argv[1]);
		return cli_usage(&c, _("there is no command '%s'; 'matlang help' lists them"),
				 argv[0]);
	}
	optind = 1;
	return cli_finish(&c, c.command->run(&c, argc - words + 1, argv + words - 1));
}
