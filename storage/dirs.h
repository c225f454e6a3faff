/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a store is named: by its directory, or by its directories with commas between, in any order.
 */
#ifndef STORAGE_DIRS_H
#define STORAGE_DIRS_H

#define STORE_DIRS_MAX 1024u /* bytes, the terminating zero included */

#endif
