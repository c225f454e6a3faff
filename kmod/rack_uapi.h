/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Footage for a camera of matlang_rack: what is written to the file `footage` in its configfs
 * directory, in one go. `matlang rack load` makes it of a clip. docs/KMOD.md tells the rules.
 *
 *	struct matlang_rack_footage
 *	struct matlang_rack_picture, one for each picture
 *	the pictures' bytes, one after another, without gaps, and nothing behind them
 *
 * Each picture has room for a stamp that decoders ignore; the camera writes each frame's in there:
 *
 * MJPEG	@stamp is 0: ff d8 ff fe 00 2a, 40 bytes, ff fe 00 12, 16 bytes: two comment
 *segments behind the start of the image, for the stamp's two parts.
 * H.264	at @stamp: 00 00 00 01 06 05 80, MATLANG_RACK_SEI_UUID, 112 bytes, 80: user data of
 *an SEI, for the stamp in hexadecimal digits. Pictures are access units in Annex B form.
 *
 * The file has no way to say what is wrong: `footage_state` beside it tells what was taken, or
 * why not.
 */
#ifndef MATLANG_RACK_UAPI_H
#define MATLANG_RACK_UAPI_H

#include <linux/types.h>

#define MATLANG_RACK_FOOTAGE_MAGIC "MATLFOOT"
#define MATLANG_RACK_FOOTAGE_VERSION 1
#define MATLANG_RACK_FOOTAGE_MAX (256u << 20) /* bytes, all of it */
#define MATLANG_RACK_PICTURES_MAX 65536
#define MATLANG_RACK_SIDE_MIN 16
#define MATLANG_RACK_SIDE_MAX 8192

/* Bytes of the areas described above. */
#define MATLANG_RACK_JPEG_AREA 66
#define MATLANG_RACK_SEI_AREA 136
#define MATLANG_RACK_SEI_UUID "matlang_rack_dau" /* 16 bytes, none of them zero */

/**
 * struct matlang_rack_footage - the head of the file
 * @magic: MATLANG_RACK_FOOTAGE_MAGIC
 * @version: MATLANG_RACK_FOOTAGE_VERSION
 * @fourcc: V4L2_PIX_FMT_MJPEG or V4L2_PIX_FMT_H264
 * @width: of every picture, in pixels
 * @height: the same
 * @count: of pictures, 1 to MATLANG_RACK_PICTURES_MAX
 * @reserved: zero
 */
struct matlang_rack_footage {
	__u8 magic[8];
	__u32 version;
	__u32 fourcc;
	__u32 width;
	__u32 height;
	__u32 count;
	__u32 reserved[3];
};

/**
 * struct matlang_rack_picture - one picture
 * @size: its bytes, the area for the stamp included
 * @stamp: where that area begins in it
 */
struct matlang_rack_picture {
	__u32 size;
	__u32 stamp;
};

#endif
