// Gauges of partitions, and what they become where there are too many.
#include "base/partition_family.h"

#include <catch2/catch.hpp>

namespace atl {
namespace {

// "labels value" of every series.
std::vector<std::string> Series(PartitionFamily family) {
  std::vector<MetricFamily> out;
  std::move(family).AppendTo(out);
  std::vector<std::string> lines;
  for (const MetricFamily& one : out) {
    for (const auto& series : one.metric) {
      std::string line;
      for (const auto& label : series.label) line += label.name + "=" + label.value + " ";
      lines.push_back(line + std::to_string(static_cast<int>(series.gauge.value)));
    }
  }
  return lines;
}

PartitionFamily Filled(PartitionFamily::Join join, bool by_topic) {
  PartitionFamily family("atoll_x", "X.", join, by_topic);
  family.Add({{"topic", "a"}}, PartitionId(0), 3);
  family.Add({{"topic", "a"}}, PartitionId(1), 4);
  family.Add({{"topic", "b"}}, PartitionId(0), 5);
  family.Add({{"topic", "b"}}, PartitionId(1), std::nullopt);
  family.Add({{"topic", "c"}}, PartitionId(0), std::nullopt);
  family.Add({{"topic", "c"}}, PartitionId(1), 6);
  return family;
}

TEST_CASE("Partitions have a series each, where the value is known") {
  const auto join = GENERATE(PartitionFamily::Join::kSum, PartitionFamily::Join::kMost);
  REQUIRE(Series(Filled(join, false)) ==
          std::vector<std::string>{"partition=0 topic=a 3", "partition=1 topic=a 4",
                                   "partition=0 topic=b 5", "partition=1 topic=c 6"});
}

TEST_CASE("Topics have one, if every partition's value is known") {
  REQUIRE(Series(Filled(PartitionFamily::Join::kSum, true)) ==
          std::vector<std::string>{"topic=a 7"});
  REQUIRE(Series(Filled(PartitionFamily::Join::kMost, true)) ==
          std::vector<std::string>{"topic=a 4"});
}

}  // namespace
}  // namespace atl
