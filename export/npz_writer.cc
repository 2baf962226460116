// NumPy: an .npz, which is a zip file without compression of one .npy per column. Nothing in it needs pickle.
//
// Integers are int64; those that may be absent are float64 with NaN, as pandas reads a CSV with blanks. Texts repeat,
// so a column of text is int32 indices, and its words are beside it in COLUMN_names.
//
// An array's length stands in its header and its bytes must lie together: until the end each column is in a file of its
// own, which has no name.
#include <fcntl.h>
#include <minizip/zip.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "export/columns.h"
#include "export/export_sink.h"
#include "export/npy.h"
#include "export/run_meta.h"

namespace vrapl {
namespace {

constexpr size_t kBuffer = 1 << 16;

// Bytes that wait on the disk, in the directory that the export goes to.
class Spill {
 public:
  static absl::StatusOr<Spill> Create(const OutputFile& file) {
    std::string name = file.temporary_path() + "-XXXXXX";
    UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd.ok()) return file.WriteFailed(errno);
    ::unlink(name.c_str());
    return Spill(std::move(fd));
  }

  // 0 or an errno.
  template <typename Number>
  int Append(Number number) {
    buffer_.append(reinterpret_cast<const char*>(&number), sizeof number);
    return buffer_.size() < kBuffer ? 0 : Flush();
  }
  int Flush() {
    for (size_t at = 0; at < buffer_.size();) {
      const ssize_t written = ::write(fd_.get(), buffer_.data() + at, buffer_.size() - at);
      if (written < 0 && errno != EINTR) return errno;
      if (written > 0) at += static_cast<size_t>(written);
    }
    buffer_.clear();
    return 0;
  }
  // Piece after piece from the beginning; empty at the end. Call Flush() before.
  absl::StatusOr<absl::string_view> Read(off_t at) {
    buffer_.resize(kBuffer);
    const ssize_t size = ::pread(fd_.get(), buffer_.data(), buffer_.size(), at);
    if (size < 0) return PosixError(errno, "read a column back");
    return absl::string_view(buffer_.data(), static_cast<size_t>(size));
  }

 private:
  explicit Spill(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::string buffer_;
};

class Zip {
 public:
  explicit Zip(const std::string& path) : zip_(::zipOpen64(path.c_str(), APPEND_STATUS_CREATE)) {}
  ~Zip() {
    if (zip_ != nullptr) ::zipClose(zip_, nullptr);
  }
  Zip(const Zip&) = delete;
  Zip& operator=(const Zip&) = delete;

  bool ok() const { return ok_ && zip_ != nullptr; }
  void Begin(const std::string& name) {
    if (!ok()) return;
    zip_fileinfo info = {};
    info.dosDate = 1 << 21 | 1 << 16;  // 1980-01-01: the same bytes each time
    ok_ = ::zipOpenNewFileInZip64(zip_, name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, /*method=*/0, 0,
                                  /*zip64=*/1) == ZIP_OK;
  }
  void Add(absl::string_view bytes) {
    ok_ = ok() &&
          (bytes.empty() || ::zipWriteInFileInZip(zip_, bytes.data(), static_cast<unsigned>(bytes.size())) == ZIP_OK);
  }
  void End() { ok_ = ok() && ::zipCloseFileInZip(zip_) == ZIP_OK; }
  void AddWhole(const std::string& name, const std::string& bytes) { Begin(name), Add(bytes), End(); }
  bool Close() {
    const bool closed = zip_ != nullptr && ::zipClose(std::exchange(zip_, nullptr), nullptr) == ZIP_OK;
    return ok_ && closed;
  }

 private:
  zipFile zip_;
  bool ok_ = true;
};

class NpzWriter final : public RowWriter {
 public:
  explicit NpzWriter(OutputFile& file) : file_(file), texts_(Columns().size()) {}

  absl::Status Begin(const RecordedRun& run, const ExportQuery& query) override {
    if (file_.temporary_path().empty()) {
      return absl::InvalidArgumentError("NumPy arrays need a file: give one with -o FILE.npz");
    }
    run_ = &run;
    meta_ = RunMetaJson(run, query);
    for (size_t i = 0; i < Columns().size(); ++i) {
      absl::StatusOr<Spill> spill = Spill::Create(file_);
      if (!spill.ok()) return spill.status();
      spills_.push_back(*std::move(spill));
    }
    return absl::OkStatus();
  }

  absl::Status Write(const ExportRow& row) override {
    ++rows_;
    for (size_t i = 0; i < spills_.size(); ++i) {
      const Column& column = Columns()[i];
      const Cell cell = column.cell(row);
      int error = 0;
      if (column.type == ColumnType::kText) {
        const auto* text = std::get_if<absl::string_view>(&cell);
        error = spills_[i].Append(texts_[i].Index(text != nullptr ? *text : ""));
      } else if (column.type == ColumnType::kReal) {
        error = spills_[i].Append(std::get<double>(cell));
      } else if (column.may_be_absent) {
        const auto* value = std::get_if<int64_t>(&cell);
        error = spills_[i].Append(value != nullptr ? static_cast<double>(*value)
                                                   : std::numeric_limits<double>::quiet_NaN());
      } else {
        error = spills_[i].Append(std::get<int64_t>(cell));
      }
      if (error != 0) return file_.WriteFailed(error);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    errno = 0;
    Zip zip(file_.temporary_path());
    for (size_t i = 0; i < spills_.size(); ++i) {
      const Column& column = Columns()[i];
      if (const int error = spills_[i].Flush(); error != 0) return file_.WriteFailed(error);
      zip.Begin(absl::StrCat(column.name, ".npy"));
      zip.Add(NpyHeader(DescrOf(column), rows_));
      for (off_t at = 0;;) {
        absl::StatusOr<absl::string_view> piece = spills_[i].Read(at);
        if (!piece.ok()) return piece.status();
        if (piece->empty()) break;
        zip.Add(*piece);
        at += static_cast<off_t>(piece->size());
      }
      zip.End();
      if (column.type == ColumnType::kText) {
        zip.AddWhole(absl::StrCat(column.name, "_names.npy"), NpyTexts(texts_[i].words));
      }
    }
    std::string mark_times = NpyHeader("<i8", run_->marks.size());
    std::vector<std::string> labels;
    for (const RecordedRun::Mark& mark : run_->marks) {
      mark_times.append(reinterpret_cast<const char*>(&mark.t_ns), sizeof mark.t_ns);
      labels.push_back(mark.label);
    }
    zip.AddWhole("mark_t_ns.npy", mark_times);
    zip.AddWhole("mark_label.npy", NpyTexts(labels));
    zip.AddWhole("meta.npy", NpyText(meta_));
    if (!zip.Close()) return file_.WriteFailed(errno != 0 ? errno : EIO);
    return absl::OkStatus();
  }

 private:
  struct Texts {
    int32_t Index(absl::string_view text) {
      const auto [at, is_new] = index.try_emplace(text, static_cast<int32_t>(words.size()));
      if (is_new) words.emplace_back(text);
      return at->second;
    }
    absl::flat_hash_map<std::string, int32_t> index;
    std::vector<std::string> words;
  };

  static const char* DescrOf(const Column& column) {
    if (column.type == ColumnType::kText) return "<i4";
    return column.type == ColumnType::kReal || column.may_be_absent ? "<f8" : "<i8";
  }

  OutputFile& file_;
  const RecordedRun* run_ = nullptr;
  std::string meta_;
  uint64_t rows_ = 0;
  std::vector<Spill> spills_;
  std::vector<Texts> texts_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeNpzWriter(OutputFile& file) { return std::make_unique<NpzWriter>(file); }

}  // namespace vrapl
