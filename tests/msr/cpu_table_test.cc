#include "msr/cpu_table.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "msr/energy_unit.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

CpuModel Cpu(CpuVendor vendor, int family, int model, bool rapl = false) {
  CpuModel cpu;
  cpu.vendor = vendor;
  cpu.family = family;
  cpu.model = model;
  cpu.rapl = rapl;
  return cpu;
}

// The example of docs/cpu-table.md.
constexpr char kExample[] = R"({
  "vrapl_cpu_table": 1,
  "rows": [
    {
      "vendor": "intel", "family": 6, "model": "0xff",
      "name": "Example Lake-SP",
      "domains": ["package", "dram", "psys"],
      "unit_rule": "power-of-two",
      "dram_unit_uj": 15.2587890625,
      "psys_unit_uj": 1000000,
      "source": "Linux arch/x86/events/rapl.c of 2027"
    }
  ]
})";

// The example with one text replaced.
absl::Status Changed(absl::string_view from, absl::string_view to) {
  const std::string text = absl::StrReplaceAll(kExample, {{from, to}});
  EXPECT_NE(text, kExample) << from;
  return CpuTable::WithRows(text, "my.json").status();
}

TEST(CpuTableTest, AnAddedRowIsFoundAndLabelled) {
  const absl::StatusOr<CpuTable> table = CpuTable::WithRows(kExample, "my.json");
  ASSERT_THAT(table, IsOk());
  EXPECT_EQ(table->added(), 1u);
  const CpuModel cpu = Cpu(CpuVendor::kIntel, 6, 0xFF);
  const RaplModel* row = table->Find(cpu);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->name, "Example Lake-SP");
  EXPECT_EQ(row->source, "Linux arch/x86/events/rapl.c of 2027");
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kDram, RaplDomain::kPsys}) {
    EXPECT_TRUE(row->Has(domain)) << DomainName(domain);
  }
  EXPECT_FALSE(row->Has(RaplDomain::kCores));
  const absl::StatusOr<EnergyUnits> units = DecodeEnergyUnits(0x000A0E03, *row);
  ASSERT_THAT(units, IsOk());
  EXPECT_EQ(units->common.joules_per_tick, 1.0 / (1 << 14));
  EXPECT_EQ(units->dram.joules_per_tick, 1.0 / (1 << 16)) << "to the last bit";
  EXPECT_EQ(units->psys.joules_per_tick, 1.0);
  EXPECT_EQ(table->Label(cpu), "my.json row 06_FF");
  EXPECT_EQ(CpuTable().Find(cpu), nullptr);
}

TEST(CpuTableTest, OtherCpusHaveTheirBuiltInRowsAndNoLabel) {
  const absl::StatusOr<CpuTable> table = CpuTable::WithRows(kExample, "my.json");
  ASSERT_THAT(table, IsOk());
  const CpuModel skylake = Cpu(CpuVendor::kIntel, 6, 0x55);
  EXPECT_EQ(table->Find(skylake), FindRaplModel(CpuVendor::kIntel, 6, 0x55));
  EXPECT_EQ(table->Label(skylake), "");
  EXPECT_EQ(table->Find(Cpu(CpuVendor::kIntel, 0x12, 0xFF)), nullptr) << "the family counts";
  EXPECT_EQ(table->Find(Cpu(CpuVendor::kOther, 6, 0xFF)), nullptr) << "and so does the vendor";
}

TEST(CpuTableTest, ACopyKeepsTheRows) {
  const RaplModel* row = nullptr;
  CpuTable copy;
  {
    const absl::StatusOr<CpuTable> table = CpuTable::WithRows(kExample, "my.json");
    ASSERT_THAT(table, IsOk());
    row = table->Find(Cpu(CpuVendor::kIntel, 6, 0xFF));
    copy = *table;
  }
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->name, "Example Lake-SP");
  EXPECT_EQ(copy.Find(Cpu(CpuVendor::kIntel, 6, 0xFF)), row);
}

// A row of the file never stands before a built-in one without a word.
TEST(CpuTableTest, ABuiltInRowIsReplacedOnlyWhenTheFileSaysSo) {
  EXPECT_THAT(
      Changed("\"0xff\"", "\"0x55\""),
      StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("line 5"), HasSubstr("06_55"),
                                                         HasSubstr("Skylake-SP"), HasSubstr("\"override\": true"))));
  EXPECT_THAT(Changed("\"0xff\"", "85, \"override\": false"), StatusIs(absl::StatusCode::kInvalidArgument));
  const absl::StatusOr<CpuTable> table =
      CpuTable::WithRows(absl::StrReplaceAll(kExample, {{"\"0xff\"", "\"0x55\", \"override\": true"}}), "my.json");
  ASSERT_THAT(table, IsOk());
  const CpuModel skylake = Cpu(CpuVendor::kIntel, 6, 0x55);
  EXPECT_EQ(table->Find(skylake)->name, "Example Lake-SP");
  EXPECT_EQ(table->Label(skylake), "my.json row 06_55");
}

// A family-wide row answers for each model of the family; the CPUID rule for later families only where CPUID says so.
TEST(CpuTableTest, AmdFamilies) {
  const auto amd = [](absl::string_view family) {
    return absl::StrCat(R"({"vrapl_cpu_table": 1, "rows": [{"vendor": "amd", "family": ")", family,
                        R"(", "model": 7, "name": "Zen X", "domains": ["package", "core"],
                        "unit_rule": "power-of-two", "source": "a manual"}]})");
  };
  EXPECT_THAT(CpuTable::WithRows(amd("0x1A"), "my.json"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1A_07")));
  const absl::StatusOr<CpuTable> table = CpuTable::WithRows(amd("0x1B"), "my.json");
  ASSERT_THAT(table, IsOk());
  EXPECT_EQ(table->Find(Cpu(CpuVendor::kAmd, 0x1B, 7))->name, "Zen X");
  EXPECT_EQ(table->Find(Cpu(CpuVendor::kAmd, 0x1B, 8)), nullptr);
  ASSERT_NE(table->Find(Cpu(CpuVendor::kAmd, 0x1B, 8, /*rapl=*/true)), nullptr);
  EXPECT_EQ(table->Label(Cpu(CpuVendor::kAmd, 0x1B, 8, true)), "");
}

TEST(CpuTableTest, ErrorsNameLineFieldAndWhatIsAllowed) {
  struct Case {
    const char* from;
    const char* to;
    int line;
    const char* field;
    const char* allowed;
  };
  for (const Case& wrong : {
           Case{"\"intel\"", "\"GenuineIntel\"", 5, "vendor", "\"intel\", \"amd\" or \"hygon\""},
           Case{"\"family\": 6", "\"family\": \"6\"", 5, "family", "/proc/cpuinfo"},
           Case{"\"family\": 6", "\"family\": -6", 5, "family", "0 to 255"},
           Case{"\"family\": 6,", "", 4, "family", "missing"},
           Case{"\"0xff\"", "\"0x1ff\"", 5, "model", "0xFF"},
           Case{"\"0xff\"", "256", 5, "model", "0 to 255"},
           Case{"\"0xff\"", "6.5", 5, "model", "0 to 255"},
           Case{"\"Example Lake-SP\"", "\"\"", 6, "name", "one line"},
           Case{"\"Example Lake-SP\"", "\"two\\nlines\"", 6, "name", "one line"},
           Case{"\"name\"", "\"nmae\"", 6, "nmae", "Did you mean name?"},
           Case{"[\"package\", \"dram\", \"psys\"]", "\"package\"", 7, "domains", "package, cores, uncore, dram, psys"},
           Case{"[\"package\", \"dram\", \"psys\"]", "[\"dram\", \"psys\"]", 7, "domains", "package among them"},
           Case{"[\"package\", \"dram\", \"psys\"]", "[\"package\", \"dram\", \"dram\"]", 7, "domains", "each once"},
           Case{"[\"package\", \"dram\", \"psys\"]", "[\"package\", \"core\"]", 7, "domains", "package, cores"},
           Case{"[\"package\", \"dram\", \"psys\"]", "[\"package\", \"psys\"]", 9, "dram_unit_uj", "no domain dram"},
           Case{"\"power-of-two\"", "\"pow2\"", 8, "unit_rule", "power-of-two"},
           Case{"15.2587890625", "\"2^-16 J\"", 9, "dram_unit_uj", "from 1 to 1000"},
           Case{"15.2587890625", "0.0000152587890625", 9, "dram_unit_uj", "from 1 to 1000"},
           Case{"1000000,", "1000001,", 10, "psys_unit_uj", "from 1 to 1000000"},
           Case{"\"source\": ", "\"override\": 1, \"source\": ", 11, "override", "true or false"},
           Case{"\"source\"", "\"name\"", 11, "name", "a second time"},
           Case{"\"unit_rule\"", "\"source\"", 11, "source", "a second time"},
           Case{",\n      \"source\": \"Linux arch/x86/events/rapl.c of 2027\"", "", 4, "source", "missing"},
           Case{"\"psys_unit_uj\": 1000000,", "\"psys_unit_uj\" 1000000,", 10, "no JSON", "expected ':'"},
       }) {
    SCOPED_TRACE(absl::StrCat(wrong.from, " -> ", wrong.to));
    EXPECT_THAT(Changed(wrong.from, wrong.to),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(absl::StrCat("--cpu-table=my.json: line ", wrong.line, ": ")),
                               HasSubstr(wrong.field), HasSubstr(wrong.allowed))));
  }
}

TEST(CpuTableTest, TheFileAsAWhole) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& wrong : {
           Case{"", "no JSON"},
           Case{"[]", "an object is wanted"},
           Case{"{}", "\"vrapl_cpu_table\" must be 1"},
           Case{R"({"vrapl_cpu_table": 2, "rows": []})", "\"vrapl_cpu_table\" must be 1"},
           Case{R"({"vrapl_cpu_table": 1})", "\"rows\" must be a list of one row or more"},
           Case{R"({"vrapl_cpu_table": 1, "rows": []})", "\"rows\" must be a list of one row or more"},
           Case{R"({"vrapl_cpu_table": 1, "rows": [7]})", "each is one object"},
           Case{R"({"vrapl_cpu_table": 1, "rows": [{}]})", "\"vendor\" is missing"},
           Case{R"({"vrapl_cpu_table": 1, "rows": [{"vendor": {"a": {}}}]})", "\"vendor\""},
           Case{R"({"vrapl_cpu_table": 1, "rows": [{"vendor": [{}]}]})", "\"vendor\""},
           Case{R"({"vrapl_cpu_table": 1, "rows": [[{}]]})", "each is one object"},
           Case{R"({"vrapl_cpu_table": 1, "row": []})", "\"row\": no such field"},
           Case{R"({"vrapl_cpu_table": 1, "rows": {"a": {}}})", "\"rows\" must be a list"},
       }) {
    SCOPED_TRACE(wrong.text);
    EXPECT_THAT(CpuTable::WithRows(wrong.text, "my.json"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("--cpu-table=my.json: line 1: "), HasSubstr(wrong.message))));
  }
  EXPECT_THAT(CpuTable::WithFile("/does/not/exist.json"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/does/not/exist.json")));
}

TEST(CpuTableTest, OneCpuHasOneRow) {
  const std::string row = R"({"vendor": "intel", "family": "0x6", "model": 255, "name": "A", "domains": ["package"],
      "unit_rule": "by-range", "source": "B"})";
  EXPECT_THAT(
      CpuTable::WithRows(absl::StrCat(R"({"vrapl_cpu_table": 1, "rows": [)", row, ",\n", row, "]}"), "my.json"),
      StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("row 2"), HasSubstr("row 1 is for the same CPU"))));
}

}  // namespace
}  // namespace vrapl
