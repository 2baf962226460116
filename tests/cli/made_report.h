// A report made by hand, for the formats: docs/output.md says what is in them.
#pragma once

#include <cstdint>

#include "sampler/flush_report.h"

namespace vrapl {

inline constexpr int64_t kSecond = 1'000'000'000;

inline ModelReport MadeModel(Model model) {
  ModelReport report{.model = model};
  report.counters = {{.package_id = 0,
                      .domain = {RaplDomain::kPackage},
                      .dt_ns = 2 * kSecond,
                      .energy_ticks = 1000,
                      .unit_uj = 61.03515625,
                      .energy_uj = 61'035,
                      .model = model == Model::kBaseShare ? Model::kCapacity : model},
                     {.package_id = 0,
                      .domain = {RaplDomain::kDram},
                      .dt_ns = 2 * kSecond,
                      .energy_ticks = 40,
                      .unit_uj = 15.2587890625,
                      .energy_uj = 610,
                      .model = model,
                      .base_w = 3.5,
                      .base_err_w = 0.25,
                      .base_given = true,
                      .read_errors = 7}};
  const VmRun web{.uuid = "11112222-3333-4444-5555-666677778888", .name = "web", .pid = 4711, .start_time = 99};
  report.rows = {{.kind = RowKind::kIdle,
                  .domain = {RaplDomain::kPackage},
                  .energy_ticks = 600,
                  .energy_uj = 36'621,
                  .run_time_ns = 3 * kSecond},
                 {.kind = RowKind::kVm,
                  .vm = web,
                  .part = "vcpu0",
                  .domain = {RaplDomain::kPackage},
                  .energy_ticks = 400,
                  .energy_uj = 24'414,
                  .run_time_ns = kSecond,
                  .solo_time_ns = 6 * kSecond / 10,
                  .shared_time_ns = 4 * kSecond / 10},
                 {.kind = RowKind::kIdle,
                  .domain = {RaplDomain::kDram},
                  .energy_ticks = 30,
                  .energy_uj = 458,
                  .active_uj = 0,
                  .run_time_ns = 3 * kSecond},
                 {.kind = RowKind::kVm,
                  .vm = web,
                  .part = "vcpu0",
                  .domain = {RaplDomain::kDram},
                  .energy_ticks = 10,
                  .energy_uj = 153,
                  .active_uj = 150,
                  .run_time_ns = kSecond}};
  return report;
}

inline FlushReport MadeReport() {
  FlushReport report{.seq = 3,
                     .t_ns = 6 * kSecond + 17,
                     .dt_ns = 2 * kSecond,
                     .unix_ns = 1'763'767'882'271'000'000,
                     .source = "emulated",
                     .backend = "msr"};
  report.models = {MadeModel(Model::kBaseShare)};
  report.samplers = {{.package_id = 0,
                      .cpu = 1,
                      .lateness = {.samples = 5990,
                                   .late = 4,
                                   .missed = 10,
                                   .p50_ns = 21'000,
                                   .p99_ns = 65'000,
                                   .p999_ns = 90'000,
                                   .max_ns = 3'000'000},
                      .stalls = {.stalls = 2,
                                 .late_ns = 18'000'000,
                                 .stolen_ns = 7'000'000,
                                 .longest = {.t_ns = 5 * kSecond, .late_ns = 12'000'000, .stolen_ns = 7'000'000},
                                 .missed = 10,
                                 .missed_stolen = 6},
                      .new_stalls = {{.t_ns = 5 * kSecond, .late_ns = 12'000'000, .stolen_ns = 7'000'000}},
                      .edges = {.at_edge = 5900, .missed = 60, .doubles = 8, .empty = 3, .by_clock = 30},
                      .cpu_time_ns = 250'000'000,
                      .dropped = 2,
                      .read_errors = 7,
                      .gaps = 5,
                      .unreported_switches = 12,
                      .late_run_time_ns = 3'456'000,
                      .lost_records = 1}};
  report.vms = {{.vm = report.models[0].rows[1].vm,
                 .vcpus = 2,
                 .epoch = 0x9f,
                 .energy_uj = 24'567,
                 .run_time_ns = kSecond,
                 .total_energy_uj = 100'000,
                 .guest_line = "VRAPL1 seq=3 *00000000",
                 .lines_sent = 1,
                 .lines_skipped_unread = 2,
                 .ports_not_connected = 3,
                 .port_errors = 4}};
  return report;
}

}  // namespace vrapl
