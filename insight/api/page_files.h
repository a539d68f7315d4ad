// PageFiles: the page's files, read once at the start and handed out from memory, compressed where the
// browser takes that.
//
// Owner: the server's thread. Only what lies in the folder at the start is ever answered, by its exact path,
// so no path can lead out of it; links are not followed. Bound: 2,000 files, 32 MiB together; what is beyond
// is an error at the start.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/result.h"
#include "http/api_message.h"

namespace shunt::insight {

class PageFiles {
 public:
  static constexpr size_t kMostFiles = 2'000;
  static constexpr uint64_t kMostBytes = 32U << 20U;

  // `dir`: "" for none, and then there is a text that says how to build the page.
  static Result<PageFiles> load(const std::string& dir);
  // Where the page lies for a program at this path: beside an installation or a build folder; "" for nowhere.
  static std::string find_beside(const std::string& program);

  // 200, 304 or 404. A path that is no file and has no dot in its last part is the page's own: index.html.
  ApiResponse answer(const ApiCall& call) const;
  size_t size() const { return files_.size(); }

 private:
  struct File {
    std::string type;
    std::string tag;          // an ETag in its quotes
    bool is_lasting = false;  // its name has a hash of what is in it
    std::shared_ptr<const std::string> plain;
    std::shared_ptr<const std::string> gzip;  // nullptr: not worth it
  };
  static Result<File> read(const std::string& path, const std::string& name);
  ApiResponse answer_file(const File& file, const ApiCall& call) const;

  std::map<std::string, File> files_;  // by path: "/assets/index-3f9a.js"
};

}  // namespace shunt::insight
