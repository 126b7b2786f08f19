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

# K is the kernel of vm-test: a series such as 6.12, which is fetched from Debian
# where it is not installed; a version; or the path of a vmlinuz. What is fetched,
# and a version with headers, is the one to build for, too.
ifneq ($(shell echo '$(K)' | grep -xE '[0-9]+\.[0-9]+'),)
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

# The kernel to build for: the running one, or where that has no headers, the
# newest that has
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

.PHONY: install-module
install-module: module
	$(INSTALL) -D -m 644 kmod/$(PACKAGE).ko $(DESTDIR)/lib/modules/$(KVER)/updates/$(PACKAGE).ko
	$(if $(DESTDIR),,depmod -a $(KVER))

.PHONY: install-tools
install-tools: tools
	$(MAKE) -C tools/ppctl install PREFIX=$(PREFIX)

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

.PHONY: vm-debug
vm-debug: tools selftests ## selftests under a kernel with KASAN, lockdep, kmemleak ... (T="names")
	selftests/setup.sh --debug
	selftests/vm/debug.sh $(T)

.PHONY: vm-kcsan
vm-kcsan: tools selftests ## selftests under a kernel that looks for data races (T="names")
	selftests/setup.sh --debug
	selftests/vm/debug.sh --kcsan $(or $(T),'stress_*' '*_lifecycle' fuzz_packets)

.PHONY: vm-debug-prove
vm-debug-prove: ## that each of its detectors finds what it is for
	selftests/setup.sh --debug
	selftests/vm/debug_prove.sh
	selftests/vm/debug_prove.sh --kcsan

.PHONY: soak
soak: all selftests ## in VMs: N connections on bad networks, with rules and without (N=1000 SEED= JOBS=1)
	selftests/vm/soak.sh $(or $(N),1000) '$(SEED)' $(or $(JOBS),1) --cpus 1 \
		--timeout $(or $(TIMEOUT),86400) --kernel $(or $(K),$(KVER))

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
