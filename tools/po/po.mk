# Message catalogues: tools/po/LANG.po compiled to $(BUILD)/locale, where the programs in the build
# folder look; install.mk puts them into $(localedir).
PO := $(wildcard tools/po/*.po)
MO := $(patsubst tools/po/%.po,$(BUILD)/locale/%/LC_MESSAGES/matlang.mo,$(PO))
PO_SRC := $(matlang_SRC) $(common_SRC)
XGETTEXT = xgettext --from-code=UTF-8 -k_ -kN_ --no-wrap --no-location --sort-output

all: $(MO)

$(BUILD)/locale/%/LC_MESSAGES/matlang.mo: tools/po/%.po
	@mkdir -p $(@D)
	$(say) MSGFMT $<
	$(Q)msgfmt -o $@ $<

# Takes new and changed texts into the catalogues; what is then untranslated is for a person.
.PHONY: po-update
po-update:
	$(Q)mkdir -p $(BUILD)
	$(Q)$(XGETTEXT) -o $(BUILD)/matlang.pot $(PO_SRC)
	$(Q)for po in $(PO); do \
		msgmerge -q --no-wrap --sort-output --backup=none --update $$po $(BUILD)/matlang.pot; \
	done

# Every text of the sources is translated, in full, and nothing else is in the catalogues.
.PHONY: po-check
po-check:
	$(Q)tests/check_po.sh $(PO_SRC)
