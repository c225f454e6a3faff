/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands, one file cmd_*.c each, and their own options. Run by main through cli_commands. */
#ifndef MATLANG_COMMANDS_H
#define MATLANG_COMMANDS_H

#include "tools/matlang/cli.h"

/* --rack DIR, which every rack command has. */
#define CMD_RACK_DIR CLI_KEY

int cmd_status(struct cli *c, int argc, char **argv);
int cmd_cameras(struct cli *c, int argc, char **argv);
int cmd_devices(struct cli *c, int argc, char **argv);
int cmd_get(struct cli *c, int argc, char **argv);
int cmd_set(struct cli *c, int argc, char **argv);
int cmd_watch(struct cli *c, int argc, char **argv);
int cmd_find(struct cli *c, int argc, char **argv);
int cmd_heatmap(struct cli *c, int argc, char **argv);
int cmd_events(struct cli *c, int argc, char **argv);
int cmd_ledger(struct cli *c, int argc, char **argv);
int cmd_export(struct cli *c, int argc, char **argv);
int cmd_snapshot(struct cli *c, int argc, char **argv);
int cmd_lock(struct cli *c, int argc, char **argv);
int cmd_unlock(struct cli *c, int argc, char **argv);
int cmd_locks(struct cli *c, int argc, char **argv);
int cmd_detect(struct cli *c, int argc, char **argv);
int cmd_rack_list(struct cli *c, int argc, char **argv);
int cmd_rack_make(struct cli *c, int argc, char **argv);
int cmd_rack_remove(struct cli *c, int argc, char **argv);
int cmd_rack_load(struct cli *c, int argc, char **argv);
int cmd_bench(struct cli *c, int argc, char **argv);
int cmd_store_create(struct cli *c, int argc, char **argv);
int cmd_store_info(struct cli *c, int argc, char **argv);
int cmd_store_forecast(struct cli *c, int argc, char **argv);
int cmd_store_verify(struct cli *c, int argc, char **argv);
int cmd_store_rebuild(struct cli *c, int argc, char **argv);
int cmd_store_replace(struct cli *c, int argc, char **argv);
int cmd_store_repair(struct cli *c, int argc, char **argv);

extern const struct cli_option cmd_status_options[];
extern const struct cli_option cmd_set_options[];
extern const struct cli_option cmd_watch_options[];
extern const struct cli_option cmd_find_options[];
extern const struct cli_option cmd_heatmap_options[];
extern const struct cli_option cmd_events_options[];
extern const struct cli_option cmd_ledger_options[];
extern const struct cli_option cmd_export_options[];
extern const struct cli_option cmd_snapshot_options[];
extern const struct cli_option cmd_lock_options[];
extern const struct cli_option cmd_detect_options[];
extern const struct cli_option cmd_rack_options[];
extern const struct cli_option cmd_rack_load_options[];
extern const struct cli_option cmd_store_create_options[];
extern const struct cli_option cmd_store_forecast_options[];
extern const struct cli_option cmd_store_repair_options[];

#endif
