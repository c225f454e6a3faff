// SPDX-License-Identifier: GPL-2.0
/*
 * The stream of a rack camera. A timer for each; where the next buffer still has its picture it is
 * brought up to date and delivered right there, in the timer's softirq. Where a whole picture must
 * be copied a worker does it.
 *
 * Frame n is due at start + n * interval and carries that time and number n, whether or not it
 * could be delivered: what is missing shows as a gap, as with a real camera.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <media/v4l2-event.h>
#include <media/videobuf2-dma-contig.h>
#include <media/videobuf2-dma-sg.h>
#include <media/videobuf2-vmalloc.h>

#include "compat.h"
#include "rack.h"

atomic64_t rack_bandwidth_max = ATOMIC64_INIT(0);
static DEFINE_MUTEX(bandwidth_lock); /* protects: bandwidth_used */
static u64 bandwidth_used;

u64 rack_bandwidth_used(void)
{
	u64 used;

	mutex_lock(&bandwidth_lock);
	used = bandwidth_used;
	mutex_unlock(&bandwidth_lock);
	return used;
}

static int reserve_bandwidth(struct rack_dev *dev)
{
	u64 max = atomic64_read(&rack_bandwidth_max), need = 0;
	int err = 0;
	u32 p;

	for (p = 0; p < dev->layout.format->planes; p++)
		need += (u64)dev->layout.size[p] * dev->rate;
	mutex_lock(&bandwidth_lock);
	if (max && (bandwidth_used > max || need > max - bandwidth_used))
		err = -ENOSPC;
	else
		bandwidth_used += need;
	mutex_unlock(&bandwidth_lock);
	dev->bandwidth = err ? 0 : need;
	return err;
}

static void release_bandwidth(struct rack_dev *dev)
{
	mutex_lock(&bandwidth_lock);
	bandwidth_used -= dev->bandwidth;
	mutex_unlock(&bandwidth_lock);
	dev->bandwidth = 0;
}

static struct rack_buf *to_rack_buf(struct vb2_buffer *vb)
{
	return container_of(to_vb2_v4l2_buffer(vb), struct rack_buf, vb);
}

static struct rack_buf *take_buffer(struct rack_dev *dev)
{
	struct rack_buf *buf;

	spin_lock_bh(&dev->bufs_lock);
	buf = list_first_entry_or_null(&dev->bufs, struct rack_buf, link);
	if (buf)
		list_del(&buf->link);
	spin_unlock_bh(&dev->bufs_lock);
	return buf;
}

/* Whether what is in @buf is of no use: all of its next picture must be written. */
static bool is_stale(const struct rack_dev *dev, const struct rack_buf *buf)
{
	return dev->config.copy || buf->drawn != dev->stream;
}

/* Whether the next frame is a copy. True for footage, too, whose pictures differ. */
static bool next_is_copy(struct rack_dev *dev)
{
	struct rack_buf *buf;
	bool copy;

	spin_lock_bh(&dev->bufs_lock);
	buf = list_first_entry_or_null(&dev->bufs, struct rack_buf, link);
	copy = buf && (dev->layout.format->compressed || is_stale(dev, buf));
	spin_unlock_bh(&dev->bufs_lock);
	return copy;
}

static void return_buffers(struct rack_dev *dev, enum vb2_buffer_state state)
{
	struct rack_buf *buf;

	while ((buf = take_buffer(dev)))
		vb2_buffer_done(&buf->vb.vb2_buf, state);
}

/* ---- a frame ---- */

/* A picture of the scene. Returns the bytes written. */
static u64 fill_scene(struct rack_dev *dev, struct rack_buf *buf, u8 *const plane[], bool whole,
		      struct rack_stamp *stamp)
{
	const struct rack_layout *l = &dev->layout;
	u64 written = rack_scene_draw(&dev->scene, buf, plane, stamp->frame, whole);
	u32 p;

	stamp->sum = buf->sum;
	rack_stamp_write_raw(l, plane[0], stamp);
	for (p = 0; p < l->format->planes; p++)
		vb2_set_plane_payload(&buf->vb.vb2_buf, p, l->size[p]);
	return written;
}

static u64 fill_footage(struct rack_dev *dev, struct rack_buf *buf, u8 *plane, bool whole,
			struct rack_stamp *stamp)
{
	u32 size = rack_footage_fill(dev->footage, buf, plane, stamp->frame, whole, stamp);

	vb2_set_plane_payload(&buf->vb.vb2_buf, 0, size);
	return buf->copied ? size : 0;
}

static void fill(struct rack_dev *dev, struct rack_buf *buf, u64 n)
{
	struct rack_stats *stats = &dev->camera->stats;
	struct vb2_buffer *vb = &buf->vb.vb2_buf;
	bool whole = is_stale(dev, buf);
	u8 *plane[RACK_PLANES] = {NULL};
	struct rack_stamp stamp = {
		.camera = dev->id,
		.frame = n,
		.mono_ns = vb->timestamp,
		.sequence = buf->vb.sequence,
	};
	u64 written;
	u32 p;

	for (p = 0; p < dev->layout.format->planes; p++)
		plane[p] = vb2_plane_vaddr(vb, p);
	if (dev->layout.format->compressed)
		written = fill_footage(dev, buf, plane[0], whole, &stamp);
	else
		written = fill_scene(dev, buf, plane, whole, &stamp);
	buf->drawn = dev->stream;
	atomic64_inc(buf->copied ? &stats->by_copy : &stats->by_reference);
	atomic64_add(written + RACK_STAMP_SIZE, &stats->bytes_written);
}

static void deliver(struct rack_dev *dev, struct rack_buf *buf, u64 n)
{
	struct rack_faults *f = &dev->camera->faults;
	const struct rack_layout *l = &dev->layout;
	enum vb2_buffer_state state = VB2_BUF_STATE_DONE;
	struct vb2_buffer *vb = &buf->vb.vb2_buf;
	u64 ns = dev->start_ns + n * dev->interval_ns;
	u32 last = l->format->planes - 1;

	if (rack_fault(f, RACK_JUMP, n))
		dev->offset_ns += 5 * NSEC_PER_SEC;
	ns += dev->offset_ns;
	if (rack_fault(f, RACK_LATE, n))
		ns -= min_t(u64, ns, 200 * NSEC_PER_MSEC);
	/* User space gets microseconds: the stamp in the picture must be the same. */
	ns -= ns % NSEC_PER_USEC;
	buf->vb.sequence = dev->first_sequence + (u32)n;
	buf->vb.field = V4L2_FIELD_NONE;
	vb->timestamp = ns;
	fill(dev, buf, n);
	if (rack_fault(f, RACK_TORN, n))
		vb2_set_plane_payload(vb, 0, vb2_get_plane_payload(vb, 0) / 2);
	if (rack_fault(f, RACK_SHORT, n))
		vb2_set_plane_payload(vb, last, last ? 0 : l->stride[0]);
	if (rack_fault(f, RACK_ERROR, n))
		state = VB2_BUF_STATE_ERROR;
	atomic64_inc(&dev->camera->stats.delivered);
	vb2_buffer_done(vb, state);
}

static void announce_change(struct rack_dev *dev)
{
	static const struct v4l2_event event = {
		.type = V4L2_EVENT_SOURCE_CHANGE,
		.u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION,
	};

	dev->changed = true;
	v4l2_event_queue(&dev->video, &event);
}

static void run_frame(struct rack_dev *dev, u64 n)
{
	struct rack_faults *f = &dev->camera->faults;
	struct rack_buf *buf;

	if (rack_fault(f, RACK_STALL, n)) {
		/* The frame was never made: its number is the next one's, an interval later. */
		dev->start_ns += dev->interval_ns;
		dev->next = n;
		return;
	}
	if (rack_fault(f, RACK_CHANGE, n)) {
		announce_change(dev);
		return;
	}
	if (rack_fault(f, RACK_UNPLUG, n)) {
		schedule_work(&dev->camera->pull);
		return;
	}
	if (rack_fault(f, RACK_DROP, n))
		return;
	buf = take_buffer(dev);
	if (buf)
		deliver(dev, buf, n);
	else
		atomic64_inc(&dev->camera->stats.no_buffer);
}

/* The frame that is due now, if there is one. Not by two at a time: see `busy`. */
static void run_due(struct rack_dev *dev)
{
	u64 now = ktime_get_ns(), due;

	if (dev->changed || now < dev->start_ns)
		return;
	due = div64_u64(now - dev->start_ns, dev->interval_ns);
	if (due < dev->next)
		return;
	if (!dev->next) {
		/* A stream begins with its first frame, however late the processor is. */
		dev->start_ns += due * dev->interval_ns;
		due = 0;
	}
	atomic64_add(due - dev->next, &dev->camera->stats.overrun);
	dev->next = due + 1;
	run_frame(dev, due);
}

static void rack_work(struct work_struct *work)
{
	struct rack_dev *dev = container_of(work, struct rack_dev, work);
	bool again;

	do {
		run_due(dev);
		spin_lock_bh(&dev->tick_lock);
		again = dev->ticked;
		dev->ticked = false;
		dev->busy = again;
		spin_unlock_bh(&dev->tick_lock);
	} while (again);
}

/* In softirq. */
static enum hrtimer_restart rack_tick(struct hrtimer *timer)
{
	struct rack_dev *dev = container_of(timer, struct rack_dev, timer);
	bool mine;

	hrtimer_forward_now(timer, ns_to_ktime(dev->interval_ns));
	spin_lock(&dev->tick_lock);
	mine = !dev->busy;
	dev->ticked = dev->busy;
	if (mine && next_is_copy(dev)) {
		dev->busy = true;
		mine = false;
		queue_work(rack_workers, &dev->work);
	}
	spin_unlock(&dev->tick_lock);
	/* The worker is idle, and only this function wakes it. */
	if (mine)
		run_due(dev);
	return HRTIMER_RESTART;
}

/* ---- the queue ---- */

static int queue_setup(struct vb2_queue *q, unsigned int *count, unsigned int *planes,
		       unsigned int sizes[], struct device *devs[])
{
	struct rack_dev *dev = vb2_get_drv_priv(q);
	const struct rack_layout *l = &dev->layout;
	u32 p;

	if (*planes) {
		if (*planes != l->format->planes)
			return -EINVAL;
		for (p = 0; p < *planes; p++)
			if (sizes[p] < l->size[p])
				return -EINVAL;
		return 0;
	}
	*planes = l->format->planes;
	for (p = 0; p < *planes; p++)
		sizes[p] = l->size[p];
	return 0;
}

/* New memory behind the buffer: nothing of ours is in it. */
static int buf_init(struct vb2_buffer *vb)
{
	to_rack_buf(vb)->drawn = 0;
	return 0;
}

static int buf_prepare(struct vb2_buffer *vb)
{
	struct rack_dev *dev = vb2_get_drv_priv(vb->vb2_queue);
	const struct rack_layout *l = &dev->layout;
	u32 p;

	for (p = 0; p < l->format->planes; p++) {
		if (vb2_plane_size(vb, p) < l->size[p])
			return -EINVAL;
		if (!vb2_plane_vaddr(vb, p))
			return -ENOMEM;
	}
	return 0;
}

static void buf_queue(struct vb2_buffer *vb)
{
	struct rack_dev *dev = vb2_get_drv_priv(vb->vb2_queue);

	spin_lock_bh(&dev->bufs_lock);
	list_add_tail(&to_rack_buf(vb)->link, &dev->bufs);
	spin_unlock_bh(&dev->bufs_lock);
}

static int start_streaming(struct vb2_queue *q, unsigned int count)
{
	struct rack_dev *dev = vb2_get_drv_priv(q);
	int err = rack_fault(&dev->camera->faults, RACK_STREAMON, RACK_NO_FRAME) ? -EIO : 0;

	if (!err)
		err = reserve_bandwidth(dev);
	if (!err) {
		if (!dev->layout.format->compressed)
			err = rack_scene_init(&dev->scene, &dev->layout);
		if (err)
			release_bandwidth(dev);
	}
	if (err) {
		return_buffers(dev, VB2_BUF_STATE_QUEUED);
		return err;
	}
	dev->stream++;
	dev->first_sequence = rack_fault(&dev->camera->faults, RACK_WRAP, RACK_NO_FRAME) ? -8 : 0;
	dev->changed = false;
	dev->offset_ns = 0;
	dev->next = 0;
	dev->interval_ns = div_u64(NSEC_PER_SEC, dev->rate);
	dev->start_ns = ktime_get_ns() + dev->interval_ns;
	dev->busy = false;
	dev->ticked = false;
	hrtimer_start(&dev->timer, ns_to_ktime(dev->start_ns), HRTIMER_MODE_ABS_SOFT);
	return 0;
}

static void next_size(struct rack_dev *dev)
{
	const struct rack_config *c = &dev->config;
	u32 i;

	/* Footage has but one. */
	if (dev->layout.format->compressed)
		return;
	for (i = 0; i < c->sizes; i++)
		if (c->size[i].width == dev->layout.width &&
		    c->size[i].height == dev->layout.height)
			break;
	i = (i + 1) % c->sizes;
	rack_layout_set(&dev->layout, dev->layout.format, c->size[i].width, c->size[i].height);
}

static void stop_streaming(struct vb2_queue *q)
{
	struct rack_dev *dev = vb2_get_drv_priv(q);

	/* The timer queues the work, not the other way round: after these two neither runs. */
	hrtimer_cancel(&dev->timer);
	cancel_work_sync(&dev->work);
	return_buffers(dev, VB2_BUF_STATE_ERROR);
	if (dev->changed)
		next_size(dev);
	rack_scene_free(&dev->scene);
	release_bandwidth(dev);
}

static const struct vb2_ops queue_ops = {.queue_setup = queue_setup,
					 .buf_init = buf_init,
					 .buf_prepare = buf_prepare,
					 .buf_queue = buf_queue,
					 .start_streaming = start_streaming,
					 .stop_streaming = stop_streaming,
					 MATLANG_VB2_WAIT_OPS};

int rack_stream_init(struct rack_dev *dev)
{
	static const struct vb2_mem_ops *const ops[RACK_MEMORIES] = {
		[RACK_VMALLOC] = &vb2_vmalloc_memops,
		[RACK_DMA_SG] = &vb2_dma_sg_memops,
		[RACK_DMA_CONTIG] = &vb2_dma_contig_memops,
	};
	struct vb2_queue *q = &dev->queue;

	spin_lock_init(&dev->bufs_lock);
	spin_lock_init(&dev->tick_lock);
	INIT_LIST_HEAD(&dev->bufs);
	INIT_WORK(&dev->work, rack_work);
	hrtimer_setup(&dev->timer, rack_tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	q->type = dev->config.multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
					  : V4L2_BUF_TYPE_VIDEO_CAPTURE;
	q->io_modes = VB2_MMAP | VB2_DMABUF;
	/* Contiguous memory of user space has no address in the kernel: it could not be drawn in.
	 */
	if (dev->config.memory != RACK_DMA_CONTIG)
		q->io_modes |= VB2_USERPTR;
	q->drv_priv = dev;
	q->buf_struct_size = sizeof(struct rack_buf);
	q->ops = &queue_ops;
	q->mem_ops = ops[dev->config.memory];
	q->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	q->lock = &dev->lock;
	q->dev = &rack_platform->dev;
	return vb2_queue_init(q);
}
