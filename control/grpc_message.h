// grpc.health.v1.Health/Check in bytes: the two messages, each behind gRPC's prefix of 5 bytes.
//
// Pure. The messages have one field each (HealthCheckRequest.service, HealthCheckResponse.status), so
// protobuf's wire format is read here and no library is asked. Source: gRPC over HTTP/2 ("Length-Prefixed-
// Message"), protobuf encoding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shunt {

// `service` has less than 16 KiB.
std::string grpc_health_request(std::string_view service);

// HealthCheckResponse.status: 0 UNKNOWN (also where the field is absent), 1 SERVING, 2 NOT_SERVING, 3
// SERVICE_UNKNOWN. nullopt: not one whole, uncompressed message.
std::optional<uint64_t> grpc_health_status(std::string_view body);

}  // namespace shunt
