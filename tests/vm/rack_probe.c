/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consumes a camera of matlang_rack and proves from each picture what it is.
 *
 *   rack_probe verify NAME v4l2:/dev/videoN MEMORY FORMAT FRAMES [WIDTH HEIGHT]
 *        streams FRAMES frames into MEMORY (mmap, userptr, udmabuf, pool). For each: the stamp
 *        names the camera, the sequence and the time that the kernel says, and the checksum is
 *        that of the picture. Prints "frames=N gaps=N errors=N torn=N backwards=N stale=N wraps=N".
 *        Compressed formats are checked the same way, but cannot be told to be torn.
 *   rack_probe cost v4l2:/dev/videoN MEMORY FORMAT FRAMES WIDTH HEIGHT
 *        streams FRAMES frames, after a dozen that fill the buffers, and looks at none. Prints
 *        "frames=N wall_us=N busy_us=N own_us=N": by the clock, what the machine's processors
 *        were busy for, and what of it was this process.
 *   rack_probe killed /dev/videoN
 *        a process is killed after each step of its life; prints "ok", "not ok NAME: why"
 *   rack_probe fuzz /dev/videoN SEED SECONDS
 *        random and nearly valid ioctls, mappings and closings.
 *
 * Exit: 0 all pictures were right, 1 not (named on standard output), 3 the device failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vm/rack_probe/probe.h"

int main(int argc, char **argv)
{
	if (argc >= 7 && !strcmp(argv[1], "verify"))
		return probe_verify(argc, argv);
	if (argc == 8 && !strcmp(argv[1], "cost"))
		return probe_cost(argc - 2, argv + 2);
	if (argc == 3 && !strcmp(argv[1], "killed"))
		return probe_killed(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "fuzz"))
		probe_fuzz(argv[2], strtoull(argv[3], NULL, 0), atoi(argv[4]));
	fprintf(stderr,
		"usage: rack_probe verify NAME SOURCE MEMORY FORMAT FRAMES [WIDTH HEIGHT] | "
		"cost SOURCE MEMORY FORMAT FRAMES WIDTH HEIGHT | "
		"killed DEVICE | fuzz DEVICE SEED SECONDS\n");
	return 2;
}
