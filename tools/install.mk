# make install: programs, man pages, completion, unit.
.PHONY: install
install: all
	install -Dm755 $(BUILD)/matlangd $(DESTDIR)$(prefix)/sbin/matlangd
	install -Dm755 $(BUILD)/matlang $(DESTDIR)$(prefix)/bin/matlang
