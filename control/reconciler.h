// Reconciler: the one desired state of this node, and the only way to change it. File, edits, applied
// configurations, rollbacks and discovery all end in reconcile(), which merges, validates, publishes,
// remembers and says so; or changes nothing and says why.
//
// Owner: the daemon; control thread only. Bound: kMaxEdits edits, History's rows and states. Cost: a merge
// (milliseconds), a compile, and a write of state_dir/edits.toml where edits changed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/change_control.h"
#include "control/desired_state.h"
#include "control/event_log.h"
#include "control/history.h"

namespace shunt {

// What the reconciler asks of the daemon.
struct ReconcilerWiring {
  // Why this configuration can't run in this process (it needs a restart).
  std::function<std::vector<std::string>(const Config&)> refusals;
  // Takes it over and publishes it, or changes nothing; the generation. `whole`: more than edits changed.
  std::function<Result<uint64_t>(const Config&, bool whole)> publish;
  std::function<const Config&()> running;
  std::function<uint64_t()> generation;
  std::function<ActiveFlows()> flows;
};

// The first desired state: the file with what edits.toml lays over it. Without a good edits.toml, or where
// the two don't go together, it is the file alone, and `notes` say why.
struct FirstState {
  DesiredState state;
  Config config;
  std::vector<std::string> notes;
};
FirstState first_state(std::shared_ptr<const ConfigSource> file, const Config& file_config,
                       const std::string& edits_path);

class Reconciler : public ChangeControl {
 public:
  Reconciler(DesiredState state, std::string edits_path, HashKey cluster_key, EventLog& events,
             ReconcilerWiring wiring);

  // The first configuration, with what sources are remembered to have said before the start.
  Config begin(Discovered discovered);
  // The first publication.
  void started(uint64_t generation);
  // A publication that nobody asked for: `what` was observed.
  void observed(uint64_t generation, const std::string& what) { history_.observe(generation, what); }

  // The file was read again.
  ChangeAnswer reload(const LoadResult& loaded, const std::string& who);
  // What pools' sources say now. `what`: for the history: "pool web: 2 backends added by dns".
  ChangeAnswer discovered(Discovered now, const std::string& what);

  // Another scheduler of one service, or of all where `service` is empty; until the file is read again.
  ChangeAnswer set_scheduler(const std::string& service, const std::string& scheduler,
                             const std::string& who);
  // Of the last change of the desired state.
  uint64_t desired_generation() const { return history_.changed(); }

  DiffAnswer diff(const std::optional<NamedText>& text) override;
  ChangeAnswer apply(const NamedText& text, const std::string& who) override;
  ChangeAnswer rollback(uint64_t generation, const std::string& who) override;
  ChangeAnswer edit(const BackendName& name, const EditValue& value, const std::string& who) override;
  ChangeAnswer forget(const std::optional<BackendName>& name, const std::string& who) override;
  ChangeAnswer save(const std::string& who) override;
  EditsAnswer edits() override;
  std::vector<HistoryRow> history() override { return history_.rows(); }

  const DesiredState& state() const { return state_; }
  // Of what discovery says now.
  const std::vector<RefusedBackend>& refused() const { return refused_; }

 private:
  // All or nothing. `whole`: see ReconcilerWiring.
  ChangeAnswer reconcile(DesiredState next, Discovered discovered, Cause cause, bool whole);
  ChangeAnswer refuse(Refusal refusal, const Cause& cause, const std::string& text,
                      std::vector<std::string> errors = {});
  DesiredState with_text(std::shared_ptr<const ConfigSource> source, const std::string& who) const;
  void say_refused(std::vector<RefusedBackend> refused, ChangeAnswer& answer);
  void say_dropped(const std::vector<DroppedEdit>& dropped, ChangeAnswer& answer);
  void store(ChangeAnswer& answer);

  DesiredState state_;
  Discovered discovered_;
  std::vector<RefusedBackend> refused_;
  std::string edits_path_;
  std::string stored_;  // the text of edits.toml; empty: there is none
  HashKey cluster_key_;
  EventLog& events_;
  ReconcilerWiring wiring_;
  History history_;
};

}  // namespace shunt
