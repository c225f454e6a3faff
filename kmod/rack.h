/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MATLANG_RACK_H
#define MATLANG_RACK_H

#include <linux/configfs.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/videodev2.h>
#include <linux/workqueue.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-device.h>
#include <media/v4l2-dev.h>
#include <media/videobuf2-v4l2.h>

#define RACK_NAME "matlang_rack"
#define RACK_PLANES 2
#define RACK_SIZES 8
#define RACK_RATES 8
#define RACK_WIDTH_STEP 32 /* whole words in every plane of every format */
#define RACK_SIDE_MIN 64
#define RACK_SIDE_MAX 4096
#define RACK_OBJECTS 4

/* ---- formats (rack_format.c) ---- */

struct rack_format {
	u32 fourcc;
	u8 planes;       /* memory planes */
	u8 luma_step;    /* bytes from one luma sample to the next */
	u8 chroma;       /* halves of the luma's bytes that chroma adds: NV12 1, NV16 2 */
	bool compressed; /* shown from footage; the two above mean nothing then */
};

extern const struct rack_format rack_formats[];
extern const unsigned int rack_format_count;

/* NULL: there is no such format. */
const struct rack_format *rack_format_find(u32 fourcc);

/* A picture's layout in memory. */
struct rack_layout {
	const struct rack_format *format;
	u32 width, height;
	u32 stride[RACK_PLANES]; /* compressed: 0 */
	u32 size[RACK_PLANES];   /* compressed: of the largest picture */
};

/* For formats that are not compressed. */
void rack_layout_set(struct rack_layout *l, const struct rack_format *f, u32 width, u32 height);

/* ---- what proves a picture (rack_stamp.c) ---- */

#define RACK_STAMP_SHARED 40 /* as rack: cameras have it */
#define RACK_STAMP_SIZE 56

/* Where its parts go in the areas of rack_uapi.h. */
#define RACK_JPEG_FIRST 6
#define RACK_JPEG_SECOND 50
#define RACK_SEI_DIGITS 23

struct rack_stamp {
	u64 camera, frame, mono_ns, sum;
	u32 sequence;
};

u64 rack_stamp_camera(const char *name);
void rack_stamp_write_raw(const struct rack_layout *l, u8 *luma, const struct rack_stamp *stamp);
void rack_stamp_write_jpeg(u8 *area, const struct rack_stamp *stamp);
void rack_stamp_write_sei(u8 *area, const struct rack_stamp *stamp);

/* What a word contributes to a picture's checksum. */
static inline u64 rack_stamp_weigh(u64 word, u64 index)
{
	return word * (2 * index + 1);
}

/* ---- footage (rack_footage.c) ---- */

struct rack_picture {
	u8 *data;
	u32 size;
	u32 stamp; /* where the area for it begins */
	u64 sum;
};

/* Const once loaded. */
struct rack_footage {
	struct kref ref;
	const struct rack_format *format;
	u32 width, height, count, size_max;
	struct rack_picture *picture;
	u8 *data;
};

/* From what user space wrote. NULL: @why says what is wrong with it. */
struct rack_footage *rack_footage_load(const void *file, size_t size, const char **why);
struct rack_footage *rack_footage_get(struct rack_footage *f); /* NULL is fine, here and below */
void rack_footage_put(struct rack_footage *f);

/* ---- faults (rack_fault.c) ---- */

enum rack_fault {
	RACK_DROP,     /* a frame is lost: its sequence number is skipped */
	RACK_ERROR,    /* a frame comes with the error flag */
	RACK_TORN,     /* a frame ends in its middle */
	RACK_SHORT,    /* its last plane is empty */
	RACK_LATE,     /* its time stamp is 200 ms old */
	RACK_JUMP,     /* time stamps are 5 s ahead from now on */
	RACK_STALL,    /* the camera does not deliver a frame and does not count it */
	RACK_WRAP,     /* sequences begin 8 frames before they wrap, from the next STREAMON on */
	RACK_STREAMON, /* the call fails */
	RACK_QBUF,
	RACK_REQBUFS,
	RACK_CHANGE, /* SOURCE_CHANGE: the next size of the list, nothing more until STREAMOFF */
	RACK_UNPLUG, /* unplugged in the middle of the stream, plugged in again after 2 s */
	RACK_FAULTS
};

struct rack_faults {
	spinlock_t lock;           /* protects: all below; taken in softirq too */
	u32 pending[RACK_FAULTS];  /* happen at the next occasions */
	u32 permille[RACK_FAULTS]; /* of the occasions, at random */
	u64 from[RACK_FAULTS];     /* not before this frame of a stream */
	u64 happened[RACK_FAULTS];
	u64 random;
};

void rack_faults_init(struct rack_faults *f);
void rack_faults_seed(struct rack_faults *f, u64 seed);
/* The frame number of occasions that are no frame's: what is ordered for a frame waits for one. */
#define RACK_NO_FRAME 0
/* Whether @what happens now, at @frame of the stream. Process context or softirq. */
bool rack_fault(struct rack_faults *f, enum rack_fault what, u64 frame);
/*
 * Lines of orders. "drop 5": the next five. "drop": the next one. "drop 5 at 100": from frame 100
 * of the stream on. All are taken or none.
 */
int rack_faults_order(struct rack_faults *f, const char *text);
/* "drop=5 torn=2", per thousand; an empty text: none. */
int rack_faults_set_rates(struct rack_faults *f, const char *text);
ssize_t rack_faults_show_rates(struct rack_faults *f, char *page);
ssize_t rack_faults_show_counts(struct rack_faults *f, char *page);

/*
 * The next word of *@text into @word, and *@text behind it. Its length, 0 at the end, -EINVAL when
 * it is too long.
 */
int rack_word(const char **text, char *word, size_t size);

/* ---- a camera, as configfs has it (rack_config.c) ---- */

enum rack_memory { RACK_VMALLOC, RACK_DMA_SG, RACK_DMA_CONTIG, RACK_MEMORIES };

struct rack_config {
	bool multiplanar;
	bool copy; /* write every picture whole, not only what changed in it */
	enum rack_memory memory;
	u32 format_mask; /* of rack_formats */
	struct v4l2_frmsize_discrete size[RACK_SIZES];
	u32 sizes;
	u32 rate[RACK_RATES]; /* frames a second */
	u32 rates;
};

/* What configfs files set and show of it; rack_settings.c. -EINVAL, and @c may be half changed. */
int rack_set_api(struct rack_config *c, const char *text);
ssize_t rack_show_api(const struct rack_config *c, char *page);
int rack_set_delivery(struct rack_config *c, const char *text);
ssize_t rack_show_delivery(const struct rack_config *c, char *page);
int rack_set_memory(struct rack_config *c, const char *text);
ssize_t rack_show_memory(const struct rack_config *c, char *page);
int rack_set_formats(struct rack_config *c, const char *text);
ssize_t rack_show_formats(const struct rack_config *c, char *page);
int rack_set_sizes(struct rack_config *c, const char *text);
ssize_t rack_show_sizes(const struct rack_config *c, char *page);
int rack_set_rates(struct rack_config *c, const char *text);
ssize_t rack_show_rates(const struct rack_config *c, char *page);

struct rack_stats {
	atomic64_t delivered;
	atomic64_t no_buffer;    /* due, but user space had queued none */
	atomic64_t overrun;      /* due, but the processor was late */
	atomic64_t by_reference; /* delivered: the buffer still had its picture */
	atomic64_t by_copy;      /* delivered: the worker copied the picture into it */
	atomic64_t bytes_written;
};

struct rack_dev;
struct rack_camera {
	struct config_item item;
	struct mutex lock; /* protects: config, footage, refused, dev, removed */
	struct rack_config config;
	struct rack_footage *footage; /* NULL: none was loaded */
	const char *refused;          /* why the last footage was not taken; NULL: it was */
	struct rack_dev *dev;         /* NULL: unplugged */
	bool removed;                 /* its directory is: it is plugged in no more */
	struct work_struct pull;      /* unplugs it, from where that cannot be done */
	struct delayed_work replug;
	struct rack_faults faults;
	struct rack_stats stats;
};

int rack_config_register(void);
void rack_config_unregister(void);

/* ---- a plugged camera (rack_video.c, rack_stream.c) ---- */

struct rack_buf {
	struct vb2_v4l2_buffer vb;
	struct list_head link;
	u32 drawn; /* in this stream it holds the picture of `step`, with checksum `sum` */
	u32 step;  /* of footage: the picture's number */
	u64 sum;
	bool copied; /* the last time, all of the picture was written */
};

/*
 * Brings @buf, mapped at @to, to the picture of @frame, stamped; @whole: whatever is in it now. Its
 * size.
 */
u32 rack_footage_fill(const struct rack_footage *f, struct rack_buf *buf, u8 *to, u64 frame,
		      bool whole, struct rack_stamp *stamp);

/* What never moves, and its checksum; rack_scene.c. */
struct rack_scene {
	struct rack_layout layout;
	u8 *picture[RACK_PLANES];
	u64 sum;
};

struct rack_dev {
	struct rack_camera *camera;   /* a reference on its item */
	struct rack_config config;    /* as it was when it was plugged in */
	struct rack_footage *footage; /* the same; a reference */
	u64 id;
	struct v4l2_device v4l2;
	struct video_device video;
	struct vb2_queue queue;
	struct mutex lock; /* protects: layout, rate; serialises ioctls */
	struct rack_layout layout;
	u32 rate;

	/* While streaming; set before and cleared after by start and stop. */
	struct rack_scene scene;
	struct hrtimer timer;
	struct work_struct work;
	u64 start_ns, interval_ns, next; /* next: the first frame not yet due when last looked */
	u64 offset_ns;                   /* time stamps are so much ahead */
	u32 first_sequence;
	u32 stream; /* number of this stream, from 1: what earlier ones drew does not count */
	u64 bandwidth;
	bool changed; /* the source changed: silent until stopped */

	spinlock_t tick_lock; /* protects: busy, ticked */
	bool busy;            /* the worker has the stream: the timer keeps its hands off it */
	bool ticked;          /* the timer came while it had */

	spinlock_t bufs_lock; /* protects: bufs */
	struct list_head bufs;
};

/* @formats: a mask of rack_formats that @camera can show, not zero. */
struct rack_dev *rack_plug(struct rack_camera *camera, u32 formats);
void rack_unplug(struct rack_dev *dev);
const char *rack_node_name(struct rack_dev *dev);

extern struct platform_device *rack_platform;
extern struct workqueue_struct *rack_workers;

int rack_stream_init(struct rack_dev *dev);

/* The virtual USB controller: bytes a second for all cameras together, 0: no limit. */
extern atomic64_t rack_bandwidth_max;
u64 rack_bandwidth_used(void);

int rack_scene_init(struct rack_scene *s, const struct rack_layout *layout);
void rack_scene_free(struct rack_scene *s);
/* Brings @buf, mapped at @plane, to the picture of @step. Returns the bytes it wrote. */
u64 rack_scene_draw(const struct rack_scene *s, struct rack_buf *buf, u8 *const plane[], u32 step,
		    bool whole);

#endif
