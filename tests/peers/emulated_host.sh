# Sourced by what runs other tools on emulated hosts: needs $bin (vrapl-emulator), $shim (libpeer_shim.so), $package_w and
# $dram_w. See docs/peers.md.

# on_host CPU DIRECTORY COMMAND...: emulates CPU at DIRECTORY/host while COMMAND runs; its reads are in DIRECTORY/reads.
on_host() {
  local cpu=$1 dir=$2 emulator status=0
  shift 2
  mkdir -p "$dir"
  exec {ready}< <(exec "$bin/vrapl-emulator" --mount "$dir/host" --cpu="$cpu" --power="const:${package_w}W" \
    --dram="const:${dram_w}W" --log-reads="$dir/reads" --die-with-parent 2>"$dir/emulator.err")
  emulator=$!
  if ! read -r -u "$ready" _; then
    [[ $dir != *.rdmsr ]] || sed "s/^vrapl-emulator/${0##*/}/" "$dir/emulator.err" >&2
    return 1
  fi
  "$@" || status=$?
  kill -INT "$emulator"
  exec {ready}<&-
  while kill -0 "$emulator" 2>/dev/null; do sleep 0.02; done
  return "$status"
}

# in_namespace DIRECTORY COMMAND...: with the emulated host's devices, CPU and powercap where the machine's own would be, and
# with the memory controller that likwid wants to see: empty PCI devices and an empty /dev/mem.
in_namespace() {
  local dir=$1
  shift
  # shellcheck disable=SC2016 # it is the inner shell that expands
  unshare --mount bash -c '
    set -e
    host=$1/host stage=$1/stage
    shift
    mkdir -p "$stage"
    mount -t tmpfs peers "$stage"
    mkdir -p "$stage/dev/cpu" "$stage/dev/shm" "$stage/bus/pci/00" "$stage/bus/pci/16"
    for device in null zero urandom; do touch "$stage/dev/$device"; mount --bind "/dev/$device" "$stage/dev/$device"; done
    mount --rbind "$host/dev/cpu" "$stage/dev/cpu"
    truncate --size=8G "$stage/dev/mem"
    # Base address register of the memory controller: enabled, at 0xFED10000.
    { head -c 72 /dev/zero; printf "\x01\x00\xd1\xfe\x00\x00\x00\x00"; head -c 176 /dev/zero; } >"$stage/bus/pci/00/00.0"
    # A device of each server by which likwid finds the bus of a socket.
    for id in 3c44 0e36 2f30 6f30 7843 2042 344a; do printf "1600\t8086%s\t0\n" "$id"; done >"$stage/bus/pci/devices"
    mount --bind "$stage/bus" /proc/bus
    mount --bind "$host/proc/cpuinfo" /proc/cpuinfo
    mount --rbind "$stage/dev" /dev
    exec "$@"' bash "$dir" "$@"
}

# in_qemu DIRECTORY PROGRAM...: as in_namespace, with CPUID as the emulated CPU answers it.
in_qemu() {
  local dir=$1 vendor family model stepping
  shift
  IFS=, read -r vendor family model stepping < <(awk -F '\t*: ' '
    /^vendor_id/ { vendor = $2 } /^cpu family/ { family = $2 } /^model\t/ { model = $2 } /^stepping/ { stepping = $2 }
    /^$/ { print vendor "," family "," model "," stepping; exit }' "$dir/host/proc/cpuinfo")
  local rapl_bit=()
  [[ $vendor == GenuineIntel ]] || rapl_bit=(-E VRAPL_PEER_AMD_RAPL=1)
  in_namespace "$dir" timeout 60 qemu-x86_64 "${rapl_bit[@]}" -E LD_PRELOAD="$shim" \
    -cpu "qemu64,vendor=$vendor,family=$family,model=$model,stepping=$stepping" "$@"
}
