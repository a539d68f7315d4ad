// Contradictions: one value set so that it doesn't go with another one of the file.
#include <array>
#include <string>
#include <vector>

#include "tests/unit/config_mutants.h"

namespace shunt {
namespace {

using Blocks = std::vector<const Block*>;

template <typename Wanted>
Blocks blocks_where(const ConfigText& good, std::string_view section, const Wanted& wanted) {
  Blocks found;
  for (const Block& block : good.blocks()) {
    if (block.section == section && wanted(block)) found.push_back(&block);
  }
  return found;
}

Blocks blocks_with(const ConfigText& good, std::string_view section, std::string_view key) {
  return blocks_where(good, section, [&](const Block& block) { return block.find(key) != nullptr; });
}

const Block* some(const Blocks& blocks, Dice& dice) {
  return blocks.empty() ? nullptr : dice.pick(blocks);
}

// Two blocks in the order of the file, where `together` says that they can be.
template <typename Together>
std::optional<std::pair<const Block*, const Block*>> some_two(const Blocks& blocks, Dice& dice,
                                                              const Together& together) {
  std::vector<std::pair<const Block*, const Block*>> pairs;
  for (size_t i = 0; i < blocks.size(); ++i) {
    for (size_t k = i + 1; k < blocks.size(); ++k) {
      if (together(*blocks[i], *blocks[k])) pairs.emplace_back(blocks[i], blocks[k]);
    }
  }
  if (pairs.empty()) return std::nullopt;
  return dice.pick(pairs);
}

std::string bare(const std::string& quoted) {
  return quoted.size() < 2 ? quoted : quoted.substr(1, quoted.size() - 2);
}

// The second block's value becomes the first one's.
std::optional<Mutant> copied(const ConfigText& good, Dice& dice, std::string_view section,
                             std::string_view key, DiagnosticId id) {
  const auto two = some_two(blocks_with(good, section, key), dice, [&](const Block& a, const Block& b) {
    return a.parent == b.parent && good.value(a, key) != good.value(b, key);
  });
  if (!two) return std::nullopt;
  const std::string value = good.value(*two->first, key);
  Mutant made = with_value(good, *two->second->find(key), value, id, bare(value));
  made.alone = false;
  return made;
}

std::optional<Mutant> duplicate_name(const ConfigText& good, Dice& dice) {
  constexpr std::array<std::string_view, 4> kSections = {"port", "pool", "service", "pool.backend"};
  return copied(good, dice, dice.pick(kSections), "name", DiagnosticId::duplicate_name);
}

std::optional<Mutant> duplicate_device(const ConfigText& good, Dice& dice) {
  return copied(good, dice, "port", "device", DiagnosticId::duplicate_device);
}

std::optional<Mutant> duplicate_host_interface(const ConfigText& good, Dice& dice) {
  return copied(good, dice, "port", "host_interface", DiagnosticId::duplicate_host_interface);
}

std::optional<Mutant> duplicate_backend(const ConfigText& good, Dice& dice) {
  const auto two =
      some_two(blocks_with(good, "pool.backend", "address"), dice, [&](const Block& a, const Block& b) {
        return a.parent == b.parent && good.value(a, "port") == good.value(b, "port");
      });
  if (!two) return std::nullopt;
  const std::string value = good.value(*two->first, "address");
  Mutant made =
      with_value(good, *two->second->find("address"), value, DiagnosticId::duplicate_backend, bare(value));
  made.alone = false;  // nat: replies have two owners
  return made;
}

std::optional<Mutant> duplicate_service(const ConfigText& good, Dice& dice) {
  const auto two =
      some_two(blocks_with(good, "service", "address"), dice, [&](const Block& a, const Block& b) {
        return good.value(a, "port") == good.value(b, "port") &&
               good.value(a, "protocol") == good.value(b, "protocol") &&
               good.value(a, "address") != good.value(b, "address");
      });
  if (!two) return std::nullopt;
  const std::string value = good.value(*two->first, "address");
  Mutant made =
      with_value(good, *two->second->find("address"), value, DiagnosticId::duplicate_service, bare(value));
  made.alone = false;
  return made;
}

std::optional<Mutant> dangling_pool(const ConfigText& good, Dice& dice) {
  const std::string_view key = dice.below(3) == 0 ? "backup_pool" : "pool";
  const Block* service = some(blocks_with(good, "service", key), dice);
  if (service == nullptr) return std::nullopt;
  const KeyPlace& place = *service->find(key);
  const std::string name = bare(good.value(place)) + "-" + std::to_string(dice.below(1'000));
  Mutant made = with_value(good, place, "\"" + name + "\"", DiagnosticId::unknown_pool, name);
  made.alone = false;  // health checks may lose their port
  return made;
}

std::optional<Mutant> backup_is_pool(const ConfigText& good, Dice& dice) {
  const Block* service =
      some(blocks_where(good, "service",
                        [](const Block& block) {
                          return block.find("pool") != nullptr && block.find("backup_pool") == nullptr;
                        }),
           dice);
  if (service == nullptr) return std::nullopt;
  const std::string line = as_line(*service, "backup_pool", good.value(*service, "pool"));
  return mutant(good, service->insert_at, 0, line, DiagnosticId::backup_is_pool, service->insert_at + 14,
                "backup_pool");
}

std::optional<Mutant> backend_is_vip(const ConfigText& good, Dice& dice) {
  const Block* service =
      some(blocks_where(good, "service",
                        [&](const Block& block) {
                          return block.find("address") != nullptr &&
                                 good.value(block, "address").find('/') == std::string::npos;
                        }),
           dice);
  const Block* backend = some(blocks_with(good, "pool.backend", "address"), dice);
  if (service == nullptr || backend == nullptr) return std::nullopt;
  const std::string vip = good.value(*service, "address");
  Mutant made = with_value(good, *backend->find("address"), vip, DiagnosticId::backend_is_vip, bare(vip));
  made.alone = false;  // it may be of another family too
  return made;
}

std::string own_address(const ConfigText& good, Dice& dice) {
  const Block* port = some(blocks_with(good, "port", "addresses"), dice);
  if (port == nullptr) return {};
  const std::string list = good.value(*port, "addresses");
  const size_t begin = list.find('"');
  return begin == std::string::npos ? std::string() : list.substr(begin + 1, list.find('/') - begin - 1);
}

std::optional<Mutant> backend_is_node(const ConfigText& good, Dice& dice) {
  const std::string address = own_address(good, dice);
  const Block* backend = some(blocks_with(good, "pool.backend", "address"), dice);
  if (address.empty() || backend == nullptr) return std::nullopt;
  Mutant made = with_value(good, *backend->find("address"), "\"" + address + "\"",
                           DiagnosticId::backend_is_node_address, address);
  made.alone = false;
  return made;
}

std::optional<Mutant> vip_is_node(const ConfigText& good, Dice& dice) {
  const std::string address = own_address(good, dice);
  const Block* service = some(blocks_with(good, "service", "address"), dice);
  if (address.empty() || service == nullptr) return std::nullopt;
  Mutant made = with_value(good, *service->find("address"), "\"" + address + "\"",
                           DiagnosticId::vip_is_node_address, address);
  made.alone = false;
  return made;
}

std::optional<Mutant> addresses_alone(const ConfigText& good, Dice& dice) {
  const Block* port = some(blocks_where(good, "port",
                                        [](const Block& block) {
                                          const KeyPlace* interface = block.find("host_interface");
                                          const KeyPlace* addresses = block.find("addresses");
                                          return interface != nullptr && addresses != nullptr &&
                                                 interface->line_at < addresses->line_at;
                                        }),
                           dice);
  if (port == nullptr) return std::nullopt;
  const KeyPlace& gone = *port->find("host_interface");
  const size_t size = gone.line_end - gone.line_at;
  return mutant(good, gone.line_at, size, "", DiagnosticId::addresses_without_interface,
                port->find("addresses")->value_at - size, "addresses");
}

std::optional<Mutant> interface_is_tap(const ConfigText& good, Dice& dice) {
  const Block* port = some(blocks_where(good, "port",
                                        [&](const Block& block) {
                                          return block.find("host_interface") != nullptr &&
                                                 good.value(block, "device").starts_with("\"tap:");
                                        }),
                           dice);
  if (port == nullptr) return std::nullopt;
  const std::string name = bare(good.value(*port, "device")).substr(4);
  return with_value(good, *port->find("host_interface"), "\"" + name + "\"",
                    DiagnosticId::host_interface_is_tap, name);
}

std::optional<Mutant> no_encap_source(const ConfigText& good, Dice& dice) {
  if (good.has("port", "encap_source") || good.has("port", "encap_source6")) return std::nullopt;
  const Block* service = some(
      blocks_where(good, "service",
                   [&](const Block& block) {
                     for (const Block& backend : good.blocks()) {
                       if (backend.section == "pool.backend" && backend.parent != SIZE_MAX &&
                           good.value(good.blocks()[backend.parent], "name") == good.value(block, "pool"))
                         return block.find("forward") != nullptr;
                     }
                     return false;
                   }),
      dice);
  if (service == nullptr) return std::nullopt;
  const std::string forward = dice.pick(std::vector<std::string>{"ipip", "gue", "gre"});
  return with_value(good, *service->find("forward"), "\"" + forward + "\"", DiagnosticId::no_encap_source,
                    "encap_source");
}

std::optional<Mutant> check_outlasts_interval(const ConfigText& good, Dice& dice) {
  const Block* health = some(blocks_with(good, "pool.health", "timeout"), dice);
  if (health == nullptr) return std::nullopt;
  Mutant made = with_value(good, *health->find("timeout"), "\"" + std::to_string(10 + dice.below(50)) + "m\"",
                           DiagnosticId::timeout_over_interval, "timeout");
  made.alone = health->find("down_interval") == nullptr;
  return made;
}

// What is put in front of a block's first key, and the key or value that is refused for it.
struct Added {
  std::string_view section;
  std::string_view unless;  // a block that has this key isn't taken
  std::string_view needs;   // nor one that hasn't this one; empty: any
  std::string_view first;   // `key = value`, stands above; may be empty
  std::string_view key;
  std::string_view value;
  DiagnosticId id;
  size_t element = 0;  // the offset in the value
};

constexpr std::array kAdded = {
    Added{"service", "forward", "", "", "gue_variant", "0", DiagnosticId::gue_variant_without_gue},
    Added{"service", "hash", "pool", "scheduler = \"source-hash\"", "hash", "\"5-tuple\"",
          DiagnosticId::source_hash_of_flow},
    Added{"service", "announce", "pool", "unserved = \"punt\"", "announce", "\"route\"",
          DiagnosticId::announced_punt},
    Added{"pool", "slots", "name", "", "slots", "65_536", DiagnosticId::slots_not_prime},
    Added{"pool", "slots", "name", "", "slots", "9", DiagnosticId::slots_not_prime},
    Added{"pool.health", "send", "path", "", "send", "\"ping\"", DiagnosticId::other_health_type},
    Added{"pool.health", "query", "type", "", "query", "\".\"", DiagnosticId::other_health_type},
    Added{"pool.health", "verify", "path", "", "verify", "false", DiagnosticId::other_health_type},
    Added{"pool.discovery", "prefix", "path", "", "prefix", "\"/web/\"", DiagnosticId::discovery_other_type},
    Added{"pool.discovery", "servers", "path", "", "servers", "[]", DiagnosticId::discovery_other_type},
    Added{"api", "tls_key", "listen", "", "tls_key", "\"/etc/shunt/key.pem\"", DiagnosticId::tls_half},
    Added{"api", "tls_certificate", "listen", "", "tls_certificate", "\"/etc/shunt/tls.pem\"",
          DiagnosticId::tls_half},
    Added{"node", "no key", "name", "", "runtime_dir", "\"run/shunt\"", DiagnosticId::relative_path},
    Added{"node", "cluster_key_file", "name", "", "cluster_key_file", "\"key\"", DiagnosticId::relative_path},
    Added{"dataplane", "workers", "", "", "workers", "[]", DiagnosticId::no_workers},
    Added{"dataplane", "workers", "", "", "workers", "[1, 2, 1]", DiagnosticId::duplicate_worker, 7},
};

std::optional<Mutant> added(const ConfigText& good, Dice& dice) {
  const Added& what = dice.pick(kAdded);
  const Block* block =
      some(blocks_where(good, what.section,
                        [&](const Block& one) {
                          return one.find(what.unless) == nullptr && one.find(what.key) == nullptr &&
                                 one.find("scheduler") == nullptr && one.find("unserved") == nullptr &&
                                 (what.needs.empty() || one.find(what.needs) != nullptr);
                        }),
           dice);
  if (block == nullptr) return std::nullopt;
  const std::string above = what.first.empty() ? "" : std::string(what.first) + "\n";
  const size_t value_at = block->insert_at + above.size() + what.key.size() + 3;
  const std::string names = what.id == DiagnosticId::duplicate_worker ? "CPU 1" : std::string(what.key);
  Mutant made = mutant(good, block->insert_at, 0, above + as_line(*block, what.key, what.value), what.id,
                       value_at + what.element, names);
  made.alone = what.first.empty();  // services of one VIP differ then
  return made;
}

constexpr MutantKind kKinds[] = {
    {"name twice", duplicate_name},
    {"device twice", duplicate_device},
    {"host_interface twice", duplicate_host_interface},
    {"backend twice", duplicate_backend},
    {"service twice", duplicate_service},
    {"pool that isn't there", dangling_pool},
    {"backup_pool is the pool", backup_is_pool},
    {"backend is a VIP", backend_is_vip},
    {"backend is the node", backend_is_node},
    {"VIP is the node", vip_is_node},
    {"addresses without an interface", addresses_alone},
    {"interface is a tap", interface_is_tap},
    {"no encap_source", no_encap_source},
    {"check outlasts its interval", check_outlasts_interval},
    {"key that doesn't go with another", added},
};

}  // namespace

std::span<const MutantKind> pair_mutants() {
  return kKinds;
}

}  // namespace shunt
