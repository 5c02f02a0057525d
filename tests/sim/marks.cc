#include "tests/sim/marks.h"

#include <array>

namespace atl::sim {

std::string_view MarkName(Mark mark) {
  static constexpr std::array<std::string_view, kMarkCount> kNames{
      "three regions",
      "crash that kept unsynced bytes",
      "crash that lost unsynced bytes",
      "crash that tore unsynced bytes",
      "crash inside a file operation",
      "crash inside a store operation",
      "crash at a failpoint",
      "crash with appends under way",
      "clean restart",
      "failed sync",
      "failed read",
      "full disk",
      "failed store write",
      "store rolled back",
      "epoch raised after an unclean stop",
      "acknowledged batch",
      "retry answered as a duplicate",
      "lost message",
      "cut link",
      "answer of an old attempt",
      "silent source shown",
      "answer that ends inside its first batch",
      "poisoned answer",
      "mirror halted",
      "other mirrors caught up beside a stopped one",
      "gap that stopped a mirror",
      "gap skipped by policy",
      "gap skipped by an operator",
      "mirror that begins elsewhere than at 0",
      "source that starts inside a batch",
      "DeleteRecords",
      "retention",
      "log start followed",
      "another generation",
      "retired mirror",
      "paused mirror",
      "failed apply",
      "second segment",
      "several jobs in one turn",
      "caught up",
      "planned move",
      "forced move",
      "acknowledged record cut off by a forced move",
      "owner followed by its epoch",
      "tail set aside and truncated",
      "planned move rolled back",
      "move resumed after a crash",
      "move lost to a higher epoch",
      "two regions accept",
      "paused region",
      "jump of the calendar's clock",
      "producer that went on in another region",
      "held topic adopted by an operator",
      "group that went on in another region",
      "group's offset moved to the cut",
      "planned move that could not place its groups",
  };
  return kNames[static_cast<size_t>(mark)];
}

}  // namespace atl::sim
