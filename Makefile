# SPDX-License-Identifier: GPL-2.0
#
# Builds, installs and tests everything: the kernel module (kmod/), ppctl
# (tools/ppctl) and the tests (selftests/). Each part has a make file of its
# own; this one finds the kernel to build for and ties them together. "make
# help" lists the targets. V=1 shows the commands, W=1 and C=1 go to kbuild.

PACKAGE := proxyproto
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"$$/\1/p' dkms.conf)

PREFIX ?= /usr/local
DKMS ?= dkms
DKMS_SRC ?= /usr/src
INSTALL ?= install

# K is the kernel of vm-test: a series such as 6.12, or 7.3-rt for its real-time
# flavour, which is fetched from Debian if it is not installed; a version; or the path of a
# vmlinuz. A fetched kernel, and a version with headers, is also the kernel to build for.
# vm-arm64 fetches its own.
ifneq ($(filter vm-arm64,$(MAKECMDGOALS)),)
else ifneq ($(shell echo '$(K)' | grep -xE '[0-9]+\.[0-9]+(-rt)?'),)
FETCHED := $(shell selftests/vm/fetch_kernel.sh $(K))
ifeq ($(FETCHED),)
$(error no kernel $(K))
endif
KDIR := $(word 1,$(FETCHED))
override K := $(word 2,$(FETCHED))
endif
ifneq ($(wildcard /lib/modules/$(K)/build/.),)
KDIR ?= /lib/modules/$(K)/build
endif

# The kernel to build for: the running one, or if it has no headers, the newest
# one that has
ifeq ($(KDIR),)
KDIR := $(patsubst %/.,%,$(wildcard /lib/modules/$(shell uname -r)/build/.))
endif
ifeq ($(KDIR),)
KDIR := $(lastword $(shell ls -d /lib/modules/*/build/. 2>/dev/null | sed 's,/\.$$,,' | sort -V))
endif
ifeq ($(KDIR),)
KDIR := $(lastword $(shell ls -d /usr/src/linux-headers-*/.config 2>/dev/null | sed 's,/\.config$$,,' | sort -V))
endif
export KDIR

# The tests take the module of this tree, whatever is installed
export PP_MODULE ?= $(CURDIR)/kmod/$(PACKAGE).ko

# Its release, as in the vermagic of modules: Debian's kernel.release differs
KVER = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' $(KDIR)/include/generated/utsrelease.h)

.PHONY: all
all: module tools ## build the module and ppctl (default)

.PHONY: module
module: ## build kmod/proxyproto.ko (KDIR=headers of another kernel)
	$(if $(KDIR),,$(error no kernel headers found: install linux-headers, or name them with KDIR=))
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

.PHONY: tools
tools: ## build ppctl
	$(MAKE) -C tools/ppctl

.PHONY: selftests
selftests: ## build what the tests need beside module and ppctl
	$(MAKE) -C selftests

.PHONY: install
install: install-module install-tools ## install module, ppctl and man pages (DESTDIR, PREFIX)

# The kernel's build system signs and compresses the module as its configuration says. It is then
# below the directory that it has here: updates/kmod/proxyproto.ko.
INSTALLED = $(DESTDIR)/lib/modules/$(or $(KVER),none)/updates/kmod/$(PACKAGE).ko

.PHONY: install-module
install-module: module
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates DEPMOD=true
	$(if $(DESTDIR),,depmod -a $(KVER))

.PHONY: install-tools
install-tools: tools
	$(MAKE) -C tools/ppctl install PREFIX=$(PREFIX)

.PHONY: uninstall
uninstall: ## take away what install, install-tools and dkms-install have installed (DESTDIR, PREFIX)
	$(MAKE) -C tools/ppctl uninstall PREFIX=$(PREFIX)
	rm -f $(INSTALLED) $(INSTALLED).gz $(INSTALLED).xz $(INSTALLED).zst
	$(if $(DESTDIR),,if $(DKMS) status -m $(PACKAGE) -v $(VERSION) 2>/dev/null | grep -q .; then \
		$(DKMS) remove -m $(PACKAGE) -v $(VERSION) --all; fi)
	rm -rf $(DKMS_DIR)
	$(if $(DESTDIR),,$(if $(KVER),depmod -a $(KVER)))

# What git has of the last commit, in a directory named by the version: the same file on every
# machine. Without git, the files here, after "make clean".
DIST ?= $(PACKAGE)-$(VERSION).tar.xz
.PHONY: dist
dist: ## the sources as proxyproto-VERSION.tar.xz, from the last commit
	if [ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$(CURDIR)" ]; then \
		git archive --format=tar --prefix=$(PACKAGE)-$(VERSION)/ HEAD; \
	else \
		$(MAKE) -s clean-objects >&2 && tar --create --exclude-vcs --exclude-from=.gitignore \
			--exclude=./build --transform='s,^\.,$(PACKAGE)-$(VERSION),' . ; \
	fi | xz -9 -T1 >$(DIST)

.PHONY: deb
deb: ## Debian packages of module (DKMS) and ppctl, in build/deb
	tools/package/deb.sh

# RPMFLAGS=--nodeps where libnl comes from another kind of package
.PHONY: rpm
rpm: ## RPM packages of module (DKMS) and ppctl, in build/rpm (RPMFLAGS=--nodeps on Debian)
	rm -rf build/rpm
	mkdir -p build/rpm/SOURCES
	$(MAKE) -s dist DIST=build/rpm/SOURCES/$(PACKAGE)-$(VERSION).tar.xz
	rpmbuild -ba --define '_topdir $(CURDIR)/build/rpm' $(RPMFLAGS) tools/package/$(PACKAGE).spec

DKMS_DIR = $(DESTDIR)$(DKMS_SRC)/$(PACKAGE)-$(VERSION)

# Sources only, so that no object of this tree is taken for one of DKMS
.PHONY: dkms-install
dkms-install: ## install the module through DKMS, which rebuilds it for new kernels
	$(if $(DESTDIR),,@if $(DKMS) status -m $(PACKAGE) -v $(VERSION) | grep -q .; then \
		$(DKMS) remove -m $(PACKAGE) -v $(VERSION) --all; fi)
	rm -rf $(DKMS_DIR)
	find Kbuild dkms.conf COPYING kmod -type f \
		\( -name '*.[ch]' -o -name Kbuild -o -name dkms.conf -o -name COPYING \) \
		! -name '*.mod.c' -exec $(INSTALL) -D -m 644 {} $(DKMS_DIR)/{} \;
	$(if $(DESTDIR),,$(DKMS) add -m $(PACKAGE) -v $(VERSION))
	$(if $(DESTDIR),,$(DKMS) build -m $(PACKAGE) -v $(VERSION) -k $(KVER))
	$(if $(DESTDIR),,$(DKMS) install -m $(PACKAGE) -v $(VERSION) -k $(KVER))

.PHONY: dkms-remove
dkms-remove: ## take the module out of DKMS, and out of all kernels
	$(DKMS) remove -m $(PACKAGE) -v $(VERSION) --all
	rm -rf $(DKMS_DIR)

.PHONY: demo
demo: ## in a VM: a real nginx sees the load balancer, one rule, it sees the client
	selftests/vm/demo.sh

.PHONY: check
check: ## everything: warnings, lint, unit tests, DKMS, selftests in a VM
	selftests/check.sh

.PHONY: check-all
check-all: ## the same, with all selftests on Debian's own kernel
	selftests/check.sh --all

.PHONY: lint
lint: ## sparse, clang, checkpatch, cppcheck, shellcheck, man pages, versions, white space
	selftests/setup.sh --lint
	selftests/lint.sh

.PHONY: unit
unit: ## unit tests of the codec, in user space
	$(MAKE) -C selftests/unit run

.PHONY: fuzz
fuzz: ## look for inputs that codec and ppctl read wrongly, with libFuzzer (SECONDS=60 for each target)
	selftests/setup.sh --fuzz
	selftests/fuzz/fuzz.sh $(or $(SECONDS),60)

.PHONY: run_tests
run_tests: all selftests ## selftests on the running kernel, as root (T="names")
	selftests/run_tests.sh $(T)

.PHONY: vm-test
vm-test: all selftests ## selftests in a VM (K=6.12, a version or vmlinuz; T="names")
	selftests/vm/run.sh --timeout $(or $(TIMEOUT),7200) --kernel $(or $(K),$(KVER)) -- \
		selftests/run_tests.sh $(T)

.PHONY: sim
sim: tools selftests ## selftests in simulated time, the quickest way (T="names" DEBUG=1|all JOBS= PP_SEED=)
	selftests/setup.sh --sim
	DEBUG=$(DEBUG) JOBS=$(JOBS) selftests/vm/sim.sh $(T)

.PHONY: vm-arm64
vm-arm64: ## selftests in a VM of arm64, cross-built (K=7.3; T="names")
	selftests/setup.sh --cross
	selftests/vm/arm64.sh $(or $(K),7.3) $(or $(T),send_basic accept_basic)

.PHONY: check-endian
check-endian: ## codec and module for a big-endian machine, s390x
	selftests/setup.sh --cross
	selftests/endian.sh

.PHONY: vm-debug
vm-debug: tools selftests ## selftests under a kernel with KASAN, lockdep, kmemleak ... (T="names")
	selftests/setup.sh --debug
	selftests/vm/debug.sh $(T)

.PHONY: vm-kcsan
vm-kcsan: tools selftests ## selftests under a kernel that looks for data races (T="names")
	selftests/setup.sh --debug
	selftests/vm/debug.sh --kcsan $(or $(T),'stress_*' '*_lifecycle' enemy_packets)

.PHONY: vm-debug-prove
vm-debug-prove: ## that each of its detectors finds what it is for
	selftests/setup.sh --debug
	selftests/vm/debug_prove.sh
	selftests/vm/debug_prove.sh --kcsan

.PHONY: soak
soak: all selftests ## N connections on bad networks, with rules and without (N=1000 SEED= JOBS=; K= for a VM)
	selftests/setup.sh --sim
	selftests/vm/soak.sh $(or $(N),1000) '$(SEED)' $(or $(JOBS),$(shell nproc)) \
		$(if $(K),--cpus 1 --timeout $(or $(TIMEOUT),86400) --kernel $(K))

STRESS := PP_STRESS_LOADS=500 PP_STRESS_NAMESPACES=1000 PP_STRESS_FLOOD=100000 PP_STRESS_RATE=0 \
	PP_STRESS_CONNECTIONS=1000 PP_STRESS_MIB=9000
.PHONY: stress
stress: all selftests ## in a VM: 500 loads, 1,000 namespaces, floods of 100,000 ... (T="names")
	$(STRESS) PP_TIMEOUT=20000 selftests/vm/run.sh --timeout $(or $(TIMEOUT),86400) \
		--kernel $(or $(K),$(KVER)) -- selftests/run_tests.sh $(or $(T),'stress_*' accept_long)

# With ICOUNT=3 their time is instructions: the same on any machine, busy or not
BENCHES := bench-send bench-accept bench-bytes bench-latency bench-scale bench-idle \
	bench-packets bench-functions bench-crowd
.PHONY: $(BENCHES) bench
bench-send: ## in a VM: cost of a send rule against NAT alone, HAProxy and nginx

bench-accept: ## in a VM: cost of an accept rule against nginx's own, go-mmproxy, HAProxy

bench-bytes: ## in a VM: throughput of long connections, with flowtables, too

bench-latency: ## in a VM: connect to first byte, without and with loss

bench-scale: ## in a VM: 1 to 100,000 rules, handshakes, accepted connections

bench-idle: ## in a VM: cost for traffic that no rule is for

bench-packets: ## in a VM: what rules add to single packets

bench-functions: ## in a VM: what each function of the module costs

bench-crowd: ## in a VM: 100,000 senders that never finish their header, and honest ones among them

bench: ICOUNT ?= 3
bench: bench-name = $(BENCHES:bench-%=%)
bench: ## all of these, in instructions (ICOUNT=3), and plots: build/bench

$(BENCHES): bench-name = $(@:bench-%=%)
$(BENCHES) bench: all selftests
	selftests/setup.sh --bench
	$(MAKE) -C selftests/bench
	KERNEL=$(or $(K),$(KVER)) PP_BENCH_ICOUNT=$(ICOUNT) selftests/bench/vm.sh $(bench-name)

.PHONY: bench-compare
bench-compare: all selftests ## instructions for each connection, against those of an earlier commit (BASE=)
	selftests/setup.sh --bench
	$(MAKE) -C selftests/bench
	KERNEL=$(or $(K),$(KVER)) selftests/bench/compare.sh $(BASE)

.PHONY: clean
clean: clean-objects ## remove what was built, and the logs of the tests
	rm -rf build

.PHONY: clean-objects
clean-objects:
	$(if $(KDIR),$(MAKE) -C $(KDIR) M=$(CURDIR) clean)
	$(MAKE) -C tools/ppctl clean
	$(MAKE) -C selftests clean

# For scripts: make -s print-KDIR
.PHONY: print-%
print-%:
	@echo $($*)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z_-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16
