#include "msr/cpu_table.h"

#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/closest_word.h"
#include "base/host_root.h"

namespace vrapl {

struct CpuTable::AddedRow {
  std::string name;  // what row.name and row.source show
  std::string source;
  RaplModel row;
};

namespace {

using Json = nlohmann::json;

constexpr int kFormatVersion = 1;
constexpr double kMaxUnitUj = 1000;               // as DecodeEnergyUnits() demands of the unit register
constexpr double kMaxPlatformUnitUj = 1'000'000;  // psys counts whole joules on some servers

// Reads `text` and counts the lines it has passed. The parser copies its iterators, so the count is outside.
class LineCountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCountingIterator(const char* at, int* line) : at_(at), line_(line) {}
  const char& operator*() const { return *at_; }
  LineCountingIterator& operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  LineCountingIterator operator++(int) {
    LineCountingIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const LineCountingIterator& a, const LineCountingIterator& b) { return a.at_ == b.at_; }
  friend bool operator!=(const LineCountingIterator& a, const LineCountingIterator& b) { return a.at_ != b.at_; }

 private:
  const char* at_;
  int* line_;
};

// The file's values and where they stand.
struct Document {
  Json json;
  std::vector<int> row_lines;                           // of each row's opening brace
  std::vector<std::map<std::string, int>> field_lines;  // of each row's fields
};

absl::Status BadFile(absl::string_view file, int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("--cpu-table=", file, ": line ", line, ": ", what));
}

// Depths of the parser's events: 1 is the file's object, 2 the array of rows, 3 a row.
absl::StatusOr<Document> ParseDocument(absl::string_view text, absl::string_view file) {
  Document document;
  int line = 1;
  std::set<std::string> top_keys;
  absl::Status twice;
  const auto on_event = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start && depth == 2) {
      document.row_lines.push_back(line);
      document.field_lines.emplace_back();
    } else if (event == Json::parse_event_t::key && (depth == 1 || depth == 3)) {
      const auto key = value.get<std::string>();
      const bool first = depth == 1                     ? top_keys.insert(key).second
                         : document.field_lines.empty() ? true
                                                        : document.field_lines.back().emplace(key, line).second;
      if (!first && twice.ok()) twice = BadFile(file, line, absl::StrCat("\"", key, "\" stands here a second time"));
    }
    return true;
  };
  try {
    document.json = Json::parse(LineCountingIterator(text.data(), &line),
                                LineCountingIterator(text.data() + text.size(), &line), on_event);
  } catch (const Json::exception& error) {
    absl::string_view what = error.what();
    if (const size_t bracket = what.find("] "); bracket != absl::string_view::npos) what.remove_prefix(bracket + 2);
    return BadFile(file, line, absl::StrCat("no JSON: ", what));
  }
  if (!twice.ok()) return twice;
  return document;
}

// One row being read. The first error stays.
class RowReader {
 public:
  RowReader(absl::string_view file, size_t index, const Json& row, int line, const std::map<std::string, int>& lines)
      : file_(file), index_(index), row_(row), line_(line), lines_(lines) {
    for (const auto& [key, at] : lines) {
      static const std::vector<std::string> fields = {"vendor",  "family",    "model",        "name",
                                                      "domains", "unit_rule", "dram_unit_uj", "psys_unit_uj",
                                                      "source",  "override"};
      if (std::find(fields.begin(), fields.end(), key) != fields.end()) continue;
      const std::optional<std::string> meant = ClosestWord(key, fields);
      Fail(key, absl::StrCat("no such field; there are ", absl::StrJoin(fields, ", "),
                             meant ? absl::StrCat(". Did you mean ", *meant, "?") : ""));
    }
  }

  void Fail(const std::string& field, absl::string_view allowed) {
    if (!status_.ok()) return;
    const auto line = lines_.find(field);
    std::string what = absl::StrCat("row ", index_ + 1, ": \"", field, "\"");
    if (line == lines_.end()) {
      absl::StrAppend(&what, " is missing: ", allowed);
    } else {
      absl::StrAppend(&what, ": ", row_.at(field).dump(-1, ' ', false, Json::error_handler_t::replace), ": ", allowed);
    }
    status_ = BadFile(file_, line == lines_.end() ? line_ : line->second, what);
  }

  const Json* Find(const std::string& field) const {
    const auto found = row_.find(field);
    return found == row_.end() ? nullptr : &*found;
  }

  std::string Text(const std::string& field, absl::string_view allowed) {
    const Json* value = Find(field);
    if (value != nullptr && value->is_string()) {
      auto text = value->get<std::string>();
      // It is printed in one line, and in a CSV column.
      const bool printable = !text.empty() && text.find_first_of("\r\n\t") == std::string::npos;
      if (printable) return text;
    }
    Fail(field, allowed);
    return "";
  }

  // A number as /proc/cpuinfo has it, or "0x" and hex digits in quotes.
  int Id(const std::string& field, int most) {
    const Json* value = Find(field);
    int id = -1;
    if (value != nullptr && value->is_number_unsigned() && value->get<uint64_t>() <= static_cast<uint64_t>(most)) {
      id = value->get<int>();
    } else if (value != nullptr && value->is_string()) {
      const auto text = value->get<std::string>();
      const bool hex = text.size() >= 3 && text.size() <= 6 && text[0] == '0' && text[1] == 'x' &&
                       text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos;
      if (hex && absl::SimpleHexAtoi(text, &id) && id > most) id = -1;
    }
    if (id < 0) {
      Fail(field,
           absl::StrFormat("a number from 0 to %d as /proc/cpuinfo shows it, or \"0x0\" to \"0x%X\"", most, most));
    }
    return id;
  }

  std::optional<double> UnitJoules(const std::string& field, double most_uj) {
    const Json* value = Find(field);
    if (value == nullptr) return std::nullopt;
    const double uj = value->is_number() ? value->get<double>() : 0;
    if (!(uj >= 1 && uj <= most_uj)) {
      Fail(field, absl::StrFormat("microjoules per count, from 1 to %.0f; leave it out where the unit register holds",
                                  most_uj));
    }
    return uj * 1e-6;
  }

  bool Flag(const std::string& field) {
    const Json* value = Find(field);
    if (value == nullptr) return false;
    if (!value->is_boolean()) Fail(field, "true or false");
    return value->is_boolean() && value->get<bool>();
  }

  const absl::Status& status() const { return status_; }

 private:
  absl::string_view file_;
  size_t index_;
  const Json& row_;
  int line_;
  const std::map<std::string, int>& lines_;
  absl::Status status_;
};

CpuVendor ReadVendor(RowReader& reader) {
  static constexpr char kAllowed[] = "\"intel\", \"amd\" or \"hygon\"";
  const std::string text = reader.Text("vendor", kAllowed);
  if (text == "intel") return CpuVendor::kIntel;
  if (text == "amd") return CpuVendor::kAmd;
  if (text == "hygon") return CpuVendor::kHygon;
  reader.Fail("vendor", kAllowed);
  return CpuVendor::kOther;
}

EnergyUnitRule ReadUnitRule(RowReader& reader) {
  static constexpr char kAllowed[] =
      "\"power-of-two\" (2^-ESU J), \"microjoules\" (2^ESU uJ) or \"by-range\" (as ESU tells)";
  const std::string text = reader.Text("unit_rule", kAllowed);
  if (text == "microjoules") return EnergyUnitRule::kMicrojoules;
  if (text == "by-range") return EnergyUnitRule::kByRange;
  if (text != "power-of-two") reader.Fail("unit_rule", kAllowed);
  return EnergyUnitRule::kPowerOfTwo;
}

uint32_t ReadDomains(RowReader& reader, CpuVendor vendor) {
  std::map<std::string, uint32_t> bits;  // of the domains that the vendor has registers for
  std::vector<std::string> words;
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore, RaplDomain::kDram,
                                  RaplDomain::kPsys, RaplDomain::kCore}) {
    if (!EnergyStatusRegister(vendor, domain)) continue;
    bits[DomainName(domain)] = uint32_t{1} << static_cast<int>(domain);
    words.emplace_back(DomainName(domain));
  }
  const std::string allowed =
      absl::StrCat("a list of ", absl::StrJoin(words, ", "), "; each once, and package among them");
  const Json* value = reader.Find("domains");
  if (value == nullptr || !value->is_array()) {
    reader.Fail("domains", allowed);
    return 0;
  }
  uint32_t domains = 0;
  for (const Json& entry : *value) {
    const auto bit = bits.find(entry.is_string() ? entry.get<std::string>() : "");
    if (bit == bits.end() || (domains & bit->second) != 0) {
      reader.Fail("domains", allowed);
      return 0;
    }
    domains |= bit->second;
  }
  if ((domains >> static_cast<int>(RaplDomain::kPackage) & 1) == 0) reader.Fail("domains", allowed);
  return domains;
}

bool Same(const RaplModel& row, CpuVendor vendor, int family, int model) {
  return row.vendor == vendor && row.family == family && row.model == model;
}

}  // namespace

std::string CpuId(int family, int model) { return absl::StrFormat("%02X_%02X", family, model); }

absl::StatusOr<CpuTable> CpuTable::WithFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return absl::Status(text.status().code(), absl::StrCat("--cpu-table: ", text.status().message()));
  return WithRows(*text, path);
}

absl::StatusOr<CpuTable> CpuTable::WithRows(absl::string_view text, absl::string_view name) {
  absl::StatusOr<Document> document = ParseDocument(text, name);
  if (!document.ok()) return document.status();
  const Json& json = document->json;
  if (!json.is_object()) return BadFile(name, 1, "an object is wanted: {\"vrapl_cpu_table\": 1, \"rows\": [...]}");
  for (const auto& [key, value] : json.items()) {
    if (key != "vrapl_cpu_table" && key != "rows") {
      return BadFile(name, 1, absl::StrCat("\"", key, "\": no such field; there are vrapl_cpu_table and rows"));
    }
  }
  if (!json.contains("vrapl_cpu_table") || json["vrapl_cpu_table"] != kFormatVersion) {
    return BadFile(name, 1, absl::StrCat("\"vrapl_cpu_table\" must be ", kFormatVersion, ", the format's version"));
  }
  if (!json.contains("rows") || !json["rows"].is_array() || json["rows"].empty()) {
    return BadFile(name, 1, "\"rows\" must be a list of one row or more");
  }
  auto added = std::make_shared<std::vector<std::unique_ptr<AddedRow>>>();
  for (size_t i = 0; i < json["rows"].size(); ++i) {
    const Json& value = json["rows"][i];
    if (!value.is_object() || document->row_lines.size() != json["rows"].size()) {
      return BadFile(name, 1,
                     absl::StrCat("row ", i + 1, " of \"rows\" is wrong: each is one object, with no object in it"));
    }
    RowReader reader(name, i, value, document->row_lines[i], document->field_lines[i]);
    auto row = std::make_unique<AddedRow>();
    RaplModel& model = row->row;
    model.vendor = ReadVendor(reader);
    model.family = reader.Id("family", 0xFF);
    model.model = reader.Id("model", 0xFF);
    row->name = reader.Text("name", "what the model is called, in one line");
    model.domains = ReadDomains(reader, model.vendor);
    model.unit_rule = ReadUnitRule(reader);
    model.dram_unit_joules = reader.UnitJoules("dram_unit_uj", kMaxUnitUj);
    model.psys_unit_joules = reader.UnitJoules("psys_unit_uj", kMaxPlatformUnitUj);
    row->source = reader.Text("source", "where these facts come from, in one line");
    model.name = row->name;
    model.source = row->source;
    model.typical_esu = model.unit_rule == EnergyUnitRule::kPowerOfTwo ? 14 : 5;  // nobody reads by it
    model.counter_bits = 32;
    model.access = RaplAccess::kMsr;
    for (const auto& [field, domain] :
         {std::pair("dram_unit_uj", RaplDomain::kDram), std::pair("psys_unit_uj", RaplDomain::kPsys)}) {
      if (reader.Find(field) != nullptr && !model.Has(domain)) {
        reader.Fail(field, absl::StrCat("the row has no domain ", DomainName({domain})));
      }
    }
    const bool override_built_in = reader.Flag("override");
    if (!reader.status().ok()) return reader.status();

    for (size_t earlier = 0; earlier < added->size(); ++earlier) {
      if (!Same((*added)[earlier]->row, model.vendor, model.family, model.model)) continue;
      reader.Fail("model",
                  absl::StrCat("row ", earlier + 1, " is for the same CPU, ", CpuId(model.family, model.model)));
    }
    const RaplModel* built_in = FindRaplModel(model.vendor, model.family, model.model);
    if (built_in != nullptr && built_in->family != kAnyFamily && !override_built_in) {
      reader.Fail("model", absl::StrCat("vrapl has a row of its own for ", CpuId(model.family, model.model), " (",
                                        built_in->name, "); to use this one instead, add \"override\": true to it"));
    }
    if (!reader.status().ok()) return reader.status();
    added->push_back(std::move(row));
  }
  CpuTable table;
  table.file_ = std::string(name);
  table.added_ = std::move(added);
  return table;
}

const RaplModel* CpuTable::Find(const CpuModel& cpu) const {
  if (added_ != nullptr) {
    for (const std::unique_ptr<AddedRow>& added : *added_) {
      if (Same(added->row, cpu.vendor, cpu.family, cpu.model)) return &added->row;
    }
  }
  const RaplModel* row = FindRaplModel(cpu.vendor, cpu.family, cpu.model);
  return row != nullptr && row->family == kAnyFamily && !cpu.rapl ? nullptr : row;
}

std::string CpuTable::Label(const CpuModel& cpu) const {
  if (added_ == nullptr) return "";
  for (const std::unique_ptr<AddedRow>& added : *added_) {
    if (Same(added->row, cpu.vendor, cpu.family, cpu.model)) {
      return absl::StrCat(file_, " row ", CpuId(cpu.family, cpu.model));
    }
  }
  return "";
}

}  // namespace vrapl
