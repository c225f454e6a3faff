# matlang: one graph, quiet by default (V=1 shows commands), dependency-tracked.
#
#   make            matlangd, matlang and the tests' helpers, into build/
#   make run        install what is missing, build, record (SECONDS=20 ends by itself)
#   make check      every suite
#   make bench      the figures of docs/BENCHMARKS.md
#   make install    prefix=/usr/local DESTDIR=
#
# SAN=address,undefined or SAN=thread builds everything instrumented, in a
# build folder of its own.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

VERSION := 0.1.0
prefix ?= /usr/local
DESTDIR ?=
sysconfdir ?= /etc

V ?= 0
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

SAN ?=
comma := ,
space := $(subst ,, )
BUILD ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
WERROR ?=
PKGS := liburing libisal libdrm fuse3 libturbojpeg libavformat libavcodec libavutil libswscale \
        libcrypto libudev jansson cairo
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

OPT ?= -O2
CFLAGS_ALL := -std=gnu17 $(OPT) -g -fno-omit-frame-pointer -fstack-protector-strong \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wformat=2 \
	-Wpointer-arith -Wvla -Wno-unused-parameter -pthread -I. \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DMATLANG_VERSION='"$(VERSION)"' \
	$(if $(WERROR),-Werror) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL := -pthread $(LDFLAGS)
ifeq ($(SAN),)
CFLAGS_ALL += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDFLAGS_ALL += -Wl,-z,relro,-z,now
else
CFLAGS_ALL += -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS_ALL += -fsanitize=$(SAN)
endif
LIBS := $(PKG_LIBS) -lm

# Sources: a file belongs to the library or program of its folder; nothing is listed by hand.
core_SRC     := $(wildcard capture/core/*.c)
capture_SRC  := $(wildcard capture/*.c capture/v4l2/*.c capture/clip/*.c capture/rack/*.c)
analyze_SRC  := $(wildcard analyze/*.c)
storage_SRC  := $(wildcard storage/*.c)
common_SRC   := $(wildcard tools/common/*.c)
matlangd_SRC := $(wildcard tools/matlangd/*.c)
matlang_SRC  := $(wildcard tools/matlang/*.c)
bench_SRC    := $(addprefix tools/bench/,main.c bench.c bench_record.c bench_mount.c bench_frames.c bench_direct.c bench_find.c)

objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_core    := $(BUILD)/libcore.a
LIB_capture := $(BUILD)/libcapture.a
LIB_analyze := $(BUILD)/libanalyze.a
LIB_storage := $(BUILD)/libstorage.a
LIB_common  := $(BUILD)/libcommon.a
# Everything of matlangd but main(), so that tests can link it.
LIB_matlangd := $(BUILD)/libmatlangd.a
LIB_matlang  := $(BUILD)/libmatlang.a
ALL_LIBS := $(LIB_capture) $(LIB_analyze) $(LIB_storage) $(LIB_core)

PROGRAMS := $(BUILD)/matlangd $(BUILD)/matlang $(BUILD)/matlang-bench

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_$(*F)) -MMD -MP -c -o $@ $<

# A kernel's instruction set is in its file's name; only such files are built with it.
$(BUILD)/obj/%_avx2.o: CFLAGS_ALL += -mavx2 -mbmi -mbmi2
$(BUILD)/obj/%_avx512.o: CFLAGS_ALL += -mavx512f -mavx512bw -mavx512vl

# Loops over planes of numbers in plain C: vectors of them are worth the bytes.
CFLAGS_restless := -O3

define archive
$(1): $(2)
	@mkdir -p $$(@D)
	$$(say) AR $$@
	$$(Q)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)
endef
$(eval $(call archive,$(LIB_core),$(call objs,$(core_SRC))))
$(eval $(call archive,$(LIB_capture),$(call objs,$(capture_SRC))))
$(eval $(call archive,$(LIB_analyze),$(call objs,$(analyze_SRC))))
$(eval $(call archive,$(LIB_storage),$(call objs,$(storage_SRC))))
$(eval $(call archive,$(LIB_common),$(call objs,$(common_SRC))))
$(eval $(call archive,$(LIB_matlangd),$(call objs,$(filter-out %/main.c,$(matlangd_SRC)))))
$(eval $(call archive,$(LIB_matlang),$(call objs,$(filter-out %/main.c,$(matlang_SRC)))))

link = $(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

$(BUILD)/matlangd: $(BUILD)/obj/tools/matlangd/main.o $(LIB_matlangd) $(LIB_common) $(ALL_LIBS)
	$(say) LD $@
	$(link)
$(BUILD)/matlang: $(BUILD)/obj/tools/matlang/main.o $(LIB_matlang) $(LIB_common) $(ALL_LIBS)
	$(say) LD $@
	$(link)

$(BUILD)/matlang-bench: $(call objs,$(bench_SRC)) $(LIB_matlangd) $(LIB_common) $(ALL_LIBS)
	$(say) LD $@
	$(link)

# `make run` begins on a machine without compiler or libraries: deps.sh comes before the build.
.PHONY: run
run:
	$(Q)tools/deps.sh build
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SECONDS_TO_RUN="$(SECONDS)" tools/run.sh $(BUILD)

-include tools/bench/bench.mk
include tests/tests.mk
include tools/po/po.mk
include tools/install.mk
include kmod/kmod.mk

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
