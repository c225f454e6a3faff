/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies before the lens of a `rack:` camera whose view is lost. Any thread. */
#ifndef CAPTURE_RACK_LOST_H
#define CAPTURE_RACK_LOST_H

#include <stdint.h>

#include "capture/rack/rack_faults.h"

/* Changes a drawn picture's luma, w x h with rows of w bytes, by RACK_FAULT_COVER (a dark shade),
 * _DEFOCUS (a blur of a thirtieth of the width) or _BLIND (glaring light). Its noise stays. */
void rack_lost_draw(uint8_t *luma, uint32_t w, uint32_t h, enum rack_fault_kind kind);

#endif
