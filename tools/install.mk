# make install [prefix=/usr/local] [DESTDIR=]: programs, man pages, completion, translations, the
# service unit, and a configuration file where there is none. make uninstall takes it all away again
# but the configuration file and the footage.

sbindir ?= $(prefix)/sbin
bindir ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/matlang
completiondir ?= $(prefix)/share/bash-completion/completions
localedir ?= $(prefix)/share/locale
# systemd looks into /usr/lib and /etc only, wherever the programs are.
unitdir ?= $(if $(filter /usr,$(prefix)),/usr/lib/systemd/system,$(sysconfdir)/systemd/system)

INSTALL_MAN := $(wildcard docs/man/*.[1-8])
INSTALL_MO := $(patsubst tools/po/%.po,%,$(wildcard tools/po/*.po))
INSTALL_DOCS := $(wildcard docs/*.md) README.md

.PHONY: install uninstall
install: all
	$(Q)install -Dm755 $(BUILD)/matlangd $(DESTDIR)$(sbindir)/matlangd
	$(Q)install -Dm755 $(BUILD)/matlang $(DESTDIR)$(bindir)/matlang
	$(Q)install -Dm755 $(BUILD)/matlang-bench $(DESTDIR)$(libexecdir)/matlang/matlang-bench
	$(Q)for page in $(INSTALL_MAN); do \
		install -Dm644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; \
	done
	$(Q)install -dm755 $(DESTDIR)$(docdir)
	$(Q)install -m644 $(INSTALL_DOCS) tools/matlangd/matlang.conf.example $(DESTDIR)$(docdir)/
	$(Q)if [ -e tools/completion/matlang.bash ]; then \
		install -Dm644 tools/completion/matlang.bash $(DESTDIR)$(completiondir)/matlang; \
	fi
	$(Q)for lang in $(INSTALL_MO); do \
		if [ -e $(BUILD)/locale/$$lang/LC_MESSAGES/matlang.mo ]; then \
			install -Dm644 $(BUILD)/locale/$$lang/LC_MESSAGES/matlang.mo \
				$(DESTDIR)$(localedir)/$$lang/LC_MESSAGES/matlang.mo; \
		fi; \
	done
	$(Q)install -dm755 $(DESTDIR)$(unitdir)
	$(Q)sed 's|@sbindir@|$(sbindir)|g' tools/systemd/matlang.service.in \
		>$(DESTDIR)$(unitdir)/matlang.service
	$(Q)chmod 644 $(DESTDIR)$(unitdir)/matlang.service
	$(Q)if [ ! -e $(DESTDIR)$(sysconfdir)/matlang.conf ]; then \
		install -Dm644 tools/matlangd/matlang.conf.example $(DESTDIR)$(sysconfdir)/matlang.conf; \
	fi
	@echo "installed; next: matlang store create /var/lib/matlang/store," \
		"name the cameras in $(sysconfdir)/matlang.conf, systemctl enable --now matlang"

uninstall:
	$(Q)rm -f $(DESTDIR)$(sbindir)/matlangd $(DESTDIR)$(bindir)/matlang \
		$(DESTDIR)$(completiondir)/matlang $(DESTDIR)$(unitdir)/matlang.service
	$(Q)for page in $(INSTALL_MAN); do \
		rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; \
	done
	$(Q)for lang in $(INSTALL_MO); do \
		rm -f $(DESTDIR)$(localedir)/$$lang/LC_MESSAGES/matlang.mo; \
	done
	$(Q)rm -rf $(DESTDIR)$(docdir) $(DESTDIR)$(libexecdir)/matlang
	@echo "uninstalled; $(sysconfdir)/matlang.conf and the footage in /var/lib/matlang are left"
