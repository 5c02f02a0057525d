#include "base/metrics_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace atl {
namespace {

using Buffer = fmt::memory_buffer;
using prometheus::ClientMetric;
using prometheus::MetricType;

void Append(Buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// A quote is escaped in labels only.
void AppendEscaped(Buffer& out, std::string_view text, bool label) {
  for (const char c : text) {
    if (c == '\\') {
      Append(out, "\\\\");
    } else if (c == '\n') {
      Append(out, "\\n");
    } else if (c == '"' && label) {
      Append(out, "\\\"");
    } else {
      out.push_back(c);
    }
  }
}

void AppendValue(Buffer& out, double value) {
  if (std::isnan(value)) return Append(out, "NaN");
  if (std::isinf(value)) return Append(out, value > 0 ? "+Inf" : "-Inf");
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53: offsets and counts print as integers.
  if (std::abs(value) < kExact && value == std::trunc(value)) {
    fmt::format_to(std::back_inserter(out), "{}", static_cast<int64_t>(value));
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

class SeriesWriter {
 public:
  SeriesWriter(Buffer& out, const std::string& name) : out_(out), name_(name) {}

  // `bound`: of a histogram's bucket, its label `le`.
  void Write(const ClientMetric& series, std::string_view suffix, double value,
             const double* bound = nullptr) {
    Append(out_, name_);
    Append(out_, suffix);
    char before = '{';
    for (const ClientMetric::Label& label : series.label) {
      out_.push_back(before);
      Append(out_, label.name);
      Append(out_, "=\"");
      AppendEscaped(out_, label.value, true);
      out_.push_back('"');
      before = ',';
    }
    if (bound != nullptr) {
      out_.push_back(before);
      Append(out_, "le=\"");
      AppendValue(out_, *bound);
      out_.push_back('"');
      before = ',';
    }
    if (before == ',') out_.push_back('}');
    out_.push_back(' ');
    AppendValue(out_, value);
    out_.push_back('\n');
  }

  void WriteHistogram(const ClientMetric& series) {
    const prometheus::ClientMetric::Histogram& histogram = series.histogram;
    const auto count = static_cast<double>(histogram.sample_count);
    double last = 0;
    for (const ClientMetric::Bucket& bucket : histogram.bucket) {
      last = bucket.upper_bound;
      Write(series, "_bucket", static_cast<double>(bucket.cumulative_count), &bucket.upper_bound);
    }
    const double infinity = INFINITY;
    if (!std::isinf(last)) Write(series, "_bucket", count, &infinity);
    Write(series, "_sum", histogram.sample_sum);
    Write(series, "_count", count);
  }

 private:
  Buffer& out_;
  const std::string& name_;
};

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

}  // namespace

std::string MetricsText(const std::vector<MetricFamily>& families) {
  Buffer out;
  for (const MetricFamily& family : families) {
    Append(out, "# HELP ");
    Append(out, family.name);
    out.push_back(' ');
    AppendEscaped(out, family.help, false);
    Append(out, "\n# TYPE ");
    Append(out, family.name);
    out.push_back(' ');
    Append(out, TypeName(family.type));
    out.push_back('\n');
    SeriesWriter writer(out, family.name);
    for (const ClientMetric& series : family.metric) {
      if (family.type == MetricType::Histogram) {
        writer.WriteHistogram(series);
      } else {
        writer.Write(
            series, "",
            family.type == MetricType::Counter ? series.counter.value : series.gauge.value);
      }
    }
  }
  return fmt::to_string(out);
}

}  // namespace atl
