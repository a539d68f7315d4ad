#include "control/reconciler.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "control/config_patch.h"
#include "control/durable_file.h"
#include "control/edits_file.h"
#include "control/option_rows.h"

namespace shunt {
namespace {

using Clock = std::chrono::system_clock;

constexpr const char* kDiscovery = "discovery";

std::vector<std::string> texts_of(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> texts;
  for (const Diagnostic& diagnostic : diagnostics)
    texts.push_back(diagnostic.text());
  return texts;
}

std::string counted(size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

StoredEdits stored_of(const DesiredState& state) {
  StoredEdits stored{state.edits, std::nullopt};
  if (state.applied) {
    const AppliedConfig& applied = *state.applied;
    stored.applied = {applied.source->file, applied.source->text, applied.replaced_digest, applied.who,
                      applied.at};
  }
  return stored;
}

bool nothing_stored(const DesiredState& state) {
  return state.edits.empty() && !state.applied;
}

std::string verb_of(const BackendName& name, const EditValue& value) {
  if (const auto* weight = std::get_if<uint16_t>(&value))
    return "weight " + name.text() + " " + std::to_string(*weight);
  switch (std::get<AdminState>(value)) {
    case AdminState::draining:
      return "drain " + name.text();
    case AdminState::disabled:
      return "disable " + name.text();
    case AdminState::enabled:
      break;
  }
  return "enable " + name.text();
}

std::string dropped_text(const DroppedEdit& dropped) {
  return dropped.edit.name.text() + " " + dropped.edit.text() + " (by " + dropped.edit.who +
         "): " + dropped.why;
}

// The desired state of edits.toml over `file`; an applied configuration that doesn't hold is left out.
DesiredState with_stored(std::shared_ptr<const ConfigSource> file, StoredEdits stored,
                         std::vector<std::string>& notes) {
  DesiredState state{std::move(file), nullptr, std::move(stored.edits)};
  if (!stored.applied) return state;
  const LoadResult loaded = load_config_text(stored.applied->text, stored.applied->file);
  if (!loaded.source) {
    notes.push_back("the applied configuration is left out: " + loaded.errors.front().text());
    return state;
  }
  state.applied = std::make_shared<const AppliedConfig>(
      AppliedConfig{loaded.source, stored.applied->replaced_digest, stored.applied->who, stored.applied->at});
  std::string note;
  state = with_file(state, state.file, note);
  if (!note.empty()) notes.push_back(note);
  return state;
}

}  // namespace

FirstState first_state(std::shared_ptr<const ConfigSource> file, const Config& file_config,
                       const std::string& edits_path) {
  FirstState first{{file, nullptr, {}}, file_config, {}};
  const auto text = read_if_there(edits_path, kMaxEditsFile);
  if (text && !text.value()) return first;
  const auto stored = text ? parse_edits(*text.value(), edits_path) : Result<StoredEdits>(text.error());
  if (!stored) {
    // Kept for whoever wants to look; the next edit must not write over it.
    const std::string aside = edits_path + ".refused";
    const bool moved = std::rename(edits_path.c_str(), aside.c_str()) == 0;
    first.notes.push_back(stored.error().text() + "; starting without edits" +
                          (moved ? ", it is kept as " + aside : ""));
    return first;
  }
  DesiredState state = with_stored(file, stored.value(), first.notes);
  Merge merged = merge(state, {});
  for (const DroppedEdit& dropped : merged.dropped)
    first.notes.push_back("edit dropped: " + dropped_text(dropped));
  state.edits = std::move(merged.edits);
  first.state = std::move(state);
  first.config = std::move(merged.config);
  return first;
}

Reconciler::Reconciler(DesiredState state, std::string edits_path, HashKey cluster_key, EventLog& events,
                       ReconcilerWiring wiring)
    : state_(std::move(state)),
      edits_path_(std::move(edits_path)),
      cluster_key_(cluster_key),
      events_(events),
      wiring_(std::move(wiring)) {
  if (auto text = read_if_there(edits_path_, kMaxEditsFile); text && text.value()) stored_ = *text.value();
}

Config Reconciler::begin(Discovered discovered) {
  discovered_ = std::move(discovered);
  Merge merged = merge(state_, discovered_);
  state_.edits = std::move(merged.edits);
  ChangeAnswer answer;
  say_refused(std::move(merged.refused), answer);
  say_dropped(merged.dropped, answer);
  return std::move(merged.config);
}

void Reconciler::started(uint64_t generation) {
  const Config& config = wiring_.running();
  history_.change(generation, {"file", "start"},
                  counted(config.services.size(), "service") + ", " + counted(config.pools.size(), "pool") +
                      (state_.edits.empty() ? "" : ", " + counted(state_.edits.size(), "edit")) +
                      (state_.applied ? ", as applied by " + state_.applied->who : ""),
                  {}, state_);
  ChangeAnswer answer;
  store(answer);  // edits that didn't hold at start are gone from the file too
}

ChangeAnswer Reconciler::refuse(Refusal refusal, const Cause& cause, const std::string& text,
                                std::vector<std::string> errors) {
  ChangeAnswer answer;
  answer.refusal = refusal;
  answer.generation = wiring_.generation();
  answer.text = text;
  answer.errors = std::move(errors);
  const std::string& first = answer.errors.empty() ? text : answer.errors.front();
  events_.add("change.refused", cause.why, "by " + cause.who + ": " + first);
  return answer;
}

ChangeAnswer Reconciler::reconcile(DesiredState next, Discovered discovered, Cause cause, bool whole) {
  Merge merged = merge(next, discovered);
  if (auto reasons = wiring_.refusals(merged.config); !reasons.empty())
    return refuse(Refusal::invalid, cause, "the configuration is refused", std::move(reasons));
  const Plan plan = compare(wiring_.running(), merged.config);
  // What discovery says is no news where an edit, the file or the rules make nothing else of it.
  const bool is_news = cause.who != kDiscovery || !plan.empty();
  const auto published =
      is_news ? wiring_.publish(merged.config, whole) : Result<uint64_t>(wiring_.generation());
  if (!published)
    return refuse(Refusal::conflict, cause, "the configuration is refused", {published.error().text()});
  next.edits = std::move(merged.edits);
  state_ = std::move(next);
  discovered_ = std::move(discovered);
  ChangeAnswer answer;
  answer.generation = published.value();
  answer.text = plan.summary();
  say_refused(std::move(merged.refused), answer);
  say_dropped(merged.dropped, answer);
  store(answer);
  if (!is_news) return answer;
  events_.add("change.published", cause.why,
              "generation " + std::to_string(answer.generation) + " by " + cause.who + ": " + answer.text);
  history_.change(answer.generation, std::move(cause), answer.text, plan.lines(), state_);
  return answer;
}

// Each once, for as long as it lasts.
void Reconciler::say_refused(std::vector<RefusedBackend> refused, ChangeAnswer& answer) {
  for (const RefusedBackend& backend : refused) {
    if (std::ranges::find(refused_, backend) != refused_.end()) continue;
    answer.warnings.push_back(backend.text());
    events_.add("discovery.refused", backend.pool + "/" + backend.backend, backend.reason);
  }
  refused_ = std::move(refused);
}

void Reconciler::say_dropped(const std::vector<DroppedEdit>& dropped, ChangeAnswer& answer) {
  for (const DroppedEdit& each : dropped) {
    answer.warnings.push_back("edit dropped: " + dropped_text(each));
    events_.add("edit.dropped", each.edit.name.text(),
                each.edit.text() + " (by " + each.edit.who + "): " + each.why);
  }
}

// What is published stays published when the disk is full; it is then said that it won't outlive a restart.
void Reconciler::store(ChangeAnswer& answer) {
  const std::string text = nothing_stored(state_) ? std::string() : edits_text(stored_of(state_));
  if (text == stored_) return;
  Result<> written = Ok{};
  if (!text.empty()) {
    written = write_durably(edits_path_, text);
  } else if (unlink(edits_path_.c_str()) != 0 && errno != ENOENT) {
    written = Error{edits_path_, std::strerror(errno)};
  }
  if (written) {
    stored_ = text;
    return;
  }
  const std::string why = written.error().text() + "; edits won't be there after a restart";
  answer.warnings.push_back(why);
  events_.add("edits.unsaved", edits_path_, why);
}

ChangeAnswer Reconciler::reload(const LoadResult& loaded, const std::string& who) {
  const Cause cause{who, "reload"};
  if (!loaded.source) {
    ChangeAnswer refused =
        refuse(Refusal::invalid, cause, "the configuration is refused", texts_of(loaded.errors));
    refused.warnings = texts_of(loaded.warnings);
    return refused;
  }
  std::string note;
  const bool had_applied = state_.applied != nullptr;
  const std::string subject = state_.file->file;
  DesiredState next = with_file(state_, loaded.source, note);
  if (had_applied && next.applied)
    note = "the file is unchanged, so what " + next.applied->who +
           " applied goes on (`shuntctl forget --all` ends it)";
  ChangeAnswer answer = reconcile(std::move(next), discovered_, cause, true);
  if (!note.empty()) answer.warnings.push_back(note);
  if (answer.accepted() && had_applied && !state_.applied) events_.add("edit.dropped", subject, note);
  for (std::string& warning : texts_of(loaded.warnings))
    answer.warnings.push_back(std::move(warning));
  return answer;
}

ChangeAnswer Reconciler::discovered(Discovered now, const std::string& what) {
  return reconcile(state_, std::move(now), {kDiscovery, what}, false);
}

// The file's own text needs no applying.
DesiredState Reconciler::with_text(std::shared_ptr<const ConfigSource> source, const std::string& who) const {
  DesiredState next = state_;
  next.applied.reset();
  next.schedulers.clear();
  if (source->digest == state_.file->digest) return next;
  next.applied = std::make_shared<const AppliedConfig>(
      AppliedConfig{std::move(source), state_.file->digest, who, Clock::now()});
  return next;
}

DiffAnswer Reconciler::diff(const std::optional<NamedText>& text) {
  DiffAnswer answer;
  answer.generation = wiring_.generation();
  const LoadResult loaded =
      text ? load_config_text(text->text, text->name) : load_config_file(state_.file->file);
  answer.warnings = texts_of(loaded.warnings);
  answer.errors = texts_of(loaded.errors);
  answer.refusal = Refusal::invalid;
  if (!loaded.source) return answer;
  std::string note;
  const DesiredState next = text ? with_text(loaded.source, "") : with_file(state_, loaded.source, note);
  if (!note.empty()) answer.warnings.push_back(note);
  const Merge merged = merge(next, discovered_);
  for (const RefusedBackend& refused : merged.refused)
    answer.warnings.push_back(refused.text());
  for (const DroppedEdit& dropped : merged.dropped)
    answer.warnings.push_back("edit would be dropped: " + dropped_text(dropped));
  answer.errors = wiring_.refusals(merged.config);
  if (!answer.errors.empty()) return answer;
  answer.refusal = Refusal::none;
  answer.plan = make_plan(wiring_.running(), merged.config, cluster_key_, wiring_.flows());
  return answer;
}

ChangeAnswer Reconciler::apply(const NamedText& text, const std::string& who) {
  const Cause cause{who, "apply " + text.name};
  const LoadResult loaded = load_config_text(text.text, text.name);
  if (!loaded.source) {
    ChangeAnswer refused =
        refuse(Refusal::invalid, cause, "the configuration is refused", texts_of(loaded.errors));
    refused.warnings = texts_of(loaded.warnings);
    return refused;
  }
  ChangeAnswer answer = reconcile(with_text(loaded.source, who), discovered_, cause, true);
  for (std::string& warning : texts_of(loaded.warnings))
    answer.warnings.push_back(std::move(warning));
  return answer;
}

ChangeAnswer Reconciler::rollback(uint64_t generation, const std::string& who) {
  const Cause cause{who, "rollback to " + std::to_string(generation)};
  const auto then = history_.state_at(generation);
  if (!then) {
    return refuse(
        Refusal::unknown, cause,
        "generation " + std::to_string(generation) + " isn't kept; there are " + history_.kept_text());
  }
  DesiredState next =
      with_text(then->applied ? then->applied->source : then->file, then->applied ? then->applied->who : who);
  next.edits = then->edits;
  next.schedulers = then->schedulers;
  return reconcile(std::move(next), discovered_, cause, true);
}

ChangeAnswer Reconciler::edit(const BackendName& name, const EditValue& value, const std::string& who) {
  const Cause cause{who, verb_of(name, value)};
  const auto base = base_backend(state_, discovered_, name);
  if (!base) return refuse(Refusal::unknown, cause, "there is no backend " + name.text());
  Edit edit;
  edit.name = name;
  edit.address = base->config.address;
  edit.port = base->config.port;
  edit.discovered = base->discovered;
  edit.replaced_weight = base->config.weight;
  edit.who = who;
  edit.at = Clock::now();
  bool as_configured = false;
  if (const auto* weight = std::get_if<uint16_t>(&value)) {
    edit.weight = *weight;
    as_configured = *weight == base->config.weight;
  } else {
    edit.kind = EditKind::admin;
    edit.admin = std::get<AdminState>(value);
    as_configured = edit.admin == base->config.admin;
  }
  DesiredState next = state_;
  if (as_configured) {
    next.edits.erase(key_of(edit));
  } else {
    next.edits.insert_or_assign(key_of(edit), edit);
  }
  if (next.edits.size() > kMaxEdits)
    return refuse(Refusal::conflict, cause,
                  "there are " + std::to_string(kMaxEdits) + " edits: save or forget some");
  return reconcile(std::move(next), discovered_, cause, false);
}

ChangeAnswer Reconciler::set_scheduler(const std::string& service, const std::string& scheduler,
                                       const std::string& who) {
  const Cause cause{who, "scheduler " + scheduler + (service.empty() ? " everywhere" : " of " + service)};
  const std::span<const Choice> choices = find_option("service", "scheduler")->choices;
  const auto choice = std::ranges::find(choices, scheduler, &Choice::name);
  if (choice == choices.end() || !choice->supported)
    return refuse(Refusal::unknown, cause, "there is no scheduler " + scheduler);
  DesiredState next = state_;
  for (const ServiceConfig& each : state_.source().config.services) {
    if (service.empty() || each.name == service)
      next.schedulers[each.name] = static_cast<Scheduler>(choice->value);
  }
  return reconcile(std::move(next), discovered_, cause, false);
}

ChangeAnswer Reconciler::forget(const std::optional<BackendName>& name, const std::string& who) {
  const Cause cause{who, "forget " + (name ? name->text() : std::string("all"))};
  DesiredState next = state_;
  if (name) {
    const size_t forgotten =
        std::erase_if(next.edits, [&](const auto& entry) { return entry.first.name == *name; });
    if (forgotten == 0) return refuse(Refusal::unknown, cause, "there is no edit of " + name->text());
  } else {
    next.edits.clear();
    next.applied.reset();
    next.schedulers.clear();
  }
  return reconcile(std::move(next), discovered_, cause, !name);
}

ChangeAnswer Reconciler::save(const std::string& who) {
  const Cause cause{who, "save"};
  const std::string path = state_.file->file;
  const LoadResult on_disk = load_config_file(path);
  if (!on_disk.source || on_disk.source->digest != state_.file->digest) {
    return refuse(
        Refusal::conflict, cause,
        path + " isn't what it was when it was read: reload it first, so that nothing of it is lost");
  }
  std::vector<Edit> weights;
  for (const auto& [key, edit] : state_.edits) {
    if (edit.kind == EditKind::weight && !edit.discovered) weights.push_back(edit);
  }
  const auto text = patch_weights(state_.source(), weights);
  if (!text) return refuse(Refusal::conflict, cause, text.error().text());
  LoadResult patched = load_config_text(text.value(), path);
  if (!patched.source)
    return refuse(Refusal::conflict, cause, "what would be written is refused", texts_of(patched.errors));
  ChangeAnswer answer;
  answer.generation = wiring_.generation();
  if (text.value() != state_.file->text) {
    if (auto written = write_durably(path, text.value()); !written)
      return refuse(Refusal::conflict, cause, written.error().text());
  }
  const bool applied = state_.applied != nullptr;
  state_.file = patched.source;
  state_.applied.reset();
  for (const Edit& edit : weights)
    state_.edits.erase(key_of(edit));
  answer.text = path + (text.value() == on_disk.source->text ? " says it all already"
                        : applied                            ? " is now what was applied"
                                  : " has " + counted(weights.size(), "new weight"));
  if (!state_.edits.empty()) {
    answer.warnings.push_back(
        counted(state_.edits.size(), "edit") +
        " can't stand in the file (draining, disabled, or of a discovered backend), and "
        "go on as edits");
  }
  if (!state_.schedulers.empty()) {
    answer.warnings.push_back("schedulers that were set aren't written (" +
                              counted(state_.schedulers.size(), "service") +
                              "): they go on until the file is read again");
  }
  events_.add("edits.saved", path, "by " + who + ": " + answer.text);
  store(answer);
  return answer;
}

EditsAnswer Reconciler::edits() {
  EditsAnswer answer;
  for (const auto& [key, edit] : state_.edits)
    answer.edits.push_back({edit, !base_backend(state_, discovered_, edit.name)});
  if (state_.applied) {
    answer.applied_name = state_.applied->source->file;
    answer.applied_who = state_.applied->who;
    answer.applied_at = state_.applied->at;
  }
  return answer;
}

}  // namespace shunt
