// FailureLog: what EXPECTs outside of a test say. The packet tests' harness checks accounts and buffers with
// them; here they are collected for an event's answer instead of printed.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace shunt::model {

class FailureLog {
 public:
  FailureLog() {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new Listener(failures_));
  }
  FailureLog(const FailureLog&) = delete;
  FailureLog& operator=(const FailureLog&) = delete;

  std::vector<std::string> take() { return std::exchange(failures_, {}); }

 private:
  class Listener : public testing::EmptyTestEventListener {
   public:
    explicit Listener(std::vector<std::string>& failures) : failures_(failures) {}
    void OnTestPartResult(const testing::TestPartResult& result) override {
      if (result.failed()) failures_.emplace_back(result.message());
    }

   private:
    std::vector<std::string>& failures_;
  };

  std::vector<std::string> failures_;
};

}  // namespace shunt::model
