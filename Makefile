# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole build of Rhea. One list of sources per folder: to add a file, add its name to the
# list of its folder. To add a test program, add its name to the list of its kind.
# GNU make, not recursive; objects of each MODE live in a folder of their own.

BUILD ?= build
MODE  ?= release
BUILD := $(abspath $(BUILD))

# --- Sources: one list per folder -------------------------------------------------------------

util_src := capstone_library.c error.c fdset.c library.c log.c map.c sdl_library.c socket.c terminal.c text.c json_stream.c json_pairs.c random.c tls.c

softmmu_src := address_space.c clock.c debugger.c device.c device_help.c dial.c dma.c event.c hotplug.c io_event.c iothread.c irqchip.c lookup.c machine.c main_loop.c mem_print.c \
               memory.c property.c ram.c state.c vcpu.c memory_backend.c tls_store.c

block_src := blkdebug.c blkverify.c block.c bounds.c curl.c drivers.c file.c filters.c graph.c image.c info.c io.c \
             iov.c job.c job_records.c live.c live_backup.c live_commit.c live_copy.c live_graph.c live_mirror.c live_stream.c lock.c nbd.c null.c open.c options.c print.c requests.c ring.c active.c \
             qcow2.c qcow2_amend.c qcow2_bitmap.c qcow2_cache.c qcow2_check.c qcow2_compress.c qcow2_create.c qcow2_crypt.c \
             qcow2_header.c qcow2_io.c qcow2_map.c qcow2_refcount.c qcow2_refs.c qcow2_resize.c \
             qcow2_snapshot.c qcow2_write.c qcow2_zero.c raw.c object.c snapshot.c threshold.c throttle.c throttle_limits.c

# Formats beside raw and qcow2, and the NBD server.
block_format_src := bochs.c cloop.c dmg.c dmg_inflate.c export.c luks.c luks_cipher.c luks_header.c mapped.c nbd_handshake.c nbd_requests.c nbd_server.c parallels.c qcow.c vdi.c vhdx.c vmdk.c vmdk_create.c \
                    vmdk_sparse.c vpc.c

chardev_src := change.c chardev.c fd.c file.c logfile.c mux.c null.c options.c pty.c ringbuf.c socket.c stdio.c telnet.c udp.c rng.c tty.c

fsdev_src := create.c dir.c file.c fsdev.c mapped.c saved.c tree.c xattr.c

audio_src := alsa.c audio.c mix.c options.c pulse.c sdl.c wav.c

net_src := announce.c dgram.c dump.c hub.c l2tpv3.c net.c netdev.c offload.c offload_segment.c socket.c stream.c tap.c tap_open.c user.c user_guestfwd.c user_hostfwd.c \
           user_poll.c user_smb.c

target_i386_src := atomic.c topology.c decode.c decode_operands.c exec_alu.c exec_branch.c exec_move.c exec_muldiv.c \
                   exec_shift.c exec_stack.c exec_string.c flags.c mmu.c operand.c print.c \
                   refill.c tlb.c \
                   specialise.c table_int.c softfloat.c softfloat_core.c softfloat_f80.c \
                   softfloat_f80_convert.c softfloat_trans.c table_x87.c x87.c x87_arith.c \
                   x87_compare.c x87_control.c x87_move.c control.c cpu.c cpu_model.c \
                   cpu_options.c cpu_print.c cpu_saved.c cpu_versions.c cpuid.c cpuid_models.c hyperv.c debug.c \
                   debug_write.c deliver.c \
                   exception.c far_return.c \
                   fast_call.c gates.c inner_stack.c interrupt.c msr.c segment.c smm.c \
                   segment_insn.c system.c table_system.c task.c bmi.c crypto.c mmx.c \
                   sse_convert.c sse_float.c sse_int.c sse_move.c sse_shift.c sse_shuffle.c \
                   sse_string.c table_0f38.c table_0fae.c table_vec.c vec_operand.c xsave.c \
                   avx.c avx_gather.c avx_move.c host_vec.c table_evex.c table_vex.c

# Built without vector instructions.
general_src := target/i386/flags.c target/i386/refill.c target/i386/tlb.c

accel_tcg_src := block.c block_debug.c block_decode.c block_invalidate.c block_loose.c tcg.c trace.c
# One back end of the translator: by the machine that the compiler builds for.
accel_tcg_x86_64_src := address.c avx.c branches.c buffer.c copy.c disassemble.c div.c emit_rows.c flags.c host.c insns.c \
                        log.c loop.c mapping.c plan.c sites.c stretch.c string.c system.c thunks.c translate.c vector.c vector_state.c \
                        x87.c x87_state.c
accel_tcg_other_src := no_translator.c

# By the host: KVM runs guests of its own architecture.
accel_kvm_src := ioctl.c options.c probe.c
accel_kvm_x86_64_src := clock.c complete.c cpuid.c cpuid_set.c debug.c hyperv.c info.c io_events.c irqchip.c msrs.c nested.c progress.c ring.c routes.c run.c slots.c state.c vm.c xsave.c
accel_kvm_other_src := no_kvm.c

accel_qtest_src := commands.c engine.c lines.c server.c

hw_src := device_list.c

hw_intc_src := apic.c apic_bus.c apic_kernel.c apic_regs.c apic_timer.c i8259.c i8259_kernel.c ioapic.c ioapic_kernel.c
hw_timer_src := hpet.c i8254.c i8254_kernel.c mc146818rtc.c
hw_char_src := isa_parallel.c pci_serial.c debugcon.c isa_serial.c serial.c virtio_serial.c virtio_serial_port.c
hw_input_src := i8042.c ps2_keyboard.c ps2_mouse.c ps2_set3.c virtio_input.c

ui_src := clipboard.c vdagent.c curses.c curses_keys.c curses_term.c display.c font.c input.c input_keys.c keymap.c layout.c screen.c screendump.c sdl.c sdl_draw.c sdl_keys.c sdl_scale.c sdl_window.c surface.c text.c vc.c vc_draw.c viewer.c vnc.c vnc_client.c vnc_cut.c vnc_encode.c vnc_handshake.c vnc_info.c vnc_keys.c vnc_messages.c vnc_options.c \
          vnc_update.c web.c web_console.c websocket.c

hw_display_src := cirrus.c cirrus_blt.c cirrus_draw.c cirrus_mem.c cirrus_regs.c edid.c linear.c ramfb.c vbe.c vbe_draw.c vga.c vga_draw.c vga_mem.c vga_mmio.c vga_pci.c \
                  vga_regs.c vga_text.c vga_timing.c \
                  virtio_gpu.c virtio_gpu_commands.c virtio_gpu_draw.c virtio_gpu_resource.c virtio_vga.c

hw_audio_src := ac97.c es1370.c sb16.c hda.c hda_codec.c hda_streams.c pcspk.c

hw_nvram_src := boot_order.c fw_cfg.c
hw_misc_src := a20.c debug_exit.c ferr.c i8237.c port80.c port92.c pvpanic.c edu.c pc_testdev.c \
               pci_testdev.c i6300esb.c ib700.c vmcoreinfo.c vmgenid.c watchdog.c

hw_i2c_src := ich9_smbus.c smbus_eeprom.c smbus_host.c
hw_tpm_src := swtpm.c tpm.c tpm_crb.c tpm_tis.c

hw_block_src := ahci.c ahci_port.c ata.c atapi.c cd_info.c fdc.c fdc_transfer.c ide.c \
                ide_drive.c identify.c pflash_cfi01.c piix3_ide.c smart.c disk.c virtio_blk.c \
                scsi.c scsi_cd.c scsi_device.c scsi_disk.c scsi_info.c virtio_scsi.c \
                nvme.c nvme_admin.c nvme_identify.c nvme_io.c

hw_net_src := e1000.c e1000e.c e1000_phy.c e1000_rx.c e1000_tx.c eeprom.c ne2000.c nic.c pcnet.c rtl8139.c rtl8139_rx.c rtl8139_tx.c virtio_net.c virtio_net_ctrl.c virtio_net_features.c virtio_net_rx.c virtio_net_tx.c

hw_fs_src := fuse.c fuse_file.c fuse_names.c fuse_saved.c p9.c p9_attr.c p9_fid.c p9_names.c p9_saved.c share.c virtio_9p.c virtio_fs.c worker.c

hw_isa_src := isa.c
hw_usb_src := bus.c desc.c ehci.c ehci_schedule.c hid.c hid_keys.c hid_reports.c hub.c serial.c storage.c uas.c uhci.c usb.c xhci.c xhci_command.c xhci_event.c \
              xhci_port.c xhci_ring.c
hw_virtio_src := virtio.c virtio_balloon.c virtio_mmio.c virtio_notify.c virtio_pci.c virtio_pci_legacy.c virtio_rng.c virtqueue.c virtqueue_packed.c \
                 virtqueue_split.c
hw_pci_src := bridge.c config.c ecam.c host.c info.c msi.c msix.c pci.c pcie_slot.c rom.c root_port.c

hw_i386_src := acpi.c acpi_devices.c acpi_tpm.c acpi_pci_hotplug.c acpi_pm.c ich9_lpc.c ich9_pm.c ich9_smi.c mch.c mptable.c microvm.c microvm_pm.c q35.c acpi_script.c aml.c \
               bios.c boards.c firmware.c smbios.c smbios_options.c boot.c boot_elf.c boot_fw_cfg.c boot_linux.c \
               boot_multiboot.c decompress.c dsdt.c dsdt_hotplug.c i440fx.c pam.c pc_flash.c pc.c pc_boot.c \
               pc_common.c pc_drives.c piix3.c piix4_pm.c acpi_numa.c acpi_user.c smbios_ports.c loader_device.c

migration_src := channel.c dirty.c incoming.c multifd.c outgoing.c params.c round.c state.c load.c ram.c ram_file.c ram_pack.c saved.c snapshot.c stream.c throttle.c vm_state.c

monitor_src := tpm.c audio.c block_jobs.c chardev.c commands.c cpu_access.c device.c disassemble.c dump.c dump_core.c dump_memory.c expression.c info.c input.c balloon.c \
               interrupts.c line_edit.c media.c migration.c monitor.c net.c objects.c qmp.c qmp_check.c qmp_commands.c \
               qmp_machine.c qmp_query.c qmp_schema.c qmp_types.c screen.c qmp_cpu.c qmp_empty.c qmp_pci.c qmp_qom.c qom_tree.c qom_types.c watchdog.c control.c info_apic.c info_machine.c info_memory.c info_paging.c qmp_human.c qom_commands.c virtio.c virtio_names.c vnc.c virtio_element.c \
               qmp_block.c qmp_block_change.c qmp_block_info.c qmp_copy.c qmp_devices.c qmp_fds.c qmp_input.c qmp_jobs.c qmp_migration.c qmp_snapshot.c qmp_transaction.c qmp_net.c qmp_export.c qmp_block_nodes.c memory_objects.c rng_objects.c tls_objects.c qmp_yank.c

gdbstub_src := commands.c description.c memory.c packet.c query.c registers.c resume.c stub.c

# cli/main.c is not in this list: it is the only file that test programs do not get.
cli_src := audio_options.c accel_options.c accel_setup.c device_options.c fd_options.c firmware_options.c drive_options.c machine_options.c net_options.c daemon.c tpm_options.c fsdev_options.c \
           options.c setup.c option_list.c dump_vmstate.c config_file.c machine_properties.c memory_options.c numa_options.c process_options.c sandbox.c

# Programs beside the emulator, tools/NAME.c, and what they share.
tool_programs := rhea-img rhea-io rhea-nbd
tools_src := convert.c img.c img_amend.c img_bench.c img_bitmap.c img_check.c img_commit.c img_compare.c \
             img_convert.c img_create.c img_dd.c img_info.c img_map.c img_measure.c img_print.c img_rebase.c \
             img_resize.c img_snapshot.c io_aio.c io_image.c io_report.c io_transfer.c nbd_list.c progress.c tool.c

# Test programs: tests/unit/NAME.c, tests/device/NAME.c, tests/insn/NAME.c.
# The helpers of a kind are linked with every test program of that kind.
unit_tests := vdagent_test block_drive_test block_job_test block_live_kill_test block_live_test block_monitor_test block_qcow2_test block_raw_test block_node_test block_options_test clock_test device_test fdset_test gdbstub_test gdbstub_break_test gdbstub_state_test dump_memory_test iothread_test log_test lookup_test migration_test migrate_test \
              machine_test memory_test state_test \
              text_test vc_test vcpu_test chardev_test chardev_kinds_test chardev_socket_test media_test monitor_info_test monitor_test net_test net_socket_test net_fuzz_test options_test net_tap_test qmp_test json_stream_test net_l2tpv3_test screen_test memory_backend_test random_test fsdev_test

device_tests := smbus_test tpm_test uhci_ehci_test audio_test es1370_test sb16_test ac97_test hda_test pcspk_test virtio_input_test cirrus_test ramfb_test virtio_gpu_test nvme_test virtio_test virtio_serial_test virtio_blk_test e1000_test e1000e_test ne2000_test pcnet_test rtl8139_test virtio_net_test virtio_net_more_test net_offload_test virtio_scsi_test pci_rom_test q35_test bridge_test testdev_test input_test ahci_test atapi_test fdc_test net_load_test virtio_balloon_test watchdog_test usb_test xhci_test usb_hid_test usb_storage_test \
                ide_test acpi_test apic_test bochs_display_test vga_draw_test vga_test \
                debugcon_test hotplug_test microvm_pm_test hpet_test i440fx_test i8042_test ioapic_test misc_test pc_test \
                pci_test pic_test piix4_pm_test pit_test reset_test rtc_test serial_test \
                pflash_test bios_test fw_cfg_test smi_test smm_test \
               fuzz_devices_test info_test io_errors_test virtio_rng_test loader_test parallel_test kvm_cpuid_test kvm_probe_test kvm_run_test kvm_slots_test kvm_state_test kvm_irqchip_test virtio_kernel_test virtio_9p_test virtio_fs_test
device_helpers := fuzz_machine.c kvm_model.c kvm_rig.c rig.c tpm_player.c

insn_tests := cpu_model_test smp_test dirty_test tlb_test avx_test softfloat_test softfloat_x87_test x87_test \
              segment_test interrupt_test cpuid_test msr_test translate_test translate_shapes_test bmi_test \
              crypto_test mmx_test sse_test xsave_test decode_test fuzz_code_test integer_test \
              moo_test code_change_test
insn_helpers := avx_rows.c decode_capstone.c integer_case.c moo.c moo_later.c native.c \
                native_amd.c native_coverage.c native_host.c system_rig.c translate_gen.c translate_gen_narrow.c \
                translate_gen_crowd.c translate_copy.c translate_gen_walk.c translate_gen_wide.c translate_run.c translate_x87.c
insn_scripts := guests.py

# What the scripts of tests/block run: tests/block/NAME.c.
block_programs := image

# Test scripts: each is an executable that prints TAP.
style_tests := includes.py files.py format.py points.py

block_tests := qcow2_errors.py format_bounds.py format_fuzz.py format_images.py format_kill.py img_texts.py img_work.py \
               io_commands.py luks.py man_pages.py nbd_server.py \
               qcow2_random.py qcow2_kill.py qcow2_fuzz.py qcow2_features.py protocols.py

boot_tests := sound.py graphics.py watchdogs.py snapshots.py qtest.py debian.py debian_network.py board.py disks.py network.py network_peers.py network_tap.py network_user.py network_hotplug.py pxe.py virtio.py hotplug.py linux.py smp.py programs.py kernel_log.py endings.py bad_input.py console.py network_soak.py qmp.py qmp_walk.py compatibility.py usb.py firmware.py firmware_os.py uefi.py curses.py gdb.py stress.py consoles.py qmp_block.py migration.py window.py vnc.py process.py tls.py web.py migration_small.py kvm_refusals.py parts.py tpm.py input.py vnc_viewer.py kvm_cpu.py kvm.py kvm_irqchip.py share.py

# --- Configuration ----------------------------------------------------------------------------

quiet_goals := help clean distclean
ifneq ($(filter-out $(quiet_goals),$(or $(MAKECMDGOALS),all)),)
include $(BUILD)/config.mk

# config.mk keeps its date when nothing changed in it; config.stamp says when configure ran.
$(BUILD)/config.mk: $(BUILD)/config.stamp
	@:

$(BUILD)/config.stamp: configure
	@if [ -x $(BUILD)/reconfigure ]; then $(BUILD)/reconfigure; else BUILD=$(BUILD) ./configure; fi
endif

cflags_release  := -O2 -g
cflags_debug    := -Og -g3
cflags_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address
cflags_ubsan    := -O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined
cflags_tsan     := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
ldflags_asan    := -fsanitize=address
ldflags_ubsan   := -fsanitize=undefined
ldflags_tsan    := -fsanitize=thread
TSAN_OPTIONS    ?= suppressions=$(CURDIR)/tests/tsan.supp
export TSAN_OPTIONS
# GLib's own allocator hides from it that a block is another one now.
ifeq ($(MODE),tsan)
export G_SLICE := always-malloc
endif
modes           := release debug asan ubsan tsan

ifeq ($(filter $(MODE),$(modes)),)
$(error MODE is '$(MODE)', must be one of: $(modes))
endif

out := $(BUILD)/$(MODE)
# The release binary stands at the top of the build folder, those of other modes in theirs.
bin := $(if $(filter release,$(MODE)),$(BUILD),$(out))

all_cflags := -std=gnu11 -Wall -Wextra -Wno-missing-field-initializers $(if $(filter 1,$(WERROR)),-Werror) \
              -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fno-strict-aliasing -pthread \
              -I. -I$(BUILD) $(CONFIG_CFLAGS) $(cflags_$(MODE)) $(EXTRA_CFLAGS)
all_ldflags := -pthread $(CONFIG_LDFLAGS) $(ldflags_$(MODE)) $(EXTRA_LDFLAGS)
all_libs := $(CONFIG_LIBS) -lm

target_machine := $(if $(CC),$(shell $(CC) -dumpmachine))
ifneq ($(filter-out %x32,$(filter x86_64-%,$(target_machine))),)
translator_src := $(accel_tcg_x86_64_src:%=accel/tcg/x86_64/%)
translates := 1
else
translator_src := $(accel_tcg_other_src:%=accel/tcg/%)
endif
ifeq ($(translates)$(filter 1,$(CONFIG_KVM)),11)
kvm_src := $(accel_kvm_x86_64_src:%=accel/kvm/%)
else
kvm_src := $(accel_kvm_other_src:%=accel/kvm/%)
device_tests := $(filter-out kvm_%,$(device_tests))
device_helpers := $(filter-out kvm_%,$(device_helpers))
endif

# --- What follows from the lists --------------------------------------------------------------

lib_src := $(audio_src:%=audio/%) $(util_src:%=util/%) $(softmmu_src:%=softmmu/%) $(block_src:%=block/%) $(block_format_src:%=block/%) $(chardev_src:%=chardev/%) $(net_src:%=net/%) $(target_i386_src:%=target/i386/%) $(accel_tcg_src:%=accel/tcg/%) $(translator_src) $(accel_kvm_src:%=accel/kvm/%) $(kvm_src) $(accel_qtest_src:%=accel/qtest/%) $(fsdev_src:%=fsdev/%) $(hw_fs_src:%=hw/fs/%) \
           $(hw_src:%=hw/%) $(hw_intc_src:%=hw/intc/%) $(hw_timer_src:%=hw/timer/%) \
           $(hw_char_src:%=hw/char/%) $(hw_input_src:%=hw/input/%) $(hw_misc_src:%=hw/misc/%) $(hw_tpm_src:%=hw/tpm/%) $(hw_i2c_src:%=hw/i2c/%) $(hw_nvram_src:%=hw/nvram/%) \
           $(ui_src:%=ui/%) $(hw_display_src:%=hw/display/%) $(hw_audio_src:%=hw/audio/%) \
           $(hw_isa_src:%=hw/isa/%) $(hw_virtio_src:%=hw/virtio/%) $(hw_block_src:%=hw/block/%) $(hw_net_src:%=hw/net/%) $(hw_usb_src:%=hw/usb/%) $(hw_pci_src:%=hw/pci/%) $(hw_i386_src:%=hw/i386/%) \
           $(migration_src:%=migration/%) $(monitor_src:%=monitor/%) $(gdbstub_src:%=gdbstub/%) $(cli_src:%=cli/%)
# The page of -display web is written by tools/make-web, or an empty one.
lib_obj := $(lib_src:%.c=$(out)/%.o) $(out)/ui/web_page.o

unit_bin   := $(unit_tests:%=$(out)/tests/unit/%)
device_bin := $(device_tests:%=$(out)/tests/device/%)
insn_bin   := $(insn_tests:%=$(out)/tests/insn/%)
block_bin  := $(block_programs:%=$(out)/tests/block/%)
test_bin   := $(unit_bin) $(device_bin) $(insn_bin)

device_helper_obj := $(device_helpers:%.c=$(out)/tests/device/%.o)
insn_helper_obj   := $(insn_helpers:%.c=$(out)/tests/insn/%.o)

tools_path := $(tools_src:%=tools/%)
tools_obj := $(tools_path:%.c=$(out)/%.o)
tools_lib_obj := $(tools_obj) $(filter $(out)/util/% $(out)/softmmu/% $(out)/block/%,$(lib_obj))
tool_main_obj := $(tool_programs:%=$(out)/tools/%.o)

test_obj := $(test_bin:%=%.o) $(block_bin:%=%.o) $(device_helper_obj) $(insn_helper_obj)

rhea    := $(bin)/rhea-system-x86_64
tools   := $(tool_programs:%=$(bin)/%)
library := $(out)/librhea.a
tools_library := $(out)/librhea-tools.a

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(2))

# --- Build ------------------------------------------------------------------------------------

.PHONY: all lib tests
all: $(rhea) $(tools)               ## build the programs (the default)
lib: $(library)                     ## build everything but cli/main.c as an archive
tests: $(test_bin) $(block_bin)     ## build the test programs

$(rhea): $(out)/cli/main.o $(library)
	$(call say,LINK,$(@:$(BUILD)/%=%))
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

# They have no machine: they need a part of the library.
$(tools_library): $(tools_lib_obj)
	$(call say,AR,$(@:$(BUILD)/%=%))
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(tools): $(bin)/%: $(out)/tools/%.o $(tools_library)
	$(call say,LINK,$(@:$(BUILD)/%=%))
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

# Made anew each time: ar would keep members whose sources have left the lists. The list itself
# is a dependency, so that taking a file out of it is seen.
$(library): $(lib_obj) $(out)/library.list
	$(call say,AR,$(@:$(BUILD)/%=%))
	$(Q)rm -f $@ && $(AR) rcs $@ $(lib_obj)

$(out)/library.list: force
	@mkdir -p $(@D)
	@echo '$(lib_src)' | cmp -s - $@ || echo '$(lib_src)' >$@

# Translated code calls these while the guest's vectors are in the registers: neither the compiler nor
# a sanitizer may use them.
$(general_src:%.c=$(out)/%.o): file_cflags := -fno-sanitize=all $(if $(translates),-mgeneral-regs-only)

$(BUILD)/web_page.c: $(wildcard ui/web/*) tools/make-web $(BUILD)/config.mk
	$(call say,WEB,ui/web)
	$(Q)PYTHONDONTWRITEBYTECODE=1 tools/make-web $(if $(filter 1,$(CONFIG_WEB)),ui/web,-) $(BUILD)/web $@

$(out)/ui/web_page.o: $(BUILD)/web_page.c
	$(call say,CC,$(<:$(BUILD)/%=%))
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(out)/%.o: %.c $(BUILD)/config.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) $(file_cflags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(unit_bin): $(out)/tests/unit/%: $(out)/tests/unit/%.o $(library)
$(device_bin): $(out)/tests/device/%: $(out)/tests/device/%.o $(device_helper_obj) $(library)
$(insn_bin): $(out)/tests/insn/%: $(out)/tests/insn/%.o $(insn_helper_obj) $(library)
$(block_bin): $(out)/tests/block/%: $(out)/tests/block/%.o $(tools_library)
$(test_bin) $(block_bin):
	$(call say,LINK,$(@:$(BUILD)/%=%))
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

-include $(patsubst %.o,%.d,$(lib_obj) $(out)/cli/main.o $(tools_obj) $(tool_main_obj) $(test_obj))

.PHONY: force
force:

# --- Tests ------------------------------------------------------------------------------------

# prove runs as many programs at a time as make was given with -j. Boot tests take longest and
# come first.
check_jobs = $(or $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS))),1)
check = RHEA_BIN=$(rhea) RHEA_IMAGE=$(out)/tests/block/image RHEA_TOOLS=$(bin) RHEA_BUILD=$(BUILD) python3 tests/check --out $(out)/tap --jobs $(check_jobs)

style_run := $(style_tests:%=tests/style/%)
boot_run  := $(boot_tests:%=tests/boot/%)
insn_run  := $(insn_scripts:%=tests/insn/%)
block_run := $(block_tests:%=tests/block/%)

.PHONY: check check-block check-unit check-device check-insn check-style check-boot
check: $(rhea) $(tools) $(test_bin) $(block_bin) guests ## run all tests
	@$(check) $(boot_run) $(block_run) $(insn_run) $(style_run) $(test_bin)
check-unit: $(unit_bin)             ## run tests/unit
	@$(check) $(unit_bin)
check-device: $(device_bin)         ## run tests/device: devices without a CPU
	@$(check) $(device_bin)
# The boot tests have rows that take long and are near to others: half an hour more on two processors.
.PHONY: check-all
check-all: $(rhea) $(tools) guests  ## run tests/boot with the rows that check leaves out (but see check-debian, check-desktop)
	@RHEA_ALL=1 RHEA_LIMIT=$${RHEA_LIMIT:-7200} $(check) $(boot_run)
# Longer and elsewhere: RHEA_LIMIT=0 make check-fuzz MODE=asan RHEA_FUZZ_STEPS=1000000 RHEA_FUZZ_SEED=7 RHEA_BLOCK_FUZZ=5000
.PHONY: check-fuzz
check-fuzz: $(out)/tests/device/fuzz_devices_test $(tools) $(block_bin) ## run random accesses on every device and board, damaged images
	@$(check) $< tests/block/format_fuzz.py tests/block/qcow2_fuzz.py
check-insn: $(rhea) $(insn_bin)     ## run tests/insn: instructions
	@$(check) $(insn_run) $(insn_bin)

# Long runs: every row against this host, 2000 cases each (FIRST= other ones; ROUNDS= fewer), with
# the table of docs/cpu.md at the end; real-mode captures of an 80286 from a folder of their own.
FIRST  ?= 1
ROUNDS ?= 2000
native_tests := integer_test sse_test mmx_test bmi_test x87_test xsave_test avx_test
.PHONY: check-cpu check-moo
check-cpu: $(native_tests:%=$(out)/tests/insn/%) ## compare 2000 cases of every row with this host
	@python3 tests/insn/coverage --rounds $(ROUNDS) --first $(FIRST) $^
check-moo: $(out)/tests/insn/moo_test ## run 80286 captures: make check-moo DIR=folder
	@MOO_DIR='$(DIR)' $< -k
check-block: $(tools) $(block_bin)  ## run tests/block: disk images and their tools
	@$(check) $(block_run)
check-style:                        ## run tests/style: includes, layout, READMEs
	@$(check) $(style_run)
check-boot: $(rhea) $(tools) guests  ## run tests/boot: whole guests
	@$(check) $(boot_run)

# A quarter of an hour of processor time. One row in a shorter form is in 'make check'.
.PHONY: check-debian
check-debian: $(rhea) $(tools) guests ## run Debian's life on a disk on five controllers, raw and qcow2
	@RHEA_BIN=$(rhea) RHEA_TOOLS=$(bin) tests/boot/debian.py --all
	@RHEA_BIN=$(rhea) RHEA_TOOLS=$(bin) tests/boot/debian_network.py --all

# Five minutes of processor time, and a disk that is made once.
.PHONY: check-desktop
check-desktop: $(rhea) $(tools)     ## run Debian's graphical installer, and X on each graphics card
	@tools/fetch-guests installergtk desktop isolinux syslinux
	@RHEA_BIN=$(rhea) tests/boot/installer.py
	@RHEA_BIN=$(rhea) RHEA_TOOLS=$(bin) tests/boot/desktop.py

# Some minutes; the other rows are in 'make check'.
.PHONY: check-share
check-share: $(rhea) guests          ## run 10,000 files through shared folders, each way, with checksums
	@RHEA_BIN=$(rhea) tests/boot/share.py --all

# Ten minutes for each card, or SECONDS=; CARD= one of them. A few seconds are in 'make check'.
SECONDS ?= 600
.PHONY: check-net-soak
check-net-soak: $(rhea) guests      ## run parallel downloads and uploads with checksums for ten minutes
	@RHEA_ALL=1 RHEA_BIN=$(rhea) tests/boot/network_soak.py --seconds $(SECONDS) $(CARD:%=--card %)

# A quarter of an hour on two processors; tests/boot/migration_load.py --snapshots N --migrations N is shorter.
.PHONY: check-migration
check-migration: $(rhea) guests     ## save and load a busy guest 100 times, migrate it 20 times; every channel and disk
	@RHEA_BIN=$(rhea) tests/boot/migration_load.py
	@RHEA_BIN=$(rhea) tests/boot/snapshots.py --all
	@RHEA_BIN=$(rhea) tests/boot/migration.py --all

# Where threads meet when a machine is sent, dumped, served: a minute.
.PHONY: check-migration-tsan
check-migration-tsan: $(rhea) $(out)/tests/unit/migrate_test $(out)/tests/unit/dump_memory_test ## with MODE=tsan: migration under the thread sanitizer
	@$(check) tests/boot/migration_small.py $(filter %_test,$^)

# SKIP where that machine's compiler is missing.
.PHONY: check-cross
check-cross:                        ## build for arm64, run tests under qemu-user
	@tools/check-cross $(BUILD)/cross $(filter -j%,$(MAKEFLAGS))

# --- Guests -----------------------------------------------------------------------------------

# The boot tests skip, with the reason, when the guests cannot be fetched.
.PHONY: guests run bench
guests:                             ## fetch the guests of 'run' and 'check'
	@tools/fetch-guests || echo 'guests: not fetched, boot tests will skip'

run: $(rhea)                        ## boot a Debian kernel to a shell (Ctrl-A X leaves)
	@RHEA_BIN=$(rhea) tools/run-guest

bench: $(rhea)                      ## time programs, quickly: natively, here and under QEMU
	@tools/fetch-guests cloud busybox bench
	@RHEA_BIN=$(rhea) tests/bench/bench.py --quick $(BENCH_ARGS)

# --- Installation and housekeeping ------------------------------------------------------------

.PHONY: install clean distclean help
install: $(rhea) $(tools)           ## install below DESTDIR and the prefix given to configure
	install -d $(DESTDIR)$(prefix)/bin
	install -m 755 $(rhea) $(tools) $(DESTDIR)$(prefix)/bin
	install -d $(DESTDIR)$(prefix)/share/man/man1
	install -m 644 $(tool_programs:%=docs/man/%.1) $(DESTDIR)$(prefix)/share/man/man1

clean:                              ## remove what was built (all modes)
	rm -rf $(modes:%=$(BUILD)/%) $(BUILD)/rhea-system-x86_64 $(tool_programs:%=$(BUILD)/%)

distclean:                          ## remove the configuration too
	rm -rf $(modes:%=$(BUILD)/%) $(addprefix $(BUILD)/,rhea-system-x86_64 $(tool_programs) config.h config.mk web web_page.c \
	       config.stamp reconfigure cross)

help:                               ## this text
	@echo 'make [TARGET]... [MODE=release|debug|asan|ubsan|tsan] [BUILD=DIR] [V=1]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | \
	    while IFS='|' read -r target text; do printf '%-16s %s\n' "  $$target" "$$text"; done
