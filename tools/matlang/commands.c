/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands: what `matlang help` shows, in this order. */
#include "tools/matlang/commands.h"

#include <stddef.h>

#include "tools/common/i18n.h"

#define LOOK_BACK (CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL | CLI_USES_RANGE)

const struct command cli_commands[] = {
	{"status", "[OPTIONS]", N_("is everything being recorded; what is not stands first"),
	 N_("Exit code 1 when a camera that should record does not, or the box is in trouble."),
	 CLI_USES_JSON | CLI_USES_CONTROL, cmd_status_options, cmd_status},
	{"cameras", "[OPTIONS]", N_("the cameras of the box and what they deliver"), NULL,
	 CLI_USES_JSON | CLI_USES_CONTROL, NULL, cmd_cameras},
	{"devices", "[OPTIONS]", N_("cameras that are plugged in and could be added"), NULL,
	 CLI_USES_JSON | CLI_USES_CONTROL, NULL, cmd_devices},
	{"find", "[--camera NAME]... [--region X,Y,W,H] [OPTIONS]",
	 N_("when did something move, in the whole picture or in a part of it"),
	 N_("Reads only the stored maps of what moved, no pictures.\n"
	    "Example: matlang find --camera gate-01 --region 100,50,320,200 --from -12h"),
	 LOOK_BACK | CLI_USES_CAMERAS, cmd_find_options, cmd_find},
	{"events", "[--camera NAME]... [OPTIONS]",
	 N_("the events of the cameras, from begin to end"), NULL, LOOK_BACK | CLI_USES_CAMERAS,
	 cmd_events_options, cmd_events},
	{"heatmap", "--camera NAME [--from TIME] [--to TIME] -o FILE.png [OPTIONS]",
	 N_("a picture of where a camera's picture moves, and a chart of when"),
	 N_("Over a picture of the camera each cell is coloured by the minutes in which it moved; "
	    "below stand\n"
	    "the minutes with motion by the hour of the day.\n"
	    "Example: matlang heatmap --camera gate-01 --from -7d -o gate.png"),
	 LOOK_BACK | CLI_USES_CAMERA, cmd_heatmap_options, cmd_heatmap},
	{"export", "--camera NAME --from TIME [--to TIME] -o FILE [OPTIONS]",
	 N_("footage as a file that plays everywhere, with proof beside it"),
	 N_("Makes NAME.mkv or NAME.mp4, with NAME.gaps.txt and NAME.json (what is missing, and "
	    "why)\n"
	    "and NAME.sha256 (check with: sha256sum -c NAME.sha256). The camera's pictures are "
	    "not\n"
	    "encoded again. Browsers do not play MJPEG, the format of most USB cameras: for a "
	    "browser\n"
	    "add --encode h264.\n"
	    "Example: matlang export --camera gate-01 --from 06:10 --to 06:25 -o case-17.mkv"),
	 LOOK_BACK | CLI_USES_CAMERA, cmd_export_options, cmd_export},
	{"snapshot", "--camera NAME [--at TIME] -o FILE.jpg [OPTIONS]",
	 N_("one picture of a camera, as JPEG"), NULL,
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL | CLI_USES_CAMERA, cmd_snapshot_options,
	 cmd_snapshot},
	{"ledger", "[--camera NAME]... [OPTIONS]", N_("the frames that are missing, and why"), NULL,
	 LOOK_BACK | CLI_USES_CAMERAS, cmd_ledger_options, cmd_ledger},
	{"lock", "--camera NAME --from TIME --to TIME --why TEXT [OPTIONS]",
	 N_("keep footage until it is released, whatever is recycled"),
	 N_("The time may lie in the future: what is recorded then is kept. --camera '*' means all "
	    "cameras.\n"
	    "Example: matlang lock --camera gate-01 --from 06:10 --to 06:25 --why \"case 17\""),
	 LOOK_BACK | CLI_USES_CAMERA, cmd_lock_options, cmd_lock},
	{"unlock", "NUMBER... [OPTIONS]", N_("release locked footage"), NULL,
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL, NULL, cmd_unlock},
	{"locks", "[OPTIONS]", N_("what is locked: who, why, when, how much it keeps"), NULL,
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL, NULL, cmd_locks},
	{"get", "PATH...", N_("settings and figures of the running box"),
	 "A path is a value, a directory (all below it) or a pattern. One value alone is shown "
	 "bare,\n"
	 "several as 'path = value'.\n"
	 "Examples: matlang get cameras/gate-01/motion/sensitivity\n"
	 "          matlang get 'cameras/*/state' storage",
	 CLI_USES_JSON | CLI_USES_CONTROL, NULL, cmd_get},
	{"set", "PATH VALUE | PATH=VALUE...", N_("change settings of the running box"),
	 "Takes effect at once. With several, the first that is refused ends it; those before it\n"
	 "are in force.\n"
	 "Example: matlang set cameras/gate-01/motion/sensitivity 70",
	 CLI_USES_JSON | CLI_USES_CONTROL, cmd_set_options, cmd_set},
	{"watch", "PATH... [OPTIONS]", N_("show settings and figures whenever they change"),
	 "Example: matlang watch 'cameras/*/state'", CLI_USES_JSON | CLI_USES_CONTROL,
	 cmd_watch_options, cmd_watch},
	{"store create", "DIR... [OPTIONS]", N_("make a store: reserve the space for footage"),
	 NULL, CLI_USES_JSON, cmd_store_create_options, cmd_store_create},
	{"store info", "[DIR...]", N_("size, age and use of a store"), NULL,
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL, NULL, cmd_store_info},
	{"store forecast", "[DIR] [--set PATH=VALUE]... [OPTIONS]",
	 N_("how many days of footage there is room for, now and after a change"),
	 N_("Measures what each camera recorded since yesterday (--over). The oldest footage of "
	    "all\n"
	    "cameras is recycled first, so that it reaches back equally far for each.\n"
	    "Example: matlang store forecast --set cameras/gate-01/fps=5"),
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL, cmd_store_forecast_options,
	 cmd_store_forecast},
	{"store verify", "[DIR...]", N_("read all of a store and name what is damaged"),
	 "Works beside a running box. Exit code 1 when anything is damaged.",
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL, NULL, cmd_store_verify},
	{"store rebuild", "NEW [OPTIONS]",
	 N_("fill the missing disk of a store with parity anew, in a new directory or its own"),
	 N_("A running box does it while it records; otherwise it is done here. What is written "
	    "meanwhile\n"
	    "goes to the new disk at once.\n"
	    "Example: matlang store rebuild /mnt/new"),
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL, NULL, cmd_store_rebuild},
	{"store replace", "OLD NEW [OPTIONS]",
	 N_("exchange a disk of a store with parity that is still there"),
	 N_("The old one is left out at once, so that one disk less may be lost until the new one "
	    "counts.\n"
	    "Example: matlang store replace /mnt/b /mnt/new"),
	 CLI_USES_JSON | CLI_USES_STORE | CLI_USES_CONTROL, NULL, cmd_store_replace},
	{"store repair", "DIR [OPTIONS]",
	 N_("write damaged parts of a store anew from what is left of it"),
	 N_("The store must not be in use. Superblocks, checkpoints, seals and headers are made "
	    "again from\n"
	    "their copies and from the footage, which itself is never touched; then all is "
	    "verified. Exit\n"
	    "code 1 when damage is left, or with --dry-run when there is something to repair."),
	 CLI_USES_JSON, cmd_store_repair_options, cmd_store_repair},
	{"detect", "--source SOURCE | --store DIR --camera NAME --from TIME [OPTIONS]",
	 N_("try motion settings on a clip or on recorded footage"),
	 "Every frame is looked at unless --set motion/rate=N says otherwise; what is not set has "
	 "its\n"
	 "default value.\n"
	 "Example: matlang detect --source clip:gate.mkv --set motion/sensitivity=70 --flags "
	 "out.txt",
	 LOOK_BACK | CLI_USES_CAMERA, cmd_detect_options, cmd_detect},
	{"rack list", "[OPTIONS]", N_("the cameras of the kernel's rack, which need no hardware"),
	 N_("The module matlang_rack must be loaded: man 4 matlang_rack."), CLI_USES_JSON,
	 cmd_rack_options, cmd_rack_list},
	{"rack make", "NAME [FILE=VALUE]... [OPTIONS]", N_("make a camera in the kernel's rack"),
	 N_("Each FILE is one of the camera's directory, man 4 matlang_rack. It is plugged in at "
	    "once "
	    "unless\n"
	    "plugged=0 is among them.\n"
	    "Example: matlang rack make gate formats=NV12 sizes=1280x736 rates=15"),
	 0, cmd_rack_options, cmd_rack_make},
	{"rack remove", "NAME... [OPTIONS]", N_("take cameras out of the kernel's rack"), NULL, 0,
	 cmd_rack_options, cmd_rack_remove},
	{"rack load", "NAME [CLIP] [OPTIONS]",
	 N_("let a camera of the kernel's rack show a clip, or a made-up scene"),
	 N_("The clip is MJPEG or H.264; the camera shows it again and again, and nothing else. If "
	    "it "
	    "was\n"
	    "plugged in it is unplugged meanwhile. Without a clip it shows things that move over "
	    "a\n"
	    "background, as MJPEG.\n"
	    "Example: matlang rack load gate street.mp4"),
	 CLI_USES_JSON, cmd_rack_load_options, cmd_rack_load},
	{"bench", "NAME [OPTIONS]", N_("measure what this machine can record"), NULL, 0, NULL,
	 cmd_bench},
	{0},
};
