#include "bench/made_registers.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "base/clock.h"
#include "bench/load.h"
#include "msr/rapl_reader.h"
#include "tests/fakes/host_builder.h"

namespace vrapl {
namespace {

class MovingRegisters final : public EnergySource {
 public:
  MovingRegisters(std::unique_ptr<HostBuilder> host, std::unique_ptr<EnergySource> registers)
      : host_(std::move(host)), registers_(std::move(registers)), start_ns_(MonotonicNs()) {}

  absl::string_view backend() const override { return registers_->backend(); }
  const PackageInfo& package() const override { return registers_->package(); }
  void Read(EnergySample& sample) override {
    registers_->Read(sample);
    const auto elapsed = static_cast<uint64_t>(sample.before_ns - start_ns_);
    for (size_t i = 0; i < package().domains.size(); ++i) sample.ticks[i] += elapsed * kTicksPerMs / 1'000'000;
  }
  void StartAnew() override { registers_->StartAnew(); }
  void CoverCpus(absl::Span<const int> cpus) override { registers_->CoverCpus(cpus); }

 private:
  static constexpr uint64_t kTicksPerMs = 400;  // some 25 W: as many digits in a recording as real ones take

  const std::unique_ptr<HostBuilder> host_;  // its files go with it
  const std::unique_ptr<EnergySource> registers_;
  const int64_t start_ns_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EnergySource>> MakeMovingRegisters(int reader_cpu) {
  ::setenv("TMPDIR", "/dev/shm", /*overwrite=*/1);
  auto host = std::make_unique<HostBuilder>(CpuVendor::kIntel, 6, 0x5E);
  for (const int cpu : OnlineCpus()) host->AddCpu({.cpu = cpu, .core = cpu});
  std::string bytes(0x700, '\0');
  const auto set = [&](MsrAddress address, uint64_t value) { std::memcpy(&bytes[address], &value, sizeof value); };
  set(kMsrRaplPowerUnit, 0x000A0E03);
  for (const MsrAddress address :
       {kMsrPkgEnergyStatus, kMsrPp0EnergyStatus, kMsrPp1EnergyStatus, kMsrDramEnergyStatus}) {
    set(address, 123'456 + address);
  }
  for (const int cpu : OnlineCpus()) host->Write("/dev/cpu/" + std::to_string(cpu) + "/msr", bytes);
  auto sources = OpenMsrSources(host->root());
  if (!sources.ok()) return sources.status();
  sources->front()->CoverCpus({reader_cpu});
  return std::make_unique<MovingRegisters>(std::move(host), std::move(sources->front()));
}

}  // namespace vrapl
