#include "mirror/offsets/translation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/random.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using Answer = Translation::Answer;

// "12", "yet<30", "before<5", "gap[10,20)->20", "gap[10,20)->?", "unknown"
std::string Text(const Translation& answer) {
  switch (answer.answer) {
    case Answer::kExact:
      return fmt::format("{}", answer.target.value());
    case Answer::kNotMirroredYet:
      return fmt::format("yet<{}", answer.reached.value());
    case Answer::kBeforeStart:
      return fmt::format("before<{}", answer.start.value());
    case Answer::kInGap:
      return fmt::format("gap[{},{})->{}", answer.gap.first.value(), answer.gap.end.value(),
                         answer.next == kNoOffset ? "?" : fmt::format("{}", answer.next.value()));
    case Answer::kUnknown:
      return "unknown";
  }
  return "";
}

using Table = std::vector<std::pair<int64_t, std::string>>;

void Check(const IdentityCopy& copy, const Table& rows) {
  for (const auto& [offset, expected] : rows) {
    INFO(offset);
    REQUIRE(Text(Translate(copy, Offset(offset))) == expected);
  }
}

TEST_CASE("An identity copy answers the same number once it has it", "[offsets][S5]") {
  IdentityCopy copy{.start = Offset(5), .applied_end = Offset(30), .gaps = {}, .diverged_from = {}};
  Check(copy, {{-1, "unknown"},
               {0, "before<5"},
               {4, "before<5"},
               {5, "5"},
               {29, "29"},
               {30, "30"},
               {31, "yet<30"},
               {INT64_MAX, "yet<30"}});
}

TEST_CASE("An empty copy has only its end", "[offsets][S5]") {
  IdentityCopy copy{.start = Offset(7), .applied_end = Offset(7), .gaps = {}, .diverged_from = {}};
  Check(copy, {{6, "before<7"}, {7, "7"}, {8, "yet<7"}});
}

TEST_CASE("A gap is told with its range, and where it goes on if it does", "[offsets][S5]") {
  IdentityCopy skipped{.start = Offset(20),
                       .applied_end = Offset(30),
                       .gaps = JoinRanges({{Offset(10), Offset(20)}}),
                       .diverged_from = {}};
  Check(skipped, {{9, "before<20"}, {10, "gap[10,20)->20"}, {19, "gap[10,20)->20"}, {20, "20"}});
  IdentityCopy waits = skipped;
  waits.start = Offset(0);
  waits.applied_end = Offset(10);
  Check(waits, {{9, "9"}, {10, "gap[10,20)->?"}, {19, "gap[10,20)->?"}, {20, "yet<10"}});
}

TEST_CASE("Behind a divergence nothing is known", "[offsets][S5]") {
  IdentityCopy copy{
      .start = Offset(0), .applied_end = Offset(30), .gaps = {}, .diverged_from = Offset(20)};
  Check(copy, {{19, "19"}, {20, "unknown"}, {40, "unknown"}});
}

TEST_CASE("Ranges are joined where they touch or overlap", "[offsets]") {
  const auto joined = JoinRanges({{Offset(8), Offset(9)},
                                  {Offset(1), Offset(3)},
                                  {Offset(3), Offset(5)},
                                  {Offset(4), Offset(6)},
                                  {Offset(7), Offset(7)}});
  REQUIRE(joined == std::vector<OffsetRange>{{Offset(1), Offset(6)}, {Offset(8), Offset(9)}});
}

TEST_CASE("A mapped copy answers by its extents", "[offsets][S5]") {
  const std::vector<Extent> extents = {{Offset(10), Offset(100), RecordCount(5)},
                                       {Offset(20), Offset(107), RecordCount(3)}};
  const std::vector<OffsetRange> gaps = {{Offset(30), Offset(40)}};
  const MappedCopy copy{.start = Offset(8),
                        .applied_end = Offset(25),
                        .target_start = Offset(0),
                        .target_end = Offset(120),
                        .extents = extents,
                        .gaps = gaps};
  const Table forward = {{-1, "unknown"},      {7, "before<8"}, {8, "100"},  {10, "100"},
                         {14, "104"},          {15, "107"},     {19, "107"}, {20, "107"},
                         {22, "109"},          {23, "120"},     {25, "120"}, {26, "yet<25"},
                         {30, "gap[30,40)->?"}};
  for (const auto& [offset, expected] : forward) {
    INFO(offset);
    REQUIRE(Text(Translate(copy, Offset(offset))) == expected);
  }
  const Table back = {{-1, "unknown"}, {0, "10"},   {100, "10"}, {104, "14"}, {105, "20"},
                      {106, "20"},     {109, "22"}, {110, "25"}, {120, "25"}, {121, "yet<120"}};
  for (const auto& [offset, expected] : back) {
    INFO(offset);
    REQUIRE(Text(TranslateBack(copy, Offset(offset))) == expected);
  }
}

TEST_CASE("What retention here has passed is before the start", "[offsets][S5]") {
  const std::vector<Extent> extents = {{Offset(10), Offset(100), RecordCount(5)},
                                       {Offset(20), Offset(107), RecordCount(3)}};
  const MappedCopy copy{.start = Offset(10),
                        .applied_end = Offset(23),
                        .target_start = Offset(103),
                        .target_end = Offset(110),
                        .extents = extents,
                        .gaps = {}};
  REQUIRE(Text(Translate(copy, Offset(12))) == "before<13");
  REQUIRE(Text(Translate(copy, Offset(13))) == "103");
  REQUIRE(Text(TranslateBack(copy, Offset(102))) == "before<103");
}

// One source among others: what each of its offsets became, told record by record.
struct Model {
  struct Place {
    int64_t source;
    int64_t target;
  };
  std::vector<Place> records;  // Rising.
  std::vector<Extent> extents;
  int64_t applied = 0;
  int64_t target_end = 0;

  void Step(Random& random) {
    const auto length = static_cast<int64_t>(1 + random.Below(6));
    switch (random.Below(4)) {
      case 0:  // A control batch, an aborted one, or one that was compacted away.
        applied += length;
        return;
      case 1:  // Another source's records.
        target_end += length;
        return;
      default:
        break;
    }
    for (int64_t i = 0; i < length; ++i) records.push_back({applied + i, target_end + i});
    const Extent extent{Offset(applied), Offset(target_end), RecordCount(length)};
    const bool joins = !extents.empty() && extents.back().source_end() == extent.source &&
                       extents.back().target_end() == extent.target;
    if (joins) extents.back().length += extent.length;
    if (!joins) extents.push_back(extent);
    applied += length;
    target_end += length;
  }

  int64_t TargetOf(int64_t source) const {
    const auto next = std::find_if(records.begin(), records.end(),
                                   [source](const Place& place) { return place.source >= source; });
    return next == records.end() ? target_end : next->target;
  }

  MappedCopy copy() const {
    return {.start = Offset(0),
            .applied_end = Offset(applied),
            .target_start = Offset(0),
            .target_end = Offset(target_end),
            .extents = extents,
            .gaps = {}};
  }
};

TEST_CASE("Every offset of every random mix is where its next record is", "[offsets][S5]") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Model model;
    const uint64_t steps = 1 + random.Below(40);
    for (uint64_t i = 0; i < steps; ++i) model.Step(random);
    for (int64_t offset = 0; offset <= model.applied; ++offset) {
      const Translation answer = Translate(model.copy(), Offset(offset));
      REQUIRE(answer.exact());
      REQUIRE(answer.target.value() == model.TargetOf(offset));
    }
    REQUIRE(Translate(model.copy(), Offset(model.applied + 1)).answer == Answer::kNotMirroredYet);
  }
}

TEST_CASE("Records translate back to themselves, rise, and keep their answers", "[offsets][S5]") {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Model model;
    std::map<int64_t, Offset> answers;
    for (int step = 0; step < 30; ++step) {
      model.Step(random);
      const MappedCopy copy = model.copy();
      Offset before = kNoOffset;
      for (const Model::Place& place : model.records) {
        const Translation answer = Translate(copy, Offset(place.source));
        REQUIRE(answer.exact());
        REQUIRE(answer.target > before);
        before = answer.target;
        REQUIRE(TranslateBack(copy, answer.target).target == Offset(place.source));
        REQUIRE(answers.emplace(place.source, answer.target).first->second == answer.target);
      }
      // The end for the end, both ways.
      REQUIRE(Translate(copy, copy.applied_end).target == copy.target_end);
      REQUIRE(TranslateBack(copy, copy.target_end).target == copy.applied_end);
    }
  }
}

}  // namespace
}  // namespace atl::mirror
