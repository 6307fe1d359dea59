#include "base/file.h"
#include "base/text.h"
#include "board/assets.h"
#include "board/board_context.h"

namespace graft {
namespace {

constexpr std::string_view kTokenMark = "__GRAFT_TOKEN__", kStartMark = "__GRAFT_START__";
constexpr std::size_t kMostInPage = std::size_t{64} << 10;  // of what the page begins with

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void put(std::string& text, std::string_view mark, const std::string& value) {
  if (const std::size_t at = text.find(mark); at != std::string::npos) {
    text.replace(at, mark.size(), value);
  }
}

// What random keys are made of: anything else could begin another header.
bool may_be_key(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Where the front end was not built: what is missing, how to get it, and the data as links.
std::string plain_page(BoardContext& context) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"graft-token\" content=\"" +
      context.token +
      "\">\n<title>Graft</title>\n</head>\n<body>\n<h1>Graft</h1>\n"
      "<p>This program was built without its page. To get it, install Node.js and build again: "
      "<code>./dev build</code>. The data are there already:</p>\n"
      "<ul>\n<li><a href=\"/api/status\">state</a></li>\n"
      "<li><a href=\"/api/trainings\">trainings</a></li>\n"
      "<li><a href=\"/api/runs\">runs</a></li>\n"
      "<li><a href=\"/api/zoo\">networks</a></li>\n</ul>\n<h2>Runs</h2>\n";
  const std::vector<RunInfo> runs = context.store.runs();
  if (runs.empty()) {
    out += "<p>No event files yet. Looked in:</p>\n<ul>\n";
    for (const Logdir& logdir : context.store.logdirs()) {
      out += "<li><code>" + html_escaped(printable(absolute_path(logdir.path))) + "</code></li>\n";
    }
    out += "</ul>\n<p>Train something: <code>graft retrain --image_dir=my_photos</code></p>\n";
  }
  constexpr std::size_t kListed = 500;
  for (std::size_t i = 0; i < runs.size() && i < kListed; ++i) {
    out += "<h3>" + html_escaped(runs[i].name) + "</h3>\n<ul>\n";
    const auto tags = context.store.tags(runs[i].id);
    if (tags) {
      for (const TagInfo& tag : tags->scalars) {
        std::string escaped;
        for (const char c : tag.tag) {
          constexpr std::string_view kDigits = "0123456789ABCDEF";
          const auto byte = static_cast<unsigned char>(c);
          escaped += '%';
          escaped += kDigits[byte >> 4];
          escaped += kDigits[byte & 15];
        }
        out += "<li><a href=\"/api/series?run=" + runs[i].id + "&amp;tag=" + escaped +
               "&amp;format=csv\">" + html_escaped(printable(tag.tag)) +
               "</a>: " + format_count(tag.points) + " points</li>\n";
      }
    }
    out += "</ul>\n";
  }
  return out + "</body>\n</html>\n";
}

HttpResponse html(std::string body) {
  HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(body);
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

}  // namespace

HttpResponse page_response(BoardContext& context, const HttpRequest& request) {
  const bool is_page = request.path == "/" || request.path == "/index.html";
  const auto asset = find_asset(is_page ? "/index.html" : request.path);
  if (is_page) {
    HttpResponse response;
    if (asset) {
      std::string text(asset->plain);
      put(text, kTokenMark, context.token);
      // So the first view needs no further answers. Of very many runs the page asks itself.
      const std::string start = dump_json(start_json(context), -1);
      put(text, kStartMark, start.size() > kMostInPage ? "" : html_escaped(start));
      response = html(std::move(text));
    } else {
      response = html(plain_page(context));
    }
    // From here on the cookie opens the rest.
    if (const std::string key = request.param("key"); may_be_key(key)) {
      response.headers.emplace_back("Set-Cookie",
                                    "graft_key=" + key + "; HttpOnly; SameSite=Strict; Path=/");
    }
    return response;
  }
  if (!asset) {
    return error_response(not_found(printable_start(request.path) + ": nothing is there: open /"));
  }
  HttpResponse response;
  response.content_type = asset->content_type;
  response.headers = {{"ETag", std::string(asset->etag)},
                      {"Cache-Control", "no-cache"},
                      {"Vary", "Accept-Encoding"}};
  if (request.header("if-none-match") == asset->etag) {
    response.status = 304;
    return response;
  }
  response.constant = asset->plain;
  if (request.header("accept-encoding").find("gzip") != std::string::npos &&
      asset->gzipped.size() < asset->plain.size()) {
    response.constant = asset->gzipped;
    response.headers.emplace_back("Content-Encoding", "gzip");
  }
  return response;
}

}  // namespace graft
