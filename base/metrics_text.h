// Prometheus' text format 0.0.4, written for pages of ten thousand series: prometheus-cpp's own
// serializer goes through iostreams and takes several times as long. Counters, gauges and
// histograms, which is all that base/metrics.h makes. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/metrics.h"

namespace atl {

// HELP and TYPE once per family, in the order given; labels in theirs.
std::string MetricsText(const std::vector<MetricFamily>& families);

}  // namespace atl
