// read_events FILE: what our reader finds in an event file, one line an event, tab-separated:
//   scalar TAG STEP VALUE
//   histogram TAG STEP MIN MAX NUM SUM SUM_SQUARES LIMIT… BUCKET…
//   graph BYTES
// Numbers have enough digits to read back as the same value. Status 1 when the file cannot be read
// or has a damaged record.
#include <cstdio>
#include <string>

#include "summary/event_reader.h"

namespace {

void print_text(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_number(double value) {
  std::printf("\t%.17g", value);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: read_events FILE\n");
    return 2;
  }
  graft::EventHandler handler;
  handler.on_scalar = [](const graft::ScalarEvent& event) {
    print_text("scalar\t");
    print_text(event.tag);
    std::printf("\t%lld", static_cast<long long>(event.step));
    print_number(event.value);
    print_text("\n");
  };
  handler.on_histogram = [](const graft::HistogramEvent& event) {
    print_text("histogram\t");
    print_text(event.tag);
    std::printf("\t%lld", static_cast<long long>(event.step));
    const graft::Histogram& h = event.value;
    for (const double value : {h.min, h.max, h.num, h.sum, h.sum_squares}) print_number(value);
    for (const double limit : h.bucket_limit) print_number(limit);
    for (const double count : h.bucket) print_number(count);
    print_text("\n");
  };
  handler.on_graph = [](std::string_view bytes) { std::printf("graph\t%zu\n", bytes.size()); };

  graft::EventReader reader(argv[1]);
  const graft::Result<void> read = reader.poll(handler);
  if (!read.ok()) {
    std::fprintf(stderr, "read_events: %s\n", read.error().message.c_str());
    return 1;
  }
  if (reader.damaged_records() != 0) {
    std::fprintf(stderr, "read_events: %s: %llu damaged records\n", argv[1],
                 static_cast<unsigned long long>(reader.damaged_records()));
    return 1;
  }
  return 0;
}
