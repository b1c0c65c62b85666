# mailpipe: see README.md.  `make` builds into bin/; `make SAN=1` builds with
# address and undefined-behaviour sanitizers into build/san/bin.

.DEFAULT_GOAL := all

PREFIX ?= /usr/local
CC ?= cc
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config

CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy

# Libraries are linked statically where their archives are there, and the tools
# of an alias line wholly so: the dynamic linker's work is a quarter of a tool's
# start-up time, and an alias pipe starts three of them a mail.  `make STATIC=0`
# links dynamically.
STATIC ?= 1

warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla -Wformat=2 -Wundef -Wpointer-arith
our_cflags := -std=c11 -fstack-protector-strong $(warnings)
our_cppflags := -D_GNU_SOURCE -Isrc -Ibuild -include core/banned.h
our_ldflags := -Wl,--as-needed -Wl,-z,relro -Wl,-z,now

ifdef SAN
mode := san
our_cflags += -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
our_ldflags += -fsanitize=address,undefined
bin := build/san/bin
else ifdef FUZZ
mode := fuzz
fuzz_flags := address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
our_cflags += -fsanitize=fuzzer-no-link,$(fuzz_flags)
our_ldflags += -fsanitize=fuzzer,$(fuzz_flags)
bin := build/fuzz/tools
else
mode := release
our_cppflags += -D_FORTIFY_SOURCE=2
bin := bin
endif
ifdef WERROR
our_cflags += -Werror
endif
obj := build/$(mode)

archive = $(wildcard $(shell $(CC) -print-file-name=$(1)))
library = $(if $(filter 1,$(STATIC)),$(or $(call archive,lib$(1).a),-l$(1)),-l$(1))
# Of libmagic only what looks at bytes: the libraries that it unpacks files with
# stay out.
no_unpack := $(obj)/mail/no_unpack.o
magic := $(call library,magic)
ifneq ($(magic),-lmagic)
magic := -Wl,--wrap=file_zmagic,--wrap=file_pipe2file,--wrap=sread \
	$(no_unpack) $(magic)
endif
libs := $(call library,sodium) $(call library,sqlite3) $(magic) -lm

# The others look up users and start other people's programs: with libc's own
# modules, thus dynamically.
ifeq ($(mode)$(STATIC),release1)
our_cflags += -fPIE
line_tools := $(addprefix $(bin)/,mail-deliver mail-ingest mail-store mail-queue)
line_ldflags := -static-pie -Wl,--wrap=dlopen
$(line_tools): our_ldflags += $(line_ldflags)
$(line_tools): $(obj)/store/no_dlopen.o
endif
$(bin)/mail-deliver: libs :=

# The only one that talks to servers.
$(bin)/mail-send $(obj)/preload/mail-send: libs += -lcurl -lssl -lcrypto

# Users' jq programs run in a process of their own: nothing else needs libjq.
$(bin)/mailpipe-jq $(obj)/preload/mailpipe-jq: libs := -ljq

lib_src := $(filter-out %/no_dlopen.c %/no_unpack.c src/tool/% src/gen/%, \
	$(wildcard src/*/*.c))
lib_obj := $(lib_src:src/%.c=$(obj)/%.o) $(obj)/gen/charset_table.o \
	$(obj)/gen/reply_table.o
tool_src := $(wildcard src/tool/*.c)
programs := $(tool_src:src/tool/%.c=$(bin)/%)
# Those that are typed, and those that only they start.
tools := $(filter mail-%,$(tool_src:src/tool/%.c=%))
helpers := $(filter mailpipe-%,$(tool_src:src/tool/%.c=%))
unit_src := $(wildcard tests/unit/*.c)
units := $(unit_src:tests/unit/%.c=$(obj)/unit/%)
fuzz_src := $(filter-out %/replay.c,$(wildcard tests/fuzz/*.c))
units += $(fuzz_src:tests/fuzz/%.c=$(obj)/unit/fuzz-%)

.PHONY: all check lint bench format install uninstall clean units inject \
	fuzz fuzzers
.SECONDARY:

all: $(programs)

$(bin)/%: $(obj)/tool/%.o $(obj)/libmailpipe.a Makefile
	@mkdir -p $(@D)
	$(CC) $(our_cflags) $(CFLAGS) $(our_ldflags) $(LDFLAGS) -o $@ \
		$(filter-out Makefile,$^) $(libs)

$(obj)/libmailpipe.a: $(lib_obj) $(no_unpack)
	@rm -f $@
	$(AR) rcs $@ $(lib_obj)

$(obj)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

# What is made at build time, by programs of ours (src/gen).
build/gen/sandbox: src/gen/sandbox.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(warnings) -O1 -o $@ $< -lseccomp

build/gen/sandbox_filter.h: build/gen/sandbox
	$< >$@.new
	@mv $@.new $@

$(obj)/core/sandbox.o: build/gen/sandbox_filter.h

build/gen/charset: src/gen/charset.c src/mail/charset_table.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(warnings) -Isrc -O1 -o $@ $<

build/gen/charset_table.c: build/gen/charset
	$< >$@.new
	@mv $@.new $@

build/gen/reply: src/gen/reply.c src/mail/reply_table.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(warnings) -Isrc -O1 -o $@ $<

build/gen/reply_table.c: build/gen/reply src/mail/reply_rules.txt
	$< <src/mail/reply_rules.txt >$@.new
	@mv $@.new $@

$(obj)/gen/%.o: build/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

# src/mail reads hostile bytes: no silent conversions there.
$(obj)/mail/%.o: our_cflags += -Wconversion -Wno-sign-conversion

# Programs with which bats tests try what has no program of its own.
drivers := $(patsubst tests/driver/%.c,$(obj)/driver/%,$(wildcard tests/driver/*.c))

units: $(units) $(drivers)

$(obj)/unit/%: tests/unit/%.c $(obj)/libmailpipe.a
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) $(our_ldflags) \
		$(LDFLAGS) -MMD -MP -o $@ $< $(obj)/libmailpipe.a $(libs)

# libjq, in tests only, is what our JSON is compared with.
$(obj)/unit/json: libs += -ljq

$(obj)/unit/dkim $(obj)/unit/dkim_corpora $(obj)/driver/dkim: libs += -lcrypto
$(obj)/driver/smtp: libs += -lcurl -lssl -lcrypto

$(obj)/driver/%: tests/driver/%.c $(obj)/libmailpipe.a
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) $(our_ldflags) \
		$(LDFLAGS) -MMD -MP -o $@ $< $(obj)/libmailpipe.a $(libs)

# What the fuzzers have found, as tests; and the fuzzers (FUZZ=1 CC=clang).
$(obj)/fuzz/replay.o: tests/fuzz/replay.c
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) -MMD -MP -c \
		-DFUZZ_CORPUS='"$(CURDIR)/tests/fuzz/corpus"' -o $@ $<

$(obj)/unit/fuzz-%: tests/fuzz/%.c $(obj)/fuzz/replay.o $(obj)/libmailpipe.a
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) $(our_ldflags) \
		$(LDFLAGS) -MMD -MP -o $@ $< $(filter-out $<,$^) $(libs)

fuzzers: $(fuzz_src:tests/fuzz/%.c=$(obj)/bin/%)

$(obj)/bin/%: tests/fuzz/%.c $(obj)/libmailpipe.a
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) $(our_ldflags) \
		$(LDFLAGS) -MMD -MP -o $@ $< $(obj)/libmailpipe.a $(libs)

# Our side of the section parse of tests/bench/run, linked as mail-ingest is.
$(obj)/bench/parse_ours: our_ldflags += $(line_ldflags)
$(obj)/bench/parse_ours: tests/bench/parse_ours.c tests/bench/parse.c \
		tests/bench/parse.h $(obj)/libmailpipe.a
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) $(our_ldflags) \
		$(LDFLAGS) -o $@ $(filter-out %.h,$^) $(libs)

# FUZZ_SECONDS: how long each (default 1800).
fuzz:
	tests/fuzz/run

# What tests load with LD_PRELOAD: faults of system calls, and holes in the
# parser.  No sanitizer in themselves.  And the same programs, linked so that
# something can be loaded into them.
faults := build/$(mode)/inject.so build/$(mode)/hole.so
preloadable := $(tools:%=$(obj)/preload/%) $(helpers:%=$(obj)/preload/%)

inject: $(faults) $(preloadable) $(obj)/paced

$(obj)/preload/%: $(obj)/tool/%.o $(obj)/libmailpipe.a Makefile
	@mkdir -p $(@D)
	$(CC) $(our_cflags) $(CFLAGS) $(our_ldflags) $(LDFLAGS) -o $@ \
		$(filter-out Makefile,$^) $(libs)

# A sender that sends nothing, but at a rate, for tests of rates.
$(obj)/paced: tests/rate/paced.c $(obj)/libmailpipe.a
	@mkdir -p $(@D)
	$(CC) $(our_cppflags) $(CPPFLAGS) $(our_cflags) $(CFLAGS) $(our_ldflags) \
		$(LDFLAGS) -o $@ $^ $(libs)

$(faults): build/$(mode)/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(warnings) -O2 -fno-builtin -fPIC -shared \
		-o $@ $<

# TESTS: only these files.
check: all units inject
	tests/run $(bin) $(obj)/unit $(TESTS)

lint:
	scripts/lint

bench: all
	tests/bench/run

format:
	$(CLANG_FORMAT) -i $$(find src tests -name '*.[ch]')

# src/core/jq.c looks for helpers there: ../libexec/mailpipe, seen from bin.
mandir = $(PREFIX)/share/man
helperdir = $(PREFIX)/libexec/mailpipe
# Where these shells look; the programs write what is there from their tables.
bashdir = $(PREFIX)/share/bash-completion/completions
zshdir = $(PREFIX)/share/zsh/site-functions
# Units, which systemd finds there, and lines for cron to be copied.
unitdir = $(PREFIX)/lib/systemd/system
crondir = $(PREFIX)/share/mailpipe/cron
units_of_systemd := $(notdir $(wildcard scripts/systemd/*))

# A program is there at every moment, the old one or the new one: mail may come
# now.  Who runs the old one goes on with it.
replace = install -m 755 $(1) $(2)/.$(notdir $(1)).new && \
	mv -f $(2)/.$(notdir $(1)).new $(2)/$(notdir $(1))

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(helperdir) \
		$(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 \
		$(DESTDIR)$(mandir)/man7 $(DESTDIR)$(bashdir) \
		$(DESTDIR)$(zshdir) $(DESTDIR)$(unitdir) $(DESTDIR)$(crondir)
	set -e; $(foreach t,$(helpers), \
		$(call replace,$(bin)/$(t),$(DESTDIR)$(helperdir));) \
	$(foreach t,$(tools), \
		$(call replace,$(bin)/$(t),$(DESTDIR)$(PREFIX)/bin);)
	umask 022; for u in $(units_of_systemd:%=systemd/%) cron/mailpipe; do \
		to=$(DESTDIR)$(unitdir)/$${u#systemd/}; \
		[ $$u != cron/mailpipe ] || to=$(DESTDIR)$(crondir)/mailpipe; \
		sed 's,/usr/local/bin,$(PREFIX)/bin,g' scripts/$$u >$$to || \
			exit 1; \
	done
	for n in 1 5 7; do \
		install -m 644 man/*.$$n $(DESTDIR)$(mandir)/man$$n || exit 1; \
	done
	umask 022; for t in $(tools); do \
		$(bin)/$$t --completion bash >$(DESTDIR)$(bashdir)/$$t && \
		$(bin)/$$t --completion zsh >$(DESTDIR)$(zshdir)/_$$t || \
			exit 1; \
	done

uninstall:
	rm -f $(tools:%=$(DESTDIR)$(PREFIX)/bin/%) \
		$(helpers:%=$(DESTDIR)$(helperdir)/%) \
		$(tools:%=$(DESTDIR)$(bashdir)/%) \
		$(tools:%=$(DESTDIR)$(zshdir)/_%) \
		$(units_of_systemd:%=$(DESTDIR)$(unitdir)/%) \
		$(DESTDIR)$(crondir)/mailpipe
	for n in 1 5 7; do for m in man/*.$$n; do \
		rm -f "$(DESTDIR)$(mandir)/man$$n/$${m#man/}"; \
	done; done

clean:
	rm -rf bin build

-include $(lib_obj:.o=.d) $(tool_src:src/%.c=$(obj)/%.d) $(units:=.d) $(drivers:=.d) \
	$(obj)/fuzz/replay.d $(fuzz_src:tests/fuzz/%.c=$(obj)/bin/%.d)
