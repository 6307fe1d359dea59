// Errors as values. Anything that the outside world can cause (a file, a photo, a model, an option)
// is a Result; checks that abort are for programmer mistakes only. Thread rule: plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace graft {

// What a caller can do about it, not where it came from.
enum class ErrorKind {
  kNotFound,         // the named thing is not there: give another name or get it
  kCorrupt,          // the bytes are not what they claim to be: get a good copy
  kUnsupported,      // well formed, but beyond what this program does
  kInvalidArgument,  // the request itself is wrong: correct the option
  kIo,               // the operating system refused: disk, permission, network
  kCancelled,        // the caller asked to stop: nothing is wrong
};

// message reads "subject: cause: what to do", on one line, without a trailing full stop or newline.
struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string message;
};

inline Error not_found(std::string m) {
  return {ErrorKind::kNotFound, std::move(m)};
}
inline Error corrupt(std::string m) {
  return {ErrorKind::kCorrupt, std::move(m)};
}
inline Error unsupported(std::string m) {
  return {ErrorKind::kUnsupported, std::move(m)};
}
inline Error invalid_argument(std::string m) {
  return {ErrorKind::kInvalidArgument, std::move(m)};
}
inline Error io_error(std::string m) {
  return {ErrorKind::kIo, std::move(m)};
}
inline Error cancelled(std::string m) {
  return {ErrorKind::kCancelled, std::move(m)};
}

// Either a T or an Error. Implicit from both, so that `return value;` and `return corrupt("…");`
// read alike. value() and error() require the matching state (checked with assertions on).
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  bool failed_ = false;
  Error error_;
};

// The same error with its subject put before the message: "tulips/a.jpg: " + "truncated JPEG".
inline Error with_context(std::string_view subject, Error error) {
  error.message = std::string(subject) + ": " + error.message;
  return error;
}

}  // namespace graft

#define GRAFT_CONCAT_INNER(a, b) a##b
#define GRAFT_CONCAT(a, b) GRAFT_CONCAT_INNER(a, b)

// GRAFT_TRY(expr): returns the error of a Result<void> (or any Result whose value is not needed).
#define GRAFT_TRY(expr)                                                     \
  do {                                                                      \
    auto graft_try_result = (expr);                                         \
    if (!graft_try_result.ok()) return std::move(graft_try_result).error(); \
  } while (false)

// GRAFT_ASSIGN(auto x, expr): x = the value, or returns the error.
#define GRAFT_ASSIGN(declaration, expr) \
  GRAFT_ASSIGN_IMPL(GRAFT_CONCAT(graft_result_, __LINE__), declaration, expr)
#define GRAFT_ASSIGN_IMPL(temp, declaration, expr) \
  auto temp = (expr);                              \
  if (!temp.ok()) return std::move(temp).error();  \
  declaration = std::move(temp).value()
