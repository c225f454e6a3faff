// SPDX-License-Identifier: GPL-2.0
/* A plugged rack camera as a V4L2 device: what it offers, and its coming and going. */
#include <linux/module.h>
#include <linux/slab.h>
#include <media/v4l2-common.h>
#include <media/v4l2-event.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>

#include "rack.h"

static bool offers(const struct rack_dev *dev, unsigned int format)
{
	return dev->config.format_mask & (1u << format);
}

/* The format of that code, or the first there is. */
static const struct rack_format *find_format(const struct rack_dev *dev, u32 fourcc)
{
	const struct rack_format *first = NULL;
	unsigned int i;

	for (i = 0; i < rack_format_count; i++) {
		if (!offers(dev, i))
			continue;
		if (rack_formats[i].fourcc == fourcc)
			return &rack_formats[i];
		if (!first)
			first = &rack_formats[i];
	}
	return first;
}

static bool has_format(const struct rack_dev *dev, u32 fourcc)
{
	return find_format(dev, fourcc)->fourcc == fourcc;
}

/* Footage has one size, whatever is configured. False: there is no size @index. */
static bool size_at(const struct rack_dev *dev, u32 fourcc, u32 index,
		    struct v4l2_frmsize_discrete *size)
{
	bool compressed = find_format(dev, fourcc)->compressed;

	if (index >= (compressed ? 1 : dev->config.sizes))
		return false;
	*size = compressed
			? (struct v4l2_frmsize_discrete){dev->footage->width, dev->footage->height}
			: dev->config.size[index];
	return true;
}

static bool has_size(const struct rack_dev *dev, u32 fourcc, u32 width, u32 height)
{
	struct v4l2_frmsize_discrete size;
	u32 i;

	for (i = 0; size_at(dev, fourcc, i, &size); i++)
		if (size.width == width && size.height == height)
			return true;
	return false;
}

static int querycap(struct file *file, void *priv, struct v4l2_capability *cap)
{
	struct rack_dev *dev = video_drvdata(file);

	strscpy(cap->driver, RACK_NAME, sizeof(cap->driver));
	strscpy(cap->card, dev->video.name, sizeof(cap->card));
	snprintf(cap->bus_info, sizeof(cap->bus_info), "platform:%s", dev->v4l2.name);
	return 0;
}

static int enum_fmt(struct file *file, void *priv, struct v4l2_fmtdesc *f)
{
	struct rack_dev *dev = video_drvdata(file);
	unsigned int i, at = 0;

	for (i = 0; i < rack_format_count; i++) {
		if (!offers(dev, i) || at++ != f->index)
			continue;
		f->pixelformat = rack_formats[i].fourcc;
		return 0;
	}
	return -EINVAL;
}

static void layout_for(const struct rack_dev *dev, u32 fourcc, u32 width, u32 height,
		       struct rack_layout *l)
{
	const struct rack_format *format = find_format(dev, fourcc);
	const struct rack_config *c = &dev->config;
	const struct v4l2_frmsize_discrete *size;

	if (format->compressed) {
		*l = (struct rack_layout){.format = format,
					  .width = dev->footage->width,
					  .height = dev->footage->height,
					  .size = {PAGE_ALIGN(dev->footage->size_max)}};
		return;
	}
	size = v4l2_find_nearest_size(c->size, c->sizes, width, height, width, height);
	rack_layout_set(l, format, size->width, size->height);
}

static void fill_fmt(const struct rack_layout *l, struct v4l2_format *f)
{
	u32 p;

	if (f->type == V4L2_BUF_TYPE_VIDEO_CAPTURE) {
		f->fmt.pix = (struct v4l2_pix_format){
			.width = l->width,
			.height = l->height,
			.pixelformat = l->format->fourcc,
			.field = V4L2_FIELD_NONE,
			.bytesperline = l->stride[0],
			.sizeimage = l->size[0],
			.colorspace = V4L2_COLORSPACE_REC709,
		};
		return;
	}
	f->fmt.pix_mp = (struct v4l2_pix_format_mplane){
		.width = l->width,
		.height = l->height,
		.pixelformat = l->format->fourcc,
		.field = V4L2_FIELD_NONE,
		.colorspace = V4L2_COLORSPACE_REC709,
		.num_planes = l->format->planes,
	};
	for (p = 0; p < l->format->planes; p++) {
		f->fmt.pix_mp.plane_fmt[p].bytesperline = l->stride[p];
		f->fmt.pix_mp.plane_fmt[p].sizeimage = l->size[p];
	}
}

/* Width, height and code are at the same place for both APIs. */
static void asked_for(const struct rack_dev *dev, const struct v4l2_format *f,
		      struct rack_layout *l)
{
	if (f->type == V4L2_BUF_TYPE_VIDEO_CAPTURE)
		layout_for(dev, f->fmt.pix.pixelformat, f->fmt.pix.width, f->fmt.pix.height, l);
	else
		layout_for(dev, f->fmt.pix_mp.pixelformat, f->fmt.pix_mp.width,
			   f->fmt.pix_mp.height, l);
}

static int g_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct rack_dev *dev = video_drvdata(file);

	fill_fmt(&dev->layout, f);
	return 0;
}

static int try_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct rack_dev *dev = video_drvdata(file);
	struct rack_layout l;

	asked_for(dev, f, &l);
	fill_fmt(&l, f);
	return 0;
}

static int s_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct rack_dev *dev = video_drvdata(file);

	if (vb2_is_busy(&dev->queue))
		return -EBUSY;
	asked_for(dev, f, &dev->layout);
	fill_fmt(&dev->layout, f);
	return 0;
}

static int enum_framesizes(struct file *file, void *priv, struct v4l2_frmsizeenum *f)
{
	struct rack_dev *dev = video_drvdata(file);

	if (!has_format(dev, f->pixel_format) ||
	    !size_at(dev, f->pixel_format, f->index, &f->discrete))
		return -EINVAL;
	f->type = V4L2_FRMSIZE_TYPE_DISCRETE;
	return 0;
}

static int enum_frameintervals(struct file *file, void *priv, struct v4l2_frmivalenum *f)
{
	struct rack_dev *dev = video_drvdata(file);

	if (f->index >= dev->config.rates || !has_format(dev, f->pixel_format) ||
	    !has_size(dev, f->pixel_format, f->width, f->height))
		return -EINVAL;
	f->type = V4L2_FRMIVAL_TYPE_DISCRETE;
	f->discrete = (struct v4l2_fract){1, dev->config.rate[f->index]};
	return 0;
}

static int g_parm(struct file *file, void *priv, struct v4l2_streamparm *parm)
{
	struct rack_dev *dev = video_drvdata(file);

	if (parm->type != dev->queue.type)
		return -EINVAL;
	parm->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
	parm->parm.capture.timeperframe = (struct v4l2_fract){1, dev->rate};
	parm->parm.capture.readbuffers = 0; /* there is no read() */
	return 0;
}

static int s_parm(struct file *file, void *priv, struct v4l2_streamparm *parm)
{
	struct rack_dev *dev = video_drvdata(file);
	const struct v4l2_fract *want = &parm->parm.capture.timeperframe;
	u64 asked, best_off = ~0ULL;
	u32 i, best = dev->config.rate[0];

	if (parm->type != dev->queue.type)
		return -EINVAL;
	if (vb2_is_streaming(&dev->queue))
		return -EBUSY;
	/* Nothing asked for: the fastest comes first. In thousandths of a frame a second. */
	asked = want->numerator ? div_u64(want->denominator * 1000ULL, want->numerator) : 0;
	for (i = 0; asked && i < dev->config.rates; i++) {
		u64 has = dev->config.rate[i] * 1000ULL;
		u64 off = has > asked ? has - asked : asked - has;

		if (off < best_off) {
			best_off = off;
			best = dev->config.rate[i];
		}
	}
	dev->rate = best;
	return g_parm(file, priv, parm);
}

static int enum_input(struct file *file, void *priv, struct v4l2_input *input)
{
	if (input->index)
		return -EINVAL;
	input->type = V4L2_INPUT_TYPE_CAMERA;
	strscpy(input->name, "Scene", sizeof(input->name));
	return 0;
}

static int g_input(struct file *file, void *priv, unsigned int *i)
{
	*i = 0;
	return 0;
}

static int s_input(struct file *file, void *priv, unsigned int i)
{
	return i ? -EINVAL : 0;
}

static int subscribe(struct v4l2_fh *fh, const struct v4l2_event_subscription *sub)
{
	if (sub->type != V4L2_EVENT_SOURCE_CHANGE)
		return -EINVAL;
	return v4l2_src_change_event_subscribe(fh, sub);
}

static int reqbufs(struct file *file, void *priv, struct v4l2_requestbuffers *rb)
{
	struct rack_dev *dev = video_drvdata(file);

	/* Giving buffers back never fails. */
	if (rb->count && rack_fault(&dev->camera->faults, RACK_REQBUFS, RACK_NO_FRAME))
		return -ENOMEM;
	return vb2_ioctl_reqbufs(file, priv, rb);
}

static int qbuf(struct file *file, void *priv, struct v4l2_buffer *b)
{
	struct rack_dev *dev = video_drvdata(file);

	if (rack_fault(&dev->camera->faults, RACK_QBUF, RACK_NO_FRAME))
		return -EIO;
	return vb2_ioctl_qbuf(file, priv, b);
}

#define COMMON_IOCTLS                                                                              \
	.vidioc_querycap = querycap, .vidioc_enum_fmt_vid_cap = enum_fmt,                          \
	.vidioc_enum_framesizes = enum_framesizes,                                                 \
	.vidioc_enum_frameintervals = enum_frameintervals, .vidioc_g_parm = g_parm,                \
	.vidioc_s_parm = s_parm, .vidioc_enum_input = enum_input, .vidioc_g_input = g_input,       \
	.vidioc_s_input = s_input, .vidioc_reqbufs = reqbufs,                                      \
	.vidioc_create_bufs = vb2_ioctl_create_bufs, .vidioc_prepare_buf = vb2_ioctl_prepare_buf,  \
	.vidioc_querybuf = vb2_ioctl_querybuf, .vidioc_qbuf = qbuf,                                \
	.vidioc_dqbuf = vb2_ioctl_dqbuf, .vidioc_expbuf = vb2_ioctl_expbuf,                        \
	.vidioc_streamon = vb2_ioctl_streamon, .vidioc_streamoff = vb2_ioctl_streamoff,            \
	.vidioc_subscribe_event = subscribe, .vidioc_unsubscribe_event = v4l2_event_unsubscribe

static const struct v4l2_ioctl_ops single_ioctls = {
	COMMON_IOCTLS,
	.vidioc_g_fmt_vid_cap = g_fmt,
	.vidioc_try_fmt_vid_cap = try_fmt,
	.vidioc_s_fmt_vid_cap = s_fmt,
};

static const struct v4l2_ioctl_ops mplane_ioctls = {
	COMMON_IOCTLS,
	.vidioc_g_fmt_vid_cap_mplane = g_fmt,
	.vidioc_try_fmt_vid_cap_mplane = try_fmt,
	.vidioc_s_fmt_vid_cap_mplane = s_fmt,
};

static const struct v4l2_file_operations file_ops = {
	.owner = THIS_MODULE,
	.open = v4l2_fh_open,
	.release = vb2_fop_release,
	.poll = vb2_fop_poll,
	.mmap = vb2_fop_mmap,
	.unlocked_ioctl = video_ioctl2,
};

/* ---- coming and going ---- */

/* The last descriptor is closed and the device unregistered. */
static void release(struct v4l2_device *v4l2)
{
	struct rack_dev *dev = container_of(v4l2, struct rack_dev, v4l2);

	v4l2_device_unregister(v4l2);
	rack_footage_put(dev->footage);
	mutex_destroy(&dev->lock);
	config_item_put(&dev->camera->item);
	kfree(dev);
}

static void describe(struct rack_dev *dev)
{
	struct video_device *v = &dev->video;
	const char *name = config_item_name(&dev->camera->item);

	snprintf(v->name, sizeof(v->name), "matlang rack %s", name);
	v->fops = &file_ops;
	v->ioctl_ops = dev->config.multiplanar ? &mplane_ioctls : &single_ioctls;
	v->device_caps =
		V4L2_CAP_STREAMING |
		(dev->config.multiplanar ? V4L2_CAP_VIDEO_CAPTURE_MPLANE : V4L2_CAP_VIDEO_CAPTURE);
	v->release = video_device_release_empty; /* it is a part of rack_dev */
	v->v4l2_dev = &dev->v4l2;
	v->queue = &dev->queue;
	v->lock = &dev->lock;
	v->vfl_dir = VFL_DIR_RX;
	video_set_drvdata(v, dev);
}

struct rack_dev *rack_plug(struct rack_camera *camera, u32 formats)
{
	struct rack_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->camera = camera;
	dev->config = camera->config;
	dev->config.format_mask = formats;
	dev->id = rack_stamp_camera(config_item_name(&camera->item));
	mutex_init(&dev->lock);
	/* Without a name of its own it would be named after a driver that there is not. */
	snprintf(dev->v4l2.name, sizeof(dev->v4l2.name), "rack-%s",
		 config_item_name(&camera->item));
	dev->v4l2.release = release;
	err = v4l2_device_register(&rack_platform->dev, &dev->v4l2);
	if (err) {
		mutex_destroy(&dev->lock);
		kfree(dev);
		return ERR_PTR(err);
	}
	config_item_get(&camera->item);
	dev->footage = rack_footage_get(camera->footage);
	layout_for(dev, 0, dev->config.size[0].width, dev->config.size[0].height, &dev->layout);
	dev->rate = dev->config.rate[0];
	err = rack_stream_init(dev);
	if (!err) {
		describe(dev);
		err = video_register_device(&dev->video, VFL_TYPE_VIDEO, -1);
	}
	if (err) {
		v4l2_device_put(&dev->v4l2);
		return ERR_PTR(err);
	}
	return dev;
}

void rack_unplug(struct rack_dev *dev)
{
	/* Ends the stream; whoever has it open gets ENODEV from now on. */
	vb2_video_unregister_device(&dev->video);
	v4l2_device_put(&dev->v4l2);
}

const char *rack_node_name(struct rack_dev *dev)
{
	return video_device_node_name(&dev->video);
}
