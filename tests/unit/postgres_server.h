// A PostgreSQL of a test's own: in a temporary folder, on a socket there and no port, as user postgres (it
// refuses to be root).
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/warehouse_samples.h"

namespace shunt::insight {

class PostgresServer {
 public:
  // Nothing: there is none to run here, for the reason given.
  static std::unique_ptr<PostgresServer> make(std::string& why_not) {
    auto server = std::unique_ptr<PostgresServer>(new PostgresServer);
    if (server->binaries_.empty()) {
      why_not = "PostgreSQL isn't installed";
      return nullptr;
    }
    if (geteuid() == 0 && server->user_ == nullptr) {
      why_not = "there is no user postgres to run it as";
      return nullptr;
    }
    if (server->user_ != nullptr &&
        chown(server->folder_.path().c_str(), server->user_->pw_uid, server->user_->pw_gid) != 0) {
      why_not = "the folder can't be given to postgres";
      return nullptr;
    }
    if (server->wait(server->spawn({"initdb", "-D", server->data(), "-U", "shunt", "-A", "trust", "--no-sync",
                                    "--locale=C", "-E", "UTF8"})) != 0 ||
        !server->start()) {
      std::ifstream log(server->folder_.file("log"));
      ADD_FAILURE() << "PostgreSQL doesn't start:\n" << log.rdbuf();
      return nullptr;
    }
    return server;
  }
  ~PostgresServer() { stop(SIGQUIT); }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  bool start() {
    process_ = spawn({"postgres", "-D", data(), "-k", folder_.path(), "-h", "", "-F", "-c",
                      "shared_buffers=16MB", "-c", "max_connections=20", "-c", "autovacuum=off"});
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (open_database({.url = url("postgres")}).ok()) return true;
      usleep(20'000);
    }
    return false;
  }
  // SIGINT: fast, as an operator stops it; SIGQUIT: at once, as in a crash.
  void stop(int signal = SIGINT) {
    if (process_ <= 0) return;
    kill(process_, signal);
    wait(std::exchange(process_, 0));
  }
  pid_t process() const { return process_; }

  std::string url(const std::string& database) const {
    return "postgresql://shunt@/" + database + "?host=" + folder_.path();
  }
  // A database for a test alone.
  DatabaseAddress make_database() {
    const std::string name = "test" + std::to_string(++databases_);
    expect_ok(opened({.url = url("postgres")})->run("CREATE DATABASE " + name));
    return {.url = url(name)};
  }

 private:
  PostgresServer() : user_(geteuid() == 0 ? getpwnam("postgres") : nullptr) {
    std::error_code ignored;
    std::vector<std::string> versions;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
      if (std::filesystem::exists(entry.path() / "bin/initdb")) versions.push_back(entry.path() / "bin");
    }
    std::sort(versions.begin(), versions.end());
    if (!versions.empty()) binaries_ = versions.back();
  }
  std::string data() const { return folder_.file("data"); }

  pid_t spawn(const std::vector<std::string>& words) {
    const pid_t process = fork();
    if (process != 0) return process;
    const int log = open(folder_.file("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (user_ != nullptr &&
        (setgroups(0, nullptr) != 0 || setgid(user_->pw_gid) != 0 || setuid(user_->pw_uid) != 0))
      _exit(3);
    dup2(log, 1);
    dup2(log, 2);
    if (chdir(folder_.path().c_str()) != 0) _exit(4);
    // By its whole path: initdb looks for postgres beside the name it was called by, else in PATH.
    const std::string program = binaries_ + "/" + words[0];
    std::vector<char*> arguments;
    for (const std::string& word : words)
      arguments.push_back(const_cast<char*>(word.c_str()));
    arguments[0] = const_cast<char*>(program.c_str());
    arguments.push_back(nullptr);
    execv(program.c_str(), arguments.data());
    _exit(5);
  }
  static int wait(pid_t process) {
    int status = 0;
    return waitpid(process, &status, 0) == process && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  Folder folder_;
  const passwd* user_;
  std::string binaries_;
  pid_t process_ = 0;
  int databases_ = 0;
};

}  // namespace shunt::insight
