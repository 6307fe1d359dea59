// For tests only: archives as nobody should write them, made with libarchive. Thread rule: one
// thread at a time.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <sys/types.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace graft {

// Writes archives that no honest tool would.
class Evil {
 public:
  enum class Format { kTarGz, kTar, kTarBz2, kZip, kPaxXz };
  explicit Evil(const std::string& path, Format format = Format::kTarGz)
      : archive_(archive_write_new()) {
    if (format == Format::kTarGz) archive_write_add_filter_gzip(archive_);
    if (format == Format::kTarBz2) archive_write_add_filter_bzip2(archive_);
    if (format == Format::kPaxXz) archive_write_add_filter_xz(archive_);
    if (format == Format::kZip) {
      archive_write_set_format_zip(archive_);
    } else if (format == Format::kPaxXz) {
      archive_write_set_format_pax(archive_);
    } else {
      archive_write_set_format_gnutar(archive_);
    }
    check(archive_write_open_filename(archive_, path.c_str()) == ARCHIVE_OK);
  }
  ~Evil() {
    archive_write_close(archive_);
    archive_write_free(archive_);
  }
  Evil(const Evil&) = delete;
  Evil& operator=(const Evil&) = delete;

  Evil& file(const std::string& name, std::string_view content, mode_t mode = 0644) {
    return entry(name, AE_IFREG, mode, content, [](archive_entry*) {});
  }
  Evil& folder(const std::string& name) {
    return entry(name, AE_IFDIR, 0755, "", [](archive_entry*) {});
  }
  Evil& symlink(const std::string& name, const std::string& target) {
    return entry(name, AE_IFLNK, 0777, "",
                 [&](archive_entry* e) { archive_entry_set_symlink(e, target.c_str()); });
  }
  Evil& hardlink(const std::string& name, const std::string& target) {
    return entry(name, AE_IFREG, 0644, "",
                 [&](archive_entry* e) { archive_entry_set_hardlink(e, target.c_str()); });
  }
  Evil& special(const std::string& name, unsigned type) {
    return entry(name, type, 0666, "", [](archive_entry*) {});
  }

 private:
  template <typename Change>
  Evil& entry(const std::string& name, unsigned type, mode_t mode, std::string_view content,
              const Change& change) {
    archive_entry* const e = archive_entry_new();
    archive_entry_set_pathname(e, name.c_str());
    archive_entry_set_filetype(e, type);
    archive_entry_set_perm(e, mode);
    archive_entry_set_size(e, static_cast<la_int64_t>(content.size()));
    change(e);
    check(archive_write_header(archive_, e) == ARCHIVE_OK);
    if (!content.empty()) {
      check(archive_write_data(archive_, content.data(), content.size()) ==
            static_cast<la_ssize_t>(content.size()));
    }
    archive_entry_free(e);
    return *this;
  }
  void check(bool written) const {
    if (!written) throw std::runtime_error(archive_error_string(archive_));
  }
  archive* archive_;
};

}  // namespace graft
